"""The time of day at which a frame came, written on it."""

from __future__ import annotations

import time

from sightline.overlays.canvas import Canvas
from sightline.overlays.colors import BLACK, Rgb
from sightline.overlays.text import TextTiles
from sightline.types import Frame

__all__ = ["draw_clock"]


def draw_clock(canvas: Canvas, words: TextTiles, frame: Frame, at: tuple[int, int], size_px: int, color: Rgb) -> None:
    """Letters alone, in the machine's own time zone, moved so far that all of them stand in the picture."""
    told = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(frame.wall_ns / 1e9))
    sheet = words.sheet(canvas, size_px, BLACK, color, 0.0)
    tile, share = sheet.tile(told), sheet.share(told)
    height, width = tile[0].shape[:2]
    x = max(0, min(at[0], canvas.width - width)) // 2 * 2
    y = max(0, min(at[1], canvas.height - height)) // 2 * 2
    if share is not None:
        canvas.lay(x, y, tile, share)
