"""A line that counts what crosses it in one given direction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sightline.analytics.course import Moves, Ruler, Walk, walk
from sightline.analytics.direction import MODES, Mode, Way, check_way, heading, measured, unit
from sightline.analytics.objects import by_label, column
from sightline.analytics.placing import to_pixels
from sightline.facts import event
from sightline.shapes import meets_rectangle
from sightline.types import I64, Event, Frame, FrameResult, Report, Shape

__all__ = ["Crossing"]

F64 = NDArray[np.float64]
_MANY = 1000  # tracks that crossed, after which those that are gone are forgotten
Three = tuple[float, float, float]


@dataclass(frozen=True, slots=True, eq=False)
class _Placed:
    """The line and arrow in whole pixels of the ruler. normal: a, b, c of a x + b y + c, the signed distance of a
    point from the line; sense: which change of its sign is the way of the arrow.
    """

    line: F64
    direction: F64
    normal: Three
    sense: Literal["by-arrow", "pos-to-neg", "neg-to-pos"]

    def between(self, x0: float, y0: float, x1: float, y1: float) -> bool:
        """Whether the way from (x0, y0) to (x1, y1), prolonged both ways, meets the line between its ends."""
        a, b, c = self.normal
        start, end = a * x0 + b * y0 + c, a * x1 + b * y1 + c
        if start == end:
            return False
        part = start / (start - end)
        (ax, ay), (bx, by) = self.line.tolist()
        off_x, off_y = x0 + (x1 - x0) * part - ax, y0 + (y1 - y0) * part - ay
        far = (bx - ax) ** 2 + (by - ay) ** 2
        return off_x * (bx - ax) + off_y * (by - ay) > 0 and off_x**2 + off_y**2 < far


@dataclass(eq=False)
class Crossing:
    """Counts tracks that cross the line `points` along the arrow `toward`; each track once.

    The meaning of `line-crossing` in DeepStream's nvdsanalytics, with its way of judging: the middle of the lower edge
    now is compared with where it was in the oldest of the last `history` frames. It counts where the line is between
    the two, and they are over 31, 54 or 77 pixels apart, seen in more than 3, 10 or 20 frames for mode "loose",
    "balanced" and "strict". "loose" asks that the side changes as the arrow says, the others that the way is within 60
    or 36 degrees of the arrow. A track unseen for more than `forget_s` begins anew and may count again.

    `line` counts both ways and knows no least distance; it is the better choice for new work.

    points: two points x and y of the line, toward: two points of the arrow, as fractions of the upright frame or in
    pixels with `px`. extended: the line goes on beyond its ends (there the default); otherwise the way of the lower
    edge's middle or of its corners must meet the line between its ends. classes: only these labels (none: all).
    size_wh: the picture size in whose pixels distances are measured (none: the frame's own).
    """

    name: str
    points: Way
    toward: Way
    px: bool = False
    mode: Mode = "loose"
    extended: bool = False
    classes: tuple[str, ...] = ()
    history: int = 50
    forget_s: float = 8.0
    size_wh: tuple[int, int] | None = None
    _ruler: Ruler = field(init=False, repr=False)
    _walk: Walk | None = field(init=False, repr=False, default=None)
    _counts: dict[str, int] = field(init=False, repr=False)
    _done: set[int] = field(init=False, repr=False)
    _placed: tuple[int, int, _Placed] | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        self.points = check_way("crossing", self.name, "points", self.points)
        self.toward = check_way("crossing", self.name, "toward", self.toward)
        self._ruler = Ruler(self.history, self.forget_s, self.size_wh)
        self._counts = {}
        self._done = set()

    def check(self, width: int, height: int) -> list[str]:
        """Warnings for frames of this size."""
        points = to_pixels(self.points, self.px, width, height)
        if self.extended or meets_rectangle(points, False, width, height):
            return []
        return [f"crossing {self.name!r} lies wholly outside the frame, which is {width}x{height} pixels"]

    def shapes(self, frame: Frame) -> tuple[Shape, ...]:
        """The line in frame pixels, turned so that the arrow leads to its right-hand side, where `in` is."""
        line = to_pixels(self.points, self.px, frame.width, frame.height)
        way = to_pixels(self.toward, self.px, frame.width, frame.height)
        (x, y), (x_in, y_in) = line[1] - line[0], way[1] - way[0]
        turned = line if x * y_in - y * x_in >= 0 else line[::-1]
        return (Shape(self.name, "crossing", tuple((float(x), float(y)) for x, y in turned)),)

    def update(self, result: FrameResult) -> Report:
        """`line.crossed` events of this frame, {"in": {label: n}} since the beginning, "frame" the same of this frame,
        and the column "line".
        """
        self._walk = walk(self._walk, result, self._ruler)
        moves = self._walk.moves
        at = self._crossed(moves, result.frame)
        if not len(at):
            return Report((), {"in": dict(self._counts), "frame": {}})
        self._done.update(moves.serial[at].tolist())
        if len(self._done) > _MANY:
            self._done.intersection_update(self._walk.courses.serial.tolist())
        now = by_label(moves.objects, at)
        for label, n in now.items():
            self._counts[label] = self._counts.get(label, 0) + n
        columns = {"line": column(self.name, moves.objects.row[at], len(result.tracks.id))}
        events = tuple(self._event(result.frame, moves, int(i)) for i in at)
        return Report(events, {"in": dict(self._counts), "frame": now}, columns)

    def _crossed(self, moves: Moves, frame: Frame) -> I64:
        """Which of the moves cross the line now."""
        wanted = MODES[self.mode]
        able, any_able = moves.able(wanted.way2, wanted.frames)
        if not any_able:
            return np.zeros(0, np.int64)
        placed = self._place(frame)
        a, b, c = placed.normal
        here = a * moves.x + b * moves.low + c
        if self.mode == "loose" and placed.sense != "by-arrow":
            there = a * moves.x_before + b * moves.low_before + c
            over = (here >= 0) & (there < 0) if placed.sense == "neg-to-pos" else (here <= 0) & (there > 0)
        else:
            there = a * moves.x_before + b * moves.whole_low_before + c
            over = np.trunc(here) * np.trunc(there) < 0
            if np.count_nonzero(over):
                over &= heading(moves, placed.direction, wanted.cosine, moves.low)
        able = able & over
        at = np.flatnonzero(able)
        if not len(at):
            return at
        if self.classes:
            at = at[moves.objects.of(self.classes)[at]]
        serials = moves.serial[at].tolist()
        found = [i for i, serial in zip(at.tolist(), serials, strict=True) if serial not in self._done]
        return np.array(found if self.extended else [i for i in found if _meets(moves, i, placed)], np.int64)

    def _event(self, frame: Frame, moves: Moves, i: int) -> Event:
        """Where and when a track was found to have crossed."""
        now, before = moves.now[i], moves.before[i]
        data: dict[str, object] = {
            "direction": "in",
            "from": [float(before[0]), float(before[1] + before[3] // 2)],
            "to": [float(now[0]), float(now[1] + now[3] // 2)],
            "to_s": frame.at.seconds,
        }
        track = int(moves.objects.track[i])
        return event("line.crossed", self.name, frame, track, moves.objects.name_of(i), data)

    def _place(self, frame: Frame) -> _Placed:
        if self._placed is None or self._placed[:2] != (frame.width, frame.height):
            line, way = (measured(p, self.px, self.size_wh, frame) for p in (self.points, self.toward))
            self._placed = (frame.width, frame.height, _placed(line, way))
        return self._placed[2]


def _normal(points: F64) -> Three:
    """a, b, c of the line through points (2, 2), so that a x + b y + c is the signed distance of (x, y)."""
    (x1, y1), (x2, y2) = points.tolist()
    length = float(np.hypot(y1 - y2, x2 - x1)) or 1.0
    return (y1 - y2) / length, (x2 - x1) / length, (x1 * y2 - x2 * y1) / length


def _placed(line: F64, way: F64) -> _Placed:
    """What there is to know of a line and its arrow before anything moves."""
    normal, direction = _normal(line), unit(way)
    a, b, _ = normal
    sense: Literal["by-arrow", "pos-to-neg", "neg-to-pos"] = "by-arrow"
    slope = a * direction[0] + b * direction[1]
    if abs(slope) >= 1e-5:
        # from that side of the line on which the arrow, prolonged either way, comes to it
        sense = "neg-to-pos" if slope > 0 else "pos-to-neg"
    return _Placed(line, direction, normal, sense)


def _meets(moves: Moves, i: int, placed: _Placed) -> bool:
    """Whether a way meets the line between its ends: that of the lower edge's middle, or of one of its corners."""
    x, y, wide, tall = (float(v) for v in moves.now[i])
    x_before, y_before, wide_before, _ = (float(v) for v in moves.before[i])
    y, y_before = y + tall / 2, y_before + float(moves.mean_h[i]) / 2
    return any(
        placed.between(x_before + k * (wide_before // 2), y_before, x + k * (wide // 2), y) for k in (0.0, 1.0, -1.0)
    )
