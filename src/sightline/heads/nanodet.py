"""NanoDet, NanoDet-Plus, PP-PicoDet: distance distributions (generalised focal loss)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sightline.heads.candidates import Candidates, best_class, join, predict
from sightline.heads.grids import decode_distances, stride_points
from sightline.heads.tensors import dfl, grouped, unreadable
from sightline.protocols import Outputs
from sightline.types import F32, ModelSpec, Prediction, Thresholds, View

_TAKES = (
    "[N, n, C] and [N, n, {sides}] for each of the strides {strides}, or one [N, A, C+{sides}] (options strides, bins)"
)


@dataclass(frozen=True, slots=True)
class NanoDet:
    """Classes [N, n, C] and distances [N, n, 4*(R+1)] a stride, or all in one [N, A, C+4*(R+1)] (NanoDet-Plus);
    also [N, C, H, W] and [N, 4*(R+1), H, W].

    centre: where a cell's point lies: "corner" col*stride (NanoDet-Plus), "inner" col*stride + (stride-1)/2
    (NanoDet), "middle" (col+0.5)*stride (PicoDet); "": corner for one output, inner for three strides, else middle.
    bins: R+1; activated: classes are probabilities; None: they are, unless a value lies outside 0..1.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.35, nms=0.6)
    graph_nms: ClassVar[bool] = False

    strides: tuple[int, ...] = ()
    bins: int = 8
    centre: str = ""
    activated: bool | None = None

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            pairs = _pairs(outputs, i, size_wh, 4 * self.bins)
            strides = self.strides or ((8, 16, 32) if len(pairs) == 3 else (8, 16, 32, 64))
            if len(pairs) == 1:
                strides = self.strides or _covering(pairs[0][0].shape[1], size_wh)
            places = [stride_points(size_wh, [s] if len(pairs) > 1 else strides) for s in strides[: len(pairs)]]
            grids = [(*pair, *place) for pair, place in zip(pairs, places, strict=False)]
            fits = len(pairs) in (1, len(strides)) and all(g[0].shape[1] == len(g[2]) for g in grids)
            if not grids or not fits:
                raise unreadable("nanodet", outputs, _TAKES.format(sides=4 * self.bins, strides=list(strides)))
            return join([self._level(*g, len(pairs), spec) for g in grids])

        return predict(find, spec, views)

    def _level(
        self, scores: NDArray[Any], sides: NDArray[Any], points: F32, stride: F32, outputs: int, spec: ModelSpec
    ) -> Candidates:
        """scores (C, n), sides (4*bins, n), cells (n, 2), stride (n, 1)."""
        rows, score, label = best_class(scores, spec.thresholds.least, self.activated)
        step = stride[rows]
        centre = self.centre or {1: "corner", 3: "inner"}.get(outputs, "middle")
        shift = {"corner": np.float32(0), "inner": (step - 1) / 2, "middle": step / 2}[centre]
        reach = dfl(sides[:, rows].astype(np.float32).T, self.bins) * step
        return Candidates(decode_distances(points[rows] * step + shift, reach), score, label)


def _pairs(outputs: Outputs, i: int, size_wh: tuple[int, int], sides: int) -> list[tuple[NDArray[Any], NDArray[Any]]]:
    """(scores (C, n), sides (4*bins, n)) of each stride, finest first; one pair where all strides are in one output."""
    pairs: list[tuple[NDArray[Any], NDArray[Any]]] = []
    for group in grouped(list(outputs.values()), i, size_wh):
        flat = [a.T for a in group]
        if len(flat) == 1 and len(flat[0]) > sides:
            pairs.append((flat[0][:-sides], flat[0][-sides:]))
        elif len(flat) == 2 and sides in (len(flat[0]), len(flat[1])):
            # as many classes as side channels: the classes come first
            pairs.append((flat[0], flat[1]) if len(flat[1]) == sides else (flat[1], flat[0]))
        else:
            return []
    return pairs


def _covering(cells: int, size_wh: tuple[int, int]) -> tuple[int, ...]:
    """The usual strides whose grids have so many cells together."""
    usual = ((8, 16, 32, 64), (8, 16, 32))
    return next((s for s in usual if len(stride_points(size_wh, s)[0]) == cells), usual[0])
