"""Where a face looks: an arrow from between its eyes, by what a gaze network says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

from sightline.overlays.canvas import Canvas
from sightline.overlays.colors import Rgb
from sightline.types import Attribute, Detections

__all__ = ["draw_gaze", "gaze_of"]

_COLOR: Rgb = (255, 60, 200)
_SAID = ("gaze-x", "gaze-y", "gaze-z", "gaze-yaw", "gaze-pitch")


def gaze_of(found: Detections, row: int) -> tuple[float, float] | None:
    """(x to the right, y down) in the picture, of length 1 for a look across; None where nothing says it.

    "gaze-x", "gaze-y", "gaze-z" are Open Model Zoo's: x to the right, y up, z towards the camera is negative.
    "gaze-yaw", "gaze-pitch" are L2CS's: degrees, positive to the picture's left and up.
    """
    attributes = found.columns.get("attributes")
    if attributes is None:
        return None
    said: dict[str, float] = {}
    for one in cast("Sequence[Attribute]", attributes[row]):
        if one.name in _SAID and (number := number_of(one.label)) is not None:
            said[one.name] = number
    if {"gaze-x", "gaze-y"} <= said.keys():
        length = math.hypot(said["gaze-x"], said["gaze-y"], said.get("gaze-z", 0.0)) or 1.0
        return said["gaze-x"] / length, -said["gaze-y"] / length
    if {"gaze-yaw", "gaze-pitch"} <= said.keys():
        yaw, pitch = math.radians(said["gaze-yaw"]), math.radians(said["gaze-pitch"])
        return -math.sin(yaw) * math.cos(pitch), -math.sin(pitch)
    return None


def number_of(label: str) -> float | None:
    """A number said as a label; None for other words, as a user's own stage of that name may say them."""
    try:
        return float(label)
    except ValueError:
        return None


def draw_gaze(canvas: Canvas, found: Detections, row: int, edge: int) -> None:
    """The arrow, as long as the face is wide for a look across the picture."""
    way = gaze_of(found, row)
    if way is None:
        return
    x1, y1, x2, y2 = found.xyxy[row].tolist()
    x, y = (x1 + x2) / 2, y1 + 0.4 * (y2 - y1)
    if found.keypoints is not None and found.keypoints.shape[1] >= 2:
        x, y = found.keypoints[row, :2, :2].mean(0).tolist()
    reach = 1.2 * (x2 - x1)
    tip = x + way[0] * reach, y + way[1] * reach
    length = math.hypot(tip[0] - x, tip[1] - y)
    ink = canvas.ink(_COLOR)
    if not math.isfinite(length) or length < 2 * edge:
        return
    canvas.polyline([(x, y), tip], edge, ink)
    ux, uy = (tip[0] - x) / length, (tip[1] - y) / length
    back = min(length / 2, 4.0 * edge)
    sides = [(tip[0] - back * ux + s * back * 0.6 * uy, tip[1] - back * uy - s * back * 0.6 * ux) for s in (1, -1)]
    canvas.polyline([sides[0], tip, sides[1]], edge, ink)
