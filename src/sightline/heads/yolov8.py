"""YOLOv8, v9, v11, v12: anchor-free, no objectness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sightline.heads.candidates import Candidates, best_class, join, points_with_score, predict
from sightline.heads.grids import cell_points, decode_distances
from sightline.heads.prototypes import COEFFICIENTS
from sightline.heads.tensors import (
    Level,
    activate,
    are_fractions,
    centred,
    channels_first,
    dfl,
    levels,
    of_view,
    unreadable,
)
from sightline.protocols import Outputs
from sightline.types import ModelSpec, Prediction, Thresholds, View

_TAKES = "[N, 4+C, A], or a stride [N, {sides}+C, H, W], or [N, {sides}, H, W] and [N, C, H, W]"


@dataclass(frozen=True, slots=True)
class YoloV8:
    """Concatenated [N, 4+C, A] or [N, A, 4+C] (cx, cy, w, h in model pixels, class probabilities), or raw
    outputs a stride: [N, 4*reg_max+C, H, W], or split into boxes [N, 4*reg_max, H, W] and classes [N, C, H, W]
    (a further [N, 1, H, W] score sum is not needed); NHWC too.

    activated: classes are probabilities; None: they are, unless a value lies outside 0..1.
    nm: channels after the classes to pass over (mask coefficients).
    normalized: boxes are fractions of the input; None: where no number of them exceeds 2.
    channels_last: of the concatenated output; None: the longer axis is A.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.25, nms=0.45)
    graph_nms: ClassVar[bool] = False

    reg_max: int = 16
    nm: int = 0
    activated: bool | None = None
    normalized: bool | None = None
    channels_last: bool | None = None

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        whole = [a for a in outputs.values() if a.ndim == 3]

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            if whole:
                a = channels_first(of_view(whole[0], i), self.channels_last)
                rows, score, label = best_class(a[4 : len(a) - self.nm], spec.thresholds.least, self.activated)
                return Candidates(centred(a, rows, size_wh, self.normalized), score, label)
            grids = levels([a for a in outputs.values() if a.ndim == 4], i, size_wh) or []
            found = raw_candidates(grids, self.reg_max, spec.thresholds.least, self.activated)
            if found is None:
                raise unreadable("yolov8", outputs, _TAKES.format(sides=4 * self.reg_max))
            return found

        return predict(find, spec, views)


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
    normalized: bool | None = None
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
            fractions = are_fractions(a[:4]) if self.normalized is None else self.normalized
            unit = np.array(size_wh, np.float32) if fractions else np.float32(1)
            points = points_with_score(raw[..., :2] * unit)
            if self.dims == 3:
                points[..., 2] = activate(raw[..., 2], self.activated)
            return Candidates(centred(a, rows, size_wh, fractions), score, label, points)

        return predict(find, spec, views)


def raw_candidates(
    grids: Sequence[Level], reg_max: int, least: float, activated: bool | None, coefficients: int = 0
) -> Candidates | None:
    """Candidates of levels that hold distances and classes, and `coefficients` of masks; None where they do not fit."""
    parts: list[Candidates] = []
    for stride in sorted({g.stride for g in grids}):
        same = [g for g in grids if g.stride == stride]
        weights = [g for g in same if g.channels == coefficients][-1:]
        pair = _split([g for g in same if g not in weights], 4 * reg_max)
        if pair is None or (coefficients and not weights):
            return None
        box, classes = pair
        rows, score, label = best_class(classes, least, activated)
        reach = box[:, rows].astype(np.float32).T
        if reg_max > 1:
            reach = dfl(reach, reg_max)
        points = cell_points(same[0].wh, 0.5)[rows]
        columns = {COEFFICIENTS: weights[0].data[:, rows].T} if weights else {}
        boxes = decode_distances(points, reach) * np.float32(stride)
        parts.append(Candidates(boxes, score, label, columns=columns))
    return join(parts) if parts else None


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
