"""SCRFD (InsightFace): faces, with or without five landmarks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sightline.errors import ModelError
from sightline.heads.candidates import Candidates, join, points_with_score, predict
from sightline.heads.grids import decode_distances, stride_points
from sightline.heads.tensors import activate, grouped, unreadable
from sightline.protocols import Outputs
from sightline.types import ModelSpec, Prediction, Thresholds, View


@dataclass(frozen=True, slots=True)
class Scrfd:
    """Scores [A, 1], distances [A, 4] and, where there, landmarks [A, 10] a stride (6 or 9 outputs; [N, A, x] too),
    in units of the stride from the cell's corner.

    strides: (): 8, 16, 32 for three levels, 8..128 for five. anchors: candidates a cell, 0: as many as fit.
    activated: scores are probabilities; None: they are, unless a value lies outside 0..1.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.5, nms=0.4)
    graph_nms: ClassVar[bool] = False

    strides: tuple[int, ...] = ()
    anchors: int = 0
    activated: bool | None = None

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            groups = grouped(list(outputs.values()), i, size_wh)
            strides = self.strides or ((8, 16, 32) if len(groups) <= 3 else (8, 16, 32, 64, 128))
            if len(groups) != len(strides) or any(len(g) not in (2, 3) for g in groups):
                raise unreadable("scrfd", outputs, "scores [A, 1], distances [A, 4] and landmarks [A, 10] a stride")
            return join([self._level(g, s, size_wh, spec) for g, s in zip(groups, strides, strict=True)])

        return predict(find, spec, views)

    def _level(
        self, group: Sequence[NDArray[Any]], stride: int, size_wh: tuple[int, int], spec: ModelSpec
    ) -> Candidates:
        parts = sorted(group, key=lambda a: a.size)  # scores, 4 distances, 10 coordinates a candidate
        each = parts[0].size
        if any(a.size != each * n for a, n in zip(parts, (1, 4, 10), strict=False)):
            raise unreadable("scrfd", {"a level": parts[0]}, "1, 4 and 10 numbers a candidate")
        cells, _ = stride_points(size_wh, [stride])
        anchors = self.anchors or each // len(cells)
        if not anchors or each != anchors * len(cells):
            raise ModelError(
                f"head scrfd: {each} candidates do not fit {len(cells)} cells of stride {stride}; set strides, anchors"
            )
        score = activate(parts[0].reshape(-1), self.activated)
        rows = np.flatnonzero(score >= np.float32(spec.thresholds.least))
        points = cells[rows // anchors]
        sides = parts[1].reshape(-1, 4)[rows].astype(np.float32)
        box = decode_distances(points, sides) * np.float32(stride)
        label = np.zeros(len(rows), np.int32)
        if len(parts) == 2:
            return Candidates(box, score[rows], label)
        marks = points[:, None] + parts[2].reshape(-1, 5, 2)[rows].astype(np.float32)
        return Candidates(box, score[rows], label, points_with_score(marks * np.float32(stride)))
