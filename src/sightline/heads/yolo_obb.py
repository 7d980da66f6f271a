"""Oriented boxes of the YOLO line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sightline.heads.candidates import Candidates, best_class, best_of_product, class_ids, predict
from sightline.heads.oriented import enclosing, regular
from sightline.heads.tensors import are_fractions, channels_first, of_view, unreadable
from sightline.protocols import Outputs
from sightline.types import ModelSpec, Prediction, Thresholds, View


@dataclass(frozen=True, slots=True)
class YoloV8Obb:
    """YOLOv8-obb to YOLO12-obb: [N, 4+C+1, A] or [N, A, 4+C+1]: cx, cy, w, h in model pixels, class probabilities,
    angle in radians clockwise.

    Gives the column "obb" (angle 0 up to a quarter turn) and the enclosing boxes. Suppression is greedy by ProbIoU.
    Options as `YoloV8`.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.25, nms=0.45)
    graph_nms: ClassVar[bool] = False

    activated: bool | None = None
    normalized: bool | None = None
    channels_last: bool | None = None

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        whole = _rows_of("yolov8-obb", outputs, "one output [N, 4+C+1, A]")

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            a = channels_first(of_view(whole, i), self.channels_last)
            if len(a) < 6:
                raise unreadable("yolov8-obb", outputs, "4 + C + 1 channels")
            rows, score, label = best_class(a[4:-1], spec.thresholds.least, self.activated)
            fractions = are_fractions(a[:4]) if self.normalized is None else self.normalized
            return _candidates(a[:4, rows].T, a[-1, rows], score, label, size_wh, fractions)

        return predict(find, spec, views)


@dataclass(frozen=True, slots=True)
class YoloV5Obb:
    """YOLOv5-obb (circular smooth labels): [N, A, 5+C+180]: cx, cy, long side, short side in model pixels,
    objectness, classes, 180 scores of whole degrees from -90, counter-clockwise.

    bins: how many angles. Further options and results as `YoloV8Obb`.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.25, nms=0.45)
    graph_nms: ClassVar[bool] = False

    bins: int = 180
    activated: bool | None = None
    normalized: bool | None = None
    channels_last: bool | None = None

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        whole = _rows_of("yolov5-obb", outputs, f"one output [N, A, 5+C+{self.bins}]")

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            a = channels_first(of_view(whole, i), self.channels_last)
            if len(a) < 6 + self.bins:
                raise unreadable("yolov5-obb", outputs, f"5 + C + {self.bins} columns")
            rows, score, label = best_of_product(a[4 : len(a) - self.bins], spec.thresholds.least, self.activated)
            best = a[len(a) - self.bins :, rows].argmax(0)
            angle = (np.float32(0.5) - best.astype(np.float32) / np.float32(self.bins)) * np.float32(np.pi)
            fractions = are_fractions(a[:4]) if self.normalized is None else self.normalized
            return _candidates(a[:4, rows].T, angle, score, label, size_wh, fractions)

        return predict(find, spec, views)


@dataclass(frozen=True, slots=True)
class YoloEnd2EndObb:
    """[N, K, 7]: cx, cy, w, h in model pixels, score, class, angle in radians clockwise; suppressed in the graph.

    normalized: centre and sides are fractions of the input. Results as `YoloV8Obb`.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.25, nms=1.0)
    graph_nms: ClassVar[bool] = True

    normalized: bool = False

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        rows = _rows_of("yolo-end2end-obb", outputs, "one output [N, K, 7]")
        if rows.shape[2] != 7:
            raise unreadable("yolo-end2end-obb", outputs, "one output [N, K, 7]")

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            a = of_view(rows, i)
            return _candidates(a[:, :4], a[:, 6], a[:, 4], class_ids(a[:, 5]), size_wh, self.normalized)

        return predict(find, spec, views)


def _candidates(
    box: NDArray[Any],
    angle: NDArray[Any],
    score: NDArray[Any],
    label: NDArray[Any],
    size_wh: tuple[int, int],
    normalized: bool,
) -> Candidates:
    """cx, cy, w, h (m, 4) and angles (m,) -> candidates with oriented and enclosing boxes."""
    box = box.astype(np.float32)
    if normalized:
        box = box * np.array(size_wh * 2, np.float32)
    obb = regular(np.concatenate([box, angle.astype(np.float32)[:, None]], 1))
    # a side that is not positive has no area, whatever the angle makes of its enclosing box
    flat = ~((obb[:, 2:4] > 0).all(1))
    xyxy = enclosing(obb)
    xyxy[flat] = np.nan
    return Candidates(xyxy, score, label, columns={"obb": obb})


def _rows_of(head: str, outputs: Outputs, takes: str) -> NDArray[Any]:
    """The one output of rank 3."""
    found = [a for a in outputs.values() if a.ndim == 3]
    if len(found) != 1:
        raise unreadable(head, outputs, takes)
    return found[0]
