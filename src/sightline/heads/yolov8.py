"""YOLOv8, v9, v11, v12: anchor-free, no objectness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sightline.protocols import Outputs
from sightline.types import ModelSpec, Prediction, Thresholds, View


@dataclass(frozen=True, slots=True)
class YoloV8:
    """Concatenated [N, 4+C, A] or [N, A, 4+C] (cx, cy, w, h in model pixels, class probabilities), or raw
    outputs a stride: [N, 4*reg_max+C, H, W], or split into boxes [N, 4*reg_max, H, W] and classes [N, C, H, W]
    (a further [N, 1, H, W] score sum is not needed); NHWC too.

    activated: classes are probabilities; None: they are, unless a value lies outside 0..1.
    nm: channels after the classes to pass over (mask coefficients). normalized: boxes are fractions of the input.
    channels_last: of the concatenated output; None: the longer axis is A.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.25, nms=0.45)
    graph_nms: ClassVar[bool] = False

    strides: tuple[int, ...] = (8, 16, 32)
    reg_max: int = 16
    nm: int = 0
    activated: bool | None = None
    normalized: bool = False
    channels_last: bool | None = None

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class YoloV8Pose:
    """Concatenated [N, 4+C+3K, A] or transposed: as `YoloV8`, then x, y (model pixels), score of K keypoints.

    classes: C. dims: numbers a keypoint, 3 or 2 (no score: 1).
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.25, nms=0.45)
    graph_nms: ClassVar[bool] = False

    classes: int = 1
    dims: int = 3
    activated: bool | None = None
    normalized: bool = False
    channels_last: bool | None = None

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        raise NotImplementedError
