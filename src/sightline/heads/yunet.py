"""YuNet: faces with five landmarks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sightline.protocols import Outputs
from sightline.types import ModelSpec, Prediction, Thresholds, View


@dataclass(frozen=True, slots=True)
class YuNet:
    """cls_S, obj_S [N, n, 1], bbox_S [N, n, 4], kps_S [N, n, 10] for each stride S; or the 2022 layout with priors:
    loc [A, 14], conf [A, 2], iou [A, 1].

    score = sqrt(cls * obj), each cut to 0..1. min_sizes: square priors of the 2022 layout.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.6, nms=0.3)
    graph_nms: ClassVar[bool] = False

    strides: tuple[int, ...] = (8, 16, 32)
    min_sizes: tuple[tuple[float, ...], ...] = ((10, 16, 24), (32, 48), (64, 96), (128, 192, 256))

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        raise NotImplementedError
