"""DETR, Deformable DETR, DINO, RT-DETR, D-FINE, RF-DETR."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sightline.protocols import Outputs
from sightline.types import ModelSpec, Prediction, Thresholds, View


@dataclass(frozen=True, slots=True)
class Detr:
    """logits [N, Q, C] and boxes [N, Q, 4] (cx, cy, w, h as fractions), or post-processed labels [N, Q],
    boxes [N, Q, 4] (x1, y1, x2, y2) and scores [N, Q].

    boxes, logits, labels: output names; "": by name (pred_logits/pred_boxes, logits/boxes, labels/dets ...) and shape.
    activation: "softmax" (last class is no object), "sigmoid" (the best of all Q*C) or "none" (already probabilities);
    "": softmax where there is one class more than labels, else sigmoid, or none where values lie in 0..1.
    normalized: of post-processed boxes; None: fractions where none exceeds 2. label_offset: added to the class.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.5, nms=1.0)
    graph_nms: ClassVar[bool] = True

    boxes: str = ""
    logits: str = ""
    labels: str = ""
    activation: str = ""
    normalized: bool | None = None
    label_offset: int = 0

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        raise NotImplementedError
