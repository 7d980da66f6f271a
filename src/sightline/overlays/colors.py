"""Colours for drawing: a palette told apart at a glance, "#rrggbb", and R'G'B' -> Y'CbCr of a picture's own kind."""

from __future__ import annotations

import re
from functools import lru_cache

from sightline.errors import UsageError
from sightline.types import ColorMatrix

__all__ = ["BLACK", "PALETTE", "WHITE", "Rgb", "parse", "parse_veil", "readable_on", "to_yuv"]

Rgb = tuple[int, int, int]

WHITE: Rgb = (255, 255, 255)
BLACK: Rgb = (16, 16, 16)

# hues a golden angle apart, so that neighbours in the label table differ; light and dark take turns
PALETTE: tuple[Rgb, ...] = (
    (255, 176, 0),
    (45, 140, 255),
    (255, 70, 85),
    (60, 205, 95),
    (190, 95, 255),
    (0, 205, 215),
    (255, 120, 30),
    (255, 105, 190),
    (165, 215, 30),
    (95, 115, 255),
    (255, 225, 60),
    (0, 165, 125),
    (215, 60, 150),
    (130, 195, 255),
    (190, 130, 60),
    (120, 235, 175),
    (225, 60, 225),
    (140, 150, 50),
    (255, 160, 140),
    (60, 95, 190),
)

# luma weights (Kr, Kb) of ITU-R BT.601, BT.709 and BT.2020
_WEIGHTS = {
    ColorMatrix.BT601: (0.299, 0.114),
    ColorMatrix.BT709: (0.2126, 0.0722),
    ColorMatrix.BT2020: (0.2627, 0.0593),
}
_HEX = re.compile(r"#?([0-9a-fA-F]{6})([0-9a-fA-F]{2})?")


def parse(text: str) -> Rgb:
    """ "#rrggbb" -> (r, g, b). Raises UsageError."""
    match = _HEX.fullmatch(text.strip())
    if match is None or match.group(2):
        raise UsageError(f'colour {text!r}: write it as "#rrggbb"')
    return _rgb(match)


def parse_veil(text: str) -> tuple[Rgb, float]:
    """ "#rrggbb" or "#rrggbbaa" -> (r, g, b) and its opacity 0..1. Raises UsageError."""
    match = _HEX.fullmatch(text.strip())
    if match is None:
        raise UsageError(f'colour {text!r}: write it as "#rrggbb", or "#rrggbbaa" where it is not opaque')
    return _rgb(match), int(match.group(2) or "ff", 16) / 255


def _rgb(match: re.Match[str]) -> Rgb:
    value = int(match.group(1), 16)
    return value >> 16, value >> 8 & 255, value & 255


@lru_cache(maxsize=1024)
def to_yuv(rgb: Rgb, matrix: ColorMatrix, full_range: bool) -> tuple[int, int, int]:
    """R'G'B' 0..255 -> Y', Cb, Cr as 8-bit code values (ITU-T H.273)."""
    kr, kb = _WEIGHTS[matrix]
    r, g, b = (c / 255 for c in rgb)
    y = kr * r + (1 - kr - kb) * g + kb * b
    cb, cr = (b - y) / (2 - 2 * kb), (r - y) / (2 - 2 * kr)
    if full_range:
        values = 255 * y, 128 + 255 * cb, 128 + 255 * cr
    else:
        values = 16 + 219 * y, 128 + 224 * cb, 128 + 224 * cr
    y, cb, cr = (min(255, max(0, round(v))) for v in values)
    return y, cb, cr


def readable_on(background: Rgb) -> Rgb:
    """Black or white, whichever has more contrast with `background`."""
    r, g, b = background
    return BLACK if 0.299 * r + 0.587 * g + 0.114 * b > 128 else WHITE
