"""Slow twins of masks: one pixel at a time."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from head_twins import a_view
from numpy.typing import NDArray

from sightline.projection import to_frame
from sightline.types import Detections, Prediction


def in_frame(found: Detections, size_wh: tuple[int, int]) -> NDArray[np.bool_]:
    """Masks (N, H, W) of objects in a frame that is the model's own picture."""
    width, height = size_wh
    seen = to_frame(Prediction(found), a_view(width, height), (0, 0, width, height)).detections
    assert len(seen) == len(found)
    assert seen.masks is not None
    return seen.masks.dense(width, height)


def at_pixel(cells: list[list[float]], x: int, y: int, size_wh: tuple[int, int]) -> float:
    """The bilinear value at the centre of pixel x, y of a map of cells over the whole picture, flat at its border."""
    h, w = len(cells), len(cells[0])
    u = min(max((x + 0.5) * w / size_wh[0] - 0.5, 0), w - 1)
    v = min(max((y + 0.5) * h / size_wh[1] - 0.5, 0), h - 1)
    i, j = int(u), int(v)
    i2, j2 = min(i + 1, w - 1), min(j + 1, h - 1)
    top = cells[j][i] * (1 - (u - i)) + cells[j][i2] * (u - i)
    low = cells[j2][i] * (1 - (u - i)) + cells[j2][i2] * (u - i)
    return top * (1 - (v - j)) + low * (v - j)


def summed(weights: list[float], prototypes: NDArray[Any]) -> list[list[float]]:
    """Prototypes (P, h, w) times weights, cell by cell."""
    _, h, w = prototypes.shape
    cells = prototypes.tolist()
    return [[math.fsum(c * cells[k][y][x] for k, c in enumerate(weights)) for x in range(w)] for y in range(h)]


def painted(
    cells: list[list[float]],
    box: tuple[float, ...],
    size_wh: tuple[int, int],
    cut: float = 0.0,
    slack: float = 0.15,
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(H, W) pixels whose centre is in the box and whose value is at least `cut`, and those too close to it to say."""
    out, doubtful = np.zeros(size_wh[::-1], np.bool_), np.zeros(size_wh[::-1], np.bool_)
    for y in range(size_wh[1]):
        for x in range(size_wh[0]):
            if box[0] <= x + 0.5 < box[2] and box[1] <= y + 0.5 < box[3]:
                value = at_pixel(cells, x, y, size_wh)
                out[y, x] = value >= cut
                doubtful[y, x] = abs(value - cut) < slack
    return out, doubtful


def same(said: NDArray[np.bool_], want: tuple[NDArray[np.bool_], NDArray[np.bool_]]) -> None:
    """Pixel by pixel, but for those that rounding to bytes decides."""
    mask, doubtful = want
    wrong = (said != mask) & ~doubtful
    assert not wrong.any(), np.argwhere(wrong)[:5]
    assert doubtful.sum() <= 0.2 * doubtful.size
