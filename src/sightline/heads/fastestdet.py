"""FastestDet: one grid, class-agnostic suppression as in its own code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sightline.boxes import cxcywh_to_xyxy
from sightline.heads.candidates import Candidates, predict
from sightline.heads.grids import cell_points
from sightline.heads.tensors import Level, activate, levels, sigmoid, softmax, unreadable
from sightline.protocols import Outputs
from sightline.types import ModelSpec, Prediction, Thresholds, View


@dataclass(frozen=True, slots=True)
class FastestDet:
    """[N, 5+C, H, W]: objectness, 4 box terms (tanh, tanh, sigmoid, sigmoid), classes; a cell is one candidate.

    score = objectness^0.6 * class^0.4; boxes are fractions of the input. activated: objectness and classes are
    probabilities; None: they are, unless a value lies outside 0..1 (then sigmoid and softmax).
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.65, nms=0.45, class_agnostic=True)
    graph_nms: ClassVar[bool] = False

    activated: bool | None = None

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            grids = levels(list(outputs.values()), i, size_wh) or []
            if len(grids) != 1 or grids[0].channels < 6:
                raise unreadable("fastestdet", outputs, "one grid [N, 5+C, H, W]")
            return self._read(grids[0], size_wh, spec.thresholds.least)

        return predict(find, spec, views, agnostic=True)

    def _read(self, grid: Level, size_wh: tuple[int, int], least: float) -> Candidates:
        a = grid.data.astype(np.float32, copy=False)
        objectness = activate(a[0], self.activated)
        # obj^0.6 * class^0.4 cannot be above obj^0.6
        rows = np.flatnonzero(objectness >= np.float32(max(least, 0) ** (1 / 0.6) * 0.999))
        classes = activate(a[5:, rows], self.activated, lambda c: softmax(c, 0))
        score = np.maximum(objectness[rows], 0) ** np.float32(0.6) * np.maximum(classes.max(0), 0) ** np.float32(0.4)
        terms = a[1:5, rows].T
        cells = np.array(grid.wh, np.float32)
        centre = (np.tanh(terms[:, :2]) + cell_points(grid.wh)[rows]) / cells
        box = np.concatenate([centre, sigmoid(terms[:, 2:])], 1) * np.array(size_wh * 2, np.float32)
        return Candidates(cxcywh_to_xyxy(box), score, classes.argmax(0))
