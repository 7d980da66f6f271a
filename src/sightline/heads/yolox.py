"""YOLOX: grid offsets with objectness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sightline.protocols import Outputs
from sightline.types import ModelSpec, Prediction, Thresholds, View


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
        raise NotImplementedError
