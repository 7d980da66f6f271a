"""Views in, predictions in frame pixels out: where pictures, session and head meet."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.errors import ModelError, RuntimeFailure
from sightline.pictures import Placement, fill_planes, fill_rgb, pad_planes, pad_rgb, place, rgb, view_of
from sightline.projection import to_frame
from sightline.protocols import Feed, FeedPlanes, FeedRgb, Head, Runtime, RuntimeOptions, Session, StageInfo
from sightline.types import (
    U8,
    Frame,
    InputSpec,
    ModelSpec,
    PixelLayout,
    Prediction,
    Tensor,
    View,
)

__all__ = ["Model", "ModelTimes"]


@dataclass(slots=True)
class ModelTimes:
    """Seconds of the calling thread's CPU by step, and requests made."""

    prepare_s: float = 0.0
    decode_s: float = 0.0
    requests: int = 0


@dataclass(slots=True)
class _Buffer:
    """A picture input's memory (batch, 3, H, W) and how each row is padded at the moment."""

    planes: U8
    padded: list[Placement | None]
    extra: dict[str, NDArray[Any]] = field(default_factory=dict[str, NDArray[Any]])


@dataclass(slots=True)
class _Line:
    """One compiled form of the model (fed with planes, or with RGB) and the buffers that travel with its requests."""

    feed: Feed
    session: Session
    batch: int
    buffers: list[_Buffer]
    in_flight: int
    taken: int = 0


@dataclass(slots=True)
class _Sent:
    line: _Line
    buffer: _Buffer
    views: tuple[View, ...]
    frames: tuple[Frame, ...]


