"""Frames -> the memory that a request reads: every picture input filled, windows remembered, constants laid out."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.errors import ModelError, RuntimeFailure
from sightline.pictures import Placement, fill_planes, fill_rgb, pad_planes, pad_rgb, place, rgb, view_of
from sightline.protocols import Feed, FeedPlanes
from sightline.types import U8, Frame, InputSpec, ModelSpec, Tensor, View

__all__ = ["Buffer", "Filling"]

_LONGEST = 1920  # pixels of the longer side where a model takes any size
Size = tuple[int, int]


@dataclass(slots=True)
class Buffer:
    """The memory of one request. planes: input name -> (batch * frames, 3, H, W) uint8; sizes: of each, in order.

    padded: how each picture is padded at the moment. constants: tensors that no picture feeds.
    """

    sizes: tuple[Size, ...]
    planes: dict[str, U8]
    padded: dict[str, list[Placement | None]]
    constants: dict[str, NDArray[Any]]

    @property
    def inputs(self) -> dict[str, Tensor]:
        return {**self.planes, **self.constants}


@dataclass(slots=True)
class Filling:
    """Fills buffers for one model. crop: x1, y1, x2, y2 of the frame to look at, in pixels or fractions."""

    spec: ModelSpec
    crop: tuple[float, float, float, float] | None = None
    crop_px: bool = False
    _pictured: tuple[InputSpec, ...] = ()
    _past: dict[tuple[str, str], tuple[int, deque[U8]]] = field(
        default_factory=dict[tuple[str, str], tuple[int, deque[U8]]]
    )

    def __post_init__(self) -> None:
        # a model without a picture is told so when it is first asked for something
        self._pictured = tuple(item for item in self.spec.inputs if item.frames)

    @property
    def first(self) -> InputSpec:
        """The input whose view the predictions are in. Raises ModelError where there is none."""
        for item in self._pictured:
            if item.source == "view":
                return item
        if self._pictured:
            return self._pictured[0]
        raise ModelError(f"model {self.spec.name!r} has no picture input")

    @property
    def open(self) -> bool:
        """Whether sizes follow the frame: such frames go through one by one."""
        return any(0 in item.size_wh for item in self._pictured)

    def judge(self) -> None:
        """Raises ModelError for an input that nothing here can feed."""
        for item in self.spec.inputs:
            if item.source.startswith("column:") or ":column:" in item.source:
                raise ModelError(
                    f"model {self.spec.name!r}: input {item.tensor.name!r} takes {item.source.split(':')[-1]} of an "
                    "object that another model found; it cannot run on pictures alone"
                )
        _ = self.first
        for item in self._pictured:
            if 0 in item.size_wh and not item.multiple:
                raise ModelError(
                    f"model {self.spec.name!r}: input {item.tensor.name!r} has no size; give one in model.yaml"
                )

    def sizes(self, frame: Frame) -> tuple[Size, ...]:
        """(width, height) of every picture input for this frame."""
        return tuple(self._size(item, frame) for item in self._pictured)

    def size_of(self, frame: Frame) -> Size:
        """(width, height) of the input whose view the predictions are in, for this frame."""
        return self._size(self.first, frame)

    def _size(self, item: InputSpec, frame: Frame) -> Size:
        width, height = item.size_wh
        if width and height:
            return width, height
        x1, y1, x2, y2 = self.crop_of(frame) or (0, 0, frame.width, frame.height)
        return _open_size((width, height), (x2 - x1, y2 - y1), item.multiple)

    def buffer(self, batch: int, sizes: tuple[Size, ...]) -> Buffer:
        """New memory for `batch` views."""
        planes, padded = {}, {}
        for item, (width, height) in zip(self._pictured, sizes, strict=True):
            count = batch * item.frames
            planes[item.tensor.name] = np.zeros((count, 3, height, width), np.uint8)
            padded[item.tensor.name] = [None] * count
        seen = sizes[self._pictured.index(self.first)]
        constants = {i.tensor.name: _constant(i, batch, seen) for i in self.spec.inputs if not i.frames}
        return Buffer(sizes, planes, padded, constants)

    def fill(self, buffer: Buffer, row: int, frame: Frame, feed: Feed) -> View:
        """`frame` into the row's place of every input; returns its view. Raises RuntimeFailure without a picture."""
        if frame.picture is None:
            raise RuntimeFailure("a frame without its picture cannot be inferred")
        view: View | None = None
        for item, size in zip(self._pictured, buffer.sizes, strict=True):
            pre = item.preprocess
            placement = place((frame.width, frame.height), size, pre.resize, pre.pad, self.crop_of(frame))
            last = (row + 1) * item.frames - 1
            self._fill(buffer, item.tensor.name, last, placement, frame, feed)
            if item.frames > 1:
                self._recall(buffer, item, last, frame)
            if item is self.first:
                view = view_of(frame.without_picture(), placement)
        if view is None:
            raise ModelError(f"model {self.spec.name!r} has no picture input")
        return view

    def _fill(self, buffer: Buffer, name: str, at: int, placement: Placement, frame: Frame, feed: Feed) -> None:
        picture, out = frame.picture, buffer.planes[name][at]
        if picture is None:
            return
        stale = buffer.padded[name][at] != placement and placement.padded
        if isinstance(feed, FeedPlanes):
            if stale:
                pad_planes(out, placement, feed.matrix, feed.full_range)
            fill_planes(picture, placement, out, feed.matrix, feed.full_range)
        else:
            if stale:
                pad_rgb(out, placement)
            fill_rgb(rgb(picture), placement, out)
        buffer.padded[name][at] = placement

    def _recall(self, buffer: Buffer, item: InputSpec, last: int, frame: Frame) -> None:
        """The stream's earlier views before the newest; a stream that begins repeats its first."""
        key, name = (frame.stream.id, item.tensor.name), item.tensor.name
        epoch, past = self._past.get(key, (-1, deque[U8]()))
        if epoch != frame.at.epoch:
            past = deque[U8](maxlen=item.frames - 1)
        planes = buffer.planes[name]
        newest = planes[last].copy()
        while len(past) < item.frames - 1:
            past.append(newest)
        for back, picture in enumerate(reversed(past), 1):
            planes[last - back] = picture
            buffer.padded[name][last - back] = None
        past.append(newest)
        self._past[key] = (frame.at.epoch, past)

    def crop_of(self, frame: Frame) -> tuple[int, int, int, int] | None:
        """The crop in whole pixels of this frame. Raises RuntimeFailure where nothing is left of it."""
        if self.crop is None:
            return None
        gain = (1, 1, 1, 1) if self.crop_px else (frame.width, frame.height, frame.width, frame.height)
        x1, y1, x2, y2 = (round(v * g) for v, g in zip(self.crop, gain, strict=True))
        x1, y1, x2, y2 = max(0, x1), max(0, y1), min(frame.width, x2), min(frame.height, y2)
        if x2 <= x1 or y2 <= y1:
            raise RuntimeFailure(
                f"--crop leaves nothing of the {frame.width}x{frame.height} frames of stream {frame.stream.id!r}"
            )
        return x1, y1, x2, y2


