"""Regions of interest in a twin: polygons in shares of the picture's sides."""

from __future__ import annotations

import math

from sightline.foreign.json_text import Json
from sightline.foreign.twin import Region

__all__ = ["region_of"]

_MOST = 256  # corners
_BEYOND = 0.01  # what a mouse does at the picture's edge


def region_of(item: Json, where: str) -> Region | str:
    """The region, or what is wrong with its coordinates. One without a label is called after its place, `where`."""
    corners = item.get("coordinates")
    points = tuple(_point(corner) for corner in corners.items) if corners is not None else ()
    if not 3 <= len(points) <= _MOST or None in points:
        return "expected three or more pairs of numbers from 0 to 1"
    good = tuple(point for point in points if point is not None)
    if abs(_area(good)) < 1e-6:
        return "its corners enclose nothing"
    label, color = item.get("label"), item.get("color")
    text = str(label.plain) if label is not None and label.kind == "text" and label.plain else where
    return Region(text, str(color.plain) if color is not None and color.kind == "text" else "", good)


def _point(corner: Json) -> tuple[float, float] | None:
    """A pair of numbers from 0 to 1, or hardly beyond."""
    if len(corner.items) != 2:
        return None
    pair = [item.plain for item in corner.items]
    good = [float(v) for v in pair if isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v)]
    if len(good) != 2 or not all(-_BEYOND <= v <= 1 + _BEYOND for v in good):
        return None
    return min(max(good[0], 0.0), 1.0), min(max(good[1], 0.0), 1.0)


def _area(points: tuple[tuple[float, float], ...]) -> float:
    """Twice the signed area."""
    pairs = zip(points, (*points[1:], points[0]), strict=True)
    return sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairs)
