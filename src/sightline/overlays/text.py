"""Words -> small opaque pictures of them, drawn once and kept."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from sightline.errors import UsageError
from sightline.overlays.canvas import Canvas, Ink, Tile
from sightline.overlays.colors import Rgb, readable_on
from sightline.types import U8

__all__ = ["Sheet", "TextTiles"]

_SIGNS = "0123456789.#- "
_PIECES = 512
_SHEETS = 32  # colours and sizes
_TILES = 192  # of one colour and size


class TextTiles:
    """The words of one overlay: `tile` gives them as pixels ready to paste.

    font: a TrueType or OpenType file for alphabets that Pillow's own font lacks, "" for that one.
    Tiles of one `size_px` all have the same even height, and even widths, so that they line up.
    """

    def __init__(self, font: str = "") -> None:
        self._file = font
        self._fonts: dict[int, ImageFont.FreeTypeFont] = {}
        self._pieces: OrderedDict[tuple[str, int], tuple[U8, int]] = OrderedDict()
        self._sheets: OrderedDict[tuple[int, Rgb, Ink, bool, Rgb | None, float], Sheet] = OrderedDict()

    def __len__(self) -> int:
        """How many tiles are kept."""
        return sum(len(sheet) for sheet in self._sheets.values())

    def height(self, size_px: int) -> int:
        """Height of every tile of that letter size."""
        ascent, descent = self._font(size_px).getmetrics()
        return (ascent + descent + 1) // 2 * 2

    def tile(self, canvas: Canvas, text: str, size_px: int, background: Rgb) -> Tile:
        """`text` in black or white on `background`, in the canvas's own kind of pixels."""
        return self.sheet(canvas, size_px, background).tile(text)

    def sheet(
        self, canvas: Canvas, size_px: int, background: Rgb, front: Rgb | None = None, opacity: float = 1.0
    ) -> Sheet:
        """The words of that size on that colour. front: of the letters, None for black or white, whichever can be read
        on it. opacity: of what is behind the letters, 0..1.
        """
        ink = canvas.ink(background)
        key = size_px, background, ink, canvas.planar, front, opacity
        found = self._sheets.get(key)
        if found is not None:
            self._sheets.move_to_end(key)
            return found
        letters = canvas.ink(readable_on(background) if front is None else front)
        made = self._sheets[key] = Sheet(self, size_px, ink, letters, canvas.planar, front is not None, opacity)
        if len(self._sheets) > _SHEETS:
            self._sheets.popitem(last=False)
        return made

    def letters(self, text: str, size_px: int) -> U8:
        """(h, w) coverage 0..255, h and w even, a sixth of a letter's size free on both sides.

        Numbers at the end, which change from frame to frame, are put together from kept digits.
        """
        name = text.rstrip(_SIGNS)
        pieces = [self._piece(part, size_px) for part in (name, *text[len(name) :]) if part]
        margin = _margin(size_px)
        width = (sum([advance for _, advance in pieces]) + 2 * margin + 1) // 2 * 2
        out = np.zeros((self.height(size_px), width), np.uint8)
        x = 0
        for pixels, advance in pieces:
            place = out[:, x : x + pixels.shape[1]]
            np.maximum(place, pixels, out=place)
            x += advance
        return out

    def _piece(self, text: str, size_px: int) -> tuple[U8, int]:
        """The text's coverage with a margin on both sides, and how far the next one stands from it."""
        key = text, size_px
        found = self._pieces.get(key)
        if found is not None:
            self._pieces.move_to_end(key)
            return found
        font, margin = self._font(size_px), _margin(size_px)
        advance = round(font.getlength(text))
        image = Image.new("L", (advance + 2 * margin, self.height(size_px)))
        ImageDraw.Draw(image).text((margin, 0), text, fill=255, font=font)
        made = self._pieces[key] = np.array(image, np.uint8), advance
        if len(self._pieces) > _PIECES:
            self._pieces.popitem(last=False)
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


class Sheet:
    """Words of one size in `front` on `back`, the stored forms of two colours.

    tinted: letters have a colour of their own, not only brightness. opacity: of what is behind them.
    """

    __slots__ = ("_opacity", "_planar", "_size_px", "_tables", "_tiles", "_tinted", "_words")

    def __init__(
        self,
        words: TextTiles,
        size_px: int,
        back: Ink,
        front: Ink,
        planar: bool,
        tinted: bool = False,
        opacity: float = 1.0,
    ) -> None:
        self._words, self._size_px, self._planar = words, size_px, planar
        self._tinted, self._opacity = tinted, opacity
        self._tables = [_table(b, f, opacity) for b, f in zip(back, front, strict=True)]
        self._tiles: OrderedDict[str, Tile] = OrderedDict()

    def __len__(self) -> int:
        return len(self._tiles)

    def tile(self, text: str) -> Tile:
        """`text`, drawn at the first time."""
        found = self._tiles.get(text)
        if found is not None:
            self._tiles.move_to_end(text)
            return found
        made = self._tiles[text] = self._colored(self._words.letters(text, self._size_px))
        if len(self._tiles) > _TILES:
            self._tiles.popitem(last=False)
        return made

    def share(self, text: str) -> U8 | None:
        """(h, w): how strongly each pixel of the tile covers what is below it; None: all of them fully."""
        if self._opacity >= 1:
            return None
        letters = self._words.letters(text, self._size_px)
        return np.rint(255 * self._opacity + letters * (1 - self._opacity)).astype(np.uint8)

    def _colored(self, letters: U8) -> Tile:
        """Coverage (h, w), both even -> planes."""
        if not self._planar:
            return (np.stack([table[letters] for table in self._tables], 2),)
        # letters differ in luma alone: crisper than half-size colour under them, and cheaper to encode
        half = letters.shape[0] // 2, letters.shape[1] // 2
        luma, u, v = self._tables
        if self._tinted or self._opacity < 1:
            small = letters[::2, ::2]
            return luma[letters], u[small], v[small]
        return luma[letters], np.full(half, u[0], np.uint8), np.full(half, v[0], np.uint8)


def _margin(size_px: int) -> int:
    return max(2, round(size_px / 6))


def _table(back: int, front: int, opacity: float) -> U8:
    """(256,): what is stored for each coverage, from `back` at 0 to `front` at 255; less of `back` where the picture
    is seen through it.
    """
    letter = np.arange(256) / 255
    behind = (1 - letter) * opacity
    whole = np.maximum(letter + behind, 1e-9)
    return np.rint((letter * front + behind * back) / whole).astype(np.uint8)
