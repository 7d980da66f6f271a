"""A street in metres and who moves on it when: a camera, lanes and actors as pure functions of time and seed.

Ground coordinates, in metres: `u` along the street (to the right), `v` across it (away from the camera), `h` up.
Every actor keeps its lane and speed, so its track on the ground is a straight line, and so is its image.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["FAR_KERB", "LABELS", "NEAR_KERB", "WALL", "Actor", "Camera", "Crossing", "Lane", "Street", "street"]

LABELS = ("person", "car", "bike")
F64 = NDArray[np.float64]

NEAR_KERB, FAR_KERB, WALL = 3.2, 13.4, 17.0  # v of the two kerbs and of the house fronts
MARGIN = 0.25  # part of the width beyond the frame where actors appear and vanish


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole camera that looks along +v, turned by `yaw` radians about the vertical, without roll.

    width, height: the frame in pixels. focal: pixels. horizon: its row. tall: height above ground in metres.
    back: distance from the foot of the camera to v = 0 in metres.
    """

    width: int
    height: int
    focal: float
    horizon: float
    tall: float
    back: float
    yaw: float

    def project(self, points: NDArray[np.floating[Any]]) -> F64:
        """Ground points (N, 3) as u, v, h in metres -> (N, 2) frame pixels."""
        p = np.asarray(points, np.float64)
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        depth = self.back + p[:, 1] * c + p[:, 0] * s
        x = self.width / 2 + self.focal * (p[:, 0] * c - p[:, 1] * s) / depth
        y = self.horizon + self.focal * (self.tall - p[:, 2]) / depth
        return np.stack([x, y], 1)

    def depth(self, u: float, v: float) -> float:
        """Distance along the optical axis in metres; focal / depth is pixels per metre."""
        return float(self.back + v * np.cos(self.yaw) + u * np.sin(self.yaw))

    def along(self, x: float, v: float) -> float:
        """The u at which the ground line of that v meets image column x."""
        c, s = float(np.cos(self.yaw)), float(np.sin(self.yaw))
        off = x - self.width / 2
        return (off * (self.back + v * c) + self.focal * v * s) / (self.focal * c - off * s)


@dataclass(frozen=True, slots=True)
class Lane:
    """Where actors of one label go: `v` its middle, `spread` how far they stray from it, in metres.

    heading: +1 to the right, -1 to the left. speed: m/s, `vary` its relative spread. gap: mean seconds between two.
    """

    label: int
    v: float
    spread: float
    heading: int
    speed: float
    vary: float
    gap: float


@dataclass(frozen=True, slots=True)
class Actor:
    """One mover. start: seconds at which it is at `u0`; id from 1; look: a number that decides how it is drawn.

    size: relative to its kind's usual size.
    """

    id: int
    label: int
    heading: int
    u0: float
    u1: float
    v: float
    speed: float
    start: float
    look: int
    size: float

    @property
    def end(self) -> float:
        return self.start + abs(self.u1 - self.u0) / self.speed

    def u(self, t: float) -> float:
        return self.u0 + self.heading * self.speed * (t - self.start)


@dataclass(frozen=True, slots=True)
class Crossing:
    """One true crossing: seconds, actor, label row, and "in" (towards the right-hand side of the line) or "out"."""

    time_s: float
    actor: int
    label: int
    direction: str


@dataclass(frozen=True, slots=True)
class Street:
    """A camera, lanes and a seed: everything that moves follows from them."""

    camera: Camera
    lanes: tuple[Lane, ...]
    seed: int

    def actors(self, t0: float, t1: float) -> list[Actor]:
        """Everyone on the street at some moment of [t0, t1] seconds, lane by lane."""
        found: list[Actor] = []
        for number, lane in enumerate(self.lanes):
            x_from, x_to = -MARGIN * self.camera.width, (1 + MARGIN) * self.camera.width
            reach = abs(self.camera.along(x_to, lane.v) - self.camera.along(x_from, lane.v)) * 1.3
            longest = reach / (lane.speed * (1 - lane.vary))
            first, last = int(np.floor((t0 - longest) / lane.gap)) - 1, int(np.ceil(t1 / lane.gap)) + 1
            for k in range(first, last + 1):
                actor = _actor(self, number, k)
                if actor.start <= t1 and actor.end >= t0:
                    found.append(actor)
        return found

    def anchor(self, actor: Actor, t: float) -> tuple[float, float]:
        """Where the foot of an actor is at time t, in frame pixels: the bottom centre of its whole outline."""
        x, y = self.camera.project(np.array([[actor.u(t), actor.v, 0.0]]))[0]
        return float(x), float(y)

    def crossings(self, line: Sequence[tuple[float, float]], t0: float, t1: float) -> list[Crossing]:
        """Every passage of an actor's foot over `line` (2 or more points, frame pixels) in (t0, t1], by time.

        Exact: the foot's image runs along a straight line, so the place is an intersection of segments, and the
        time follows from the ground point seen there.
        """
        found: list[Crossing] = []
        for actor in self.actors(t0, t1):
            begin, end = max(t0, actor.start), min(t1, actor.end)
            if end <= begin:
                continue
            a, b = self.anchor(actor, begin), self.anchor(actor, end)
            for p, q in pairwise(line):
                at = _meet(a, b, p, q)
                if at is None:
                    continue
                share, side = at
                x = a[0] + share * (b[0] - a[0])
                u = self.camera.along(x, actor.v)
                time_s = actor.start + (u - actor.u0) * actor.heading / actor.speed
                found.append(Crossing(time_s, actor.id, actor.label, "in" if side > 0 else "out"))
        return sorted(found, key=lambda c: (c.time_s, c.actor))


