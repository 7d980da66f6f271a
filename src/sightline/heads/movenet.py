"""MoveNet: one person, or up to six with their boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sightline.heads.candidates import Candidates, predict
from sightline.heads.tensors import of_view, unreadable
from sightline.heads.whole_view import Found, predict_one
from sightline.protocols import Outputs
from sightline.types import ModelSpec, Prediction, Thresholds, View


@dataclass(frozen=True, slots=True)
class MoveNet:
    """[N, 1, K, 3] (or [N, K, 3]): y, x as fractions of the input, and the keypoint's score.

    The network finds a person in every picture; the object's score is the mean of its keypoints' scores.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.05, nms=1.0)
    graph_nms: ClassVar[bool] = False

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        fitting = [a for a in outputs.values() if a.ndim in (3, 4) and a.shape[-1] == 3 and a.size]

        def find(i: int, size_wh: tuple[int, int]) -> Found:
            if len(fitting) != 1:
                raise unreadable("movenet", outputs, "one output [N, 1, K, 3]")
            raw = of_view(fitting[0], i).astype(np.float32).reshape(-1, 3)
            points = raw[:, [1, 0, 2]]
            points[:, :2] *= np.array(size_wh, np.float32)
            return Found(points, float(points[:, 2].mean()))

        return predict_one(find, spec, views)


@dataclass(frozen=True, slots=True)
class MoveNetMulti:
    """[N, P, 3K+5]: K times y, x, score, then the box ymin, xmin, ymax, xmax and the person's score; fractions."""

    defaults: ClassVar[Thresholds] = Thresholds(score=0.2, nms=0.6)
    graph_nms: ClassVar[bool] = False

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        fitting = [a for a in outputs.values() if a.ndim == 3 and a.shape[2] > 5 and a.shape[2] % 3 == 2]

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            if len(fitting) != 1:
                raise unreadable("movenet-multi", outputs, "one output [N, P, 3K+5]")
            raw = of_view(fitting[0], i).astype(np.float32)
            unit = np.array(size_wh, np.float32)
            points = raw[:, :-5].reshape(len(raw), raw.shape[1] // 3 - 1, 3)[..., [1, 0, 2]]
            points[..., :2] *= unit
            box = raw[:, [-4, -5, -2, -3]] * np.tile(unit, 2)
            return Candidates(box, raw[:, -1], np.zeros(len(raw), np.int32), points)

        return predict(find, spec, views)
