"""Which tracks move in a given direction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sightline.analytics.course import Moves, Ruler, Walk, walk
from sightline.analytics.objects import by_label, column
from sightline.analytics.placing import to_pixels
from sightline.errors import UsageError
from sightline.types import Bool, Frame, FrameResult, Report, Shape

__all__ = ["MODES", "Direction", "Mode", "Way", "check_way", "heading", "measured", "unit"]

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
    _ruler: Ruler = field(init=False, repr=False)
    _walk: Walk | None = field(init=False, repr=False, default=None)
    _placed: tuple[int, int, F64] | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        self.toward = check_way("direction", self.name, "toward", self.toward)
        self._ruler = Ruler(self.history, self.forget_s, self.size_wh)

    def shapes(self, frame: Frame) -> tuple[Shape, ...]:
        """The arrow in frame pixels."""
        return (Shape(self.name, "arrow", arrow(to_pixels(self.toward, self.px, frame.width, frame.height))),)

    def update(self, result: FrameResult) -> Report:
        """{"now": {label: n}}: who moves along the arrow, and the column "direction"."""
        self._walk = walk(self._walk, result, self._ruler)
        moves, wanted = self._walk.moves, MODES[self.mode]
        able, any_able = moves.able(wanted.way2, wanted.frames)
        if not any_able:
            return Report((), {"now": {}})
        able = able & ~moves.still & heading(moves, self._place(result.frame), wanted.cosine, moves.mean_low)
        if self.classes:
            able &= moves.objects.of(self.classes)
        at = np.flatnonzero(able)
        if not len(at):
            return Report((), {"now": {}})
        columns = {"direction": column(self.name, moves.objects.row[at], len(result.tracks.id))}
        return Report((), {"now": by_label(moves.objects, at)}, columns)

    def _place(self, frame: Frame) -> F64:
        """(2,) the direction in pixels of the ruler."""
        if self._placed is None or self._placed[:2] != (frame.width, frame.height):
            points = measured(self.toward, self.px, self.size_wh, frame)
            self._placed = (frame.width, frame.height, unit(points))
        return self._placed[2]


def measured(points: Way, px: bool, size_wh: tuple[int, int] | None, frame: Frame) -> F64:
    """(2, 2) points in whole pixels of a picture of `size_wh` (None: of the frame)."""
    width, height = size_wh or (frame.width, frame.height)
    out = to_pixels(points, px, width, height)
    if px:
        out = out * (width / frame.width, height / frame.height)
    # what rounding put just below a whole number is that number
    return np.floor(out + 1e-3)


def check_way(kind: str, name: str, option: str, points: Way) -> Way:
    """The two points of an arrow or line that `option` holds. Raises UsageError where they give no direction."""
    if not name:
        raise UsageError(f"a {kind} needs a name")
    if len(points) != 2 or any(len(p) != 2 for p in points):
        raise UsageError(f"{kind} {name!r}: {option} needs two points, x and y each")
    (x1, y1), (x2, y2) = points
    if not np.isfinite([x1, y1, x2, y2]).all():
        raise UsageError(f"{kind} {name!r}: the points of {option} must be finite numbers")
    if (x1, y1) == (x2, y2):
        raise UsageError(f"{kind} {name!r}: {option} begins and ends at the same point and has no direction")
    return (float(x1), float(y1)), (float(x2), float(y2))


def unit(points: F64) -> F64:
    """(2,) the direction from the first to the second of points (2, 2); zeros where they are one."""
    way = points[1] - points[0]
    length = float(np.hypot(way[0], way[1]))
    return way / length if length > 1e-9 else np.zeros(2)


def heading(moves: Moves, direction: F64, cosine: float, low: F64) -> Bool:
    """(K,) whose way, from the mean lower edge's middle to `low` (K,) now, has this cosine to `direction` (2,)."""
    x, y = moves.x - moves.x_before, low - moves.whole_low_before
    length = np.sqrt(x * x + y * y)
    return (length > 0) & (direction[0] * x + direction[1] * y >= cosine * length)


def arrow(points: F64) -> tuple[tuple[float, float], ...]:
    """An arrow from the first to the second of points (2, 2), as one open line with its head."""
    way = points[1] - points[0]
    side = np.array([-way[1], way[0]])
    tip = points[1]
    left, right = tip - 0.25 * way + 0.15 * side, tip - 0.25 * way - 0.15 * side
    return tuple((float(x), float(y)) for x, y in (points[0], tip, left, tip, right))
