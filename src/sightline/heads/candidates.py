"""From what a network proposes to what is printed: thresholds, suppression, top-k, one `Prediction` a view."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.boxes import nms, top_k
from sightline.heads.oriented import oriented_nms
from sightline.heads.tensors import is_probability, logit, sigmoid
from sightline.protocols import Outputs
from sightline.types import F32, I32, I64, Bool, Detections, ModelSpec, Prediction, View

__all__ = [
    "Candidates",
    "best_class",
    "best_of_product",
    "class_ids",
    "count_nonfinite",
    "face_ids",
    "finish",
    "join",
    "points_with_score",
    "predict",
]

_INFINITY = int(np.float32(np.inf).view(np.int32))
_MOST = 3000  # candidates that suppression looks at; more in one picture is noise


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """N proposals of one view: xyxy (N, 4) in model pixels, score (N,), label (N,) class ids.

    keypoints: (N, K, 3) x, y in model pixels and score, or None. Any float dtype; values may be NaN or infinite, a
    label below 0 is nothing. columns: further (N, ...) arrays that go where their rows go; candidates with a column
    "obb" compete as oriented boxes.
    """

    xyxy: NDArray[Any]
    score: NDArray[Any]
    label: NDArray[Any]
    keypoints: NDArray[Any] | None = None
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict[str, NDArray[Any]])


Find = Callable[[int, tuple[int, int]], Candidates]


def predict(find: Find, spec: ModelSpec, views: Sequence[View], agnostic: bool = False) -> list[Prediction]:
    """One Prediction a view of what `find(index, (width, height))` proposes. Arithmetic on odd values stays silent."""
    with np.errstate(over="ignore", invalid="ignore", divide="ignore", under="ignore"):
        return [finish(find(i, view.size_wh), spec, agnostic) for i, view in enumerate(views)]


def finish(c: Candidates, spec: ModelSpec, agnostic: bool = False) -> Prediction:
    """Candidates -> what stays, highest score first.

    Rows with a value that is not finite, boxes without an area and scores below the thresholds go (per class where
    `per_class` names it, never above `floor`); then suppression within a label (all labels together if `agnostic` or
    the thresholds say so; none at `nms` 1 or more), then the `each` best of every label, then the `top` best.
    """
    limits = spec.thresholds
    xyxy, score = c.xyxy.astype(np.float32, copy=False), c.score.astype(np.float32, copy=False)
    rows = np.flatnonzero(_sound(xyxy, score, c) & (score >= _cuts(c.label, spec)))
    rows = rows[top_k(score[rows], max(_MOST, limits.top))]
    # suppression may stop at the `top` best only where no label takes the place of others
    most = limits.top if limits.each is None and not limits.each_of else len(rows)
    together = agnostic or limits.class_agnostic
    if limits.nms_of and not together:
        rows = _suppressed_by_class(rows, c, xyxy, score, spec)
    elif limits.nms < 1 and len(rows) > 1:
        rows = _suppressed(rows, c, xyxy, score, limits.nms, None if together else c.label[rows], most)
    if limits.each is not None or limits.each_of:
        rows = _first_of_each(rows, c.label, spec)
    rows = rows[: limits.top]
    return Prediction(
        Detections(
            xyxy[rows],
            np.minimum(score[rows], np.float32(1)),
            c.label[rows].astype(np.int32, copy=False),
            spec.labels,
            keypoints=None if c.keypoints is None else c.keypoints[rows].astype(np.float32, copy=False),
            columns={name: column[rows] for name, column in c.columns.items()},
        )
    )


def best_class(scores: NDArray[Any], least: float, activated: bool | None) -> tuple[I64, F32, I32]:
    """Class scores (C, n) -> rows (m,) whose best class is at least `least`, its probability (m,) and id (m,).

    One pass over the tensor, then work on the survivors. activated: probabilities, else logits; None: probabilities
    unless the best of some row lies outside 0..1.
    """
    # a copy with channels first costs a third of a reduction over channels that lie last
    scores = np.ascontiguousarray(scores, np.float32)
    best = _highest(scores)
    if activated is None:
        activated = is_probability(best)
    rows = np.flatnonzero(best >= np.float32(least if activated else logit(least) - 1e-4))
    label = scores[:, rows].argmax(0)
    numbers = scores[label, rows] == best[rows]  # a NaN is the argmax, but no greatest
    if not numbers.all():
        rows, label = rows[numbers], label[numbers]
    score = best[rows] if activated else sigmoid(best[rows])
    return rows, score, label.astype(np.int32)


def _highest(scores: F32) -> F32:
    """The greatest of each column of (C, n) float32.

    As integers, numbers of float32 that are not negative keep their order, and integers compare nearly twice as fast.
    Where a column's greatest is negative or not a number the order is another one, so those are done again.
    """
    best = np.maximum.reduce(scores.view(np.int32), axis=0)
    odd = np.flatnonzero((best < 0) | (best > _INFINITY))
    best = best.view(np.float32)
    if len(odd):
        best[odd] = np.maximum.reduce(scores[:, odd], axis=0)
    return best


def best_of_product(a: NDArray[Any], least: float, activated: bool | None) -> tuple[I64, F32, I32]:
    """Objectness and class scores (1+C, n) -> as `best_class`, of objectness times class.

    Objectness goes first: a product cannot be above it. Without classes (C = 0) it is the score of class 0.
    """
    first = is_probability(a[0]) if activated is None else activated
    rows = np.flatnonzero(a[0] >= np.float32(least if first else logit(least) - 1e-4))
    score = a[0, rows].astype(np.float32) if first else sigmoid(a[0, rows])
    classes = a[1:, rows].astype(np.float32, copy=False)
    if not len(classes):
        return rows, score, np.zeros(len(rows), np.int32)
    probable = first and is_probability(classes) if activated is None else activated
    best = classes.max(0)
    return rows, score * (best if probable else sigmoid(best)), classes.argmax(0).astype(np.int32)


def join(parts: Sequence[Candidates]) -> Candidates:
    """The candidates of several grids as one; all of them have keypoints and the same columns, or none."""
    points = [p.keypoints for p in parts if p.keypoints is not None]
    columns = parts[0].columns if parts else {}
    return Candidates(
        np.concatenate([p.xyxy for p in parts]),
        np.concatenate([p.score for p in parts]),
        np.concatenate([p.label for p in parts]),
        np.concatenate(points) if points else None,
        {name: np.concatenate([p.columns[name] for p in parts]) for name in columns},
    )


def face_ids(spec: ModelSpec, n: int) -> I32:
    """Class 0 for all n, or 1 where the label table begins with a background (two labels for one kind of object)."""
    return np.full(n, 1 if len(spec.labels) == 2 else 0, np.int32)


def points_with_score(xy: NDArray[Any]) -> F32:
    """Points (n, K, 2) of a model that does not score them -> keypoints (n, K, 3), score 1."""
    out = np.ones((*xy.shape[:2], 3), np.float32)
    out[..., :2] = xy
    return out


def class_ids(values: NDArray[Any], offset: int = 0) -> NDArray[np.int32]:
    """Class numbers as a tensor holds them (often float32) -> int32 ids, -1 for one that is no number."""
    if values.dtype.kind in "iu":
        return (values.astype(np.int64) + offset).astype(np.int32)
    values = values.astype(np.float64)
    known = np.isfinite(values) & (np.abs(values) < 1e6)
    return np.where(known, np.rint(np.where(known, values, 0)) + offset, -1).astype(np.int32)


def count_nonfinite(outputs: Outputs) -> int:
    """How many values of all floating-point outputs are NaN or infinite; heads pass over the rows that hold them."""
    return sum(int(a.size - np.isfinite(a).sum()) for a in outputs.values() if a.dtype.kind == "f")


def _suppressed(
    rows: I64, c: Candidates, xyxy: F32, score: F32, iou: float, label: NDArray[Any] | None, most: int
) -> I64:
    """Of `rows`, best first, those that no stronger one overlaps by more than `iou`."""
    if "obb" in c.columns:
        return rows[oriented_nms(c.columns["obb"][rows], score[rows], iou, label, most)]
    return rows[nms(xyxy[rows], score[rows], iou, label, most)]


def _suppressed_by_class(rows: I64, c: Candidates, xyxy: F32, score: F32, spec: ModelSpec) -> I64:
    """Of `rows`, best first, those that stay where labels have thresholds of their own."""
    limits = spec.thresholds
    stays: list[I64] = []
    for one in np.unique(c.label[rows]).tolist():
        own = rows[c.label[rows] == one]
        iou = limits.nms_of.get(spec.label(one), limits.nms)
        stays.append(own if iou >= 1 else _suppressed(own, c, xyxy, score, iou, None, len(own)))
    return rows[np.isin(rows, np.concatenate(stays))] if stays else rows


def _first_of_each(rows: I64, label: NDArray[Any], spec: ModelSpec) -> I64:
    """Of `rows`, best first, those that have fewer of their own label before them than that label may have."""
    limits = spec.thresholds
    stays: list[I64] = []
    for one in np.unique(label[rows]).tolist():
        stays.append(np.flatnonzero(label[rows] == one)[: limits.each_of.get(spec.label(one), limits.each)])
    return rows[np.sort(np.concatenate(stays))] if stays else rows


def _sound(xyxy: F32, score: F32, c: Candidates) -> Bool:
    sound = np.isfinite(xyxy).all(1) & np.isfinite(score) & (c.label >= 0)
    sound &= (xyxy[:, 2] > xyxy[:, 0]) & (xyxy[:, 3] > xyxy[:, 1])
    if c.keypoints is not None:
        sound &= np.isfinite(c.keypoints).all((1, 2))
    return sound


def _cuts(label: NDArray[Any], spec: ModelSpec) -> NDArray[np.float32] | np.float32:
    """The least score of each row (N,), or one for all."""
    limits = spec.thresholds
    most = np.inf if limits.floor is None else limits.floor
    if not limits.per_class:
        return np.float32(min(limits.score, most))
    ids, where = np.unique(label, return_inverse=True)
    cuts = [min(limits.per_class.get(spec.label(int(i)), limits.score), most) for i in ids]
    return np.array(cuts, np.float32)[where.reshape(-1)]
