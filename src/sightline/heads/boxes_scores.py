"""Decoded boxes beside class scores, before suppression: YOLOv4 (PyTorch), YOLO-NAS, SSD decoded in the graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sightline.boxes import cxcywh_to_xyxy
from sightline.heads.candidates import Candidates, best_class, predict
from sightline.heads.tensors import is_probability, of_view, pick, sigmoid, softmax, unreadable
from sightline.protocols import Outputs
from sightline.types import F32, I32, I64, ModelSpec, Prediction, Thresholds, View


@dataclass(frozen=True, slots=True)
class BoxesScores:
    """boxes [N, A, 4] (or [N, A, 1, 4], [N, 4A]) and class scores [N, A, C] (or [N, A*C]).

    boxes, scores: output names; "": found by name and shape. order: "xyxy", "yxyx" or "cxcywh". normalized: boxes are
    fractions of the input; else model pixels. activation: "none", "softmax", "sigmoid"; "": seen from the values.
    background: the class that is none (-1: there is no such class); classes after it move down by one where the label
    table leaves it out.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.4, nms=0.45)
    graph_nms: ClassVar[bool] = False

    boxes: str = ""
    scores: str = ""
    order: str = "xyxy"
    normalized: bool = True
    activation: str = ""
    background: int = -1

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        boxes, scores = boxes_and_scores("boxes-scores", outputs, self.boxes, self.scores)

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            box = of_view(boxes, i).reshape(-1, 4)
            table = of_view(scores, i).reshape(len(box), -1)
            rows, best, label = best_foreground(table, spec, self.activation, self.background)
            box = box[rows].astype(np.float32)
            if self.order == "cxcywh":
                box = cxcywh_to_xyxy(box)
            elif self.order == "yxyx":
                box = box[:, [1, 0, 3, 2]]
            return Candidates(box * np.array(size_wh * 2, np.float32) if self.normalized else box, best, label)

        return predict(find, spec, views)


def boxes_and_scores(head: str, outputs: Outputs, boxes: str, scores: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """The two outputs, by their given names, else by name and shape; raises ModelError where they are not there."""
    hints = ("boxes", "box_encodings", "bboxes", "loc", "mbox_loc", "box", "offsets")
    box = pick(outputs, boxes, hints, lambda a: a.ndim == 2 or (a.ndim in (3, 4) and a.shape[-1] == 4))
    left = {name: a for name, a in outputs.items() if a is not box}
    score = pick(left, scores, ("scores", "class_predictions", "conf", "classes", "cls"), lambda a: a.ndim >= 2)
    if box is None or score is None or not box.size or score.size % (box.size // 4):
        raise unreadable(head, outputs, "boxes [N, A, 4] and scores [N, A, C] (options boxes, scores)")
    return box, score


def best_foreground(table: NDArray[Any], spec: ModelSpec, activation: str, background: int) -> tuple[I64, F32, I32]:
    """Class scores (A, C) -> as `best_class`, of the classes that are not `background`."""
    how = activation or ("none" if is_probability(table) else "softmax" if background >= 0 else "sigmoid")
    table = softmax(table) if how == "softmax" else sigmoid(table) if how == "sigmoid" else table
    score = np.delete(table, background, 1) if 0 <= background < table.shape[1] else table
    rows, best, label = best_class(score.T, spec.thresholds.least, True)
    if background >= 0 and len(spec.labels) in (0, table.shape[1]):
        label = label + (label >= background).astype(np.int32)
    return rows, best, label
