"""Drawing on a picture's own planes: rectangles, ready-made tiles, lines, dots and tints, I420 or RGB.

Coordinates are frame pixels. On I420 rectangles and tiles begin and end at even pixels, so that luma and chroma agree.
Whatever stands outside the picture is cut off.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from sightline.overlays.colors import Rgb, to_yuv
from sightline.types import F32, I32, U8, Picture, PixelLayout

__all__ = ["Canvas", "Ink", "Region", "Tile"]

Ink = tuple[int, int, int]  # Y, U, V or R, G, B: what is stored
Tile = tuple[U8, ...]  # I420: Y (h, w), U and V (h/2, w/2), h and w even; RGB: (h, w, 3)
Region = tuple[int, int, U8]  # left, top and mask (h, w), in pixels of the smallest planes

_SHIFT = 4  # fractional bits of the points that OpenCV draws


class Canvas:
    """A writable upright picture and the ways to draw on it."""

    __slots__ = ("_full_range", "_matrix", "_planes", "height", "planar", "width")

    def __init__(self, picture: Picture) -> None:
        if picture.layout not in (PixelLayout.I420, PixelLayout.RGB):
            raise ValueError(f"drawing: expected an I420 or RGB picture, got {picture.layout}")
        self._planes = picture.planes
        self.planar = picture.layout is PixelLayout.I420
        self._matrix, self._full_range = picture.matrix, picture.full_range
        self.width, self.height = picture.coded_wh

    def ink(self, rgb: Rgb) -> Ink:
        """The stored form of a colour."""
        return to_yuv(rgb, self._matrix, self._full_range) if self.planar else rgb

    def fill(self, x1: int, y1: int, x2: int, y2: int, ink: Ink) -> None:
        """A filled rectangle."""
        x1, y1, x2, y2 = max(0, x1), max(0, y1), min(self.width, x2), min(self.height, y2)
        if x1 >= x2 or y1 >= y2:
            return
        if not self.planar:
            self._planes[0][y1:y2, x1:x2] = ink
            return
        luma, u, v = self._planes
        luma[y1:y2, x1:x2] = ink[0]
        rows, columns = slice(y1 >> 1, (y2 + 1) >> 1), slice(x1 >> 1, (x2 + 1) >> 1)
        u[rows, columns] = ink[1]
        v[rows, columns] = ink[2]

    def outline(self, x1: int, y1: int, x2: int, y2: int, thickness: int, ink: Ink) -> None:
        """A rectangle whose edges lie inside (x1, y1, x2, y2)."""
        t = thickness
        if x2 - x1 <= 2 * t or y2 - y1 <= 2 * t:
            self.fill(x1, y1, x2, y2, ink)
            return
        self.fill(x1, y1, x2, y1 + t, ink)
        self.fill(x1, y2 - t, x2, y2, ink)
        self.fill(x1, y1 + t, x1 + t, y2 - t, ink)
        self.fill(x2 - t, y1 + t, x2, y2 - t, ink)

    def paste(self, x: int, y: int, tile: Tile) -> None:
        """A tile with its top left corner at (x, y), both even on I420."""
        for index, (plane, part) in enumerate(zip(self._planes, tile, strict=True)):
            left, top = (x >> 1, y >> 1) if index else (x, y)
            h, w = part.shape[:2]
            if left < 0 or top < 0 or left + w > plane.shape[1] or top + h > plane.shape[0]:
                bottom, right = min(top + h, plane.shape[0]), min(left + w, plane.shape[1])
                if bottom <= max(0, top) or right <= max(0, left):
                    continue
                part = part[max(0, -top) : bottom - top, max(0, -left) : right - left]
                left, top = max(0, left), max(0, top)
                h, w = part.shape[:2]
            plane[top : top + h, left : left + w] = part

    def polyline(
        self, points: Sequence[tuple[float, float]], thickness: int, ink: Ink, *, closed: bool = False
    ) -> None:
        """A smooth line through `points`, bends of less than a pixel left out."""
        # OpenCV takes 32-bit coordinates with fractional bits
        path = np.clip(np.asarray(points, np.float32), -32_000, 32_000).astype(np.float32)  # (K, 2)
        if len(path) > 4 and not closed:
            path = np.asarray(cv2.approxPolyDP(path, 1.0, closed), np.float32).reshape(-1, 2)
        if not self.planar:
            self._path(self._planes[0], path, thickness, ink, closed)
            return
        self._path(self._planes[0], path, thickness, ink[0], closed)
        for plane, value in zip(self._planes[1:], ink[1:], strict=True):
            self._path(plane, path * np.float32(0.5), max(1, thickness // 2), value, closed)

    @staticmethod
    def _path(plane: U8, path: F32, thickness: int, value: Ink | int, closed: bool) -> None:
        # OpenCV's pixel centres lie at whole numbers, ours at halves
        fixed: I32 = np.rint((path - 0.5) * (1 << _SHIFT)).astype(np.int32)
        color = value if isinstance(value, tuple) else (value,)
        cv2.polylines(plane, [fixed], closed, color, thickness, cv2.LINE_AA, _SHIFT)

    def dot(self, x: float, y: float, radius: float, ink: Ink) -> None:
        """A filled disc."""
        if not self.planar:
            _disc(self._planes[0], x, y, radius, ink)
            return
        _disc(self._planes[0], x, y, radius, (ink[0],))
        for plane, value in zip(self._planes[1:], ink[1:], strict=True):
            _disc(plane, x / 2, y / 2, radius / 2, (value,))

    def region(self, points: Sequence[tuple[float, float]]) -> Region:
        """The inside of a polygon, ready for `tint`."""
        half = 2 if self.planar else 1
        width, height = -(-self.width // half), -(-self.height // half)
        path = np.asarray(points, np.float64) / half  # (K, 2)
        x1, y1 = np.clip(np.floor(path.min(0)), 0, (width, height)).astype(int).tolist()
        x2, y2 = np.clip(np.ceil(path.max(0)), 0, (width, height)).astype(int).tolist()
        mask = np.zeros((max(0, y2 - y1), max(0, x2 - x1)), np.uint8)
        if mask.size:
            local = np.clip(path - (x1, y1), -32_000, 32_000)
            fixed: I32 = np.rint((local - 0.5) * (1 << _SHIFT)).astype(np.int32)
            cv2.fillPoly(mask, [fixed], (255,), cv2.LINE_8, _SHIFT)
        return x1, y1, mask

    def tint(self, region: Region, strength: float, ink: Ink) -> None:
        """Move the colour inside a region towards `ink`; on I420 only chroma, so that the picture stays clear."""
        x, y, mask = region
        if not mask.size:
            return
        h, w = mask.shape
        ramp = np.arange(256) * (1 - strength)
        if self.planar:
            pairs = [(plane, (ramp + value * strength)) for plane, value in zip(self._planes[1:], ink[1:], strict=True)]
        else:
            pairs = [(self._planes[0], np.stack([ramp + value * strength for value in ink], 1)[None])]
        for plane, table in pairs:
            part = plane[y : y + h, x : x + w]
            cv2.copyTo(cv2.LUT(part, np.rint(table).astype(np.uint8)), mask, part)


def _disc(plane: U8, x: float, y: float, radius: float, color: tuple[int, ...]) -> None:
    if not (-radius <= x <= plane.shape[1] + radius and -radius <= y <= plane.shape[0] + radius):
        return
    one = 1 << _SHIFT
    centre = round((x - 0.5) * one), round((y - 0.5) * one)
    cv2.circle(plane, centre, max(one // 2, round(radius * one)), color, cv2.FILLED, cv2.LINE_AA, _SHIFT)
