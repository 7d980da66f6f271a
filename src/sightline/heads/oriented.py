"""Oriented boxes (N, 5): cx, cy, w, h and the angle in radians clockwise of the side w, model pixels. Pure NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.boxes import suppress
from sightline.types import F32, I64, Bool

__all__ = ["enclosing", "oriented_nms", "prob_iou", "regular"]

_EPS = np.float32(1e-7)


def regular(obb: NDArray[Any]) -> F32:
    """The same rectangles with angles of 0 up to a quarter turn; w and h change places where that needs it."""
    out = obb.astype(np.float32)
    turned = np.mod(out[:, 4], np.float32(np.pi)) >= np.float32(np.pi / 2)
    out[turned, 2:4] = out[turned, 3:1:-1]
    out[:, 4] = np.mod(out[:, 4], np.float32(np.pi / 2))
    return out


def enclosing(obb: F32) -> F32:
    """The upright boxes (N, 4) xyxy around oriented ones."""
    cos, sin = np.abs(np.cos(obb[:, 4])), np.abs(np.sin(obb[:, 4]))
    half = np.stack([obb[:, 2] * cos + obb[:, 3] * sin, obb[:, 2] * sin + obb[:, 3] * cos], 1) * np.float32(0.5)
    return np.concatenate([obb[:, :2] - half, obb[:, :2] + half], 1, dtype=np.float32)


def prob_iou(a: F32, b: F32) -> F32:
    """(A, 5), (B, 5) -> (A, B): 1 less the Hellinger distance of the boxes taken as Gaussians (arXiv 2106.06072).

    1 for equal boxes, near 0 for those apart; what the YOLO line trains and suppresses oriented boxes by.
    """
    va, vb, vc = (v[:, None] for v in _covariance(a))
    ua, ub, uc = (v[None] for v in _covariance(b))
    dx, dy = a[:, None, 0] - b[None, :, 0], a[:, None, 1] - b[None, :, 1]
    sa, sb, sc = va + ua, vb + ub, vc + uc
    whole = sa * sb - sc * sc
    apart = (sa * dy * dy + sb * dx * dx) / 4 - sc * dx * dy / 2
    own = np.sqrt(np.maximum(va * vb - vc * vc, 0) * np.maximum(ua * ub - uc * uc, 0))
    distance = apart / (whole + _EPS) + np.log(whole / (4 * own + _EPS) + _EPS) / 2
    return 1 - np.sqrt(1 - np.exp(-np.clip(distance, _EPS, 100)) + _EPS)


def _covariance(obb: F32) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Variances along x and y and the covariance, each (N,), of an evenly filled rectangle."""
    along, across = obb[:, 2] ** 2 / 12, obb[:, 3] ** 2 / 12
    cos, sin = np.cos(obb[:, 4]), np.sin(obb[:, 4])
    return along * cos**2 + across * sin**2, along * sin**2 + across * cos**2, (along - across) * cos * sin


def oriented_nms(
    obb: NDArray[Any], score: F32, threshold: float, label: NDArray[Any] | None = None, top: int = 0
) -> I64:
    """As `boxes.nms`, of oriented boxes by `prob_iou`."""
    order = np.argsort(-score, kind="stable")
    boxes = np.ascontiguousarray(obb[order], np.float32)
    label = None if label is None or not len(label) else np.asarray(label)[order]

    def above(a: I64, b: I64) -> Bool:
        over = prob_iou(boxes[a], boxes[b]) > np.float32(threshold)
        return over if label is None else over & (label[a][:, None] == label[b])

    return order[suppress(above, len(order), top)]
