"""Drawing on a picture's own planes: rectangles, ready-made tiles, lines, dots, specks and tints, I420 or RGB.

Coordinates are frame pixels. On I420 rectangles and tiles begin and end at even pixels, so that luma and chroma agree.
Whatever stands outside the picture is cut off.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from sightline.overlays.colors import Rgb, to_yuv
from sightline.types import I32, U8, Picture, PixelLayout

__all__ = ["SHIFT", "Canvas", "Ink", "Region", "Tile", "fixed"]

Ink = tuple[int, int, int]  # Y, U, V or R, G, B: what is stored
Tile = tuple[U8, ...]  # I420: Y (h, w), U and V (h/2, w/2), h and w even; RGB: (h, w, 3)
Region = tuple[int, int, U8]  # left, top and mask (h, w), in pixels of the smallest planes

SHIFT = 4  # fractional bits of the points that OpenCV draws
_THICK = 3  # pixels; the steps of such a line's edge are small beside it, and smoothing costs three times as much
_FAR = 32_000  # OpenCV takes 32-bit coordinates with fractional bits


class Canvas:
    """A writable upright picture and the ways to draw on it."""

    __slots__ = ("_full_range", "_inks", "_matrix", "_planes", "height", "planar", "width")

    def __init__(self, picture: Picture) -> None:
        if picture.layout not in (PixelLayout.I420, PixelLayout.RGB):
            raise ValueError(f"drawing: expected an I420 or RGB picture, got {picture.layout}")
        self._planes = picture.planes
        self.planar = picture.layout is PixelLayout.I420
        self._matrix, self._full_range = picture.matrix, picture.full_range
        self._inks: dict[Rgb, Ink] = {}
        self.width, self.height = picture.coded_wh

    def ink(self, rgb: Rgb) -> Ink:
        """The stored form of a colour."""
        if not self.planar:
            return rgb
        found = self._inks.get(rgb)
        if found is None:
            found = self._inks[rgb] = to_yuv(rgb, self._matrix, self._full_range)
        return found

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
        # of every object of every frame: what is the same in all planes is done once
        left, top = x1 if x1 > 0 else 0, y1 if y1 > 0 else 0
        right, bottom = x2 if x2 > 0 else 0, y2 if y2 > 0 else 0
        ix1, iy1 = x1 + t if x1 + t > 0 else 0, y1 + t if y1 + t > 0 else 0
        ix2, iy2 = x2 - t if x2 - t > 0 else 0, y2 - t if y2 - t > 0 else 0
        if not self.planar:
            _sides(self._planes[0], left, top, right, bottom, ix1, iy1, ix2, iy2, ink)
            return
        luma, u, v = self._planes
        _sides(luma, left, top, right, bottom, ix1, iy1, ix2, iy2, ink[0])
        left, top, right, bottom = left >> 1, top >> 1, (right + 1) >> 1, (bottom + 1) >> 1
        ix1, iy1, ix2, iy2 = (ix1 + 1) >> 1, (iy1 + 1) >> 1, ix2 >> 1, iy2 >> 1
        _sides(u, left, top, right, bottom, ix1, iy1, ix2, iy2, ink[1])
        _sides(v, left, top, right, bottom, ix1, iy1, ix2, iy2, ink[2])

    def paste(self, x: int, y: int, tile: Tile) -> None:
        """A tile with its top left corner at (x, y), both even on I420."""
        h, w = tile[0].shape[:2]
        if x < 0 or y < 0 or x + w > self.width or y + h > self.height:
            self._paste_cut(x, y, tile)
            return
        self._planes[0][y : y + h, x : x + w] = tile[0]
        if self.planar:
            rows, columns = slice(y >> 1, (y + h) >> 1), slice(x >> 1, (x + w) >> 1)
            self._planes[1][rows, columns] = tile[1]
            self._planes[2][rows, columns] = tile[2]

    def _paste_cut(self, x: int, y: int, tile: Tile) -> None:
        for index, (plane, part) in enumerate(zip(self._planes, tile, strict=True)):
            left, top = (x >> 1, y >> 1) if index else (x, y)
            h, w = part.shape[:2]
            bottom, right = min(top + h, plane.shape[0]), min(left + w, plane.shape[1])
            if bottom <= max(0, top) or right <= max(0, left):
                continue
            part = part[max(0, -top) : bottom - top, max(0, -left) : right - left]
            plane[max(0, top) : bottom, max(0, left) : right] = part

    def lay(self, x: int, y: int, tile: Tile, share: U8) -> None:
        """As `paste`, each pixel as strongly as `share` (h, w) of 0..255 says."""
        for index, (plane, part) in enumerate(zip(self._planes, tile, strict=True)):
            left, top = (x >> 1, y >> 1) if index else (x, y)
            weight = share[::2, ::2] if index else share
            x1, y1 = max(0, left), max(0, top)
            x2, y2 = min(left + part.shape[1], plane.shape[1]), min(top + part.shape[0], plane.shape[0])
            if x1 >= x2 or y1 >= y2:
                continue
            rows, columns = slice(y1 - top, y2 - top), slice(x1 - left, x2 - left)
            strong = weight[rows, columns].astype(np.int32)
            if plane.ndim == 3:
                strong = strong[:, :, None]
            under = plane[y1:y2, x1:x2].astype(np.int32)
            plane[y1:y2, x1:x2] = (under * (255 - strong) + part[rows, columns] * strong + 127) // 255

    def veil(self, x1: int, y1: int, x2: int, y2: int, strength: float, ink: Ink) -> None:
        """Move everything inside a rectangle towards `ink`."""
        x1, y1, x2, y2 = max(0, x1), max(0, y1), min(self.width, x2), min(self.height, y2)
        if x1 >= x2 or y1 >= y2:
            return
        ramp = np.arange(256) * (1 - strength)
        if not self.planar:
            table = np.rint(np.stack([ramp + value * strength for value in ink], 1)).astype(np.uint8)[None]
            self._planes[0][y1:y2, x1:x2] = cv2.LUT(self._planes[0][y1:y2, x1:x2], table)
            return
        for index, (plane, value) in enumerate(zip(self._planes, ink, strict=True)):
            table = np.rint(ramp + value * strength).astype(np.uint8)
            rows = slice(y1 >> 1, (y2 + 1) >> 1) if index else slice(y1, y2)
            columns = slice(x1 >> 1, (x2 + 1) >> 1) if index else slice(x1, x2)
            plane[rows, columns] = cv2.LUT(plane[rows, columns], table)

    def polyline(
        self, points: Sequence[tuple[float, float]], thickness: int, ink: Ink, *, closed: bool = False
    ) -> None:
        """A smooth line through `points`."""
        self._lines([fixed(points)], closed, thickness, ink, cv2.LINE_AA)

    def paths(self, paths: Sequence[I32], thickness: int, ink: Ink) -> None:
        """Lines of one colour, each through the points (K, 2) of its path as `fixed` makes them; thin ones smooth."""
        self._lines(paths, False, thickness, ink, cv2.LINE_AA if thickness < _THICK else cv2.LINE_8)

    def _lines(self, paths: Sequence[I32], closed: bool, thickness: int, ink: Ink, kind: int) -> None:
        if not self.planar:
            cv2.polylines(self._planes[0], paths, closed, ink, thickness, kind, SHIFT)
            return
        luma, u, v = self._planes
        cv2.polylines(luma, paths, closed, (ink[0],), thickness, kind, SHIFT)
        # one more fractional bit halves them; steps in colour alone are not seen
        half = (thickness + 1) // 2
        cv2.polylines(u, paths, closed, (ink[1],), half, cv2.LINE_8, SHIFT + 1)
        cv2.polylines(v, paths, closed, (ink[2],), half, cv2.LINE_8, SHIFT + 1)

    def dot(self, x: float, y: float, radius: float, ink: Ink) -> None:
        """A filled disc."""
        if not self.planar:
            _disc(self._planes[0], x, y, radius, ink)
            return
        _disc(self._planes[0], x, y, radius, (ink[0],))
        for plane, value in zip(self._planes[1:], ink[1:], strict=True):
            _disc(plane, x / 2, y / 2, radius / 2, (value,))

    def specks(self, points: NDArray[np.floating[Any]], size: int, ink: Ink) -> None:
        """Squares of `size` pixels around many finite points (K, 2) at once, for those too dense for dots."""
        side = np.arange(size)
        corner = np.floor(np.clip(points, -_FAR, _FAR) - (size - 1) / 2).astype(np.int64)
        for index, plane in enumerate(self._planes):
            step = 2 if index else 1
            value: int | Ink = ink[index] if self.planar else ink
            columns = ((corner[:, 0, None] + side) // step)[:, None, :]
            rows = ((corner[:, 1, None] + side) // step)[:, :, None]
            columns, rows = np.broadcast_arrays(columns, rows)
            inside = (columns >= 0) & (columns < plane.shape[1]) & (rows >= 0) & (rows < plane.shape[0])
            plane[rows[inside], columns[inside]] = value

    def region(self, points: Sequence[tuple[float, float]]) -> Region:
        """The inside of a polygon, ready for `tint`."""
        half = 2 if self.planar else 1
        width, height = -(-self.width // half), -(-self.height // half)
        path = np.asarray(points, np.float64) / half  # (K, 2)
        x1, y1 = np.clip(np.floor(path.min(0)), 0, (width, height)).astype(int).tolist()
        x2, y2 = np.clip(np.ceil(path.max(0)), 0, (width, height)).astype(int).tolist()
        mask = np.zeros((max(0, y2 - y1), max(0, x2 - x1)), np.uint8)
        if mask.size:
            cv2.fillPoly(mask, [fixed(path - (x1, y1))], (255,), cv2.LINE_8, SHIFT)
        return x1, y1, mask

    def tint(self, region: Region, strength: float, ink: Ink) -> None:
        """Move the colour inside a region towards `ink`; on I420 only chroma, so that the picture stays clear."""
        x, y, mask = region
        if not mask.size:
            return
        ramp = np.arange(256) * (1 - strength)
        if self.planar:
            pairs = [(plane, (ramp + value * strength)) for plane, value in zip(self._planes[1:], ink[1:], strict=True)]
        else:
            pairs = [(self._planes[0], np.stack([ramp + value * strength for value in ink], 1)[None])]
        for plane, table in pairs:
            _mix(plane, x, y, mask, table)

    def blend(self, x: int, y: int, mask: U8, strength: float, ink: Ink) -> None:
        """Move what `mask` (h, w), its top left corner at (x, y), has non-zero towards `ink`, luma too."""
        if x < 0 or y < 0 or x + mask.shape[1] > self.width or y + mask.shape[0] > self.height:
            mask = mask[max(0, -y) : max(0, self.height - y), max(0, -x) : max(0, self.width - x)]
            x, y = max(0, x), max(0, y)
        if not mask.size:
            return
        ramp = np.arange(256) * (1 - strength)
        if not self.planar:
            _mix(self._planes[0], x, y, mask, np.stack([ramp + value * strength for value in ink], 1)[None])
            return
        _mix(self._planes[0], x, y, mask, ramp + ink[0] * strength)
        half = np.ascontiguousarray(mask[y & 1 :: 2, x & 1 :: 2])  # at the pixels with even places
        if half.size:
            _mix(self._planes[1], (x + 1) >> 1, (y + 1) >> 1, half, ramp + ink[1] * strength)
            _mix(self._planes[2], (x + 1) >> 1, (y + 1) >> 1, half, ramp + ink[2] * strength)

    def classes(self, classmap: U8, inks: Sequence[Ink | None], strength: float) -> None:
        """Move every pixel towards the ink of its class (height, width); classes without an ink stay as they are.

        Raises ValueError for a map of another size.
        """
        if classmap.shape != (self.height, self.width):
            raise ValueError(f"class map: expected {(self.height, self.width)}, got {classmap.shape}")
        shown = np.zeros(256, np.uint8)
        share = np.zeros((256, 3))
        for index, ink in enumerate(inks):
            if ink is not None:
                shown[index], share[index] = 255, np.array(ink) * strength
        added = np.rint(share).astype(np.uint8)
        ramp = np.rint(np.arange(256) * (1 - strength)).astype(np.uint8)
        if not self.planar:
            colors = cv2.LUT(cv2.merge([classmap] * 3), added[None])
            pixels = self._planes[0]
            cv2.copyTo(cv2.add(cv2.LUT(pixels, ramp), colors), cv2.LUT(classmap, shown), pixels)
            return
        half = np.ascontiguousarray(classmap[::2, ::2])
        for index, (plane, ids) in enumerate(zip(self._planes, (classmap, half, half), strict=True)):
            table = np.ascontiguousarray(added[:, index])
            cv2.copyTo(cv2.add(cv2.LUT(plane, ramp), cv2.LUT(ids, table)), cv2.LUT(ids, shown), plane)


def fixed(points: ArrayLike) -> I32:
    """Points (K, 2) in pixels -> whole numbers as OpenCV draws them, whose pixel centres lie at whole numbers."""
    return np.rint((np.clip(points, -_FAR, _FAR) - 0.5) * (1 << SHIFT)).astype(np.int32)


def _sides(
    plane: U8, x1: int, y1: int, x2: int, y2: int, ix1: int, iy1: int, ix2: int, iy2: int, value: int | Ink
) -> None:
    """What lies in (x1, y1, x2, y2) but not in the inner (ix1, iy1, ix2, iy2); nothing negative."""
    plane[y1:iy1, x1:x2] = value
    plane[iy2:y2, x1:x2] = value
    plane[iy1:iy2, x1:ix1] = value
    plane[iy1:iy2, ix2:x2] = value


def _mix(plane: U8, x: int, y: int, mask: U8, table: NDArray[Any]) -> None:
    """Put `table` of each pixel where `mask` (h, w) at (x, y) is not zero."""
    part = plane[y : y + mask.shape[0], x : x + mask.shape[1]]
    cv2.copyTo(cv2.LUT(part, np.rint(table).astype(np.uint8)), mask, part)


def _disc(plane: U8, x: float, y: float, radius: float, color: tuple[int, ...]) -> None:
    if not (-radius <= x <= plane.shape[1] + radius and -radius <= y <= plane.shape[0] + radius):
        return
    one = 1 << SHIFT
    centre = round((x - 0.5) * one), round((y - 0.5) * one)
    cv2.circle(plane, centre, max(one // 2, round(radius * one)), color, cv2.FILLED, cv2.LINE_AA, SHIFT)
