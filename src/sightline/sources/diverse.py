"""A video -> a few frames that differ: what calibration and comparison look at instead of the first N."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import cv2
import numpy as np

from sightline.pictures import rgb
from sightline.types import F32, Frame

__all__ = ["diverse_frames"]

_THUMB = 16
_MOST_LOOKED_AT = 3000


def diverse_frames(frames: Callable[[], Iterator[Frame]], count: int) -> list[Frame]:
    """`count` frames (fewer where there are fewer), spread over time and over what they show, in order, with pictures.

    frames: opens the source anew each time: it is read twice, up to 3000 frames, and only thumbnails are kept from
    the first time. The farthest from all chosen so far comes next; equal pictures are taken once.
    """
    thumbs = _thumbs(frames)
    wanted = set(_farthest(thumbs, count)) if len(thumbs) else set[int]()
    found: list[Frame] = []
    with contextlib.closing(frames()) as opened:  # type: ignore[type-var]
        for ordinal, frame in enumerate(opened):
            if ordinal in wanted:
                found.append(frame)
            if len(found) == len(wanted) or ordinal >= _MOST_LOOKED_AT:
                break
    return found


def _thumbs(frames: Callable[[], Iterator[Frame]]) -> F32:
    """(N, D): every frame small, brightness in full, colour at half weight."""
    rows: list[F32] = []
    with contextlib.closing(frames()) as opened:  # type: ignore[type-var]
        for frame in opened:
            if frame.picture is not None:
                rows.append(_thumb(frame))
            if len(rows) >= _MOST_LOOKED_AT:
                break
    return np.array(rows, np.float32).reshape(len(rows), -1 if rows else 0)


def _thumb(frame: Frame) -> F32:
    picture = frame.picture
    if picture is None:
        return np.zeros(_THUMB * _THUMB * 3, np.float32)
    if picture.planes[0].ndim == 2:  # the brightness plane itself; no frame is converted for a thumbnail
        planes = [cv2.resize(p, (_THUMB, _THUMB), interpolation=cv2.INTER_AREA) for p in picture.planes]
        flat = [np.asarray(p, np.float32).reshape(_THUMB * _THUMB, -1) for p in planes]
        small = np.concatenate([flat[0], *(f * 0.5 for f in flat[1:])], axis=1)
        return np.pad(small, ((0, 0), (0, max(0, 3 - small.shape[1]))))[:, :3].ravel().astype(np.float32)
    small = cv2.resize(rgb(picture), (_THUMB, _THUMB), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32).ravel()


def _farthest(rows: F32, count: int) -> list[int]:
    """Farthest point sampling, beginning with the row nearest to the mean; stops where all that is left is a copy."""
    first = int(np.linalg.norm(rows - rows.mean(0), axis=1).argmin())
    chosen, distance = [first], np.linalg.norm(rows - rows[first], axis=1)
    while len(chosen) < min(count, len(rows)):
        after = int(distance.argmax())
        if distance[after] <= 0:
            break
        chosen.append(after)
        distance = np.minimum(distance, np.linalg.norm(rows - rows[after], axis=1))
    return sorted(chosen)
