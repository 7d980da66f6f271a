"""What stands beside lines and zones: names, counts, and the arrow to where `in` is."""

from __future__ import annotations

import math
from collections.abc import Mapping

from sightline.overlays.canvas import Canvas
from sightline.overlays.colors import Rgb
from sightline.types import Shape

__all__ = ["arrow", "count_words"]

_COUNT_ORDER = ("in", "out", "now")
_FIRST_COUNTS: Mapping[str, tuple[str, ...]] = {"line": ("in", "out"), "zone": ("now",)}


def count_words(shape: Shape, counts: Mapping[str, Mapping[str, int]]) -> tuple[str, ...]:
    """("gate", "in 3", "out 1"): the name and the sum of every count, those of its kind also where they are 0."""
    keys = list(_FIRST_COUNTS.get(shape.kind, ()))
    keys += [key for key in (*_COUNT_ORDER, *counts) if key in counts and key not in keys]
    sums = [(key, sum(counts.get(key, {}).values())) for key in dict.fromkeys(keys)]
    return (shape.name, *(str(total) if key == "now" else f"{key} {total}" for key, total in sums))


def arrow(canvas: Canvas, start: tuple[float, float], end: tuple[float, float], edge: int, color: Rgb) -> None:
    """A small arrow in the middle, to the right of one who walks from start to end: where `in` is."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = math.hypot(dx, dy)
    if length < 8 * edge:
        return
    reach = min(length / 4, 8.0 * edge)
    nx, ny = -dy / length, dx / length
    mx, my = (start[0] + end[0]) / 2, (start[1] + end[1]) / 2
    tip = mx + nx * reach, my + ny * reach
    back = reach * 0.45
    left = tip[0] - nx * back - ny * back, tip[1] - ny * back + nx * back
    right = tip[0] - nx * back + ny * back, tip[1] - ny * back - nx * back
    ink = canvas.ink(color)
    canvas.polyline([(mx, my), tip], edge, ink)
    canvas.polyline([left, tip, right], edge, ink)
