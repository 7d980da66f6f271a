"""A line that counts what crosses it in one given direction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sightline.analytics.course import Courses, Moves, Ruler, advance, start
from sightline.analytics.direction import MODES, Mode, Way, arrow, check_way, heading, unit, whole
from sightline.analytics.facts import event
from sightline.analytics.objects import by_label, column, labels_in
from sightline.analytics.placing import check_shape, to_pixels
from sightline.types import I64, Bool, Event, Frame, FrameResult, Report, Shape

__all__ = ["Crossing"]

F64 = NDArray[np.float64]
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
    _courses: Courses = field(init=False, repr=False)
    _counts: dict[str, int] = field(init=False, repr=False)
    _done: I64 = field(init=False, repr=False)
    _placed: tuple[int, int, _Placed] | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        self.toward = check_way("crossing", self.name, self.toward)
        if len(self.points) != 2:
            raise ValueError(f"points: expected the two ends of a line, got {len(self.points)} points")
        first, last = self.points
        self.points = (float(first[0]), float(first[1])), (float(last[0]), float(last[1]))
        check_shape("line", self.name, self.points)
        self._courses = start(Ruler(self.history, self.forget_s, self.size_wh))
        self._counts = {}
        self._done = np.zeros(0, np.int64)

    def shapes(self, frame: Frame) -> tuple[Shape, ...]:
        """The line and its arrow in frame pixels."""
        line = to_pixels(self.points, self.px, frame.width, frame.height)
        way = to_pixels(self.toward, self.px, frame.width, frame.height)
        ends = tuple((float(x), float(y)) for x, y in line)
        return (Shape(self.name, "line", ends), Shape(self.name, "line", arrow(way)))

    def update(self, result: FrameResult) -> Report:
        """`line.crossed` events of this frame, {"in": {label: n}} since the beginning, "frame" the same of this frame,
        and the column "line".
        """
        self._courses, moves = advance(self._courses, result)
        at = self._crossed(moves, result.frame)
        if not len(at):
            return Report((), {"in": dict(self._counts), "frame": {}})
        self._done = np.append(self._done[np.isin(self._done, self._courses.serial)], moves.serial[at])
        now = by_label(moves.objects, at.tolist())
        for label, n in now.items():
            self._counts[label] = self._counts.get(label, 0) + n
        columns = {"line": column(self.name, moves.objects.row[at], len(result.tracks.id))}
        events = tuple(self._event(result.frame, moves, int(i)) for i in at)
        return Report(events, {"in": dict(self._counts), "frame": now}, columns)

    def _crossed(self, moves: Moves, frame: Frame) -> I64:
        """Which of the moves cross the line now."""
        wanted = MODES[self.mode]
        able = (moves.way2 > wanted.way2) & (moves.count > wanted.frames)
        if not able.any():
            return np.zeros(0, np.int64)
        placed = self._place(frame)
        now, before = moves.now, moves.before
        a, b, c = placed.normal
        half = now[:, 3] // 2
        if self.mode == "loose" and placed.sense != "by-arrow":
            here = a * now[:, 0] + b * (now[:, 1] + half) + c
            there = a * before[:, 0] + b * (before[:, 1] + moves.mean_h / np.float32(2)) + c
            able &= ((here >= 0) & (there < 0)) if placed.sense == "neg-to-pos" else ((here <= 0) & (there > 0))
        else:
            mean_half = moves.mean_h.astype(np.int64) // 2
            here = np.trunc(a * now[:, 0] + b * (now[:, 1] + half) + c)
            there = np.trunc(a * before[:, 0] + b * (before[:, 1] + mean_half) + c)
            able &= (here * there < 0) & heading(moves, placed.direction, wanted.cosine, half)
        at = np.flatnonzero(able)
        if not len(at):
            return at
        at = at[labels_in(self.classes, moves.objects)[at] & ~np.isin(moves.serial[at], self._done)]
        return at if self.extended else at[_meets(moves, at, placed)]

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
            width, height = self.size_wh or (frame.width, frame.height)
            line, way = (to_pixels(p, self.px, width, height) for p in (self.points, self.toward))
            if self.px:
                gain = np.array([width / frame.width, height / frame.height])
                line, way = line * gain, way * gain
            self._placed = (frame.width, frame.height, _placed(whole(line), whole(way)))
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


def _meets(moves: Moves, at: I64, placed: _Placed) -> Bool:
    """Which of the ways `at` meet the line between its ends: that of the lower edge's middle, or of its corners."""
    now, before = moves.now[at].astype(np.float64), moves.before[at].astype(np.float64)
    half, half_before = moves.now[at, 2] // 2, moves.before[at, 2] // 2
    x = now[:, 0] + np.stack([np.zeros(len(at)), half, -half])  # (3, A)
    x_before = before[:, 0] + np.stack([np.zeros(len(at)), half_before, -half_before])
    y = now[:, 1] + now[:, 3] / 2
    y_before = before[:, 1] + moves.mean_h[at].astype(np.float64) / 2
    a, b, c = placed.normal
    here, there = a * x + b * y + c, a * x_before + b * y_before + c
    start, along = placed.line[0], placed.line[1] - placed.line[0]
    gap = there - here
    part = np.divide(there, gap, out=np.full_like(gap, np.nan), where=gap != 0)
    off_x, off_y = x_before + (x - x_before) * part - start[0], y_before + (y - y_before) * part - start[1]
    far = along @ along
    inside = (off_x * along[0] + off_y * along[1] > 0) & (off_x**2 + off_y**2 < far)
    return np.asarray(inside.any(0))
