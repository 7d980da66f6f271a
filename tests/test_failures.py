"""Any stage's failure ends the run with its own exception, promptly, with no thread left and every source closed."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sightline.channel import Worker
from sightline.errors import RuntimeFailure, StreamError
from sightline.models.infer import Model
from sightline.pipeline.lane import Lane
from sightline.pipeline.run import Pipeline
from sightline.protocols import Sink
from sightline.testing import BrightBoxHead, FakeRuntime, MemorySink, MovingBoxes, spec_of
from sightline.types import Detections, Frame, FrameResult, Picture, Report, Shape, Tracks


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    deadline = time.monotonic() + 2
    while set(threading.enumerate()) - before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not [t.name for t in set(threading.enumerate()) - before]


def pipeline(*lanes: Lane, runtime: FakeRuntime | None = None, sinks: tuple[Sink, ...] = ()) -> Pipeline:
    model = Model("model", spec_of(), Path("none"), BrightBoxHead(), runtime or FakeRuntime())
    return Pipeline(model, list(lanes), shared_sinks=sinks)


class FailingTracker:
    def update(self, detections: Detections | None, frame: Frame) -> Tracks:
        if frame.index == 5:
            raise ZeroDivisionError("tracker")
        return Tracks()

    def reset(self) -> None:
        pass


class FailingAnalytic:
    name = "bad"

    def update(self, result: FrameResult) -> Report:
        raise KeyError("analytic")

    def shapes(self, frame: Frame) -> tuple[Shape, ...]:
        return ()


def run(p: Pipeline) -> list[FrameResult]:
    return list(p.results())


def test_a_source_that_fails_ends_a_run_of_one() -> None:
    source = MovingBoxes(fails_at=7, error=StreamError("camera gone"))
    sink = MemorySink()
    with pytest.raises(StreamError, match="camera gone"):
        run(pipeline(Lane(source), sinks=(sink,)))
    assert source.closed == 1
    assert len(sink.results) == 7  # nothing of what was decoded before is lost
    assert sink.closed == 1


def test_one_dead_input_of_many_does_not_end_the_others() -> None:
    dead, alive = MovingBoxes("a", fails_at=3, error=StreamError("camera gone")), MovingBoxes("b", count=30)
    p = pipeline(Lane(dead), Lane(alive))
    results = run(p)
    assert sum(r.frame.stream.id == "b" for r in results) == 30
    assert list(p.lost) == ["a"]
    assert (dead.closed, alive.closed) == (1, 1)


def test_unless_asked() -> None:
    p = pipeline(Lane(MovingBoxes("a", fails_at=3, error=StreamError("gone"))), Lane(MovingBoxes("b", count=10_000)))
    p.stop_on_loss = True
    with pytest.raises(StreamError):
        run(p)


def test_all_inputs_dead_is_an_error() -> None:
    lanes = [Lane(MovingBoxes(i, fails_at=0, error=StreamError(f"{i} gone"))) for i in "ab"]
    with pytest.raises(StreamError, match="gone"):
        run(pipeline(*lanes))


def test_a_programming_error_in_one_source_ends_everything() -> None:
    lanes = [Lane(MovingBoxes("a", fails_at=2, error=ZeroDivisionError("bug"))), Lane(MovingBoxes("b", count=10_000))]
    with pytest.raises(ZeroDivisionError):
        run(pipeline(*lanes))


def test_a_session_that_fails() -> None:
    source = MovingBoxes(count=10_000)
    with pytest.raises(RuntimeFailure, match="told to fail"):
        run(pipeline(Lane(source), runtime=FakeRuntime(fails_at=4)))
    assert source.closed == 1


def test_a_tracker_that_fails() -> None:
    source = MovingBoxes(count=10_000)
    with pytest.raises(ZeroDivisionError, match="tracker"):
        run(pipeline(Lane(source, tracker=FailingTracker())))
    assert source.closed == 1


def test_an_analytic_that_fails() -> None:
    with pytest.raises(KeyError, match="analytic"):
        run(pipeline(Lane(MovingBoxes(count=10_000), analytics=[FailingAnalytic()])))


def test_a_shared_sink_that_fails() -> None:
    sink = MemorySink(fails_at=5)
    with pytest.raises(OSError, match="No space"):
        run(pipeline(Lane(MovingBoxes(count=10_000)), sinks=(sink,)))
    assert sink.closed == 1


def test_a_sink_in_its_own_thread_that_fails_while_the_run_waits_for_it() -> None:
    sink = MemorySink(wants_picture=True, fails_at=5, slow_s=0.02)
    with pytest.raises(OSError, match="No space"):
        run(pipeline(Lane(MovingBoxes(count=10_000), own_sinks=[sink])))
    assert sink.closed == 1


def test_an_own_sink_that_fails_on_the_very_last_frame() -> None:
    with pytest.raises(OSError, match="No space"):
        run(pipeline(Lane(MovingBoxes(count=6), own_sinks=[MemorySink(wants_picture=True, fails_at=5)])))


def test_a_consumer_that_leaves_finishes_the_sinks() -> None:
    sink = MemorySink(wants_picture=True)
    source = MovingBoxes(count=10_000)
    p = pipeline(Lane(source, own_sinks=[sink]))
    for k, _ in enumerate(p.results()):
        if k == 10:
            break
    p.close()
    assert sink.closed == 1
    assert source.closed == 1


@dataclass
class Album(MovingBoxes):
    """One of its pictures could not be read."""

    failed: list[tuple[Path, str]] = field(default_factory=lambda: [(Path("torn.jpg"), "torn.jpg: is broken")])


def test_an_unreadable_picture_is_not_a_dead_stream() -> None:
    p = pipeline(Lane(Album("album", count=3)), Lane(MovingBoxes("b", fails_at=1, error=StreamError("gone"))))
    assert len(run(p)) == 4
    assert set(p.lost) == {"album/torn.jpg", "b"}


def test_streams_without_a_single_frame() -> None:
    p = pipeline(Lane(MovingBoxes("a", count=0)), Lane(MovingBoxes("b", count=3)))
    assert [r.frame.stream.id for r in run(p)] == ["b"] * 3
    assert run(pipeline(Lane(MovingBoxes(count=0)))) == []


def test_an_overlay_that_fails() -> None:
    def draw(picture: Picture, result: FrameResult, shapes: Sequence[Shape]) -> None:
        raise KeyError("overlay")

    sink = MemorySink(wants_picture=True)
    with pytest.raises(KeyError, match="overlay"):
        run(pipeline(Lane(MovingBoxes(count=10_000), overlay=draw, own_sinks=[sink])))
    assert sink.closed == 1


def test_an_interrupt_in_the_consumer_finishes_the_sinks() -> None:
    sink, source = MemorySink(wants_picture=True), MovingBoxes(count=10_000)
    p = pipeline(Lane(source, own_sinks=[sink]))

    def consume() -> None:
        with p:
            for k, _ in enumerate(p.results()):
                if k == 7:
                    raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        consume()
    assert (sink.closed, source.closed) == (1, 1)


def test_a_signal_that_stops_while_the_bell_is_being_hung() -> None:
    """Whatever lock of the bell the interrupted thread holds, stop() returns."""
    p = pipeline(Lane(MovingBoxes(count=3)))
    with p._bell._event._cond:  # type: ignore[attr-defined]
        stopper = Worker("stopper", lambda _: p.stop()).start()
        assert stopper.wait(5)
    assert run(p) == []


def test_a_silent_source_is_not_waited_for() -> None:
    gate = threading.Event()

    class Stuck(MovingBoxes):
        def frames(self, tap: object = None) -> Iterator[Frame]:
            gate.wait(20)
            yield from ()

    p = pipeline(Lane(Stuck("a", live=True)), Lane(MovingBoxes("b", count=10_000, live=True, pace_s=0.01)))
    p.settle_s = 0.2
    began = time.monotonic()
    for k, _ in enumerate(p.results()):
        if k == 3:
            p.stop()
    held = time.monotonic() - began
    gate.set()
    assert held < 8


def test_stop_delivers_what_was_in_flight_and_ends() -> None:
    sink = MemorySink()
    p = pipeline(Lane(MovingBoxes(count=100_000)), sinks=(sink,))
    got = 0
    for _ in p.results():
        got += 1
        if got == 20:
            p.stop()
    assert got == len(sink.results)
    assert 20 <= got <= 40
    assert [r.frame.index for r in sink.results] == list(range(got))


def test_stop_during_a_slow_live_source() -> None:
    p = pipeline(Lane(MovingBoxes(count=100_000, live=True, pace_s=0.02)))
    for k, _ in enumerate(p.results()):
        if k == 3:
            p.stop()
    assert p.lanes[0].done
