"""YOLOv5, v6, v7 and the anchor families before them (v3, v4): objectness times class."""

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
from sightline.heads.tensors import Level, centred, channels_first, is_probability, levels, of_view, sigmoid, unreadable
from sightline.protocols import Outputs
from sightline.types import F32, ModelSpec, Prediction, Thresholds, View


@dataclass(frozen=True, slots=True)
class YoloV5:
    """Concatenated [N, A, 5+C] (cx, cy, w, h in model pixels, objectness, classes), or raw grids
    [N, na, H, W, 5+C], [N, na*(5+C), H, W] or [N, H, W, na*(5+C)], one output a stride.

    anchors: w, h pairs in model pixels a stride; scale_xy, wh_exp: 2 and False for v5/v7, 1 and True for v3
    (x = (sig * s - (s-1)/2 + col) * stride; w = (2 sig)^2 or exp, times the anchor).
    activated: objectness and classes are probabilities; None: they are, unless a value lies outside 0..1.
    normalized: a concatenated output holds fractions of the input; None: where no number exceeds 2.
    channels_last: None: the longer axis is A.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.25, nms=0.45)
    graph_nms: ClassVar[bool] = False

    anchors: tuple[tuple[float, ...], ...] = (
        (10, 13, 16, 30, 33, 23),
        (30, 61, 62, 45, 59, 119),
        (116, 90, 156, 198, 373, 326),
    )
    scale_xy: tuple[float, ...] = (2.0,)
    wh_exp: bool = False
    activated: bool | None = None
    normalized: bool | None = None
    channels_last: bool | None = None

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        wants = "[N, A, 5+C], or one [N, na*(5+C), H, W] or [N, na, H, W, 5+C] output a stride"
        whole = _concatenated(outputs)

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            if whole is not None:
                return self._whole(of_view(whole, i), size_wh, spec)
            grids = self._grids(outputs, i, size_wh)
            if not grids:
                raise unreadable("yolov5", outputs, wants)
            activated = self.activated
            if activated is None:
                activated = all(is_probability(g.data.reshape(len(self._pairs(0)), -1, g.cells)[:, 4:]) for g in grids)
            return join([self._level(level, k, spec, activated) for k, level in enumerate(grids)])

        return predict(find, spec, views)

    def _whole(self, a: NDArray[Any], size_wh: tuple[int, int], spec: ModelSpec) -> Candidates:
        a = channels_first(a, self.channels_last)
        rows, score, label = best_of_product(a[4:], spec.thresholds.least, self.activated)
        return Candidates(centred(a, rows, size_wh, self.normalized), score, label)

    def _grids(self, outputs: Outputs, i: int, size_wh: tuple[int, int]) -> list[Level] | None:
        """One level a stride, its anchors still side by side in the channels: data (na*(5+C), n)."""
        flat = [
            np.moveaxis(a, 4, 2).reshape(len(a), -1, *a.shape[2:4]) if a.ndim == 5 else a
            for a in outputs.values()
            if a.ndim in (4, 5)
        ]
        found = levels(flat, i, size_wh)
        if found and (len(found) != len(self.anchors) or any(g.channels % len(self._pairs(0)) for g in found)):
            raise ModelError(
                f"head yolov5: {len(found)} grids of {found[0].channels} channels do not fit the option anchors "
                f"({len(self.anchors)} levels of {len(self._pairs(0))})"
            )
        return found

    def _pairs(self, k: int) -> F32:
        return np.array(self.anchors[k], np.float32).reshape(-1, 2)

    def _level(self, level: Level, k: int, spec: ModelSpec, activated: bool) -> Candidates:
        anchors = self._pairs(k)
        a = level.data.reshape(len(anchors), -1, level.cells)  # (na, 5+C, n)
        scale = np.float32(self.scale_xy[min(k, len(self.scale_xy) - 1)])
        parts: list[Candidates] = []
        for one, anchor in zip(a, anchors, strict=True):
            rows, score, label = best_of_product(one[4:], spec.thresholds.least, activated)
            t = one[:4, rows].astype(np.float32).T
            # an activated grid went through the sigmoid as a whole, but for the raw width and height of v3
            xy = t[:, :2] if activated else sigmoid(t[:, :2])
            centre = (xy * scale - (scale - 1) / 2 + cell_points(level.wh)[rows]) * np.float32(level.stride)
            wh = np.exp(t[:, 2:]) if self.wh_exp else np.square(2 * (t[:, 2:] if activated else sigmoid(t[:, 2:])))
            parts.append(Candidates(cxcywh_to_xyxy(np.concatenate([centre, wh * anchor], 1)), score, label))
        return join(parts)


def _concatenated(outputs: Outputs) -> NDArray[Any] | None:
    """The one [N, A, 5+C] output: some exports keep the raw grids beside it."""
    found = [a for a in outputs.values() if a.ndim == 3]
    return found[0] if len(found) == 1 else None
