"""What a user's own code wants drawn: lines through points, in its colours."""

from __future__ import annotations

from collections.abc import Sequence

from sightline.overlays.canvas import Canvas
from sightline.overlays.colors import Rgb
from sightline.types import Mark

__all__ = ["color_of", "draw_marks"]


def draw_marks(canvas: Canvas, marks: Sequence[Mark]) -> None:
    """The lines of every mark; those of no opacity are left out."""
    for mark in marks:
        if len(mark.points) > 1 and mark.color[3] > 0:
            width = max(2, 2 * round(mark.width_px / 2))
            canvas.polyline(mark.points, width, canvas.ink(color_of(mark)), closed=mark.closed)


def color_of(mark: Mark) -> Rgb:
    """Red, green, blue 0..255."""
    red, green, blue = (round(255 * min(1.0, max(0.0, channel))) for channel in mark.color[:3])
    return red, green, blue
