"""What a user asks of the overlay: no edges, filled boxes, colours of letters and plates, the clock."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sightline.errors import UsageError
from sightline.overlays.boxes import BoxOverlay
from sightline.overlays.canvas import Canvas
from sightline.overlays.colors import parse
from sightline.types import FrameResult, Picture, PixelLayout
from tests.overlays.test_box_overlay import PLAIN, drawn, picture_of, result_of

LAYOUTS = [PixelLayout.I420, PixelLayout.RGB]
WORDS: dict[str, Any] = {"traces": False, "boxes": False, "text_px": 24}


def result() -> FrameResult:
    return result_of(320, 180, [(100, 60, 200, 120)])


def pixels(picture: Picture) -> set[tuple[int, ...]]:
    """The stored forms of all colours, luma and chroma of I420 at the even places."""
    if picture.layout is PixelLayout.RGB:
        return {tuple(c) for c in picture.planes[0].reshape(-1, 3).tolist()}
    luma, u, v = picture.planes
    return set(zip(luma[::2, ::2].ravel().tolist(), u.ravel().tolist(), v.ravel().tolist(), strict=True))


def test_no_edges_but_words() -> None:
    bare, worded = picture_of(320, 180), picture_of(320, 180)
    BoxOverlay(boxes=False, **PLAIN)(bare, result())
    assert not drawn(bare).any()
    BoxOverlay(**WORDS)(worded, result())
    assert drawn(worded)[30:60, 100:180].mean() > 0.5
    assert not drawn(worded)[64:118, 104:196].any()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_box_is_filled_as_strongly_as_its_colour_says(layout: PixelLayout) -> None:
    picture = picture_of(320, 180, layout)
    BoxOverlay(fills={"person": "#ff000080", "car": "#00ff00"}, boxes=False, **PLAIN)(picture, result())
    want = np.zeros((180, 320), bool)
    want[60:120, 100:200] = True
    changed = drawn(picture)
    assert np.array_equal(changed.any(-1) if changed.ndim == 3 else changed, want)
    ink = np.array(Canvas(picture).ink((255, 0, 0)))
    before = np.array((100, 100, 100) if layout is PixelLayout.RGB else (100, 128, 128))
    if layout is PixelLayout.RGB:
        seen = picture.planes[0][90, 150].tolist()
    else:
        seen = [int(plane[90 >> s, 150 >> s]) for plane, s in zip(picture.planes, (0, 1, 1), strict=True)]
    assert np.abs(np.array(seen) - (before + (ink - before) * 128 / 255)).max() <= 1


@pytest.mark.parametrize("layout", LAYOUTS)
def test_letters_and_plates_have_the_colours_that_are_asked_for(layout: PixelLayout) -> None:
    picture = picture_of(320, 180, layout)
    BoxOverlay(text_color="#ffff00", plate_color="#0000ff", **WORDS)(picture, result())
    canvas = Canvas(picture)
    seen = pixels(picture)
    assert {canvas.ink(parse("#ffff00")), canvas.ink(parse("#0000ff"))} <= seen
    plain = picture_of(320, 180, layout)
    BoxOverlay(**WORDS)(plain, result())
    assert canvas.ink(parse("#0000ff")) not in pixels(plain)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_picture_is_seen_through_a_plate(layout: PixelLayout) -> None:
    """Between letters half of the picture stays; a plate of no opacity leaves letters alone."""
    canvas = Canvas(picture_of(320, 180, layout))
    back, front = np.array(canvas.ink((0, 0, 0)), float), canvas.ink((255, 255, 255))
    before = np.array((100, 100, 100) if layout is PixelLayout.RGB else (100, 128, 128))
    for opacity, hexed in ((0.0, "00"), (128 / 255, "80")):
        picture = picture_of(320, 180, layout)
        BoxOverlay(text_color="#ffffff", plate_color=f"#000000{hexed}", **WORDS)(picture, result())
        want = before + (back - before) * opacity
        close = [c for c in pixels(picture) if np.abs(np.array(c) - want).max() <= 1]
        assert close
        assert front in pixels(picture)
        assert (drawn(picture).mean() < 0.02) == (opacity == 0)


def test_letters_that_stand_half_outside() -> None:
    picture = picture_of(60, 60, PixelLayout.RGB)
    canvas = Canvas(picture)
    tile, share = np.full((20, 40, 3), 200, np.uint8), np.full((20, 40), 128, np.uint8)
    for x, y in ((-30, -10), (40, 50), (-50, 0), (0, 70)):
        canvas.lay(x, y, (tile,), share)
    assert picture.planes[0][5, 5, 0] == picture.planes[0][55, 55, 0] == 150
    assert (picture.planes[0] != 100).sum() == 3 * (10 * 10 + 10 * 20)


def clock(**options: Any) -> Picture:
    picture = picture_of(320, 180)
    asked = result_of(320, 180, [])
    asked = replace(asked, frame=replace(asked.frame, wall_ns=1_700_000_000_000_000_000))
    BoxOverlay(clock=True, **options)(picture, asked)
    return picture


def test_the_clock_stands_where_it_is_asked_for() -> None:
    assert not drawn(picture_of(320, 180)).any()
    here = drawn(clock(clock_at=(40, 60), clock_px=16))
    rows, columns = np.flatnonzero(here.any(1)), np.flatnonzero(here.any(0))
    assert 60 <= rows[0] < 68
    assert rows[-1] < 84
    assert 40 <= columns[0] < 48
    assert columns[-1] > 140
    larger = drawn(clock(clock_at=(40, 60), clock_px=24))
    assert np.flatnonzero(larger.any(0))[-1] > columns[-1] + 30


def test_the_clock_has_its_colour_and_stays_inside() -> None:
    far = clock(clock_at=(800, 820), clock_color="#ff0000")
    assert drawn(far)[160:, 150:].any()
    red = np.array(Canvas(far).ink((255, 0, 0)))
    assert min(np.abs(np.array(c) - red).max() for c in pixels(far)) < 12


@pytest.mark.parametrize(
    "options",
    [{"text_color": "white"}, {"plate_color": "#12"}, {"fills": {"car": "red"}}, {"clock_color": ""}, {"clock_px": -1}],
)
def test_what_is_no_colour(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        BoxOverlay(**options)
