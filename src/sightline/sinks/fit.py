"""I420 planes of one size -> planes of another, letterboxed."""

from __future__ import annotations

import cv2
import numpy as np

from sightline.types import U8

__all__ = ["even", "fit_planes"]


def even(wh: tuple[int, int]) -> tuple[int, int]:
    """(width, height) rounded up to even numbers."""
    return wh[0] + wh[0] % 2, wh[1] + wh[1] % 2


def fit_planes(planes: tuple[U8, ...], wh: tuple[int, int], black: int) -> tuple[U8, U8, U8]:
    """I420 planes scaled into a picture of `wh`, ratio kept, centred on even pixels, the rest black (Y = `black`)."""
    height, width = planes[0].shape
    gain = min(wh[0] / width, wh[1] / height)
    inner = max(1, min(wh[0], round(width * gain))), max(1, min(wh[1], round(height * gain)))
    left, top = (wh[0] - inner[0]) // 4 * 2, (wh[1] - inner[1]) // 4 * 2
    how = cv2.INTER_AREA if gain < 1 else cv2.INTER_LINEAR
    out: list[U8] = []
    for index, plane in enumerate(planes):
        half = 1 if index else 0
        shape = (wh[1] + half) >> half, (wh[0] + half) >> half
        full = np.full(shape, 128 if index else black, np.uint8)
        x, y = left >> half, top >> half
        w, h = min(shape[1] - x, (inner[0] + half) >> half), min(shape[0] - y, (inner[1] + half) >> half)
        full[y : y + h, x : x + w] = cv2.resize(plane, (w, h), interpolation=how)
        out.append(full)
    return out[0], out[1], out[2]
