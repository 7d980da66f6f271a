"""DBFace: faces as points of a heat map, with five landmarks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sightline.protocols import Outputs
from sightline.types import ModelSpec, Prediction, Thresholds, View


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
        raise NotImplementedError
