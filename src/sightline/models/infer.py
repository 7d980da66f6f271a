"""Views in, predictions in frame pixels out: where pictures, session and head meet."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import numpy as np

from sightline.bounding import within_bounds
from sightline.errors import FixedBatchError, RuntimeFailure
from sightline.models.filling import Buffer, Filling
from sightline.models.looks import Look
from sightline.projection import to_frame
from sightline.protocols import (
    Feed,
    FeedPlanes,
    FeedRgb,
    Head,
    Parser,
    Runtime,
    RuntimeOptions,
    Session,
    StageInfo,
    Wants,
)
from sightline.types import (
    Frame,
    InputSpec,
    ModelSpec,
    PixelLayout,
    Prediction,
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
class _Line:
    """One compiled form of the model (fed with planes, or with RGB) and the buffers that travel with its requests."""

    feed: Feed
    session: Session
    batch: int
    buffers: list[Buffer]
    in_flight: int
    taken: int = 0


@dataclass(slots=True)
class _Sent:
    line: _Line
    buffer: Buffer
    looks: tuple[Look, ...]
    views: tuple[View, ...]


@dataclass(slots=True)
class Model:
    """One model shared by many streams; used from one thread. Predictions come back in the order of submission.

    head: reads the outputs; a `Parser` does so in a process of its own, and answers later.
    of: the stage whose objects it looks at; "" for a model that looks at frames.
    exact: the training-time arithmetic for every frame; stills always get it.
    crop: x1, y1, x2, y2 of the frame to look at, in pixels or (crop_px False) fractions.
    only: label ids that are kept, None for all. notes: what a user should know of how it runs.
    """

    stage: str
    spec: ModelSpec
    weights: Path
    head: Head | Parser
    runtime: Runtime
    options: RuntimeOptions = field(default_factory=RuntimeOptions)
    exact: bool = False
    crop: tuple[float, float, float, float] | None = None
    crop_px: bool = False
    only: frozenset[int] | None = None
    of: str = ""
    times: ModelTimes = field(default_factory=ModelTimes)
    notes: list[str] = field(default_factory=list[str])
    _lines: dict[str, _Line] = field(default_factory=dict[str, _Line])
    _sent: deque[_Sent] = field(default_factory=deque[_Sent])
    _parsed: deque[_Sent] = field(default_factory=deque[_Sent])
    _filling: Filling = field(init=False)
    _parses: bool = field(init=False)

    def __post_init__(self) -> None:
        self._filling = Filling(self.spec, self.crop, self.crop_px)
        self._parses = isinstance(self.head, Parser)  # once: asking a protocol takes its time

    @property
    def picture_input(self) -> InputSpec:
        """The input that the view feeds. Raises ModelError where none does."""
        return self._filling.first

    def size_of(self, frame: Frame) -> tuple[int, int]:
        """(width, height) of the tensor that `frame` is brought to; where the model leaves them open they follow it."""
        return self._filling.size_of(frame)

    def crop_of(self, frame: Frame) -> tuple[int, int, int, int] | None:
        """The part of the frame that it looks at: x1, y1, x2, y2 in whole pixels; None: all of it."""
        return self._filling.crop_of(frame)

    def judge(self) -> None:
        """Raises ModelError for an input that nothing can feed where this model stands."""
        self._filling.judge(bool(self.of))

    @property
    def needs(self) -> tuple[str, ...]:
        """What must be known of an object before this model can look at it."""
        return self._filling.needs

    @property
    def windows(self) -> bool:
        """Whether it is shown the past of what it looks at as well."""
        return self._filling.windows

    @property
    def waiting(self) -> int:
        """Requests that were submitted and not collected."""
        return len(self._sent) + len(self._parsed)

    def forget(self, track: str) -> None:
        """Let go of the windows of a track, or a stream, that has ended."""
        self._filling.forget(track)

    def form_of(self, frame: Frame) -> str:
        """Which form of the model a frame needs: frames of different forms cannot go through together."""
        still = frame.stream.still or (frame.picture is not None and frame.picture.layout is PixelLayout.RGB)
        return "rgb" if self.exact or still else "planes"

    def prepare(self, frame: Frame) -> None:
        """Compile the form that `frame` needs, if it is not there yet, and load a user's parser.

        Raises ModelError, UsageError.
        """
        self._line(frame)
        start = getattr(self.head, "start", None)
        labels: tuple[str, ...] = start() if start is not None else ()
        if labels and not self.spec.labels:
            self.spec = replace(self.spec, labels=labels)

    def _line(self, frame: Frame) -> _Line:
        key = self.form_of(frame)
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = self._compile(key, frame)
        return line

    def _compile(self, key: str, frame: Frame) -> _Line:
        self.judge()
        picture = frame.picture
        feed: Feed = FeedRgb()
        if key == "planes" and picture is not None:
            feed = FeedPlanes(picture.matrix, picture.full_range)
        session = self._loaded(replace(self.options, feed=feed))
        wants = session.wants
        batch = 1 if self._filling.open else self._views_at_once(wants) or self.options.batch or 1
        self._filling.dtypes = {item.name: item.dtype for item in wants.inputs}
        sizes = self._filling.sizes(Look(frame))
        buffers = [self._filling.buffer(batch, sizes) for _ in range(wants.in_flight)]
        return _Line(feed, session, batch, buffers, wants.in_flight)

    def _loaded(self, options: RuntimeOptions) -> Session:
        """Compiled for the views at once that were asked for, or where it is not made for them, for its own number."""
        try:
            return self.runtime.load(self.spec, self.weights, options)
        except FixedBatchError as error:
            self.notes.append(f"{error}: it takes its own number")
            self.options = replace(self.options, batch=0)
            return self.runtime.load(self.spec, self.weights, replace(options, batch=0))

    def _views_at_once(self, wants: Wants) -> int:
        """The session's batch in views: an input made of several pictures takes that many of them for each."""
        leading = wants.inputs[0].name if wants.inputs else ""
        frames = next((item.frames for item in self.spec.inputs if item.tensor.name == leading), 1)
        return wants.batch // max(1, frames)

    def batch_of(self, frame: Frame) -> int:
        """How many frames like this one go through together."""
        return self._line(frame).batch

    def room(self, frame: Frame) -> bool:
        """May another request with frames like this one be submitted now?"""
        line = self._line(frame)
        return line.taken < line.in_flight

    def submit(self, looks: Sequence[Look]) -> None:
        """Start one request of up to `batch_of` looks whose frames need the same form."""
        began = time.thread_time()
        line = self._line(looks[0].frame)
        if len(looks) > line.batch:
            raise RuntimeFailure(f"{len(looks)} views for a batch of {line.batch}")
        buffer = self._taken(line, looks[0])
        views = tuple(self._filling.fill(buffer, row, look, line.feed) for row, look in enumerate(looks))
        kept = tuple(replace(look, frame=view.frame) for look, view in zip(looks, views, strict=True))
        line.taken += 1
        line.session.submit(buffer.inputs, None)
        self._sent.append(_Sent(line, buffer, kept, views))  # without the pictures
        self.times.requests += 1
        self.times.prepare_s += time.thread_time() - began

    def _taken(self, line: _Line, look: Look) -> Buffer:
        """A free buffer of the sizes that `look` needs; where the model takes any size, a new one if need be."""
        buffer = line.buffers.pop()
        if not self._filling.open:
            return buffer
        sizes = self._filling.sizes(look)
        return buffer if buffer.sizes == sizes else self._filling.buffer(line.batch, sizes)

    def collect(self, timeout_s: float) -> list[tuple[Look, Prediction]] | None:
        """The oldest request's looks (without pictures) and predictions in frame pixels; None: not within timeout."""
        if self._parses:
            return self._collect_parsed(cast(Parser, self.head), timeout_s)
        if not self._sent:
            return None
        sent = self._sent[0]
        ticket = sent.line.session.collect(timeout_s)
        if ticket is None:
            return None
        began = time.thread_time()
        predictions = cast(Head, self.head)(ticket.outputs, self.spec, sent.views)
        ticket.release()
        self._give_back()
        done = self._done(sent, predictions)
        self.times.decode_s += time.thread_time() - began
        return done

    def _collect_parsed(self, parser: Parser, timeout_s: float) -> list[tuple[Look, Prediction]] | None:
        """As `collect`; outputs go on to the parser as they come."""
        while self._sent and parser.room:
            ticket = self._sent[0].line.session.collect(0.0 if self._parsed else timeout_s)
            if ticket is None:
                break
            began = time.thread_time()
            parser.submit(ticket.outputs, self.spec, self._sent[0].views)
            ticket.release()
            self._parsed.append(self._give_back())
            self.times.decode_s += time.thread_time() - began
        predictions = parser.collect(timeout_s) if self._parsed else None
        return None if predictions is None else self._done(self._parsed.popleft(), predictions)

    def _give_back(self) -> _Sent:
        """The oldest request's memory is free again."""
        sent = self._sent.popleft()
        sent.line.taken -= 1
        sent.line.buffers.append(sent.buffer)
        return sent

    def _done(self, sent: _Sent, predictions: Sequence[Prediction]) -> list[tuple[Look, Prediction]]:
        return [
            (look, self._in_frame(prediction, look, view))
            for look, prediction, view in zip(sent.looks, predictions, sent.views, strict=True)
        ]

    def _in_frame(self, prediction: Prediction, look: Look, view: View) -> Prediction:
        """Model pixels -> frame pixels, clipped to what was looked at; empty boxes, unwanted labels and what lies
        outside the bounds of its class go.
        """
        if self.of and not len(prediction.detections) and prediction.classmap is None and not prediction.marks:
            return prediction  # what is said of an object has no place
        detections = replace(prediction.detections, stage=self.stage)
        if self.only is not None and len(detections):
            detections = detections[np.isin(detections.label, list(self.only))]
        told = to_frame(replace(prediction, detections=detections), view, self._filling.looked_at(look))
        bounds = self.spec.thresholds.bounds
        if not bounds or not len(told.detections):
            return told
        frame = view.frame
        return replace(told, detections=within_bounds(told.detections, bounds, (frame.width, frame.height)))

    def predict(self, frame: Frame) -> Prediction:
        """One frame, now. Not to be mixed with requests in flight."""
        if self.waiting:
            raise RuntimeFailure("predict() while requests are in flight")
        self.submit([Look(frame)])
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
            self.of,
        )

    def _used(self) -> Mapping[str, str]:
        for line in self._lines.values():
            return self.runtime.describe(line.session)
        return {}

    def close(self) -> None:
        """Wait for what runs, then let go of every compiled form."""
        self._sent.clear()
        self._parsed.clear()
        if self._parses:
            cast(Parser, self.head).close()
        for line in self._lines.values():
            line.session.close()
        self._lines.clear()
