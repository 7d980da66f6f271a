"""A constant-velocity Kalman filter of four numbers a box, each with noise of its own: arrays in, changed in place.

As `kalman`, which is the case of one noise for all four: it is stated for one `tick_s`, the usual time between two
looks at the scene, and summed over a step of any length. The four numbers do not know one another, so a 2x2 covariance
each is enough.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Noise", "correct", "fresh_covariance", "predict"]

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


def fresh_covariance(n: int, noise: Noise, tick_s: float) -> F64:
    """(n, 3, 4) of boxes seen once: variance of the numbers, covariance with their velocity a second, its variance."""
    out = np.zeros((n, 3, 4))
    out[:, 0] = noise.start
    out[:, 2] = noise.start_velocity / tick_s**2
    return out


def predict(state: F64, velocity: F64, covariance: F64, noise: Noise, step_s: float | F64, tick_s: float) -> None:
    """Move boxes `step_s` seconds on, 0 or more, (N, 1) or the same for all; in place.

    state, velocity (N, 4); covariance (N, 3, 4).
    """
    t = step_s / tick_s
    state += velocity * step_s
    pp, pv, vv = covariance[:, 0], covariance[:, 1], covariance[:, 2]
    pp += (2 * step_s) * pv + (step_s * step_s) * vv + noise.walk * t
    if np.ndim(t) or t != 1:
        pp += noise.walk_velocity * (t * (t - 1) * (2 * t - 1) / 6)
        pv += noise.walk_velocity * (t * (t - 1) / 2 / tick_s)
    pv += step_s * vv
    vv += noise.walk_velocity * (t / tick_s**2)


def correct(state: F64, velocity: F64, covariance: F64, measured: F64, rows: NDArray[np.int64], seen: F64) -> None:
    """Bring the boxes of `rows` (K,) nearer to what was seen (K, 4), in place. measured: variances (4,) or (K, 4)."""
    c = covariance[rows]
    spread = c[:, 0] + measured
    gain, gain_velocity = c[:, 0] / spread, c[:, 1] / spread
    missed = seen - state[rows]
    state[rows] += gain * missed
    velocity[rows] += gain_velocity * missed
    c[:, 2] -= gain_velocity * c[:, 1]
    c[:, :2] *= (1 - gain)[:, None]
    covariance[rows] = c
