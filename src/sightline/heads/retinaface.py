"""RetinaFace: faces with five landmarks from SSD priors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sightline.protocols import Outputs
from sightline.types import ModelSpec, Prediction, Thresholds, View


@dataclass(frozen=True, slots=True)
class RetinaFace:
    """boxes [N, A, 4], scores [N, A, 2] (background, face), landmarks [N, A, 10]: offsets from square priors.

    min_sizes: square priors a stride in model pixels. activated: scores are probabilities; None: they are, unless a
    value lies outside 0..1 (then softmax).
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.6, nms=0.4)
    graph_nms: ClassVar[bool] = False

    strides: tuple[int, ...] = (8, 16, 32)
    min_sizes: tuple[tuple[float, ...], ...] = ((16, 32), (64, 128), (256, 512))
    variances: tuple[float, float] = (0.1, 0.2)
    activated: bool | None = None

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        raise NotImplementedError
