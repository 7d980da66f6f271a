"""A constant-velocity Kalman filter of four numbers a box, each with noise of its own: arrays changed in place.

As `kalman`, which is the case of one noise for all four: it is stated for one `tick_s`, the usual time between two
looks at the scene, and summed over a step of any length. The four numbers do not know one another, so a 2x2 covariance
each is enough. A box is one array (4, 5): each number, its velocity a second, the variance of the number, its
covariance with the velocity, the variance of the velocity. A step is linear in these five, hence one product.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Noise", "centre_size", "corners", "correct", "fresh", "move", "predict", "walked"]

F64 = NDArray[np.float64]

_CENTRE_SIZE = np.array([[0.5, 0, -1, 0], [0, 0.5, 0, -1], [0.5, 0, 1, 0], [0, 0.5, 0, 1]])
_CORNERS = np.array([[1, 0, 1, 0], [0, 1, 0, 1], [-0.5, 0, 0.5, 0], [0, -0.5, 0, 0.5]])


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


def centre_size(xyxy: F64) -> F64:
    """Boxes (N, 4) x1, y1, x2, y2 -> centre x, centre y, width, height."""
    return xyxy @ _CENTRE_SIZE


def corners(centre_size: F64) -> F64:
    """The way back."""
    return centre_size @ _CORNERS


def fresh(numbers: F64, noise: Noise, tick_s: float) -> F64:
    """Boxes (N, 4, 5) that were seen once, as `numbers` (N, 4)."""
    out = np.zeros((*numbers.shape, 5))
    out[..., 0] = numbers
    out[..., 2] = noise.start
    out[..., 4] = noise.start_velocity / tick_s**2
    return out


def predict(boxes: F64, noise: Noise, step_s: float, tick_s: float) -> None:
    """Move boxes (N, 4, 5) `step_s` seconds on, 0 or more; in place."""
    move(boxes, step_s)
    t = step_s / tick_s
    boxes[..., 2] += noise.walk * t
    boxes[..., 4] += noise.walk_velocity * (t / tick_s**2)
    if t != 1:
        boxes[..., 2] += noise.walk_velocity * (t * (t - 1) * (2 * t - 1) / 6)
        boxes[..., 3] += noise.walk_velocity * (t * (t - 1) / 2 / tick_s)


def move(boxes: F64, step: float) -> None:
    """The step without its noise, in place; `step` in the unit of time that the velocities have."""
    s = step
    way = np.array([[1, 0, 0, 0, 0], [s, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 2 * s, 1, 0], [0, 0, s * s, s, 1.0]])
    boxes[...] = (boxes.reshape(-1, 5) @ way).reshape(boxes.shape)


def walked(noise: Noise, t: F64) -> F64:
    """The noise (N, 4, 5) that steps of `t` (N,) ticks add, velocities counted a step. noise: (4,) for all boxes."""
    out = np.zeros((len(t), 4, 5))
    speed = np.outer(t, noise.walk_velocity)  # variance a tick², summed over t ticks
    t = t[:, None]
    out[..., 2] = noise.walk * t + speed * ((t - 1) * (2 * t - 1) / 6)
    out[..., 3] = speed * ((t - 1) / 2 * t)
    out[..., 4] = speed * t * t
    return out


def correct(boxes: F64, measured: F64, seen: F64) -> None:
    """Bring boxes (N, 4, 5) nearer to the numbers that were seen (N, 4), in place. measured: variances (4,), (N, 4)."""
    at, speed, pp, pv, vv = (boxes[..., i] for i in range(5))
    spread = pp + measured
    gain, gain_speed = pp / spread, pv / spread
    missed = seen - at
    at += gain * missed
    speed += gain_speed * missed
    vv -= gain_speed * pv
    np.subtract(1, gain, out=gain)
    pp *= gain
    pv *= gain
