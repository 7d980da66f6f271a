"""Where a lens puts what lies in some direction: rays -> positions in the camera's picture.

Directions are in the camera's frame: x to the right, y down, z ahead. Positions are pixels from the lens's centre,
in focal lengths. NaN where the lens cannot see.
Models: the equidistant fisheye with the polynomial of Kannala and Brandt (2006), the plain lens with Brown's (1971),
the equirectangular panorama.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["by_fisheye", "by_panorama", "by_plain_lens", "first_turn"]

F64 = NDArray[np.float64]


def by_fisheye(rays: F64, distortion: Sequence[float]) -> F64:
    """Rays (..., 3) -> (..., 2): r = t (1 + k1 t^2 + k2 t^4 + k3 t^6 + k4 t^8), t the angle off the axis in radians.

    distortion: up to four k. NaN beyond the angle from which r falls again: that is where the polynomial ends.
    """
    x, y, z = np.moveaxis(rays, -1, 0)
    across = np.hypot(x, y)
    angle = np.arctan2(across, z)
    gain = _polynomial(angle, distortion) * angle
    gain = np.where(angle < first_turn(distortion, np.pi), gain, np.nan)
    ahead = across < 1e-12
    scale = np.where(ahead, np.where(z > 0, 0.0, np.nan), gain / np.where(ahead, 1.0, across))
    return np.stack([x * scale, y * scale], -1)


def by_plain_lens(rays: F64, distortion: Sequence[float]) -> F64:
    """Rays (..., 3) -> (..., 2): the pinhole's x/z, y/z, bent by k1, k2, k3 (radial) and p1, p2 (tangential).

    NaN behind the lens and beyond the radius from which the radial polynomial falls again.
    """
    radial, tangential = tuple(distortion[:3]), (*distortion[3:5], 0.0, 0.0)[:2]
    z = rays[..., 2]
    seen = z > 1e-9
    x, y = (rays[..., i] / np.where(seen, z, 1.0) for i in (0, 1))
    r2 = x * x + y * y
    gain = _polynomial(np.sqrt(r2), radial)
    p1, p2 = tangential
    bent_x = x * gain + 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
    bent_y = y * gain + 2 * p2 * x * y + p1 * (r2 + 2 * y * y)
    seen &= r2 < first_turn(radial, np.inf) ** 2
    return np.where(seen[..., None], np.stack([bent_x, bent_y], -1), np.nan)


def by_panorama(rays: F64) -> F64:
    """Rays (..., 3) -> (..., 2): longitude -pi..pi from straight ahead, latitude -pi/2..pi/2, growing with x and y."""
    x, y, z = np.moveaxis(rays, -1, 0)
    return np.stack([np.arctan2(x, z), np.arctan2(y, np.hypot(x, z))], -1)


def first_turn(distortion: Sequence[float], most: float) -> float:
    """The least t > 0 at which t (1 + k1 t^2 + k2 t^4 + ...) stops growing; `most` where it never does below."""
    known = (k if abs(k) > 1e-12 else 0.0 for k in distortion)
    derivative = [(2 * i + 1) * k for i, k in enumerate((1.0, *known))]  # in t^2
    roots = np.roots(derivative[::-1]) if any(derivative[1:]) else np.zeros(0)
    real = roots.real[(np.abs(roots.imag) < 1e-9 * (1 + np.abs(roots.real))) & (roots.real > 0)]
    return min(most, float(np.sqrt(real.min()))) if len(real) else most


def _polynomial(t: F64, distortion: Sequence[float]) -> F64:
    """1 + k1 t^2 + k2 t^4 + ..."""
    t2 = t * t
    total = np.zeros_like(t)
    for k in reversed(tuple(distortion)):
        total = (total + k) * t2
    return total + 1
