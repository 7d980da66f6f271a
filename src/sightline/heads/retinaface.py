"""RetinaFace: faces with five landmarks from SSD priors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sightline.heads.candidates import Candidates, face_ids, points_with_score, predict
from sightline.heads.grids import decode_offsets, decode_points, matching, square_priors
from sightline.heads.tensors import activate, of_view, pick, softmax, unreadable
from sightline.protocols import Outputs
from sightline.types import ModelSpec, Prediction, Thresholds, View


@dataclass(frozen=True, slots=True)
class RetinaFace:
    """boxes [N, A, 4], scores [N, A, 2] (background, face), landmarks [N, A, 10]: offsets from square priors.

    min_sizes: square priors a stride in model pixels. activated: scores are probabilities; None: they are, unless a
    value lies outside 0..1 (then softmax).
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.6, nms=0.4)
    graph_nms: ClassVar[bool] = False

    strides: tuple[int, ...] = (8, 16, 32)
    min_sizes: tuple[tuple[float, ...], ...] = ((16, 32), (64, 128), (256, 512))
    variances: tuple[float, float] = (0.1, 0.2)
    activated: bool | None = None

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        boxes = pick(outputs, "", ("boxes", "bboxes", "bbox", "loc"), lambda a: a.ndim == 3 and a.shape[2] == 4)
        scores = pick(outputs, "", ("scores", "confidence", "conf", "cls"), lambda a: a.ndim == 3 and a.shape[2] == 2)
        points = pick(outputs, "", ("landmarks", "landmark", "landms"), lambda a: a.ndim == 3 and a.shape[2] == 10)
        if boxes is None or scores is None:
            raise unreadable("retinaface", outputs, "boxes [N, A, 4], scores [N, A, 2], landmarks [N, A, 10]")

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            score = activate(of_view(scores, i), self.activated, softmax)[:, 1]
            rows = np.flatnonzero(score >= np.float32(spec.thresholds.least))
            places = matching("retinaface", square_priors(size_wh, self.strides, self.min_sizes), len(score))[rows]
            box = decode_offsets(of_view(boxes, i)[rows], places, self.variances)
            if points is None:
                return Candidates(box, score[rows], face_ids(spec, len(rows)))
            marks = points_with_score(decode_points(of_view(points, i)[rows], places, self.variances[0]))
            return Candidates(box, score[rows], face_ids(spec, len(rows)), marks)

        return predict(find, spec, views)
