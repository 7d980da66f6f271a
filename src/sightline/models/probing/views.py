"""One frame seen again a little differently: mirrored, shifted, smaller, larger, with the way back to its pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sightline.errors import UsageError
from sightline.pictures import rgb
from sightline.types import F32, U8, Frame, Picture, PixelLayout

__all__ = ["Variant", "variants"]

GREY = 114


@dataclass(frozen=True, slots=True)
class Variant:
    """A picture made of a frame. matrix: (2, 3) from its pixels to the frame's. seen: x1, y1, x2, y2 of the frame
    that it still shows, in frame pixels. mirrored: left and right are turned round.
    """

    name: str
    frame: Frame
    matrix: NDArray[np.float64]
    seen: tuple[float, float, float, float]
    mirrored: bool = False

    def points_back(self, points: NDArray[np.floating]) -> F32:
        """Points (..., 2) of this picture -> the same in frame pixels."""
        return (np.asarray(points, np.float64) @ self.matrix[:, :2].T + self.matrix[:, 2]).astype(np.float32)

    def boxes_back(self, xyxy: F32) -> F32:
        """Boxes (N, 4) of this picture -> the same in frame pixels."""
        corners = self.points_back(xyxy.reshape(-1, 2, 2))
        return np.concatenate([corners.min(1), corners.max(1)], 1).astype(np.float32)


def variants(frame: Frame, wanted: Sequence[str]) -> list[Variant]:
    """The frame as it is, then those of "mirrored", "shifted", "smaller", "larger" and "nudged" that are wanted.

    All are RGB pictures, and go the exact way. Raises UsageError where the frame has no picture.
    """
    if frame.picture is None:
        raise UsageError("a frame without its picture cannot be looked at again")
    pixels = rgb(frame.picture)
    made = {
        "mirrored": _mirrored,
        "shifted": lambda f, p: _cut(f, p, "shifted", (0.09, 0.07, 1.0, 1.0)),
        "nudged": lambda f, p: _cut(f, p, "nudged", (0.03, 0.02, 1.0, 1.0)),
        "larger": lambda f, p: _cut(f, p, "larger", (0.08, 0.08, 0.94, 0.94)),
        "smaller": _smaller,
    }
    return [_cut(frame, pixels, "as it is", (0.0, 0.0, 1.0, 1.0)), *(made[name](frame, pixels) for name in wanted)]


def _shown(frame: Frame, pixels: U8) -> Frame:
    height, width = pixels.shape[:2]
    picture = Picture((np.ascontiguousarray(pixels),), PixelLayout.RGB, full_range=True)
    stream = replace(frame.stream, width=width, height=height, rotation=0, still=True)
    return replace(frame, stream=stream, picture=picture, width=width, height=height)


def _mirrored(frame: Frame, pixels: U8) -> Variant:
    height, width = pixels.shape[:2]
    matrix = np.array([[-1, 0, width], [0, 1, 0]], np.float64)
    return Variant("mirrored", _shown(frame, pixels[:, ::-1]), matrix, (0, 0, width, height), mirrored=True)


def _cut(frame: Frame, pixels: U8, name: str, part: tuple[float, float, float, float]) -> Variant:
    """The part x1, y1, x2, y2, in fractions."""
    height, width = pixels.shape[:2]
    x1, y1, x2, y2 = (round(f * n) for f, n in zip(part, (width, height, width, height), strict=True))
    x2, y2 = max(x2, x1 + 1), max(y2, y1 + 1)
    matrix = np.array([[1, 0, x1], [0, 1, y1]], np.float64)
    return Variant(name, _shown(frame, pixels[y1:y2, x1:x2]), matrix, (x1, y1, x2, y2))


def _smaller(frame: Frame, pixels: U8) -> Variant:
    """The whole picture, off the middle of a grey canvas a quarter larger."""
    height, width = pixels.shape[:2]
    canvas = np.full((round(height * 1.25), round(width * 1.25), 3), GREY, np.uint8)
    x, y = (canvas.shape[1] - width) * 2 // 3, (canvas.shape[0] - height) // 3
    canvas[y : y + height, x : x + width] = pixels
    matrix = np.array([[1, 0, -x], [0, 1, -y]], np.float64)
    return Variant("smaller", _shown(frame, canvas), matrix, (0, 0, width, height))
