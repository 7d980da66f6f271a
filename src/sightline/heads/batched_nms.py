"""TensorRT EfficientNMS/BatchedNMS and ONNX NonMaxSuppression outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sightline.boxes import cxcywh_to_xyxy
from sightline.heads.candidates import Candidates, predict
from sightline.heads.ready import read
from sightline.heads.tensors import of_view, pick, unreadable
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
        rows = read("batched-nms", outputs, self.boxes, self.scores, self.classes, self.count)

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            return rows.of(i, size_wh, order=self.order, normalized=self.normalized, label_offset=self.label_offset)

        return predict(find, spec, views)


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
        picked = pick(outputs, self.indices, ("selected_indices", "indices"), lambda a: a.ndim == 2 and a.shape[1] == 3)
        boxes = pick(outputs, self.boxes, ("boxes",), lambda a: a.ndim == 3 and a.shape[2] == 4)
        scores = pick(outputs, self.scores, ("scores",), lambda a: a.ndim == 3 and a is not boxes)
        if picked is None or boxes is None or scores is None:
            takes = "selected indices [M, 3], boxes [N, A, 4] and scores [N, C, A] (options indices, boxes, scores)"
            raise unreadable("nms-indices", outputs, takes)
        inside = (picked >= 0) & (picked < np.array([len(boxes), *scores.shape[1:]]))
        view, label, row = picked[inside.all(1)].astype(np.int64).T

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            mine = view == i
            box = of_view(boxes, i)[row[mine]].astype(np.float32)
            if self.order == "cxcywh":
                box = cxcywh_to_xyxy(box)
            elif self.order == "yxyx":
                box = box[:, [1, 0, 3, 2]]
            # the operator takes corners in any order
            box = np.concatenate([np.minimum(box[:, :2], box[:, 2:]), np.maximum(box[:, :2], box[:, 2:])], 1)
            unit = np.array(size_wh * 2, np.float32) if self.normalized else np.float32(1)
            score = of_view(scores, i)[label[mine], row[mine]]
            return Candidates(box * unit, score, label[mine] + self.label_offset)

        return predict(find, spec, views)
