"""What stands still in a street: sky, houses, pavements, road, and the posts and trees that hide others."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sightline.sources.figures import Figure, lamp, tree
from sightline.sources.scene import FAR_KERB, NEAR_KERB, WALL, Camera, Street
from sightline.types import U8

__all__ = ["Fixture", "backdrop", "fixtures"]

Rgb = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Fixture:
    """A figure that stands at (u, v) metres, `size` times its usual size."""

    figure: Figure
    u: float
    v: float
    size: float
    paints: tuple[Rgb, ...]


def fixtures(street: Street) -> tuple[Fixture, ...]:
    """Lamp posts and signs at the near kerb, trees on both pavements; none where the frame cannot show it."""
    rng = np.random.default_rng((street.seed, 11))
    metal = int(rng.integers(40, 110))
    found: list[Fixture] = []
    step = float(rng.uniform(7, 12))
    shift = float(rng.uniform(0, step))
    greens = _greens(rng)
    for k in range(-5, 6):
        u = k * step + shift
        found.append(Fixture(lamp(0), u, 2.95, 1.0, ((metal, metal, metal + 5), (235, 230, 200))))
        if rng.random() < 0.6:
            sign = ((190, 40, 40), (40, 70, 170), (230, 190, 50))[int(rng.integers(3))]
            found.append(Fixture(lamp(int(rng.integers(1, 3))), u + step * 0.4, 2.9, 1.0, ((120, 120, 120), sign)))
        if rng.random() < 0.25:
            found.append(Fixture(tree(int(rng.integers(6))), u + step * 0.65, 2.8, 1.0, greens))
        if rng.random() < 0.7:
            found.append(Fixture(tree(int(rng.integers(6))), u + step * 0.5, FAR_KERB + 0.5, 0.9, greens))
    return tuple(sorted(found, key=lambda f: -street.camera.depth(f.u, f.v)))


def _greens(rng: np.random.Generator) -> tuple[Rgb, ...]:
    base = np.array([70, 110, 50]) + rng.integers(-25, 40, 3)
    shades = [tuple(int(c) for c in np.clip(base * k, 0, 255)) for k in (0.7, 0.9, 1.15)]
    return ((90, 70, 55), *shades)  # type: ignore[return-value]  three numbers each


def backdrop(street: Street, pad: int) -> U8:
    """The street without anyone on it: RGB (height + 2 pad, width + 2 pad, 3), the frame in its middle."""
    camera = street.camera
    wide = Camera(
        camera.width + 2 * pad, camera.height + 2 * pad, camera.focal, camera.horizon + pad, camera.tall, camera.back,
        camera.yaw,
    )  # fmt: skip
    rng = np.random.default_rng((street.seed, 13))
    picture = np.empty((wide.height, wide.width, 3), np.uint8)
    dim = float(rng.uniform(0.6, 1.1))
    warm = np.array([rng.uniform(0.92, 1.08), 1.0, rng.uniform(0.9, 1.1)])
    picture[:] = np.array([150, 180, 215]) * min(dim, 1.0)
    _houses(picture, wide, rng)
    _ground(picture, wide, rng)
    scaled = picture * (dim * warm)
    scaled += _texture(wide.width, wide.height, rng)[:, :, None]
    return np.clip(scaled, 0, 255).astype(np.uint8)


def _texture(width: int, height: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Blotches and grain, about 5 grey levels."""
    total = np.zeros((height, width), np.float32)
    for cell, strength in ((90, 5.0), (24, 3.0), (5, 2.5), (1, 2.5)):
        coarse = rng.normal(0, strength, (height // cell + 2, width // cell + 2)).astype(np.float32)
        total += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return total


def _quad(picture: U8, camera: Camera, corners: list[tuple[float, float, float]], color: Rgb) -> None:
    # far off the frame a projection may run away: keep it within what 16.4 fixed point can hold
    points = np.clip(camera.project(np.array(corners)) - 0.5, -30000, 30000)
    cv2.fillPoly(picture, [np.round(points * 16).astype(np.int32)], color, cv2.LINE_AA, 4)


def _reach(camera: Camera) -> tuple[float, float]:
    """The u of both frame edges at the house fronts, with a margin, kept in front of the camera."""
    ends = [camera.along(x, WALL) for x in (-0.3 * camera.width, 1.3 * camera.width)]
    return min(ends) - 2, max(ends) + 2


def _houses(picture: U8, camera: Camera, rng: np.random.Generator) -> None:
    u, end = _reach(camera)
    while u < end:
        wide, floors = float(rng.uniform(5, 11)), int(rng.integers(2, 5))
        tall = 1.2 + floors * 3.0
        walls = ((176, 140, 120), (196, 186, 165), (150, 96, 80), (170, 170, 175), (205, 190, 150), (120, 125, 130))
        wall = np.array(walls[int(rng.integers(len(walls)))]) + rng.integers(-15, 15, 3)
        color: Rgb = (int(wall[0]), int(wall[1]), int(wall[2]))
        _quad(picture, camera, [(u, WALL, 0), (u + wide, WALL, 0), (u + wide, WALL, tall), (u, WALL, tall)], color)
        dark: Rgb = (int(wall[0] * 0.7), int(wall[1] * 0.7), int(wall[2] * 0.7))
        _quad(picture, camera, [(u, WALL, 0), (u + wide, WALL, 0), (u + wide, WALL, 0.5), (u, WALL, 0.5)], dark)
        glass: Rgb = (60, 75, 90) if rng.random() < 0.6 else (95, 115, 130)
        panes = max(2, int(wide / 2.2))
        pitch = wide / panes
        for floor in range(floors):
            for k in range(panes):
                left, low = u + (k + 0.28) * pitch, 0.9 + floor * 3.0
                right, high = left + 0.45 * pitch, low + 1.5
                if floor == 0 and k == panes // 2:
                    low = 0.05
                frame = [(left - 0.08, low), (right + 0.08, low), (right + 0.08, high + 0.1), (left - 0.08, high + 0.1)]
                _quad(picture, camera, [(x, WALL, y) for x, y in frame], dark)
                lit: Rgb = (225, 205, 140) if rng.random() < 0.06 else glass
                _quad(
                    picture,
                    camera,
                    [(left, WALL, low), (right, WALL, low), (right, WALL, high), (left, WALL, high)],
                    lit,
                )
        u += wide + (0.0 if rng.random() < 0.75 else 1.5)


def _ground(picture: U8, camera: Camera, rng: np.random.Generator) -> None:
    left, right = _reach(camera)
    grey = int(rng.integers(70, 110))
    stone = grey + int(rng.integers(40, 75))
    near = -0.6 * camera.back  # well below the frame, still in front of the camera

    def band(v0: float, v1: float, color: Rgb, u0: float = left, u1: float = right) -> None:
        _quad(picture, camera, [(u0, v0, 0), (u1, v0, 0), (u1, v1, 0), (u0, v1, 0)], color)

    band(near, WALL, (stone, stone - 2, stone - 8))
    band(NEAR_KERB, FAR_KERB, (grey, grey, grey + 4))
    for kerb in (NEAR_KERB, FAR_KERB):
        band(kerb - 0.14, kerb + 0.14, (stone + 30, stone + 30, stone + 28))
    if rng.random() < 0.5:
        tint: Rgb = (grey + 35, grey - 8, grey - 12) if rng.random() < 0.5 else (grey - 6, grey + 12, grey - 2)
        band(NEAR_KERB + 0.2, 5.0, tint)
        band(FAR_KERB - 1.9, FAR_KERB - 0.2, tint)
    paint: Rgb = (215, 215, 205)
    band(5.0, 5.1, paint)
    band(11.4, 11.5, paint)
    for u in np.arange(np.floor(left / 4) * 4, right, 4.0):
        band(8.12, 8.26, paint, float(u), float(u) + 2.0)
    joint: Rgb = (stone - 14, stone - 14, stone - 20)
    for u in np.arange(np.floor(left), right, 1.5):
        band(near, NEAR_KERB - 0.14, joint, float(u), float(u) + 0.03)
        band(FAR_KERB + 0.14, WALL, joint, float(u), float(u) + 0.03)
