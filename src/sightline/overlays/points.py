"""Keypoints: dots, the limbs between them, and dense landmarks as specks."""

from __future__ import annotations

import numpy as np

from sightline.overlays.canvas import Canvas, fixed
from sightline.overlays.colors import WHITE, Rgb
from sightline.skeletons import limbs
from sightline.types import F32

__all__ = ["draw_points"]

_SURE = 0.2
_DENSE = 60  # more points than that would hide what they stand for as dots


def draw_points(canvas: Canvas, points: F32, color: Rgb, edge: int) -> None:
    """One object's keypoints (K, 3) x, y, score that the model is sure of, and the limbs between two such."""
    sure = (points[:, 2] >= _SURE) & np.isfinite(points[:, :2]).all(1)
    if not sure.any():
        return
    dense = len(points) > _DENSE
    ink = canvas.ink(color)
    pairs = [fixed(points[[a, b], :2]) for a, b in limbs(len(points)) if sure[a] and sure[b]]
    if pairs:
        canvas.paths(pairs, max(1, edge // 2) if dense else max(2, edge * 3 // 4), ink)
    seen = points[sure, :2]
    if dense:
        canvas.specks(seen, edge, canvas.ink(WHITE) if pairs else ink)
        return
    # ringed in white so that they show on everything
    white = canvas.ink(WHITE)
    for x, y in seen.tolist():
        canvas.dot(x, y, edge * 1.1, white)
        canvas.dot(x, y, edge * 0.75, ink)
