"""TensorRT EfficientNMS/BatchedNMS and ONNX NonMaxSuppression outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sightline.protocols import Outputs
from sightline.types import ModelSpec, Prediction, Thresholds, View


@dataclass(frozen=True, slots=True)
class BatchedNms:
    """count [N, 1], boxes [N, K, 4] x1, y1, x2, y2 (or [N, K, 1, 4]), scores [N, K], classes [N, K].

    Names num_detections/num_dets, (det_|nmsed_|detection_)boxes, scores, classes/labels, or given by the options.
    normalized: boxes are fractions of the input; else model pixels. label_offset: added to the class.
    order: "xyxy" or "yxyx".
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.25, nms=1.0)
    graph_nms: ClassVar[bool] = True

    boxes: str = ""
    scores: str = ""
    classes: str = ""
    count: str = ""
    label_offset: int = 0
    normalized: bool = False
    order: str = "xyxy"

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class NmsIndices:
    """ONNX NonMaxSuppression kept beside its inputs: selected indices [M, 3] (view, class, box), boxes [N, A, 4],
    scores [N, C, A].

    indices, boxes, scores: output names; "": by dtype and shape. order: "yxyx" (center_point_box 0), "xyxy" or
    "cxcywh" (center_point_box 1). normalized: boxes are fractions of the input.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.25, nms=1.0)
    graph_nms: ClassVar[bool] = True

    indices: str = ""
    boxes: str = ""
    scores: str = ""
    order: str = "yxyx"
    normalized: bool = False
    label_offset: int = 0

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        raise NotImplementedError
