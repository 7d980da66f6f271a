"""Where each track was in the last frames, in whole pixels: what direction and directed crossings are judged by.

The memory of DeepStream's nvdsanalytics, number for number (its public source, nvds_analytics.cpp): boxes cut to whole
pixels, the oldest few of the last `history` places averaged, sizes averaged over all of them, everything of a track
forgotten once it was unseen for longer than `forget_s`.

Courses are values: a walk leads from one to the next, and rules of one stream that keep them alike walk together, so
that they share one memory without knowing of each other.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sightline.analytics.chain import Chain
from sightline.analytics.objects import Objects, tracked_objects
from sightline.types import I64, Bool, Detections, FrameResult, Tracks

__all__ = ["Courses", "Moves", "Ruler", "Walk", "walk"]

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


@dataclass(slots=True, eq=False)
class Moves:
    """The tracked objects (K of them) of a frame and how they came: `now` and `before` (K, 4) centre x, y, width and
    height in whole pixels of the ruler, `mean_h` (K,) float32 mean height, `count` (K,) frames seen, `still` (K,),
    `serial` (K,), `way2` (K,) the squared length of the way of the lower edge's middle.

    As numbers that rules calculate with: `x`, `low` (K,) the lower edge's middle now, `x_before`, `low_before` where it
    was, by the mean height; `whole_low_before` the same with half the height cut to a whole pixel, `mean_low` where it
    would be now by the mean height cut so.
    """

    objects: Objects
    now: I64
    before: I64
    mean_h: NDArray[np.float32]
    count: I64
    still: Bool
    serial: I64
    way2: I64
    x: F64 = field(init=False)
    low: F64 = field(init=False)
    mean_low: F64 = field(init=False)
    x_before: F64 = field(init=False)
    low_before: F64 = field(init=False)
    whole_low_before: F64 = field(init=False)
    _able: dict[tuple[int, int], tuple[Bool, bool]] = field(default_factory=dict[tuple[int, int], tuple[Bool, bool]])

    def __post_init__(self) -> None:
        half = self.mean_h.astype(np.int64) // 2
        self.x = self.now[:, 0].astype(np.float64)
        self.low = (self.now[:, 1] + self.now[:, 3] // 2).astype(np.float64)
        self.mean_low = (self.now[:, 1] + half).astype(np.float64)
        self.x_before = self.before[:, 0].astype(np.float64)
        self.low_before = self.before[:, 1] + (self.mean_h / np.float32(2)).astype(np.float64)
        self.whole_low_before = (self.before[:, 1] + half).astype(np.float64)

    def able(self, way2: int, frames: int) -> tuple[Bool, bool]:
        """(K,) which came a way longer than that and were seen in more frames, and whether any is."""
        if (way2, frames) not in self._able:
            able = (self.way2 > way2) & (self.count > frames)
            self._able[way2, frames] = able, bool(able.any())
        return self._able[way2, frames]


@dataclass(slots=True, eq=False, weakref_slot=True)
class Walk:
    """The courses after a result, and the moves of its objects."""

    courses: Courses
    moves: Moves
    chain: Chain[Walk] = field(default_factory=lambda: Chain[Walk]())


def walk(before: Walk | None, result: FrameResult, ruler: Ruler) -> Walk:
    """The walk after one more result; `before`: the last one of the same rule."""
    if before is None:
        return _first(*_parts(result), ruler)
    return before.chain.after(result, lambda: _advance(before.courses, *_parts(result)))


def _parts(result: FrameResult) -> tuple[Detections, Tracks, bool, float | None, tuple[int, int, int]]:
    frame = result.frame
    scene = (frame.at.epoch, frame.width, frame.height)
    return result.prediction.detections, result.tracks, result.inferred, frame.at.seconds, scene


# all rules of a stream begin with the same result
@lru_cache(maxsize=4)
def _first(
    detections: Detections,
    tracks: Tracks,
    inferred: bool,
    seconds: float | None,
    scene: tuple[int, int, int],
    ruler: Ruler,
) -> Walk:
    courses = Courses(ruler, ring=_no_ints(0, ruler.history, 4))
    return _advance(courses, detections, tracks, inferred, seconds, scene)


def _advance(
    courses: Courses,
    detections: Detections,
    tracks: Tracks,
    inferred: bool,
    seconds: float | None,
    scene: tuple[int, int, int],
) -> Walk:
    objects = tracked_objects(detections, tracks, inferred)
    ids, ruler = objects.track, courses.ruler
    columns = _kept(courses, ids, _stay(courses, tracks.ended, seconds, scene))
    places = np.searchsorted(columns.id, ids)
    moves = _note(objects, _measured(objects, ruler.size_wh, scene), places, columns)
    columns.at_s[places] = np.nan if seconds is None else seconds
    return Walk(replace(columns, scene=scene), moves)


def _stay(courses: Courses, ended: tuple[int, ...], seconds: float | None, scene: tuple[int, int, int]) -> Bool:
    """(N,) which courses are not forgotten."""
    if courses.scene != scene:
        return np.zeros(len(courses.id), np.bool_)
    stay = ~np.isin(courses.id, ended) if ended else np.ones(len(courses.id), np.bool_)
    if seconds is not None:
        # whole milliseconds are compared, as there
        stay &= ~(np.floor((seconds - courses.at_s) * 1000 + 1e-6) > round(courses.ruler.forget_s * 1000))
    return stay


def _kept(courses: Courses, ids: I64, stay: Bool) -> Courses:
    """A copy of the columns of those that stay, with room for the new ones of `ids`."""
    if stay.all():
        known = courses.id
        serial, count, head = courses.serial.copy(), courses.count.copy(), courses.head.copy()
        at_s = courses.at_s.copy()
        ring, sums = courses.ring.copy(), courses.sums.copy()
    else:
        known = courses.id[stay]
        serial, count, head = courses.serial[stay], courses.count[stay], courses.head[stay]
        at_s = courses.at_s[stay]
        ring, sums = courses.ring[stay], courses.sums[stay]
    fresh = np.sort(ids[~_among(ids, known)])
    if len(fresh):
        into = np.searchsorted(known, fresh)
        known = np.insert(known, into, fresh)
        serial = np.insert(serial, into, courses.serials + np.arange(len(fresh)))
        count, head, at_s = np.insert(count, into, 0), np.insert(head, into, 0), np.insert(at_s, into, np.nan)
        ring, sums = np.insert(ring, into, 0, axis=0), np.insert(sums, into, 0, axis=0)
    return Courses(courses.ruler, known, serial, at_s, count, head, ring, sums, None, courses.serials + len(fresh))


def _among(ids: I64, known: I64) -> Bool:
    """(M,) which of `ids` are among the sorted `known` ones."""
    if not len(known):
        return np.zeros(len(ids), np.bool_)
    return known[np.minimum(np.searchsorted(known, ids), len(known) - 1)] == ids


def _measured(objects: Objects, size_wh: tuple[int, int] | None, scene: tuple[int, int, int]) -> I64:
    """(K, 4) centre x and y, width and height, cut to whole pixels as that system cuts them."""
    boxes = objects.xyxy.astype(np.float64)
    if size_wh is not None:
        boxes *= np.tile(np.array(size_wh) / np.array(scene[1:]), 2)
    left_top = boxes[:, :2].astype(np.int64)
    size = np.maximum(boxes[:, 2:] - boxes[:, :2], 0).astype(np.int64)
    return np.concatenate([left_top + size // 2, size], 1)


def _note(objects: Objects, now: I64, places: I64, columns: Courses) -> Moves:
    """Write the places `now` into the columns, in place, and say how the objects moved."""
    ring, history = columns.ring, columns.ruler.history
    at, count = columns.head[places], columns.count[places] + 1
    gone = ring[places, at]  # zeros while the ring is not full
    ring[places, at] = now
    sums = columns.sums[places] + _summed(now) - _summed(gone)
    at = (at + 1) % history
    columns.sums[places], columns.head[places], columns.count[places] = sums, at, count
    window = np.minimum(count, history)
    mean = sums.astype(np.float32) / window[:, None].astype(np.float32)
    spread_x = mean[:, 1] - mean[:, 0] * mean[:, 0]
    spread_y = mean[:, 3] - mean[:, 2] * mean[:, 2]
    tall = np.maximum(mean[:, 4], np.float32(1e-6))
    still = (count > history) & (spread_x <= _STILL_X) & ((spread_y / tall).astype(np.float64) <= _STILL_Y)
    few = (at[:, None] + np.arange(min(_FEW, history))) % history
    before = ring[places[:, None], few].sum(1) // few.shape[1]
    young = count < history
    if young.any():
        before[young] = ring[places[young], :2].sum(1) // 2
    low = now[:, 1] + now[:, 3] // 2 - before[:, 1] - before[:, 3] // 2
    way2 = (now[:, 0] - before[:, 0]) ** 2 + low**2
    return Moves(objects, now, before, mean[:, 4], count, still, columns.serial[places], way2)


def _summed(boxes: I64) -> I64:
    """(K, 5) what is summed of places (K, 4): x, x², y, y², height."""
    return np.stack([boxes[:, 0], boxes[:, 0] ** 2, boxes[:, 1], boxes[:, 1] ** 2, boxes[:, 3]], 1)
