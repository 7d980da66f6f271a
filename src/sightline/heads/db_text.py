"""Where text stands, as a map of probabilities (differentiable binarisation, arXiv 1911.08947)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import ConvexHull

from sightline.errors import RuntimeFailure
from sightline.heads.candidates import Candidates, predict
from sightline.heads.oriented import enclosing
from sightline.heads.tensors import Floats, activate, of_view, unreadable
from sightline.protocols import Outputs
from sightline.types import F32, ModelSpec, Prediction, Thresholds, View

__all__ = ["DbText", "least_rectangle"]

_AROUND = np.ones((3, 3), np.bool_)
_TAKES = "a map of probabilities [N, 1, H, W], [N, H, W] or [H, W]"


@dataclass(frozen=True, slots=True)
class DbText:
    """A map [N, 1, H, W], [N, H, W, 1], [N, H, W] or [H, W] -> objects "text" with their oriented box ("obb").

    Pixels above `binarize` that touch, diagonals included, are one text; its box is the least rectangle around them,
    grown by `unclip` times its area over its perimeter on every side (the network is trained on shrunk texts; 0 leaves
    the shrunk ones). Its score is the mean probability within the rectangle before it grows.
    The angle is that of the reading direction, from -45 degrees up to 45, or of the side w of upright texts.
    least_side: rectangles with a shorter side, in map pixels, go. most: texts a picture that count, the largest.
    activated: the map holds probabilities; None: unless a value lies outside 0..1.
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
        number, count = ndimage.label(a > np.float32(self.binarize), _AROUND)
        found: list[tuple[F32, float]] = []
        for k, (rows, columns) in _largest(number, count, self.most):
            points = _outline(number[rows, columns] == k) + np.array([columns.start, rows.start], np.float32)
            box = least_rectangle(points)
            if min(box[2], box[3]) < self.least_side:
                continue
            found.append((box, _mean_within(a, box)))
        boxes = np.array([box for box, _ in found], np.float32).reshape(-1, 5)
        w, h = boxes[:, 2], boxes[:, 3]
        grown = np.float32(self.unclip) * w * h / np.maximum(w + h, 1e-6)  # both sides of each axis
        boxes[:, 2] += grown
        boxes[:, 3] += grown
        obb = _scaled(boxes, gain)
        score = np.array([score for _, score in found], np.float32)
        return Candidates(enclosing(obb), score, np.zeros(len(obb), np.int32), columns={"obb": obb})


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
    """(h, w) -> the outer corners (K, 2) x, y of the first and last pixel of every row that has one."""
    rows = np.flatnonzero(inside.any(1))
    left = inside[rows].argmax(1)
    right = inside.shape[1] - inside[rows, ::-1].argmax(1)
    x = np.concatenate([left, left, right, right])
    y = np.concatenate([rows, rows + 1, rows, rows + 1])
    return np.stack([x, y], 1).astype(np.float32)


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


def _mean_within(a: F32, box: F32) -> float:
    """The mean of the pixels whose centres lie within the rectangle; 0 where none does."""
    x1, y1, x2, y2 = enclosing(box[None])[0].tolist()
    top, left = max(0, int(np.floor(y1))), max(0, int(np.floor(x1)))
    part = a[top : int(np.ceil(y2)), left : int(np.ceil(x2))]
    dx = np.arange(left, left + part.shape[1], dtype=np.float32) + np.float32(0.5) - box[0]
    dy = np.arange(top, top + part.shape[0], dtype=np.float32)[:, None] + np.float32(0.5) - box[1]
    c, s = np.cos(box[4]), np.sin(box[4])
    inside = (np.abs(dx * c + dy * s) <= box[2] / 2) & (np.abs(dy * c - dx * s) <= box[3] / 2)
    return float(part[inside].mean()) if inside.any() else 0.0


def _scaled(boxes: F32, gain: F32) -> F32:
    """Rectangles (n, 5) stretched by (x, y), the side w taken as it turns, the side h at a right angle to it."""
    c, s = np.cos(boxes[:, 4]) * gain[0], np.sin(boxes[:, 4]) * gain[1]
    along = np.hypot(c, s)
    area = boxes[:, 2] * boxes[:, 3] * gain[0] * gain[1]
    w = boxes[:, 2] * along
    h = area / np.maximum(w, 1e-6)
    return np.stack([boxes[:, 0] * gain[0], boxes[:, 1] * gain[1], w, h, np.arctan2(s, c)], 1).astype(np.float32)
