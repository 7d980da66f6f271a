"""An annotated picture -> a small JPEG for a browser."""

from __future__ import annotations

import cv2
import numpy as np

from sightline.errors import OutputError
from sightline.pictures import rgb
from sightline.types import U8, Picture, PixelLayout

__all__ = ["jpeg_of"]


def jpeg_of(picture: Picture, width: int, quality: int) -> bytes:
    """An upright picture, I420 or RGB, as JPEG, at most `width` pixels across, its ratio kept."""
    pixels = rgb(_smaller(picture, width))
    done, data = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        h, w = pixels.shape[:2]
        raise OutputError(f"show: a picture of {w} x {h} pixels cannot be a JPEG")
    return data.tobytes()


def _smaller(picture: Picture, width: int) -> Picture:
    """Scaled on its planes, before it becomes RGB: the smaller picture is all that is converted."""
    w, h = picture.coded_wh
    if w <= width:
        return picture
    size = max(2, width // 2 * 2), max(2, round(h * width / w / 2) * 2)
    half = size[0] // 2, size[1] // 2
    how = cv2.INTER_AREA if 2 * size[0] <= w else cv2.INTER_LINEAR  # averages cost much, and gain little near full size
    planar = picture.layout is PixelLayout.I420
    planes: list[U8] = []
    for index, plane in enumerate(picture.planes):
        target = half if planar and index else size
        planes.append(np.asarray(cv2.resize(plane, target, interpolation=how), np.uint8))
    return Picture(tuple(planes), picture.layout, picture.matrix, picture.full_range)
