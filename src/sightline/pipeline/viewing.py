"""Which parts of a frame a model is shown: all of it, regions, or tiles; and what is found in them as one answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from sightline.boxes import intersections
from sightline.errors import RuntimeFailure
from sightline.models.infer import Model
from sightline.models.looks import Look, Region
from sightline.pipeline.answers import joined
from sightline.types import F32, Bool, Detections, Frame, Prediction

__all__ = ["RegionView", "Tiles", "Viewing", "tiles_of"]

_EDGE_PX = 2.0  # so near to the inner border of a tile a box counts as cut


@dataclass(frozen=True, slots=True)
class Tiles:
    """size_px: (width, height) of a tile, None the model's input; grid: (columns, rows) instead. overlap: of
    neighbours, a share of a tile. whole: the whole frame as well. join: share of the smaller box from which two boxes
    of different tiles are one object.
    """

    size_px: tuple[float, float] | None = None
    grid: tuple[int, int] | None = None
    overlap: float = 0.2
    whole: bool = True
    join: float = 0.5


@dataclass(frozen=True, slots=True)
class RegionView:
    """A part of the frame: x1, y1, x2, y2 as fractions or (px) in pixels; streams: only of these, () of all."""

    box: tuple[float, float, float, float]
    px: bool = False
    streams: frozenset[str] = frozenset()

    def of(self, frame: Frame) -> Region | None:
        """Whole frame pixels; None where nothing of it lies in the frame."""
        gain = (1, 1, 1, 1) if self.px else (frame.width, frame.height, frame.width, frame.height)
        x1, y1, x2, y2 = (round(v * g) for v, g in zip(self.box, gain, strict=True))
        x1, y1, x2, y2 = max(0, x1), max(0, y1), min(frame.width, x2), min(frame.height, y2)
        return (x1, y1, x2, y2) if x2 > x1 and y2 > y1 else None


@dataclass(frozen=True, slots=True)
class Viewing:
    """regions: instead of the whole frame; tiles: each region, or the frame, in pieces. Neither: the frame."""

    regions: tuple[RegionView, ...] = ()
    tiles: Tiles | None = None

    def looks(self, frame: Frame, model: Model) -> list[Look]:
        """The views of one frame; of a stream with no region of its own, where others have some, all of it.

        Raises RuntimeFailure where no region lies in the frame.
        """
        found = self._regions(frame)
        if self.tiles is None:
            return [Look(frame, region) for region in found] or [Look(frame)]
        whole = found or [model.crop_of(frame) or (0, 0, frame.width, frame.height)]
        size = self.tiles.size_px or model.size_of(frame)
        looks = [Look(frame, region) for region in whole] if self.tiles.whole else []
        for region in whole:
            looks += [Look(frame, tile) for tile in tiles_of(region, self.tiles, size) if tile != region or not looks]
        return looks

    def _regions(self, frame: Frame) -> list[Region]:
        own = [r for r in self.regions if not r.streams or frame.stream.id in r.streams]
        found = [region for r in own if (region := r.of(frame)) is not None]
        if own and not found:
            raise RuntimeFailure(
                f"regions: none of them lies in the {frame.width}x{frame.height} frames of stream {frame.stream.id!r}"
            )
        return found

    def joined(
        self, regions: Sequence[Region | None], pieces: Sequence[Prediction | None], model: Model
    ) -> Prediction | None:
        """One answer of the answers to the views of `regions`, as `looks` gave them, in their order."""
        if len(pieces) == 1:
            return pieces[0]
        answers = [piece for piece in pieces if piece is not None]
        found = [answer.detections for answer in answers]
        table = joined(list(enumerate(found)), model.stage)
        if not len(table):
            return replace(answers[0], detections=replace(found[0], stage=model.stage))
        detections = _one_of_many(table, regions, self.tiles.join if self.tiles is not None else 0.5)
        spec = model.spec.thresholds
        if len(detections) > spec.top:
            detections = detections[np.sort(np.argsort(-detections.score, kind="stable")[: spec.top])]
        return replace(answers[0], detections=replace(detections, parent=None))


def tiles_of(region: Region, tiles: Tiles, size_px: tuple[float, float]) -> list[Region]:
    """Tiles of `size_px` that cover `region`, row by row, moved together so that none stands out."""
    x1, y1, x2, y2 = region
    width, height = x2 - x1, y2 - y1
    if tiles.grid is not None:
        columns, rows = tiles.grid
        w = width / (1 + (columns - 1) * (1 - tiles.overlap))
        h = height / (1 + (rows - 1) * (1 - tiles.overlap))
    else:
        w, h = min(width, size_px[0]), min(height, size_px[1])
        columns, rows = _count(width, w, tiles.overlap), _count(height, h, tiles.overlap)
    lefts = np.linspace(x1, x2 - w, columns) if columns > 1 else [x1]
    tops = np.linspace(y1, y2 - h, rows) if rows > 1 else [y1]
    # at least a pixel each, where there are more tiles than pixels
    return [
        (round(x), round(y), min(x2, max(round(x) + 1, round(x + w))), min(y2, max(round(y) + 1, round(y + h))))
        for y in tops
        for x in lefts
        if round(x) < x2 and round(y) < y2
    ]


def _count(length: float, tile: float, overlap: float) -> int:
    """How many tiles cover `length` with at least `overlap` between neighbours."""
    return 1 if tile >= length else int(np.ceil((length - tile) / max(1.0, tile * (1 - overlap)))) + 1


def _one_of_many(found: Detections, regions: Sequence[Region | None], join: float) -> Detections:
    """Boxes of different views that are one object become one: the better one, or where it was cut, both together.

    found.parent: the view that each came from.
    """
    assert found.parent is not None
    boxes, views = found.xyxy.copy(), found.parent
    cut = _cut(found.xyxy, views, regions)
    order = np.argsort(-found.score, kind="stable")
    gone = np.zeros(len(found), np.bool_)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    for best in order.tolist():
        if gone[best]:
            continue
        others = ~gone & (views != views[best]) & (found.label == found.label[best])
        others[best] = False
        if not others.any():
            continue
        rows = np.flatnonzero(others)
        shared = intersections(boxes[[best]], boxes[rows])[0] / np.maximum(np.minimum(areas[best], areas[rows]), 1e-6)
        for row in rows[shared >= join].tolist():
            gone[row] = True
            if cut[best] or cut[row]:
                boxes[best, :2] = np.minimum(boxes[best, :2], boxes[row, :2])
                boxes[best, 2:] = np.maximum(boxes[best, 2:], boxes[row, 2:])
        areas[best] = (boxes[best, 2:] - boxes[best, :2]).prod()
    return replace(found, xyxy=boxes)[~gone]


def _cut(boxes: F32, views: np.ndarray, regions: Sequence[Region | None]) -> Bool:
    """Which boxes touch a border of their view that lies within the picture of all views."""
    known = [r for r in regions if r is not None]
    low = np.min([r[:2] for r in known], 0)
    high = np.max([r[2:] for r in known], 0)
    own = np.array([(*low, *high) if r is None else r for r in regions], np.float32)[views]
    near = (boxes[:, :2] < own[:, :2] + _EDGE_PX) & (own[:, :2] > low)
    far = (boxes[:, 2:] > own[:, 2:] - _EDGE_PX) & (own[:, 2:] < high)
    return (near | far).any(1)
