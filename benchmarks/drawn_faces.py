"""A drawn face and its 68 landmarks (the points of 300-W), for pictures of what models of faces say."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from sightline.types import F32, U8

__all__ = ["face", "landmarks"]

_SKIN, _HAIR, _SHIRT, _LIPS = (226, 180, 148), (84, 56, 38), (70, 105, 150), (186, 92, 92)


def landmarks(x: float, y: float, size: float, turn: float = 0.0) -> F32:
    """(68, 3) x, y in pixels, score; the face's middle at (x, y), `size` pixels from ear to ear.

    turn: how far it looks to the side, -1 to 1.
    """
    jaw = np.linspace(np.pi, 0, 17)
    points = [np.stack([0.5 * np.cos(jaw), 0.02 + 0.62 * np.sin(jaw)], 1)]
    for side in (-1, 1):
        brow = np.linspace(0, 1, 5) if side < 0 else np.linspace(1, 0, 5)
        points.append(np.stack([side * (0.39 - 0.29 * brow), -0.21 - 0.06 * np.sin(np.pi * brow)], 1))
    points.append(np.stack([np.zeros(4), np.linspace(-0.1, 0.12, 4)], 1))
    points.append(np.stack([np.linspace(-0.1, 0.1, 5), 0.17 + 0.03 * np.sin(np.linspace(0, np.pi, 5))], 1))
    for side in (-1, 1):
        points.append(_ring(side * 0.22, -0.1, 0.09, 0.04, 6))
    points += [_ring(0, 0.36, 0.19, 0.08, 12), _ring(0, 0.36, 0.13, 0.03, 8)]
    flat = np.concatenate(points)
    flat[:, 0] += turn * 0.2 * (1 - (2 * flat[:, 0]) ** 2)  # what lies in front moves most
    out = np.ones((68, 3), np.float32)
    out[:, :2] = flat * size + (x, y)
    out[:, 2] = 0.97
    return out


def _ring(x: float, y: float, rx: float, ry: float, count: int) -> NDArray[np.float64]:
    """From the left corner over the top, clockwise."""
    a = np.pi + np.arange(count) * 2 * np.pi / count
    return np.stack([x + rx * np.cos(a), y + ry * np.sin(a)], 1)


def face(picture: U8, points: F32, size: float) -> None:
    """Draw the face that `landmarks` describes into RGB (H, W, 3)."""
    p = points[:, :2].astype(np.float64)
    middle = p[:17].mean(0)

    def fill(shape: NDArray[np.float64], color: tuple[int, int, int]) -> None:
        cv2.fillPoly(picture, [np.round((shape - 0.5) * 16).astype(np.int32)], color, cv2.LINE_AA, 4)

    def line(shape: NDArray[np.float64], color: tuple[int, int, int], wide: float) -> None:
        fixed = [np.round((shape - 0.5) * 16).astype(np.int32)]
        cv2.polylines(picture, fixed, False, color, max(1, round(wide * size)), cv2.LINE_AA, 4)

    chin = p[8]
    shoulders = ((-1.1, 1.2), (-0.75, 0.22), (0, 0.1), (0.75, 0.22), (1.1, 1.2))
    neck = ((-0.2, -0.3), (0.2, -0.3), (0.2, 0.22), (-0.2, 0.22))
    fill(np.array(shoulders) * size + chin, _SHIRT)
    fill(np.array(neck) * size + chin, _SKIN)
    crown = _ring(0, 0, 0.56, 0.62, 40) * size + (middle[0], p[0, 1] - 0.1 * size)
    fill(crown, _HAIR)
    top = p[0] + (p[16] - p[0]) * np.linspace(1, 0, 9)[:, None]
    top[:, 1] -= 0.42 * size * np.sin(np.linspace(0, np.pi, 9)) ** 0.5
    fill(np.concatenate([p[:17], top]), _SKIN)
    for brow in (p[17:22], p[22:27]):
        line(brow, _HAIR, 0.035)
    line(np.concatenate([p[27:31], p[33:34]]), (190, 140, 112), 0.02)
    line(p[31:36], (170, 118, 95), 0.02)
    for eye in (p[36:42], p[42:48]):
        fill(eye, (250, 250, 248))
        look = eye.mean(0) + (middle[0] - p[30, 0]) * np.array([-0.12, 0])
        cv2.circle(
            picture, (round(look[0]), round(look[1])), max(1, round(0.036 * size)), (60, 80, 60), -1, cv2.LINE_AA
        )
    fill(p[48:60], _LIPS)
    fill(p[60:68], (120, 50, 55))
