"""Caffe/OpenVINO DetectionOutput: ready rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sightline.errors import RuntimeFailure
from sightline.heads.candidates import Candidates, class_ids, predict
from sightline.heads.tensors import pick, unreadable
from sightline.protocols import Outputs
from sightline.types import I32, ModelSpec, Prediction, Thresholds, View


@dataclass(frozen=True, slots=True)
class DetectionOutput:
    """[1, 1, K, 7] (image id, label, score, x1, y1, x2, y2 as fractions; an image id below 0 ends the list) or
    [N, 1, K, 7] with the count of rows that are meant [N, 1, 1, 1] (TAO), or
    boxes [K, 5] (x1, y1, x2, y2 in model pixels, score) with labels [K], or [N, K, 5] with [N, K].

    count: the name of such a count, "" by its size. label_offset: added to the label (-1 where 1 is the first label of
    the table). background: a label to pass over, -1 none (as the file gives it, before the offset). normalized: None:
    fractions for 7 columns, pixels for 5.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.5, nms=1.0)
    graph_nms: ClassVar[bool] = True

    count: str = ""
    label_offset: int = 0
    background: int = -1
    normalized: bool | None = None

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        ready = [a for a in outputs.values() if a.shape[-1:] == (7,)]
        if len(ready) == 1:
            rows = _counted(ready[0], pick(outputs, self.count, ("nms_1", "count"), lambda a: a.size == len(ready[0])))
            ends = np.flatnonzero(rows[:, 0] < 0)
            rows = rows[: ends[0]] if len(ends) else rows
            image, label, score, box = class_ids(rows[:, 0]), class_ids(rows[:, 1]), rows[:, 2], rows[:, 3:]
        else:
            image, label, score, box = _five_columns(outputs, len(views))
        fractions = len(ready) == 1 if self.normalized is None else self.normalized

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            mine = (image == i) & (label >= 0) & (label != (self.background if self.background >= 0 else -2))
            unit = np.array(size_wh * 2, np.float32) if fractions else np.float32(1)
            return Candidates(box[mine].astype(np.float32) * unit, score[mine], label[mine] + self.label_offset)

        return predict(find, spec, views)


def _counted(rows: NDArray[Any], count: NDArray[Any] | None) -> NDArray[Any]:
    """The rows (M, 7) of all views, without those beyond a view's count; the view's number is their image id."""
    if count is None or count.size != len(rows):
        return rows.reshape(-1, 7)
    each = rows.reshape(len(rows), -1, 7)
    parts = [each[i, : max(0, int(n))].copy() for i, n in enumerate(count.reshape(-1).tolist())]
    for i, part in enumerate(parts):
        part[:, 0] = i
    return np.concatenate(parts)


def _five_columns(outputs: Outputs, views: int) -> tuple[I32, I32, NDArray[Any], NDArray[Any]]:
    """boxes [K, 5] and labels [K] -> image (K,), label (K,), score (K,), box (K, 4)."""
    boxes = [a for a in outputs.values() if a.shape[-1:] == (5,)]
    labels = [a for a in outputs.values() if a.shape[-1:] != (5,) and boxes and a.size == boxes[0].size // 5]
    if len(boxes) != 1 or len(labels) > 1:
        raise unreadable("detection-output", outputs, "rows [1, 1, K, 7], or boxes [K, 5] with labels [K]")
    n = len(boxes[0]) if boxes[0].ndim == 3 else 1
    if views > n:
        raise RuntimeFailure(f"the model gives the results of {n} pictures at a time, not {views}; run it with batch 1")
    rows = boxes[0].reshape(-1, 5)
    label = class_ids(labels[0].reshape(-1)) if labels else np.zeros(len(rows), np.int32)
    image = np.repeat(np.arange(n, dtype=np.int32), len(rows) // n)
    return image, label, rows[:, 4], rows[:, :4]
