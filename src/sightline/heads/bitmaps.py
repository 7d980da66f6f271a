"""Masks as small soft bitmaps over windows of the model's picture. Pure NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.types import F32, I64, U8, Masks

__all__ = ["around", "cells_of", "crop_maps", "model_window", "soft_logits", "soft_shares"]

_STEEP = np.float32(8)  # bitmap steps a unit of logit: interpolation between pixels then finds the logits' own zero


def soft_logits(a: NDArray[Any]) -> U8:
    """Logits -> 128 + 8 times the logit, cut to 0..255; any shape. Not a number is outside."""
    out = a * _STEEP
    out += np.float32(128)
    np.fmax(out, np.float32(0), out=out)
    np.fmin(out, np.float32(255), out=out)
    return out.astype(np.uint8)


def soft_shares(a: NDArray[Any]) -> U8:
    """Probabilities (or 0 and 1, or false and true) -> 0..255, half is 128; any shape. Not a number is outside."""
    if a.dtype == np.bool_:
        return a.astype(np.uint8) * np.uint8(255)
    out = np.fmin(np.fmax(a.astype(np.float32, copy=False), np.float32(0)), np.float32(1)) * np.float32(255)
    return (out + np.float32(0.5)).astype(np.uint8)


def cells_of(xyxy: F32, size_wh: tuple[int, int], map_wh: tuple[int, int]) -> I64:
    """The cells x1, y1, x2, y2 (N, 4) of a map over the whole view that boxes (N, 4) touch, and one more each way, so
    that the border of a box can be interpolated (who projects masks cuts them to their boxes)."""
    gain = np.array([map_wh[0] / size_wh[0], map_wh[1] / size_wh[1]], np.float64)
    most = np.array(map_wh, np.int64)
    with np.errstate(invalid="ignore"):
        low = np.clip(np.floor(xyxy[:, :2] * gain) - 1, 0, most - 1).astype(np.int64)
        high = np.clip(np.ceil(xyxy[:, 2:] * gain) + 1, 1, most).astype(np.int64)
    return np.concatenate([low, np.maximum(high, low + 1)], 1)


def model_window(cells: I64, size_wh: tuple[int, int], map_wh: tuple[int, int]) -> F32:
    """Cells (N, 4) of such a map in model pixels."""
    unit = np.array([size_wh[0] / map_wh[0], size_wh[1] / map_wh[1]] * 2, np.float64)
    return (cells * unit).astype(np.float32)


def crop_maps(maps: list[NDArray[Any]], xyxy: F32, size_wh: tuple[int, int], logits: bool) -> Masks:
    """N maps (h, w) over the whole view -> their parts under boxes (N, 4) in model pixels."""
    if not maps:
        return Masks(np.zeros((0, 4), np.float32), ())
    map_wh = maps[0].shape[1], maps[0].shape[0]
    cells = cells_of(xyxy, size_wh, map_wh)
    soft = soft_logits if logits else soft_shares
    bits = tuple(soft(m[y1:y2, x1:x2]) for m, (x1, y1, x2, y2) in zip(maps, cells.tolist(), strict=True))
    return Masks(model_window(cells, size_wh, map_wh), bits)


def around(inside: NDArray[np.bool_], size_wh: tuple[int, int]) -> tuple[float, float, float, float] | None:
    """The box in model pixels around what is inside of a map (h, w) over the whole view; None where nothing is."""
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    if not len(rows):
        return None
    h, w = inside.shape
    across, down = size_wh[0] / w, size_wh[1] / h
    return columns[0] * across, rows[0] * down, (columns[-1] + 1) * across, (rows[-1] + 1) * down
