"""Boxes as (N, 4) float32 xyxy: convert, clip, IoU, non-maximum suppression, top-k. Pure NumPy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.types import F32, I64, Bool

__all__ = ["area", "clip", "cxcywh_to_xyxy", "intersections", "iou_matrix", "nms", "suppress", "top_k"]


def cxcywh_to_xyxy(boxes: NDArray[Any]) -> F32:
    """Centre, width and height (N, 4) -> corners (N, 4)."""
    out = np.empty(boxes.shape, np.float32)
    half_w, half_h = boxes[..., 2] * 0.5, boxes[..., 3] * 0.5
    out[..., 0] = boxes[..., 0] - half_w
    out[..., 1] = boxes[..., 1] - half_h
    out[..., 2] = boxes[..., 0] + half_w
    out[..., 3] = boxes[..., 1] + half_h
    return out


def area(xyxy: F32) -> F32:
    """(N, 4) -> (N,), never negative."""
    wh = np.maximum(xyxy[:, 2:] - xyxy[:, :2], 0)
    return (wh[:, 0] * wh[:, 1]).astype(np.float32, copy=False)


def clip(xyxy: F32, width: float, height: float) -> F32:
    """Boxes cut to the rectangle (0, 0, width, height); shape (N, 4)."""
    return np.clip(xyxy, 0, np.array([width, height, width, height], np.float32))


def intersections(a: F32, b: F32) -> F32:
    """(N, 4), (M, 4) -> the areas that they share (N, M)."""
    left_top = np.maximum(a[:, None, :2], b[None, :, :2])
    right_bottom = np.minimum(a[:, None, 2:], b[None, :, 2:])
    wh = np.clip(right_bottom - left_top, 0, None)
    return wh[..., 0] * wh[..., 1]


def iou_matrix(a: F32, b: F32) -> F32:
    """(N, 4), (M, 4) -> intersection over union (N, M); 0 where a union is empty."""
    if not len(a) or not len(b):
        return np.zeros((len(a), len(b)), np.float32)
    inter = intersections(a, b)
    union = area(a)[:, None] + area(b)[None, :] - inter
    return np.where(union > 0, inter / np.where(union > 0, union, 1), 0).astype(np.float32)


def top_k(score: F32, k: int) -> I64:
    """Rows of the `k` highest scores, highest first; equal scores keep their order."""
    if k < len(score):
        # the partition bounds the sort; ties at the border are resolved by the stable sort below
        border = np.partition(score, len(score) - k)[len(score) - k]
        rows = np.flatnonzero(score >= border)
        return rows[np.argsort(-score[rows], kind="stable")][:k]
    return np.argsort(-score, kind="stable")


_BLOCK = 256  # candidates whose pairs are looked at together: 256 x 256 floats stay in the cache


def nms(xyxy: F32, score: F32, threshold: float, label: NDArray[Any] | None = None, top: int = 0) -> I64:
    """Greedy non-maximum suppression: rows that stay, highest score first; equal scores keep their order.

    xyxy (N, 4), score (N,). A box goes when its IoU with a stronger kept one is above `threshold`. With `label` (N,)
    only boxes of the same label compete. `top` > 0 ends after so many.
    """
    order = np.argsort(-score, kind="stable")
    boxes = np.ascontiguousarray(xyxy[order], np.float32)
    label = None if label is None or not len(label) else np.asarray(label)[order]
    return order[suppress(lambda a, b: _overlaps(boxes, label, a, b, threshold), len(order), top)]


def suppress(above: Callable[[I64, I64], Bool], n: int, top: int = 0) -> I64:
    """Greedy suppression of `n` candidates, strongest first: those that stay, at most `top` > 0.

    above(a, b): (A, B) whether candidates a and b compete and overlap too much.
    """
    kept = np.zeros(0, np.int64)
    for start in range(0, n, _BLOCK):
        block = np.arange(start, min(start + _BLOCK, n))
        if len(kept):
            block = block[~above(kept, block).any(0)]
        kept = np.concatenate([kept, block[_greedy(above(block, block))]])
        if top and len(kept) >= top:
            return kept[:top]
    return kept


def _overlaps(boxes: F32, label: NDArray[Any] | None, a: I64, b: I64, threshold: float) -> Bool:
    """(A, B): whether boxes a and b compete and their IoU is above `threshold`."""
    first, second = boxes[a], boxes[b]
    # coordinates near the end of float32 may overflow; their pairs compare as false
    with np.errstate(over="ignore", invalid="ignore"):
        x1, y1, x2, y2 = first.T[:, :, None]
        u1, v1, u2, v2 = second.T[:, None, :]
        w = np.minimum(x2, u2)
        w -= np.maximum(x1, u1)
        h = np.minimum(y2, v2)
        h -= np.maximum(y1, v1)
        np.maximum(w, 0, out=w)
        np.maximum(h, 0, out=h)
        w *= h
        union = area(first)[:, None] + area(second)
        union -= w
        union *= np.float32(threshold)
        above = w > union
    if label is not None:
        above &= label[a][:, None] == label[b]
    return above


def _greedy(above: Bool) -> Bool:
    """(N, N) of candidates sorted by score -> which stay."""
    stay = np.ones(len(above), np.bool_)
    above = np.triu(above, 1)
    for i in np.flatnonzero(above.any(1)).tolist():
        if stay[i]:
            stay &= ~above[i]
    return stay
