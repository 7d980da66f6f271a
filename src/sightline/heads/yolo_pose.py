"""People with keypoints in one row each: YOLOv7-pose, YOLO outputs that need no suppression, RTMO."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sightline.boxes import cxcywh_to_xyxy
from sightline.heads.candidates import Candidates, best_of_product, class_ids, predict
from sightline.heads.tensors import Floats, activate, of_view, unreadable
from sightline.protocols import Outputs
from sightline.types import ModelSpec, Prediction, Thresholds, View


@dataclass(frozen=True, slots=True)
class YoloV7Pose:
    """[N, A, 5+C+3K], decoded: cx, cy, w, h in model pixels, objectness, C classes, then K times x, y, score.

    classes: C. activated: scores are probabilities; None: they are, unless a value lies outside 0..1.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.25, nms=0.45)
    graph_nms: ClassVar[bool] = False

    classes: int = 1
    activated: bool | None = None

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        first = 5 + self.classes
        found = [a for a in outputs.values() if a.ndim == 3 and a.shape[2] > first and (a.shape[2] - first) % 3 == 0]
        if len(found) != 1:
            raise unreadable("yolov7-pose", outputs, f"one output [N, A, {first}+3K]")

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            a = of_view(found[0], i)
            rows, score, label = best_of_product(a[:, 4:first].T, spec.thresholds.least, self.activated)
            box = cxcywh_to_xyxy(a[rows, :4].astype(np.float32))
            return Candidates(box, score, label, _points(a[rows, first:], self.activated))

        return predict(find, spec, views)


@dataclass(frozen=True, slots=True)
class YoloEnd2EndPose:
    """[N, R, 6+3K] or [R, 6+3K]: x1, y1, x2, y2 in model pixels, score, class, then K times x, y, score."""

    defaults: ClassVar[Thresholds] = Thresholds(score=0.25, nms=1.0)
    graph_nms: ClassVar[bool] = True

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        found = [a for a in outputs.values() if a.ndim in (2, 3) and a.shape[-1] > 6 and a.shape[-1] % 3 == 0]
        if len(found) != 1:
            raise unreadable("yolo-end2end-pose", outputs, "one output [N, R, 6+3K]")
        rows = found[0][None] if found[0].ndim == 2 else found[0]

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            a = of_view(rows, i)
            return Candidates(a[:, :4], a[:, 4], class_ids(a[:, 5]), _points(a[:, 6:], True))

        return predict(find, spec, views)


@dataclass(frozen=True, slots=True)
class Rtmo:
    """dets [N, R, 5] (x1, y1, x2, y2 in model pixels, score) and keypoints [N, R, K, 3] (x, y, score); R may be 0."""

    defaults: ClassVar[Thresholds] = Thresholds(score=0.3, nms=0.65)
    graph_nms: ClassVar[bool] = True

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        boxes = [a for a in outputs.values() if a.ndim == 3 and a.shape[2] == 5]
        points = [a for a in outputs.values() if a.ndim == 4 and a.shape[3] == 3]
        if len(boxes) != 1 or len(points) != 1 or boxes[0].shape[:2] != points[0].shape[:2]:
            raise unreadable("rtmo", outputs, "dets [N, R, 5] and keypoints [N, R, K, 3]")

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            a = of_view(boxes[0], i)
            keypoints = of_view(points[0], i).astype(np.float32)
            keypoints[..., 2] = np.clip(keypoints[..., 2], 0, 1)
            return Candidates(a[:, :4], a[:, 4], np.zeros(len(a), np.int32), keypoints)

        return predict(find, spec, views)


def _points(flat: Floats, activated: bool | None) -> Floats:
    """(n, 3K) -> (n, K, 3), scores as probabilities."""
    points = flat.astype(np.float32).reshape(len(flat), flat.shape[1] // 3, 3)
    points[..., 2] = activate(points[..., 2], activated)
    return points