@lru_cache(maxsize=4096)
def _actor(where: Street, number: int, k: int) -> Actor:
    """Number `k` in the timetable of a lane."""
    lane, camera = where.lanes[number], where.camera
    # a generator for each place in the timetable makes any moment as cheap to reach as the first
    rng = np.random.default_rng((where.seed, number, k + (1 << 20)))
    wander, late, pace, size = rng.random(4)
    v = lane.v + lane.spread * (2 * wander - 1)
    edges = (
        camera.along(-MARGIN * camera.width, v),
        camera.along((1 + MARGIN) * camera.width, v),
    )
    u0, u1 = edges if lane.heading > 0 else edges[::-1]
    return Actor(
        id=(k + (1 << 20)) * len(where.lanes) + number + 1,
        label=lane.label,
        heading=lane.heading,
        u0=u0,
        u1=u1,
        v=v,
        speed=lane.speed * (1 + lane.vary * (2 * pace - 1)),
        start=lane.gap * (k + 0.45 * late),
        look=int(rng.integers(1 << 30)),
        size=0.88 + 0.24 * size,
    )


def _meet(
    a: tuple[float, float], b: tuple[float, float], p: tuple[float, float], q: tuple[float, float]
) -> tuple[float, float] | None:
    """Where the way a -> b meets the segment p -> q: (share of the way, > 0 for towards its right), or None.

    On a screen, y down, the right of p -> q is where the cross product (q - p) x (point - p) is positive.
    """
    wx, wy = b[0] - a[0], b[1] - a[1]
    lx, ly = q[0] - p[0], q[1] - p[1]
    cross = lx * wy - ly * wx
    if cross == 0:
        return None
    share = (lx * (p[1] - a[1]) - ly * (p[0] - a[0])) / cross
    place = (wx * (p[1] - a[1]) - wy * (p[0] - a[0])) / cross
    if not (0 < share <= 1 and 0 <= place < 1):
        return None
    return share, cross


def street(seed: int, width: int, height: int) -> Street:
    """The street of a seed in a frame of that size: camera and traffic are drawn from ranges seen in practice."""
    rng = np.random.default_rng((seed, 7))
    tall, back = float(rng.uniform(5.5, 10.0)), float(rng.uniform(11, 17))
    horizon = float(rng.uniform(0.02, 0.14)) * height
    # the near edge of the near pavement lies just below the picture
    focal = (height * 1.0 - horizon) * (back + 0.6) / tall
    camera = Camera(width, height, focal, horizon, tall, back, float(np.deg2rad(rng.uniform(-11, 11))))
    busy = float(rng.uniform(0.8, 1.5))
    left = 1 if rng.random() < 0.5 else -1  # which side of the road is driven on

    def lane(label: int, v: float, spread: float, heading: int, speed: float, vary: float, gap: float) -> Lane:
        return Lane(label, v, spread, heading, speed * float(rng.uniform(0.85, 1.15)), vary, gap * busy)

    lanes = (
        lane(0, 1.5, 0.7, 1, 1.35, 0.25, 5.5),
        lane(0, 2.3, 0.5, -1, 1.35, 0.25, 6.5),
        lane(2, 4.3, 0.25, left, 4.2, 0.08, 7.0),
        lane(1, 6.4, 0.15, left, 7.5, 0.0, 4.6),
        lane(1, 9.9, 0.15, -left, 7.5, 0.0, 4.6),
        lane(2, 12.2, 0.25, -left, 4.2, 0.08, 7.0),
        lane(0, 14.3, 0.5, 1, 1.35, 0.25, 6.0),
        lane(0, 15.3, 0.6, -1, 1.35, 0.25, 6.0),
    )
    return Street(camera, lanes, seed)
