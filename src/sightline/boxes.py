"""Boxes as (N, 4) float32 xyxy: convert, clip, IoU, non-maximum suppression, top-k. Pure NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.types import F32, I64

__all__ = ["area", "clip", "cxcywh_to_xyxy", "iou_matrix", "nms", "top_k"]


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
    return (np.clip(xyxy[:, 2] - xyxy[:, 0], 0, None) * np.clip(xyxy[:, 3] - xyxy[:, 1], 0, None)).astype(np.float32)


def clip(xyxy: F32, width: float, height: float) -> F32:
    """Boxes cut to the rectangle (0, 0, width, height); shape (N, 4)."""
    return np.clip(xyxy, 0, np.array([width, height, width, height], np.float32))


def iou_matrix(a: F32, b: F32) -> F32:
    """(N, 4), (M, 4) -> intersection over union (N, M); 0 where a union is empty."""
    if not len(a) or not len(b):
        return np.zeros((len(a), len(b)), np.float32)
    left_top = np.maximum(a[:, None, :2], b[None, :, :2])
    right_bottom = np.minimum(a[:, None, 2:], b[None, :, 2:])
    wh = np.clip(right_bottom - left_top, 0, None)
    inter = wh[..., 0] * wh[..., 1]
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


def nms(xyxy: F32, score: F32, threshold: float, label: NDArray[Any] | None = None, top: int = 0) -> I64:
    """Greedy non-maximum suppression: rows that stay, highest score first.

    xyxy (N, 4), score (N,). A box goes when its IoU with a stronger kept one is above `threshold`. With `label` (N,)
    only boxes of the same label compete. `top` > 0 ends after so many.
    """
    if not len(score):
        return np.zeros(0, np.int64)
    order = np.argsort(-score, kind="stable")
    boxes = xyxy[order].astype(np.float32, copy=False)
    if label is not None and len(label):
        # classes are moved apart so far that boxes of two never meet; float64 keeps sub-pixel precision
        span = float(boxes.max() - boxes.min()) + 1.0
        boxes = boxes.astype(np.float64) + (np.asarray(label)[order].astype(np.float64) * span)[:, None]
    x1, y1, x2, y2 = boxes.T
    size = np.clip(x2 - x1, 0, None) * np.clip(y2 - y1, 0, None)
    alive = np.ones(len(order), bool)
    keep: list[int] = []
    for i in range(len(order)):
        if not alive[i]:
            continue
        keep.append(i)
        if top and len(keep) == top:
            break
        rest = np.flatnonzero(alive[i + 1 :]) + (i + 1)
        if not len(rest):
            break
        w = np.minimum(x2[i], x2[rest]) - np.maximum(x1[i], x1[rest])
        h = np.minimum(y2[i], y2[rest]) - np.maximum(y1[i], y1[rest])
        inter = np.clip(w, 0, None) * np.clip(h, 0, None)
        union = size[i] + size[rest] - inter
        alive[rest[inter > threshold * union]] = False
    return order[np.array(keep, np.int64)]
