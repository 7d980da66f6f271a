"""What stages remember of tracks: until when, in which order, and that it ends with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from stage_fakes import Grid, Says, TwoHalves, labels, lane, primary, results, stage

from sightline.models.infer import Model
from sightline.pipeline.asking import Asking
from sightline.pipeline.cascade import Stage
from sightline.pipeline.lane import Lane
from sightline.pipeline.remembering import Rule
from sightline.pipeline.run import Pipeline
from sightline.protocols import Outputs, RuntimeOptions, Wants
from sightline.testing import BrightBoxHead, FakeRuntime, FakeSession, MemorySink, MovingBoxes, spec_of
from sightline.trackers.sort import Sort
from sightline.types import (
    Attribute,
    InputSpec,
    Masks,
    ModelSpec,
    Picture,
    Prediction,
    TensorSpec,
    View,
)


def test_a_tracked_object_is_asked_once_and_keeps_its_answer() -> None:
    head = Says()
    got = results(Pipeline(primary(width=640), [lane()], stages=[stage("s", head, rule=Rule())]))["boxes"]
    assert len(head.seen) == 1
    assert labels(got) == ["bright"] * 20


@pytest.mark.parametrize(
    ("rule", "score", "looks"),
    [(Rule(frames=5), 0.9, 4), (Rule(sure=0.95, tries=3), 0.9, 3), (Rule(sure=0.5, tries=3), 0.9, 1)],
)
def test_it_is_asked_again_when_old_or_unsure(rule: Rule, score: float, looks: int) -> None:
    head = Says((Attribute("class", "bright", score, 0),))
    pipeline = Pipeline(primary(FakeRuntime(in_flight=1), 640), [lane()], stages=[stage("s", head, rule=rule)])
    assert labels(results(pipeline)["boxes"]) == ["bright"] * 20
    assert len(head.seen) == looks


def test_most_of_the_last_answers_win() -> None:
    said = [Attribute("class", name, 0.9, 0) for name in "abaab"]
    smooth = stage("s", Says(said), smooth=5)
    got = results(Pipeline(primary(FakeRuntime(in_flight=1), 640), [lane(5)], stages=[smooth]))["boxes"]
    assert labels(got) == ["a", "b", "a", "a", "a"]


def test_a_slow_stage_that_is_not_waited_for_delays_nothing_and_says_it_later() -> None:
    slow = stage("s", Says(), wait=False, runtime=FakeRuntime(delay_s=0.03))
    source = MovingBoxes(count=60, width=640, pace_s=0.003)
    sink = MemorySink()
    got = results(
        Pipeline(primary(width=640), [Lane(source, tracker=Sort(confirm=1))], stages=[slow], shared_sinks=[sink])
    )["boxes"]
    said = labels(got)
    assert said[0] == ""
    assert said[-1] == "bright"
    assert [r.frame.index for r in got] == list(range(60))


@dataclass
class SaysTheSide:
    """Classifies a view by where it lies: left or right of the middle of the walking box."""

    source: MovingBoxes
    asked: int = 0

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        self.asked += len(views)
        middles = [(self.source.box(v.frame.index)[0] + self.source.box(v.frame.index)[2]) / 2 for v in views]
        lefts = [v.to_frame(np.array([[1.0, 1.0]]))[0, 0] < m - 1 for v, m in zip(views, middles, strict=True)]
        return [Prediction(attributes=(Attribute("class", "left" if left else "right", 0.9),)) for left in lefts]


def test_what_is_remembered_of_things_within_a_track_follows_their_place_not_their_order() -> None:
    source = MovingBoxes(count=12, width=640)
    says = SaysTheSide(source)
    stages = [stage("inner", TwoHalves(), "detect"), stage("side", says, of="inner", rule=Rule())]
    got = results(Pipeline(primary(width=640), [Lane(source, tracker=Sort(confirm=1))], stages=stages))["boxes"]
    for r in got:
        (inside,) = r.inside
        said = [column[0].label for column in inside.detections.columns["attributes"]]
        lefts = inside.detections.xyxy[:, 0] < source.box(r.frame.index)[0] + 4
        assert said == ["left" if left else "right" for left in lefts]
    assert says.asked == 2


def test_masks_are_looked_for_in_every_frame_that_waits_for_them() -> None:
    @dataclass(frozen=True)
    class Masked(BrightBoxHead):
        def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
            made = BrightBoxHead.__call__(self, outputs, spec, views)
            masks = [Masks(p.detections.xyxy, (np.full((2, 2), 255, np.uint8),)) for p in made]
            return [replace(p, detections=replace(p.detections, masks=m)) for p, m in zip(made, masks, strict=True)]

    masked = stage("m", Masked(), "segment", rule=Rule(), runtime=FakeRuntime(delay_s=0.01))
    got = results(Pipeline(primary(width=640), [lane(8)], stages=[masked]))["boxes"]
    assert masked.asking.asked == 8
    assert [len(r.inside) for r in got] == [1] * 8


@dataclass
class Blinking(MovingBoxes):
    """The box is there for four frames, then gone for four."""

    def _picture(self, k: int) -> Picture:
        picture = MovingBoxes._picture(self, k)
        if k // 4 % 2:
            picture.planes[0][:] = 16
        return picture


@pytest.mark.parametrize("wait", [True, False])
def test_nothing_is_kept_of_tracks_and_streams_that_have_ended(wait: bool) -> None:
    source = Blinking(count=80, width=640, pace_s=0.0 if wait else 0.002)
    says = stage("s", Says(), rule=Rule(), wait=wait, runtime=FakeRuntime(delay_s=0.0 if wait else 0.012))
    inner = stage("inner", BrightBoxHead(), "detect", smooth=3)
    on_inner = stage("on", Says(), of="inner", rule=Rule())
    blinking = Lane(source, tracker=Sort(confirm=1, lost_s=0.08))
    pipeline = Pipeline(primary(width=640), [blinking], stages=[says, inner, on_inner])
    most, ids = 0, set[int]()
    for result in pipeline.results():
        assert blinking.memories is not None
        most = max(most, *(len(memory.keys) for memory in blinking.memories.of.values()))
        ids |= set(result.tracks.id.tolist())
    assert len(ids) >= 8
    assert most <= 4
    assert blinking.memories is not None
    assert not any(memory.keys for memory in blinking.memories.of.values())


def test_of_many_that_are_not_waited_for_each_has_its_turn() -> None:
    """Thirty objects, a stage that manages a few of them a frame: who was asked longest ago comes first."""
    head = Says()
    late = stage("s", head, wait=False, runtime=FakeRuntime(in_flight=1, delay_s=0.001))
    source = MovingBoxes(count=60, width=640, pace_s=0.01)
    many = Model("model", spec_of(640), Path("none"), Grid(30), FakeRuntime())
    got = results(Pipeline(many, [Lane(source, tracker=Sort(confirm=1))], stages=[late]))["boxes"]
    column = got[-1].prediction.detections.columns["attributes"]
    assert all(len(said) for said in column)


def windowed(name: str, **more: object) -> Stage:
    made = stage(name, SaysPast(), "classify", **more)  # type: ignore[arg-type]
    item = InputSpec(TensorSpec("images", (1, 3, 3, 32, 32), "uint8", "NTCHW"), source="window:3")
    model = replace(made.asking.model, spec=replace(made.asking.model.spec, inputs=(item,)), runtime=Windows())
    return replace(made, asking=Asking(model, 0.02))


@dataclass
class Windows(FakeRuntime):
    """The brightest value of each of three views."""

    def load(self, spec: ModelSpec, weights: Path, options: RuntimeOptions) -> FakeSession:
        def answer(inputs: Mapping[str, object]) -> Outputs:
            planes = np.asarray(inputs["images"]).reshape(-1, 3, 3, 32, 32)
            return {"out": planes[:, :, 0].mean((2, 3))}

        return FakeSession(answer, Wants((spec.inputs[0].tensor,), 1, 1, self.in_flight), self.delay_s)


class SaysPast:
    """The mean of each view of the window, as the embedding."""

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        return [Prediction(embedding=row.astype(np.float32)) for row in np.asarray(outputs["out"])[: len(views)]]


def test_windows_are_those_of_one_object_each() -> None:
    """Two halves of which one is brighter: each window holds the same half three times; nothing of ended tracks."""

    @dataclass
    class Shaded(MovingBoxes):
        def _picture(self, k: int) -> Picture:
            picture = MovingBoxes._picture(self, k)
            x1, y1, x2, y2 = self.box(k)
            picture.planes[0][y1:y2, (x1 + x2) // 2 : x2] = 150
            return picture

    past = windowed("past", of="inner")
    source = Shaded(count=10, width=640)
    stages = [stage("inner", TwoHalves(), "detect"), past]
    got = results(Pipeline(primary(width=640), [Lane(source, tracker=Sort(confirm=1))], stages=stages))["boxes"]
    for r in got:
        (inside,) = r.inside
        column = inside.detections.columns["embedding"]
        assert np.ptp(column, axis=1).max() < 12  # the three views of a window are of one half
        assert abs(column[0].mean() - column[1].mean()) > 60
    assert not past.asking.model._filling._past


def test_without_a_track_there_is_no_past() -> None:
    past = windowed("past")
    got = results(Pipeline(primary(), [Lane(MovingBoxes(count=4))], stages=[past]))["boxes"]
    assert past.asking.asked == 0
    assert len(got) == 4


def test_without_tracks_nothing_is_remembered() -> None:
    head = Says()
    list(Pipeline(primary(), [Lane(MovingBoxes(count=7))], stages=[stage("s", head, rule=Rule())]).results())
    assert len(head.seen) == 7


def test_the_run_ends_with_answers_that_nobody_waits_for() -> None:
    slow = stage("s", Says(), wait=False, runtime=FakeRuntime(delay_s=5.0))
    got = results(Pipeline(primary(width=640), [lane(4)], stages=[slow]))["boxes"]
    assert len(got) == 4


def test_tracked_objects_keep_their_answer_in_frames_that_are_passed_over() -> None:
    head = Says()
    pipeline = Pipeline(primary(width=640), [lane(9)], stages=[stage("s", head, interval=2)])
    assert labels(results(pipeline)["boxes"]) == ["bright"] * 9
    assert [view.frame.index for view in head.seen] == [0, 3, 6]


def test_no_more_wait_for_a_stage_that_is_not_waited_for_than_it_can_see_soon() -> None:
    late = stage("s", Says(), wait=False, runtime=FakeRuntime(in_flight=1, delay_s=0.05))
    many = Model("model", spec_of(640), Path("none"), Grid(30), FakeRuntime())
    source = MovingBoxes(count=20, width=640)
    pipeline = Pipeline(many, [Lane(source, tracker=Sort(confirm=1))], stages=[late])
    assert max(late.asking.queued for _ in pipeline.results()) <= 16


@dataclass
class GoneGrid(Grid):
    """As many boxes, in the first four frames."""

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        made = Grid.__call__(self, outputs, spec, views)
        return [p if v.frame.index < 4 else Prediction() for p, v in zip(made, views, strict=True)]


def test_answers_that_come_after_the_track_has_ended_are_not_kept() -> None:
    """Two tracks of four frames; the stage that nobody waits for has seen the second one long after its end."""
    late = stage("s", Says(), wait=False, runtime=FakeRuntime(delay_s=0.06, in_flight=1))
    past = windowed("past", wait=False)
    past.asking.model.runtime = Windows(delay_s=0.06, in_flight=1)
    going = Model("model", spec_of(640), Path("none"), GoneGrid(2), FakeRuntime())
    watched = Lane(MovingBoxes(count=50, width=640, pace_s=0.008), tracker=Sort(confirm=1, lost_s=0.08))
    kept: list[int] = []
    for result in Pipeline(going, [watched], stages=[late, past]).results():
        assert watched.memories is not None
        memories = watched.memories
        if result.frame.index == 49:
            kept = [len(memories.of["s"].keys), len(past.asking.model._filling._past), len(memories.asked)]
    assert past.asking.asked == late.asking.asked == 2
    assert kept == [0, 0, 0]


def test_frames_without_a_model_do_not_count_as_passed_over() -> None:
    head = Says()
    watched = Lane(MovingBoxes(count=12, width=640), tracker=Sort(confirm=1), interval=1)
    list(Pipeline(primary(width=640), [watched], stages=[stage("s", head, interval=1)]).results())
    assert [view.frame.index for view in head.seen] == [0, 4, 8]


@dataclass(frozen=True)
class SaysWhenUnsure:
    """Answers with the frame that it looked at; only of every third frame it is sure."""

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        return [
            Prediction(attributes=(Attribute("class", f"{v.frame.index}", 0.9 if v.frame.index % 3 == 2 else 0.2, 0),))
            for v in views
        ]


@pytest.mark.parametrize("rule", [Rule(frames=4), Rule(sure=0.5, tries=2), Rule(sure=0.5, tries=9, frames=7)])
@pytest.mark.parametrize("interval", [0, 2])
def test_what_is_told_does_not_depend_on_how_fast_a_stage_is(rule: Rule, interval: int) -> None:
    told = []
    for delay, in_flight in ((0.0, 1), (0.0, 4), (0.006, 4), (0.02, 2)):
        slow = stage(
            "s", SaysWhenUnsure(), rule=rule, interval=interval, runtime=FakeRuntime(delay_s=delay, in_flight=in_flight)
        )
        pipeline = Pipeline(primary(FakeRuntime(in_flight=in_flight), 640), [lane(24)], stages=[slow])
        told.append(labels(results(pipeline)["boxes"]))
    assert told[0] == told[1] == told[2] == told[3]
    assert len(set(told[0])) > 1
