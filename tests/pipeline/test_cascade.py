"""Secondary models: who is looked at, when, how often; that answers reach the right object, frame and stream."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from sightline.models.infer import Model
from sightline.pipeline.asking import Asking
from sightline.pipeline.cascade import Stage
from sightline.pipeline.choosing import Choice
from sightline.pipeline.lane import Lane
from sightline.pipeline.remembering import Rule
from sightline.pipeline.run import Pipeline
from sightline.protocols import Outputs
from sightline.testing import BrightBoxHead, FakeRuntime, MemorySink, MovingBoxes, spec_of
from sightline.trackers.sort import Sort
from sightline.types import Attribute, Detections, FrameResult, ModelSpec, Prediction, View


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
