"""Plane geometry on (N, 2) points: paths that cross a line, sides, distances, polygons. Pure NumPy.

y points down, so what lies to the right-hand side of one who walks along a line has a positive side.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "area",
    "crosses_itself",
    "crossing_parts",
    "crossings",
    "distance",
    "distinct",
    "extended",
    "inside",
    "meets_rectangle",
    "signed_distance",
]

F64 = NDArray[np.float64]
Points = NDArray[np.floating[Any]]


def _cross(a: Points, b: Points) -> F64:
    return np.asarray(a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0], np.float64)


def _segments(points: Points, closed: bool) -> tuple[F64, F64]:
    """Starts (S, 2) and directions (S, 2) of the sides."""
    p = np.asarray(points, np.float64)
    ends = np.roll(p, -1, 0) if closed else p[1:]
    starts = p if closed else p[:-1]
    return starts, ends - starts


def distinct(points: Points, closed: bool) -> F64:
    """Points (N, 2) without immediate repeats; of a closed shape also without the first one repeated at its end."""
    p = np.asarray(points, np.float64).reshape(-1, 2)
    if not len(p):
        return p
    keep = np.ones(len(p), np.bool_)
    keep[1:] = (p[1:] != p[:-1]).any(1)
    p = p[keep]
    while closed and len(p) > 1 and (p[0] == p[-1]).all():
        p = p[:-1]
    return p


def extended(line: Points, by: float) -> F64:
    """An open line (K, 2) without repeats, with both ends moved outward by `by`."""
    p = np.array(line, np.float64)
    first, last = p[0] - p[1], p[-1] - p[-2]
    p[0] += first * (by / np.hypot(first[0], first[1]))
    p[-1] += last * (by / np.hypot(last[0], last[1]))
    return p


def _hits(start: Points, end: Points, line: Points, closed: bool) -> NDArray[np.int64]:
    """(M, S): +1 where the path start -> end (M, 2) passes a side of `line` from left to right, -1 back, else 0.

    A point on the line belongs to its right side and a path through a corner passes one of the two sides there, so
    that a path cut anywhere into two has the crossings of the whole.
    """
    a, d = _segments(line, closed)
    p, q = np.asarray(start, np.float64), np.asarray(end, np.float64)
    before = _cross(d, p[:, None] - a) >= 0  # (M, S)
    after = _cross(d, q[:, None] - a) >= 0
    way = (q - p)[:, None]
    tail = _cross(way, a - p[:, None]) >= 0
    head = _cross(way, a + d - p[:, None]) >= 0
    return np.where(tail != head, after.astype(np.int64) - before.astype(np.int64), 0)


def crossings(start: Points, end: Points, line: Points, closed: bool = False) -> NDArray[np.int64]:
    """How often the straight paths start -> end (M, 2) cross `line` (K, 2) from left to right, less the other way."""
    return _hits(start, end, line, closed).sum(1)


def crossing_parts(start: Points, end: Points, line: Points, closed: bool = False) -> F64:
    """(M, 2) least and greatest part 0..1 of the way start -> end (M, 2) at which it meets `line`; NaN where never."""
    a, d = _segments(line, closed)
    p, q = np.asarray(start, np.float64), np.asarray(end, np.float64)
    hit = _hits(start, end, line, closed) != 0
    before = _cross(d, p[:, None] - a)
    after = _cross(d, q[:, None] - a)
    span = np.where(hit, before - after, 1.0)
    part = np.where(hit, before / span, np.nan)
    out = np.full((len(p), 2), np.nan)
    met = hit.any(1)
    if met.any():
        out[met, 0] = np.nanmin(part[met], 1)
        out[met, 1] = np.nanmax(part[met], 1)
    return np.clip(out, 0, 1)


def _nearest(points: Points, line: Points, closed: bool) -> tuple[F64, F64, F64, F64]:
    """rel (M, S, 2) from the starts, part of each side 0..1 (M, S) and squared distance (M, S), directions (S, 2)."""
    a, d = _segments(line, closed)
    rel = np.asarray(points, np.float64)[:, None] - a
    part = np.clip((rel * d).sum(2) / np.maximum((d * d).sum(1), 1e-300), 0, 1)
    off = rel - part[..., None] * d
    return rel, part, (off * off).sum(2), d


def distance(points: Points, line: Points, closed: bool = False, sides: NDArray[np.bool_] | None = None) -> F64:
    """(M,) distance of points (M, 2) from the nearest point of `line` (K, 2), or of those of its sides marked in
    `sides` (S,); infinite where none is.
    """
    square = _nearest(points, line, closed)[2]
    if sides is not None:
        square = np.where(sides, square, np.inf)
    return np.sqrt(square.min(1))


def signed_distance(points: Points, line: Points) -> F64:
    """(M,) distance of points (M, 2) from an open line (K, 2): positive to its right, negative to its left.

    Beyond the ends the side is that of the last side prolonged. At corners it is judged by both sides together, as
    each alone can be wrong there.
    """
    rel, part, square, d = _nearest(points, line, False)
    rows = np.arange(len(rel))
    nearest = square.argmin(1)
    side = _cross(d[nearest], rel[rows, nearest])
    if len(d) > 1:
        unit = d / np.maximum(np.sqrt((d * d).sum(1)), 1e-300)[:, None]
        at = part[rows, nearest]
        corner = np.where(at >= 1, nearest + 1, np.where(at <= 0, nearest, 0))
        at_corner = ((at >= 1) | (at <= 0)) & (corner > 0) & (corner < len(d))
        k = np.where(at_corner, corner, 1)
        both = _cross(unit[k - 1] + unit[k], rel[rows, k])
        side = np.where(at_corner, both, side)
    out = np.sqrt(square[rows, nearest])
    return np.where(side >= 0, out, -out)


def inside(points: Points, polygon: Points) -> NDArray[np.bool_]:
    """(M,) whether points (M, 2) lie in the polygon (K, 2), by the even-odd rule."""
    p = np.asarray(points, np.float64)[:, None]
    a, d = _segments(polygon, True)
    b = a + d
    spans = (a[:, 1] > p[..., 1]) != (b[:, 1] > p[..., 1])
    rise = np.where(d[:, 1] == 0, 1.0, d[:, 1])
    x = a[:, 0] + (p[..., 1] - a[:, 1]) * (d[:, 0] / rise)
    return (spans & (p[..., 0] < x)).sum(1) % 2 == 1


def area(polygon: Points) -> float:
    """Area of a polygon (K, 2), never negative."""
    p = np.asarray(polygon, np.float64)
    return abs(float(_cross(p, np.roll(p, -1, 0)).sum())) / 2 if len(p) else 0.0


def crosses_itself(points: Points, closed: bool) -> bool:
    """Whether two sides of a shape (K, 2) without repeats cross, touch or run back over each other."""
    a, d = _segments(points, closed)
    n = len(a)
    for i in range(n):
        for j in range(i + 1, n):
            if j == i + 1 or (closed and i == 0 and j == n - 1):
                first, second = (i, j) if j == i + 1 else (j, i)
                folded = float(_cross(d[first], d[second])) == 0 and float(d[first] @ d[second]) < 0
                if folded or (closed and n == 2):
                    return True
            elif _touch(a[i], a[i] + d[i], a[j], a[j] + d[j]):
                return True
    return False


def _touch(p: F64, q: F64, a: F64, b: F64) -> bool:
    """Whether the closed segments pq and ab have a point in common."""
    d1, d2 = float(_cross(q - p, a - p)), float(_cross(q - p, b - p))
    d3, d4 = float(_cross(b - a, p - a)), float(_cross(b - a, q - a))
    if d1 * d2 < 0 and d3 * d4 < 0:
        return True
    ends = ((d1, p, q, a), (d2, p, q, b), (d3, a, b, p), (d4, a, b, q))
    return any(d == 0 and bool(((np.minimum(s, e) <= x) & (x <= np.maximum(s, e))).all()) for d, s, e, x in ends)


def meets_rectangle(points: Points, closed: bool, width: float, height: float) -> bool:
    """Whether a line or polygon (K, 2) has a point in common with the rectangle (0, 0, width, height)."""
    p = np.asarray(points, np.float64)
    if ((p >= 0) & (p <= (width, height))).all(1).any():
        return True
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    a, d = _segments(p, closed)
    c, e = _segments(corners, True)
    if any(_touch(a[i], a[i] + d[i], c[j], c[j] + e[j]) for i in range(len(a)) for j in range(4)):
        return True
    return closed and bool(inside(corners, p).any())
