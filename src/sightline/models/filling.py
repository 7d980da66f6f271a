"""Frames -> the memory that a request reads: every picture input filled, windows remembered, constants laid out."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.alignment import warp_planes, warp_rgb
from sightline.errors import ModelError, RuntimeFailure
from sightline.models.looks import Look, Region
from sightline.pictures import Placement, fill_planes, fill_rgb, pad_planes, pad_rgb, place, rgb, view_of
from sightline.protocols import Feed, FeedPlanes
from sightline.types import U8, Frame, InputSpec, ModelSpec, Tensor, View

__all__ = ["Buffer", "Filling"]

# What can be known of an object: see pipeline/knowing.py.
_KNOWN = ("left-eye", "right-eye", "head-pose", "face-grid", "keypoints")
_LONGEST = 1920  # pixels of the longer side where a model takes any size
Size = tuple[int, int]


@dataclass(slots=True)
class Buffer:
    """The memory of one request. planes: input name -> (batch * frames, 3, H, W) uint8; sizes: of each, in order.

    padded: how each picture is padded at the moment. constants: tensors that no picture feeds; those that take what is
    known of an object are written row by row.
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
    """Fills buffers for one model. crop: x1, y1, x2, y2 of the frame to look at, in pixels or fractions.

    dtypes: by input, what the compiled model takes, where that is not what the file declares.
    """

    spec: ModelSpec
    crop: tuple[float, float, float, float] | None = None
    crop_px: bool = False
    dtypes: Mapping[str, str] = field(default_factory=dict[str, str])
    _pictured: tuple[InputSpec, ...] = ()
    _past: dict[tuple[str, str], tuple[int, deque[NDArray[Any]]]] = field(
        default_factory=dict[tuple[str, str], tuple[int, deque[NDArray[Any]]]]
    )
    _rgb: tuple[object, U8] | None = None
    _seen: tuple[Frame, Frame] | None = None

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

    @property
    def windows(self) -> bool:
        """Whether it is shown the past as well."""
        return any(item.source.startswith(("window", "difference")) for item in self.spec.inputs)

    @property
    def needs(self) -> tuple[str, ...]:
        """What must be known of an object first: "left-eye", "head-pose", "keypoints" ...; () where pictures do."""
        found = (item.source.partition("column:")[2] or item.source.partition("part:")[2] for item in self.spec.inputs)
        return tuple(dict.fromkeys(filter(None, found)))

    def judge(self, within: bool = False) -> None:
        """Raises ModelError for an input that nothing here can feed. within: it looks at the objects of another."""
        for item in self.spec.inputs:
            known = item.source.rpartition(":")[2] in _KNOWN
            if ("column:" in item.source or item.source.startswith("part:")) and not (within and known):
                what = item.source.split(":")[-1]
                raise ModelError(
                    f"model {self.spec.name!r}: input {item.tensor.name!r} takes {what} of an object that another "
                    f"model found; it cannot run on pictures alone"
                    + ("" if known else f", and nothing here knows {what}")
                    + ("\nput it below that model in a pipeline file (then:)" if known else "")
                )
        _ = self.first
        for item in self._pictured:
            if 0 in item.size_wh and not item.multiple:
                raise ModelError(
                    f"model {self.spec.name!r}: input {item.tensor.name!r} has no size; give one in model.yaml"
                )

    def sizes(self, look: Look) -> tuple[Size, ...]:
        """(width, height) of every picture input for this look."""
        return tuple(self._size(item, look) for item in self._pictured)

    def size_of(self, frame: Frame) -> Size:
        """(width, height) of the input whose view the predictions are in, for this frame."""
        return self._size(self.first, Look(frame))

    def _size(self, item: InputSpec, look: Look) -> Size:
        width, height = item.size_wh
        if width and height:
            return width, height
        x1, y1, x2, y2 = self.looked_at(look)
        return _open_size((width, height), (x2 - x1, y2 - y1), item.multiple)

    def buffer(self, batch: int, sizes: tuple[Size, ...]) -> Buffer:
        """New memory for `batch` views."""
        planes, padded = {}, {}
        for item, (width, height) in zip(self._pictured, sizes, strict=True):
            count = batch * item.frames
            planes[item.tensor.name] = np.zeros((count, 3, height, width), np.uint8)
            padded[item.tensor.name] = [None] * count
        seen = sizes[self._pictured.index(self.first)]
        constants = {
            i.tensor.name: _constant(i, batch, seen, self.dtypes.get(i.tensor.name, i.tensor.dtype))
            for i in self.spec.inputs
            if not i.frames
        }
        return Buffer(sizes, planes, padded, constants)

    def fill(self, buffer: Buffer, row: int, look: Look, feed: Feed) -> View:
        """`look` into the row's place of every input; returns its view. Raises RuntimeFailure without a picture."""
        frame, view = look.frame, None
        if frame.picture is None:
            raise RuntimeFailure("a frame without its picture cannot be inferred")
        for item, size in zip(self._pictured, buffer.sizes, strict=True):
            last = (row + 1) * item.frames - 1
            seen = self._look(buffer, item, last, look, size, feed)
            if item.frames > 1:
                self._recall(buffer, item, last, look)
            if item is self.first:
                view = seen
        for item in self.spec.inputs:
            if "column:" in item.source:
                buffer.constants[item.tensor.name][row] = self._column(item, look)
        if view is None:
            raise ModelError(f"model {self.spec.name!r} has no picture input")
        return view

    def _look(self, buffer: Buffer, item: InputSpec, at: int, look: Look, size: Size, feed: Feed) -> View:
        """One picture into its place; returns its view."""
        pre, frame = item.preprocess, look.frame
        kind, _, name = item.source.partition(":")
        region = look.parts.get(name) if kind == "part" else None
        if look.turned is not None and region is None:
            self._warp(buffer, item, at, look, feed)
            return View(self._bare(frame), look.turned, size, look.parent)
        looked_at = self.looked_at(look) if region is None else region
        placement = place((frame.width, frame.height), size, pre.resize, pre.pad, looked_at)
        self._fill(buffer, item.tensor.name, at, placement, frame, feed)
        return view_of(self._bare(frame), placement, look.parent)

    def _bare(self, frame: Frame) -> Frame:
        """The frame without its picture, made once for all that is looked at in it."""
        if self._seen is None or self._seen[0] is not frame:
            self._seen = (frame, frame.without_picture())
        return self._seen[1]

    def _warp(self, buffer: Buffer, item: InputSpec, at: int, look: Look, feed: Feed) -> None:
        picture, out, pad = look.frame.picture, buffer.planes[item.tensor.name][at], item.preprocess.pad
        if picture is None or look.turned is None:
            return
        if isinstance(feed, FeedPlanes):
            warp_planes(picture, look.turned, out, feed.matrix, feed.full_range, pad)
        else:
            warp_rgb(self._pixels(look.frame), look.turned, out, pad)
        buffer.padded[item.tensor.name][at] = None

    def _fill(self, buffer: Buffer, name: str, at: int, placement: Placement, frame: Frame, feed: Feed) -> None:
        picture, out = frame.picture, buffer.planes[name][at]
        if picture is None:
            return
        before = buffer.padded[name][at]
        # the padding of a place that was filled alike is there still
        stale = placement.padded and (before is None or not _padded_alike(before, placement))
        if isinstance(feed, FeedPlanes):
            if stale:
                pad_planes(out, placement, feed.matrix, feed.full_range)
            fill_planes(picture, placement, out, feed.matrix, feed.full_range)
        else:
            if stale:
                pad_rgb(out, placement)
            fill_rgb(self._pixels(frame), placement, out)
        buffer.padded[name][at] = placement

    def _pixels(self, frame: Frame) -> U8:
        """The frame as RGB (h, w, 3), converted once for all that is looked at in it."""
        picture = frame.picture
        assert picture is not None
        if self._rgb is None or self._rgb[0] is not picture:
            self._rgb = (picture, rgb(picture))
        return self._rgb[1]

    def _recall(self, buffer: Buffer, item: InputSpec, last: int, look: Look) -> None:
        """The stream's or track's earlier views before the newest; what begins repeats its first."""
        planes, name = buffer.planes[item.tensor.name], item.tensor.name
        past = self._history(look, name, item.frames, planes[last])
        for back, picture in enumerate(reversed(list(past)[:-1]), 1):
            planes[last - back] = picture
            buffer.padded[name][last - back] = None

    def _history(self, look: Look, name: str, length: int, newest: NDArray[Any]) -> deque[NDArray[Any]]:
        """The last `length` of them, `newest` at the end."""
        key = (look.track or look.frame.stream.id, name)
        epoch, past = self._past.get(key, (-1, deque[NDArray[Any]]()))
        if epoch != look.frame.at.epoch or not past:
            past = deque[NDArray[Any]]([newest.copy()] * length, maxlen=length)
        else:
            past.append(newest.copy())
        self._past[key] = (look.frame.at.epoch, past)
        return past

    def forget(self, track: str) -> None:
        """Let go of the windows of a track, or stream, that has ended, and of what lies within it."""
        for key in [key for key in self._past if key[0] == track or key[0].startswith(f"{track}\n")]:
            del self._past[key]

    def _column(self, item: InputSpec, look: Look) -> NDArray[Any]:
        """One row of an input that takes what is known of the object. Raises RuntimeFailure where it is not known."""
        name, shape = item.source.rpartition(":")[2], [d or 1 for d in item.tensor.shape[1:]]
        known = look.columns.get(name)
        if known is None:
            raise RuntimeFailure(f"model {self.spec.name!r}: {name} of the object is not known")
        if not item.source.startswith("window:"):
            return np.resize(known, shape)
        length = int(item.source.split(":")[1])
        window = np.stack(list(self._history(look, item.tensor.name, length, known)))  # (T, V, C)
        row = window.transpose(2, 0, 1)[: shape[0], :, : shape[2]]
        out = np.zeros(shape, np.float32)
        out[: row.shape[0], : row.shape[1], : row.shape[2], 0] = row
        return out

    def looked_at(self, look: Look) -> Region:
        """x1, y1, x2, y2 whole frame pixels of what is looked at."""
        if look.turned is not None:
            return 0, 0, look.frame.width, look.frame.height
        return look.region or self.crop_of(look.frame) or (0, 0, look.frame.width, look.frame.height)

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


def _padded_alike(a: Placement, b: Placement) -> bool:
    """Whether two placements leave the same border of the tensor to the same grey."""
    return (a.size_wh, a.resized_wh, a.offset, a.pad) == (b.size_wh, b.resized_wh, b.offset, b.pad)


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


def _constant(item: InputSpec, batch: int, size_wh: Sequence[int], named: str) -> NDArray[Any]:
    """The tensor of an input that no picture feeds, of the dtype `named`."""
    dtype = np.dtype(named)
    if item.source in ("size_wh", "size_hw"):
        row = size_wh if item.source == "size_wh" else size_wh[::-1]
        return np.tile(np.array(row, dtype), (batch, 1))
    if item.source in ("ones", "zeros"):
        shape = [batch if i == 0 else (d or 1) for i, d in enumerate(item.tensor.shape)]
        return np.ones(shape, dtype) if item.source == "ones" else np.zeros(shape, dtype)
    if "column:" in item.source:
        return np.zeros([batch if i == 0 else (d or 1) for i, d in enumerate(item.tensor.shape)], dtype)
    raise ModelError(f"input {item.tensor.name!r}: nothing here feeds {item.source!r}")
