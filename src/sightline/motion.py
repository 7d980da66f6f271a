"""How the camera moved between two pictures, from what stands still in them: sparse optical flow and a robust fit.

Points that are easy to find again (Shi and Tomasi) are followed from one small brightness plane to the next (Lucas and
Kanade, by a pyramid); the shift, turn and zoom that most of them agree on (RANSAC) is the camera's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from sightline.types import U8, Frame, Picture, PixelLayout

__all__ = ["CameraMotion"]

F64 = NDArray[np.float64]
Points = NDArray[np.float32]

_FEWEST = 12  # points that have to agree
_AGREEING = 0.5  # share of the followed points that has to agree
_NEAR = 1.5  # how far an agreeing point may lie from where it should, in pixels of the small plane
_STILL = 0.15  # less motion than this at every corner of the small plane is none
_ZOOM, _TURN, _SHIFT = 1.3, math.radians(20), 0.3  # more than this between two frames is no camera (shift: of a side)
_WINDOW = (15, 15)
_STOP = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 12, 0.03)


@dataclass(eq=False)
class CameraMotion:
    """Follows the camera of one stream; to be asked once for every frame, in order.

    width: pictures are looked at no wider than this. points: how many are followed.
    """

    width: int = 320
    points: int = 100
    _last: _Seen | None = field(default=None, init=False, repr=False)

    def reset(self) -> None:
        """Forget the last picture."""
        self._last = None

    def __call__(self, frame: Frame, boxes: NDArray[np.floating[Any]]) -> F64 | None:
        """(2, 3), frame pixels of the frame before -> frame pixels of this one; None: no motion, or none can be told.

        `boxes` (N, 4) xyxy frame pixels: what moves on its own in this frame; points are sought outside of them.
        """
        before, picture = self._last, frame.picture
        if picture is None:
            self._last = None
            return None
        small, to_frame = _small(picture, self.width)
        moved: F64 | None = None
        if before is not None and before.epoch == frame.at.epoch and np.array_equal(before.to_frame, to_frame):
            moved = _agreed(before.small, small, before.points)
        self._last = _Seen(small, to_frame, frame.at.epoch, self._worth_following(small, to_frame, boxes))
        if moved is None:
            return None
        return (_square(to_frame) @ _square(moved) @ np.linalg.inv(_square(to_frame)))[:2]

    def _worth_following(self, small: U8, to_frame: F64, boxes: NDArray[np.floating[Any]]) -> Points:
        """Points (K, 1, 2) of the small plane outside of the boxes."""
        free = _outside(small, to_frame, boxes)
        apart = max(4, small.shape[1] // 40)
        found = cv2.goodFeaturesToTrack(small, self.points, 0.01, apart, mask=free)
        # OpenCV says None where there is nothing
        return np.zeros((0, 1, 2), np.float32) if found is None else found.astype(np.float32)  # type: ignore[redundant-expr]


@dataclass(frozen=True, slots=True, eq=False)
class _Seen:
    """A picture and the points (K, 1, 2) in it that are to be followed."""

    small: U8
    to_frame: F64
    epoch: int
    points: Points


def _small(picture: Picture, width: int) -> tuple[U8, F64]:
    """A small brightness plane as coded, and (2, 3) from its pixels (centres at whole numbers) to frame pixels."""
    w, h = picture.coded_wh
    by = min(1.0, width / max(w, h))
    size = max(1, round(w * by)), max(1, round(h * by))
    small = picture.planes[0] if size == (w, h) else cv2.resize(picture.planes[0], size, interpolation=cv2.INTER_LINEAR)
    if picture.layout is PixelLayout.RGB:
        small = cv2.cvtColor(np.ascontiguousarray(small), cv2.COLOR_RGB2GRAY)
    gain_x, gain_y = w / size[0], h / size[1]
    matrix = np.array([[gain_x, 0, gain_x / 2], [0, gain_y, gain_y / 2]])
    if picture.mirror:
        matrix = np.array([[-1, 0, w], [0, 1, 0]]) @ _square(matrix)
    upright_w, upright_h = picture.upright_wh
    wide = (upright_h if picture.turns % 2 else upright_w) / w
    matrix = np.array([[wide, 0, 0], [0, 1.0, 0]]) @ _square(matrix)
    turned = {
        0: [[1, 0, 0], [0, 1, 0]],
        1: [[0, -1, upright_w], [1, 0, 0]],
        2: [[-1, 0, upright_w], [0, -1, upright_h]],
        3: [[0, 1, 0], [-1, 0, upright_h]],
    }
    return np.ascontiguousarray(small, np.uint8), np.array(turned[picture.turns % 4], np.float64) @ _square(matrix)


def _square(matrix: F64) -> F64:
    return np.concatenate([matrix, [[0, 0, 1.0]]])


def _outside(small: U8, to_frame: F64, boxes: NDArray[np.floating[Any]]) -> U8:
    """255 where no box lies, in the small plane."""
    free = np.full(small.shape, 255, np.uint8)
    boxes = boxes[np.isfinite(boxes).all(1)].astype(np.float64)
    if len(boxes):
        back = np.linalg.inv(_square(to_frame))[:2]
        corners = np.stack([boxes[:, :2], boxes[:, 2:]], 1) @ back[:, :2].T + back[:, 2]
        height, width = small.shape
        low = np.clip(np.floor(corners.min(1)) - 2, 0, (width, height)).astype(np.int64)
        high = np.clip(np.ceil(corners.max(1)) + 3, 0, (width, height)).astype(np.int64)
        for (x1, y1), (x2, y2) in zip(low.tolist(), high.tolist(), strict=True):
            free[y1:y2, x1:x2] = 0
    return free


def _agreed(before: U8, now: U8, points: Points) -> F64 | None:
    """The motion (2, 3) in pixels of the small plane that most points agree on, where they do."""
    if len(points) < _FEWEST:
        return None
    there, found, _ = cv2.calcOpticalFlowPyrLK(
        before, now, points, np.empty_like(points), winSize=_WINDOW, maxLevel=3, criteria=_STOP
    )
    followed = found[:, 0] == 1
    start, end = points[followed], there[followed]
    if len(start) < _FEWEST:
        return None
    matrix, agreeing = cv2.estimateAffinePartial2D(start, end, ransacReprojThreshold=_NEAR, maxIters=200)
    if matrix is None or np.count_nonzero(agreeing) < max(_FEWEST, _AGREEING * len(start)):  # type: ignore[redundant-expr]
        return None
    height, width = now.shape
    exact = matrix.astype(np.float64)
    return exact if _believable(exact, width, height) else None


def _believable(matrix: F64, width: int, height: int) -> bool:
    """Whether a camera may have moved like this between two frames, and has."""
    if not np.isfinite(matrix).all():
        return False
    zoom = math.hypot(matrix[0, 0], matrix[1, 0])
    turn = math.atan2(matrix[1, 0], matrix[0, 0])
    corners = np.array([[0, 0], [width, 0], [0, height], [width, height]], np.float64)
    way = np.abs(corners @ matrix[:, :2].T + matrix[:, 2] - corners)
    middle = np.abs(matrix @ np.array([width / 2, height / 2, 1]) - (width / 2, height / 2))
    if way.max() < _STILL:
        return False
    return 1 / _ZOOM < zoom < _ZOOM and abs(turn) < _TURN and bool((middle < _SHIFT * max(width, height)).all())
