"""Boxes too small, too large or in a margin of the frame, which are not told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from sightline.types import I64, Bool, Bounds, Detections

__all__ = ["within_bounds"]


def within_bounds(found: Detections, bounds: Mapping[str, Bounds], frame_wh: tuple[int, int]) -> Detections:
    """The objects that `bounds` let through: by label, "" for the labels that it does not name.

    found: boxes in frame pixels. A margin that cuts leaves no box without an area.
    """
    if not len(found) or not bounds:
        return found
    every = bounds.get("", Bounds())
    stays = np.zeros(len(found), np.bool_)
    boxes = found.xyxy
    for label in np.unique(found.label).tolist():
        rows = np.flatnonzero(found.label == label)
        own = bounds.get(found.name_of(int(rows[0])), every)
        across, down = (1.0, 1.0) if own.of_wh is None else (frame_wh[0] / own.of_wh[0], frame_wh[1] / own.of_wh[1])
        top, bottom = own.top_px * down, frame_wh[1] - own.bottom_px * down
        sized = _sized(found, rows, own, across, down)
        if own.cut:
            if boxes is found.xyxy:
                boxes = boxes.copy()
            boxes[rows, 1] = np.maximum(boxes[rows, 1], np.float32(top))
            boxes[rows, 3] = np.minimum(boxes[rows, 3], np.float32(bottom))
            stays[rows] = sized & (boxes[rows, 3] > boxes[rows, 1])
        else:
            stays[rows] = sized & (boxes[rows, 1] >= np.float32(top)) & (boxes[rows, 3] <= np.float32(bottom))
    if boxes is not found.xyxy:
        found = replace(found, xyxy=boxes)
    return found if stays.all() else found[stays]


def _sized(found: Detections, rows: I64, own: Bounds, x: float, y: float) -> Bool:
    """Whether each box of `rows` is neither too small nor too large."""
    sides = found.xyxy[rows, 2:] - found.xyxy[rows, :2]
    scale = np.array([x, y], np.float32)
    least, most = (np.array(sides_px, np.float32) * scale for sides_px in (own.least_wh, own.most_wh))
    large = (most > 0) & (sides > most)
    return np.logical_not(((sides < least) | large).any(1))
