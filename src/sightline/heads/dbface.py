"""DBFace: faces as points of a heat map, with five landmarks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sightline.heads.candidates import Candidates, points_with_score, predict
from sightline.heads.grids import cell_points, decode_distances
from sightline.heads.heat import named_grids, peaks
from sightline.heads.tensors import unreadable
from sightline.protocols import Outputs
from sightline.types import F32, ModelSpec, Prediction, Thresholds, View


@dataclass(frozen=True, slots=True)
class DbFace:
    """heat map, box sides (left, top, right, bottom in cells) and landmarks (5 x, then 5 y) as [N, H, W, 1|4|10] or
    [N, 1|4|10, H, W].

    A landmark is e(4 v) cells from its cell, e(v) = v*e below 1, else sign(v)*exp(|v|). pool: only peaks of a 3x3
    window. activated: the heat map is a probability; None: it is, unless a value lies outside 0..1.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.4, nms=0.3)
    graph_nms: ClassVar[bool] = False

    pool: bool = False
    activated: bool | None = None

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            by_width = {g.channels: g for g in named_grids(outputs, i, size_wh).values()}
            if not by_width.keys() >= {1, 4}:
                raise unreadable("dbface", outputs, "a heat map (1), box sides (4) and landmarks (10) on one grid")
            heat = by_width[1]
            at, _, score = peaks(heat, spec.thresholds.least, self.activated, self.pool)
            cells, stride = cell_points(heat.wh)[at], np.float32(heat.stride)
            box = decode_distances(cells, by_width[4].data[:, at].astype(np.float32).T) * stride
            label = np.zeros(len(at), np.int32)
            if 10 not in by_width:
                return Candidates(box, score, label)
            raw = by_width[10].data[:, at].astype(np.float32).T.reshape(len(at), 2, 5)
            marks = (_stretch(4 * raw).transpose(0, 2, 1) + cells[:, None]) * stride
            return Candidates(box, score, label, points_with_score(marks))

        return predict(find, spec, views)


def _stretch(v: F32) -> F32:
    """v*e within -1..1, sign(v)*exp(|v|) beyond."""
    size = np.abs(v)
    return np.where(size < 1, v * np.float32(np.e), np.sign(v) * np.exp(size))
