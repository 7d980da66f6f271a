"""SimCC (RTMPose): a keypoint's x and y are classes along the two axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sightline.heads.tensors import of_view, pick, unreadable
from sightline.heads.whole_view import Found, predict_one
from sightline.protocols import Outputs
from sightline.types import ModelSpec, Prediction, Thresholds, View


@dataclass(frozen=True, slots=True)
class SimCC:
    """simcc_x [N, K, W*split] and simcc_y [N, K, H*split] (Li et al., arXiv 2107.03332; RTMPose, arXiv 2303.07399).

    split: classes a model pixel. x, y: names of the outputs, "" by name, else by length. A keypoint's score is the
    lower of its two greatest values; the object's score is their mean.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.05, nms=1.0)
    graph_nms: ClassVar[bool] = False

    x: str = ""
    y: str = ""
    split: float = 2.0

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        def find(i: int, size_wh: tuple[int, int]) -> Found:
            across, down = (
                pick(outputs, name, hints, lambda a, n=side * self.split: a.ndim == 3 and abs(a.shape[2] - n) < 1)
                for name, hints, side in (
                    (self.x, ("simcc_x", "_x"), size_wh[0]),
                    (self.y, ("simcc_y", "_y"), size_wh[1]),
                )
            )
            if across is None or down is None or across.shape[:2] != down.shape[:2]:
                raise unreadable("simcc", outputs, f"x [N, K, W*{self.split:g}] and y [N, K, H*{self.split:g}]")
            ax, ay = of_view(across, i).astype(np.float32), of_view(down, i).astype(np.float32)
            points = np.empty((len(ax), 3), np.float32)
            points[:, 0] = ax.argmax(1) / self.split
            points[:, 1] = ay.argmax(1) / self.split
            points[:, 2] = np.clip(np.minimum(ax.max(1), ay.max(1)), 0, 1)
            return Found(points, float(points[:, 2].mean()))

        return predict_one(find, spec, views)
