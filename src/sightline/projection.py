"""Predictions in model pixels -> frame pixels: boxes, points, masks, oriented boxes and class maps of one view.

Every pixel of the frame asks where it lies in the tensor; nothing is looked up beyond what the network saw.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from sightline.types import F32, I64, U8, Detections, Mark, Masks, Prediction, View

__all__ = ["classmap_to_frame", "masks_to_frame", "obb_to_frame", "to_frame"]

F64 = NDArray[np.float64]
Region = tuple[int, int, int, int]

UNSEEN = 255  # in a class map: where the model did not look
_INSIDE = 128  # in a mask: this much and more


def to_frame(prediction: Prediction, view: View, looked_at: Region) -> Prediction:
    """`prediction` in the model pixels of `view` -> the same in frame pixels.

    looked_at: x1, y1, x2, y2 whole frame pixels, the frame or the crop of it that the network saw. Boxes are cut to
    it, masks to their boxes, objects whose box is then empty go; points and oriented boxes may lie outside.
    Attributes, embeddings and text stay as they are.
    """
    if prediction.marks:
        prediction = replace(prediction, marks=tuple(_mark_to_frame(mark, view) for mark in prediction.marks))
    detections = prediction.detections
    if len(detections):
        detections = _objects(detections, view, looked_at)
    if prediction.classmap is None:
        return prediction if detections is prediction.detections else replace(prediction, detections=detections)
    return replace(prediction, detections=detections, classmap=classmap_to_frame(prediction.classmap, view, looked_at))


def _mark_to_frame(mark: Mark, view: View) -> Mark:
    points = view.to_frame(np.array(mark.points, np.float64).reshape(-1, 2))
    return replace(mark, points=tuple((float(x), float(y)) for x, y in points.tolist()))


def _objects(detections: Detections, view: View, looked_at: Region) -> Detections:
    low, high = np.array([*looked_at[:2]] * 2, np.float32), np.array([*looked_at[2:]] * 2, np.float32)
    boxes = np.clip(view.boxes_to_frame(detections.xyxy), low, high)
    solid = (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    if not solid.all():
        detections, boxes = detections[solid], boxes[solid]
    keypoints, masks, columns = detections.keypoints, detections.masks, detections.columns
    if keypoints is not None and len(keypoints):
        keypoints = np.concatenate([view.to_frame(keypoints[..., :2]), keypoints[..., 2:]], -1)
    if masks is not None:
        masks = masks_to_frame(masks, view, looked_at, boxes)
    if "obb" in columns:
        columns = {**columns, "obb": obb_to_frame(columns["obb"], view)}
    return replace(detections, xyxy=boxes, keypoints=keypoints, masks=masks, columns=columns)


def obb_to_frame(obb: NDArray[Any], view: View) -> F32:
    """Oriented boxes (N, 5) cx, cy, w, h, clockwise radians in model pixels -> the same in frame pixels.

    A matrix that stretches one way more than the other makes parallelograms of them: then the longer side keeps its
    mapped direction and length, and the other is as long as the mapped area asks for.
    """
    out = np.array(obb, np.float32).reshape(-1, 5)
    if not len(out):
        return out
    rows: F64 = np.asarray(obb, np.float64)
    turn, w, h = rows[:, 4], rows[:, 2], rows[:, 3]
    linear = view.matrix[:, :2]
    out[:, :2] = view.to_frame(rows[:, :2])
    tall = h > w
    along = turn + np.where(tall, np.pi / 2, 0.0)
    way = np.stack([np.cos(along), np.sin(along)], 1) @ linear.T
    gain = np.hypot(way[:, 0], way[:, 1])
    across = abs(np.linalg.det(linear)) / np.where(gain > 0, gain, 1)
    bent = np.arctan2(way[:, 1], way[:, 0]) - along
    out[:, 2] = w * np.where(tall, across, gain)
    out[:, 3] = h * np.where(tall, gain, across)
    out[:, 4] = turn + (bent + np.pi) % (2 * np.pi) - np.pi
    return out


# -- masks -----------------------------------------------------------------------------------------------------------


def masks_to_frame(masks: Masks, view: View, looked_at: Region, boxes: F32 | None = None) -> Masks:
    """Soft bitmaps over windows in model pixels -> bitmaps of 0 and 255 over whole-pixel windows in `looked_at`.

    Each pixel centre takes the bilinear value of its own bitmap (the outer half of a border sample is flat) and is
    inside from 128. boxes: (N, 4) frame pixels that the masks do not leave; None: only their windows bound them.
    Windows come out as small as the mask allows, up to a pixel or a sample.
    """
    windows = np.zeros((len(masks), 4), np.float32)
    bits: list[U8] = []
    for row, (window, soft) in enumerate(zip(masks.window.astype(np.float64), masks.bits, strict=True)):
        limit = looked_at if boxes is None else _pixels(boxes[row].reshape(2, 2).astype(np.float64), looked_at)
        region, bitmap = _mask(soft, window, view, limit)
        windows[row] = region
        bits.append(bitmap)
    return Masks(windows, tuple(bits))


def _mask(soft: U8, window: F64, view: View, limit: Region) -> tuple[Region, U8]:
    """One bitmap (h, w) over `window` -> its whole-pixel region of the frame within `limit`, and the bitmap there."""
    h, w = soft.shape
    needed = _needed(soft)
    size = window[2:] - window[:2]
    if needed is None or not (np.isfinite(window).all() and (size > 0).all()):
        return _nothing(limit)
    step = size / (w, h)  # model pixels a sample
    near = window[:2] + needed[:2] * step
    far = window[:2] + needed[2:] * step
    corners = np.array([near, (far[0], near[1]), far, (near[0], far[1])])
    mapped = corners @ view.matrix[:, :2].T + view.matrix[:, 2]
    if not np.isfinite(mapped).all():
        return _nothing(limit)
    region = _pixels(mapped, limit)
    x1, y1, x2, y2 = region
    if x2 <= x1 or y2 <= y1:
        return _nothing(limit)
    back = _frame_to_grid(view, window[:2], step)  # (2, 3): frame point -> grid of samples, whose corner is (0, 0)
    # pixel (c, r) of the region has its centre at (x1 + c + 0.5, y1 + r + 0.5), sample (i, j) at (i + 0.5, j + 0.5)
    first = back[:, :2] @ (x1 + 0.5, y1 + 0.5) + back[:, 2]
    warp = np.concatenate([back[:, :2], (first - 0.5)[:, None]], 1)
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    values = cv2.warpAffine(soft, warp, (x2 - x1, y2 - y1), flags=how, borderMode=cv2.BORDER_REPLICATE)
    bitmap = cast(U8, cv2.threshold(values, _INSIDE - 1, 255, cv2.THRESH_BINARY)[1])
    if back[0, 1] or back[1, 0]:  # the region of a turned window has corners that the window has not
        columns, rows = np.arange(x2 - x1), np.arange(y2 - y1)[:, None]
        for axis, size_in_samples in enumerate((w, h)):
            at = first[axis] + back[axis, 0] * columns + back[axis, 1] * rows
            bitmap[(at < 0) | (at >= size_in_samples)] = 0
    return region, bitmap


def _needed(soft: U8) -> F64 | None:
    """x1, y1, x2, y2 in samples of the part that can be inside: one sample around those of 128 and more; None: none."""
    inside = soft >= _INSIDE
    columns, rows = np.flatnonzero(inside.any(0)), np.flatnonzero(inside.any(1))
    if not len(columns):
        return None
    h, w = soft.shape
    return np.array(
        [max(0, columns[0] - 1), max(0, rows[0] - 1), min(w, columns[-1] + 2), min(h, rows[-1] + 2)], np.float64
    )


def _pixels(corners: F64, limit: Region) -> Region:
    """The pixels of `limit` whose centres lie in the box around `corners` (K, 2)."""
    low = np.clip(np.ceil(corners.min(0) - 0.5), limit[:2], limit[2:])
    high = np.clip(np.ceil(corners.max(0) - 0.5), limit[:2], limit[2:])
    return int(low[0]), int(low[1]), int(high[0]), int(high[1])


def _nothing(limit: Region) -> tuple[Region, U8]:
    x, y = limit[:2]
    return (x, y, x, y), np.zeros((0, 0), np.uint8)


def _frame_to_grid(view: View, corner: F64, step: F64) -> F64:
    """(2, 3): frame points -> points of a grid with its outer corner at `corner` and cells of `step` model pixels."""
    whole = np.linalg.inv(np.vstack([view.matrix, [0, 0, 1]]))[:2]
    whole[:, 2] -= corner
    return np.asarray(whole / step[:, None], np.float64)


# -- class maps ------------------------------------------------------------------------------------------------------


def classmap_to_frame(classmap: U8, view: View, looked_at: Region) -> U8:
    """Class ids (h, w) over the whole tensor -> (height, width) of the frame, by the nearest sample.

    255 outside `looked_at` and where the tensor does not reach, as at the sides of a cropped picture.
    """
    frame = view.frame
    h, w = classmap.shape
    x1, y1, x2, y2 = looked_at
    if not h or not w or x2 <= x1 or y2 <= y1:
        return np.full((frame.height, frame.width), UNSEEN, np.uint8)
    step = np.array([view.size_wh[0] / w, view.size_wh[1] / h])
    back = _frame_to_grid(view, np.zeros(2), step)
    xs, ys = np.arange(x1, x2) + 0.5, np.arange(y1, y2) + 0.5
    if not back[0, 1] and not back[1, 0]:
        columns, rows = np.floor(back[0, 0] * xs + back[0, 2]), np.floor(back[1, 1] * ys + back[1, 2])
        across, down = _run(columns, w), _run(rows, h)
        wide = np.take(classmap, columns[across].astype(np.int64), 1)
        tall = rows[down].astype(np.int64)
        if (len(tall), wide.shape[1]) == (frame.height, frame.width):
            return cast(U8, np.take(wide, tall, 0))  # all of the frame: nothing to lay it into
        out = np.full((frame.height, frame.width), UNSEEN, np.uint8)
        np.take(wide, tall, 0, out[y1:y2, x1:x2][down, across], mode="clip")
        return out
    out = np.full((frame.height, frame.width), UNSEEN, np.uint8)
    at_x: I64 = np.floor(back[0, 0] * xs + back[0, 1] * ys[:, None] + back[0, 2]).astype(np.int64)
    at_y: I64 = np.floor(back[1, 0] * xs + back[1, 1] * ys[:, None] + back[1, 2]).astype(np.int64)
    seen = (at_x >= 0) & (at_x < w) & (at_y >= 0) & (at_y < h)
    out[y1:y2, x1:x2][seen] = classmap[at_y[seen], at_x[seen]]
    return out


def _run(samples: F64, count: int) -> slice:
    """The part of `samples` (monotonic) that are 0 to count - 1."""
    good = np.flatnonzero((samples >= 0) & (samples < count))
    return slice(int(good[0]), int(good[-1]) + 1) if len(good) else slice(0, 0)
