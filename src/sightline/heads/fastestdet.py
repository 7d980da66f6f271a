"""FastestDet: one grid, class-agnostic suppression as in its own code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sightline.protocols import Outputs
from sightline.types import ModelSpec, Prediction, Thresholds, View


@dataclass(frozen=True, slots=True)
class FastestDet:
    """[N, 5+C, H, W]: objectness, 4 box terms (tanh, tanh, sigmoid, sigmoid), classes; a cell is one candidate.

    score = objectness^0.6 * class^0.4; boxes are fractions of the input. activated: objectness and classes are
    probabilities; None: they are, unless a value lies outside 0..1 (then sigmoid and softmax).
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.65, nms=0.45, class_agnostic=True)
    graph_nms: ClassVar[bool] = False

    activated: bool | None = None

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        raise NotImplementedError
