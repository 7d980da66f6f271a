"""A constant-velocity Kalman filter of four numbers a box, each with noise of its own: arrays changed in place.

As `kalman`, which is the case of one noise for all four: it is stated for one `tick_s`, the usual time between two
looks at the scene, and summed over a step of any length. The four numbers do not know one another, so a 2x2 covariance
each is enough. A box is one array (5, 4): the numbers, their velocities a second, the variance of the numbers, the
covariance with the velocity, the variance of the velocity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Noise", "correct", "fresh", "predict"]

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Noise:
    """Variances of the four numbers, each (4,) or (N, 4): of a box just seen (`start`, velocity a tick), of the walk in
    one tick (`walk`), of a measurement.
    """

    start: F64
    start_velocity: F64
    walk: F64
    walk_velocity: F64
    measured: F64


def fresh(numbers: F64, noise: Noise, tick_s: float) -> F64:
    """Boxes (N, 5, 4) that were seen once, as `numbers` (N, 4)."""
    out = np.zeros((len(numbers), 5, 4))
    out[:, 0] = numbers
    out[:, 2] = noise.start
    out[:, 4] = noise.start_velocity / tick_s**2
    return out


def predict(boxes: F64, noise: Noise, step_s: float | F64, tick_s: float) -> None:
    """Move boxes (N, 5, 4) `step_s` seconds on, 0 or more, (N, 1) or the same for all; in place."""
    t = step_s / tick_s
    at, speed, pp, pv, vv = (boxes[:, i] for i in range(5))
    at += speed * step_s
    way = vv * step_s
    pp += (pv + pv + way) * step_s + noise.walk * t
    pv += way
    vv += noise.walk_velocity * (t / tick_s**2)
    if np.ndim(t) or t != 1:
        pp += noise.walk_velocity * (t * (t - 1) * (2 * t - 1) / 6)
        pv += noise.walk_velocity * (t * (t - 1) / 2 / tick_s)


def correct(boxes: F64, measured: F64, seen: F64) -> None:
    """Bring boxes (N, 5, 4) nearer to the numbers that were seen (N, 4), in place. measured: variances (4,), (N, 4)."""
    certain = boxes[:, 2:4]
    gain = certain / (boxes[:, 2] + measured)[:, None]
    boxes[:, :2] += gain * (seen - boxes[:, 0])[:, None]
    boxes[:, 4] -= gain[:, 1] * boxes[:, 3]
    certain *= 1 - gain[:, :1]
