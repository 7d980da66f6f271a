"""FOMO: a class for every coarse cell, no boxes (Edge Impulse)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sightline.heads.candidates import Candidates, predict
from sightline.heads.tensors import activate, of_view, softmax, unreadable
from sightline.protocols import Outputs
from sightline.types import ModelSpec, Prediction, Thresholds, View

_TOUCHING = np.ones((3, 3), np.bool_)  # corners touch too


@dataclass(frozen=True, slots=True)
class Fomo:
    """[N, h, w, 1+C] or [N, 1+C, h, w]: for each cell the probability of the background (class 0) and of C classes.

    group: cells of one class that touch are one object, its box around them, its score the highest; else each cell is
    one. The keypoint is the mean of the cells' centres. background: the class that is none; classes after it move
    down by one where the label table leaves it out.
    output: the output's name, "" the only one of rank 4. channels_last: None: the shorter end holds the classes.
    activated: probabilities; None: unless a value lies outside 0..1 (then a softmax).
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.5, nms=1.0)
    graph_nms: ClassVar[bool] = True

    group: bool = True
    background: int = 0
    output: str = ""
    channels_last: bool | None = None
    activated: bool | None = None

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        maps = [a for name, a in outputs.items() if a.ndim == 4 and self.output in ("", name)]
        if len(maps) != 1 or 0 in maps[0].shape[1:]:
            raise unreadable("fomo", outputs, "one output [N, h, w, 1+C] (option output)")
        last = maps[0].shape[3] < maps[0].shape[1] if self.channels_last is None else self.channels_last

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            a = of_view(maps[0], i)
            a = np.moveaxis(a, 2, 0) if last else a
            shares = activate(a, self.activated, lambda x: softmax(x, 0))
            return self._objects(shares, size_wh, spec)

        return predict(find, spec, views)

    def _objects(self, shares: NDArray[Any], size_wh: tuple[int, int], spec: ModelSpec) -> Candidates:
        """Shares (1+C, h, w) -> objects."""
        cell = np.array([size_wh[0] / shares.shape[2], size_wh[1] / shares.shape[1]])
        boxes: list[tuple[float, ...]] = []
        scores: list[float] = []
        labels: list[int] = []
        centres: list[tuple[float, ...]] = []
        moved = self.background >= 0 and len(spec.labels) not in (0, len(shares))
        for c in range(len(shares)):
            hit = shares[c] >= np.float32(spec.thresholds.least)
            if c == self.background or not hit.any():
                continue
            for y, x in self._groups(hit):
                low, high = np.array([x.min(), y.min()]) * cell, np.array([x.max() + 1, y.max() + 1]) * cell
                boxes.append((*low.tolist(), *high.tolist()))
                scores.append(float(shares[c, y, x].max()))
                labels.append(c - 1 if moved and c > self.background else c)
                centres.append((float((x.mean() + 0.5) * cell[0]), float((y.mean() + 0.5) * cell[1]), 1.0))
        return Candidates(
            np.array(boxes, np.float32).reshape(-1, 4),
            np.array(scores, np.float32),
            np.array(labels, np.int32),
            np.array(centres, np.float32).reshape(-1, 1, 3),
        )

    def _groups(self, hit: NDArray[np.bool_]) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Rows and columns of the cells of each object."""
        if not self.group:
            return [(np.array([y]), np.array([x])) for y, x in np.argwhere(hit).tolist()]
        marks = np.zeros(hit.shape, np.int32)
        count = cast(int, ndimage.label(hit, _TOUCHING, marks))
        return [(at[:, 0], at[:, 1]) for at in (np.argwhere(marks == k) for k in range(1, count + 1))]