@dataclass(slots=True)
class Model:
    """One model shared by many streams; used from one thread. Predictions come back in the order of submission.

    exact: the training-time arithmetic for every frame; stills always get it.
    crop: x1, y1, x2, y2 of the frame to look at, in pixels or (crop_px False) fractions.
    only: label ids that are kept, None for all.
    """

    stage: str
    spec: ModelSpec
    weights: Path
    head: Head
    runtime: Runtime
    options: RuntimeOptions = field(default_factory=RuntimeOptions)
    exact: bool = False
    crop: tuple[float, float, float, float] | None = None
    crop_px: bool = False
    only: frozenset[int] | None = None
    times: ModelTimes = field(default_factory=ModelTimes)
    _lines: dict[str, _Line] = field(default_factory=dict[str, _Line])
    _sent: deque[_Sent] = field(default_factory=deque[_Sent])

    @property
    def picture_input(self) -> InputSpec:
        """The input that the view feeds. Raises ModelError where none does."""
        for item in self.spec.inputs:
            if item.source == "view":
                return item
        raise ModelError(f"model {self.spec.name!r} has no picture input")

    @property
    def waiting(self) -> int:
        """Requests that were submitted and not collected."""
        return len(self._sent)

    def form_of(self, frame: Frame) -> str:
        """Which form of the model a frame needs: frames of different forms cannot go through together."""
        still = frame.stream.still or (frame.picture is not None and frame.picture.layout is PixelLayout.RGB)
        return "rgb" if self.exact or still else "planes"

    def prepare(self, frame: Frame) -> None:
        """Compile the form that `frame` needs, if it is not there yet. Raises ModelError, UsageError."""
        self._line(frame)

    def _line(self, frame: Frame) -> _Line:
        key = self.form_of(frame)
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = self._compile(key, frame)
        return line

    def _compile(self, key: str, frame: Frame) -> _Line:
        item = self.picture_input
        width, height = item.size_wh
        if not width or not height:
            raise ModelError(
                f"model {self.spec.name!r}: input {item.tensor.name!r} has no size; give one in model.yaml"
            )
        picture = frame.picture
        feed: Feed = FeedRgb()
        if key == "planes" and picture is not None:
            feed = FeedPlanes(picture.matrix, picture.full_range)
        session = self.runtime.load(self.spec, self.weights, replace(self.options, feed=feed))
        wants = session.wants
        batch = wants.batch or self.options.batch or 1
        buffers = [self._buffer(batch, width, height) for _ in range(wants.in_flight)]
        return _Line(feed, session, batch, buffers, wants.in_flight)

    def _buffer(self, batch: int, width: int, height: int) -> _Buffer:
        buffer = _Buffer(np.zeros((batch, 3, height, width), np.uint8), [None] * batch)
        for item in self.spec.inputs:
            if item.source != "view":
                buffer.extra[item.tensor.name] = _constant(item, batch, (width, height))
        return buffer

    def batch_of(self, frame: Frame) -> int:
        """How many frames like this one go through together."""
        return self._line(frame).batch

    def room(self, frame: Frame) -> bool:
        """May another request with frames like this one be submitted now?"""
        line = self._line(frame)
        return line.taken < line.in_flight

    def submit(self, frames: Sequence[Frame]) -> None:
        """Start one request of up to `batch_of` frames that need the same form."""
        began = time.thread_time()
        line = self._line(frames[0])
        if len(frames) > line.batch:
            raise RuntimeFailure(f"{len(frames)} frames for a batch of {line.batch}")
        buffer = line.buffers.pop()
        size_wh = self.picture_input.size_wh
        views = tuple(self._fill(line, buffer, row, frame, size_wh) for row, frame in enumerate(frames))
        inputs: dict[str, Tensor] = {self.picture_input.tensor.name: buffer.planes, **buffer.extra}
        kept = tuple(view.frame for view in views)  # without their pictures
        line.taken += 1
        line.session.submit(inputs, None)
        self._sent.append(_Sent(line, buffer, views, kept))
        self.times.requests += 1
        self.times.prepare_s += time.thread_time() - began

    def _fill(self, line: _Line, buffer: _Buffer, row: int, frame: Frame, size_wh: tuple[int, int]) -> View:
        picture = frame.picture
        if picture is None:
            raise RuntimeFailure("a frame without its picture cannot be inferred")
        pre = self.picture_input.preprocess
        placement = place((frame.width, frame.height), size_wh, pre.resize, pre.pad, self._crop_of(frame))
        out = buffer.planes[row]
        stale = buffer.padded[row] != placement and placement.padded
        if isinstance(line.feed, FeedPlanes):
            matrix, full = line.feed.matrix, line.feed.full_range
            if stale:
                pad_planes(out, placement, matrix, full)
            fill_planes(picture, placement, out, matrix, full)
        else:
            if stale:
                pad_rgb(out, placement)
            fill_rgb(rgb(picture), placement, out)
        buffer.padded[row] = placement
        return view_of(frame.without_picture(), placement)

    def _crop_of(self, frame: Frame) -> tuple[int, int, int, int] | None:
        """The crop in whole pixels of this frame. Raises UsageError-like ModelError where nothing is left of it."""
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

    def collect(self, timeout_s: float) -> list[tuple[Frame, Prediction]] | None:
        """The oldest request's frames (without pictures) and predictions in frame pixels; None: not within timeout."""
        if not self._sent:
            return None
        sent = self._sent[0]
        ticket = sent.line.session.collect(timeout_s)
        if ticket is None:
            return None
        self._sent.popleft()
        began = time.thread_time()
        predictions = self.head(ticket.outputs, self.spec, sent.views)
        ticket.release()
        sent.line.taken -= 1
        sent.line.buffers.append(sent.buffer)
        done = [
            (frame, self._in_frame(prediction, view))
            for frame, prediction, view in zip(sent.frames, predictions, sent.views, strict=True)
        ]
        self.times.decode_s += time.thread_time() - began
        return done

    def _in_frame(self, prediction: Prediction, view: View) -> Prediction:
        """Model pixels -> frame pixels, clipped to what was looked at; empty boxes and unwanted labels go."""
        detections = replace(prediction.detections, stage=self.stage)
        if self.only is not None and len(detections):
            detections = detections[np.isin(detections.label, list(self.only))]
        frame = view.frame
        looked_at = self._crop_of(frame) or (0, 0, frame.width, frame.height)
        return to_frame(replace(prediction, detections=detections), view, looked_at)

    def predict(self, frame: Frame) -> Prediction:
        """One frame, now. Not to be mixed with requests in flight."""
        if self._sent:
            raise RuntimeFailure("predict() while requests are in flight")
        self.submit([frame])
        while (done := self.collect(60.0)) is None:
            pass
        return done[0][1]

    def about(self) -> StageInfo:
        """What a results header says of this model."""
        used = self._used()
        thresholds = self.spec.thresholds
        return StageInfo(
            self.stage,
            self.spec.name,
            self.spec.sha256,
            used.get("runtime", ""),
            used.get("precision", ""),
            thresholds.score,
            thresholds.nms,
            self.spec.labels,
            self.spec.head,
        )

    def _used(self) -> Mapping[str, str]:
        for line in self._lines.values():
            return self.runtime.describe(line.session)
        return {}

    def close(self) -> None:
        """Wait for what runs, then let go of every compiled form."""
        self._sent.clear()
        for line in self._lines.values():
            line.session.close()
        self._lines.clear()


def _constant(item: InputSpec, batch: int, size_wh: tuple[int, int]) -> NDArray[Any]:
    """The tensor of an input that no picture feeds."""
    dtype = np.dtype(item.tensor.dtype)
    if item.source in ("size_wh", "size_hw"):
        row = size_wh if item.source == "size_wh" else size_wh[::-1]
        return np.tile(np.array(row, dtype), (batch, 1))
    if item.source == "ones":
        shape = [batch if i == 0 else (d or 1) for i, d in enumerate(item.tensor.shape)]
        return np.ones(shape, dtype)
    raise ModelError(f"input {item.tensor.name!r}: nothing here feeds {item.source!r}")
