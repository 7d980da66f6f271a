"""Which tracks move in a given direction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sightline.analytics.course import Courses, Moves, Ruler, advance, start
from sightline.analytics.objects import by_label, column, labels_in
from sightline.analytics.placing import to_pixels
from sightline.errors import UsageError
from sightline.types import Bool, Frame, FrameResult, Report, Shape

__all__ = ["MODES", "Direction", "Mode", "Way", "check_way", "heading"]

F64 = NDArray[np.float64]
Mode = Literal["loose", "balanced", "strict"]
Way = tuple[tuple[float, float], tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Demands:
    """What a mode asks of a track: more than `way2` square pixels of way within the history, more than `frames` seen,
    and a cosine to the wanted direction of `cosine` or more.
    """

    way2: int
    frames: int
    cosine: float


MODES: dict[str, Demands] = {
    "loose": Demands(1000, 3, float(np.float32(0.1))),
    "balanced": Demands(3000, 10, 0.5),
    "strict": Demands(6000, 20, float(np.float32(0.8))),
}


@dataclass(eq=False)
class Direction:
    """Names the tracks that move along the arrow `toward`, from its first point to its second.

    The meaning of `direction-detection` in DeepStream's nvdsanalytics. A track counts in every frame in which its way
    over the last `history` frames is long enough and close enough to the arrow: over 31, 54 or 77 pixels, seen in more
    than 3, 10 or 20 frames and within 84, 60 or 36 degrees for mode "loose", "balanced" and "strict" (that system's own
    code always does as "balanced"). `columns["direction"]` names the direction at these tracks.

    toward: two points x and y, as fractions of the upright frame or in pixels with `px`. classes: only these labels
    (none: all). forget_s: a track unseen for longer begins anew. size_wh: the picture size in whose pixels ways are
    measured (none: the frame's own).
    """

    name: str
    toward: Way
    px: bool = False
    mode: Mode = "balanced"
    classes: tuple[str, ...] = ()
    history: int = 50
    forget_s: float = 8.0
    size_wh: tuple[int, int] | None = None
    _courses: Courses = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.toward = check_way("direction", self.name, self.toward)
        self._courses = start(Ruler(self.history, self.forget_s, self.size_wh))

    def shapes(self, frame: Frame) -> tuple[Shape, ...]:
        """The arrow in frame pixels."""
        return (Shape(self.name, "line", arrow(to_pixels(self.toward, self.px, frame.width, frame.height))),)

    def update(self, result: FrameResult) -> Report:
        """{"now": {label: n}}: who moves along the arrow, and the column "direction"."""
        self._courses, moves = advance(self._courses, result)
        wanted = MODES[self.mode]
        able = (moves.way2 > wanted.way2) & (moves.count > wanted.frames) & ~moves.still
        if not able.any():
            return Report((), {"now": {}})
        frame = result.frame
        size = self.size_wh or (frame.width, frame.height)
        points = to_pixels(self.toward, self.px, *size)
        if self.px and self.size_wh is not None:
            points = points * size / (frame.width, frame.height)
        able &= heading(moves, unit(whole(points)), wanted.cosine, moves.mean_h.astype(np.int64) // 2)
        able &= labels_in(self.classes, moves.objects)
        at = np.flatnonzero(able)
        columns = {"direction": column(self.name, moves.objects.row[at], len(result.tracks.id))} if len(at) else {}
        return Report((), {"now": by_label(moves.objects, at.tolist())}, columns)


def check_way(kind: str, name: str, toward: Way) -> Way:
    """The two points of an arrow. Raises UsageError where it has no direction."""
    if not name:
        raise UsageError(f"a {kind} needs a name")
    if len(toward) != 2 or any(len(p) != 2 for p in toward):
        raise UsageError(f"{kind} {name!r}: toward needs two points, x and y each")
    (x1, y1), (x2, y2) = toward
    if not np.isfinite([x1, y1, x2, y2]).all():
        raise UsageError(f"{kind} {name!r}: points must be finite numbers")
    if (x1, y1) == (x2, y2):
        raise UsageError(f"{kind} {name!r}: toward begins and ends at the same point and has no direction")
    return (float(x1), float(y1)), (float(x2), float(y2))


def whole(points: F64) -> F64:
    """Points cut to whole pixels; what rounding put just below a whole number is that number."""
    return np.floor(points + 1e-3)


def unit(points: F64) -> F64:
    """(2,) the direction from the first to the second of points (2, 2); zeros where they are one."""
    way = points[1] - points[0]
    length = float(np.hypot(way[0], way[1]))
    return way / length if length > 1e-9 else np.zeros(2)


def heading(moves: Moves, direction: F64, cosine: float, half_h: NDArray[np.int64]) -> Bool:
    """(K,) whose way, from the mean lower edge to `half_h` (K,) below the centre, has this cosine to `direction`."""
    x = moves.now[:, 0] - moves.before[:, 0]
    y = moves.now[:, 1] + half_h - moves.before[:, 1] - moves.mean_h.astype(np.int64) // 2
    along = direction[0] * x + direction[1] * y
    length = np.sqrt((x * x + y * y).astype(np.float64))
    return (length > 0) & (along >= cosine * length)


def arrow(points: F64) -> tuple[tuple[float, float], ...]:
    """An arrow from the first to the second of points (2, 2), as one open line with its head."""
    way = points[1] - points[0]
    side = np.array([-way[1], way[0]])
    tip = points[1]
    left, right = tip - 0.25 * way + 0.15 * side, tip - 0.25 * way - 0.15 * side
    return tuple((float(x), float(y)) for x, y in (points[0], tip, left, tip, right))
