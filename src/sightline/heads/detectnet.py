"""DetectNet_v2: a coverage and four sides in every cell, many cells an object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sightline.errors import ModelError
from sightline.heads.candidates import Candidates, join, predict
from sightline.heads.clusters import dbscan, group_rectangles, merged
from sightline.heads.tensors import of_view, pick, unreadable
from sightline.protocols import Outputs
from sightline.types import F32, I64, ModelSpec, Prediction, Thresholds, View

_TAKES = "coverage [N, C, h, w] and sides [N, 4*C, h, w] (options cov, bbox)"
_WAYS = ("nms", "dbscan", "hybrid", "group-rectangles", "none")


@dataclass(frozen=True, slots=True)
class DetectNet:
    """Coverage [N, C, h, w] (probabilities) and sides [N, 4*C, h, w]: left, top, right, bottom of each class in units
    of `norm` pixels from the point (column * stride + 0.5, row * stride + 0.5).

    cluster: what brings the boxes of one class together: "nms"; "dbscan" (weighted means of clusters); "hybrid"
    (clusters' members by dbscan, then nms); "group-rectangles"; "none". dbscan and group-rectangles leave nothing to
    suppress. The cells that are looked at are those of at least the score threshold.
    eps: of dbscan the distance 1 - IoU, of group-rectangles the slack of sides. min_boxes: of group-rectangles how
    many more than that a group needs, of dbscan how many boxes a cluster needs. min_score: the least sum of a
    cluster's coverages. The score is the mean coverage of a cluster, the highest of a group or hybrid.
    cov, bbox: output names, "" by name and shape. norm: the network's own unit, 35.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.4, nms=0.5)
    graph_nms: ClassVar[bool] = False

    cov: str = ""
    bbox: str = ""
    norm: float = 35.0
    cluster: str = "nms"
    eps: float = 0.7
    min_boxes: int = 1
    min_score: float = 0.5

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        if self.cluster not in _WAYS:
            raise ModelError(f"head detectnet: the option cluster is one of {', '.join(_WAYS)}, not {self.cluster!r}")
        cov, bbox = self._pair(outputs)
        free = self.cluster in ("dbscan", "group-rectangles", "none")

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            found = self._cells(of_view(cov, i), of_view(bbox, i), size_wh, spec.thresholds.least)
            if self.cluster in ("nms", "none"):
                return found
            labels = np.unique(found.label)
            parts = [self._brought(found, np.flatnonzero(found.label == c)) for c in labels]
            return join(parts) if parts else found

        return predict(find, _unsuppressed(spec) if free else spec, views)

    def _pair(self, outputs: Outputs) -> tuple[NDArray[Any], NDArray[Any]]:
        maps = {name: a for name, a in outputs.items() if a.ndim == 4}
        bbox = pick(maps, self.bbox, ("bbox",), lambda a: _fourfold(a, maps))
        cov = pick(maps, self.cov, ("cov",), lambda a: a is not bbox)
        if bbox is None or cov is None or bbox.shape[1] != 4 * cov.shape[1] or bbox.shape[2:] != cov.shape[2:]:
            raise unreadable("detectnet", outputs, _TAKES)
        return cov, bbox

    def _cells(self, cov: NDArray[Any], bbox: NDArray[Any], size_wh: tuple[int, int], least: float) -> Candidates:
        """Cells of enough coverage (C, h, w) with their boxes."""
        label, row, column = np.nonzero(cov >= np.float32(least))
        stride = np.array([size_wh[0] / cov.shape[2], size_wh[1] / cov.shape[1]], np.float32)
        point = np.stack([column, row], 1) * stride + np.float32(0.5)
        sides = bbox.reshape(len(cov), 4, *cov.shape[1:])[label, :, row, column].astype(np.float32)
        reach = sides * np.float32(self.norm)
        box = np.concatenate([point - reach[:, :2], point + reach[:, 2:]], 1).astype(np.float32)
        return Candidates(box, cov[label, row, column].astype(np.float32), label)

    def _brought(self, found: Candidates, rows: I64) -> Candidates:
        """The candidates of one class -> one for each cluster, or its members (hybrid)."""
        sound = np.isfinite(found.xyxy[rows]).all(1) & (found.xyxy[rows, 2:] > found.xyxy[rows, :2]).all(1)
        box, score = found.xyxy[rows][sound], found.score[rows][sound]
        label = int(found.label[rows[0]])
        if self.cluster == "group-rectangles":
            boxes, group = group_rectangles(box, self.min_boxes, self.eps)
            best = np.zeros(len(boxes), np.float32)
            np.maximum.at(best, group[group >= 0], score[group >= 0])
            return Candidates(boxes, best, np.full(len(boxes), label))
        group = _strong(dbscan(box, np.ones(len(box), np.float32), self.eps, self.min_boxes), score, self.min_score)
        if self.cluster == "hybrid":
            return Candidates(box[group >= 0], score[group >= 0], np.full(int((group >= 0).sum()), label))
        count = int(group.max(initial=-1)) + 1
        used = group >= 0
        mean = np.bincount(group[used], score[used], count) / np.maximum(np.bincount(group[used], minlength=count), 1)
        return Candidates(merged(box, group, score, count), mean.astype(np.float32), np.full(count, label))


def _strong(group: I64, score: F32, least: float) -> I64:
    """Clusters (N,) whose scores sum up to `least`, numbered anew; -1 for the rest."""
    count = int(group.max(initial=-1)) + 1
    total = np.bincount(group[group >= 0], score[group >= 0], count)
    stays = total >= least
    renamed = np.append(np.where(stays, np.cumsum(stays) - 1, -1), -1)
    return renamed[group]


def _fourfold(a: NDArray[Any], maps: Outputs) -> bool:
    return any(b is not a and a.shape[1] == 4 * b.shape[1] and a.shape[2:] == b.shape[2:] for b in maps.values())


def _unsuppressed(spec: ModelSpec) -> ModelSpec:
    return replace(spec, thresholds=replace(spec.thresholds, nms=1.0))
