"""The loop: every frame of every stream, in order, once; lanes come and go; batches; skipped frames; drops."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from sightline.models.infer import Model
from sightline.pipeline.lane import Lane
from sightline.pipeline.metrics import StreamMetrics
from sightline.pipeline.pending import Pending
from sightline.pipeline.run import Pipeline
from sightline.sinks.jsonl import JsonlSink
from sightline.testing import BrightBoxHead, FakeRuntime, MemorySink, MovingBoxes, spec_of
from sightline.types import (
    Attribute,
    Detections,
    Frame,
    FrameResult,
    Inside,
    Picture,
    PixelLayout,
    Prediction,
    Thresholds,
    Tracks,
)


def model(runtime: FakeRuntime | None = None) -> Model:
    return Model("model", spec_of(), Path("none"), BrightBoxHead(), runtime or FakeRuntime())


def by_stream(results: list[FrameResult]) -> dict[str, list[FrameResult]]:
    out: dict[str, list[FrameResult]] = defaultdict(list)
    for r in results:
        out[r.frame.stream.id].append(r)
    return dict(out)


@pytest.mark.parametrize("batch", [1, 2, 3, 4])
@pytest.mark.parametrize("streams", [1, 2, 5])
def test_every_frame_of_every_stream_in_order_with_its_own_boxes(streams: int, batch: int) -> None:
    sources = [MovingBoxes(f"s{i}", count=11 + i) for i in range(streams)]
    got = by_stream(list(Pipeline(model(FakeRuntime(batch=batch)), [Lane(s) for s in sources]).results()))
    assert len(got) == streams
    for source in sources:
        mine = got[source.id]
        assert [r.frame.index for r in mine] == list(range(source.count))
        for r in mine:
            np.testing.assert_allclose(r.prediction.detections.xyxy, [source.box(r.frame.index)], atol=0.01)


def test_the_sinks_get_header_results_and_end() -> None:
    shared, own = MemorySink(), MemorySink(wants_picture=True)
    list(Pipeline(model(), [Lane(MovingBoxes(count=9), own_sinks=[own])], shared_sinks=[shared]).results())
    assert shared.info is not None
    assert shared.info.models[0].runtime == "fake"
    assert [s.id for s in shared.info.streams] == ["boxes"]
    assert [len(shared.results), len(own.results), shared.closed, own.closed] == [9, 9, 1, 1]
    assert all(p is not None and p.planes[0].shape == (48, 64) for p in own.pictures)
    assert all(p is None for p in shared.pictures)


def test_pictures_are_given_back_unless_wanted() -> None:
    assert all(r.frame.picture is None for r in Pipeline(model(), [Lane(MovingBoxes(count=5))]).results())
    kept = list(Pipeline(model(), [Lane(MovingBoxes(count=5), keep_pictures=True)]).results())
    assert all(r.frame.picture is not None for r in kept)


@dataclass
class Recorder:
    seen: list[bool] = field(default_factory=list[bool])

    def update(self, detections: Detections | None, frame: Frame) -> Tracks:
        self.seen.append(detections is not None)
        return Tracks()

    def reset(self) -> None:
        self.seen.clear()


def test_interval_infers_every_third_frame_and_the_tracker_coasts_between() -> None:
    tracker = Recorder()
    results = list(Pipeline(model(), [Lane(MovingBoxes(count=8), tracker=tracker, interval=2)]).results())
    assert [r.frame.index for r in results] == list(range(8))
    assert [r.inferred for r in results] == [True, False, False] * 2 + [True, False]
    assert tracker.seen == [r.inferred for r in results]


class HalfTracked:
    """Tracks the first of two rows."""

    def update(self, detections: Detections | None, frame: Frame) -> Tracks:
        return Tracks(np.array([7]), np.array([1]))

    def reset(self) -> None:
        pass


def test_objects_are_what_passes_the_threshold_or_is_tracked() -> None:
    lane = Lane(MovingBoxes(count=1), thresholds=Thresholds(score=0.5), tracker=HalfTracked())
    frame = next(iter(lane.source.frames()))
    detections = Detections(
        np.tile(np.array([[0, 0, 4, 4]], np.float32), (3, 1)),
        np.array([0.4, 0.2, 0.6], np.float32),
        np.zeros(3, np.int32),
    )
    inner = replace(detections, stage="inner", parent=np.array([0, 1, 2], np.int32))
    pending = Pending(frame, prediction=Prediction(detections), inside={"inner": Inside("model", inner)})
    lane.follow(pending)
    np.testing.assert_allclose(pending.detections("model", "model").score, [0.2, 0.6])
    assert pending.tracks is not None
    assert pending.tracks.row.tolist() == [0]
    within = pending.detections("inner", "model")
    assert within.parent is not None
    assert within.parent.tolist() == [0, 1]
    np.testing.assert_allclose(within.score, [0.2, 0.6])


def test_per_class_thresholds() -> None:
    lane = Lane(MovingBoxes(), thresholds=Thresholds(score=0.5, per_class={"b": 0.1}))
    detections = Detections(
        np.tile(np.array([[0, 0, 4, 4]], np.float32), (2, 1)),
        np.array([0.2, 0.2], np.float32),
        np.array([0, 1], np.int32),
        ("a", "b"),
    )
    pending = Pending(next(iter(lane.source.frames())), prediction=Prediction(detections))
    lane.follow(pending)
    kept = pending.detections("model", "model")
    assert [kept.name_of(i) for i in range(len(kept))] == ["b"]


def test_a_live_stream_drops_the_oldest_and_counts_it() -> None:
    lane = Lane(MovingBoxes(count=60, live=True, pace_s=0.001))
    results = list(Pipeline(model(FakeRuntime(in_flight=1, delay_s=0.02)), [lane]).results())
    indices = [r.frame.index for r in results]
    assert indices == sorted(set(indices))
    assert indices[-1] == 59  # the newest is never the one that goes
    assert lane.dropped == 60 - len(results) > 0


def test_a_file_is_lossless_however_slow_the_model() -> None:
    lane = Lane(MovingBoxes(count=40))
    results = list(Pipeline(model(FakeRuntime(in_flight=1, delay_s=0.002)), [lane]).results())
    assert [r.frame.index for r in results] == list(range(40))
    assert lane.dropped == 0


def test_lanes_come_and_go_while_it_runs() -> None:
    p = Pipeline(model(), [Lane(MovingBoxes("a", count=40, pace_s=0.002))])
    added = MemorySink()
    got: list[str] = []
    for k, r in enumerate(p.results()):
        got.append(r.frame.stream.id)
        if k == 5:
            p.add(Lane(MovingBoxes("b", count=100_000, pace_s=0.002), own_sinks=[added]))
        if got.count("b") == 5:
            p.remove("b")
    assert got.count("a") == 40
    assert got.count("b") >= 5
    assert added.closed == 1
    assert len(added.results) == got.count("b")


def test_two_streams_of_one_name_are_refused() -> None:
    p = Pipeline(model(), [Lane(MovingBoxes("a"))])
    with pytest.raises(ValueError, match="'a'"):
        p.add(Lane(MovingBoxes("a")))


def test_a_stream_removed_before_the_run_takes_no_part() -> None:
    gone = MovingBoxes("a")
    p = Pipeline(model(), [Lane(gone), Lane(MovingBoxes("b", count=5))])
    p.remove("a")
    assert {r.frame.stream.id for r in p.results()} == {"b"}
    assert gone.closed == 0


def test_a_stream_that_comes_while_others_are_still_connecting() -> None:
    late = Lane(MovingBoxes("late", count=4), own_sinks=[sink := MemorySink()])
    first = MovingBoxes("first", count=4, pace_s=0.2)
    p = Pipeline(model(), [Lane(first)])
    walk = p.results()
    with ThreadPoolExecutor(1) as pool:
        added = pool.submit(lambda: (time.sleep(0.05), p.add(late)))
        got = by_stream(list(walk))
        added.result(5)
    assert {k: len(v) for k, v in got.items()} == {"first": 4, "late": 4}
    assert (len(sink.results), sink.closed) == (4, 1)


def test_a_stream_that_comes_after_the_end_is_refused() -> None:
    p = Pipeline(model(), [Lane(MovingBoxes("a", count=2))])
    list(p.results())
    with pytest.raises(ValueError, match="too late"):
        p.add(Lane(MovingBoxes("b")))


@dataclass
class Colourful(MovingBoxes):
    """Its pictures are RGB, as some videos are: they need another form of the model than planes do."""

    def _picture(self, k: int) -> Picture:
        grey = np.asarray(super()._picture(k).planes[0])
        return Picture((np.repeat(grey[..., None], 3, 2),), PixelLayout.RGB, full_range=True)


@pytest.mark.parametrize("in_flight", [1, 3])
def test_streams_of_different_forms_never_share_a_batch(in_flight: int) -> None:
    sources = [MovingBoxes("planes", count=13), Colourful("rgb", count=9), Colourful("more", count=4)]
    runtime = FakeRuntime(batch=3, in_flight=in_flight)
    got = by_stream(list(Pipeline(model(runtime), [Lane(s) for s in sources]).results()))
    assert {k: len(v) for k, v in got.items()} == {"planes": 13, "rgb": 9, "more": 4}
    for source in sources:
        for r in got[source.id]:
            np.testing.assert_allclose(r.prediction.detections.xyxy, [source.box(r.frame.index)], atol=0.01)


def test_the_snapshot_counts() -> None:
    p = Pipeline(model(), [Lane(MovingBoxes("a", count=6)), Lane(MovingBoxes("b", count=4))])
    list(p.results())
    snapshot = p.snapshot()
    assert snapshot.frames == 10
    assert {s.id: s.frames for s in snapshot.streams} == {"a": 6, "b": 4}
    assert snapshot.streams[0].objects == {"box": 6}
    assert snapshot.stages["decode video"] >= 0


def test_samples_are_kept_only_while_nothing_was_found() -> None:
    dark = MovingBoxes(count=12, width=64, height=16)  # the box lies below the picture
    p = Pipeline(model(), [Lane(dark)])
    assert all(len(r.prediction.detections) == 0 for r in p.results())
    assert [f.index for f in p.samples] == [0, 8]
    p = Pipeline(model(), [Lane(MovingBoxes(count=12))])
    list(p.results())
    assert p.samples == []


def test_a_stream_that_is_slow_to_come_up_holds_up_no_other_and_is_named_when_it_joins() -> None:
    quick, slow = MovingBoxes("quick", count=60, pace_s=0.01), MovingBoxes("slow", count=3, live=True, pace_s=0.2)
    shared = MemorySink()
    p = Pipeline(model(), [Lane(quick), Lane(slow)], shared_sinks=[shared], others_s=0.02)
    streams: list[list[str]] = []
    order: list[str] = []
    for result in p.results():
        assert shared.info is not None
        streams.append([s.id for s in shared.info.streams])
        order.append(result.frame.stream.id)
    assert order[0] == "quick"
    assert streams[0] == ["quick"]
    assert streams[-1] == ["quick", "slow"]
    joined = order.index("slow")
    assert streams[joined] == ["quick", "slow"]  # named before its first result
    assert joined >= 5
    assert order.count("quick") == 60


def test_a_results_file_names_a_stream_that_joins(tmp_path: Path) -> None:
    sink = JsonlSink(str(tmp_path / "r.jsonl"))
    lanes = [Lane(MovingBoxes("a", count=40, pace_s=0.01)), Lane(MovingBoxes("b", count=2, pace_s=0.2))]
    list(Pipeline(model(), lanes, shared_sinks=[sink], others_s=0.02).results())
    rows = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    runs = [i for i, row in enumerate(rows) if row["type"] == "run"]
    assert [[s["id"] for s in rows[i]["streams"]] for i in runs] == [["a"], ["a", "b"]]
    first_b = next(i for i, row in enumerate(rows) if row.get("stream") == "b")
    assert runs[0] == 0
    assert runs[1] < first_b


def test_what_is_said_of_whole_views_is_counted_by_frames() -> None:
    metrics = StreamMetrics()
    cat, lynx = Attribute("class", "cat", 0.7, 0), Attribute("class", "lynx", 0.2, 1)
    frame = next(iter(MovingBoxes(count=1).frames()))
    for said in (
        Prediction(attributes=(cat, lynx)),
        Prediction(attributes=(lynx, cat, Attribute("yaw", "3.142", 1.0))),
        Prediction(attributes=(Attribute("text", "AB", 0.9),), text="AB", embedding=np.ones(2, np.float32)),
        Prediction(classmap=np.zeros((2, 2), np.uint8)),
        Prediction(),
    ):
        metrics.add(FrameResult(frame, said))
    assert metrics.said == {"cat": 1, "lynx": 1, "yaw": 1, "text": 1, "embedding": 1, "class map": 1}
    assert metrics.frames == 5
