"""One decoded row a candidate, its best class already chosen, before suppression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sightline.boxes import cxcywh_to_xyxy
from sightline.heads.candidates import Candidates, class_ids, predict
from sightline.heads.tensors import of_view, pick, unreadable
from sightline.protocols import Outputs
from sightline.types import ModelSpec, Prediction, Thresholds, View

_TAKES = "one output [N, A, 6], or boxes [N, A, 4], scores [N, A, 1] and classes [N, A, 1]"


@dataclass(frozen=True, slots=True)
class DecodedRows:
    """[N, A, 6]: x1, y1, x2, y2 in model pixels, score, class; or boxes [N, A, 4], scores [N, A, 1] and classes
    [N, A, 1]: what DeepStream-Yolo's exports end in.

    boxes, scores, classes: output names, "" by name and shape. order: of a box, "xyxy" or "cxcywh". normalized: boxes
    are fractions of the input.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.25, nms=0.45)
    graph_nms: ClassVar[bool] = False

    boxes: str = ""
    scores: str = ""
    classes: str = ""
    order: str = "xyxy"
    normalized: bool = False

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        boxes, scores, classes = self._parts(outputs)
        least = np.float32(spec.thresholds.least)

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            score = of_view(scores, i)
            rows = np.flatnonzero(score >= least)
            box = of_view(boxes, i)[rows].astype(np.float32)
            if self.order == "cxcywh":
                box = cxcywh_to_xyxy(box)
            unit = np.array(size_wh * 2, np.float32) if self.normalized else np.float32(1)
            return Candidates(box * unit, score[rows], class_ids(of_view(classes, i)[rows]))

        return predict(find, spec, views)

    def _parts(self, outputs: Outputs) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """boxes (N, A, 4), scores (N, A), classes (N, A)."""
        whole = [a for a in outputs.values() if a.ndim == 3 and a.shape[2] == 6]
        if len(whole) == 1 and not self.boxes:
            return whole[0][..., :4], whole[0][..., 4], whole[0][..., 5]
        boxes = pick(outputs, self.boxes, ("boxes",), lambda a: a.ndim == 3 and a.shape[2] == 4)
        if boxes is None:
            raise unreadable("decoded-rows", outputs, _TAKES)
        shape = boxes.shape[:2]
        left = {name: a for name, a in outputs.items() if a is not boxes and a.size == boxes.size // 4}
        scores = pick(left, self.scores, ("scores", "conf"), lambda a: True)
        classes = pick(left, self.classes, ("classes", "labels", "class"), lambda a: a is not scores)
        if scores is None or classes is None or scores is classes:
            raise unreadable("decoded-rows", outputs, _TAKES)
        return boxes, scores.reshape(shape), classes.reshape(shape)
