"""Lines of words on plates, below one another."""

from __future__ import annotations

from collections.abc import Sequence

from sightline.overlays.canvas import Canvas
from sightline.overlays.said import Line
from sightline.overlays.text import Sheet

__all__ = ["Plate", "stack"]


class Plate:
    """One line of words as tiles, side by side."""

    __slots__ = ("height", "shares", "tiles", "width")

    def __init__(self, sheet: Sheet, line: Line) -> None:
        self.tiles = [sheet.tile(word) for word in line]
        self.shares = [sheet.share(word) for word in line]
        self.width = sum(tile[0].shape[1] for tile in self.tiles)
        self.height = self.tiles[0][0].shape[0]


def stack(canvas: Canvas, plates: Sequence[Plate], x: int, y: int) -> None:
    """Lines below one another from (x, y)."""
    for plate in plates:
        right = x
        for tile, share in zip(plate.tiles, plate.shares, strict=True):
            if share is None:
                canvas.paste(right, y, tile)
            else:
                canvas.lay(right, y, tile, share)
            right += tile[0].shape[1]
        y += plate.height
