"""YOLOv10 and v26 style outputs that need no suppression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sightline.protocols import Outputs
from sightline.types import ModelSpec, Prediction, Thresholds, View


@dataclass(frozen=True, slots=True)
class YoloEnd2End:
    """[N, K, 6+] or [K, 6+]: x1, y1, x2, y2 in model pixels, score, class; further columns are passed over.

    normalized: boxes are fractions of the input.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.25, nms=1.0)
    graph_nms: ClassVar[bool] = True

    normalized: bool = False

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        raise NotImplementedError
