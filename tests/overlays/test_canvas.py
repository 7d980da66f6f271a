"""Drawing on planes: what changes, what does not, and that I420 and RGB agree."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from sightline.overlays.canvas import Canvas, fixed
from sightline.overlays.text import TextTiles
from sightline.types import ColorMatrix, Picture, PixelLayout

RED = (230, 30, 40)


def i420(w: int, h: int, luma: int = 100) -> Picture:
    half = ((h + 1) // 2, (w + 1) // 2)
    planes = np.full((h, w), luma, np.uint8), np.full(half, 128, np.uint8), np.full(half, 128, np.uint8)
    return Picture(planes, PixelLayout.I420, ColorMatrix.BT709)


def rgb(w: int, h: int) -> Picture:
    return Picture((np.full((h, w, 3), 100, np.uint8),), PixelLayout.RGB)


def changed(plane: np.ndarray, untouched: int) -> np.ndarray:
    return plane != untouched if plane.ndim == 2 else (plane != untouched).any(2)


places = st.integers(-40, 80)


@given(st.integers(1, 41), st.integers(1, 33), places, places, places, places)
def test_a_rectangle_is_exactly_that(w: int, h: int, x1: int, y1: int, x2: int, y2: int) -> None:
    want = np.zeros((h, w), bool)
    want[max(0, y1) : max(0, y2), max(0, x1) : max(0, x2)] = True
    for picture in (i420(w, h), rgb(w, h)):
        canvas = Canvas(picture)
        canvas.fill(x1, y1, x2, y2, canvas.ink(RED))
        assert np.array_equal(changed(picture.planes[0], 100), want)
        if canvas.planar:
            padded = np.pad(want, ((0, h % 2), (0, w % 2)))
            coarse = padded.reshape((h + 1) // 2, 2, (w + 1) // 2, 2).any((1, 3))
            assert np.array_equal(changed(picture.planes[1], 128), coarse)
            assert np.array_equal(changed(picture.planes[2], 128), coarse)


@given(st.integers(1, 60), st.integers(1, 40), st.integers(-30, 70), st.integers(-30, 70))
def test_a_tile_is_cut_at_the_edges(w: int, h: int, x: int, y: int) -> None:
    x, y = x & ~1, y & ~1
    tile = np.arange(200, 200 + 48, dtype=np.uint8).reshape(6, 8)
    chroma = tile[::2, ::2] // 2
    picture = i420(w, h)
    Canvas(picture).paste(x, y, (tile, chroma, chroma))
    for plane, part, (px, py) in ((picture.planes[0], tile, (x, y)), (picture.planes[2], chroma, (x >> 1, y >> 1))):
        for row in range(plane.shape[0]):
            for column in range(plane.shape[1]):
                inside = 0 <= row - py < part.shape[0] and 0 <= column - px < part.shape[1]
                if inside:
                    assert plane[row, column] == part[row - py, column - px]
                else:
                    assert plane[row, column] in (100, 128)


def test_an_outline_leaves_its_inside_alone() -> None:
    picture = i420(40, 40)
    canvas = Canvas(picture)
    canvas.outline(4, 6, 30, 34, 2, canvas.ink(RED))
    drawn = changed(picture.planes[0], 100)
    want = np.zeros((40, 40), bool)
    want[6:34, 4:30] = True
    want[8:32, 6:28] = False
    assert np.array_equal(drawn, want)
    canvas.outline(4, 6, 7, 8, 2, canvas.ink(RED))  # too small for an inside


@given(st.integers(1, 41), st.integers(1, 33), places, places, places, places, st.integers(1, 5))
def test_an_outline_is_four_rectangles(w: int, h: int, x1: int, y1: int, x2: int, y2: int, t: int) -> None:
    for at_once, one_by_one in ((i420(w, h), i420(w, h)), (rgb(w, h), rgb(w, h))):
        canvas, slow = Canvas(at_once), Canvas(one_by_one)
        if canvas.planar:
            x1, y1, x2, y2, t = (2 * n for n in (x1, y1, x2, y2, t))
        else:
            x1, y1, x2, y2, t = (n // 2 for n in (x1, y1, x2, y2, t + 1))
        ink = canvas.ink(RED)
        canvas.outline(x1, y1, x2, y2, t, ink)
        if x2 - x1 <= 2 * t or y2 - y1 <= 2 * t:
            slow.fill(x1, y1, x2, y2, ink)
        else:
            sides = (x1, y1, x2, y1 + t), (x1, y2 - t, x2, y2), (x1, y1, x1 + t, y2), (x2 - t, y1, x2, y2)
            for side in sides:
                slow.fill(*side, ink)
        for plane, other in zip(at_once.planes, one_by_one.planes, strict=True):
            assert np.array_equal(plane, other)


@pytest.mark.parametrize("thickness", [1, 2, 4, 6])
def test_many_paths_are_drawn_as_one_by_one(thickness: int) -> None:
    paths = [fixed([(8, 8), (30, 12), (50, 40)]), fixed([(60, 4), (5, 44)])]
    for together, apart in ((i420(64, 48), i420(64, 48)), (rgb(64, 48), rgb(64, 48))):
        canvas = Canvas(together)
        canvas.paths(paths, thickness, canvas.ink(RED))
        for path in paths:
            Canvas(apart).paths([path], thickness, canvas.ink(RED))
        for plane, other in zip(together.planes, apart.planes, strict=True):
            assert np.array_equal(plane, other)
            assert len(np.unique(plane)) > 1
        if canvas.planar:  # luma and colour lie on each other
            drawn = changed(together.planes[0], 100)[::2, ::2]
            colored = changed(together.planes[1], 128)
            assert (drawn & colored).sum() > 0.5 * min(drawn.sum(), colored.sum())


@pytest.mark.parametrize("picture", [i420(64, 48), rgb(64, 48)])
def test_lines_dots_and_tints_stay_where_they_belong(picture: Picture) -> None:
    canvas = Canvas(picture)
    ink = canvas.ink(RED)
    canvas.polyline([(10, 20), (50, 20)], 4, ink)
    drawn = changed(picture.planes[0], 100)
    assert drawn[19:21, 11:49].all()
    assert not drawn[:16].any()
    assert not drawn[25:].any()
    canvas.dot(32, 40, 3, ink)
    drawn = changed(picture.planes[0], 100)
    assert drawn[39:41, 31:33].all()
    assert not drawn[45:].any()
    canvas.dot(-500, 1e9, 3, ink)
    canvas.polyline([(-1e9, 5), (1e9, 5)], 2, ink)


def test_a_tint_moves_the_colour_inside_only() -> None:
    picture = i420(64, 48)
    canvas = Canvas(picture)
    region = canvas.region([(16, 8), (48, 8), (48, 40), (16, 40)])
    canvas.tint(region, 0.5, canvas.ink(RED))
    assert (picture.planes[0] == 100).all()
    inside = changed(picture.planes[2], 128)
    assert inside[5:19, 9:23].all()
    assert not inside[:3].any()
    assert not inside[:, 26:].any()
    assert picture.planes[2][12, 16] == round((128 + canvas.ink(RED)[2]) / 2)
    outside = canvas.region([(100, 100), (200, 100), (200, 200)])
    canvas.tint(outside, 0.5, canvas.ink(RED))


def test_strided_planes_can_be_drawn_on() -> None:
    memory = [np.full((48, 96), 100, np.uint8), *(np.full((24, 64), 128, np.uint8) for _ in range(2))]
    planes = memory[0][:, :64], memory[1][:, :32], memory[2][:, :32]
    canvas = Canvas(Picture(planes, PixelLayout.I420))
    ink = canvas.ink(RED)
    canvas.polyline([(-5, 20), (90, 30)], 4, ink)
    canvas.tint(canvas.region([(0, 0), (64, 0), (64, 48), (0, 48)]), 0.5, ink)
    canvas.dot(63, 47, 9, ink)
    assert (planes[0] != 100).any()
    assert (planes[1] != 128).all()
    assert (memory[0][:, 64:] == 100).all()
    assert all((plane[:, 32:] == 128).all() for plane in memory[1:])


def test_other_layouts_are_refused() -> None:
    with pytest.raises(ValueError, match="nv12"):
        Canvas(Picture((np.zeros((4, 4), np.uint8), np.zeros((2, 2, 2), np.uint8)), PixelLayout.NV12))


def test_words_are_drawn_once_and_line_up() -> None:
    words = TextTiles()
    canvas = Canvas(i420(64, 48))
    tile = words.tile(canvas, "gå #1", 20, RED)
    assert words.tile(canvas, "gå #1", 20, RED) is tile
    assert tile[0].shape[0] == words.height(20) == words.tile(canvas, ".", 20, RED)[0].shape[0]
    assert all(n % 2 == 0 for n in tile[0].shape)
    assert tile[1].shape == (tile[0].shape[0] // 2, tile[0].shape[1] // 2)
    back, front = canvas.ink(RED)[0], canvas.ink((255, 255, 255))[0]
    assert tile[0].min() >= min(back, front)
    assert (tile[0] == back).mean() > 0.4
    assert tile[0].max() > front - 30
    assert all((part == value).all() for part, value in zip(tile[1:], canvas.ink(RED)[1:], strict=True))
    flat = words.tile(Canvas(rgb(4, 4)), "gå #1", 20, RED)[0]
    assert flat.shape == (*tile[0].shape, 3)


@pytest.mark.parametrize("size", [11, 22, 45])
def test_numbers_put_together_look_like_numbers_drawn(size: int) -> None:
    words = TextTiles()
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)
    for text in ("0.57", "person #128", "in 30"):
        made = words.letters(text, size).astype(float)
        whole = np.zeros_like(made)
        image = Image.new("L", made.shape[::-1])
        ImageDraw.Draw(image).text((max(2, round(size / 6)), 0), text, fill=255, font=font)
        whole[...] = np.asarray(image)
        assert abs(made.sum() / whole.sum() - 1) < 0.03
        assert abs(made.shape[1] - font.getlength(text) - 2 * max(2, round(size / 6))) < 4
        columns = [np.flatnonzero(pixels.any(0)) for pixels in (made, whole)]
        assert abs(int(columns[0][-1]) - int(columns[1][-1])) <= 2
        assert np.array_equal(made.any(1), whole.any(1))


def test_the_memory_of_words_is_bounded() -> None:
    words = TextTiles()
    canvas = Canvas(i420(8, 8))
    for i in range(1500):
        words.tile(canvas, str(i), 11, RED)
    assert 100 < len(words) < 1024
    for i in range(200):
        words.tile(canvas, "1", 11, (i, 0, 0))
    assert len(words) < 1024
