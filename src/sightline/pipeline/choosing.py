"""Which objects a secondary model looks at, and which part of the frame it is shown for each. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sightline.models.looks import Region
from sightline.types import F32, I64, Detections

__all__ = ["Choice", "chosen", "region_of"]


@dataclass(frozen=True, slots=True)
class Choice:
    """labels: only objects so called, () all. min_px, max_px: (width, height) of the smallest and largest object.

    grow: margin around the object as a share of its sides. square: the shorter side is widened to the longer.
    most: most objects a frame, the largest first.
    """

    labels: frozenset[str] = frozenset()
    min_px: tuple[float, float] | None = None
    max_px: tuple[float, float] | None = None
    grow: float = 0.0
    square: bool = False
    most: int | None = None


def chosen(detections: Detections, choice: Choice) -> I64:
    """The rows of `detections` (frame pixels) that are looked at, ascending."""
    if not len(detections):
        return np.zeros(0, np.int64)
    sides = detections.xyxy[:, 2:] - detections.xyxy[:, :2]
    keep = np.isfinite(detections.xyxy).all(1) & (sides > 0).all(1)
    if choice.min_px is not None:
        keep &= (sides >= np.array(choice.min_px, np.float32)).all(1)
    if choice.max_px is not None:
        keep &= (sides <= np.array(choice.max_px, np.float32)).all(1)
    if choice.labels:
        wanted = [detections.name_of(row).lower() in choice.labels for row in range(len(detections))]
        keep &= np.array(wanted)
    rows = np.flatnonzero(keep).astype(np.int64)
    if choice.most is not None and len(rows) > choice.most:
        areas = sides[rows].prod(1)
        rows = np.sort(rows[np.argsort(-areas, kind="stable")[: choice.most]])
    return rows


def region_of(box: F32, choice: Choice, frame_wh: tuple[int, int]) -> Region | None:
    """Whole frame pixels x1, y1, x2, y2 around `box` (4,) within the frame; None where nothing is left of it."""
    x1, y1, x2, y2 = (float(v) for v in box)
    w, h = x2 - x1, y2 - y1
    dx, dy = choice.grow * w, choice.grow * h
    if choice.square:
        longer = max(w + 2 * dx, h + 2 * dy)
        dx, dy = (longer - w) / 2, (longer - h) / 2
    left, top = max(0, round(x1 - dx)), max(0, round(y1 - dy))
    right, bottom = min(frame_wh[0], round(x2 + dx)), min(frame_wh[1], round(y2 + dy))
    return (left, top, right, bottom) if right > left and bottom > top else None
