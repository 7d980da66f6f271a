"""YOLOv5, v6, v7 and the anchor families before them (v3, v4): objectness times class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sightline.protocols import Outputs
from sightline.types import ModelSpec, Prediction, Thresholds, View


@dataclass(frozen=True, slots=True)
class YoloV5:
    """Concatenated [N, A, 5+C] (cx, cy, w, h in model pixels, objectness, classes), or raw grids
    [N, na, H, W, 5+C], [N, na*(5+C), H, W] or [N, H, W, na*(5+C)], one output a stride.

    anchors: w, h pairs in model pixels a stride; scale_xy, wh_exp: 2 and False for v5/v7, 1 and True for v3
    (x = (sig * s - (s-1)/2 + col) * stride; w = (2 sig)^2 or exp, times the anchor).
    activated: objectness and classes are probabilities; None: they are, unless a value lies outside 0..1.
    normalized: a concatenated output holds fractions of the input. channels_last: None: the longer axis is A.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.25, nms=0.45)
    graph_nms: ClassVar[bool] = False

    anchors: tuple[tuple[float, ...], ...] = (
        (10, 13, 16, 30, 33, 23),
        (30, 61, 62, 45, 59, 119),
        (116, 90, 156, 198, 373, 326),
    )
    strides: tuple[int, ...] = (8, 16, 32)
    scale_xy: tuple[float, ...] = (2.0,)
    wh_exp: bool = False
    activated: bool | None = None
    normalized: bool = False
    channels_last: bool | None = None

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        raise NotImplementedError
