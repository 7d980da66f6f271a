"""Where a line or zone lies: fractions or pixels -> frame pixels; what can never count is refused or warned of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sightline.errors import UsageError
from sightline.shapes import area, crosses_itself, distinct, meets_rectangle
from sightline.types import F32

__all__ = ["Anchor", "anchors", "band_of", "check_band", "check_region", "check_shape", "to_pixels", "without_edges"]

F64 = NDArray[np.float64]
Anchor = Literal["bottom", "center", "top", "left", "right"]
Point = tuple[float, float]

_PARTS: dict[str, tuple[float, float]] = {
    "bottom": (0.5, 1.0),
    "center": (0.5, 0.5),
    "top": (0.5, 0.0),
    "left": (0.0, 0.5),
    "right": (1.0, 0.5),
}
# part of the frame at its edges where anchors hardly come: boxes end at the frame's edge, and jitter there
_EDGE = 0.02
_ROUNDING_PX = 1e-3


def anchors(xyxy: F32, anchor: Anchor) -> F64:
    """The point (N, 2) of each box (N, 4) that counts: "bottom" is the middle of the lower edge."""
    x, y = _PARTS[anchor]
    out = np.empty((len(xyxy), 2))
    out[:, 0] = xyxy[:, 0] * (1 - x) + xyxy[:, 2] * x
    out[:, 1] = xyxy[:, 1] * (1 - y) + xyxy[:, 3] * y
    return out


def to_pixels(points: Sequence[Point], px: bool, width: int, height: int) -> F64:
    """Points (K, 2) in frame pixels, from fractions of the upright frame or (`px`) pixels."""
    out = np.asarray(points, np.float64).reshape(-1, 2)
    return out if px else out * (width, height)


def without_edges(polygon: F64, width: int, height: int) -> tuple[F64, NDArray[np.bool_]]:
    """A polygon (K, 2) in frame pixels with corners close to the frame's edge put on it, and which of its sides (K,)
    do not run along that edge: the ones that can be crossed.
    """
    size = np.array([width, height], np.float64)
    reach = np.maximum(1.0, 0.002 * size)
    points = np.where(np.abs(polygon) <= reach, 0.0, polygon)
    points = np.where(np.abs(points - size) <= reach, size, points)
    ends = np.roll(points, -1, 0)
    along = ((points <= 0) & (ends <= 0)) | ((points >= size) & (ends >= size))
    return points, np.asarray(~along.any(1))


def check_band(hysteresis: float, hysteresis_px: float | None) -> None:
    """Raises ValueError naming the option that cannot be a width."""
    for name, value in (("hysteresis", hysteresis), ("hysteresis_px", hysteresis_px)):
        if value is not None and not 0 <= value < float("inf"):
            raise ValueError(f"{name}: expected 0 or more, got {value}")


def band_of(boxes: F32, hysteresis: float, hysteresis_px: float | None) -> F64:
    """(N,) width in pixels of the doubtful band for boxes (N, 4): a part of the longer side, or pixels where given.

    Never 0: which side of a line a point on it has is left to rounding.
    """
    if hysteresis_px is not None:
        return np.full(len(boxes), max(float(hysteresis_px), _ROUNDING_PX))
    longer = np.maximum(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]).astype(np.float64)
    return np.maximum(longer * hysteresis, _ROUNDING_PX)


def check_shape(
    kind: Literal["line", "zone"],
    name: str,
    points: Sequence[Point],
    px: bool = False,
    width: int | None = None,
    height: int | None = None,
) -> list[str]:
    """Warnings about a line or zone that may never count; [] where all is well.

    Pixels can be placed only where the frame's `width` and `height` are known; fractions always.
    Raises UsageError naming the shape: too few distinct points, crossing itself, wholly outside the frame.
    """
    who = f"{kind} {name!r}"
    closed = kind == "zone"
    p = _different(kind, name, points, closed)
    if crosses_itself(p, closed):
        raise UsageError(f"{who} crosses itself; give its points in the order in which one would walk along it")
    if closed and area(p) == 0:
        raise UsageError(f"{who} has no area: its points lie on one line")
    if px and (width is None or height is None):
        return []
    size = (float(width or 1), float(height or 1)) if px else (1.0, 1.0)
    if not meets_rectangle(p, closed, *size):
        raise UsageError(f"{who} lies wholly outside the frame{_cure(p, px, width, height)}")
    return _warnings(who, p, size)


def _different(kind: str, name: str, points: Sequence[Point], closed: bool) -> NDArray[np.float64]:
    """The points (K, 2) without repeats in a row. Raises UsageError: no name, no numbers, too few."""
    if not name:
        raise UsageError(f"a {kind} needs a name")
    p = np.asarray(points, np.float64).reshape(-1, 2)
    if not np.isfinite(p).all():
        raise UsageError(f"{kind} {name!r}: points must be finite numbers")
    p, least = distinct(p, closed), 3 if closed else 2
    if len(np.unique(p, axis=0)) < least:
        raise UsageError(f"{kind} {name!r}: needs at least {least} different points, has {len(np.unique(p, axis=0))}")
    return p


def check_region(
    kind: Literal["roi", "crowd"],
    name: str,
    points: Sequence[Point],
    px: bool = False,
    width: int | None = None,
    height: int | None = None,
) -> list[str]:
    """Warnings about a region that may never count, as `check_shape`; one that crosses itself or lies outside counts
    by the even-odd rule and is only warned of, as other systems' files have such. Raises UsageError.
    """
    who = f"{kind} {name!r}"
    p = _different(kind, name, points, closed=True)
    found = [f"{who} crosses itself; what it encloses twice counts as outside"] if crosses_itself(p, True) else []
    if px and (width is None or height is None):
        return found
    size = (float(width or 1), float(height or 1)) if px else (1.0, 1.0)
    if not meets_rectangle(p, True, *size):
        found.append(f"{who} lies wholly outside the frame{_cure(p, px, width, height)}")
    return found


def _cure(p: F64, px: bool, width: int | None, height: int | None) -> str:
    if px:
        return f", which is {width}x{height} pixels"
    if (np.abs(p) > 1).any():
        return "; points are fractions from 0 to 1, for pixels write px: before them (px: true in a file)"
    return "; points are fractions from 0 to 1"


def _warnings(who: str, p: F64, size: tuple[float, float]) -> list[str]:
    part = p / size
    if ((part < 0) | (part > 1)).any():
        return [f"{who} lies partly outside the frame; there it never counts"]
    near = [(part[:, axis] < _EDGE).all() or (part[:, axis] > 1 - _EDGE).all() for axis in (0, 1)]
    if any(near):
        return [f"{who} lies within {_EDGE:.0%} of the frame's edge, where anchors hardly come; it may never count"]
    return []
