"""Where candidates sit - cells and priors in model pixels - and how offsets from them are read."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.boxes import cxcywh_to_xyxy
from sightline.errors import ModelError
from sightline.types import F32

__all__ = [
    "cell_points",
    "decode_distances",
    "decode_offsets",
    "decode_points",
    "matching",
    "priors",
    "square_priors",
    "stride_points",
]


def cell_points(wh: tuple[int, int], shift: float = 0.0) -> F32:
    """(w*h, 2): (col + shift, row + shift) of a grid, row by row. Read-only."""
    return _cells(int(wh[0]), int(wh[1]), float(shift))


@lru_cache(maxsize=64)
def _cells(w: int, h: int, shift: float) -> F32:
    rows, cols = np.mgrid[:h, :w]
    points = np.stack([cols.reshape(-1), rows.reshape(-1)], 1).astype(np.float32) + np.float32(shift)
    points.setflags(write=False)
    return points


def stride_points(size_wh: tuple[int, int], strides: Sequence[int]) -> tuple[F32, F32]:
    """Cells (A, 2) (col, row) and stride (A, 1) of the grids that cover the input, one after another. Read-only."""
    return _stride_points(int(size_wh[0]), int(size_wh[1]), tuple(int(s) for s in strides))


@lru_cache(maxsize=16)
def _stride_points(width: int, height: int, strides: tuple[int, ...]) -> tuple[F32, F32]:
    grids = [_cells(-(-width // s), -(-height // s), 0.0) for s in strides]
    points = np.concatenate(grids)
    stride = np.repeat(np.array(strides, np.float32), [len(g) for g in grids])[:, None]
    for a in (points, stride):
        a.setflags(write=False)
    return points, stride


def priors(
    size_wh: tuple[int, int], strides: Sequence[float], sizes: Sequence[Sequence[float]], clip: bool = False
) -> F32:
    """(A, 4) cx, cy, w, h in model pixels: at each cell of each stride every (w, h) of that level, row by row.

    sizes: w, h pairs of each level, flat. clip: centre and size cut to the input. Read-only.
    """
    flat = tuple(tuple(float(v) for v in level) for level in sizes)
    return _priors(int(size_wh[0]), int(size_wh[1]), tuple(float(s) for s in strides), flat, clip)


def square_priors(
    size_wh: tuple[int, int], strides: Sequence[float], min_sizes: Sequence[Sequence[float]], clip: bool = False
) -> F32:
    """`priors` whose boxes are squares of the given sides."""
    return priors(size_wh, strides, [[v for side in level for v in (side, side)] for level in min_sizes], clip)


@lru_cache(maxsize=16)
def _priors(
    width: int, height: int, strides: tuple[float, ...], sizes: tuple[tuple[float, ...], ...], clip: bool
) -> F32:
    parts: list[F32] = []
    for stride, level in zip(strides, sizes, strict=True):
        wh = np.array(level, np.float32).reshape(-1, 2)
        centres = _cells(int(np.ceil(width / stride)), int(np.ceil(height / stride)), 0.5) * np.float32(stride)
        part = np.empty((len(centres), len(wh), 4), np.float32)
        part[..., :2] = centres[:, None]
        part[..., 2:] = wh
        parts.append(part.reshape(-1, 4))
    boxes = np.concatenate(parts)
    if clip:
        np.clip(boxes, 0, np.array([width, height, width, height], np.float32), out=boxes)
    boxes.setflags(write=False)
    return boxes


def matching(head: str, places: F32, rows: int) -> F32:
    """`places` (A, 4), or ModelError where the model has another number of rows."""
    if len(places) != rows:
        raise ModelError(
            f"head {head}: the options make {len(places)} priors of this input size, the model has {rows} rows\n"
            "strides and min_sizes must be those of its training"
        )
    return places


def decode_offsets(offsets: NDArray[Any], prior: F32, variances: Sequence[float]) -> F32:
    """SSD (arXiv 1512.02325): dx, dy, dw, dh (n, 4) from priors cx, cy, w, h (n, 4) -> xyxy (n, 4)."""
    o = offsets.astype(np.float32, copy=False)
    out = np.empty(o.shape, np.float32)
    out[:, :2] = prior[:, :2] + o[:, :2] * np.float32(variances[0]) * prior[:, 2:]
    out[:, 2:] = prior[:, 2:] * np.exp(o[:, 2:] * np.float32(variances[1]))
    return cxcywh_to_xyxy(out)


def decode_points(offsets: NDArray[Any], prior: F32, variance: float) -> F32:
    """dx, dy pairs (n, 2K) from priors cx, cy, w, h (n, 4) -> points (n, K, 2)."""
    o = offsets.astype(np.float32, copy=False).reshape(len(offsets), offsets.shape[1] // 2, 2)
    return (prior[:, None, :2] + o * np.float32(variance) * prior[:, None, 2:]).astype(np.float32, copy=False)


def decode_distances(points: F32, sides: NDArray[Any]) -> F32:
    """Points (n, 2) and left, top, right, bottom (n, 4), same units -> xyxy (n, 4)."""
    return np.concatenate([points - sides[:, :2], points + sides[:, 2:]], 1).astype(np.float32, copy=False)
