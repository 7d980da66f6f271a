"""Objects as points of a heat map: CenterNet and CenterFace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sightline.protocols import Outputs
from sightline.types import ModelSpec, Prediction, Thresholds, View


@dataclass(frozen=True, slots=True)
class CenterNet:
    """heat map [N, C, H, W], size [N, 2, H, W] (w, h) and offset [N, 2, H, W] (x, y; may be absent); NHWC too.

    heat, size, offset: output names; "": by name (hm, wh, reg ...) and shape. Sizes are in cells (size_px: model pixels).
    pool: only peaks of a 3x3 window. activated: the heat map is a probability; None: it is, unless a value lies
    outside 0..1.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.3, nms=1.0)
    graph_nms: ClassVar[bool] = False

    heat: str = ""
    size: str = ""
    offset: str = ""
    size_px: bool = False
    pool: bool = True
    activated: bool | None = None

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class CenterFace:
    """heat map [N, 1, H, W], scale [N, 2, H, W] (log h, log w in cells), offset [N, 2, H, W] (y, x), landmarks
    [N, 10, H, W] (five y, x in units of the box from its corner; may be absent). The four in this order, or by the
    options' names.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.5, nms=0.3)
    graph_nms: ClassVar[bool] = False

    heat: str = ""
    size: str = ""
    offset: str = ""
    landmarks: str = ""
    activated: bool | None = None

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        raise NotImplementedError
