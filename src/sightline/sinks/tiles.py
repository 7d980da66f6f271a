"""Rows and columns of pictures on one canvas: where each lies, and its planes brought there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from sightline.pictures import fill_planes, place
from sightline.sinks.fit import as_i420, fit_planes
from sightline.types import U8, ColorMatrix, Picture, Resize

__all__ = ["Grid", "Planes", "blank", "grid_of", "paste", "tile_of"]

Planes = tuple[U8, U8, U8]


@dataclass(frozen=True, slots=True)
class Grid:
    """`rows` x `columns` tiles on a canvas of `width` x `height` pixels, all even."""

    rows: int
    columns: int
    width: int
    height: int

    @property
    def tile_wh(self) -> tuple[int, int]:
        """Width and height of a tile, even; what is left over stays black at the right and at the bottom."""
        return self.width // self.columns // 2 * 2, self.height // self.rows // 2 * 2

    def corner(self, index: int) -> tuple[int, int]:
        """(x, y) of the tile at `index`, row by row."""
        w, h = self.tile_wh
        return index % self.columns * w, index // self.columns * h


def grid_of(streams: int, rows: int, columns: int, width: int, height: int) -> Grid:
    """The grid for so many streams; 0 rows or columns: as many as it needs, as square as it gets."""
    streams = max(1, streams)
    if not columns:
        columns = math.ceil(streams / rows) if rows else math.ceil(math.sqrt(streams))
    return Grid(rows or math.ceil(streams / columns), columns, width // 2 * 2, height // 2 * 2)


def tile_of(
    picture: Picture, wh: tuple[int, int], matrix: ColorMatrix, full_range: bool, *, stretch: bool = False
) -> Planes:
    """A picture, I420 or RGB, as I420 planes of `wh` (even) in that matrix and range; its ratio is kept unless told."""
    picture = as_i420(picture)
    black = 0 if picture.full_range else 16
    if stretch:
        planes = _stretched(picture.planes, wh)
    else:
        planes = fit_planes(picture.planes, wh, black)
    if (picture.matrix, picture.full_range) == (matrix, full_range):
        return planes
    whole = np.empty((3, wh[1], wh[0]), np.uint8)
    small = Picture(planes, picture.layout, picture.matrix, picture.full_range)
    fill_planes(small, place(wh, wh, Resize.STRETCH), whole, matrix, full_range)
    half = wh[0] // 2, wh[1] // 2
    u, v = (np.asarray(cv2.resize(plane, half, interpolation=cv2.INTER_AREA), np.uint8) for plane in whole[1:])
    return whole[0], u, v


def blank(grid: Grid, full_range: bool) -> Planes:
    """A black canvas."""
    half = grid.height // 2, grid.width // 2
    luma = np.full((grid.height, grid.width), 0 if full_range else 16, np.uint8)
    return luma, np.full(half, 128, np.uint8), np.full(half, 128, np.uint8)


def paste(canvas: Planes, tile: Planes, corner: tuple[int, int]) -> None:
    """Put a tile on the canvas with its top left corner at `corner` (x, y), both even."""
    for index, (into, part) in enumerate(zip(canvas, tile, strict=True)):
        x, y = (corner[0] // 2, corner[1] // 2) if index else corner
        into[y : y + part.shape[0], x : x + part.shape[1]] = part


def _stretched(planes: Sequence[U8], wh: tuple[int, int]) -> Planes:
    how = cv2.INTER_AREA if wh[0] * wh[1] < planes[0].size else cv2.INTER_LINEAR
    sizes = wh, (wh[0] // 2, wh[1] // 2), (wh[0] // 2, wh[1] // 2)
    y, u, v = (
        np.asarray(cv2.resize(plane, size, interpolation=how), np.uint8)
        for plane, size in zip(planes, sizes, strict=True)
    )
    return y, u, v
