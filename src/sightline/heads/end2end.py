"""YOLOv10 and v26 style outputs that need no suppression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sightline.heads.candidates import Candidates, class_ids, predict
from sightline.heads.tensors import of_view, unreadable
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
        found = [a for a in outputs.values() if a.ndim in (2, 3) and a.shape[-1] >= 6]
        if len(found) != 1:
            raise unreadable("yolo-end2end", outputs, "one output [N, K, 6]: x1, y1, x2, y2, score, class")
        rows = found[0][None] if found[0].ndim == 2 else found[0]

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            a = of_view(rows, i)
            box = a[:, :4] * np.array(size_wh * 2, np.float32) if self.normalized else a[:, :4]
            return Candidates(box, a[:, 4], class_ids(a[:, 5]))

        return predict(find, spec, views)
