"""Oriented boxes: their geometry, their likeness, and the heads that give them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from head_twins import decode
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sightline.errors import ModelError
from sightline.heads.oriented import enclosing, oriented_nms, prob_iou, regular
from sightline.types import Detections, Thresholds

Row = tuple[float, float, float, float, float]
Found = list[tuple[Row, float, int]]
F32 = NDArray[np.float32]
SIDES = st.floats(2, 60, width=32)
ROWS = st.tuples(st.floats(0, 100, width=32), st.floats(0, 100, width=32), SIDES, SIDES, st.floats(-7, 7, width=32))


def corners(row: Row) -> list[tuple[float, float]]:
    cx, cy, w, h, a = row
    made = []
    for x, y in ((-w / 2, -h / 2), (w / 2, -h / 2), (w / 2, h / 2), (-w / 2, h / 2)):
        made.append((cx + x * math.cos(a) - y * math.sin(a), cy + x * math.sin(a) + y * math.cos(a)))
    return made


def boxes(*rows: Row) -> NDArray[np.float32]:
    return np.array(rows, np.float32)


@given(ROWS)
def test_a_regular_box_is_the_same_rectangle(row: Row) -> None:
    same = regular(boxes(row))[0].tolist()
    assert 0 <= same[4] < math.pi / 2 + 1e-6
    want, got = sorted(corners(row)), sorted(corners((same[0], same[1], same[2], same[3], same[4])))
    left = list(got)
    for point in want:
        k = min(range(len(left)), key=lambda k: math.dist(left[k], point))
        assert math.dist(left.pop(k), point) < 0.01


@given(ROWS)
def test_the_enclosing_box_touches_the_corners(row: Row) -> None:
    xs, ys = zip(*corners(row), strict=True)
    np.testing.assert_allclose(enclosing(boxes(row))[0], [min(xs), min(ys), max(xs), max(ys)], atol=0.01)


def gaussian(row: Row) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    cx, cy, w, h, a = row
    turn = np.array([[math.cos(a), -math.sin(a)], [math.sin(a), math.cos(a)]])
    return np.array([cx, cy]), turn @ np.diag([w * w / 12, h * h / 12]) @ turn.T


@given(ROWS, ROWS)
def test_prob_iou_is_what_the_hellinger_distance_says(a: Row, b: Row) -> None:
    (m, s), (n, t) = gaussian(a), gaussian(b)
    middle = (s + t) / 2
    bhattacharyya = (m - n) @ np.linalg.solve(middle, m - n) / 8
    bhattacharyya += math.log(np.linalg.det(middle) / math.sqrt(np.linalg.det(s) * np.linalg.det(t))) / 2
    want = 1 - math.sqrt(max(0.0, 1 - math.exp(-min(bhattacharyya, 100))))
    got = prob_iou(boxes(a), boxes(b, a))
    assert got.shape == (1, 2)
    assert got[0, 0] == pytest.approx(want, abs=0.02)
    assert got[0, 1] == pytest.approx(1, abs=0.02)


def test_crossed_boxes_stay_and_turned_twins_go() -> None:
    long, crossed, twin = (50, 50, 60, 8, 0.1), (50, 50, 60, 8, 1.7), (50.5, 50, 8, 60, 0.1 - math.pi / 2)
    score = np.array([0.9, 0.8, 0.7], np.float32)
    rows = boxes(long, crossed, twin)
    assert oriented_nms(rows, score, 0.4).tolist() == [0, 1]
    assert oriented_nms(rows, score, 0.4, np.array([0, 0, 1])).tolist() == [0, 1, 2]
    assert oriented_nms(rows, score, 0.4, None, 1).tolist() == [0]
    assert oriented_nms(rows[:0], score[:0], 0.4).tolist() == []


# -- heads -----------------------------------------------------------------------------------------------------------

LIMITS = Thresholds(0.5, 0.4)


def scene(seed: int, n: int = 60, classes: int = 3) -> tuple[F32, F32, F32]:
    """Boxes (n, 4), angles (n,) and class scores (n, classes); a few boxes stand beside a twin."""
    rng = np.random.default_rng(seed)
    box = np.concatenate([rng.random((n, 2)) * 180 + 10, rng.random((n, 2)) * 50 + 6], 1)
    angle = rng.random(n) * math.pi - math.pi / 4
    box[n // 2 :], angle[n // 2 :] = box[: n - n // 2] + rng.normal(0, 0.5, (n - n // 2, 4)), angle[: n - n // 2]
    return box.astype(np.float32), angle.astype(np.float32), (rng.random((n, classes)) ** 2).astype(np.float32)


def twin(
    box: NDArray[np.float32], angle: NDArray[np.float32], score: NDArray[np.float32]
) -> list[tuple[Row, float, int]]:
    """One candidate at a time, by the likeness that the test above holds against Gaussians."""
    kept: Found = []
    best = score.max(1)
    for k in np.argsort(-best, kind="stable").tolist():
        row = (*map(float, box[k]), float(angle[k]))
        label = int(score[k].argmax())
        rivals = [r for r, _, c in kept if c == label]
        if best[k] >= LIMITS.score and not any(prob_iou(boxes(r), boxes(row))[0, 0] > LIMITS.nms for r in rivals):  # type: ignore[arg-type]
            kept.append((row, float(best[k]), label))  # type: ignore[arg-type]
    return kept


def check(said: Detections, want: Found) -> None:
    assert len(said) == len(want) > 5
    obb = said.columns["obb"]
    assert obb.dtype == np.float32
    for k, (row, score, label) in enumerate(want):
        np.testing.assert_allclose(obb[k], regular(boxes(row))[0], atol=0.01)
        assert (float(said.score[k]), int(said.label[k])) == (pytest.approx(score, abs=1e-5), label)
        xs, ys = zip(*corners(row), strict=True)
        np.testing.assert_allclose(said.xyxy[k], [min(xs), min(ys), max(xs), max(ys)], atol=0.02)


@pytest.mark.parametrize("seed", range(3))
def test_yolov8_obb_both_ways_round_and_as_fractions(seed: int) -> None:
    box, angle, score = scene(seed)
    want = twin(box, angle, score)
    a = np.concatenate([box, score, angle[:, None]], 1).T[None]
    (said,) = decode("yolov8-obb", {"o": a}, (200, 200), thresholds=LIMITS)
    check(said, want)
    (turned,) = decode("yolov8-obb", {"o": np.ascontiguousarray(a.transpose(0, 2, 1))}, (200, 200), thresholds=LIMITS)
    assert said.equals(turned)
    small = a.copy()
    small[:, :4] /= 200
    (said,) = decode("yolov8-obb", {"o": small}, (200, 200), thresholds=LIMITS)
    check(said, want)


def test_rows_that_the_graph_chose_and_yolov5_labels_of_angles() -> None:
    box, angle, score = scene(5)
    want = twin(box, angle, score)
    rows = np.zeros((1, len(want) + 3, 7), np.float32)
    for k, (row, s, label) in enumerate(want):
        rows[0, k] = (*row[:4], s, label, row[4])
    (said,) = decode("yolo-end2end-obb", {"o": rows}, (200, 200), thresholds=Thresholds(0.5, 1.0))
    check(said, want)
    degrees = np.random.default_rng(5).integers(0, 180, len(box))
    csl = np.full((len(box), 180), 0.1, np.float32)
    csl[np.arange(len(box)), degrees] = 0.9
    a = np.concatenate([box, np.ones((len(box), 1), np.float32), score, csl], 1)[None]
    # its angles count against the clock, from -90 degrees
    clockwise = -np.deg2rad(degrees - 90.0).astype(np.float32)
    (said,) = decode("yolov5-obb", {"o": a}, (200, 200), thresholds=LIMITS, channels_last=True)
    check(said, twin(box, clockwise, score))


def test_sides_without_length_and_odd_numbers_go() -> None:
    a = np.array(
        [[50, 50, 20, 0, 0.9, 0.3], [50, 50, -5, 9, 0.9, 0.3], [9, 9, 5, 5, 0.9, np.nan], [90, 90, 9, 9, 0.9, 0]]
    )
    (said,) = decode("yolov8-obb", {"o": a[None].astype(np.float32)}, (200, 200), channels_last=True)
    assert said.columns["obb"].tolist() == [[90, 90, 9, 9, 0]]
    for head, columns in (("yolov8-obb", 5), ("yolo-end2end-obb", 6), ("yolov5-obb", 100)):
        with pytest.raises(ModelError, match=head):
            decode(head, {"o": np.zeros((1, 500, columns), np.float32)}, (200, 200))
