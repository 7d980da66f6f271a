"""Where text stands, as a map of probabilities (differentiable binarisation, arXiv 1911.08947)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull

from sightline.errors import RuntimeFailure
from sightline.heads.candidates import Candidates, predict
from sightline.heads.tensors import Floats, activate, of_view, unreadable
from sightline.protocols import Outputs
from sightline.types import F32, ModelSpec, Prediction, Thresholds, View

__all__ = ["DbText", "least_rectangle"]

_AROUND = np.ones((3, 3), np.bool_)
_TAKES = "a map of probabilities [N, 1, H, W], [N, H, W] or [H, W]"


@dataclass(frozen=True, slots=True)
class DbText:
    """A map [N, 1, H, W], [N, H, W, 1], [N, H, W] or [H, W] -> objects "text".

    Pixels above `binarize` that touch, diagonals included, are one text. Its boxes, the least upright one and the least
    one at any angle ("obb"), hold the whole pixels, grown on every side by `unclip` times area over perimeter: such
    networks are trained on shrunk texts, 1.5 gives back what was taken off, 0 leaves them shrunk.
    Its score is the mean probability within the rectangle before it grows.
    The angle is from -45 degrees up to 45: that of the reading direction, but of the side w in upright texts.
    least_side: rectangles with a shorter side, in map pixels from centre to centre, go. most: texts a picture that
    count, the largest. activated: the map holds probabilities; None: unless a value lies outside 0..1.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.6, nms=1.0, top=1000)

    binarize: float = 0.3
    unclip: float = 0.0
    least_side: float = 3.0
    most: int = 1000
    activated: bool | None = None

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        maps = [a for a in outputs.values() if a.ndim in (2, 3, 4) and a.dtype.kind == "f"]
        if not maps:
            raise unreadable("db-text", outputs, _TAKES)

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            a = activate(_plane(maps[0], i), self.activated)
            gain = np.array([size_wh[0] / a.shape[1], size_wh[1] / a.shape[0]], np.float32)
            return self._texts(a, gain)

        return predict(find, spec, views)

    def _texts(self, a: F32, gain: F32) -> Candidates:
        labelled = ndimage.label(a > np.float32(self.binarize), _AROUND)
        number, count = cast("tuple[NDArray[np.int32], int]", labelled)
        boxes, bounds, scores = [np.zeros((0, 5), np.float32)], [np.zeros((0, 4), np.float32)], list[float]()
        for k, (rows, columns) in _largest(number, count, self.most):
            points = _outline(number[rows, columns] == k)
            if _on_a_line(points):
                continue
            box = least_rectangle(points + np.array([columns.start, rows.start], np.float32))
            if min(box[2], box[3]) < self.least_side:
                continue
            scores.append(_mean_within(a, box))
            boxes.append(_whole_pixels(box)[None])
            bounds.append(np.array([[columns.start, rows.start, columns.stop, rows.stop]], np.float32))
        obb, xyxy = np.concatenate(boxes), np.concatenate(bounds)
        w, h = obb[:, 2], obb[:, 3]
        reach = np.float32(self.unclip) * w * h / np.maximum(2 * (w + h), 1e-6)
        obb[:, 2:4] += 2 * reach[:, None]
        xyxy += reach[:, None] * np.array([-1, -1, 1, 1], np.float32)
        obb, score = _scaled(obb, gain), np.array(scores, np.float32)
        return Candidates(xyxy * np.tile(gain, 2), score, np.zeros(len(obb), np.int32), columns={"obb": obb})


def _plane(a: Floats, i: int) -> Floats:
    """(H, W) of view `i`."""
    if a.ndim == 2:
        if i:
            raise RuntimeFailure("the model gives the map of one picture at a time; run it with batch 1")
        return a
    one = of_view(a, i)
    if one.ndim == 3:
        one = one[0] if one.shape[0] <= one.shape[2] else one[..., 0]
    return one


def _largest(number: NDArray[Any], count: int, most: int) -> list[tuple[int, tuple[slice, slice]]]:
    """The `most` components with the largest boxes, by number."""
    boxes = [(k, found) for k, found in enumerate(ndimage.find_objects(number, count), 1) if found is not None]
    if len(boxes) > most:
        boxes.sort(key=lambda item: -(item[1][0].stop - item[1][0].start) * (item[1][1].stop - item[1][1].start))
    return boxes[:most]


