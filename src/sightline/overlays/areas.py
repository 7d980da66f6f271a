"""What covers areas: the masks of objects, oriented boxes, and the class map of the whole frame."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import cv2
import numpy as np

from sightline.overlays.canvas import Canvas, Ink
from sightline.overlays.colors import Rgb
from sightline.types import F32, Masks, Prediction

__all__ = ["corners", "draw_map", "draw_mask"]

# what is neither of these has a colour
_GROUND = frozenset({"background", "__background__", "_background_", "bg", "unlabeled", "unlabelled", "void", "ignore"})
_UNSEEN = 255


def draw_mask(canvas: Canvas, masks: Masks, row: int, alpha: float, ink: Ink) -> None:
    """One object's mask, blended over the picture; a mask without pixels draws nothing."""
    x, y = masks.window[row, :2].astype(int).tolist()
    canvas.blend(x, y, masks.bits[row], alpha, ink)


def draw_map(canvas: Canvas, prediction: Prediction, alpha: float, color: Callable[[str, int], Rgb]) -> None:
    """The class map in the classes' colours; the background, by its name, and what was not looked at stay clear."""
    if prediction.classmap is None:
        return
    names = prediction.map_names
    inks: list[Ink | None] = [None] * 256
    seen = cv2.calcHist([prediction.classmap], [0], None, [256], [0, 256])
    for index in np.flatnonzero(seen).tolist():
        name = names[index] if index < len(names) else ""
        if index != _UNSEEN and name.strip().lower() not in _GROUND:
            inks[index] = canvas.ink(color(name or f"class{index}", index))
    canvas.classes(prediction.classmap, inks, alpha)


def corners(obb: F32) -> Sequence[tuple[float, float]]:
    """The corners of an oriented box (5,) cx, cy, w, h, clockwise radians; () where it is not finite."""
    cx, cy, w, h, angle = (float(v) for v in obb)
    if not math.isfinite(cx + cy + w + h + angle):
        return ()
    ux, uy = math.cos(angle) / 2, math.sin(angle) / 2
    return [
        (cx + i * w * ux - j * h * uy, cy + i * w * uy + j * h * ux) for i, j in ((-1, -1), (1, -1), (1, 1), (-1, 1))
    ]
