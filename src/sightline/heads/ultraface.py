"""UltraFace (RFB, slim): faces, with and without its decoding in the graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sightline.heads.candidates import Candidates, face_ids, predict
from sightline.heads.grids import decode_offsets, matching, square_priors
from sightline.heads.tensors import activate, of_view, pick, softmax, unreadable
from sightline.protocols import Outputs
from sightline.types import ModelSpec, Prediction, Thresholds, View


@dataclass(frozen=True, slots=True)
class UltraFace:
    """scores [N, A, 2] (background, face) and boxes [N, A, 4]: x1, y1, x2, y2 as fractions, or with `priors` offsets.

    min_sizes: square priors a stride in model pixels. activated: scores are probabilities; None: they are, unless a
    value lies outside 0..1 (then softmax).
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.7, nms=0.3)
    graph_nms: ClassVar[bool] = False

    priors: bool = False
    strides: tuple[int, ...] = (8, 16, 32, 64)
    min_sizes: tuple[tuple[float, ...], ...] = ((10, 16, 24), (32, 48), (64, 96), (128, 192, 256))
    variances: tuple[float, float] = (0.1, 0.2)
    activated: bool | None = None

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        boxes = pick(outputs, "", ("boxes", "bboxes", "loc"), lambda a: a.ndim == 3 and a.shape[2] == 4)
        scores = pick(outputs, "", ("scores", "conf"), lambda a: a.ndim == 3 and a.shape[2] == 2)
        if boxes is None or scores is None:
            raise unreadable("ultraface", outputs, "scores [N, A, 2] and boxes [N, A, 4]")

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            score = activate(of_view(scores, i), self.activated, softmax)[:, 1]
            rows = np.flatnonzero(score >= np.float32(spec.thresholds.least))
            box = of_view(boxes, i)[rows].astype(np.float32)
            if self.priors:
                places = square_priors(size_wh, self.strides, self.min_sizes, clip=True)
                box = decode_offsets(box, matching("ultraface", places, len(score))[rows], self.variances)
            else:
                box = box * np.array(size_wh * 2, np.float32)
            return Candidates(box, score[rows], face_ids(spec, len(rows)))

        return predict(find, spec, views)
