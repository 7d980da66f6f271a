"""A constant-velocity Kalman filter over many boxes at once: arrays in, arrays changed in place.

Each edge of a box (x1, y1, x2, y2) moves on its own with a position (frame pixels) and a velocity (pixels a second).
The four edges share their noise, so one 2x2 covariance a box is enough and every inverse is a division.

The noise is that of a random walk in position and in velocity. It is stated for one `tick_s`, the usual time between
two looks at the scene, and summed over a step of any length: one step of two ticks says the same as two steps of one,
so gaps and uneven times need no second rule. At one tick a step it is the filter of ByteTrack in the `trackers`
package (Apache-2.0), whose unit of time is the frame.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["correct", "fresh_covariance", "predict"]

F64 = NDArray[np.float64]

# variances in px² (velocity: px² a tick²): of a box just seen, of a measurement, of the walk in one tick
_START = 1.0
_MEASURED = 0.1
_WALK = 0.01


def fresh_covariance(n: int, tick_s: float) -> F64:
    """(n, 3) of boxes seen once: variance of position px², covariance px²/s, variance of velocity px²/s²."""
    out = np.zeros((n, 3))
    out[:, 0] = _START
    out[:, 2] = _START / tick_s**2
    return out


def predict(position: F64, velocity: F64, covariance: F64, step_s: float, tick_s: float) -> None:
    """Move boxes `step_s` seconds on, in place. position, velocity (N, 4); covariance (N, 3). step_s >= 0."""
    t = step_s / tick_s
    position += velocity * step_s
    pp, pv, vv = covariance[:, 0], covariance[:, 1], covariance[:, 2]
    pp += (2 * step_s) * pv + (step_s * step_s) * vv + _WALK * (t + t * (t - 1) * (2 * t - 1) / 6)
    pv += step_s * vv + _WALK * (t * (t - 1) / 2) / tick_s
    vv += _WALK * t / tick_s**2


def correct(
    position: F64, velocity: F64, covariance: F64, rows: NDArray[np.int64], seen: NDArray[np.floating[Any]]
) -> None:
    """Bring the boxes of `rows` (K,) nearer to what was seen (K, 4), in place."""
    c = covariance[rows]
    gain = c[:, :2] / (c[:, :1] + _MEASURED)  # (K, 2) of position and velocity
    missed = seen - position[rows]
    position[rows] += gain[:, :1] * missed
    velocity[rows] += gain[:, 1:] * missed
    c[:, 2] -= gain[:, 1] * c[:, 1]
    c[:, :2] *= 1 - gain[:, :1]
    covariance[rows] = c
