"""SSD before its post-processing: offsets from priors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sightline.protocols import Outputs
from sightline.types import ModelSpec, Prediction, Thresholds, View


@dataclass(frozen=True, slots=True)
class Ssd:
    """Offsets [N, A, 4] (or [N, 4A]) and class scores [N, A, C] (or [N, A*C]); priors from a third output
    (cx, cy, w, h fractions [A, 4] or [1, A, 4]; Caffe's [1, 2, 4A] corners and variances) or computed.

    boxes, scores, priors: output names; "": found by name and shape.
    sizes: priors of each level as w, h pairs in model pixels, row by row, centre (col+0.5)*stride; or min_sizes and
    max_sizes (one a level) with aspect_ratios a level: min, sqrt(min*max), then each ratio and its inverse.
    order: "xywh" or "yxhw" (TensorFlow). activation: "none", "softmax", "sigmoid"; "": seen from the values.
    background: the class that is none (-1: there is no such class); classes after it move down by one.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.4, nms=0.45)
    graph_nms: ClassVar[bool] = False

    boxes: str = ""
    scores: str = ""
    priors: str = ""
    strides: tuple[int, ...] = ()
    sizes: tuple[tuple[float, ...], ...] = ()
    min_sizes: tuple[float, ...] = ()
    max_sizes: tuple[float, ...] = ()
    aspect_ratios: tuple[tuple[float, ...], ...] = ()
    clip_priors: bool = False
    variances: tuple[float, float] = (0.1, 0.2)
    order: str = "xywh"
    activation: str = ""
    background: int = 0

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        raise NotImplementedError
