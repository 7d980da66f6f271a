"""UltraFace (RFB, slim): faces, with and without its decoding in the graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sightline.protocols import Outputs
from sightline.types import ModelSpec, Prediction, Thresholds, View


@dataclass(frozen=True, slots=True)
class UltraFace:
    """scores [N, A, 2] (background, face) and boxes [N, A, 4]: x1, y1, x2, y2 as fractions, or with `priors` offsets.

    min_sizes: square priors a stride in model pixels. activated: scores are probabilities; None: they are, unless a
    value lies outside 0..1 (then softmax).
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.7, nms=0.3)
    graph_nms: ClassVar[bool] = False

    priors: bool = False
    strides: tuple[int, ...] = (8, 16, 32, 64)
    min_sizes: tuple[tuple[float, ...], ...] = ((10, 16, 24), (32, 48), (64, 96), (128, 192, 256))
    variances: tuple[float, float] = (0.1, 0.2)
    activated: bool | None = None

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        raise NotImplementedError
