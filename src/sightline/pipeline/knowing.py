"""What earlier stages know of an object, in the form that further models take it: parts of it, and columns. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.alignment import eyes_of
from sightline.models.looks import Region
from sightline.types import F32, Attribute, Detections

__all__ = ["columns_of", "parts_of"]

_GRID = 25  # cells a side of TAO GazeNet's face grid
_ANGLES = ("yaw", "pitch", "roll")


def parts_of(detections: Detections, row: int, needs: Sequence[str], frame_wh: tuple[int, int]) -> dict[str, Region]:
    """The regions (whole frame pixels) of the parts in `needs` that are known of that object."""
    if not {"left-eye", "right-eye"} & set(needs) or detections.keypoints is None:
        return {}
    eyes = eyes_of(detections.keypoints[row])
    if eyes is None:
        return {}
    found: dict[str, Region] = {}
    for name, (x, y, side) in zip(("left-eye", "right-eye"), eyes, strict=True):
        region = (
            max(0, round(x - side / 2)),
            max(0, round(y - side / 2)),
            min(frame_wh[0], round(x + side / 2)),
            min(frame_wh[1], round(y + side / 2)),
        )
        if name in needs and region[2] > region[0] and region[3] > region[1]:
            found[name] = region
    return found


def columns_of(
    detections: Detections, row: int, needs: Sequence[str], frame_wh: tuple[int, int]
) -> Mapping[str, NDArray[Any]]:
    """The columns in `needs` that are known of that object.

    head-pose: (3,) yaw, pitch, roll in degrees, of a stage that says them. face-grid: (625,) 1 where the face covers a
    cell of 25x25 over the frame, row by row. keypoints: (K, 3) relative to the box: (0, 0) its centre, 1 its height.
    """
    found: dict[str, NDArray[Any]] = {}
    if "head-pose" in needs and (angles := _angles(detections, row)) is not None:
        found["head-pose"] = angles
    if "face-grid" in needs:
        found["face-grid"] = _face_grid(detections.xyxy[row], frame_wh)
    if "keypoints" in needs and detections.keypoints is not None:
        found["keypoints"] = _relative(detections.keypoints[row], detections.xyxy[row])
    return found


def _angles(detections: Detections, row: int) -> F32 | None:
    attributes: tuple[Attribute, ...] = detections.columns["attributes"][row] if _has_attributes(detections) else ()
    said = {one.name: one.label for one in attributes}
    try:
        return np.array([float(said[name]) for name in _ANGLES], np.float32)
    except (KeyError, ValueError):  # a stage that is called "yaw" may say other words
        return None


def _has_attributes(detections: Detections) -> bool:
    return "attributes" in detections.columns


def _face_grid(box: F32, frame_wh: tuple[int, int]) -> F32:
    grid = np.zeros((_GRID, _GRID), np.float32)
    x1, y1, x2, y2 = (box * _GRID / np.array([*frame_wh, *frame_wh])).tolist()
    grid[max(0, int(y1)) : max(0, int(np.ceil(y2))), max(0, int(x1)) : max(0, int(np.ceil(x2)))] = 1
    return grid.ravel()


def _relative(keypoints: F32, box: F32) -> F32:
    out = keypoints.astype(np.float32).copy()
    height = max(1.0, float(box[3] - box[1]))
    out[:, :2] = (out[:, :2] - (box[:2] + box[2:]) / 2) / height
    return out
