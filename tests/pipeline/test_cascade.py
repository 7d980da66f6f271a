"""Secondary models: who is looked at, when, how often; that answers reach the right object, frame and stream."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from sightline.errors import RuntimeFailure
from sightline.models.infer import Model
from sightline.pipeline.asking import Asking
from sightline.pipeline.cascade import Stage
from sightline.pipeline.choosing import Choice
from sightline.pipeline.lane import Lane
from sightline.pipeline.remembering import Rule
from sightline.pipeline.run import Pipeline
from sightline.protocols import Outputs, RuntimeOptions, Wants
from sightline.testing import BrightBoxHead, FakeRuntime, FakeSession, MemorySink, MovingBoxes, spec_of
from sightline.trackers.sort import Sort
from sightline.types import (
    Attribute,
    Detections,
    FrameResult,
    InputSpec,
    Mark,
    Masks,
    ModelSpec,
    Picture,
    Prediction,
    TensorSpec,
    View,
)


@dataclass
class Says:
    """A classifier that answers what `answers` says, one after the other, then the last one for ever."""

    answers: Sequence[Attribute] = (Attribute("class", "bright", 0.9, 0),)
    seen: list[View] = field(default_factory=list[View])

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        made = []
        for view in views:
            made.append(Prediction(attributes=(self.answers[min(len(self.seen), len(self.answers) - 1)],)))
            self.seen.append(view)
        return made


@dataclass(frozen=True)
class SaysWhere:
    """Embeds the place of the view in the frame, so that answers can be told apart."""

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        return [Prediction(embedding=np.array([view.frame.index, view.parent], np.float32)) for view in views]


def primary(runtime: FakeRuntime | None = None, width: int = 64) -> Model:
    return Model("model", spec_of(width), Path("none"), BrightBoxHead(), runtime or FakeRuntime())


def stage(name: str, head: object, task: str = "classify", of: str = "model", **more: object) -> Stage:
    runtime = more.pop("runtime", None) or FakeRuntime()
    spec = replace(spec_of(32, 32, ("part",)), task=task)
    model = Model(name, spec, Path("none"), head, runtime, of=of)  # type: ignore[arg-type]
    after = frozenset({of}) - {"model"}
    return Stage(Asking(model, 0.02), of, after, **more)  # type: ignore[arg-type]


def results(pipeline: Pipeline) -> dict[str, list[FrameResult]]:
    out: dict[str, list[FrameResult]] = defaultdict(list)
    for result in pipeline.results():
        out[result.frame.stream.id].append(result)
    return dict(out)


@pytest.mark.parametrize(("batch", "delay"), [(1, 0.0), (3, 0.0), (1, 0.004), (4, 0.003)])
def test_answers_reach_their_object_frame_and_stream_in_order(batch: int, delay: float) -> None:
    sources = [MovingBoxes(f"s{i}", count=9 + 3 * i) for i in range(3)]
    slow = stage("where", SaysWhere(), "embed", runtime=FakeRuntime(batch=batch, delay_s=delay))
    got = results(Pipeline(primary(FakeRuntime(batch=2)), [Lane(s) for s in sources], stages=[slow]))
    for source in sources:
        assert [r.frame.index for r in got[source.id]] == list(range(source.count))
        for r in got[source.id]:
            assert r.prediction.detections.columns["embedding"].tolist() == [[r.frame.index, 0]]


def test_what_lies_within_is_found_in_frame_pixels_and_names_its_parent() -> None:
    inner = stage("inner", BrightBoxHead(), "detect", choice=Choice(grow=0.25))
    say = stage("said", Says(), of="inner")
    source = MovingBoxes(count=12)
    for r in results(Pipeline(primary(), [Lane(source)], stages=[inner, say]))["boxes"]:
        (inside,) = r.inside
        assert inside.of == "model"
        assert inside.detections.stage == "inner"
        assert inside.detections.parent is not None
        assert inside.detections.parent.tolist() == [0]
        np.testing.assert_allclose(inside.detections.xyxy, [source.box(r.frame.index)], atol=1.0)
        assert inside.detections.columns["attributes"][0][0] == Attribute("said", "bright", 0.9, 0)
        assert "attributes" not in r.prediction.detections.columns


@pytest.mark.parametrize(
    ("choice", "looked_at"),
    [
        (Choice(), 6),
        (Choice(labels=frozenset({"box"})), 6),
        (Choice(labels=frozenset({"car"})), 0),
        (Choice(min_px=(17, 1)), 0),
        (Choice(max_px=(16, 16)), 6),
        (Choice(max_px=(15, 99)), 0),
        (Choice(most=1), 6),
    ],
)
def test_only_chosen_objects_are_looked_at(choice: Choice, looked_at: int) -> None:
    head = Says()
    list(Pipeline(primary(), [Lane(MovingBoxes(count=6))], stages=[stage("s", head, choice=choice)]).results())
    assert len(head.seen) == looked_at


def test_frames_are_passed_over_between_two_looks() -> None:
    head = Says()
    list(Pipeline(primary(), [Lane(MovingBoxes(count=9))], stages=[stage("s", head, interval=2)]).results())
    assert [view.frame.index for view in head.seen] == [0, 3, 6]


def lane(count: int = 20, **more: object) -> Lane:
    return Lane(MovingBoxes(count=count, width=640), tracker=Sort(confirm=1), **more)  # type: ignore[arg-type]


def labels(got: list[FrameResult]) -> list[str]:
    column = [r.prediction.detections.columns.get("attributes") for r in got]
    return ["" if c is None or not c[0] else c[0][0].label for c in column]


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
class TwoHalves:
    """Two boxes in each view, the left and the right half; the better one changes sides from view to view."""

    turn: int = 0

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        width, height = spec.inputs[0].size_wh
        made = []
        for _ in views:
            self.turn += 1
            halves = [(0, 0, width / 2, height), (width / 2, 0, width, height)]
            boxes = np.array(halves if self.turn % 2 else halves[::-1], np.float32)
            made.append(
                Prediction(Detections(boxes, np.array([0.9, 0.8], np.float32), np.zeros(2, np.int32), ("half",)))
            )
        return made


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


@pytest.mark.parametrize("slow", [0, 1, 2])
def test_what_is_said_does_not_depend_on_who_says_it_first(slow: int) -> None:
    """Two side by side that say points, and one that says attributes; one of them slower than the others."""
    tasks = ("landmarks", "landmarks", "classify", "classify")
    heads = (Points(3), Points(5), Says(), Says((Attribute("class", "dark", 0.5, 1),)))
    stages = [
        stage(f"s{i}", head, task, runtime=FakeRuntime(delay_s=0.01 if i == slow else 0.0))
        for i, (head, task) in enumerate(zip(heads, tasks, strict=True))
    ]
    for r in results(Pipeline(primary(), [Lane(MovingBoxes(count=6))], stages=stages))["boxes"]:
        found = r.prediction.detections
        assert found.keypoints is not None
        assert found.keypoints.shape == (1, 3, 3)
        assert [a.name for a in found.columns["attributes"][0]] == ["s2", "s3"]
        (inside,) = r.inside
        assert inside.detections.stage == "s1"
        assert inside.detections.keypoints is not None
        assert inside.detections.keypoints.shape == (1, 5, 3)


@dataclass
class Points:
    """So many points in the middle of each view."""

    count: int

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        points = np.full((1, self.count, 3), 16, np.float32)
        box = np.array([[0, 0, 32, 32]], np.float32)
        one = Detections(box, np.ones(1, np.float32), np.zeros(1, np.int32), ("p",), keypoints=points)
        return [Prediction(one) for _ in views]


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


@dataclass
class Grid:
    """So many boxes that stand still."""

    count: int

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        x = np.arange(self.count, dtype=np.float32) * 20
        boxes = np.stack([x, x * 0 + 5, x + 15, x * 0 + 30], 1)
        score = np.full(self.count, 0.9, np.float32)
        return [Prediction(Detections(boxes, score, np.zeros(self.count, np.int32), ("box",))) for _ in views]


def windowed(name: str, **more: object) -> Stage:
    made = stage(name, SaysPast(), "classify", **more)
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

        return FakeSession(answer, Wants((spec.inputs[0].tensor,), 3, 3, 2))


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


def test_marks_of_stages_are_the_frames() -> None:
    class Marks:
        def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
            return [Prediction(marks=(Mark(((0.0, 0.0), (32.0, 32.0))),)) for _ in views]

    source = MovingBoxes(count=3)
    for r in results(Pipeline(primary(), [Lane(source)], stages=[stage("m", Marks())]))["boxes"]:
        (mark,) = r.prediction.marks
        x1, y1, x2, y2 = source.box(r.frame.index)
        np.testing.assert_allclose(mark.points, [(x1, y1), (x2, y2)], atol=1)


def test_a_model_of_another_name_cannot_take_over_below_stages() -> None:
    pipeline = Pipeline(primary(), [Lane(MovingBoxes(count=3))], stages=[stage("s", Says())])
    with pytest.raises(ValueError, match="'model'"):
        pipeline.swap(Model("other", spec_of(), Path("none"), BrightBoxHead(), FakeRuntime()))
    pipeline.swap(primary())
    assert len(list(pipeline.results())) == 3


def test_without_tracks_nothing_is_remembered() -> None:
    head = Says()
    list(Pipeline(primary(), [Lane(MovingBoxes(count=7))], stages=[stage("s", head, rule=Rule())]).results())
    assert len(head.seen) == 7


def test_a_stage_before_the_tracker_shows_it_embeddings() -> None:
    seen: list[Detections] = []

    @dataclass
    class Looking(Sort):
        def update(self, detections, frame):  # type: ignore[no-untyped-def]
            seen.append(detections)
            return super().update(detections, frame)

    early = stage("where", SaysWhere(), "embed", early=True, least=0.5)
    got = results(Pipeline(primary(), [Lane(MovingBoxes(count=6), tracker=Looking(confirm=1))], stages=[early]))
    assert [d.columns["embedding"][0, 0] for d in seen] == list(range(6))
    assert len(got["boxes"]) == 6


def test_frames_without_objects_pass_through() -> None:
    nothing = stage("s", Says())
    source = MovingBoxes(count=5, width=16)  # the box fills it; a model that sees none
    dark = Model("model", spec_of(), Path("none"), lambda o, s, v: [Prediction() for _ in v], FakeRuntime())  # type: ignore[arg-type]
    got = results(Pipeline(dark, [Lane(source)], stages=[nothing]))["boxes"]
    assert [len(r.prediction.detections) for r in got] == [0] * 5


def test_the_run_ends_with_answers_that_nobody_waits_for() -> None:
    slow = stage("s", Says(), wait=False, runtime=FakeRuntime(delay_s=5.0))
    got = results(Pipeline(primary(width=640), [lane(4)], stages=[slow]))["boxes"]
    assert len(got) == 4


def test_a_stage_that_fails_is_named() -> None:
    failing = stage("s", Says(), runtime=FakeRuntime(fails_at=3))
    with pytest.raises(RuntimeFailure, match="stage 's': the session was told to fail"):
        list(Pipeline(primary(), [Lane(MovingBoxes(count=9))], stages=[failing]).results())
