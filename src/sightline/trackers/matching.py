"""Which detection belongs to which track: boxes and labels in, pairs of row numbers out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import lap
import numpy as np
from numpy.typing import NDArray

from sightline.types import I32, I64

__all__ = ["ANY_SIZE", "NOBODY", "Size", "assign", "by_label", "fit", "iou", "match", "others", "too_many"]

F64 = NDArray[np.float64]
Mask = NDArray[np.bool_]

# Beyond so many pairs the exact assignment is too slow and too large; the best pair goes first instead, ...
_MOST_EXACT = 4_000_000
_FEW = 16  # ... among so many of the likeliest detections of each track
_ROWS = 64
NOBODY = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class Size:
    """What the areas of two boxes say. least: of the smaller over the larger; weight: share in the likeness."""

    least: float = 0.0
    weight: float = 0.0


ANY_SIZE = Size()


def iou(a: NDArray[np.floating[Any]], b: NDArray[np.floating[Any]]) -> F64:
    """Boxes (N, 4), (M, 4) xyxy -> intersection over union (N, M); turned-over and NaN boxes meet nothing."""
    width = np.minimum(a[:, None, 2], b[:, 2])
    width -= np.maximum(a[:, None, 0], b[:, 0])
    height = np.minimum(a[:, None, 3], b[:, 3])
    height -= np.maximum(a[:, None, 1], b[:, 1])
    # fmax takes the number where the other is NaN
    np.fmax(width, 0, out=width)
    np.fmax(height, 0, out=height)
    width *= height
    union = ((a[:, 2] - a[:, 0]) * (a[:, 3] - a[:, 1]))[:, None] + (b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])
    union -= width
    np.fmax(union, 1e-9, out=union)
    width /= union
    return width


def match(
    boxes: F64,
    labels: I32,
    seen: NDArray[np.floating[Any]],
    seen_labels: I32,
    least: float,
    relabel: float | None,
    size: Size = ANY_SIZE,
) -> tuple[I64, I64]:
    """Pairs (track rows, detection rows) with the greatest sum of likeness, which is the IoU, none below `least`.

    boxes (N, 4) and labels (N,) of the tracks, seen (M, 4) and seen_labels (M,) of the detections.
    Across labels a pair needs an IoU of `relabel` and comes behind every pair of one label: what a model calls a car in
    one frame and a truck in the next is one thing, a rider and the bicycle are two. None: labels do not matter.
    """
    if not len(boxes) or not len(seen):
        return NOBODY, NOBODY
    if too_many(boxes, seen):
        return _best_first(*_neighbours(boxes, labels, seen, seen_labels, least, relabel, size))
    return assign(*_likeness(boxes, labels, seen, seen_labels, least, relabel, size))


def others(n: int, rows: I64) -> I64:
    """Those of `n` rows that are not among `rows`."""
    left = np.ones(n, np.bool_)
    left[rows] = False
    return np.flatnonzero(left)


def too_many(boxes: NDArray[Any], seen: NDArray[Any]) -> bool:
    """Whether all pairs of these are more than the exact assignment is made for."""
    return len(boxes) * len(seen) > _MOST_EXACT


def assign(likeness: F64, allowed: Mask) -> tuple[I64, I64]:
    """Rows and columns of the pairs with the greatest sum of `likeness` (N, M), none that is not `allowed`."""
    column, _ = lap.lapjv(1 - likeness, extend_cost=True, return_cost=False)
    rows = np.flatnonzero(column >= 0)
    columns = column[rows].astype(np.int64)
    good = allowed[rows, columns]
    return (rows, columns) if good.all() else (rows[good], columns[good])


def fit(overlap: F64, boxes: F64, seen: NDArray[np.floating[Any]], size: Size) -> tuple[F64, Mask | None]:
    """Likeness (N, M) of IoU and size together, and which pairs are of like size (None: all)."""
    if size == ANY_SIZE:
        return overlap, None
    a = np.fmax((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), 1e-9)[:, None]
    b = np.fmax((seen[:, 2] - seen[:, 0]) * (seen[:, 3] - seen[:, 1]), 1e-9)
    alike = np.minimum(a, b) / np.maximum(a, b)
    return overlap * (1 - size.weight) + alike * size.weight, alike >= size.least


def by_label(
    likeness: F64, allowed: Mask, overlap: F64, labels: I32, seen_labels: I32, relabel: float | None
) -> tuple[F64, Mask]:
    """The same with pairs across labels put behind all others, and forbidden below an IoU of `relabel`."""
    if relabel is None:
        return likeness, allowed
    other = labels[:, None] != seen_labels
    if not other.any():
        return likeness, allowed
    allowed &= ~other | (overlap >= relabel)
    return np.where(other, np.where(allowed, likeness * 0.01, 0), likeness), allowed


def _likeness(
    boxes: F64,
    labels: I32,
    seen: NDArray[np.floating[Any]],
    seen_labels: I32,
    least: float,
    relabel: float | None,
    size: Size = ANY_SIZE,
) -> tuple[F64, Mask]:
    """How well each pair fits (N, M), and whether it may be one at all (N, M)."""
    overlap = iou(boxes, seen)
    allowed = overlap >= least
    likeness, alike = fit(overlap, boxes, seen, size)
    if alike is not None:
        allowed &= alike
    return by_label(likeness, allowed, overlap, labels, seen_labels, relabel)


def _neighbours(
    boxes: F64,
    labels: I32,
    seen: NDArray[np.floating[Any]],
    seen_labels: I32,
    least: float,
    relabel: float | None,
    size: Size = ANY_SIZE,
) -> tuple[I64, I64, F64]:
    """Rows, columns and likeness of the allowed pairs, the `_FEW` likeliest of each track.

    A few tracks at a time, from left to right, meet only the detections that reach as far as they do: memory stays
    small, and the time nearly in proportion to the objects where they do not all lie on one another.
    """
    track_order, seen_order = np.argsort(boxes[:, 0]), np.argsort(seen[:, 0])
    lefts = seen[seen_order, 0]
    widest = np.fmax.reduce(seen[:, 2] - seen[:, 0])
    found: list[tuple[I64, I64, F64]] = []
    for start in range(0, len(boxes), _ROWS):
        rows = track_order[start : start + _ROWS]
        first = np.searchsorted(lefts, boxes[rows[0], 0] - widest)
        last = np.searchsorted(lefts, np.fmax.reduce(boxes[rows, 2]), "right")
        columns = seen_order[first:last]
        if not len(columns):
            continue
        likeness, allowed = _likeness(
            boxes[rows], labels[rows], seen[columns], seen_labels[columns], least, relabel, size
        )
        likeness[~allowed] = -1
        few = np.arange(len(columns))[None].repeat(len(rows), 0)
        if len(columns) > _FEW:
            few = np.argpartition(-likeness, _FEW, 1)[:, :_FEW]
        values = np.take_along_axis(likeness, few, 1)
        good = values >= 0
        found.append((np.broadcast_to(rows[:, None], few.shape)[good], columns[few[good]], values[good]))
    if not found:
        return NOBODY, NOBODY, np.zeros(0)
    return (
        np.concatenate([rows for rows, _, _ in found]),
        np.concatenate([columns for _, columns, _ in found]),
        np.concatenate([values for _, _, values in found]),
    )


def _best_first(rows: I64, columns: I64, likeness: F64) -> tuple[I64, I64]:
    order = np.argsort(-likeness, kind="stable")
    taken_rows: set[int] = set()
    taken_columns: set[int] = set()
    pairs: list[tuple[int, int]] = []
    for row, column in zip(rows[order].tolist(), columns[order].tolist(), strict=True):
        if row not in taken_rows and column not in taken_columns:
            taken_rows.add(row)
            taken_columns.add(column)
            pairs.append((row, column))
    found = np.array(sorted(pairs), np.int64).reshape(-1, 2)
    return found[:, 0], found[:, 1]
