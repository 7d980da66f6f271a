"""Outputs in which the graph has already chosen: boxes, scores, classes and how many of them count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.heads.candidates import Candidates, class_ids
from sightline.heads.tensors import of_view, pick, unreadable
from sightline.protocols import Outputs

__all__ = ["Ready", "read"]


@dataclass(frozen=True, slots=True, eq=False)
class Ready:
    """boxes (N, K, 4), scores (N, K), classes (N, K), count (N,) or None where all rows count.

    bare: the model's boxes have no batch axis.
    """

    boxes: NDArray[Any]
    scores: NDArray[Any]
    classes: NDArray[Any]
    count: NDArray[Any] | None
    bare: bool

    def of(
        self, index: int, size_wh: tuple[int, int], *, order: str, normalized: bool, label_offset: int
    ) -> Candidates:
        """What counts of one view; order "xyxy" or "yxyx"; normalized: boxes are fractions of the input."""
        box, score, label = (of_view(a, index) for a in (self.boxes, self.scores, self.classes))
        if self.count is not None:
            n = of_view(self.count, index)
            keep = slice(0, int(np.clip(n, 0, len(score))) if np.isfinite(n) else 0)
            box, score, label = box[keep], score[keep], label[keep]
        if order == "yxyx":
            box = box[:, [1, 0, 3, 2]]
        if normalized:
            box = box.astype(np.float32, copy=False) * np.array(size_wh * 2, np.float32)
        return Candidates(box, score, class_ids(label, label_offset))


def read(head: str, outputs: Outputs, boxes: str, scores: str, classes: str, count: str) -> Ready:
    """The four outputs, by their given names, else by name and shape. Boxes [K, 4], scores [K], classes [K] are a
    batch of one. Raises ModelError where they are not there."""
    hints = ("detection_boxes", "det_boxes", "nmsed_boxes", "boxes", "bboxes")
    box = pick(outputs, boxes, hints, lambda a: a.ndim in (3, 4) and a.shape[-1] == 4)
    if box is None:
        box = pick(outputs, boxes, hints, lambda a: a.ndim == 2 and a.shape[1] == 4)
    if box is None:
        raise _unreadable(head, outputs)
    n = len(box) if box.ndim > 2 else 1
    columns = {k: a for k, a in outputs.items() if a is not box and a.size == box.size // 4 and a.ndim < 4}
    score = pick(columns, scores, ("detection_scores", "det_scores", "nmsed_scores", "scores"), _any)
    label = pick(columns, classes, ("detection_classes", "det_classes", "nmsed_classes", "classes", "labels"), _any)
    if (score is None or label is None) and len(columns) == 2:
        score, label = _told_apart(columns)
    if score is None or label is None or score is label:
        raise _unreadable(head, outputs)
    rest = {k: a for k, a in outputs.items() if a is not score and a is not label and a.size == n}
    number = pick(rest, count, ("num_detections", "num_dets", "num"), _any)
    return Ready(box.reshape(n, -1, 4), score.reshape(n, -1), label.reshape(n, -1), _flat(number), box.ndim == 2)


def _told_apart(columns: Outputs) -> tuple[NDArray[Any], NDArray[Any]]:
    """(scores, classes) of two outputs whose names do not say: classes are whole numbers.

    TFLite's post-process gives boxes, classes, scores, count in this order, which decides where values do not.
    """
    a, b = (columns[name] for name in sorted(columns))
    if a.dtype.kind != b.dtype.kind:
        return (a, b) if a.dtype.kind == "f" else (b, a)
    whole = [bool((np.isfinite(x) & (x == np.rint(x))).all()) for x in (a, b)]
    if whole[0] != whole[1]:
        return (b, a) if whole[0] else (a, b)
    return b, a


def _flat(a: NDArray[Any] | None) -> NDArray[Any] | None:
    return None if a is None else a.reshape(-1)


def _any(a: NDArray[Any]) -> bool:
    return True


def _unreadable(head: str, outputs: Outputs) -> Exception:
    return unreadable(
        head, outputs, "boxes [N, K, 4], scores [N, K], classes [N, K] and a count [N] (options boxes, scores, classes)"
    )
