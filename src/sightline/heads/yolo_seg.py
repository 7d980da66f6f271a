"""Instance masks of the YOLO line: YOLOv5-seg, YOLOv8-seg to YOLO12-seg, and their exports without suppression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sightline.heads.candidates import Candidates, best_class, best_of_product, class_ids, predict
from sightline.heads.prototypes import COEFFICIENTS, find_prototypes, with_masks
from sightline.heads.tensors import centred, channels_first, levels, of_view, unreadable
from sightline.heads.yolov8 import raw_candidates
from sightline.protocols import Outputs
from sightline.types import ModelSpec, Prediction, Thresholds, View


@dataclass(frozen=True, slots=True)
class YoloV8Seg:
    """[N, 4+C+P, A] or [N, A, 4+C+P] (cx, cy, w, h in model pixels, class probabilities, P mask coefficients) and
    prototypes [N, P, h, w] or [N, h, w, P]; or raw outputs a stride ([N, 4*reg_max, H, W], [N, C, H, W], perhaps
    [N, 1, H, W], [N, P, H, W]) and prototypes.

    prototypes: their output's name, "" by name and shape. Further options as `YoloV8`.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.25, nms=0.45)
    graph_nms: ClassVar[bool] = False

    prototypes: str = ""
    reg_max: int = 16
    activated: bool | None = None
    normalized: bool | None = None
    channels_last: bool | None = None

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        whole = _rows_of(outputs)
        protos = find_prototypes(outputs, self.prototypes, None)
        if protos is None:
            raise unreadable("yolov8-seg", outputs, "[N, 4+C+P, A] and prototypes [N, P, h, w]")
        count = _count(protos)
        grids = [a for a in outputs.values() if a.ndim == 4 and a is not protos]

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            least = spec.thresholds.least
            if whole is None:
                raw = levels(grids, i, size_wh) or []
                found = raw_candidates(raw, self.reg_max, least, self.activated, count)
                if found is None:
                    takes = f"a stride [N, {4 * self.reg_max}, H, W], [N, C, H, W] and [N, {count}, H, W]"
                    raise unreadable("yolov8-seg", outputs, takes)
                return found
            a = channels_first(of_view(whole, i), self.channels_last)
            if len(a) < 5 + count:
                raise unreadable("yolov8-seg", outputs, f"4 + C + {count} channels beside {count} prototypes")
            rows, score, label = best_class(a[4 : len(a) - count], least, self.activated)
            weights = {COEFFICIENTS: a[len(a) - count :, rows].T}
            return Candidates(centred(a, rows, size_wh, self.normalized), score, label, columns=weights)

        return with_masks(predict(find, spec, views), protos, views)


@dataclass(frozen=True, slots=True)
class YoloV5Seg:
    """[N, A, 5+C+P] (cx, cy, w, h in model pixels, objectness, classes, P mask coefficients) and prototypes
    [N, P, h, w] or [N, h, w, P]. Options as `YoloV8Seg`.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.25, nms=0.45)
    graph_nms: ClassVar[bool] = False

    prototypes: str = ""
    activated: bool | None = None
    normalized: bool | None = None
    channels_last: bool | None = None

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        whole = _rows_of(outputs)
        protos = find_prototypes(outputs, self.prototypes, None)
        if protos is None or whole is None:
            raise unreadable("yolov5-seg", outputs, "[N, A, 5+C+P] and prototypes [N, P, h, w]")
        count = _count(protos)

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            a = channels_first(of_view(whole, i), self.channels_last)
            if len(a) < 5 + count:
                raise unreadable("yolov5-seg", outputs, f"5 + C + {count} columns beside {count} prototypes")
            rows, score, label = best_of_product(a[4 : len(a) - count], spec.thresholds.least, self.activated)
            weights = {COEFFICIENTS: a[len(a) - count :, rows].T}
            return Candidates(centred(a, rows, size_wh, self.normalized), score, label, columns=weights)

        return with_masks(predict(find, spec, views), protos, views)


@dataclass(frozen=True, slots=True)
class YoloEnd2EndSeg:
    """[N, K, 6+P]: x1, y1, x2, y2 in model pixels, score, class, P mask coefficients; and prototypes [N, P, h, w].

    prototypes: their output's name, "" by name and shape. normalized: boxes are fractions of the input.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.25, nms=1.0)
    graph_nms: ClassVar[bool] = True

    prototypes: str = ""
    normalized: bool = False

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        rows = _rows_of(outputs)
        protos = find_prototypes(outputs, self.prototypes, None)
        if protos is None or rows is None or rows.shape[2] - 6 not in (protos.shape[1], protos.shape[3]):
            raise unreadable("yolo-end2end-seg", outputs, "rows [N, K, 6+P] and prototypes [N, P, h, w]")

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            a = of_view(rows, i)
            box = a[:, :4] * np.array(size_wh * 2, np.float32) if self.normalized else a[:, :4]
            return Candidates(box, a[:, 4], class_ids(a[:, 5]), columns={COEFFICIENTS: a[:, 6:]})

        return with_masks(predict(find, spec, views), protos, views)


def _rows_of(outputs: Outputs) -> NDArray[Any] | None:
    """The one output of rank 3; raw grids of higher rank may stand beside it."""
    found = [a for a in outputs.values() if a.ndim == 3]
    return found[0] if len(found) == 1 else None


def _count(prototypes: NDArray[Any]) -> int:
    """P of [N, P, h, w] or [N, h, w, P]: the shorter end."""
    return min(prototypes.shape[1], prototypes.shape[3])
