"""Outputs in which the graph has already chosen: every layout of ready boxes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from head_twins import decode
from numpy.typing import NDArray

from sightline.errors import ModelError, RuntimeFailure
from sightline.types import Thresholds

ALL = Thresholds(0.3, 1.0)
BOX = np.array([[10, 20, 110, 70], [30, 40, 60, 90], [5, 5, 25, 45], [0, 0, 9, 9]], np.float32)
SCORE = np.array([0.9, 0.5, 0.4, 0.1], np.float32)
LABEL = np.array([2, 0, 1, 1])
WH = (200, 100)
UNIT = np.array([200, 100, 200, 100], np.float32)
YX = [1, 0, 3, 2]


def check(d: Any, rows: list[int], offset: int = 0) -> None:
    np.testing.assert_allclose(d.xyxy, BOX[rows], atol=1e-3)
    np.testing.assert_allclose(d.score, SCORE[rows])
    assert d.label.tolist() == (LABEL[rows] + offset).tolist()


def test_end_to_end_rows() -> None:
    a = np.concatenate([BOX, SCORE[:, None], LABEL[:, None]], 1)[None]
    (d,) = decode("yolo-end2end", {"o": a}, WH, thresholds=ALL)
    check(d, [0, 1, 2])
    (d,) = decode("yolo-end2end", {"o": a[0]}, WH, thresholds=ALL)
    check(d, [0, 1, 2])
    a[..., :4] /= UNIT
    one, two = decode("yolo-end2end", {"o": np.concatenate([a, a[:, ::-1]])}, WH, 2, ALL, normalized=True)
    check(one, [0, 1, 2])
    check(two, [0, 1, 2])
    with pytest.raises(ModelError, match="yolo-end2end"):
        decode("yolo-end2end", {"o": a[..., :5]}, WH)


def test_rows_by_batch_in_any_order_of_columns() -> None:
    batch = np.array([1, 0, 1, 0])
    seven = np.concatenate([batch[:, None], LABEL[:, None], SCORE[:, None], BOX], 1).astype(np.float32)
    one, two = decode("nms-rows", {"o": seven}, WH, 2, ALL)
    check(one, [1])
    check(two, [0, 2])
    order = "batch,x1,y1,x2,y2,class,score"
    swapped = np.concatenate([batch[:, None], BOX, LABEL[:, None], SCORE[:, None]], 1).astype(np.float32)
    one, two = decode("nms-rows", {"o": swapped}, WH, 2, ALL, columns=order)
    check(one, [1])
    check(two, [0, 2])
    centre = np.concatenate([(BOX[:, :2] + BOX[:, 2:]) / 2, BOX[:, 2:] - BOX[:, :2]], 1) / UNIT
    six = np.concatenate([centre, SCORE[:, None], LABEL[:, None]], 1)
    (d,) = decode("nms-rows", {"o": six}, WH, thresholds=ALL, columns="cx,cy,w,h,score,class", normalized=True)
    check(d, [0, 1, 2])
    with pytest.raises(RuntimeFailure, match="which picture"):
        decode("nms-rows", {"o": six}, WH, 2)
    with pytest.raises(ModelError, match="columns"):
        decode("nms-rows", {"o": six}, WH, columns="x1,score")
    (d,) = decode("nms-rows", {"o": np.zeros((0, 7), np.float32)}, WH)
    assert len(d) == 0


def test_detection_output_ends_at_the_first_negative_image() -> None:
    rows = np.concatenate([np.zeros((4, 1)), LABEL[:, None], SCORE[:, None], BOX / UNIT], 1).astype(np.float32)
    ended = rows.copy()
    ended[1, 0] = -1
    (d,) = decode("detection-output", {"o": ended[None, None]}, WH, thresholds=ALL)
    check(d, [0])
    rows[:, 0] = [1, 0, 1, 0]
    one, two = decode("detection-output", {"o": rows[None, None]}, WH, 2, ALL, label_offset=5)
    check(one, [1], 5)
    check(two, [0, 2], 5)
    (d,) = decode("detection-output", {"o": rows[None, None, :1]}, WH, thresholds=ALL, background=2)
    assert len(d) == 0


def test_detection_output_of_five_columns() -> None:
    five = np.concatenate([BOX, SCORE[:, None]], 1)
    (d,) = decode("detection-output", {"boxes": five, "labels": LABEL}, WH, thresholds=ALL)
    check(d, [0, 1, 2])
    (d,) = decode("detection-output", {"boxes": five}, WH, thresholds=ALL)
    assert d.label.tolist() == [0, 0, 0]
    pair = {"dets": np.stack([five, five[::-1]]), "labels": np.stack([LABEL, LABEL[::-1]])}
    one, two = decode("detection-output", pair, WH, 2, ALL)
    check(one, [0, 1, 2])
    check(two, [0, 1, 2])
    with pytest.raises(RuntimeFailure, match="batch 1"):
        decode("detection-output", {"boxes": five, "labels": LABEL}, WH, 2)


def tf(count: float = 4) -> list[NDArray[Any]]:
    return [(BOX / UNIT)[None][..., YX], LABEL[None].astype(np.float32), SCORE[None], np.array([count], np.float32)]


def test_tensorflow_by_its_names_and_by_values() -> None:
    box, label, score, count = tf()
    named = {"detection_scores": score, "detection_boxes": box, "num_detections": count, "detection_classes": label + 1}
    named["detection_multiclass_scores"] = np.ones((1, 4, 7), np.float32)
    (d,) = decode("tf-detection", named, WH, thresholds=ALL, label_offset=-1)
    check(d, [0, 1, 2])
    names = ["TFLite_Detection_PostProcess" + tail for tail in ("", ":1", ":2", ":3")]
    (d,) = decode("tf-detection", dict(zip(names, tf(2), strict=True)), WH, thresholds=ALL)
    check(d, [0, 1])
    mixed = {"Call:0": score, "Call:1": box, "Call:2": count, "Call:3": label}
    (d,) = decode("tf-detection", mixed, WH, thresholds=ALL)
    check(d, [0, 1, 2])
    given = {"p": box, "q": label, "r": score, "s": count}
    (d,) = decode("tf-detection", given, WH, thresholds=ALL, boxes="p", classes="q", scores="r", count="s")
    check(d, [0, 1, 2])
    with pytest.raises(ModelError, match="no output 'x'"):
        decode("tf-detection", given, WH, boxes="x")
    with pytest.raises(ModelError, match="tf-detection"):
        decode("tf-detection", {"p": box}, WH)


def test_boxes_of_one_picture_without_a_batch_axis() -> None:
    outputs = {"boxes": BOX, "labels": LABEL + 1, "scores": SCORE}
    (d,) = decode("tf-detection", outputs, WH, thresholds=ALL, normalized=False, label_offset=-1)
    check(d, [0, 1, 2])
    (d,) = decode("batched-nms", outputs, WH, thresholds=ALL, label_offset=-1)
    check(d, [0, 1, 2])
    none = {"boxes": BOX[:0], "labels": LABEL[:0], "scores": SCORE[:0]}
    (d,) = decode("batched-nms", none, WH)
    assert len(d) == 0


NAMINGS = [
    ("num_detections", "detection_boxes", "detection_scores", "detection_classes"),
    ("num_dets", "det_boxes", "det_scores", "det_classes"),
    ("num_detections", "nmsed_boxes", "nmsed_scores", "nmsed_classes"),
    ("num_dets", "bboxes", "scores", "labels"),
]


@pytest.mark.parametrize("names", NAMINGS)
def test_batched_suppression_in_its_namings(names: tuple[str, ...]) -> None:
    count = np.array([[4], [1]], np.int32)
    box, score = np.stack([BOX, BOX]), np.stack([SCORE, SCORE])
    label = np.stack([LABEL, LABEL]).astype(np.int32)
    one, two = decode("batched-nms", dict(zip(names, (count, box, score, label), strict=True)), WH, 2, ALL)
    check(one, [0, 1, 2])
    check(two, [0])
    half = dict(zip(names, (count, (box / UNIT).astype(np.float32)[:, :, None], score, label * 1.0), strict=True))
    one, _ = decode("batched-nms", half, WH, 2, ALL, normalized=True)
    check(one, [0, 1, 2])


def test_indices_of_suppression_beside_its_inputs() -> None:
    scores = np.zeros((2, 3, 4), np.float32)
    for k in range(4):
        scores[1, LABEL[k], k] = SCORE[k]
    picked = np.array([[1, LABEL[k], k] for k in range(4)] + [[-1, -1, -1], [0, 0, 99]], np.int64)
    swapped = BOX[:, [3, 2, 1, 0]]  # y2, x2, y1, x1: any two corners
    outputs = {"a": picked, "b": np.stack([swapped, swapped]), "c": scores}
    given: dict[str, Any] = {"boxes": "b", "scores": "c"}
    one, two = decode("nms-indices", outputs, WH, 2, ALL, **given)
    assert len(one) == 0
    check(two, [0, 1, 2])
    centre = np.concatenate([(BOX[:, :2] + BOX[:, 2:]) / 2, BOX[:, 2:] - BOX[:, :2]], 1)
    (_, two) = decode("nms-indices", {**outputs, "b": np.stack([centre] * 2)}, WH, 2, ALL, order="cxcywh", **given)
    check(two, [0, 1, 2])
