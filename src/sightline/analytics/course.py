"""Where each track was in the last frames, in whole pixels: what direction and directed crossings are judged by.

The memory of DeepStream's nvdsanalytics, number for number (its public source, nvds_analytics.cpp): boxes cut to whole
pixels, the oldest few of the last `history` places averaged, sizes averaged over all of them, everything of a track
forgotten once it was unseen for longer than `forget_s`.

Courses are values: `advance` makes a new one, and the same courses and result give the same answer from a small cache,
so that many rules of one stream share one memory without knowing of each other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sightline.analytics.objects import Objects, tracked_objects
from sightline.types import I64, Bool, Detections, FrameResult, Tracks

__all__ = ["Courses", "Moves", "Ruler", "advance", "start"]

F64 = NDArray[np.float64]

_FEW = 4  # places that are averaged at the old end of a full history
_STILL_X = 400.0  # variance of x in square pixels, and of y per pixel of height, at or below which a track stands still
_STILL_Y = 0.01


@dataclass(frozen=True, slots=True)
class Ruler:
    """How courses are kept: the last `history` frames of a track, until it was unseen for more than `forget_s`.

    size_wh: size of the picture in whose pixels everything is measured; None: the frame's own.
    """

    history: int = 50
    forget_s: float = 8.0
    size_wh: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.history < 2:
            raise ValueError(f"history: expected 2 or more frames, got {self.history}")
        if not self.forget_s >= 0:
            raise ValueError(f"forget_s: expected 0 or more seconds, got {self.forget_s}")
        if self.size_wh is not None and min(self.size_wh) < 1:
            raise ValueError(f"size_wh: expected a width and a height in pixels, got {self.size_wh}")


def _no_ints(*shape: int) -> I64:
    return np.zeros(shape, np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Courses:
    """Columns of N tracks sorted by `id`: `ring` (N, H, 4) the last centres x, y, widths and heights, `head` (N,) the
    place in it of the oldest, `count` (N,) frames seen, `sums` (N, 5) of x, x², y, y² and height over the ring, `at_s`
    (N,) the last sighting, `serial` (N,) a number that no other course has.
    """

    ruler: Ruler
    id: I64 = field(default_factory=lambda: _no_ints(0))
    serial: I64 = field(default_factory=lambda: _no_ints(0))
    at_s: F64 = field(default_factory=lambda: np.zeros(0))
    count: I64 = field(default_factory=lambda: _no_ints(0))
    head: I64 = field(default_factory=lambda: _no_ints(0))
    ring: I64 = field(default_factory=lambda: _no_ints(0, 0, 4))
    sums: I64 = field(default_factory=lambda: _no_ints(0, 5))
    scene: tuple[int, int, int] | None = None  # epoch and size of the frames the places belong to
    serials: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Moves:
    """The tracked objects (K of them) of a frame and how they came: `now` and `before` (K, 4) centre x, y, width and
    height in whole pixels of the ruler, `mean_h` (K,) float32 mean height, `count` (K,) frames seen, `still` (K,),
    `serial` (K,), `way2` (K,) the squared length of the way of the lower edge's middle.
    """

    objects: Objects
    now: I64
    before: I64
    mean_h: NDArray[np.float32]
    count: I64
    still: Bool
    serial: I64
    way2: I64


@lru_cache(maxsize=16)
def start(ruler: Ruler) -> Courses:
    """Nothing seen yet; one and the same for equal rulers."""
    return Courses(ruler, ring=_no_ints(0, ruler.history, 4))


def advance(courses: Courses, result: FrameResult) -> tuple[Courses, Moves]:
    """The courses after one more result, and the moves of its objects."""
    frame = result.frame
    scene = (frame.at.epoch, frame.width, frame.height)
    return _advance(courses, result.prediction.detections, result.tracks, result.inferred, frame.at.seconds, scene)


# a result goes through all rules of its stream before the next one comes: few are ever needed
@lru_cache(maxsize=4)
def _advance(
    courses: Courses,
    detections: Detections,
    tracks: Tracks,
    inferred: bool,
    seconds: float | None,
    scene: tuple[int, int, int],
) -> tuple[Courses, Moves]:
    objects = tracked_objects(detections, tracks, inferred)
    ids = objects.track
    stay = ~np.isin(courses.id, tracks.ended) if tracks.ended else np.ones(len(courses.id), np.bool_)
    if courses.scene != scene:
        stay[:] = False
    elif seconds is not None:
        # whole milliseconds are compared, as there
        stay &= ~(np.floor((seconds - courses.at_s) * 1000 + 1e-6) > round(courses.ruler.forget_s * 1000))
    known = courses.id[stay]
    fresh = np.sort(ids[~np.isin(ids, known, kind="sort")])
    into = np.searchsorted(known, fresh)
    new = len(fresh)
    ring = np.insert(courses.ring[stay], into, 0, axis=0)
    sums = np.insert(courses.sums[stay], into, 0, axis=0)
    count = np.insert(courses.count[stay], into, 0)
    head = np.insert(courses.head[stay], into, 0)
    at_s = np.insert(courses.at_s[stay], into, np.nan)
    serial = np.insert(courses.serial[stay], into, courses.serials + np.arange(new))
    known = np.insert(known, into, fresh)
    places = np.searchsorted(known, ids)
    now = _measured(objects, courses.ruler.size_wh, scene)
    moves = _note(objects, now, places, ring, sums, count, head, serial)
    at_s[places] = np.nan if seconds is None else seconds
    return Courses(courses.ruler, known, serial, at_s, count, head, ring, sums, scene, courses.serials + new), moves


def _measured(objects: Objects, size_wh: tuple[int, int] | None, scene: tuple[int, int, int]) -> I64:
    """(K, 4) centre x and y, width and height, cut to whole pixels as that system cuts them."""
    boxes = objects.xyxy.astype(np.float64)
    if size_wh is not None:
        boxes *= np.tile(np.array(size_wh) / np.array(scene[1:]), 2)
    left_top = boxes[:, :2].astype(np.int64)
    size = np.maximum(boxes[:, 2:] - boxes[:, :2], 0).astype(np.int64)
    return np.concatenate([left_top + size // 2, size], 1)


def _note(objects: Objects, now: I64, places: I64, ring: I64, sums: I64, count: I64, head: I64, serial: I64) -> Moves:
    """Write the places `now` into the columns, in place, and say how the objects moved."""
    history = ring.shape[1]
    at, old = head[places], count[places]
    gone = ring[places, at]  # zeros while the ring is not full
    ring[places, at] = now
    sums[places] += _summed(now) - _summed(gone)
    at = head[places] = (at + 1) % history
    window = np.minimum(old + 1, history)
    count[places] = old + 1
    mean = sums[places].astype(np.float32) / window[:, None].astype(np.float32)
    spread_x = mean[:, 1] - mean[:, 0] * mean[:, 0]
    spread_y = mean[:, 3] - mean[:, 2] * mean[:, 2]
    tall = np.maximum(mean[:, 4], np.float32(1e-6))
    still = (old + 1 > history) & (spread_x <= _STILL_X) & ((spread_y / tall).astype(np.float64) <= _STILL_Y)
    few = (at[:, None] + np.arange(min(_FEW, history))) % history
    before = ring[places[:, None], few].sum(1) // few.shape[1]
    young = old + 1 < history
    if young.any():
        before[young] = ring[places[young], :2].sum(1) // 2
    low = now[:, 1] + now[:, 3] // 2 - before[:, 1] - before[:, 3] // 2
    way2 = (now[:, 0] - before[:, 0]) ** 2 + low**2
    return Moves(objects, now, before, mean[:, 4], old + 1, still, serial[places], way2)


def _summed(boxes: I64) -> I64:
    """(K, 5) what is summed of places (K, 4): x, x², y, y², height."""
    return np.stack([boxes[:, 0], boxes[:, 0] ** 2, boxes[:, 1], boxes[:, 1] ** 2, boxes[:, 3]], 1)
