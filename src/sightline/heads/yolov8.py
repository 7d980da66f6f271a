"""YOLOv8, v9, v11, v12: anchor-free, no objectness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sightline.boxes import cxcywh_to_xyxy
from sightline.heads.candidates import Candidates, best_class, join, points_with_score, predict
from sightline.heads.grids import cell_points, decode_distances
from sightline.heads.tensors import Level, activate, channels_first, dfl, levels, of_view, unreadable
from sightline.protocols import Outputs
from sightline.types import F32, I64, ModelSpec, Prediction, Thresholds, View

_TAKES = "[N, 4+C, A], or a stride [N, {sides}+C, H, W], or [N, {sides}, H, W] and [N, C, H, W]"


@dataclass(frozen=True, slots=True)
class YoloV8:
    """Concatenated [N, 4+C, A] or [N, A, 4+C] (cx, cy, w, h in model pixels, class probabilities), or raw
    outputs a stride: [N, 4*reg_max+C, H, W], or split into boxes [N, 4*reg_max, H, W] and classes [N, C, H, W]
    (a further [N, 1, H, W] score sum is not needed); NHWC too.

    activated: classes are probabilities; None: they are, unless a value lies outside 0..1.
    nm: channels after the classes to pass over (mask coefficients). normalized: boxes are fractions of the input.
    channels_last: of the concatenated output; None: the longer axis is A.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.25, nms=0.45)
    graph_nms: ClassVar[bool] = False

    reg_max: int = 16
    nm: int = 0
    activated: bool | None = None
    normalized: bool = False
    channels_last: bool | None = None

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        whole = [a for a in outputs.values() if a.ndim == 3]

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            if whole:
                a = channels_first(of_view(whole[0], i), self.channels_last)
                rows, score, label = best_class(a[4 : len(a) - self.nm], spec.thresholds.least, self.activated)
                return Candidates(_boxes(a, rows, size_wh, self.normalized), score, label)
            return self._raw(outputs, i, size_wh, spec)

        return predict(find, spec, views)

    def _raw(self, outputs: Outputs, i: int, size_wh: tuple[int, int], spec: ModelSpec) -> Candidates:
        grids = levels([a for a in outputs.values() if a.ndim == 4], i, size_wh) or []
        sides = 4 * self.reg_max
        parts: list[Candidates] = []
        for stride in sorted({g.stride for g in grids}):
            same = [g for g in grids if g.stride == stride]
            pair = _split(same, sides)
            if pair is None:
                raise unreadable("yolov8", outputs, _TAKES.format(sides=sides))
            box, classes = pair
            rows, score, label = best_class(classes, spec.thresholds.least, self.activated)
            reach = box[:, rows].astype(np.float32).T
            if self.reg_max > 1:
                reach = dfl(reach, self.reg_max)
            points = cell_points(same[0].wh, 0.5)[rows]
            parts.append(Candidates(decode_distances(points, reach) * np.float32(stride), score, label))
        if not parts:
            raise unreadable("yolov8", outputs, _TAKES.format(sides=sides))
        return join(parts)


@dataclass(frozen=True, slots=True)
class YoloV8Pose:
    """Concatenated [N, 4+C+3K, A] or transposed: as `YoloV8`, then x, y (model pixels), score of K keypoints.

    classes: C. dims: numbers a keypoint, 3 or 2 (no score: 1).
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.25, nms=0.45)
    graph_nms: ClassVar[bool] = False

    classes: int = 1
    dims: int = 3
    activated: bool | None = None
    normalized: bool = False
    channels_last: bool | None = None

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        whole = [a for a in outputs.values() if a.ndim == 3]
        if len(whole) != 1:
            raise unreadable("yolov8-pose", outputs, "one output [N, 4+C+3K, A]")

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            a = channels_first(of_view(whole[0], i), self.channels_last)
            first = 4 + self.classes
            if (len(a) - first) % self.dims or len(a) <= first:
                raise unreadable("yolov8-pose", outputs, f"4 + {self.classes} + {self.dims}K channels")
            rows, score, label = best_class(a[4:first], spec.thresholds.least, self.activated)
            raw = a[first:, rows].astype(np.float32).T.reshape(len(rows), (len(a) - first) // self.dims, self.dims)
            unit = np.array(size_wh, np.float32) if self.normalized else np.float32(1)
            points = points_with_score(raw[..., :2] * unit)
            if self.dims == 3:
                points[..., 2] = activate(raw[..., 2], self.activated)
            return Candidates(_boxes(a, rows, size_wh, self.normalized), score, label, points)

        return predict(find, spec, views)


def _boxes(a: NDArray[Any], rows: I64, size_wh: tuple[int, int], normalized: bool) -> F32:
    """cx, cy, w, h in the first four channels of (D, n) -> xyxy (m, 4) of `rows` in model pixels."""
    box = a[:4, rows].astype(np.float32).T
    return cxcywh_to_xyxy(box * np.array(size_wh * 2, np.float32) if normalized else box)


def _split(grids: Sequence[Level], sides: int) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """Box channels (4*reg_max, n) and class channels (C, n) of the outputs of one stride."""
    if len(grids) == 1 and grids[0].channels > sides:
        return grids[0].data[:sides], grids[0].data[sides:]
    box = [g.data for g in grids if g.channels == sides]
    rest = sorted((g.data for g in grids if g.channels != sides), key=len, reverse=True)
    if len(box) == 2 and (not rest or len(rest[0]) == 1):
        return box[0], box[1]  # as many classes as box channels: boxes come first
    if len(box) == 1 and rest:
        return box[0], rest[0]  # a single channel beside the classes is their sum
    return None
