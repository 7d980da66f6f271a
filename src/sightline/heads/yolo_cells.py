"""YOLOv4 as TensorFlow exports leave it: for each cell and anchor a row of box terms and probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sightline.boxes import cxcywh_to_xyxy
from sightline.errors import ModelError
from sightline.heads.candidates import Candidates, best_of_product, join, predict
from sightline.heads.grids import cell_points
from sightline.heads.tensors import of_view, sigmoid, unreadable
from sightline.protocols import Outputs
from sightline.types import F32, ModelSpec, Prediction, Thresholds, View

__all__ = ["YoloCells"]


@dataclass(frozen=True, slots=True)
class YoloCells:
    """One output [N, H, W, na, 5+C] a stride: the terms of x, y, w, h, then objectness and class probabilities.

    anchors: w, h pairs in model pixels a grid, the finest grid first. scale_xy: one a grid, or one for all:
    x = (sigmoid * s - (s-1)/2 + column) cells; w = exp * anchor. grids: names of the outputs, finest first; (): every
    one of rank 5. Source: the YOLOv4 of the ONNX model zoo, whose graph has taken the sigmoid of the last 1+C.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.25, nms=0.213)
    graph_nms: ClassVar[bool] = False

    anchors: tuple[tuple[float, ...], ...] = (
        (12, 16, 19, 36, 40, 28),
        (36, 75, 76, 55, 72, 146),
        (142, 110, 192, 243, 459, 401),
    )
    scale_xy: tuple[float, ...] = (1.2, 1.1, 1.05)
    grids: tuple[str, ...] = ()

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        grids = self._grids(outputs)

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            return join([self._grid(of_view(a, i), k, size_wh, spec) for k, a in enumerate(grids)])

        return predict(find, spec, views)

    def _grids(self, outputs: Outputs) -> list[NDArray[Any]]:
        """The outputs in the order of `anchors`."""
        missing = next((name for name in self.grids if name not in outputs), None)
        if missing is not None:
            raise ModelError(f"head yolo-cells: no output {missing!r}; the model has {', '.join(outputs)}")
        found = [outputs[name] for name in self.grids or outputs]
        found = [a for a in found if a.ndim == 5]
        if not self.grids:
            found.sort(key=lambda a: -a.shape[1] * a.shape[2])
        if len(found) != len(self.anchors):
            raise unreadable("yolo-cells", outputs, f"{len(self.anchors)} grids [N, H, W, na, 5+C], one an anchors")
        return found

    def _grid(self, a: NDArray[Any], k: int, size_wh: tuple[int, int], spec: ModelSpec) -> Candidates:
        """The candidates of grid `k` (H, W, na, 5+C)."""
        pairs: F32 = np.array(self.anchors[k], np.float32).reshape(-1, 2)
        height, width, count, terms = a.shape
        if count != len(pairs) or terms < 6:
            raise ModelError(f"head yolo-cells: a grid of {count} rows of {terms} for {len(pairs)} anchors (anchors)")
        flat = a.reshape(-1, terms).T
        rows, score, label = best_of_product(flat[4:], spec.thresholds.least, activated=True)
        t = flat[:4, rows].astype(np.float32).T
        scale = np.float32(self.scale_xy[min(k, len(self.scale_xy) - 1)])
        unit = np.array([size_wh[0] / width, size_wh[1] / height], np.float32)
        cells = cell_points((width, height))[rows // count]
        centre = (sigmoid(t[:, :2]) * scale - (scale - 1) / 2 + cells) * unit
        wh = np.exp(np.minimum(t[:, 2:], 20)) * pairs[rows % count]
        return Candidates(cxcywh_to_xyxy(np.concatenate([centre, wh], 1)), score, label)