def _open_size(size_wh: Size, seen_wh: Size, multiple: int) -> Size:
    """Sides left open: one follows the ratio of what is seen, rounded up; both are its own, to the nearest multiple."""
    (width, height), (w, h) = size_wh, seen_wh
    if height:
        return _up(min(height * w / h, _LONGEST), multiple), height
    if width:
        return width, _up(min(width * h / w, _LONGEST), multiple)
    shrink = min(1.0, _LONGEST / max(w, h))
    return tuple[int, int](max(multiple, round(side * shrink / multiple) * multiple) for side in (w, h))


def _up(side: float, multiple: int) -> int:
    return max(multiple, ceil(side / multiple) * multiple)


def _constant(item: InputSpec, batch: int, size_wh: Sequence[int]) -> NDArray[Any]:
    """The tensor of an input that no picture feeds."""
    dtype = np.dtype(item.tensor.dtype)
    if item.source in ("size_wh", "size_hw"):
        row = size_wh if item.source == "size_wh" else size_wh[::-1]
        return np.tile(np.array(row, dtype), (batch, 1))
    if item.source in ("ones", "zeros"):
        shape = [batch if i == 0 else (d or 1) for i, d in enumerate(item.tensor.shape)]
        return np.ones(shape, dtype) if item.source == "ones" else np.zeros(shape, dtype)
    raise ModelError(f"input {item.tensor.name!r}: nothing here feeds {item.source!r}")
