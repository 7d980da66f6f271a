"""YOLO networks as the OAK tools cut them: one decoded but unplaced grid a stride; keypoints or masks beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from sightline.boxes import cxcywh_to_xyxy
from sightline.errors import ModelError
from sightline.heads.candidates import Candidates, best_class, join, points_with_score, predict
from sightline.heads.grids import cell_points, decode_distances
from sightline.heads.prototypes import COEFFICIENTS, with_masks
from sightline.heads.tensors import Level, levels, of_view, sigmoid, unreadable
from sightline.protocols import Outputs
from sightline.types import F32, I64, ModelSpec, Prediction, Thresholds, View

__all__ = ["YoloGrids"]


@dataclass(frozen=True, slots=True)
class YoloGrids:
    """One output [N, 5+C, H, W] a stride: four numbers of the box, a confidence, C class probabilities.

    box: "sides" left, top, right, bottom from the cell's middle, in cells (YOLOv6 R2 and later, v8 to v12);
    "centre" from the cell's corner and the logarithms of width and height, in cells (YOLOv6 R1, YOLOX).
    product: the score is confidence times class; else that of the class alone, the confidence being its maximum.
    grids: names of the outputs; (): every one of rank 4. keypoints: names of outputs [N, 3K, H*W] (or [N, 3K, H, W]),
    x and y in model pixels and a logit, one for each grid; (): there are none.
    masks: names of outputs [N, P, H, W] with coefficients, one for each grid, of the `prototypes` [N, P, h, w].
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.5, nms=0.5)
    graph_nms: ClassVar[bool] = False

    box: Literal["sides", "centre"] = "sides"
    product: bool = False
    grids: tuple[str, ...] = ()
    keypoints: tuple[str, ...] = ()
    masks: tuple[str, ...] = ()
    prototypes: str = ""

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        beside = (*self.keypoints, *self.masks, *((self.prototypes,) if self.prototypes else ()))
        missing = next((name for name in (*self.grids, *beside) if name not in outputs), None)
        if missing is not None:
            raise ModelError(f"head yolo-grids: the model has no output {missing!r}; it has {', '.join(outputs)}")
        chosen = [outputs[name] for name in self.grids or outputs if name not in beside]
        chosen = [a for a in chosen if a.ndim == 4]

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            found = levels(chosen, i, size_wh)
            if not found or any(level.channels < 6 for level in found):
                raise unreadable("yolo-grids", outputs, "one output [N, 5+C, H, W] a stride")
            points = _matched(outputs, self.keypoints, i, found)
            weights = _matched(outputs, self.masks, i, found)
            return join([self._level(*parts, spec) for parts in zip(found, points, weights, strict=True)])

        predictions = predict(find, spec, views)
        return with_masks(predictions, outputs[self.prototypes], views) if self.masks else predictions

    def _level(
        self, level: Level, points: NDArray[Any] | None, weights: NDArray[Any] | None, spec: ModelSpec
    ) -> Candidates:
        classes = level.data[5:]
        if self.product:
            classes = classes.astype(np.float32) * level.data[4:5].astype(np.float32)
        rows, score, label = best_class(classes, spec.thresholds.least, True)
        xyxy = self._boxes(level.data[:4, rows].astype(np.float32).T, level, rows)
        found: F32 | None = None
        if points is not None:
            if len(points) % 3:
                raise ModelError(f"head yolo-grids: {len(points)} channels are no x, y and score of keypoints")
            triples = points[:, rows].astype(np.float32).T.reshape(len(rows), len(points) // 3, 3)
            found = points_with_score(triples[..., :2])
            found[..., 2] = sigmoid(triples[..., 2])
        columns = {} if weights is None else {COEFFICIENTS: weights[:, rows].T}
        return Candidates(xyxy, score, label, found, columns)

    def _boxes(self, raw: F32, level: Level, rows: I64) -> F32:
        stride = np.float32(level.stride)
        if self.box == "sides":
            return decode_distances(cell_points(level.wh, 0.5)[rows], raw) * stride
        centre = raw[:, :2] + cell_points(level.wh)[rows]
        return cxcywh_to_xyxy(np.concatenate([centre, np.exp(raw[:, 2:])], 1) * stride)


def _matched(outputs: Outputs, names: tuple[str, ...], i: int, found: Sequence[Level]) -> list[NDArray[Any] | None]:
    """What each level has beside its boxes, (D, n); None where there is nothing such."""
    if not names:
        return [None] * len(found)
    flat = [of_view(outputs[name], i) for name in names]
    flat = sorted((a.reshape(len(a), -1) for a in flat), key=lambda a: -a.shape[1])
    if [a.shape[1] for a in flat] != [level.cells for level in found]:
        raise unreadable("yolo-grids", outputs, f"one of {', '.join(names)} a grid, each with as many cells")
    return list(flat)
