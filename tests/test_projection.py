"""From model pixels into the frame: against loops over single pixels, and there and back again."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sightline.pictures import place, view_of
from sightline.projection import classmap_to_frame, masks_to_frame, obb_to_frame, to_frame
from sightline.types import (
    Attribute,
    Detections,
    Frame,
    Instant,
    Masks,
    Prediction,
    Resize,
    StreamInfo,
    View,
)


def frame_of(width: int, height: int) -> Frame:
    stream = StreamInfo("clip.mp4", width, height, Fraction(1, 1000))
    return Frame(stream, 0, Instant(0, stream.base), None, width, height)


@st.composite
def looks(draw: st.DrawFn, turned: bool = True) -> tuple[View, tuple[int, int, int, int]]:
    """A view and the part of the frame that it shows: a resized frame, a crop of it, or a turned piece."""
    width, height = draw(st.integers(4, 40)), draw(st.integers(4, 40))
    size = draw(st.integers(4, 24)), draw(st.integers(4, 24))
    frame = frame_of(width, height)
    way = draw(st.sampled_from(["resize", "crop", "turned"] if turned else ["resize", "crop"]))
    if way == "turned":
        angle, gain = draw(st.floats(-3.1, 3.1)), draw(st.floats(0.4, 3.0))
        c, s = gain * math.cos(angle), gain * math.sin(angle)
        at = draw(st.floats(-5, 35)), draw(st.floats(-5, 35))
        return View(frame, np.array([[c, -s, at[0]], [s, c, at[1]]]), size), (0, 0, width, height)
    crop = None
    if way == "crop":
        x1, y1 = draw(st.integers(0, width - 3)), draw(st.integers(0, height - 3))
        crop = x1, y1, draw(st.integers(x1 + 2, width)), draw(st.integers(y1 + 2, height))
    placement = place((width, height), size, draw(st.sampled_from(list(Resize))), crop=crop)
    return view_of(frame, placement), crop or (0, 0, width, height)


def back(view: View, x: float, y: float) -> tuple[float, float]:
    """The model pixel of a point of the frame."""
    found = np.linalg.solve(view.matrix[:, :2], np.array([x, y]) - view.matrix[:, 2])
    return float(found[0]), float(found[1])


def sample(bits: np.ndarray, u: float, v: float) -> float:
    """Bilinear value at (u, v) in samples, whose centres lie at halves; flat beyond the outermost centres."""
    h, w = bits.shape
    u, v = min(max(u - 0.5, 0), w - 1), min(max(v - 0.5, 0), h - 1)
    i, j = min(int(u), w - 2) if w > 1 else 0, min(int(v), h - 2) if h > 1 else 0
    a, b = u - i, v - j
    row = [float(bits[j, k]) * (1 - b) + float(bits[min(j + 1, h - 1), k]) * b for k in (i, min(i + 1, w - 1))]
    return row[0] * (1 - a) + row[1] * a


@given(looks(), st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32))
def test_masks_agree_with_every_pixel_asked_alone(look: tuple, w: int, h: int, seed: int) -> None:
    view, (x1, y1, x2, y2) = look
    random = np.random.default_rng(seed)
    width, height = view.size_wh
    a, b = np.sort(random.uniform(-2, width + 2, 2)), np.sort(random.uniform(-2, height + 2, 2))
    assume(a[1] - a[0] > 0.1 and b[1] - b[0] > 0.1)
    window = np.array([[a[0], b[0], a[1], b[1]]], np.float32)
    bits = random.integers(0, 256, (h, w), dtype=np.uint8)
    bits = np.where(random.random((h, w)) < random.choice([0.1, 1.0]), bits, bits // 2)
    found = masks_to_frame(Masks(window, (bits,)), view, (x1, y1, x2, y2))
    left, top, right, bottom = found.window[0].astype(int).tolist()
    assert x1 <= left <= right <= x2
    assert y1 <= top <= bottom <= y2
    assert found.bits[0].shape == (bottom - top, right - left)
    assert set(np.unique(found.bits[0])) <= {0, 255}
    _agrees_with_every_pixel(found, bits, window[0].tolist(), view, (x1, y1, x2, y2))


def test_a_mask_reaches_into_samples_that_are_not_inside() -> None:
    bits = np.zeros((7, 7), np.uint8)
    bits[2:5, 2:5] = 120
    bits[3, 3] = 255
    view = View(frame_of(70, 70), np.array([[10.0, 0, 0], [0, 10.0, 0]]), (7, 7))
    found = masks_to_frame(Masks(np.array([[0, 0, 7, 7]], np.float32), (bits,)), view, (0, 0, 70, 70))
    assert found.dense(70, 70)[0, 29:41, 29:41].any(0).all()
    _agrees_with_every_pixel(found, bits, [0, 0, 7, 7], view, (0, 0, 70, 70))


def _agrees_with_every_pixel(
    found: Masks, bits: np.ndarray, window: list[float], view: View, looked_at: tuple[int, int, int, int]
) -> None:
    """The one mask of `found` against its bitmap, asked for each pixel of the frame alone."""
    (h, w), (x1, y1, x2, y2), (wx1, wy1, wx2, wy2) = bits.shape, looked_at, window
    dense = found.dense(view.frame.width, view.frame.height)[0]
    for y in range(view.frame.height):
        for x in range(view.frame.width):
            mx, my = back(view, x + 0.5, y + 0.5)
            u, v = (mx - wx1) / (wx2 - wx1) * w, (my - wy1) / (wy2 - wy1) * h
            if min(abs(u), abs(u - w), abs(v), abs(v - h)) < 1e-3:
                continue  # on the edge: either is right
            looked = x1 <= x < x2 and y1 <= y < y2 and 0 < u < w and 0 < v < h
            value = sample(bits, u, v) if looked else 0.0
            if abs(value - 127.5) > 1.0:
                assert dense[y, x] == (value >= 128), (x, y, value)


@given(looks(), st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32))
def test_class_maps_agree_with_every_pixel_asked_alone(look: tuple, w: int, h: int, seed: int) -> None:
    view, (x1, y1, x2, y2) = look
    classes = np.random.default_rng(seed).integers(0, 200, (h, w), dtype=np.uint8)
    found = classmap_to_frame(classes, view, (x1, y1, x2, y2))
    assert found.shape == (view.frame.height, view.frame.width)
    for y in range(view.frame.height):
        for x in range(view.frame.width):
            mx, my = back(view, x + 0.5, y + 0.5)
            u, v = mx / view.size_wh[0] * w, my / view.size_wh[1] * h
            if abs(u - round(u)) < 1e-9 or abs(v - round(v)) < 1e-9:
                continue  # between two samples: either is right
            seen = x1 <= x < x2 and y1 <= y < y2 and 0 <= u < w and 0 <= v < h
            assert found[y, x] == (classes[int(v), int(u)] if seen else 255)


def test_padding_stays_out_of_the_class_map() -> None:
    view = view_of(frame_of(40, 20), place((40, 20), (16, 16), Resize.LETTERBOX))
    classes = np.full((16, 16), 9, np.uint8)
    classes[4:12] = 1  # where the picture lies
    assert (classmap_to_frame(classes, view, (0, 0, 40, 20)) == 1).all()


def test_a_cropped_picture_has_unseen_sides() -> None:
    view = view_of(frame_of(40, 20), place((40, 20), (16, 16), Resize.CROP))
    found = classmap_to_frame(np.zeros((4, 4), np.uint8), view, (0, 0, 40, 20))
    assert (found[:, 10:30] == 0).all()
    assert (found[:, :10] == 255).all()
    assert (found[:, 30:] == 255).all()


@given(looks(), st.floats(0.5, 10), st.floats(0.5, 10), st.floats(-4, 4))
def test_oriented_boxes_keep_centre_and_area(look: tuple, w: float, h: float, angle: float) -> None:
    view, _ = look
    (found,) = obb_to_frame(np.array([[3, 4, w, h, angle]], np.float32), view)
    assert np.allclose(found[:2], view.matrix @ [3, 4, 1], atol=1e-3)
    assert found[2] * found[3] == pytest.approx(w * h * abs(np.linalg.det(view.matrix[:, :2])), rel=1e-3)
    # the longer side goes where the matrix takes it
    way = np.array([math.cos(angle), math.sin(angle)] if w >= h else [-math.sin(angle), math.cos(angle)])
    there = view.matrix[:, :2] @ way
    turn = found[4] if w >= h else found[4] + math.pi / 2
    assert math.cos(turn) * there[1] - math.sin(turn) * there[0] == pytest.approx(0, abs=1e-3 * np.hypot(*there))
    assert np.hypot(*there) * max(w, h) == pytest.approx(found[2] if w >= h else found[3], rel=1e-3)


@given(st.floats(-3, 3), st.floats(0.2, 5), st.floats(-3, 3))
def test_oriented_boxes_through_a_similar_view_have_the_mapped_corners(turn: float, gain: float, angle: float) -> None:
    c, s = gain * math.cos(turn), gain * math.sin(turn)
    view = View(frame_of(40, 40), np.array([[c, -s, 7], [s, c, -3]]), (16, 16))
    box = np.array([[5, 6, 4, 2, angle]], np.float32)
    assert np.allclose(corners(obb_to_frame(box, view)[0]), view.to_frame(corners(box[0])), atol=1e-3)


def corners(obb: np.ndarray) -> np.ndarray:
    cx, cy, w, h, angle = (float(v) for v in obb)
    along, across = np.array([math.cos(angle), math.sin(angle)]), np.array([-math.sin(angle), math.cos(angle)])
    return np.array(
        [[cx, cy] + i * w / 2 * along + j * h / 2 * across for i, j in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    )


@given(looks(turned=False), st.integers(0, 2**32))
def test_boxes_and_points_come_back(look: tuple, seed: int) -> None:
    view, looked_at = look
    random = np.random.default_rng(seed)
    x1, y1, x2, y2 = looked_at
    low, high = np.array([x1, y1]), np.array([x2, y2])
    points = random.uniform(low, high, (6, 2, 2))
    boxes = np.concatenate([points.min(1), points.max(1)], 1)
    inverse = np.linalg.inv(np.vstack([view.matrix, [0, 0, 1]]))
    in_model = boxes.reshape(-1, 2) @ inverse[:2, :2].T + inverse[:2, 2]
    found = Detections(
        in_model.reshape(-1, 4).astype(np.float32),
        np.linspace(0, 1, 6, dtype=np.float32),
        np.arange(6, dtype=np.int32),
        keypoints=np.concatenate([in_model.reshape(6, 2, 2), np.full((6, 2, 1), 0.5)], 2).astype(np.float32),
    )
    there = to_frame(Prediction(found), view, looked_at).detections
    rows = there.label  # very thin ones may have gone
    assert np.allclose(there.xyxy, boxes[rows], atol=1e-3)
    assert there.keypoints is not None
    assert np.allclose(there.keypoints[..., :2].reshape(-1, 4), boxes[rows], atol=1e-3)
    assert (there.keypoints[..., 2] == 0.5).all()
    assert np.array_equal(there.score, found.score[rows])


def test_masks_do_not_leave_their_boxes() -> None:
    view = View(frame_of(40, 20), np.array([[1.0, 0, 0], [0, 1.0, 0]]), (40, 20))
    found = Detections(
        np.array([[3.6, 2.4, 9.6, 8.4]], np.float32),
        np.ones(1, np.float32),
        np.zeros(1, np.int32),
        masks=Masks(np.array([[0, 0, 16, 16]], np.float32), (np.full((4, 4), 255, np.uint8),)),
    )
    masks = to_frame(Prediction(found), view, (0, 0, 40, 20)).detections.masks
    assert masks is not None
    assert masks.window.tolist() == [[4, 2, 10, 8]]  # the pixels whose centres lie in the box
    assert masks.dense(40, 20).sum() == 36


def test_what_lies_outside_goes_and_the_rest_keeps_its_own() -> None:
    view = view_of(frame_of(40, 20), place((40, 20), (16, 16), Resize.LETTERBOX, crop=(8, 0, 28, 20)))
    texts = np.empty(3, object)
    texts[:] = ["a", "b", "c"]
    found = Detections(
        np.array([[-9, 2, -3, 8], [2, 2, 8, 8], [8, 8, 8, 9]], np.float32),
        np.ones(3, np.float32),
        np.arange(3, dtype=np.int32),
        masks=Masks(
            np.array([[-9, 2, -3, 8], [2, 2, 8, 8], [8, 8, 8, 9]], np.float32), (np.full((2, 2), 255, np.uint8),) * 3
        ),
        columns={"text": texts, "obb": np.array([[0, 0, 1, 1, 0], [5, 5, 6, 6, 0.5], [8, 8, 1, 1, 0]], np.float32)},
    )
    whole = Prediction(found, (Attribute("class", "x", 0.5),), embedding=np.ones(2, np.float32), text="t")
    there = to_frame(whole, view, (8, 0, 28, 20))
    kept = there.detections
    assert kept.label.tolist() == [1]
    assert kept.columns["text"].tolist() == ["b"]
    assert kept.xyxy.tolist() == [[10.5, 2.5, 18, 10]]
    assert kept.columns["obb"].tolist() == [[14.25, 6.25, 7.5, 7.5, 0.5]]
    assert kept.masks is not None
    assert kept.masks.window.tolist() == [[10, 2, 18, 10]]
    assert (there.attributes, there.text) == (whole.attributes, "t")
    assert there.embedding is whole.embedding


@pytest.mark.parametrize(
    "window", [[1, 1, 1, 5], [5, 1, 1, 5], [math.nan, 1, 2, 3], [0, 0, math.inf, 4], [90, 0, 99, 9]]
)
def test_a_window_without_pixels_gives_an_empty_mask(window: list[float]) -> None:
    view = view_of(frame_of(40, 20), place((40, 20), (16, 16), Resize.LETTERBOX))
    masks = Masks(np.array([window], np.float32), (np.full((3, 3), 255, np.uint8),))
    found = masks_to_frame(masks, view, (0, 0, 40, 20))
    assert not found.dense(40, 20).any()
    assert found.bits[0].size == 0


def test_a_soft_mask_everywhere_below_the_threshold_is_empty() -> None:
    view = view_of(frame_of(40, 20), place((40, 20), (16, 16), Resize.LETTERBOX))
    masks = Masks(np.array([[0, 0, 16, 16]], np.float32), (np.full((3, 3), 127, np.uint8),))
    assert masks_to_frame(masks, view, (0, 0, 40, 20)).bits[0].shape == (0, 0)
