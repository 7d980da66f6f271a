"""Secondary models: who is looked at, when, how often; that answers reach the right object, frame and stream."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from stage_fakes import Says, SaysWhere, primary, results, stage

from sightline.errors import RuntimeFailure
from sightline.models.infer import Model
from sightline.pipeline.asking import Asking
from sightline.pipeline.choosing import Choice
from sightline.pipeline.lane import Lane
from sightline.pipeline.run import Pipeline
from sightline.protocols import Outputs
from sightline.testing import BrightBoxHead, FakeRuntime, MovingBoxes, spec_of
from sightline.trackers.sort import Sort
from sightline.types import (
    Attribute,
    Detections,
    InputSpec,
    Mark,
    ModelSpec,
    Prediction,
    TensorSpec,
    View,
)


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


def test_a_stage_before_the_tracker_shows_it_embeddings() -> None:
    seen: list[Detections] = []

    @dataclass
    class Looking(Sort):
        def update(self, detections, frame):  # type: ignore[no-untyped-def]
            seen.append(detections)  # type: ignore[arg-type]
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


def test_a_stage_that_fails_is_named() -> None:
    failing = stage("s", Says(), runtime=FakeRuntime(fails_at=3))
    with pytest.raises(RuntimeFailure, match="stage 's': the session was told to fail"):
        list(Pipeline(primary(), [Lane(MovingBoxes(count=9))], stages=[failing]).results())


def test_frames_come_to_a_stage_in_their_order() -> None:
    """Every other frame has to wait for a slow stage first."""

    @dataclass(frozen=True)
    class Alternating(BrightBoxHead):
        def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
            made = BrightBoxHead.__call__(self, outputs, spec, views)
            labels = [np.full(1, v.frame.index % 2, np.int32) for v in views]
            found = [replace(p.detections, names=("even", "odd"), label=n) for p, n in zip(made, labels, strict=True)]
            return [Prediction(d) for d in found]

    up = stage("up", Says(), choice=Choice(labels=frozenset({"even"})), runtime=FakeRuntime(delay_s=0.01))
    head = Says()
    down = stage("down", head)
    down.after = frozenset({"up"})
    alternating = Model("model", spec_of(), Path("none"), Alternating(), FakeRuntime())
    got = results(Pipeline(alternating, [Lane(MovingBoxes(count=12))], stages=[up, down]))["boxes"]
    assert [r.frame.index for r in got] == list(range(12))
    assert [view.frame.index for view in head.seen] == list(range(12))


@dataclass
class Faces:
    """Two faces that lie on their side, the second one a faint one."""

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        points = np.array([[12, 10, 1], [12, 20, 1], [16, 15, 1], [22, 11, 1], [22, 19, 1]], np.float32)
        boxes = np.array([[5, 5, 28, 28], [30, 5, 53, 28]], np.float32)
        found = Detections(
            boxes, np.array([0.9, 0.1], np.float32), np.zeros(2, np.int32), ("face",), keypoints=np.stack([points] * 2)
        )
        return [Prediction(found) for _ in views]


def faces() -> Model:
    return Model("model", spec_of(), Path("none"), Faces(), FakeRuntime())


@pytest.mark.parametrize("align", [True, False])
def test_faces_are_turned_where_that_is_asked_for(align: bool) -> None:
    head = Says()
    list(Pipeline(faces(), [Lane(MovingBoxes(count=1))], stages=[stage("s", head, align=align)]).results())
    view = head.seen[0]
    across = view.to_frame(np.array([[1.0, 0.0]])) - view.to_frame(np.array([[0.0, 0.0]]))
    turned = bool(abs(across[0, 1]) > abs(across[0, 0]))  # to the right in the tensor is down in the frame
    assert turned is align


def test_before_the_tracker_only_sure_objects_are_looked_at() -> None:
    head = Says()
    early = stage("s", head, early=True, least=0.5)
    list(Pipeline(faces(), [Lane(MovingBoxes(count=3), tracker=Sort(confirm=1))], stages=[early]).results())
    assert [view.parent for view in head.seen] == [0, 0, 0]


def test_an_object_of_which_not_all_is_known_is_not_looked_at() -> None:
    needy = stage("s", Says())
    angles = InputSpec(TensorSpec("angles", (1, 3), "float32"), source="column:head-pose")
    spec = replace(needy.asking.model.spec, inputs=(*needy.asking.model.spec.inputs, angles))
    needy = replace(needy, asking=Asking(replace(needy.asking.model, spec=spec), 0.02))
    got = results(Pipeline(faces(), [Lane(MovingBoxes(count=3))], stages=[needy]))["boxes"]
    assert needy.asking.asked == 0
    assert len(got) == 3


def test_few_frames_with_their_pictures_wait_for_a_slow_stage() -> None:
    slow = stage("s", Says(), runtime=FakeRuntime(delay_s=0.005, in_flight=1))
    waiting = Lane(MovingBoxes(count=40))
    assert max(len(waiting.pending) for _ in Pipeline(primary(), [waiting], stages=[slow]).results()) <= 8
