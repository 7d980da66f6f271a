"""The loop over lanes and models, top to bottom: take, submit, collect, finish in order, write."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from sightline.channel import Bell
from sightline.errors import InputError, SightlineError
from sightline.models.infer import Model
from sightline.parsers.logic import LogicRunner
from sightline.pipeline.cascade import Stage
from sightline.pipeline.inference import Inference
from sightline.pipeline.lane import Lane
from sightline.pipeline.leaving import Leaving
from sightline.pipeline.metrics import Metrics, Snapshot, said_of
from sightline.pipeline.telling import notes_of, printed_by, snapshot_of
from sightline.pipeline.viewing import Viewing
from sightline.protocols import RunInfo, Sink
from sightline.types import Frame, FrameResult, StreamInfo

__all__ = ["Pipeline"]

_IDLE_S = 0.25
_POLL_S = 0.002
_SAMPLES = (0, 8, 64, 512)
_PENDING = 32
_PENDING_WITH_STAGES = 8  # such frames keep their pictures
_TURN_S = 0.004  # how long a user's rules are waited for before all else is looked at
_PATIENCE_S = 1.5  # with readers that wait for a silent network, when all else has ended


@dataclass(slots=True, eq=False)
class Pipeline:
    """Models shared by lanes. `results()` runs it; closing that generator, or `close()`, ends it cleanly.

    stages: the secondary models, those that others build on first. viewing: which parts of a frame the first one sees.
    logic: a user's rules, which every result goes through before it leaves.
    settle_s: longest wait for a first frame; others_s: for the other streams' once one is there.
    shared_sinks: fed with every lane's results in order of completion. stop_on_loss: one lost lane ends the run.
    `lost`: lanes that ended by an error while others went on. `notes`: what a user should be told at the end.
    `samples`: a few early frames, kept while nothing was found, to say why.
    """

    model: Model
    lanes: list[Lane] = field(default_factory=list[Lane])
    stages: Sequence[Stage] = ()
    viewing: Viewing = field(default_factory=Viewing)
    logic: LogicRunner | None = None
    shared_sinks: Sequence[Sink] = ()
    stop_on_loss: bool = False
    settle_s: float = 20.0
    others_s: float = 2.0
    batch_deadline_s: float = 0.05
    metrics: Metrics = field(default_factory=Metrics)
    lost: dict[str, BaseException] = field(default_factory=dict[str, BaseException])
    notes: list[str] = field(default_factory=list[str])
    samples: list[Frame] = field(default_factory=list[Frame])
    info: RunInfo | None = None
    _bell: Bell = field(default_factory=Bell)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopping: bool = False
    _reading: bool = False
    _opened: bool = False
    _closed: bool = False
    _found: bool = False
    _seen: int = 0
    _turn: int = 0
    _inference: Inference = field(init=False)
    _leaving: Leaving = field(init=False)

    def __post_init__(self) -> None:
        self._inference = Inference(self.model, self.stages, self.viewing, self.batch_deadline_s)
        self._leaving = Leaving(self.logic)
        for lane in self.lanes:
            self._inference.know(lane)

    def __enter__(self) -> Pipeline:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- the set of streams may change at any time ---------------------------------------------------------------------

    def add(self, lane: Lane) -> None:
        """Take in a stream; before the run or while it runs. Raises ValueError: id taken, run over."""
        with self._lock:
            if self._closed:
                raise ValueError(f"stream {lane.id!r} comes too late: the run has ended")
            if any(known.id == lane.id for known in self.lanes):
                raise ValueError(f"a stream {lane.id!r} is there already")
            self._inference.know(lane)
            if self._opened:
                self._open(lane)
            self.lanes.append(lane)
            if self._reading:
                lane.start(self._bell)
        self._bell.ring()

    def remove(self, stream_id: str) -> None:
        """Let a stream end: what it has in flight is still delivered."""
        with self._lock:
            for lane in self._all():
                if lane.id == stream_id and self._reading:
                    lane.stop_reading()
                elif lane.id == stream_id:
                    self.lanes.remove(lane)
        self._bell.ring()

    def swap(self, model: Model) -> None:
        """Another model from the next frame on. Only between frames: nothing may be in flight.

        Raises ValueError where something is, or where stages look at objects of a model of another name.
        """
        self._inference.swap(model)
        self.model = model

    def stop(self) -> None:
        """Read no more, deliver what is in flight, finish the sinks. May be called from any thread or a signal."""
        # The bell is not rung: its lock may be held by the very code that a signal interrupts.
        self._stopping = True

    @property
    def models(self) -> tuple[Model, ...]:
        """The first model and every secondary one."""
        return self.model, *(stage.asking.model for stage in self.stages)

    def _all(self) -> list[Lane]:
        return [lane for lane in list(self.lanes) if not lane.done]

    # -- the run -------------------------------------------------------------------------------------------------------

    def results(self) -> Iterator[FrameResult]:
        """Every frame of every stream, each stream's in order. Raises the first error of any stage."""
        try:
            self._begin()
            while self._all():
                if self._stopping:
                    for lane in self._all():
                        lane.stop_reading()
                moved = yield from self._deliver(0.0)
                yield from self._leave(0.0)
                moved = (yield from self._feed()) or moved
                self._retire()
                if not moved:
                    yield from self._rest()
        except BaseException:
            self._finish()
            raise
        self.close()

    def _begin(self) -> None:
        with self._lock:
            self._reading = True
            for lane in self._all():
                lane.start(self._bell)
        deadline = time.monotonic() + self.settle_s
        while not all(lane.settled for lane in self._all()) and not self._stopping:
            if any(lane.peek() is not None for lane in self._all()):
                # what can run is not held up by a camera that does not answer; it joins when it does
                deadline = min(deadline, time.monotonic() + self.others_s)
            if time.monotonic() > deadline:
                break
            self._bell.wait(min(_IDLE_S, max(0.0, deadline - time.monotonic()) + 0.001))
        if self.logic is not None:
            self.logic.start()
        first = next((frame for lane in self._all() if (frame := lane.peek()) is not None), None)
        if first is not None:
            for model in self.models:
                model.prepare(first)
        self.info = RunInfo(tuple(model.about() for model in self.models), tuple(self._stream_infos()))
        for sink in self.shared_sinks:
            sink.open(self.info)
        with self._lock:
            self._opened = True
            for lane in self._all():
                self._open(lane)

    def _stream_infos(self) -> Iterator[StreamInfo]:
        for lane in self._all():
            frame = lane.peek()
            if frame is not None:
                yield frame.stream

    def _open(self, lane: Lane) -> None:
        assert self.info is not None
        frame = lane.peek()
        if frame is not None:
            self._introduce(lane, frame)
        own = RunInfo(self.info.models, (frame.stream,) if frame is not None else ())
        for sink in lane.own_sinks:
            sink.open(own)

    def _introduce(self, lane: Lane, frame: Frame) -> None:
        """The first frame of a lane is there: judge its lines and zones, and name a stream that joins late."""
        lane.introduced = True
        self.notes += [f"{lane.id}: {warning}" for warning in lane.warnings(frame.width, frame.height)]
        if self.info is not None and all(known.id != lane.id for known in self.info.streams):
            self.info = replace(self.info, streams=(*self.info.streams, frame.stream))
            for sink in self.shared_sinks:
                sink.open(self.info)

    def _feed(self) -> Iterator[FrameResult]:
        """Give the model what the lanes have, in turn, as long as it has room."""
        moved = False
        if self._leaving.full:
            return False
        lanes = self._all()
        most = _PENDING_WITH_STAGES if self.stages else _PENDING
        self._turn += 1
        for i in range(len(lanes)):
            lane = lanes[(i + self._turn) % len(lanes)]
            while (frame := lane.peek()) is not None and len(lane.pending) < most:
                if not lane.introduced:
                    self._introduce(lane, frame)
                if not lane.next_inferred:
                    lane.take()
                    moved = True
                    yield from self._emit(lane)
                    continue
                if not self._inference.admits(frame):
                    break
                pending = lane.take()
                if pending is None:
                    break
                moved = True
                self._sample(pending.frame)
                self._inference.ask(lane, pending)
                self._inference.submit(ending=False)
                if len(lanes) > 1:
                    break
        self._inference.submit(ending=not any(lane.peek() is not None or not lane.ended for lane in lanes))
        return moved

    def _deliver(self, timeout_s: float) -> Iterator[FrameResult]:
        """Collect every request that has ended, finish frames whose turn it is."""
        moved = False
        for lane in self._inference.collect(timeout_s):
            moved = True
            if lane is not None:
                yield from self._emit(lane)
        return moved

    def _emit(self, lane: Lane) -> Iterator[FrameResult]:
        """Let frames of a lane move on, in order: to the tracker, through the stages, and out."""
        memories = lane.memories
        assert memories is not None
        began = time.thread_time()
        held: set[str] = set()
        for pending in lane.pending:
            if pending.tracks is None:
                if pending.prediction is None and pending.inferred:
                    break
                if not self._inference.cascade.advance(pending, memories, early=True):
                    break
                lane.follow(pending)
            self._inference.cascade.advance(pending, memories, held)
            held |= self._inference.cascade.names - pending.works.keys()
        self.metrics.stage("track and analyse", time.thread_time() - began)
        while lane.pending and lane.pending[0].tracks is not None and self._inference.cascade.ended(lane.pending[0]):
            pending = lane.pending.popleft()
            began = time.thread_time()
            self._inference.cascade.settle(pending)
            result = lane.conclude(pending)
            self._inference.cascade.forget(
                memories, result.tracks.ended
            )  # nothing waits for answers about them any more
            finished = time.thread_time()
            if not self._found and (
                result.prediction.detections or len(result.tracks.id) or said_of(result.prediction)
            ):
                self._found = True
                self.samples.clear()
            self.metrics.stage("track and analyse", finished - began)
            self._leaving.add(lane, result, pending.frame)
        yield from self._leave(0.0)

    def _leave(self, timeout_s: float) -> Iterator[FrameResult]:
        """Hand on what the user's rules, where there are some, have been heard on."""
        for lane, result, frame in self._leaving.take(timeout_s):
            began = time.thread_time()
            for sink in self.shared_sinks:
                sink.write(result, None)
            lane.write(result, frame)
            self.metrics.stage("write results", time.thread_time() - began)
            yield result

    def _sample(self, frame: Frame) -> None:
        if not self._found and self._seen in _SAMPLES:
            self.samples.append(frame)
        self._seen += 1

    def _retire(self) -> None:
        """Close lanes that have ended, note or raise what ended them."""
        for lane in self._all():
            lane.check()
            if not lane.ended or lane.pending or self._leaving.holds(lane) or not lane.reader_left(_PATIENCE_S):
                continue
            error = lane.reading_failed()
            lane.drain()
            faults = lane.close(0.0)
            if lane.memories is not None:
                self._inference.cascade.release(lane.memories)
            self.model.forget(lane.id)
            if faults and error is None:
                self._lose(lane, faults[0])
            for path, reason in getattr(lane.source, "failed", ()):  # pictures of a folder that could not be read
                self.lost[f"{lane.id}/{path.name}"] = InputError(reason)
            if error is not None and not self._stopping:
                self._lose(lane, error)

    def _lose(self, lane: Lane, error: BaseException) -> None:
        if self.stop_on_loss or len(self.lanes) == 1 or not isinstance(error, SightlineError):
            raise error
        self.lost[lane.id] = error
        if all(other.id in self.lost for other in self.lanes):
            raise error

    def _rest(self) -> Iterator[FrameResult]:
        """Nothing to do just now: wait for the model, or for a frame."""
        lanes = self._all()
        working = self._inference.working
        if not working and len(self._leaving):
            yield from self._leave(_TURN_S)
            return
        if not working and not any(lane.peek() is not None for lane in lanes):
            self._bell.wait(_POLL_S if self._inference.queued else _IDLE_S)
            return
        starved = any(lane.peek() is None and not lane.ended for lane in lanes)
        yield from self._deliver(_POLL_S if starved else _IDLE_S)

    # -- the end -------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """End every thread, finish every sink. Raises the first fault of a sink."""
        faults = self._finish()
        if faults:
            raise faults[0]

    def _finish(self) -> list[BaseException]:
        """End everything, once; what went wrong meanwhile."""
        with self._lock:
            if self._closed:
                return []
            self._closed = True
        faults: list[BaseException] = []
        for lane in list(self.lanes):
            lane.stop_reading()
        until = time.monotonic() + _PATIENCE_S
        for lane in self._all():
            faults += lane.close(max(0.05, until - time.monotonic()))
        self.notes += notes_of(self.models, self.logic)
        for model in self.models:
            model.close()
        if self.logic is not None:
            self.logic.close()
        for sink in self.shared_sinks:
            try:
                sink.close()
            except OSError as error:
                faults.append(error)
        for sink in self.shared_sinks:
            self.notes += getattr(sink, "notes", ())
        for lane in self.lanes:
            for sink in lane.own_sinks:
                self.notes += [f"{lane.id}: {note}" for note in getattr(sink, "notes", ())]
        return faults

    def printed(self) -> list[str]:
        """What the user's own code printed since this was asked last."""
        return printed_by(self.models, self.logic)

    def snapshot(self) -> Snapshot:
        """The figures so far."""
        return snapshot_of(self.models, self.stages, self.lanes, self.metrics)
