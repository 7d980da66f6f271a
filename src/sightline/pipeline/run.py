"""The loop over lanes and models, top to bottom: take, submit, collect, finish in order, write."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from sightline.channel import Bell
from sightline.errors import InputError, SightlineError
from sightline.models.infer import Model
from sightline.models.looks import Look
from sightline.parsers.logic import LogicRunner
from sightline.pipeline.asking import Asking
from sightline.pipeline.cascade import Ask, Cascade, Stage
from sightline.pipeline.lane import Lane
from sightline.pipeline.leaving import Leaving
from sightline.pipeline.metrics import Metrics, Snapshot, StreamSnapshot, said_of
from sightline.pipeline.pending import Pending
from sightline.pipeline.viewing import Viewing
from sightline.protocols import RunInfo, Sink
from sightline.types import Frame, FrameResult, Prediction, StreamInfo

__all__ = ["Pipeline"]

_IDLE_S = 0.25
_POLL_S = 0.002
_SAMPLES = (0, 8, 64, 512)
_PENDING = 32
_PENDING_WITH_STAGES = 8  # such frames keep their pictures
_TURN_S = 0.004  # how long one of several models is waited for before the others are looked at
_PATIENCE_S = 1.5  # with readers that wait for a silent network, when all else has ended


@dataclass(slots=True, eq=False)
class _FrameAsk:
    """One view of a frame that the first model is asked for; piece: which one of the frame's views."""

    look: Look
    lane: Lane
    pending: Pending
    piece: int


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
    _asking: Asking[_FrameAsk] = field(init=False)
    _cascade: Cascade = field(init=False)
    _lane_of: dict[str, Lane] = field(default_factory=dict[str, Lane])
    _leaving: Leaving = field(init=False)

    def __post_init__(self) -> None:
        self._asking = Asking(self.model, self.batch_deadline_s)
        self._cascade = Cascade(self.model.stage, self.stages)
        self._leaving = Leaving(self.logic)
        for lane in self.lanes:
            self._know(lane)

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
            self._know(lane)
            if self._opened:
                self._open(lane)
            self.lanes.append(lane)
            if self._reading:
                lane.start(self._bell)
        self._bell.ring()

    def _know(self, lane: Lane) -> None:
        lane.memories = self._cascade.remembered(lane.id)
        self._lane_of[lane.id] = lane

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
        if self._asking.waiting or self._asking.queued:
            raise ValueError("a model with requests in flight cannot be swapped")
        if self.stages and model.stage != self.model.stage:
            raise ValueError(f"stages look at what {self.model.stage!r} finds; the new model is called {model.stage!r}")
        self.model.close()
        self.model = model
        self._asking = Asking(model, self.batch_deadline_s)

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
                if not self._asking.admits(frame):
                    break
                pending = lane.take()
                if pending is None:
                    break
                moved = True
                self._sample(pending.frame)
                self._ask(lane, pending)
                self._submit(ending=False)
                if len(lanes) > 1:
                    break
        self._submit(ending=not any(lane.peek() is not None or not lane.ended for lane in lanes))
        return moved

    def _ask(self, lane: Lane, pending: Pending) -> None:
        """The views of a frame that the first model is to see."""
        looks = self.viewing.looks(pending.frame, self.model)
        pending.left = len(looks)
        pending.pieces = [None] * len(looks)
        for piece, look in enumerate(looks):
            self._asking.add(_FrameAsk(look, lane, pending, piece))

    def _submit(self, ending: bool) -> None:
        for ask in self._asking.submit(ending):
            keep = ask.lane.wants_pictures or self.stages or ask.lane.tracker_sees or len(ask.pending.pieces) > 1
            if not keep:
                ask.pending.frame = ask.pending.frame.without_picture()
        idle = ending or not self._asking.waiting
        for stage in self.stages:
            stage.asking.submit(idle)

    def _deliver(self, timeout_s: float) -> Iterator[FrameResult]:
        """Collect every request that has ended, finish frames whose turn it is."""
        moved = False
        for stage in reversed(self.stages):
            while (answers := stage.asking.collect(0.0)) is not None:
                moved = True
                for ask, answer in answers:
                    yield from self._answered(stage, ask, answer)
        if self.stages:
            timeout_s = min(timeout_s, _TURN_S)
            if not moved and not self._asking.waiting:
                timeout_s = 0.0 if (yield from self._await_stage(timeout_s)) else timeout_s
        while (done := self._asking.collect(timeout_s if not moved else 0.0)) is not None:
            moved = True
            for ask, prediction in done:
                pending = ask.pending
                pending.pieces[ask.piece] = prediction
                pending.left -= 1
                if not pending.left:
                    pending.prediction = self.viewing.joined(pending.frame, pending.pieces, self.model)
                    yield from self._emit(ask.lane)
        return moved

    def _await_stage(self, timeout_s: float) -> Iterator[FrameResult]:
        """Wait for the last of the stages that is working."""
        busy = next((stage for stage in reversed(self.stages) if stage.asking.waiting), None)
        if busy is None:
            return False
        answers = busy.asking.collect(timeout_s)
        for ask, answer in answers or ():
            yield from self._answered(busy, ask, answer)
        return answers is not None

    def _answered(self, stage: Stage, ask: Ask, answer: Prediction) -> Iterator[FrameResult]:
        if self._cascade.answered(ask, answer):
            lane = self._lane_of[ask.look.frame.stream.id]
            yield from self._emit(lane)

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
                if not self._cascade.advance(pending, memories, early=True):
                    break
                lane.follow(pending)
            self._cascade.advance(pending, memories, held)
            held |= self._cascade.names - pending.works.keys()
        self.metrics.stage("track and analyse", time.thread_time() - began)
        while lane.pending and lane.pending[0].tracks is not None and self._cascade.ended(lane.pending[0]):
            pending = lane.pending.popleft()
            began = time.thread_time()
            self._cascade.settle(pending)
            result = lane.conclude(pending)
            self._cascade.forget(memories, result.tracks.ended)  # nothing waits for answers about them any more
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
                self._cascade.release(lane.memories)
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
        working = self._asking.waiting or self._cascade.waiting
        if not working and len(self._leaving):
            yield from self._leave(_TURN_S)
            return
        if not working and not any(lane.peek() is not None for lane in lanes):
            self._bell.wait(_POLL_S if self._asking.queued or self._cascade.queued else _IDLE_S)
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
        self.notes += self._user_faults()
        self.notes += [note for model in self.models for note in model.notes]
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
        found = [*self.logic.printed()] if self.logic is not None else []
        for model in self.models:
            said = getattr(model.head, "printed", None)
            found += said() if said is not None else []
        return found

    def _user_faults(self) -> list[str]:
        """What went wrong in the user's own code, and how often."""
        faults = [getattr(model.head, "faults", {}) for model in self.models]
        faults += [self.logic.faults] if self.logic is not None else []
        return [f"{said} ({count} result{'s' * (count > 1)} lost)" for each in faults for said, count in each.items()]

    def snapshot(self) -> Snapshot:
        """The figures so far."""
        streams = tuple(_stream_snapshot(lane) for lane in self.lanes)
        times = [model.times for model in self.models]
        stages = {
            "decode video": sum(lane.read_cpu_s for lane in self.lanes),
            "prepare tensors": sum(t.prepare_s for t in times),
            "decode tensors": sum(t.decode_s for t in times),
            **dict(self.metrics.stages),
            "draw and encode": sum(lane.draw_cpu_s for lane in self.lanes),
        }
        return Snapshot(
            time.perf_counter() - self.metrics.began_s,
            time.process_time() - self.metrics.began_cpu_s,
            sum(s.frames for s in streams),
            streams,
            stages,
            {stage.name: (stage.asking.asked, self._recalled(stage.name)) for stage in self.stages},
        )

    def _recalled(self, stage: str) -> int:
        memories = [lane.memories.of[stage] for lane in self.lanes if lane.memories and stage in lane.memories.of]
        return sum(memory.recalled for memory in memories)


def _stream_snapshot(lane: Lane) -> StreamSnapshot:
    stats = getattr(lane.source, "stats", None)
    metrics = lane.metrics
    info = lane.info
    return StreamSnapshot(
        lane.id,
        metrics.frames,
        metrics.inferred,
        lane.dropped,
        int(getattr(stats, "corrupt_frames", 0)),
        int(getattr(stats, "decode_errors", 0)) + int(getattr(stats, "read_errors", 0)),
        int(getattr(stats, "reconnects", 0)),
        dict(metrics.objects),
        dict(metrics.tracks),
        metrics.events,
        metrics.counts,
        None if info is None else info.duration_s,
        metrics.last_s,
        None if info is None else info.frames,
        dict(metrics.said),
    )
