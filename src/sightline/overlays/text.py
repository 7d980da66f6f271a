"""Words -> small opaque pictures of them, drawn once and kept."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from sightline.errors import UsageError
from sightline.overlays.canvas import Canvas, Tile
from sightline.overlays.colors import Rgb, readable_on
from sightline.types import U8

__all__ = ["TextTiles"]

_KEPT = 1024


class TextTiles:
    """The words of one overlay: `tile` gives them as pixels ready to paste.

    font: a TrueType or OpenType file for alphabets that Pillow's own font lacks, "" for that one.
    Tiles of one `size_px` all have the same even height, and even widths, so that they line up.
    """

    def __init__(self, font: str = "") -> None:
        self._file = font
        self._fonts: dict[int, ImageFont.FreeTypeFont] = {}
        self._tiles: OrderedDict[tuple[object, ...], Tile] = OrderedDict()

    def height(self, size_px: int) -> int:
        """Height of every tile of that letter size."""
        ascent, descent = self._font(size_px).getmetrics()
        return (ascent + descent + 1) // 2 * 2

    def tile(self, canvas: Canvas, text: str, size_px: int, background: Rgb) -> Tile:
        """`text` in black or white on `background`, in the canvas's own kind of pixels."""
        ink = canvas.ink(background)
        key = (text, size_px, background, ink, canvas.planar)
        found = self._tiles.get(key)
        if found is not None:
            self._tiles.move_to_end(key)
            return found
        letters = self._letters(text, size_px)
        made = _colored(letters, ink, canvas.ink(readable_on(background)), canvas.planar)
        self._tiles[key] = made
        if len(self._tiles) > _KEPT:
            self._tiles.popitem(last=False)
        return made

    def _font(self, size_px: int) -> ImageFont.FreeTypeFont:
        font = self._fonts.get(size_px)
        if font is None:
            try:
                made = ImageFont.truetype(self._file, size_px) if self._file else ImageFont.load_default(size_px)
            except OSError as error:
                raise UsageError(f"overlay font {self._file!r}: cannot be read; name a .ttf or .otf file") from error
            if not isinstance(made, ImageFont.FreeTypeFont):
                raise UsageError("this Pillow was built without FreeType; install the one from the package index")
            font = self._fonts[size_px] = made
        return font

    def _letters(self, text: str, size_px: int) -> U8:
        """(h, w) coverage 0..255, h and w even, a quarter of a letter's height free on both sides."""
        font = self._font(size_px)
        margin = max(2, round(size_px / 6))
        width = (int(np.ceil(font.getlength(text))) + 2 * margin + 1) // 2 * 2
        image = Image.new("L", (width, self.height(size_px)))
        ImageDraw.Draw(image).text((margin, 0), text, fill=255, font=font)
        return np.asarray(image, np.uint8)


def _colored(letters: U8, back: tuple[int, ...], front: tuple[int, ...], planar: bool) -> Tile:
    """Coverage (h, w) -> planes with `front` where it is 255 and `back` where it is 0."""
    alpha = letters.astype(np.float32) / 255
    if not planar:
        mixed = np.asarray(back) * (1 - alpha[..., None]) + np.asarray(front) * alpha[..., None]
        return (np.rint(mixed).astype(np.uint8),)
    h, w = alpha.shape
    coarse = alpha.reshape(h // 2, 2, w // 2, 2).mean((1, 3))
    planes: list[U8] = []
    for index, (b, f) in enumerate(zip(back, front, strict=True)):
        a = coarse if index else alpha
        planes.append(np.rint(b + (f - b) * a).astype(np.uint8))
    return tuple(planes)
