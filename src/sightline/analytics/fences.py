"""Many polygons and lines against many points at once: who is in, who is clearly on which side, who came near.

One rule alone costs little less than ten together, as most of the time goes into calling NumPy. So everything that the
rules of a stream ask in one frame is computed in one go.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sightline.analytics.placing import Anchor
from sightline.shapes import signed_distance
from sightline.types import Bool

__all__ = ["Fence", "Rail", "Side", "in_fences", "of_fences", "of_rails"]

F64 = NDArray[np.float64]
Side = NDArray[np.int8]


@dataclass(frozen=True, slots=True, eq=False)
class Fence:
    """A polygon (K, 2) in pixels of frames of `size_wh`. sides: (K,) which of its sides can be crossed.

    anchor: the point of a box that counts; hysteresis, hysteresis_px: the doubtful band (see `band_of`).
    """

    polygon: F64
    sides: Bool
    size_wh: tuple[int, int]
    anchor: Anchor = "bottom"
    hysteresis: float = 0.0
    hysteresis_px: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Rail:
    """An open line (K, 2) in frame pixels. The rest as of a `Fence`."""

    line: F64
    anchor: Anchor = "bottom"
    hysteresis: float = 0.0
    hysteresis_px: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Sides:
    """All sides (S) of several polygons one below the other: `frame` (2S, 3) leads from (x, y, 1) to the place along
    each side and the distance from it, `length` (S, 1). For what is in: starts `ax`, `ay`, ends `by`, and `slope`, the
    x gained by a step of y (S, 1). shut: (S, 1) 0, or infinity for what cannot be crossed. `first` (F,) is the first
    side of each polygon. bands: (F, 1) how many bands longer a way through a polygon is than the way to its border.
    """

    frame: F64
    length: F64
    ax: F64
    ay: F64
    by: F64
    slope: F64
    shut: F64 | None
    bands: F64
    first: NDArray[np.int64]
    low: F64  # (2,) and high: where points are moved to that lie on the frame's edge
    high: F64


@lru_cache(maxsize=64)
def _sides(fences: tuple[Fence, ...]) -> _Sides:
    a = np.concatenate([f.polygon for f in fences])
    b = np.concatenate([np.roll(f.polygon, -1, 0) for f in fences])
    frame, length = _along(a, b - a)
    shut = np.where(np.concatenate([f.sides for f in fences]), 0.0, np.inf)[:, None]
    first = np.cumsum([0] + [len(f.polygon) for f in fences[:-1]])
    rise = b[:, 1] - a[:, 1]
    slope = (b[:, 0] - a[:, 0]) / np.where(rise == 0, 1.0, rise)
    # a way through reaches a point deeper than the band, and both of its ends are that much farther from it; where
    # sides are shut, such a point may be near those
    bands = np.array([[2.0 if f.sides.all() else 0.0] for f in fences])
    high = np.array(fences[0].size_wh, np.float64) - 0.01
    ax, ay, by, slope = (v[:, None].copy() for v in (a[:, 0], a[:, 1], b[:, 1], slope))
    shut = shut if shut.any() else None
    low = np.full(2, 0.01)
    return _Sides(frame, length, ax, ay, by, slope, shut, bands, first.astype(np.int64), low, high)


def _along(a: F64, d: F64) -> tuple[F64, F64]:
    """(2S, 3) from (x, y, 1) to places along sides that start at `a` (S, 2) and lead `d` (S, 2), then to distances
    from them, positive to the right; and the lengths (S, 1).
    """
    length = np.hypot(d[:, 0], d[:, 1])
    u = d / np.maximum(length, 1e-300)[:, None]
    n = np.stack([-u[:, 1], u[:, 0]], 1)
    rows = [np.concatenate([v, -(v * a).sum(1, keepdims=True)], 1) for v in (u, n)]
    return np.concatenate(rows), length[:, None]


def _beyond(part: F64, length: F64) -> F64:
    """How far places (S, M) lie beyond the ends of sides of `length` (S, 1)."""
    inner = np.minimum(part, length)
    np.maximum(inner, 0.0, out=inner)
    return np.subtract(part, inner, out=inner)


def _with_ones(points: F64) -> F64:
    out = np.ones((3, len(points)))
    out[:2] = points.T
    return out


def in_fences(points: F64, fences: tuple[Fence, ...]) -> Bool:
    """(F, M) which points (M, 2) are in which polygon, by the even-odd rule; a point on the frame's edge is inside."""
    sides = _sides(fences)
    # boxes end exactly at the frame's edge, where polygons do too
    moved = np.minimum(np.maximum(points, sides.low), sides.high)
    x, y = moved[:, 0], moved[:, 1]
    spans = (y < sides.ay) != (y < sides.by)
    meets = y - sides.ay
    meets *= sides.slope
    meets += sides.ax
    spans &= x < meets
    return np.asarray(np.logical_xor.reduceat(spans, sides.first, axis=0))


def of_fences(points: F64, band: F64, way: F64, known: Bool, fences: tuple[Fence, ...]) -> tuple[Side, Bool]:
    """(F, M) 1 clearly inside, -1 clearly outside, 0 in the doubtful `band` ((M,) or (F, M)), and (F, M) whether
    the `way` (M,) of a known point is long enough for it to have passed through.

    Points not `known` (M,) have no side to keep: they are always clear.
    """
    sides = _sides(fences)
    within = in_fences(points, fences)
    places = sides.frame @ _with_ones(points)
    count = len(sides.length)
    beyond, off = _beyond(places[:count], sides.length), places[count:]
    beyond *= beyond
    off *= off
    off += beyond
    reach = depth = np.sqrt(np.minimum.reduceat(off, sides.first, axis=0))
    if sides.shut is not None:
        depth = np.sqrt(np.minimum.reduceat(off + sides.shut, sides.first, axis=0))
    clear = depth > band
    clear |= ~known
    side = within.astype(np.int8)
    side += side
    side -= 1
    side *= clear
    return side, (reach + sides.bands * band <= way) & known


@lru_cache(maxsize=64)
def _straight(rails: tuple[Rail, ...]) -> tuple[F64, F64]:
    """As `_along`, of lines of two points."""
    a = np.stack([r.line[0] for r in rails])
    return _along(a, np.stack([r.line[1] for r in rails]) - a)


def of_rails(points: F64, before: F64, band: F64, rails: tuple[Rail, ...]) -> tuple[Side, Bool]:
    """(L, M) 1 where a point (M, 2) is clearly to the right of a line, -1 to the left, 0 in the doubtful band, and
    (L, M) whether it may have crossed the line on its straight way from `before` (M, 2).
    """
    if len(rails) == 1 and len(rails[0].line) > 2:
        far = signed_distance(points, rails[0].line)[None]
        side = np.subtract(far > band, far < -band, dtype=np.int8)
        return side, np.ones(far.shape, np.bool_)
    frame, length = _straight(rails)
    count = len(length)
    places = frame @ _with_ones(points)
    beyond, off = _beyond(places[:count], length), places[count:]
    past = frame[count:] @ _with_ones(before)
    # what lies on a line within rounding is looked at closely
    over = (off < 1e-6) != (past < -1e-6)
    over |= (off < -1e-6) != (past < 1e-6)
    beyond *= beyond
    far = off * off
    far += beyond
    clear = far > band * band
    side = (off >= 0).astype(np.int8)
    side += side
    side -= 1
    side *= clear
    return side, over
