"""A line that counts what crosses it, by direction and label."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sightline.analytics.facts import event
from sightline.analytics.memory import Memory
from sightline.analytics.placing import Anchor, anchors, band_of, check_band, check_shape, to_pixels
from sightline.shapes import crossing_parts, crossings, distinct, extended, signed_distance
from sightline.types import I64, Event, Frame, FrameResult, Report, Shape

__all__ = ["Line"]

F64 = NDArray[np.float64]


@dataclass(eq=False)
class Line:
    """Counts tracks whose anchor crosses a line of two or more points.

    `in` is to the right-hand side of one who walks from the first point to the last (downward for a line from left to
    right), `out` the way back. The way of the anchor between two sightings is taken as straight, so nothing is too
    fast, and ways around the line's ends do not count. A crossing counts once the track has been clearly on one side
    and then clearly on the other: farther from the line than `hysteresis`. Predicted boxes never count by themselves;
    what crossed unseen counts when it is seen again.

    points: x and y as fractions of the upright frame, or in pixels with `px`. anchor: the point of the box that counts.
    classes: count only these labels (none: all).
    hysteresis: width of the doubtful band on each side as a part of the box's longer side; hysteresis_px: in pixels.
    """

    name: str
    points: tuple[tuple[float, float], ...]
    px: bool = False
    anchor: Anchor = "bottom"
    classes: tuple[str, ...] = ()
    hysteresis: float = 0.05
    hysteresis_px: float | None = None
    _memory: Memory = field(init=False, repr=False)
    _counts: dict[str, dict[str, int]] = field(init=False, repr=False)
    _placed: tuple[int, int, F64] | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        self.points = tuple((float(x), float(y)) for x, y in self.points)
        check_shape("line", self.name, self.points, self.px)
        check_band(self.hysteresis, self.hysteresis_px)
        self._memory = Memory()
        self._counts = {"in": {}, "out": {}}

    def check(self, width: int, height: int) -> list[str]:
        """Warnings for frames of this size. Raises UsageError where the line lies wholly outside."""
        return check_shape("line", self.name, self.points, self.px, width, height)

    def shapes(self, frame: Frame) -> tuple[Shape, ...]:
        """The line in frame pixels."""
        points = to_pixels(self.points, self.px, frame.width, frame.height)
        return (Shape(self.name, "line", tuple((float(x), float(y)) for x, y in points)),)

    def update(self, result: FrameResult) -> Report:
        """`line.crossed` events of this frame, and {"in": {label: n}, "out": {label: n}} since the beginning."""
        frame, tracks = result.frame, result.tracks
        line = self._place(frame)
        memory = self._memory
        memory.begin(frame, tracks.ended)
        detections = result.prediction.detections
        ids, rows = tracks.id, tracks.row
        if self.classes and len(ids):
            wanted = np.array([detections.name_of(int(row)) in self.classes for row in rows], np.bool_)
            ids, rows = ids[wanted], rows[wanted]
        if not len(ids):
            return Report((), self._snapshot())
        boxes = detections.xyxy[rows]
        at = anchors(boxes, self.anchor)
        far = signed_distance(at, line)
        band = band_of(boxes, self.hysteresis, self.hysteresis_px)
        side = (far > band).astype(np.int64) - (far < -band)
        places = memory.places(ids)
        was = memory.side[places]
        # a way that begins and ends clearly on one side has not crossed the line, or there and back
        doubt = memory.known[places] & ((side != was) | (memory.net[places] != 0))
        events: list[Event] = []
        if doubt.any():
            self._follow(places[doubt], at[doubt], line, frame)
            for i in np.flatnonzero((side != 0) & (memory.net[places] != 0)):
                events += self._settle(result, int(places[i]), int(rows[i]), int(side[i]), line)
        memory.side[places] = np.where(side != 0, side, was)
        memory.move(places, at, frame)
        return Report(tuple(events), self._snapshot())

    def _follow(self, places: I64, to: F64, line: F64, frame: Frame) -> None:
        """Note which tracks crossed the line on their way from their last anchors to `to` (K, 2)."""
        memory = self._memory
        start = memory.point[places]
        net = crossings(start, to, line)
        memory.net[places] += net
        for k in np.flatnonzero(net):
            place = int(places[k])
            memory.evidence[int(memory.id[place])] = (start[k], to[k], memory.seconds(place), frame.at.seconds)

    def _settle(self, result: FrameResult, place: int, row: int, side: int, line: F64) -> list[Event]:
        """A track that crossed the line is now clearly on `side`: it counts if it was clearly on the other before."""
        memory, frame = self._memory, result.frame
        net, memory.net[place] = int(memory.net[place]), 0
        track = int(memory.id[place])
        evidence = memory.evidence.pop(track, None)
        if evidence is None or memory.side[place] != -side or net * side < 0:
            return []
        direction = "in" if side > 0 else "out"
        label = result.prediction.detections.name_of(row)
        by_label = self._counts[direction]
        by_label[label] = by_label.get(label, 0) + 1
        return [event("line.crossed", self.name, frame, track, label, _evidence(direction, line, *evidence))]

    def _place(self, frame: Frame) -> F64:
        """The line in pixels of this frame."""
        if self._placed is None or self._placed[:2] != (frame.width, frame.height):
            if self._placed is None:
                self.check(frame.width, frame.height)
            points = distinct(to_pixels(self.points, self.px, frame.width, frame.height), closed=False)
            # boxes end exactly at the frame's edge, where lines do too: to pass over an end is to cross
            self._placed = (frame.width, frame.height, extended(points, 0.01))
        return self._placed[2]

    def _snapshot(self) -> dict[str, dict[str, int]]:
        return {direction: dict(by_label) for direction, by_label in self._counts.items()}


def _evidence(
    direction: str, line: F64, start: F64, end: F64, start_s: float | None, end_s: float | None
) -> dict[str, object]:
    """What a crossing event says: the anchors before and after, their times, and when between them it met the line."""
    data: dict[str, object] = {
        "direction": direction,
        "from": [round(float(v), 2) for v in start],
        "to": [round(float(v), 2) for v in end],
        "from_s": start_s,
        "to_s": end_s,
    }
    part = float(crossing_parts(start[None], end[None], line)[0, 1])
    if start_s is not None and end_s is not None:
        data["crossed_s"] = round(start_s + (end_s - start_s) * part, 6)
    return data
