"""YOLOX: grid offsets with objectness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sightline.boxes import cxcywh_to_xyxy
from sightline.errors import ModelError
from sightline.heads.candidates import Candidates, best_of_product, join, predict
from sightline.heads.grids import cell_points, stride_points
from sightline.heads.tensors import channels_first, levels, of_view, unreadable
from sightline.protocols import Outputs
from sightline.types import F32, ModelSpec, Prediction, Thresholds, View


@dataclass(frozen=True, slots=True)
class Yolox:
    """[N, A, 5+C] with grid offsets of all strides one after another, or one [N, 5+C, H, W] output a stride.

    decoded: the graph already made cx, cy, w, h in model pixels of them (normalized: fractions of the input).
    activated: objectness and classes are probabilities; None: they are, unless a value lies outside 0..1.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.3, nms=0.45)
    graph_nms: ClassVar[bool] = False

    strides: tuple[int, ...] = (8, 16, 32)
    decoded: bool = False
    normalized: bool = False
    activated: bool | None = None

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        whole = [a for a in outputs.values() if a.ndim == 3]

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            if len(whole) == 1:
                points, stride = (None, None) if self.decoded else stride_points(size_wh, self.strides)
                if points is not None and len(points) not in whole[0].shape[1:]:
                    raise ModelError(
                        f"head yolox: strides {list(self.strides)} make {len(points)} cells of a "
                        f"{size_wh[0]}x{size_wh[1]} input, the output is {list(whole[0].shape)}; set decoded or strides"
                    )
                return self._read(channels_first(of_view(whole[0], i)), points, stride, size_wh, spec)
            grids = levels(list(outputs.values()), i, size_wh)
            if not grids:
                raise unreadable("yolox", outputs, "[N, A, 5+C], or one [N, 5+C, H, W] output a stride")
            return join(
                [
                    self._read(g.data, cell_points(g.wh), np.full((g.cells, 1), g.stride, np.float32), size_wh, spec)
                    for g in grids
                ]
            )

        return predict(find, spec, views)

    def _read(
        self, a: NDArray[Any], points: F32 | None, stride: F32 | None, size_wh: tuple[int, int], spec: ModelSpec
    ) -> Candidates:
        """(5+C, n) with the cell (n, 2) and the stride (n, 1) of each column, None where already decoded."""
        rows, score, label = best_of_product(a[4:], spec.thresholds.least, self.activated)
        box = a[:4, rows].astype(np.float32).T
        if points is not None and stride is not None:
            box = np.concatenate([box[:, :2] + points[rows], np.exp(box[:, 2:])], 1) * stride[rows]
        elif self.normalized:
            box = box * np.array(size_wh * 2, np.float32)
        return Candidates(cxcywh_to_xyxy(box), score, label)
