"""Caffe/OpenVINO DetectionOutput: ready rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sightline.protocols import Outputs
from sightline.types import ModelSpec, Prediction, Thresholds, View


@dataclass(frozen=True, slots=True)
class DetectionOutput:
    """[1, 1, K, 7] (image id, label, score, x1, y1, x2, y2 as fractions; an image id below 0 ends the list), or
    boxes [K, 5] (x1, y1, x2, y2 in model pixels, score) with labels [K].

    label_offset: added to the label (-1 where 1 is the first label of the table). background: a label to pass over,
    -1 none (as the file gives it, before the offset). normalized: None: fractions for 7 columns, pixels for 5.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.5, nms=1.0)
    graph_nms: ClassVar[bool] = True

    label_offset: int = 0
    background: int = -1
    normalized: bool | None = None

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        raise NotImplementedError
