"""YOLO-FastestV2: two grids of three anchors that share their classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sightline.boxes import cxcywh_to_xyxy
from sightline.heads.candidates import Candidates, join, predict
from sightline.heads.grids import stride_points
from sightline.heads.tensors import Floats, grouped, unreadable
from sightline.protocols import Outputs
from sightline.types import F32, ModelSpec, Prediction, Thresholds, View


@dataclass(frozen=True, slots=True)
class YoloFastestV2:
    """Rows of 4 box terms for each of three anchors, three objectnesses and C classes, all probabilities: [n, 15+C] or
    [N, n, 15+C] over both strides, or [N, H, W, 15+C] a stride.

    x = (2 t - 1/2 + col) * stride, w = (2 t)^2 * anchor; score = objectness * class.
    anchors: w, h pairs in model pixels, one row a stride.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.3, nms=0.45)
    graph_nms: ClassVar[bool] = False

    anchors: tuple[tuple[float, ...], ...] = (
        (12.64, 19.39, 37.88, 51.48, 55.71, 138.31),
        (126.91, 78.23, 131.57, 214.55, 279.92, 258.87),
    )
    strides: tuple[int, ...] = (16, 32)

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            points, stride = stride_points(size_wh, self.strides)
            groups = grouped(list(outputs.values()), i, size_wh)
            rows = np.concatenate([a for group in groups for a in group]) if groups else np.zeros((0, 0), np.float32)
            if len(rows) != len(points) or rows.shape[1] < 16 or any(len(group) != 1 for group in groups):
                raise unreadable("yolo-fastestv2", outputs, "rows of 12 box terms, 3 objectnesses and C classes")
            return join([self._anchor(k, rows, points, stride, spec.thresholds.least) for k in range(3)])

        return predict(find, spec, views)

    def _anchor(self, k: int, rows: Floats, points: F32, stride: F32, least: float) -> Candidates:
        """What anchor `k` of every cell gives. rows: (n, 15+C)."""
        kept = np.flatnonzero(rows[:, 12 + k] >= np.float32(least))
        classes = rows[kept, 15:].astype(np.float32, copy=False)
        score = rows[kept, 12 + k].astype(np.float32) * classes.max(1)
        sides = np.array(self.anchors, np.float32).reshape(len(self.strides), 3, 2)[:, k]
        level = np.searchsorted(np.array(self.strides, np.float32), stride[kept, 0])
        terms = 2 * rows[kept, 4 * k : 4 * k + 4].astype(np.float32)
        centre = (terms[:, :2] - np.float32(0.5) + points[kept]) * stride[kept]
        box = np.concatenate([centre, np.square(terms[:, 2:]) * sides[level]], 1)
        return Candidates(cxcywh_to_xyxy(box), score, classes.argmax(1))
