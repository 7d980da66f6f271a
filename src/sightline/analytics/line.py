"""A line that counts what crosses it, by direction and label."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sightline.analytics.fences import Rail
from sightline.analytics.memory import Memory
from sightline.analytics.placing import Anchor, check_band, check_shape, to_pixels
from sightline.analytics.sight import Sight, look
from sightline.facts import event
from sightline.shapes import crossing_parts, crossings, distinct, extended
from sightline.types import I64, Event, Frame, FrameResult, Report, Shape

__all__ = ["Line"]

F64 = NDArray[np.float64]

# of the last way that crossed and is not settled yet: anchor before, anchor after, their times
Evidence = tuple[F64, F64, float | None, float | None]


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
    _sight: Sight | None = field(init=False, repr=False, default=None)
    _counts: dict[str, dict[str, int]] = field(init=False, repr=False)
    _evidence: dict[int, Evidence] = field(init=False, repr=False)
    _placed: tuple[int, int, Rail] | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        self.points = tuple((float(x), float(y)) for x, y in self.points)
        check_shape("line", self.name, self.points, self.px)
        check_band(self.hysteresis, self.hysteresis_px)
        self._memory = Memory()
        self._counts = {"in": {}, "out": {}}
        self._evidence = {}

    def check(self, width: int, height: int) -> list[str]:
        """Warnings for frames of this size. Raises UsageError where the line lies wholly outside."""
        return check_shape("line", self.name, self.points, self.px, width, height)

    def shapes(self, frame: Frame) -> tuple[Shape, ...]:
        """The line in frame pixels."""
        points = to_pixels(self.points, self.px, frame.width, frame.height)
        return (Shape(self.name, "line", tuple((float(x), float(y)) for x, y in points)),)

    def update(self, result: FrameResult) -> Report:
        """`line.crossed` events of this frame, and {"in": {label: n}, "out": {label: n}} since the beginning."""
        rail = self._place(result.frame)
        sight = self._sight = look(self._sight, result, self.classes)
        memory = self._memory
        memory.begin(sight)
        if self._evidence and (sight.over or result.tracks.ended):
            self._forget(sight, result.tracks.ended)
        if not len(sight.id):
            return Report((), self._snapshot())
        (side, over, any_over), slot = sight.rail(rail), sight.slot
        was = memory.side[slot]
        if any_over:
            # a way that begins and ends clearly on one side has not crossed the line, or there and back
            over = over & sight.known & ((side != was) | (memory.net[slot] != 0))
            self._follow(sight, np.flatnonzero(over), rail.line)
        events: list[Event] = []
        if self._evidence:
            for i in np.flatnonzero((side != 0) & (memory.net[slot] != 0)).tolist():
                events += self._settle(result.frame, sight, i, int(side[i]), rail.line)
        memory.side[slot] = np.where(side != 0, side, was)
        return Report(tuple(events), self._snapshot())

    def _forget(self, sight: Sight, ended: tuple[int, ...]) -> None:
        for track in list(self._evidence) if sight.over else ended:
            self._evidence.pop(track, None)

    def _follow(self, sight: Sight, which: I64, line: F64) -> None:
        """Note which of these tracks crossed the line on their way from their last anchors."""
        if not len(which):
            return
        start, end = sight.came_from(self.anchor)[which], sight.at(self.anchor)[which]
        net = crossings(start, end, line)
        if not net.any():
            return
        self._memory.net[sight.slot[which]] += net
        for k in np.flatnonzero(net).tolist():
            i = int(which[k])
            before_s = float(sight.before_s[i])
            self._evidence[int(sight.id[i])] = (
                start[k],
                end[k],
                None if np.isnan(before_s) else before_s,
                sight.seconds,
            )

    def _settle(self, frame: Frame, sight: Sight, i: int, side: int, line: F64) -> list[Event]:
        """A track that crossed the line is now clearly on `side`: it counts if it was clearly on the other before."""
        memory, slot, track = self._memory, int(sight.slot[i]), int(sight.id[i])
        net, memory.net[slot] = int(memory.net[slot]), 0
        evidence = self._evidence.pop(track, None)
        if evidence is None or memory.side[slot] != -side or net * side < 0:
            return []
        direction = "in" if side > 0 else "out"
        label = sight.name(int(sight.label[i]))
        by_label = self._counts[direction]
        by_label[label] = by_label.get(label, 0) + 1
        return [event("line.crossed", self.name, frame, track, label, _evidence(direction, line, *evidence))]

    def _place(self, frame: Frame) -> Rail:
        """The line in pixels of this frame."""
        if self._placed is None or self._placed[:2] != (frame.width, frame.height):
            if self._placed is None:
                self.check(frame.width, frame.height)
            points = distinct(to_pixels(self.points, self.px, frame.width, frame.height), closed=False)
            # boxes end exactly at the frame's edge, where lines do too: to pass over an end is to cross
            rail = Rail(extended(points, 0.01), self.anchor, self.hysteresis, self.hysteresis_px)
            self._placed = (frame.width, frame.height, rail)
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