def _outline(inside: NDArray[np.bool_]) -> F32:
    """(h, w) -> column and row (K, 2) of the first and the last pixel of every row that has one."""
    rows = np.flatnonzero(inside.any(1))
    left = inside[rows].argmax(1)
    right = inside.shape[1] - 1 - inside[rows, ::-1].argmax(1)
    return np.stack([np.concatenate([left, right]), np.tile(rows, 2)], 1).astype(np.float32)


def _on_a_line(points: F32) -> bool:
    away = points - points[0]
    far = away[np.abs(away).sum(1).argmax()]
    return not bool((away[:, 0] * far[1] != away[:, 1] * far[0]).any())


def least_rectangle(points: NDArray[Any]) -> F32:
    """The rectangle of least area around (K, 2) points that do not lie on one line: cx, cy, w, h, angle (5,).

    One of its sides lies on a side of the convex hull (Freeman and Shapira 1975). The angle, radians clockwise of the
    side w, is from -pi/4 up to pi/4.
    """
    hull = points[ConvexHull(points).vertices].astype(np.float64)
    sides = np.roll(hull, -1, 0) - hull
    angles = np.unique(np.mod(np.arctan2(sides[:, 1], sides[:, 0]), np.pi / 2))
    angles = np.where(angles >= np.pi / 4, angles - np.pi / 2, angles)
    cos, sin = np.cos(angles), np.sin(angles)
    along = hull @ np.stack([cos, sin])  # (K, angles)
    across = hull @ np.stack([-sin, cos])
    low, high = np.stack([along.min(0), across.min(0)]), np.stack([along.max(0), across.max(0)])
    area = np.prod(high - low, 0)
    # of equals (but for rounding) the one nearest to upright
    best = int(np.lexsort((np.abs(angles), np.round(area / max(area.min(), 1e-9), 6)))[0])
    u, v = (low[:, best] + high[:, best]) / 2
    w, h = high[:, best] - low[:, best]
    c, s = cos[best], sin[best]
    return np.array([u * c - v * s, u * s + v * c, w, h, angles[best]], np.float32)


def _whole_pixels(box: F32) -> F32:
    """A rectangle around columns and rows -> around the pixels themselves, which reach half a pixel further."""
    c, s = abs(np.cos(box[4])), abs(np.sin(box[4]))
    return box + np.array([0.5, 0.5, c + s, c + s, 0], np.float32)


def _mean_within(a: F32, box: F32) -> float:
    """The mean of the pixels within a rectangle around columns and rows, those under its sides included.

    Its corners are cut to whole pixels first, as in the published post-processing.
    """
    c, s = np.cos(box[4]), np.sin(box[4])
    half = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * box[2:4] / 2
    turned = np.stack([half[:, 0] * c - half[:, 1] * s, half[:, 0] * s + half[:, 1] * c], 1) + box[:2]
    corners = np.trunc(turned + np.float32(1e-4))
    left, top = np.maximum(corners.min(0), 0).astype(int).tolist()
    right, bottom = corners.max(0).astype(int).tolist()
    part = a[top : bottom + 1, left : right + 1]
    x = np.arange(left, left + part.shape[1])
    y = np.arange(top, top + part.shape[0])[:, None]
    inside = np.ones(part.shape, np.bool_)
    for (x1, y1), (x2, y2) in zip(corners, np.roll(corners, -1, 0), strict=True):
        dx, dy = x2 - x1, y2 - y1
        # a drawn side covers pixels up to half a step away from it
        inside &= dx * (y - y1) - dy * (x - x1) >= -max(abs(dx), abs(dy)) / 2
    return float(part[inside].mean()) if inside.any() else 0.0


def _scaled(boxes: F32, gain: F32) -> F32:
    """Rectangles (n, 5) stretched by (x, y), the side w taken as it turns, the side h at a right angle to it."""
    c, s = np.cos(boxes[:, 4]) * gain[0], np.sin(boxes[:, 4]) * gain[1]
    along = np.hypot(c, s)
    area = boxes[:, 2] * boxes[:, 3] * gain[0] * gain[1]
    w = boxes[:, 2] * along
    h = area / np.maximum(w, 1e-6)
    return np.stack([boxes[:, 0] * gain[0], boxes[:, 1] * gain[1], w, h, np.arctan2(s, c)], 1).astype(np.float32)
