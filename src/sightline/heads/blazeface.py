"""BlazeFace and its relatives: regressors on a grid of unit anchors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sightline.protocols import Outputs
from sightline.types import ModelSpec, Prediction, Thresholds, View


@dataclass(frozen=True, slots=True)
class BlazeFace:
    """regressors [N, A, 4+2K] (cx, cy, w, h and K points, in units of `scale`) and logits [N, A, 1]; also split in
    several outputs, which are joined with the most anchors first.

    strides: one for each anchor layer; equal neighbours share a grid: (8, 16, 16, 16) front, (16, 32, 32, 32) back,
    (4,) full range. anchors: anchors a cell of each layer (2; full range 1). scale: the unit, 0 for the input size.
    activated: scores are probabilities; None: they are, unless a value lies outside 0..1.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.5, nms=0.3)
    graph_nms: ClassVar[bool] = False

    strides: tuple[int, ...] = (8, 16, 16, 16)
    anchors: int = 2
    scale: float = 0.0
    activated: bool | None = False

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        raise NotImplementedError
