"""From candidates to detections: thresholds, suppression, odd values, many objects."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from head_twins import Slow, a_spec, agree, decode
from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.heads.candidates import Candidates, best_class, class_ids, count_nonfinite, finish
from sightline.types import Thresholds

LIMITS = Thresholds(0.25, 0.45)
LABELS = ("person", "car", "dog")


def rows(n: int, seed: int = 0, size: float = 60.0) -> Candidates:
    rng = np.random.default_rng(seed)
    xyxy = rng.random((n, 4), np.float32) * 200
    xyxy[:, 2:] = xyxy[:, :2] + 5 + xyxy[:, 2:] / 200 * size
    return Candidates(xyxy, rng.random(n, np.float32), rng.integers(0, 3, n).astype(np.int32))


def slow(c: Candidates) -> list[Slow]:
    return [
        Slow((b[0], b[1], b[2], b[3]), s, k)
        for b, s, k in zip(c.xyxy.tolist(), c.score.tolist(), c.label.tolist(), strict=True)
    ]


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 900),
    st.integers(0, 5),
    st.sampled_from([0.0, 0.3, 0.7, 1.0]),
    st.booleans(),
    st.integers(1, 400),
)
def test_selection_equals_its_slow_twin(n: int, seed: int, iou: float, agnostic: bool, top: int) -> None:
    limits = Thresholds(0.2, iou, top, class_agnostic=agnostic)
    c = rows(n, seed)
    agree(finish(c, a_spec(limits)).detections, slow(c), limits, least=0)


def test_a_head_may_be_agnostic_whatever_the_thresholds_say() -> None:
    c = rows(200)
    agree(finish(c, a_spec(LIMITS), agnostic=True).detections, slow(c), LIMITS, agnostic=True)


def test_thresholds_per_class_and_the_floor_of_the_tracker() -> None:
    c = rows(300, 1)
    limits = Thresholds(0.5, 1.0, per_class={"car": 0.9, "dog": 0.1}, top=1000)
    d = finish(c, a_spec(limits, LABELS)).detections
    assert d.names == LABELS
    least = {int(k): float(d.score[d.label == k].min()) for k in range(3)}
    assert 0.5 <= least[0] < 0.6
    assert least[1] >= 0.9
    assert 0.1 <= least[2] < 0.2
    low = finish(c, a_spec(replace(limits, floor=0.3), LABELS)).detections
    assert 0.3 <= low.score[low.label == 1].min() < 0.4
    assert low.score[low.label == 2].min() < 0.2


def test_a_class_without_a_name_can_have_a_threshold() -> None:
    d = finish(rows(100), a_spec(Thresholds(0.2, 1.0, per_class={"class2": 2.0}), LABELS[:2])).detections
    assert set(d.label.tolist()) == {0, 1}


def test_odd_rows_go_and_the_others_stay() -> None:
    c = rows(8)
    c.score[:] = 0.9
    c.xyxy[0, 2] = np.nan
    c.xyxy[1, 0] = -np.inf
    c.score[2] = np.nan
    c.score[3] = np.inf
    c.label[4] = -1
    c.xyxy[5, 2] = c.xyxy[5, 0]
    c.xyxy[6, 3] = c.xyxy[6, 1] - 3
    d = finish(c, a_spec(LIMITS)).detections
    np.testing.assert_array_equal(d.xyxy, c.xyxy[7:])


def test_points_that_are_no_numbers_take_their_row_along() -> None:
    c = rows(3)
    points = np.ones((3, 5, 3), np.float32)
    points[1, 2, 0] = np.nan
    d = finish(Candidates(c.xyxy, np.full(3, 0.9), c.label, points), a_spec(Thresholds(0.1, 1.0))).detections
    assert d.keypoints is not None
    assert d.keypoints.shape == (2, 5, 3)


def test_nothing_is_nothing() -> None:
    d = finish(rows(0), a_spec(LIMITS, LABELS)).detections
    assert (len(d), d.xyxy.shape, d.names) == (0, (0, 4), LABELS)


def test_far_coordinates_do_not_overflow_into_a_warning() -> None:
    c = rows(4)
    c.xyxy[:] = np.array([-3e38, -3e38, 3e38, 3e38], np.float32)
    c.score[:] = 0.9
    assert 1 <= len(finish(c, a_spec(LIMITS)).detections) <= 4


@pytest.mark.parametrize("size", [60.0, 0.5])
def test_ten_thousand_objects_give_the_best_three_hundred(size: float) -> None:
    c = rows(10_000, 3, size)
    agree(finish(c, a_spec(LIMITS)).detections, sorted(slow(c), key=lambda s: -s.score)[:3000], LIMITS, least=60)


def test_class_numbers_as_tensors_hold_them() -> None:
    with np.errstate(all="raise"):
        ids = class_ids(np.array([0.0, 2.9999998, np.nan, np.inf, -np.inf, 1e30], np.float32), offset=1)
    assert ids.tolist() == [1, 4, -1, -1, -1, -1]
    assert class_ids(np.array([1, 90], np.int64), -1).tolist() == [0, 89]


def test_values_that_are_no_numbers_can_be_counted() -> None:
    outputs = {
        "a": np.array([1, np.nan, np.inf], np.float32),
        "b": np.array([1, 2]),
        "c": np.array([np.nan], np.float16),
    }
    assert count_nonfinite(outputs) == 3


HEADS: dict[str, tuple[dict[str, tuple[int, ...]], tuple[int, int]]] = {
    "yolov5": ({"o": (1, 252, 9)}, (64, 64)),
    "yolov8": ({"o": (1, 9, 84)}, (64, 64)),
    "yolov8-pose": ({"o": (1, 20, 84)}, (64, 64)),
    "yolo-end2end": ({"o": (1, 30, 6)}, (64, 64)),
    "yolox": ({"o": (1, 84, 9)}, (64, 64)),
    "nanodet": ({"o": (1, 84, 36)}, (64, 64)),
    "fastestdet": ({"o": (1, 9, 4, 4)}, (64, 64)),
    "nms-rows": ({"o": (30, 7)}, (64, 64)),
    "boxes-scores": ({"boxes": (1, 30, 4), "scores": (1, 30, 5)}, (64, 64)),
    "ssd": ({"boxes": (1, 30, 4), "scores": (1, 30, 5), "priors": (30, 4)}, (64, 64)),
    "detection-output": ({"o": (1, 1, 30, 7)}, (64, 64)),
    "tf-detection": (
        {"detection_boxes": (1, 30, 4), "detection_scores": (1, 30), "detection_classes": (1, 30), "num": (1,)},
        (64, 64),
    ),
    "batched-nms": (
        {"num_dets": (1, 1), "det_boxes": (1, 30, 4), "det_scores": (1, 30), "det_classes": (1, 30)},
        (64, 64),
    ),
    "detr": ({"pred_logits": (1, 30, 5), "pred_boxes": (1, 30, 4)}, (64, 64)),
    "ultraface": ({"scores": (1, 30, 2), "boxes": (1, 30, 4)}, (64, 64)),
    "retinaface": ({"boxes": (1, 168, 4), "scores": (1, 168, 2), "landmarks": (1, 168, 10)}, (64, 64)),
    "scrfd": ({f"{k}{n}": (2 * n, k) for k in (1, 4, 10) for n in (64, 16, 4)}, (64, 64)),
    "yunet": (
        {f"{k}_{n}": (1, n, w) for k, w in (("a", 1), ("b", 1), ("c", 4), ("d", 10)) for n in (64, 16, 4)},
        (64, 64),
    ),
    "blazeface": ({"r": (1, 896, 16), "c": (1, 896, 1)}, (128, 128)),
    "centernet": ({"hm": (1, 3, 16, 16), "wh": (1, 2, 16, 16), "reg": (1, 2, 16, 16)}, (64, 64)),
    "centerface": ({str(k): (1, d, 16, 16) for k, d in enumerate((1, 2, 2, 10))}, (64, 64)),
    "dbface": ({str(k): (1, d, 16, 16) for k, d in enumerate((1, 4, 10))}, (64, 64)),
}


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 0.0, 1e30])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("head", HEADS)
def test_no_head_stumbles_over_odd_values(head: str, value: float, dtype: type) -> None:
    shapes, size_wh = HEADS[head]
    with np.errstate(over="ignore"):
        outputs = {name: np.full(shape, value, dtype) for name, shape in shapes.items()}
    (d,) = decode(head, outputs, size_wh)
    assert np.isfinite(d.xyxy).all()
    assert np.isfinite(d.score).all()
    if not value > 0:
        assert len(d) == 0


@pytest.mark.parametrize("head", HEADS)
def test_one_bad_value_spoils_one_row_at_most(head: str) -> None:
    shapes, size_wh = HEADS[head]
    rng = np.random.default_rng(3)
    outputs = {name: rng.random(shape, np.float32) for name, shape in shapes.items()}
    for a in outputs.values():
        if a.size > 2:
            a.reshape(-1)[rng.integers(0, a.size, 3)] = np.nan
    (d,) = decode(head, outputs, size_wh, thresholds=Thresholds(0.01, 1.0, 10_000))
    assert np.isfinite(d.xyxy).all()
    assert np.isfinite(d.score).all()


@given(st.integers(1, 6), st.integers(0, 12), st.integers(0, 2**32 - 1), st.booleans())
def test_the_best_class_of_any_numbers(classes: int, n: int, seed: int, odd: bool) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.choice(np.array([-3.0, -0.5, -0.0, 0.0, 0.2, 0.9, 1.0], np.float32), (classes, n))
    if odd and scores.size:
        bits = np.array([0x7FC00000, 0xFFC00000, 0x7F800000, 0xFF800000], np.uint32).view(np.float32)
        scores.reshape(-1)[rng.integers(0, scores.size, 3)] = rng.choice(bits, 3)
    found, score, label = best_class(scores, 0.2, True)
    want = [i for i in range(n) if not np.isnan(scores[:, i]).any() and scores[:, i].max() >= np.float32(0.2)]
    assert found.tolist() == want
    assert score.tolist() == [scores[:, i].max() for i in want]
    assert all(scores[k, i] == scores[:, i].max() for i, k in zip(want, label.tolist(), strict=True))


def test_the_most_objects_of_one_label() -> None:
    """topk of a class: the best of each label stay, in the order of their scores, and `top` holds for all."""
    rng = np.random.default_rng(3)
    for each, top, overlap in ((1, 300, 0.5), (2, 300, 1.0), (2, 3, 0.5), (40, 150, 0.5), (5, 300, 0.9), (1, 1, 1.0)):
        xy = rng.uniform(0, 4000, (900, 2)).astype(np.float32)
        c = Candidates(np.concatenate([xy, xy + 20], 1), rng.uniform(0.3, 1, 900), rng.integers(0, 4, 900))
        limits = Thresholds(score=0.25, nms=overlap, top=top, each=each)
        found = finish(c, a_spec(limits)).detections
        kept: list[int] = []
        counts: dict[int, int] = {}
        every = finish(c, a_spec(replace(limits, each=None, top=900))).detections
        for i, label in enumerate(every.label.tolist()):
            counts[label] = counts.get(label, 0) + 1
            if counts[label] <= each and len(kept) < top:
                kept.append(i)
        assert np.array_equal(found.xyxy, every.xyxy[kept])
        assert np.array_equal(found.label, every.label[kept])


def test_labels_with_limits_of_their_own() -> None:
    """nms_of and each_of: as if each label were alone with its own thresholds, then `top` of all."""
    rng = np.random.default_rng(8)
    corner = rng.uniform(0, 60, (200, 2)).astype(np.float32)
    boxes = np.concatenate([corner, corner + rng.uniform(10, 40, (200, 2)).astype(np.float32)], 1)
    c = Candidates(boxes, rng.uniform(0.3, 1, 200).astype(np.float32), rng.integers(0, 3, 200))
    limits = Thresholds(score=0.25, nms=0.5, top=900, nms_of={"class1": 0.2, "class2": 1.0}, each_of={"class0": 4})
    found = finish(c, a_spec(limits)).detections
    assert (np.diff(found.score) <= 0).all()
    for label, (overlap, each) in enumerate(((0.5, 4), (0.2, None), (1.0, None))):
        rows = c.label == label
        own = Candidates(c.xyxy[rows], c.score[rows], c.label[rows])
        alone = finish(own, a_spec(Thresholds(score=0.25, nms=overlap, top=900, each=each))).detections
        assert np.array_equal(found.xyxy[found.label == label], alone.xyxy)
    assert len(finish(c, a_spec(replace(limits, top=10))).detections) == 10
