"""One stream's own chain: source -> (model) -> tracker -> analytics -> overlay -> sinks."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.channel import Bell, Channel, Closed, Worker
from sightline.pictures import canvas
from sightline.pipeline.cascade import Memories
from sightline.pipeline.metrics import StreamMetrics
from sightline.pipeline.pending import Pending
from sightline.pipeline.tapping import tap_of
from sightline.protocols import Analytic, Overlay, Sink, Source, Tracker
from sightline.sinks.maps import MapFolder
from sightline.types import (
    I64,
    Bool,
    Detections,
    Event,
    Frame,
    FrameResult,
    Inside,
    Picture,
    Prediction,
    Shape,
    StreamInfo,
    Thresholds,
    Tracks,
)

__all__ = ["Lane"]

_WRITE_AHEAD = 3
_MOMENT_S = 0.02


@dataclass(slots=True, eq=False)
class Lane:
    """One stream. `read_ahead` frames are decoded before they are asked for; a live stream drops the oldest.

    names: the model's label table, for frames that it does not see.
    interval: frames passed over between two that a model sees. own_sinks: this lane's alone, fed in a thread where
    they want pictures. maps: where class maps are written, before the result that names them is handed on.
    """

    source: Source
    thresholds: Thresholds = field(default_factory=Thresholds)
    names: tuple[str, ...] = ()
    tracker: Tracker | None = None
    analytics: Sequence[Analytic] = ()
    overlay: Overlay | None = None
    own_sinks: Sequence[Sink] = ()
    maps: MapFolder | None = None
    interval: int = 0
    read_ahead: int = 3
    keep_pictures: bool = False
    info: StreamInfo | None = None
    introduced: bool = False
    done: bool = False
    read_cpu_s: float = 0.0
    draw_cpu_s: float = 0.0
    metrics: StreamMetrics = field(default_factory=StreamMetrics)
    pending: deque[Pending] = field(default_factory=deque[Pending])
    memories: Memories | None = None
    _channel: Channel[Frame] = field(init=False)
    _reader: Worker | None = None
    _writes: Channel[tuple[FrameResult, Frame, tuple[Shape, ...]]] | None = None
    _writer: Worker | None = None
    _taken: int = 0
    _told_s: float | None = None

    def __post_init__(self) -> None:
        self._channel = Channel(2 if self.source.live else self.read_ahead, drop_oldest=self.source.live)

    @property
    def id(self) -> str:
        return self.source.id

    @property
    def next_inferred(self) -> bool:
        """Will the next frame go through the model?"""
        return self._taken % (self.interval + 1) == 0

    @property
    def tracker_sees(self) -> bool:
        """Whether the tracker looks at the pictures themselves."""
        return getattr(self.tracker, "motion", None) is not None

    @property
    def dropped(self) -> int:
        return self._channel.dropped

    # -- reading ---------------------------------------------------------------------------------------------------

    def start(self, bell: Bell) -> None:
        """Begin to decode in a thread; the bell rings whenever there is something to take."""
        self._channel.bell = bell
        self._reader = Worker(f"read-{self.id}", self._read, done=self._channel.close).start()

    def _read(self, stop: threading.Event) -> None:
        with contextlib.closing(self.source.frames(tap_of(self.own_sinks))) as frames:  # type: ignore[type-var]
            while not stop.is_set():
                began = time.thread_time()
                frame = next(frames, None)
                self.read_cpu_s += time.thread_time() - began
                if frame is None:
                    return
                self._channel.drop_oldest = frame.stream.live  # only now is known whether an address is a finite file
                self._channel.put(frame)
                del frame

    @property
    def settled(self) -> bool:
        """True once a first frame is there, or it is known that none will come."""
        return self._taken > 0 or len(self._channel) > 0 or self.ended

    @property
    def ended(self) -> bool:
        """True once no frame is left to take."""
        return self._channel.ended

    def peek(self) -> Frame | None:
        """The next frame, if one is there."""
        return self._channel.peek()

    def take(self) -> Pending | None:
        """The next frame, now on its way; None where none is there yet."""
        try:
            frame = self._channel.get(0)
        except Closed:
            return None
        if frame is None:
            return None
        pending = Pending(frame, inferred=self.next_inferred)
        self.info = frame.stream
        self._taken += 1
        self.pending.append(pending)
        return pending

    def reading_failed(self) -> BaseException | None:
        """What ended the reader, once it has ended and everything before it was taken."""
        if self._reader is None or not self.ended:
            return None
        return self._reader.error

    def reader_left(self, patience_s: float) -> bool:
        """True once the reading thread is gone, or was told to go so long ago that it must be waiting for a network."""
        if self._reader is None or self._reader.wait(_MOMENT_S):
            return True
        return self._told_s is not None and time.monotonic() - self._told_s > patience_s

    def stop_reading(self) -> None:
        """No more frames: what was not taken is forgotten."""
        if self._told_s is None:
            self._told_s = time.monotonic()
        stopping = getattr(self.source, "stopping", None)
        if isinstance(stopping, threading.Event):
            stopping.set()
        if self._reader is not None:
            self._reader.stop.set()
        self._channel.stop()

    def warnings(self, width: int, height: int) -> list[str]:
        """What speaks against this lane's lines and zones in frames of that size. Raises UsageError."""
        found: list[str] = []
        for analytic in self.analytics:
            check = getattr(analytic, "check", None)
            found += check(width, height) if check is not None else []
        return found

    # -- what becomes of a prediction --------------------------------------------------------------------------------

    def follow(self, pending: Pending) -> None:
        """Track the objects of one frame whose turn it is; what is neither tracked nor sure enough goes."""
        prediction = pending.prediction or Prediction(Detections(names=self.names))
        detections, tracks = prediction.detections, Tracks()
        if self.tracker is not None:
            tracks = self.tracker.update(detections if pending.inferred else None, pending.frame)
        keep = self._kept(detections, tracks)
        if not keep.all():
            detections, tracks = _left(detections, tracks, keep)
            pending.inside = {name: _left_within(inside, keep) for name, inside in pending.inside.items()}
            prediction = replace(prediction, detections=detections)
        pending.prediction, pending.tracks = prediction, tracks

    def conclude(self, pending: Pending) -> FrameResult:
        """Analyse and count one frame of which everything has been said."""
        frame, prediction, tracks = pending.frame, pending.prediction, pending.tracks
        assert prediction is not None
        assert tracks is not None
        shown = frame if self.keep_pictures else frame.without_picture()
        result = FrameResult(
            shown,
            prediction,
            tracks,
            inferred=pending.inferred,
            map=self._mapped(frame, prediction),
            inside=tuple(pending.inside.values()),
        )
        if self.analytics:
            result = self._analysed(result)
        self.metrics.add(result)
        return result

    def _mapped(self, frame: Frame, prediction: Prediction) -> str:
        """The name of the file that now holds this frame's class map; "" for none."""
        if self.maps is None or prediction.classmap is None:
            return ""
        return self.maps.write(frame, prediction.classmap)

    def _kept(self, detections: Detections, tracks: Tracks) -> Bool:
        """Which rows pass the threshold or are tracked; the tracker may have seen more."""
        if not len(detections):
            return np.ones(0, np.bool_)
        keep: Bool = detections.score >= self._least(detections)
        keep[tracks.row] = True
        return keep

    def _least(self, detections: Detections) -> np.ndarray:
        per_class = self.thresholds.per_class
        least = np.full(len(detections), self.thresholds.score, np.float32)
        if per_class:
            for row in range(len(least)):
                least[row] = per_class.get(detections.name_of(row), self.thresholds.score)
        return least

    def _analysed(self, result: FrameResult) -> FrameResult:
        events: list[Event] = []
        counts: dict[str, dict[str, dict[str, int]]] = {}
        columns: dict[str, NDArray[Any]] = {}
        for analytic in self.analytics:
            report = analytic.update(result)
            events.extend(report.events)
            if report.counts:
                counts[analytic.name] = {k: dict(v) for k, v in report.counts.items()}
            for name, column in report.columns.items():
                columns[name] = column if name not in columns else columns[name] + column  # tuples of rules, joined
        return replace(result, events=tuple(events), counts=counts, columns=columns)

    # -- writing ---------------------------------------------------------------------------------------------------

    @property
    def wants_pictures(self) -> bool:
        return self.keep_pictures or any(s.wants_picture for s in self.own_sinks)

    def write(self, result: FrameResult, frame: Frame) -> None:
        """Hand a result to this lane's own sinks: drawing and encoding happen in a thread of their own."""
        if not self.own_sinks:
            return
        if self._writes is None:
            self._writes = Channel(_WRITE_AHEAD)
            self._writer = Worker(f"write-{self.id}", self._write, done=self._writes.stop).start()
        shapes = tuple(s for a in self.analytics for s in a.shapes(frame))
        try:
            self._writes.put((result, frame, shapes))
        except Closed:
            self.check()
            raise

    def _write(self, stop: threading.Event) -> None:
        assert self._writes is not None
        while not stop.is_set():
            try:
                item = self._writes.get(None)
            except Closed:
                return
            if item is None:
                continue
            began = time.thread_time()
            result, frame, shapes = item
            picture: Picture | None = None
            if frame.picture is not None and any(s.wants_picture for s in self.own_sinks):
                picture = canvas(frame.picture)
                if self.overlay is not None:
                    self.overlay(picture, result, shapes)
            for sink in self.own_sinks:
                sink.write(result, picture if sink.wants_picture else None)
            self.draw_cpu_s += time.thread_time() - began

    def check(self) -> None:
        """Raise what the writing thread raised."""
        if self._writer is not None:
            self._writer.check()

    def drain(self) -> None:
        """Wait until everything handed over is written. Raises what the writing thread raised."""
        if self._writes is not None and self._writer is not None:
            self._writes.close()
            while self._writer.alive:
                self._writer.wait(0.25)
            self._writer.check()

    def close(self, patience_s: float = 10.0) -> list[BaseException]:
        """End both threads and finish the sinks; returns what went wrong meanwhile.

        patience_s: a reader that waits for a silent network longer than this is left to its own deadline.
        """
        self.stop_reading()
        faults: list[BaseException] = []
        if self._writes is not None:
            self._writes.stop()
        if self._writer is not None:
            self._writer.join()
        for sink in self.own_sinks:
            try:
                sink.close()
            except OSError as error:
                faults.append(error)
        if self._reader is not None:
            self._reader.join(patience_s)
        self.done = True
        return faults


def _left(detections: Detections, tracks: Tracks, keep: Bool) -> tuple[Detections, Tracks]:
    rows: I64 = np.cumsum(keep) - 1
    return detections[keep], replace(tracks, row=rows[tracks.row])


def _left_within(inside: Inside, keep: Bool) -> Inside:
    """What lies within objects of which only those that `keep` says are left."""
    found = inside.detections
    if found.parent is None:
        return inside
    found = found[keep[found.parent]]
    assert found.parent is not None
    return replace(inside, detections=replace(found, parent=(np.cumsum(keep) - 1)[found.parent].astype(np.int32)))
