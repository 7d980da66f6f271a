"""Actors dressed and put into the frame: painting them, their shadows, and the map of who is in front."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sightline.sources.figures import STEPS, Figure, bike, car, person
from sightline.sources.scene import Actor, Camera
from sightline.types import U8

__all__ = ["Pose", "cover", "dressed", "paint", "placed", "shade"]

Rgb = tuple[int, int, int]
I32 = NDArray[np.int32]

_CLOTHES: tuple[Rgb, ...] = (
    (170, 45, 45), (40, 70, 140), (45, 110, 70), (205, 170, 60), (225, 225, 220), (45, 45, 50), (110, 70, 130),
    (215, 120, 60), (120, 140, 160), (90, 80, 65),
)  # fmt: skip
_BODIES: tuple[Rgb, ...] = (
    (170, 30, 35), (35, 65, 130), (220, 220, 222), (150, 155, 160), (35, 36, 40), (60, 100, 75), (215, 180, 70),
    (120, 60, 40), (85, 120, 160), (195, 190, 175),
)  # fmt: skip
_SKINS: tuple[Rgb, ...] = ((238, 200, 172), (205, 155, 120), (150, 105, 75), (95, 65, 50))
_HAIRS: tuple[Rgb, ...] = ((40, 30, 25), (95, 65, 40), (190, 150, 90), (150, 150, 150), (200, 60, 50), (240, 240, 240))


@dataclass(frozen=True, slots=True)
class Pose:
    """Something to paint: outline points (P, 2) in 1/16 px from pixel centres as OpenCV counts, colours by part,
    pixels per metre, foot (2,) in frame pixels, the actor it belongs to (None: a fixture), and the part of the frame
    (x0, y0, x1, y1) that it can touch.
    """

    figure: Figure
    points: I32
    paints: tuple[Rgb, ...]
    scale: float
    foot: NDArray[np.float64]
    actor: Actor | None
    box: tuple[int, int, int, int]


def placed(
    camera: Camera,
    figure: Figure,
    paints: tuple[Rgb, ...],
    ground: tuple[float, float],
    grow: tuple[float, float],
    shift: tuple[int, int],
    actor: Actor | None,
) -> Pose | None:
    """A figure put on the street at `ground` (u, v), its x and y times `grow`, moved by `shift` pixels on the screen.

    None where the frame cannot show it.
    """
    scale = camera.focal / camera.depth(*ground)
    foot = camera.project(np.array([[*ground, 0.0]]))[0] + shift
    points = figure.points * (grow[0] * scale, -grow[1] * scale) + foot
    # strokes and anti-aliasing reach beyond the outline
    low, high = np.floor(points.min(0)) - 2, np.ceil(points.max(0)) + 3
    x0, y0 = max(int(low[0]), 0), max(int(low[1]), 0)
    x1, y1 = min(int(high[0]), camera.width), min(int(high[1]), camera.height)
    if x0 >= x1 or y0 >= y1:
        return None
    fixed = np.round((points - 0.5) * 16).astype(np.int32)
    return Pose(figure, fixed, paints, scale * grow[1], foot, actor, (x0, y0, x1, y1))


def shade(frame: U8, dark: U8, pose: Pose, lean: float, flat: float) -> None:
    """Lay the shadow of an actor: the inside of an ellipse about its foot is taken from the shaded street `dark`.

    lean: to the side, in halves of its width; flat: its depth on the screen as a part of the actor's height.
    """
    half, reach = pose.figure.half * pose.scale, pose.figure.tall * pose.scale * flat
    middle = pose.foot + np.array([half * lean * 0.4, -0.5 * reach])
    ring = middle + _ELLIPSE * (half * 1.1, max(reach, 2.0))
    h, w = frame.shape[:2]
    x0, y0 = np.maximum(np.floor(ring.min(0)).astype(int), 0)
    x1, y1 = np.minimum(np.ceil(ring.max(0)).astype(int) + 1, (w, h))
    if x0 >= x1 or y0 >= y1:
        return
    mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
    cv2.fillConvexPoly(mask, np.round((ring - (x0, y0) - 0.5) * 16).astype(np.int32), 255, cv2.LINE_8, 4)
    cv2.copyTo(dark[y0:y1, x0:x1], mask, frame[y0:y1, x0:x1])


_ELLIPSE = np.stack([np.cos(np.linspace(0, 2 * np.pi, 20)), np.sin(np.linspace(0, 2 * np.pi, 20))], 1)


def paint(frame: U8, pose: Pose) -> None:
    """Paint a figure into RGB (H, W, 3)."""
    for part in pose.figure.parts:
        points = pose.points[part.start : part.stop]
        color = pose.paints[part.paint]
        if part.stroke:
            cv2.polylines(frame, [points], True, color, max(1, round(part.stroke * pose.scale)), cv2.LINE_AA, 4)
        else:
            cv2.fillPoly(frame, [points], color, cv2.LINE_AA, 4)


def cover(front: U8, pose: Pose, key: int) -> None:
    """Write `key` into the map (H, W) of who is in front, wherever the figure is."""
    for part in pose.figure.parts:
        points = pose.points[part.start : part.stop]
        if part.stroke:
            cv2.polylines(front, [points], True, key, max(1, round(part.stroke * pose.scale)), cv2.LINE_8, 4)
        else:
            cv2.fillPoly(front, [points], key, cv2.LINE_8, 4)


def dressed(actor: Actor, t: float) -> tuple[Figure, tuple[Rgb, ...]]:
    """The pose and the colours of an actor at time t."""
    look = actor.look
    way = actor.speed * (t - actor.start)

    def pick(table: tuple[Rgb, ...], salt: int) -> Rgb:
        nudge = (look >> salt) % 31 - 15
        r, g, b = table[(look >> (salt + 3)) % len(table)]
        return min(max(r + nudge, 0), 255), min(max(g + nudge // 2, 0), 255), min(max(b - nudge, 0), 255)

    if actor.label == 1:
        step = int(way / 0.41 * STEPS) % STEPS
        hub, tyre = (165, 168, 172), (24, 24, 26)
        body = pick(_BODIES, 2)
        sill: Rgb = (body[0] * 2 // 3, body[1] * 2 // 3, body[2] * 2 // 3)
        glass: Rgb = (48, 62, 76) if look % 2 else (85, 105, 122)
        return car(look % 5, step), (body, glass, tyre, hub, (250, 245, 215), (200, 30, 30), sill)
    shared = (pick(_SKINS, 1), pick(_HAIRS, 5), pick(_CLOTHES, 7))
    trousers, shoes = pick(_CLOTHES, 11), pick(_CLOTHES, 13)
    if actor.label == 2:
        step = int(way / 5.0 * STEPS) % STEPS
        return bike(look % 3, step), (*shared, trousers, shoes, pick(_BODIES, 4), (28, 28, 30))
    step = int((way / 1.5 + (look % 97) / 97) * STEPS) % STEPS
    return person(look % 6, step), (*shared, trousers, shoes, pick(_CLOTHES, 9))
