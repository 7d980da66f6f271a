"""Mean average precision as COCO counts it: 101 recall steps, IoU 0.50 to 0.95, 100 boxes a picture. Pure NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sightline.boxes import area, iou_matrix
from sightline.types import F32, I32

__all__ = ["Found", "Wanted", "average_precision"]

IOUS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """What a detector says of one picture: boxes (N, 4) corners, score (N,), label (N,)."""

    boxes: F32
    score: F32
    label: I32


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """The truth of one picture: boxes (M, 4), label (M,); where `ignored` (M,), neither found nor missed counts."""

    boxes: F32
    label: I32
    ignored: NDArray[np.bool_]


def average_precision(found: Sequence[Found], wanted: Sequence[Wanted], classes: int) -> NDArray[np.float64]:
    """(classes, 10): average precision by class and IoU threshold; NaN for a class without any truth.

    Ignored truth acts as COCO's crowd boxes do: a detection that lies in one (intersection over its own area) and
    matches nothing else is left out, and any number may.
    """
    table = np.full((classes, len(IOUS)), np.nan)
    for c in range(classes):
        scores: list[F32] = []
        right: list[NDArray[np.bool_]] = []  # (10, n) each
        left_out: list[NDArray[np.bool_]] = []
        total = 0
        for f, w in zip(found, wanted, strict=True):
            rows = np.flatnonzero(f.label == c)
            rows = rows[np.argsort(-f.score[rows], kind="stable")][:100]
            mine = w.label == c
            good, none = _match(f.boxes[rows], w.boxes[mine], w.ignored[mine])
            scores.append(f.score[rows])
            right.append(good)
            left_out.append(none)
            total += int((mine & ~w.ignored).sum())
        if total:
            table[c] = _areas(np.concatenate(scores), np.concatenate(right, 1), np.concatenate(left_out, 1), total)
    return table


def _match(boxes: F32, truth: F32, ignored: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Boxes by falling score against one class's truth: (10, n) is right, (10, n) does not count."""
    right = np.zeros((len(IOUS), len(boxes)), bool)
    left_out = np.zeros_like(right)
    real, crowd = truth[~ignored], truth[ignored]
    iou = iou_matrix(boxes, real)
    within = _share_inside(boxes, crowd)
    for t, least in enumerate(IOUS):
        free = np.ones(len(real), bool)
        for n in range(len(boxes)):
            candidates = np.where(free, iou[n], -1.0)
            best = int(candidates.argmax()) if len(real) else -1
            if best >= 0 and candidates[best] >= least:
                free[best] = False
                right[t, n] = True
            else:
                left_out[t, n] = bool((within[n] >= least).any())
    return right, left_out


def _share_inside(boxes: F32, crowd: F32) -> NDArray[np.float64]:
    """(N, K): how much of each box lies in each crowd box."""
    low = np.maximum(boxes[:, None, :2], crowd[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], crowd[None, :, 2:])
    inter = np.clip(high - low, 0, None).prod(2)
    return inter / np.maximum(area(boxes), 1e-9)[:, None].astype(np.float64)


def _areas(score: F32, right: NDArray[np.bool_], left_out: NDArray[np.bool_], total: int) -> NDArray[np.float64]:
    order = np.argsort(-score, kind="stable")
    out = np.zeros(len(IOUS))
    for t in range(len(IOUS)):
        counted = order[~left_out[t, order]]
        hits = np.cumsum(right[t, counted])
        recall = hits / total
        precision = hits / np.arange(1, len(counted) + 1)
        # precision at a recall is the best at that recall or beyond
        ceiling = np.maximum.accumulate(precision[::-1])[::-1]
        place = np.searchsorted(recall, RECALLS, side="left")
        reached = place < len(counted)
        out[t] = ceiling[place[reached]].sum() / len(RECALLS)
    return out
