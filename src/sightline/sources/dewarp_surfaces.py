"""What a pixel of a flattened picture looks at: positions on a surface -> rays.

Positions are pixels from the surface's centre in focal lengths, x to the right, y down; rays are in the frame of the
view: x to the right, y down, z ahead, of any length. NaN where the surface ends.
Surfaces: plane, cylinder (upright or lying), sphere by longitude and latitude, equidistant fisheye, Panini (Sharpless,
Postle, German 2010), generalised stereographic, and the plane whose sides are squeezed ("pushbroom").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

__all__ = ["FLAT", "SURFACES", "squeeze_of"]

F64 = NDArray[np.float64]


def _plane(x: F64, y: F64, control: float) -> F64:
    return np.stack([x, y, np.ones_like(x)], -1)


def _pushbroom(x: F64, y: F64, control: float) -> F64:
    """A plane whose columns lie ever wider apart: control 0 leaves it a plane."""
    return _plane(x * np.sqrt(1 + (control * x) ** 2), y, control)


def _cylinder(x: F64, y: F64, control: float) -> F64:
    """Its axis upright: columns are angles, rows are straight."""
    return np.stack([np.sin(x), y, np.cos(x)], -1)


def _lying_cylinder(x: F64, y: F64, control: float) -> F64:
    """Its axis from left to right: rows are angles, columns are straight."""
    return np.stack([x, np.sin(y), np.cos(y)], -1)


def _sphere(x: F64, y: F64, control: float) -> F64:
    around = np.cos(y)
    ray = np.stack([np.sin(x) * around, np.sin(y), np.cos(x) * around], -1)
    return np.where((np.abs(y) <= np.pi / 2)[..., None], ray, np.nan)


def _fisheye(x: F64, y: F64, control: float) -> F64:
    angle = np.hypot(x, y)
    gain = np.sinc(angle / np.pi)
    ray = np.stack([x * gain, y * gain, np.cos(angle)], -1)
    return np.where((angle <= np.pi)[..., None], ray, np.nan)


def _panini(x: F64, y: F64, control: float) -> F64:
    """A cylinder seen from `control` radii behind its axis: verticals and what leads to the middle stay straight."""
    d = control
    across, down = x / (d + 1), y / (d + 1)
    cosine = _cosine(across * across, d)
    scale = d + cosine
    return np.stack([across * scale, down * scale, cosine], -1)


def _stereographic(x: F64, y: F64, control: float) -> F64:
    """A sphere seen from `control` radii behind its centre; 1 is the stereographic projection proper."""
    d = control
    across, down = x / (d + 1), y / (d + 1)
    cosine = _cosine(across * across + down * down, d)
    scale = d + cosine
    return np.stack([across * scale, down * scale, cosine], -1)


def _cosine(squared: F64, distance: float) -> F64:
    """cos t of the angle t with sin t / (distance + cos t) = sqrt(squared); NaN where there is none."""
    inside = 1 + (1 - distance * distance) * squared
    root = np.sqrt(np.where(inside < 0, np.nan, inside))
    return (root - distance * squared) / (1 + squared)


SURFACES: Mapping[str, Callable[[F64, F64, float], F64]] = {
    "perspective": _plane,
    "pushbroom": _pushbroom,
    "cylinder": _cylinder,
    "lying-cylinder": _lying_cylinder,
    "panorama": _sphere,
    "fisheye": _fisheye,
    "panini": _panini,
    "stereographic": _stereographic,
}
FLAT = frozenset({"perspective", "pushbroom", "cylinder", "panini"})  # rows go with the tangent of the angle


def squeeze_of(surface: str, angle: float, control: float) -> float:
    """How far down the middle column the surface has what lies `angle` radians below the axis, in focal lengths."""
    if surface in FLAT:
        return float(np.tan(angle))
    if surface == "stereographic":
        return float(np.sin(angle) / (np.cos(angle) + control) * (1 + control))
    return angle
