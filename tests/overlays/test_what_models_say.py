"""The overlay of tasks beyond boxes: masks, class maps, oriented boxes, skeletons, landmarks, attributes, text."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.errors import UsageError
from sightline.overlays.areas import corners
from sightline.overlays.boxes import BoxOverlay
from sightline.overlays.canvas import Canvas
from sightline.overlays.colors import PALETTE
from sightline.overlays.said import of_frame, of_object
from sightline.skeletons import limbs
from sightline.types import (
    Attribute,
    ColorMatrix,
    Detections,
    Frame,
    FrameResult,
    Instant,
    Masks,
    Picture,
    PixelLayout,
    Prediction,
    StreamInfo,
)

W, H = 160, 120
BARE: dict[str, Any] = {"labels": False, "ids": False, "scores": False, "traces": False}
LAYOUTS = [PixelLayout.I420, PixelLayout.RGB]


def picture_of(layout: PixelLayout, w: int = W, h: int = H) -> Picture:
    if layout is PixelLayout.RGB:
        return Picture((np.full((h, w, 3), 100, np.uint8),), layout)
    half = ((h + 1) // 2, (w + 1) // 2)
    planes = np.full((h, w), 100, np.uint8), np.full(half, 128, np.uint8), np.full(half, 128, np.uint8)
    return Picture(planes, layout, ColorMatrix.BT601)


def result_of(said: Prediction, w: int = W, h: int = H) -> FrameResult:
    stream = StreamInfo("v", w, h, Fraction(1, 1000))
    return FrameResult(Frame(stream, 0, Instant(0, stream.base), None, w, h), said)


def one(box: tuple[float, ...], **fields: Any) -> Prediction:
    found = Detections(
        np.array([box], np.float32), np.array([0.9], np.float32), np.zeros(1, np.int32), ("thing",), **fields
    )
    return Prediction(found)


def column(*values: object) -> np.ndarray:
    out = np.empty(len(values), object)
    out[:] = values
    return out


def drawn(picture: Picture) -> np.ndarray:
    first = picture.planes[0]
    return (first != 100).any(2) if first.ndim == 3 else first != 100


def overlaid(what: Prediction, layout: PixelLayout = PixelLayout.I420, **options: Any) -> Picture:
    picture = picture_of(layout)
    BoxOverlay(**{**BARE, **options})(picture, result_of(what))
    return picture


# -- masks and maps ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_mask_is_blended_inside_itself_only(layout: PixelLayout) -> None:
    bits = np.zeros((30, 41), np.uint8)
    bits[5:25, 4:37] = 255
    said = one((20, 30, 120, 90), masks=Masks(np.array([[31, 41, 72, 71]], np.float32), (bits,)))
    with_mask, without = overlaid(said, layout), overlaid(said, layout, masks=False)
    want = np.zeros((H, W), bool)
    want[46:66, 35:68] = True
    assert np.array_equal(drawn(with_mask) & ~drawn(without), want)
    inks = Canvas(with_mask).ink(PALETTE[0])
    if layout is PixelLayout.RGB:
        assert with_mask.planes[0][50, 50].tolist() == [round(100 * 0.55 + ink * 0.45) for ink in inks]
    else:
        assert with_mask.planes[0][50, 50] == round(100 * 0.55 + inks[0] * 0.45)
        chroma = with_mask.planes[1] != without.planes[1]
        assert np.array_equal(chroma, want[::2, ::2])  # that of the pixels with even places
        assert with_mask.planes[2][25, 25] == round(128 * 0.55 + inks[2] * 0.45)


def test_alpha_is_the_strength_of_masks() -> None:
    mask = Masks(np.array([[40, 40, 60, 60]], np.float32), (np.full((20, 20), 255, np.uint8),))
    said = one((20, 20, 120, 90), masks=mask)
    opaque = overlaid(said, alpha=1.0)
    assert opaque.planes[0][50, 50] == Canvas(opaque).ink(PALETTE[0])[0]
    assert not drawn(overlaid(said, alpha=0.0))[40:60, 40:60].any()
    with pytest.raises(UsageError, match="alpha"):
        BoxOverlay(alpha=1.5)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("window", [(-5, -7, 15, 13), (150, 110, 170, 130), (200, 200, 220, 220), (0, 0, 0, 0)])
def test_a_mask_is_cut_at_the_frame(layout: PixelLayout, window: tuple[int, ...]) -> None:
    x1, y1, x2, y2 = window
    bits = np.full((y2 - y1, x2 - x1), 255, np.uint8)
    picture = picture_of(layout)
    Canvas(picture).blend(x1, y1, bits, 0.5, (200, 200, 200))
    want = np.zeros((H, W), bool)
    want[max(0, y1) : max(0, y2), max(0, x1) : max(0, x2)] = True
    assert np.array_equal(drawn(picture), want)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_class_map_tints_all_but_background_and_what_was_not_seen(layout: PixelLayout) -> None:
    classes = np.zeros((H, W), np.uint8)
    classes[60:, :80], classes[60:, 80:], classes[:10] = 1, 2, 255
    said = Prediction(classmap=classes, map_names=("Background", "road"))
    picture = overlaid(said, layout)
    assert np.array_equal(drawn(picture), (classes == 1) | (classes == 2))
    left, right = (np.array(Canvas(picture).ink(PALETTE[i])) for i in (1, 2))
    pixels = picture.planes[0]
    if layout is PixelLayout.RGB:
        assert np.abs(pixels[100, 40] - (100 * 0.55 + left * 0.45)).max() <= 1
        assert np.abs(pixels[100, 120] - (100 * 0.55 + right * 0.45)).max() <= 1
    else:
        assert abs(pixels[100, 40] - (100 * 0.55 + left[0] * 0.45)) <= 1
        assert abs(picture.planes[1][50, 60] - (128 * 0.55 + right[1] * 0.45)) <= 1
        assert (picture.planes[2][:30] == 128).all()
    assert not drawn(overlaid(said, layout, maps=False)).any()


def test_the_first_class_is_tinted_where_it_is_no_background() -> None:
    said = Prediction(classmap=np.zeros((H, W), np.uint8), map_names=("road",))
    assert drawn(overlaid(said)).all()
    chosen = overlaid(said, colors={"road": "#000000"}, alpha=1.0)
    assert (chosen.planes[0] == 16).all()


def test_a_class_map_of_another_size_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="class map"):
        overlaid(Prediction(classmap=np.zeros((H, W + 1), np.uint8)))


# -- oriented boxes ---------------------------------------------------------------------------------------------------


def test_an_oriented_box_takes_the_place_of_the_upright_one() -> None:
    obb = np.array([[80, 60, 60, 30, math.pi / 4]], np.float32)
    said = one((48, 28, 112, 92), columns={"obb": obb})
    seen = drawn(overlaid(said))
    for x, y in corners(obb[0]):
        assert seen[round(y) - 2 : round(y) + 2, round(x) - 2 : round(x) + 2].any()
    assert not seen[26:31, 46:52].any()  # the corner of the upright box
    assert not seen[58:62, 78:82].any()


def test_the_corners_turn_clockwise() -> None:
    assert np.allclose(corners(np.array([10, 20, 4, 2, 0])), [(8, 19), (12, 19), (12, 21), (8, 21)])
    assert np.allclose(corners(np.array([10, 20, 4, 2, math.pi / 2])), [(11, 18), (11, 22), (9, 22), (9, 18)])
    assert corners(np.array([10, np.nan, 4, 2, 0])) == ()


# -- points -----------------------------------------------------------------------------------------------------------


def test_limbs_join_what_the_model_is_sure_of() -> None:
    points = np.zeros((1, 17, 3), np.float32)
    points[0, 5], points[0, 6], points[0, 7] = (40, 40, 0.9), (100, 40, 0.9), (40, 100, 0.1)
    assert (5, 6) in limbs(17)
    seen = drawn(overlaid(one((10, 10, 150, 110), keypoints=points)))
    assert seen[39:41, 45:95].all()
    assert not seen[50:95, 38:43].any()  # the elbow is not sure
    assert not drawn(overlaid(one((10, 10, 150, 110), keypoints=points), keypoints=False))[39:41, 45:95].any()


def test_many_landmarks_are_specks() -> None:
    points = np.ones((1, 200, 3), np.float32)
    points[0, :, 0], points[0, :, 1] = 30 + np.arange(200) % 20 * 5, 30 + np.arange(200) // 20 * 5
    seen = drawn(overlaid(one((10, 10, 150, 110), keypoints=points)))
    inside = seen[25:85, 25:135]
    assert inside.sum() == 200 * 4  # 2 x 2 pixels each
    assert seen[30, 30]
    assert not seen[32:34, 32:34].any()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_specks_are_squares_cut_at_the_frame(layout: PixelLayout, size: int) -> None:
    picture = picture_of(layout)
    points = np.array([[50.2, 40.9], [0, 0], [W + 1, H - 1], [1e9, -1e9]])
    Canvas(picture).specks(points, size, (200, 60, 60))
    want = np.zeros((H, W), bool)
    for x, y in points.tolist():
        left, top = math.floor(x - (size - 1) / 2), math.floor(y - (size - 1) / 2)
        want[max(0, top) : max(0, top + size), max(0, left) : max(0, left + size)] = True
    assert np.array_equal(drawn(picture), want)
    if layout is PixelLayout.I420:
        assert picture.planes[1][20, 25] == 60


# -- words ------------------------------------------------------------------------------------------------------------


def test_what_is_written_of_an_object() -> None:
    attributes = column((Attribute("colour", "red", 0.981), Attribute("class", "van", 0.5)), ())
    found = Detections(
        np.zeros((2, 4), np.float32),
        np.ones(2, np.float32),
        np.zeros(2, np.int32),
        columns={"text": column("ZH  4711\n", None), "attributes": attributes},
    )
    assert of_object(found, 0, scores=True) == [("ZH 4711",), ("colour: red", "0.98"), ("van", "0.50")]
    assert of_object(found, 1, scores=True) == []
    assert of_object(found, 0, scores=False) == [("ZH 4711",), ("colour: red",), ("van",)]


def test_what_is_written_of_the_frame() -> None:
    said = Prediction(attributes=(Attribute("class", "cat", 0.7), Attribute("age", "32", 1.0)), text="x" * 60)
    assert of_frame(said, scores=True) == [("cat", "0.70"), ("age: 32",), ("x" * 47 + "…",)]
    assert of_frame(Prediction(), scores=True) == []
    assert of_frame(Prediction(attributes=(Attribute("yaw", "-3.250", 1.0),)), scores=True) == [("yaw: -3.250",)]
    read = Prediction(attributes=(Attribute("text", "AB", 0.9), Attribute("class", "plate", 0.8)), text="AB")
    assert of_frame(read, scores=False) == [("plate",), ("AB",)]


def test_words_stand_under_the_label_and_in_the_corner() -> None:
    said = one((20, 60, 120, 110), columns={"text": column("ABC 123")})
    label, both = overlaid(said, said=False, labels=True), overlaid(said, labels=True)
    assert drawn(both)[:60].sum() > 1.5 * drawn(label)[:60].sum()
    corner = drawn(overlaid(Prediction(attributes=(Attribute("class", "cat", 0.7),))))
    assert corner[1:10, 1:15].mean() > 0.95
    assert not corner[:, 60:].any()
    assert not corner[30:].any()
    assert not drawn(overlaid(Prediction(attributes=(Attribute("class", "cat", 0.7),)), said=False)).any()


def test_labels_keep_off_the_corner() -> None:
    whole = Prediction(one((0, 20, 60, 60)).detections, (Attribute("class", "a long name of a class", 0.7),))
    alone = overlaid(Prediction(attributes=whole.attributes))
    both = overlaid(whole, labels=True)
    assert np.array_equal(both.planes[0][:14, :100], alone.planes[0][:14, :100])


@settings(max_examples=40)
@given(
    st.integers(1, 90),
    st.integers(1, 90),
    st.sampled_from(LAYOUTS),
    st.sampled_from([1, 5, 17, 68, 468]),
    st.integers(0, 2**32),
)
def test_nothing_breaks_whatever_is_said(w: int, h: int, layout: PixelLayout, count: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    x1, x2 = np.sort(random.integers(0, w + 1, 2)).tolist()
    y1, y2 = np.sort(random.integers(0, h + 1, 2)).tolist()
    points = random.normal(20, 60, (1, count, 3)).astype(np.float32)
    points[0, 0] = random.choice([np.nan, np.inf, 1e30, -1e30])
    found = Detections(
        np.array([[x1, y1, x2, y2]], np.float32),
        np.ones(1, np.float32),
        np.zeros(1, np.int32),
        masks=Masks(np.array([[x1, y1, x2, y2]], np.float32), (random.integers(0, 256, (y2 - y1, x2 - x1), np.uint8),)),
        keypoints=points,
        columns={
            "obb": random.normal(20, 1e6, (1, 5)).astype(np.float32),
            "text": column("word"),
            "attributes": column((Attribute("a", "b", 0.5),)),
        },
    )
    said = Prediction(found, (Attribute("class", "c", 0.5),) * 9, random.integers(0, 256, (h, w), np.uint8), None, "t")
    picture = picture_of(layout, w, h)
    BoxOverlay()(picture, result_of(said, w, h))
    assert picture.planes[0].shape[:2] == (h, w)
