"""YuNet: faces with five landmarks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sightline.boxes import cxcywh_to_xyxy
from sightline.heads.candidates import Candidates, join, points_with_score, predict
from sightline.heads.grids import decode_offsets, decode_points, matching, square_priors, stride_points
from sightline.heads.tensors import grouped, unreadable
from sightline.protocols import Outputs
from sightline.types import F32, I64, ModelSpec, Prediction, Thresholds, View

_VARIANCES = (0.1, 0.2)


@dataclass(frozen=True, slots=True)
class YuNet:
    """cls_S, obj_S [N, n, 1], bbox_S [N, n, 4], kps_S [N, n, 10] for each stride S; or the 2022 layout with priors:
    loc [A, 14], conf [A, 2], iou [A, 1].

    score = sqrt(cls * obj), each cut to 0..1. min_sizes: square priors of the 2022 layout.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.6, nms=0.3)
    graph_nms: ClassVar[bool] = False

    strides: tuple[int, ...] = (8, 16, 32)
    min_sizes: tuple[tuple[float, ...], ...] = ((10, 16, 24), (32, 48), (64, 96), (128, 192, 256))

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            groups = grouped(list(outputs.values()), i, size_wh)
            if len(groups) == 1:
                return self._with_priors(groups[0], size_wh, spec, outputs)
            if len(groups) != len(self.strides) or any(len(g) != 4 for g in groups):
                raise unreadable("yunet", outputs, "cls, obj [N, n, 1], bbox [N, n, 4] and kps [N, n, 10] a stride")
            return join([_level(g, s, size_wh, spec) for g, s in zip(groups, self.strides, strict=True)])

        return predict(find, spec, views)

    def _with_priors(
        self, group: Sequence[NDArray[Any]], size_wh: tuple[int, int], spec: ModelSpec, outputs: Outputs
    ) -> Candidates:
        by_width = {a.shape[1]: a for a in group}
        if by_width.keys() != {1, 2, 14}:
            raise unreadable("yunet", outputs, "loc [A, 14], conf [A, 2] and iou [A, 1]")
        loc, conf, iou = by_width[14], by_width[2], by_width[1]
        rows, score = _root(conf[:, 1], iou[:, 0], spec.thresholds.least)
        strides = tuple(8 << k for k in range(len(self.min_sizes)))
        places = matching("yunet", square_priors(size_wh, strides, self.min_sizes), len(loc))[rows]
        marks = points_with_score(decode_points(loc[rows, 4:], places, _VARIANCES[0]))
        box = decode_offsets(loc[rows, :4], places, _VARIANCES)
        return Candidates(box, score, np.zeros(len(rows), np.int32), marks)


def _level(group: Sequence[NDArray[Any]], stride: int, size_wh: tuple[int, int], spec: ModelSpec) -> Candidates:
    widths = [a.shape[1] for a in group]
    if sorted(widths) != [1, 1, 4, 10]:
        raise unreadable("yunet", dict(zip("abcd", group, strict=True)), "1, 1, 4 and 10 numbers a cell")
    single = [a[:, 0] for a in group if a.shape[1] == 1]
    rows, score = _root(single[0], single[1], spec.thresholds.least)
    cells, _ = stride_points(size_wh, [stride])
    points = matching("yunet", cells, len(single[0]))[rows]
    box = group[widths.index(4)][rows].astype(np.float32)
    box = cxcywh_to_xyxy(np.concatenate([points + box[:, :2], np.exp(box[:, 2:])], 1) * np.float32(stride))
    marks = points[:, None] + group[widths.index(10)][rows].astype(np.float32).reshape(-1, 5, 2)
    return Candidates(box, score, np.zeros(len(rows), np.int32), points_with_score(marks * np.float32(stride)))


def _root(a: NDArray[Any], b: NDArray[Any], least: float) -> tuple[I64, F32]:
    """Rows whose root of a*b, each cut to 0..1, is at least `least`, and that root."""
    score = np.sqrt(np.clip(a.astype(np.float32), 0, 1) * np.clip(b.astype(np.float32), 0, 1))
    rows = np.flatnonzero(score >= np.float32(least))
    return rows, score[rows]
