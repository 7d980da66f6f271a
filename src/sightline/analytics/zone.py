"""A zone that says who enters, leaves and stays, and how many are in it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sightline.analytics.fences import Fence
from sightline.analytics.memory import Memory
from sightline.analytics.placing import Anchor, anchors, check_band, check_shape, to_pixels, without_edges
from sightline.analytics.sight import Sight, look
from sightline.facts import event
from sightline.shapes import crossing_parts, distance, distinct, inside
from sightline.types import I64, Event, Frame, FrameResult, Report, Shape

__all__ = ["Zone"]

F64 = NDArray[np.float64]


@dataclass(slots=True)
class _Stay:
    """One track's time in the zone: since when, and whether that was long enough to be told."""

    entered_s: float | None
    dwelt: bool = False


@dataclass(frozen=True, slots=True)
class _Last:
    """The last sighting of a track in the zone: as what, where, when."""

    label: str
    at: F64
    seconds: float | None


@dataclass(eq=False)
class Zone:
    """Follows tracks whose anchor is in a polygon, which closes by itself.

    Events: `zone.entered`, `zone.left` (also when a track ends inside, with the time of its last sighting) and
    `zone.dwelt`, once a stay. A track seen for the first time inside has entered. One that passes through between two
    sightings enters and leaves in one frame. At the border a track changes sides only when it is farther from it than
    `hysteresis`; sides along the frame's edge are no border, as nothing is beyond them. Unseen tracks stay where they
    were seen last.

    points: x and y as fractions of the upright frame, or in pixels with `px`. anchor: the point of the box that counts.
    classes: follow only these labels (none: all). dwell_s: seconds after which a stay is a `zone.dwelt`.
    hysteresis: width of the doubtful band on each side as a part of the box's longer side; hysteresis_px: in pixels.
    """

    name: str
    points: tuple[tuple[float, float], ...]
    px: bool = False
    anchor: Anchor = "bottom"
    classes: tuple[str, ...] = ()
    dwell_s: float | None = None
    hysteresis: float = 0.05
    hysteresis_px: float | None = None
    _memory: Memory = field(init=False, repr=False)
    _stays: dict[int, _Stay] = field(init=False, repr=False)
    _sight: Sight | None = field(init=False, repr=False, default=None)
    _placed: tuple[int, int, Fence] | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        self.points = tuple((float(x), float(y)) for x, y in self.points)
        check_shape("zone", self.name, self.points, self.px)
        check_band(self.hysteresis, self.hysteresis_px)
        if self.dwell_s is not None and not self.dwell_s > 0:
            raise ValueError(f"dwell_s: expected a number of seconds above 0, got {self.dwell_s}")
        self._memory = Memory()
        self._stays = {}

    def check(self, width: int, height: int) -> list[str]:
        """Warnings for frames of this size. Raises UsageError where the zone lies wholly outside."""
        return check_shape("zone", self.name, self.points, self.px, width, height)

    def shapes(self, frame: Frame) -> tuple[Shape, ...]:
        """The zone in frame pixels."""
        return (
            Shape(self.name, "zone", tuple((float(x), float(y)) for x, y in self._place(frame).polygon), closed=True),
        )

    def update(self, result: FrameResult) -> Report:
        """Events of this frame, and {"now": {label: n}}: who is in the zone, seen or coasting."""
        frame, tracks = result.frame, result.tracks
        fence = self._place(frame)
        past, sight = self._sight, look(self._sight, result, self.classes)
        self._sight = sight
        events: list[Event] = []
        if self._stays and past is not None and (sight.over or tracks.ended):
            for track in list(self._stays) if sight.over else [t for t in tracks.ended if t in self._stays]:
                events.append(self._leave(frame, track, self._last(past, track), ended=True))
        self._memory.begin(sight)
        if len(sight.id):
            events += self._see(frame, sight, fence)
        here = sight.here[self._memory.side[sight.here] > 0]
        if self.dwell_s is not None:
            events += self._dwellings(frame, sight, here)
        now: dict[str, int] = {}
        for label, n in Counter(sight.table.label[here].tolist()).items():
            now[sight.name(label)] = now.get(sight.name(label), 0) + n
        return Report(tuple(events), {"now": now})

    def _see(self, frame: Frame, sight: Sight, fence: Fence) -> list[Event]:
        """Which of the seen tracks came, went or passed through."""
        memory, slot = self._memory, sight.slot
        found, near, any_near = sight.fence(fence)
        was = memory.side[slot]
        side = np.where(found != 0, found, was)
        memory.side[slot] = side
        events: list[Event] = []
        changed = side != was
        if any_near:
            for i, parts in self._passing(sight, np.flatnonzero(near & (was < 0) & (side < 0)), fence):
                events += self._pass(frame, sight, i, parts)
        if np.count_nonzero(changed):
            at = sight.at(self.anchor)
            for i in np.flatnonzero(changed & ((side > 0) | (was > 0))).tolist():
                track = int(sight.id[i])
                if side[i] > 0:
                    events.append(self._enter(frame, track, sight.name(int(sight.label[i])), at[i], frame.at.seconds))
                else:
                    events.append(self._leave(frame, track, self._before(sight, i), to=at[i]))
        return events

    def _before(self, sight: Sight, i: int) -> _Last:
        """The sighting before this one of a track that is seen now."""
        seconds = float(sight.before_s[i])
        label = sight.name(int(sight.before_label[i]))
        return _Last(label, sight.came_from(self.anchor)[i], None if np.isnan(seconds) else seconds)

    def _last(self, sight: Sight, track: int) -> _Last:
        """The last sighting of a track in the table."""
        slot = int(sight.table.slots_of(np.array([track]))[0][0])
        seconds = float(sight.table.seen_s[slot])
        at = anchors(sight.table.box[slot : slot + 1], self.anchor)[0]
        return _Last(sight.name(int(sight.table.label[slot])), at, None if np.isnan(seconds) else seconds)

    def _passing(self, sight: Sight, rows: I64, fence: Fence) -> list[tuple[int, tuple[float, float]]]:
        """Which of these rows came from their last anchor straight through the zone, and on which parts of the way."""
        if not len(rows):
            return []
        polygon = fence.polygon
        start, end = sight.came_from(self.anchor)[rows], sight.at(self.anchor)[rows]
        low, high = polygon.min(0), polygon.max(0)
        close = ((np.minimum(start, end) <= high) & (np.maximum(start, end) >= low)).all(1)
        if not close.any():
            return []
        start, end, rows = start[close], end[close], rows[close]
        parts = crossing_parts(start, end, polygon, closed=True)  # (K, 2)
        middle = start + (end - start) * parts.mean(1, keepdims=True)
        band = sight.band(fence)
        return [
            (int(rows[k]), (float(parts[k, 0]), float(parts[k, 1])))
            for k in np.flatnonzero(~np.isnan(parts[:, 0]))
            if inside(middle[k : k + 1], polygon)[0]
            and distance(middle[k : k + 1], polygon, closed=True, sides=fence.sides)[0] > band[rows[k]]
        ]

    def _pass(self, frame: Frame, sight: Sight, i: int, parts: tuple[float, float]) -> list[Event]:
        """In and out again between two sightings: both events, with the times at which its way met the border."""
        start, to, now = sight.came_from(self.anchor)[i], sight.at(self.anchor)[i], frame.at.seconds
        seen_s = float(sight.before_s[i])
        before = None if np.isnan(seen_s) else seen_s
        points = [start + (to - start) * part for part in parts]
        times = [None if now is None or before is None else round(before + (now - before) * part, 6) for part in parts]
        label, track = sight.name(int(sight.label[i])), int(sight.id[i])
        first = times[0] if times[0] is not None else now
        entered = self._enter(frame, track, label, points[0], first)
        return [entered, self._leave(frame, track, _Last(label, points[1], times[1]))]

    def _enter(self, frame: Frame, track: int, label: str, at: F64, seconds: float | None) -> Event:
        self._stays[track] = _Stay(seconds)
        data: dict[str, object] = {"at": _rounded(at), "entered_s": seconds}
        return event("zone.entered", self.name, frame, track, label, data)

    def _leave(self, frame: Frame, track: int, last: _Last, to: F64 | None = None, ended: bool = False) -> Event:
        """`to`: the first anchor outside; without it the stay ended with its last sighting."""
        stay = self._stays.pop(track)
        left_s = last.seconds if to is None else frame.at.seconds
        data: dict[str, object] = {
            "from": _rounded(last.at),
            "to": _rounded(last.at if to is None else to),
            "entered_s": stay.entered_s,
            "left_s": left_s,
            "dwell_s": _span(stay.entered_s, left_s),
            "ended": ended,
        }
        return event("zone.left", self.name, frame, track, last.label, data)

    def _dwellings(self, frame: Frame, sight: Sight, here: I64) -> list[Event]:
        """Who of those that are here has been in the zone for long enough."""
        events: list[Event] = []
        now = frame.at.seconds
        if now is None or not len(here):
            return events
        present = set(here.tolist())
        for track, stay in self._stays.items():
            span = None if stay.dwelt else _span(stay.entered_s, now)
            if span is None or self.dwell_s is None or span < self.dwell_s:
                continue
            if int(sight.table.slots_of(np.array([track]))[0][0]) in present:
                stay.dwelt = True
                last = self._last(sight, track)
                data: dict[str, object] = {"at": _rounded(last.at), "entered_s": stay.entered_s, "dwell_s": span}
                events.append(event("zone.dwelt", self.name, frame, track, last.label, data))
        return events

    def _place(self, frame: Frame) -> Fence:
        """The zone in pixels of this frame."""
        if self._placed is None or self._placed[:2] != (frame.width, frame.height):
            if self._placed is None:
                self.check(frame.width, frame.height)
            points = distinct(to_pixels(self.points, self.px, frame.width, frame.height), closed=True)
            points, sides = without_edges(points, frame.width, frame.height)
            size = (frame.width, frame.height)
            self._placed = (*size, Fence(points, sides, size, self.anchor, self.hysteresis, self.hysteresis_px))
        return self._placed[2]


def _rounded(point: F64) -> list[float]:
    return [round(float(v), 2) for v in point]


def _span(start_s: float | None, end_s: float | None) -> float | None:
    return None if start_s is None or end_s is None else round(end_s - start_s, 6)
