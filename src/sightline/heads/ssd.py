"""SSD before its post-processing: offsets from priors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sightline.errors import ModelError
from sightline.heads.boxes_scores import best_foreground, boxes_and_scores
from sightline.heads.candidates import Candidates, predict
from sightline.heads.grids import decode_offsets, priors
from sightline.heads.tensors import of_view, pick
from sightline.protocols import Outputs
from sightline.types import F32, ModelSpec, Prediction, Thresholds, View


@dataclass(frozen=True, slots=True)
class Ssd:
    """Offsets [N, A, 4] (or [N, 4A]) and class scores [N, A, C] (or [N, A*C]); priors from a third output
    (cx, cy, w, h fractions [A, 4] or [1, A, 4]; Caffe's [1, 2, 4A] corners and variances) or computed.

    boxes, scores, priors: output names; "": found by name and shape.
    sizes: priors of each level as w, h pairs in model pixels, row by row, centre (col+0.5)*stride; or min_sizes and
    max_sizes (one a level) with aspect_ratios a level: min, sqrt(min*max), then each ratio and its inverse.
    order: "xywh" or "yxhw" (TensorFlow). activation: "none", "softmax", "sigmoid"; "": seen from the values.
    background: the class that is none (-1: there is no such class); classes after it move down by one where the label
    table leaves it out.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.4, nms=0.45)
    graph_nms: ClassVar[bool] = False

    boxes: str = ""
    scores: str = ""
    priors: str = ""
    strides: tuple[int, ...] = ()
    sizes: tuple[tuple[float, ...], ...] = ()
    min_sizes: tuple[float, ...] = ()
    max_sizes: tuple[float, ...] = ()
    aspect_ratios: tuple[tuple[float, ...], ...] = ()
    clip_priors: bool = False
    variances: tuple[float, float] = (0.1, 0.2)
    order: str = "xywh"
    activation: str = ""
    background: int = 0

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        rest = {name: a for name, a in outputs.items() if not self._is_prior(name)}
        boxes, scores = boxes_and_scores("ssd", rest, self.boxes, self.scores)

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            box = of_view(boxes, i).reshape(-1, 4)
            table = of_view(scores, i).reshape(len(box), -1)
            places, variances = self._priors(outputs, i, size_wh)
            if len(places) != len(box):
                raise ModelError(
                    f"head ssd: the options make {len(places)} priors, the model has {len(box)} boxes\n"
                    f"strides, sizes (or min_sizes, max_sizes, aspect_ratios) must be those of its training"
                )
            rows, best, label = best_foreground(table, spec, self.activation, self.background)
            offsets = box[rows] if self.order == "xywh" else box[rows][:, [1, 0, 3, 2]]
            return Candidates(decode_offsets(offsets, places[rows], variances), best, label)

        return predict(find, spec, views)

    def _priors(self, outputs: Outputs, i: int, size_wh: tuple[int, int]) -> tuple[F32, tuple[float, float]]:
        """Priors (A, 4) cx, cy, w, h in model pixels and their variances."""
        named = {n: a for n, a in outputs.items() if self._is_prior(n)}
        given = pick(named, self.priors, (), lambda a: a.dtype.kind == "f")
        if given is not None:
            return self._given(given.astype(np.float32, copy=False), size_wh)
        if not self.strides or not (self.sizes or self.min_sizes):
            raise ModelError("head ssd: where are the priors?\nname their output (priors), or set strides and sizes")
        return priors(size_wh, self.strides, self.sizes or self._sizes(), self.clip_priors), self.variances

    def _is_prior(self, name: str) -> bool:
        return name == self.priors if self.priors else "prior" in name.lower() or "anchor" in name.lower()

    def _given(self, a: F32, size_wh: tuple[int, int]) -> tuple[F32, tuple[float, float]]:
        unit = np.array(size_wh * 2, np.float32)
        if a.ndim == 3 and a.shape[1] == 2 and a.shape[2] != 4:
            corners, spread = a[0, 0].reshape(-1, 4) * unit, a[0, 1]
            low, high = corners[:, :2], corners[:, 2:]
            return np.concatenate([(low + high) / 2, high - low], 1), (float(spread[0]), float(spread[2]))
        a = a.reshape(-1, 4) if self.order == "xywh" else a.reshape(-1, 4)[:, [1, 0, 3, 2]]
        return a * unit, self.variances

    def _sizes(self) -> list[list[float]]:
        """w, h pairs of each level in the order of Caffe's PriorBox."""
        made: list[list[float]] = []
        for k, side in enumerate(self.min_sizes):
            pairs = [side, side]
            if k < len(self.max_sizes):
                pairs += [float(np.sqrt(side * self.max_sizes[k]))] * 2
            for ratio in self.aspect_ratios[min(k, len(self.aspect_ratios) - 1)] if self.aspect_ratios else ():
                root = float(np.sqrt(ratio))
                pairs += [side * root, side / root, side / root, side * root]
            made.append(pairs)
        return made
