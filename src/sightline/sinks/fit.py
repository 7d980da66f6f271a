"""Pictures of any size, I420 or RGB -> I420 planes of one size, letterboxed."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from sightline.types import U8, ColorMatrix, Picture, PixelLayout

__all__ = ["as_i420", "even", "fit_planes"]


def as_i420(picture: Picture) -> Picture:
    """The picture itself, or, where it is RGB, its planes by BT.601 in limited range. Raises ValueError for others."""
    if picture.layout is PixelLayout.I420:
        return picture
    if picture.layout is not PixelLayout.RGB:
        raise ValueError(f"a video takes I420 or RGB pictures, not {picture.layout}")
    pixels = picture.planes[0]
    h, w = pixels.shape[:2]
    # OpenCV's conversion takes even sizes only
    padded = cv2.copyMakeBorder(pixels, 0, h % 2, 0, w % 2, cv2.BORDER_REPLICATE)
    luma = padded.shape[0] * padded.shape[1]
    y, u, v = np.split(cv2.cvtColor(padded, cv2.COLOR_RGB2YUV_I420).reshape(-1), [luma, luma * 5 // 4])
    half = padded.shape[0] // 2, padded.shape[1] // 2
    planes = y.reshape(padded.shape[:2])[:h, :w], u.reshape(half), v.reshape(half)
    return replace(
        picture, planes=planes, layout=PixelLayout.I420, matrix=ColorMatrix.BT601, full_range=False, owner=None
    )


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
