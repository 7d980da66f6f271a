"""DETR, Deformable DETR, DINO, RT-DETR, D-FINE, RF-DETR."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sightline.boxes import cxcywh_to_xyxy
from sightline.heads.candidates import Candidates, class_ids, predict
from sightline.heads.tensors import is_probability, logit, of_view, pick, sigmoid, softmax, unreadable
from sightline.protocols import Outputs
from sightline.types import F32, I64, ModelSpec, Prediction, Thresholds, View

_TAKES = "logits [N, Q, C] and boxes [N, Q, 4], or labels [N, Q], boxes [N, Q, 4] and scores [N, Q]"
_DETR_COCO = 92  # classes of the original DETR: 91 COCO ids and no object


@dataclass(frozen=True, slots=True)
class Detr:
    """logits [N, Q, C] and boxes [N, Q, 4] (cx, cy, w, h as fractions), or post-processed labels [N, Q],
    boxes [N, Q, 4] (x1, y1, x2, y2) and scores [N, Q].

    boxes, logits, labels: output names; "": by name (pred_logits/pred_boxes, logits/boxes, labels/dets ...) and shape.
    activation: "softmax" (last class is no object), "sigmoid" (the best of all Q*C) or "none" (already probabilities);
    "": softmax where there is one class more than labels, else sigmoid, or none where values lie in 0..1.
    Of post-processed outputs `logits` may name the scores.
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
        boxes = pick(outputs, self.boxes, ("pred_boxes", "boxes", "dets"), lambda a: a.ndim == 3 and a.shape[2] == 4)
        if boxes is None:
            raise unreadable("detr", outputs, _TAKES)
        shape = boxes.shape[:2]
        logits = pick(
            outputs,
            self.logits,
            ("pred_logits", "logits", "labels"),
            lambda a: a.ndim == 3 and a.shape[:2] == shape and a is not boxes,
        )
        if logits is None or logits.ndim == 2:
            return self._processed(outputs, boxes, logits, spec, views)

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            query, score, label = self._scores(of_view(logits, i), spec, "dets" in outputs)
            box = of_view(boxes, i)[query].astype(np.float32) * np.array(size_wh * 2, np.float32)
            return Candidates(cxcywh_to_xyxy(box), score, label + self.label_offset)

        return predict(find, spec, views)

    def _scores(self, a: NDArray[Any], spec: ModelSpec, dets: bool) -> tuple[I64, F32, I64]:
        """Logits (Q, C) -> queries (m,), scores (m,), classes (m,)."""
        how, least = self.activation, spec.thresholds.least
        if not how and is_probability(a):
            how = "none"
        if how == "softmax" or (not how and not dets and a.shape[1] in (len(spec.labels) + 1, _DETR_COCO)):
            p = softmax(a)[:, :-1]
            query = np.flatnonzero(p.max(1) >= np.float32(least)) if p.size else np.zeros(0, np.int64)
            return query, p[query].max(1), p[query].argmax(1)
        a = a.astype(np.float32, copy=False)
        query, label = np.nonzero(a >= np.float32(least if how == "none" else logit(least) - 1e-4))
        value = a[query, label]
        return query, value if how == "none" else sigmoid(value), label

    def _processed(
        self,
        outputs: Outputs,
        boxes: NDArray[Any],
        scores: NDArray[Any] | None,
        spec: ModelSpec,
        views: Sequence[View],
    ) -> list[Prediction]:
        shape = boxes.shape[:2]
        hints = ("labels", "classes")
        labels = pick(outputs, self.labels, hints, lambda a: a.shape == shape and a is not scores)
        if scores is None:
            scores = pick(outputs, "", ("scores",), lambda a: a.shape == shape and a is not labels)
        if labels is None or scores is None:
            raise unreadable("detr", outputs, _TAKES)
        fractions = not (boxes > 2).any() if self.normalized is None else self.normalized

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            unit = np.array(size_wh * 2, np.float32) if fractions else np.float32(1)
            box = of_view(boxes, i).astype(np.float32) * unit
            return Candidates(box, of_view(scores, i), class_ids(of_view(labels, i), self.label_offset))

        return predict(find, spec, views)
