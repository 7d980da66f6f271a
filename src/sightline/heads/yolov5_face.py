"""YOLOv5-face: boxes with five landmarks beside the objectness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sightline.boxes import cxcywh_to_xyxy
from sightline.errors import ModelError
from sightline.heads.candidates import Candidates, face_ids, join, points_with_score, predict
from sightline.heads.grids import cell_points
from sightline.heads.tensors import Floats, activate, is_probability, of_view, sigmoid, unreadable
from sightline.protocols import Outputs
from sightline.types import F32, ModelSpec, Prediction, Thresholds, View

__all__ = ["YoloV5Face"]


@dataclass(frozen=True, slots=True)
class YoloV5Face:
    """[N, A, 16]: cx, cy, w, h in model pixels, objectness, five times x, y, and the class (Qi et al.,
    arXiv 2105.12931); or raw grids [N, 3, H, W, 16], one a stride.

    anchors: w, h pairs in model pixels a stride, of raw grids. activated: scores of a decoded output are
    probabilities; None: they are, unless a value lies outside 0..1.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.3, nms=0.5)
    graph_nms: ClassVar[bool] = False

    anchors: tuple[tuple[float, ...], ...] = (
        (4, 5, 8, 10, 13, 16),
        (23, 29, 43, 55, 73, 105),
        (146, 217, 231, 300, 335, 433),
    )
    activated: bool | None = None

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        whole = [a for a in outputs.values() if a.ndim == 3 and a.shape[2] == 16]
        grids = sorted((a for a in outputs.values() if a.ndim == 5 and a.shape[4] == 16), key=lambda a: -a.shape[2])

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            if len(whole) == 1:
                return self._decoded(of_view(whole[0], i), spec)
            if not grids:
                raise unreadable("yolov5-face", outputs, "[N, A, 16], or [N, 3, H, W, 16] a stride")
            if len(grids) != len(self.anchors):
                raise ModelError(f"head yolov5-face: {len(grids)} grids, but anchors for {len(self.anchors)}")
            return join([self._grid(of_view(a, i), k, size_wh, spec) for k, a in enumerate(grids)])

        return predict(find, spec, views)

    def _decoded(self, a: Floats, spec: ModelSpec) -> Candidates:
        scores = a[:, [4, 15]]
        probable = is_probability(scores) if self.activated is None else self.activated
        score = activate(scores, probable).prod(1)
        rows = np.flatnonzero(score >= np.float32(spec.thresholds.least))
        found = a[rows].astype(np.float32)
        marks = points_with_score(found[:, 5:15].reshape(len(rows), 5, 2))
        return Candidates(cxcywh_to_xyxy(found[:, :4]), score[rows], face_ids(spec, len(rows)), marks)

    def _grid(self, a: Floats, k: int, size_wh: tuple[int, int], spec: ModelSpec) -> Candidates:
        anchors: F32 = np.array(self.anchors[k], np.float32).reshape(-1, 2)
        count, h, w = a.shape[:3]
        if count != len(anchors):
            raise ModelError(f"head yolov5-face: {count} anchors a cell, but {len(anchors)} in the option anchors")
        stride = np.array([size_wh[0] / w, size_wh[1] / h], np.float32)
        flat = a.reshape(count * h * w, 16)
        score = sigmoid(flat[:, [4, 15]]).prod(1)
        rows = np.flatnonzero(score >= np.float32(spec.thresholds.least))
        raw = flat[rows].astype(np.float32)
        cell, anchor = cell_points((w, h))[rows % (h * w)], anchors[rows // (h * w)]
        box = sigmoid(raw[:, :4])
        centre, side = (box[:, :2] * 2 - np.float32(0.5) + cell) * stride, np.square(box[:, 2:] * 2) * anchor
        marks = raw[:, 5:15].reshape(len(rows), 5, 2) * anchor[:, None] + (cell * stride)[:, None]
        whole = cxcywh_to_xyxy(np.concatenate([centre, side], 1))
        return Candidates(whole, score[rows], face_ids(spec, len(rows)), points_with_score(marks))
