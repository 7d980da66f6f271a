"""BlazeFace and its relatives: regressors on a grid of unit anchors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import ClassVar

import numpy as np

from sightline.boxes import cxcywh_to_xyxy
from sightline.errors import ModelError
from sightline.heads.candidates import Candidates, points_with_score, predict
from sightline.heads.grids import stride_points
from sightline.heads.tensors import activate, grouped, unreadable
from sightline.protocols import Outputs
from sightline.types import F32, ModelSpec, Prediction, Thresholds, View

_USUAL = (((8, 16, 16, 16), 2), ((16, 32, 32, 32), 2), ((4,), 1))  # front and palm, back, full range


@dataclass(frozen=True, slots=True)
class BlazeFace:
    """regressors [N, A, 4+2K] (cx, cy, w, h and K points, in units of `scale`) and logits [N, A, 1]; also split in
    several outputs, which are joined with the most anchors first.

    strides: one for each anchor layer; equal neighbours share a grid: (8, 16, 16, 16) front, (16, 32, 32, 32) back,
    (4,) full range; (): of these the one whose anchors are as many. anchors: a cell of each layer, 0: 2, full range 1.
    scale: the unit, 0 for the input size.
    activated: scores are probabilities; None: they are, unless a value lies outside 0..1.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.5, nms=0.3)
    graph_nms: ClassVar[bool] = False

    strides: tuple[int, ...] = ()
    anchors: int = 0
    scale: float = 0.0
    activated: bool | None = False

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            groups = grouped(list(outputs.values()), i, size_wh)
            if not groups or any(sorted(a.shape[1] for a in g)[0] != 1 or len(g) != 2 for g in groups):
                raise unreadable("blazeface", outputs, "regressors [N, A, 4+2K] and logits [N, A, 1]")
            logits = np.concatenate([min(g, key=lambda a: a.shape[1])[:, 0] for g in groups])
            raw = np.concatenate([max(g, key=lambda a: a.shape[1]) for g in groups])
            centres = self._centres(len(raw), size_wh)
            score = activate(logits, self.activated)
            rows = np.flatnonzero(score >= np.float32(spec.thresholds.least))
            unit = np.array(size_wh, np.float32)
            gain = unit / (np.float32(self.scale) if self.scale else unit)
            pairs = (
                raw[rows].astype(np.float32).reshape(len(rows), raw.shape[1] // 2, 2) * gain
            )  # centre, size, K points
            pairs[:, 0] += centres[rows]
            pairs[:, 2:] += centres[rows, None]
            box = cxcywh_to_xyxy(pairs[:, :2].reshape(-1, 4))
            return Candidates(box, score[rows], np.zeros(len(rows), np.int32), points_with_score(pairs[:, 2:]))

        return predict(find, spec, views)

    def _centres(self, rows: int, size_wh: tuple[int, int]) -> F32:
        """(A, 2) anchor centres in model pixels."""
        known = ((self.strides, self.anchors or 2),) if self.strides else _USUAL
        for strides, anchors in known:
            layers = [(s, anchors * len(list(same))) for s, same in groupby(strides)]
            made = [
                np.repeat(stride_points(size_wh, [s])[0] + np.float32(0.5), n, 0) * np.float32(s) for s, n in layers
            ]
            if sum(map(len, made)) == rows:
                return np.concatenate(made)
        raise ModelError(f"head blazeface: the model has {rows} anchors; set strides and anchors to what makes so many")
