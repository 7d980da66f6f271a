"""SCRFD (InsightFace): faces, with or without five landmarks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sightline.protocols import Outputs
from sightline.types import ModelSpec, Prediction, Thresholds, View


@dataclass(frozen=True, slots=True)
class Scrfd:
    """Scores [A, 1], distances [A, 4] and, where there, landmarks [A, 10] a stride (6 or 9 outputs; [N, A, x] too),
    in units of the stride from the cell's corner.

    strides: (): 8, 16, 32 for three levels, 8..128 for five. anchors: candidates a cell.
    activated: scores are probabilities; None: they are, unless a value lies outside 0..1.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.5, nms=0.4)
    graph_nms: ClassVar[bool] = False

    strides: tuple[int, ...] = ()
    anchors: int = 2
    activated: bool | None = None

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        raise NotImplementedError
