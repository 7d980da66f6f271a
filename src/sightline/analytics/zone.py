"""A zone that says who enters, leaves and stays, and how many are in it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sightline.analytics.facts import event
from sightline.analytics.memory import Memory
from sightline.analytics.placing import Anchor, anchors, band_of, check_band, check_shape, to_pixels, without_edges
from sightline.shapes import crossing_parts, distance, distinct, inside
from sightline.types import I64, Detections, Event, Frame, FrameResult, Report, Shape

__all__ = ["Zone"]

F64 = NDArray[np.float64]


@dataclass(slots=True)
class _Stay:
    """One track's time in the zone: when and where it was first and last seen there."""

    label: str
    entered_s: float | None
    first: F64
    last_s: float | None
    last: F64
    dwelt: bool = False


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
    _placed: tuple[int, int, F64] | None = field(init=False, repr=False, default=None)
    _sides: NDArray[np.bool_] = field(init=False, repr=False, default_factory=lambda: np.zeros(0, np.bool_))

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
        return (Shape(self.name, "zone", tuple((float(x), float(y)) for x, y in self._place(frame)), closed=True),)

    def update(self, result: FrameResult) -> Report:
        """Events of this frame, and {"now": {label: n}}: who is in the zone, seen or coasting."""
        frame, tracks = result.frame, result.tracks
        polygon = self._place(frame)
        events: list[Event] = []
        over = self._memory.is_over(frame)
        for track in list(self._stays) if over else [t for t in tracks.ended if t in self._stays]:
            events.append(self._leave(frame, track, ended=True))
        self._memory.begin(frame, tracks.ended)
        detections = result.prediction.detections
        ids, rows = tracks.id, tracks.row
        if self.classes and len(ids):
            wanted = np.array([detections.name_of(int(row)) in self.classes for row in rows], np.bool_)
            ids, rows = ids[wanted], rows[wanted]
        if len(ids):
            events += self._see(frame, detections, ids, rows, polygon)
        here = set(tracks.id.tolist()) | set(tracks.coasting.tolist())
        now: dict[str, int] = {}
        for track, stay in self._stays.items():
            if track in here:
                now[stay.label] = now.get(stay.label, 0) + 1
                events += self._dwell(frame, track, stay)
        return Report(tuple(events), {"now": now})

    def _see(self, frame: Frame, detections: Detections, ids: I64, rows: I64, polygon: F64) -> list[Event]:
        """Tracks `ids` (M,) were seen as `rows` (M,) of the detections."""
        memory, boxes = self._memory, detections.xyxy[rows]
        at = anchors(boxes, self.anchor)
        # boxes end exactly at the frame's edge, where zones do too: an anchor on it is inside
        within = inside(np.clip(at, 0.01, np.array([frame.width, frame.height]) - 0.01), polygon)
        depth = distance(at, polygon, closed=True, sides=self._sides)
        band = band_of(boxes, self.hysteresis, self.hysteresis_px)
        places = memory.places(ids)
        was, known = memory.side[places], memory.known[places]
        clear = (depth > band) | ~known
        side = np.where(clear, np.where(within, 1, -1), was)
        events: list[Event] = []
        outside = np.flatnonzero(known & (was < 0) & (side < 0))
        for i, parts in self._passing(places[outside], outside, at, polygon, band):
            label = detections.name_of(int(rows[i]))
            events += self._pass(frame, label, int(places[i]), at[i], parts)
        for i in np.flatnonzero((side != was) & ((side > 0) | (was > 0))):
            label = detections.name_of(int(rows[i]))
            if side[i] > 0:
                events.append(self._enter(frame, int(ids[i]), label, at[i]))
            else:
                events.append(self._leave(frame, int(ids[i]), ended=False, to=at[i]))
        seconds = frame.at.seconds
        for i in np.flatnonzero(side > 0):
            stay = self._stays[int(ids[i])]
            stay.label, stay.last_s, stay.last = detections.name_of(int(rows[i])), seconds, at[i]
        memory.side[places] = side
        memory.move(places, at, frame)
        return events

    def _passing(
        self, places: I64, rows: I64, at: F64, polygon: F64, band: F64
    ) -> list[tuple[int, tuple[float, float]]]:
        """Rows of `at` whose straight way from the last anchor led through the zone, and on which parts of it."""
        start, end = self._memory.point[places], at[rows]
        low, high = polygon.min(0), polygon.max(0)
        near = ((np.minimum(start, end) <= high) & (np.maximum(start, end) >= low)).all(1)
        if not near.any():
            return []
        start, end, rows = start[near], end[near], rows[near]
        parts = crossing_parts(start, end, polygon, closed=True)  # (K, 2)
        middle = start + (end - start) * parts.mean(1, keepdims=True)
        met = np.flatnonzero(~np.isnan(parts[:, 0]))
        return [
            (int(rows[k]), (float(parts[k, 0]), float(parts[k, 1])))
            for k in met
            if inside(middle[k : k + 1], polygon)[0]
            and distance(middle[k : k + 1], polygon, closed=True, sides=self._sides)[0] > band[rows[k]]
        ]

    def _pass(self, frame: Frame, label: str, place: int, to: F64, parts: tuple[float, float]) -> list[Event]:
        """In and out again between two sightings: both events, with the times at which its way met the border."""
        memory, now = self._memory, frame.at.seconds
        track, start, before = int(memory.id[place]), memory.point[place].copy(), memory.seconds(place)
        points = [start + (to - start) * part for part in parts]
        times = [None if now is None or before is None else round(before + (now - before) * part, 6) for part in parts]
        entered = self._enter(frame, track, label, points[0], times[0])
        stay = self._stays[track]
        stay.last, stay.last_s = points[1], times[1]
        return [entered, self._leave(frame, track, ended=False)]

    def _enter(self, frame: Frame, track: int, label: str, at: F64, seconds: float | None = None) -> Event:
        seconds = frame.at.seconds if seconds is None else seconds
        self._stays[track] = _Stay(label, seconds, at, seconds, at)
        data: dict[str, object] = {"at": _rounded(at), "entered_s": seconds}
        return event("zone.entered", self.name, frame, track, label, data)

    def _leave(self, frame: Frame, track: int, ended: bool, to: F64 | None = None) -> Event:
        """`to`: the first anchor outside; without it the stay ended with its last sighting."""
        stay = self._stays.pop(track)
        left_s = stay.last_s if to is None else frame.at.seconds
        data: dict[str, object] = {
            "from": _rounded(stay.last),
            "to": _rounded(stay.last if to is None else to),
            "entered_s": stay.entered_s,
            "left_s": left_s,
            "dwell_s": _span(stay.entered_s, left_s),
            "ended": ended,
        }
        return event("zone.left", self.name, frame, track, stay.label, data)

    def _dwell(self, frame: Frame, track: int, stay: _Stay) -> list[Event]:
        span = _span(stay.entered_s, frame.at.seconds)
        if stay.dwelt or self.dwell_s is None or span is None or span < self.dwell_s:
            return []
        stay.dwelt = True
        data: dict[str, object] = {"at": _rounded(stay.last), "entered_s": stay.entered_s, "dwell_s": span}
        return [event("zone.dwelt", self.name, frame, track, stay.label, data)]

    def _place(self, frame: Frame) -> F64:
        """The zone in pixels of this frame."""
        if self._placed is None or self._placed[:2] != (frame.width, frame.height):
            if self._placed is None:
                self.check(frame.width, frame.height)
            points = distinct(to_pixels(self.points, self.px, frame.width, frame.height), closed=True)
            points, self._sides = without_edges(points, frame.width, frame.height)
            self._placed = (frame.width, frame.height, points)
        return self._placed[2]


def _rounded(point: F64) -> list[float]:
    return [round(float(v), 2) for v in point]


def _span(start_s: float | None, end_s: float | None) -> float | None:
    return None if start_s is None or end_s is None else round(end_s - start_s, 6)
