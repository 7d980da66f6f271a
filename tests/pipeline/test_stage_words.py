"""Who is looked at, what is known of an object, what is said of it: the pure steps of a cascade."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.pipeline.answers import joined, moved, said, sureness
from sightline.pipeline.choosing import Choice, chosen, region_of
from sightline.pipeline.knowing import columns_of, parts_of
from sightline.pipeline.places import Places
from sightline.pipeline.remembering import Memory, Rule
from sightline.types import Attribute, Detections, Masks, Prediction


def table(*boxes: tuple[float, float, float, float], **more: object) -> Detections:
    n = len(boxes)
    xyxy = np.array(boxes, np.float32).reshape(-1, 4)
    return Detections(xyxy, np.full(n, 0.9, np.float32), np.zeros(n, np.int32), ("face",), **more)  # type: ignore[arg-type]


@given(
    st.tuples(*[st.floats(-50, 250)] * 4).map(lambda b: (*np.minimum(b[:2], b[2:]), *np.maximum(b[:2], b[2:]))),
    st.floats(-0.4, 3),
    st.booleans(),
)  # fmt: skip
def test_a_region_lies_in_the_frame_and_around_its_box(
    box: tuple[float, float, float, float], grow: float, square: bool
) -> None:
    region = region_of(np.array(box, np.float32), Choice(grow=grow, square=square), (200, 150))
    if region is None:
        return
    x1, y1, x2, y2 = region
    assert 0 <= x1 < x2 <= 200
    assert 0 <= y1 < y2 <= 150
    if grow >= 0:
        assert x1 <= max(0, box[0]) + 1
        assert x2 >= min(200, box[2]) - 1


def test_a_square_is_one_where_the_frame_leaves_room() -> None:
    assert region_of(np.array([50, 60, 70, 100], np.float32), Choice(square=True), (200, 150)) == (40, 60, 80, 100)
    assert region_of(np.array([50, 60, 70, 100], np.float32), Choice(grow=0.5), (200, 150)) == (40, 40, 80, 120)
    assert region_of(np.array([50, 60, 90, 80], np.float32), Choice(square=True), (200, 150)) == (50, 50, 90, 90)


def test_boxes_that_are_none_are_not_looked_at() -> None:
    broken = table((0, 0, 10, 10), (np.nan, 0, 10, 10), (5, 5, 5, 9), (9, 9, 3, 3))
    assert chosen(broken, Choice()).tolist() == [0]


def test_the_largest_come_first_where_there_are_too_many() -> None:
    things = table((0, 0, 10, 10), (0, 0, 30, 30), (0, 0, 20, 20))
    assert chosen(things, Choice(most=2)).tolist() == [1, 2]


FACE = np.array([[40, 30, 1], [60, 30, 1], [50, 40, 1], [43, 50, 1], [57, 50, 1]], np.float32)


def test_eyes_are_cut_out_around_their_landmarks() -> None:
    faces = table((30, 10, 70, 60), keypoints=FACE[None])
    parts = parts_of(faces, 0, ("left-eye", "right-eye", "head-pose"), (100, 80))
    assert parts == {"left-eye": (32, 22, 48, 38), "right-eye": (52, 22, 68, 38)}
    assert parts_of(table((30, 10, 70, 60)), 0, ("left-eye",), (100, 80)) == {}


def test_angles_grid_and_points_are_known_in_the_form_that_networks_take() -> None:
    column = np.empty(1, object)
    column[0] = tuple(Attribute(name, f"{v:.3f}", 1.0) for name, v in (("roll", 3), ("yaw", 1), ("pitch", 2)))
    faces = table((20, 20, 40, 60), keypoints=FACE[None], columns={"attributes": column})
    known = columns_of(faces, 0, ("head-pose", "face-grid", "keypoints"), (100, 100))
    assert known["head-pose"].tolist() == [1, 2, 3]
    grid = known["face-grid"].reshape(25, 25)
    assert grid[5:15, 5:10].all()
    assert grid.sum() == 50
    np.testing.assert_allclose(known["keypoints"][0], [(40 - 30) / 40, (30 - 40) / 40, 1])
    assert "head-pose" not in columns_of(table((0, 0, 9, 9)), 0, ("head-pose",), (100, 100))
    column[0] = tuple(Attribute(name, "left", 1.0) for name in ("roll", "yaw", "pitch"))
    assert "head-pose" not in columns_of(faces, 0, ("head-pose",), (100, 100))


def test_what_is_said_of_objects_stands_in_their_rows() -> None:
    things = table((0, 0, 10, 10), (20, 0, 30, 10), (40, 0, 50, 10))
    answers = [
        Prediction(attributes=(Attribute("class", "red", 0.8, 0),), text="A"),
        None,
        Prediction(embedding=np.array([0.6, 0.8], np.float32), custom={"n": 1}),
    ]
    noted, inner = said(things, [0, 1, 2], answers, "color", "classify")
    assert list(noted.columns["attributes"]) == [(Attribute("color", "red", 0.8, 0),), (), ()]
    assert noted.columns["text"].tolist() == ["A", None, None]
    assert noted.columns["custom"].tolist() == [None, None, {"n": 1}]
    assert np.isnan(noted.columns["embedding"][:2]).all()
    assert len(inner) == 0
    again, _ = said(noted, [0], [Prediction(attributes=(Attribute("make", "x", 0.5),))], "make", "classify")
    assert [a.name for a in again.columns["attributes"][0]] == ["color", "make"]
    assert "attributes" not in things.columns


def test_points_go_to_the_object_or_else_within_it() -> None:
    answer = Prediction(table((0, 0, 90, 90), keypoints=FACE[None]))
    noted, inner = said(table((30, 10, 70, 60)), [0], [answer], "points", "landmarks")
    assert noted.keypoints is not None
    assert noted.keypoints.tolist() == FACE[None].tolist()
    assert len(inner) == 0
    noted, inner = said(table((30, 10, 70, 60), keypoints=FACE[None, :2]), [0], [answer], "points", "landmarks")
    assert noted.keypoints is not None
    assert noted.keypoints.shape[1] == 2
    assert inner.xyxy.tolist() == [[40, 30, 60, 50]]


def test_objects_within_several_are_one_table_with_their_parents() -> None:
    masks = Masks(np.array([[0, 0, 2, 2]], np.float32), (np.full((2, 2), 255, np.uint8),))
    got = joined([(3, table((1, 1, 2, 2), masks=masks)), (1, table((5, 5, 6, 6), masks=masks))], "plates")
    assert got.parent is not None
    assert got.parent.tolist() == [3, 1]
    assert got.stage == "plates"
    assert got.masks is not None
    assert len(got.masks) == 2


def test_what_lies_within_moves_with_its_object() -> None:
    answer = Prediction(table((10, 10, 20, 20), keypoints=FACE[None]))
    got = moved(answer, np.array([0, 0, 40, 40], np.float32), np.array([100, 100, 180, 180], np.float32))
    assert got is not None
    assert got.detections.xyxy.tolist() == [[120, 120, 140, 140]]
    assert got.detections.keypoints is not None
    assert got.detections.keypoints[0, 0].tolist() == [180, 160, 1]
    masks = Masks(np.array([[0, 0, 2, 2]], np.float32), (np.full((2, 2), 255, np.uint8),))
    assert moved(Prediction(table((1, 1, 2, 2), masks=masks)), FACE[0, :1].repeat(4), FACE[0, :1].repeat(4)) is None


def test_an_answer_is_as_sure_as_its_least_sure_question() -> None:
    one, two = Attribute("a", "x", 0.9), Attribute("b", "y", 0.4)
    assert sureness(Prediction(attributes=(one, two, Attribute("a", "z", 0.1)))) == pytest.approx(0.4)
    assert sureness(Prediction(text="x")) == 1.0
    assert sureness(Prediction()) == 0.0


BOX = np.array([0, 0, 10, 10], np.float32)


def test_a_memory_forgets_tracks_and_what_lies_within_them() -> None:
    memory = Memory(Rule())
    for key in ((1,), (1, 0), (2,)):
        memory.put(key, Prediction(text="x"), BOX, "car", 0)
    memory.forget([1])
    assert [memory.last(key, BOX) is None for key in ((1,), (1, 0), (2,))] == [True, True, False]


@pytest.mark.parametrize(
    ("box", "label", "index", "asked"),
    [
        ([0, 0, 10, 10], "car", 5, False),
        ([0, 0, 10.9, 10.9], "car", 5, False),
        ([0, 0, 11, 11], "car", 5, True),
        ([0, 0, 5, 5], "car", 5, False),
        ([0, 0, 10, 10], "bus", 5, True),
        ([0, 0, 10, 10], "car", 30, True),
    ],
)
def test_a_memory_holds_until_the_object_grew_aged_or_changed(
    box: list[float], label: str, index: int, asked: bool
) -> None:
    memory = Memory(Rule(grown=0.2, frames=30))
    memory.put((1,), Prediction(text="x"), BOX, "car", 0)
    assert (memory.fresh((1,), np.array(box, np.float32), label, index) is None) is asked


def test_an_answer_of_an_older_frame_changes_nothing() -> None:
    memory = Memory(Rule())
    memory.put((1,), Prediction(text="new"), BOX, "car", 9)
    memory.put((1,), Prediction(text="old"), BOX, "car", 3)
    last = memory.last((1,), BOX)
    assert last is not None
    assert last.text == "new"


def test_tables_of_a_users_own_code_need_not_be_alike() -> None:
    one = table((0, 0, 4, 4), keypoints=FACE[None, :2])
    two = Detections(
        np.array([[1, 1, 3, 3], [2, 2, 4, 4]], np.float32),
        np.ones(2, np.float32),
        np.array([0, 4], np.int32),
        ("plate",),
        keypoints=np.stack([FACE, FACE]),
    )
    got = joined([(0, one), (5, two)], "own")
    assert [got.name_of(row) for row in range(3)] == ["face", "plate", "class4"]
    assert got.keypoints is not None
    assert got.keypoints.shape == (3, 5, 3)
    assert got.keypoints[0, 2:].tolist() == [[0, 0, 0]] * 3


def test_an_object_keeps_no_embedding_of_another_network() -> None:
    things = table((0, 0, 10, 10), (20, 0, 30, 10))
    both = [Prediction(embedding=np.array([1, 0], np.float32))] * 2
    noted, _ = said(things, [0, 1], both, "one", "embed")
    noted, _ = said(noted, [1], [Prediction(embedding=np.array([0, 1], np.float32))], "two", "embed")
    assert np.isnan(noted.columns["embedding"][0]).all()
    assert noted.columns["embedding"][1].tolist() == [0, 1]


def test_what_is_said_freely_is_sure() -> None:
    assert sureness(Prediction(custom={"n": 1})) == 1.0


def test_of_things_within_what_is_gone_for_long_is_forgotten() -> None:
    places, memory = Places(), Memory(Rule())
    around, near, far = (np.array(b, np.float32) for b in ([0, 0, 100, 100], [[0, 0, 20, 20]], [[60, 60, 90, 90]]))
    assert places.numbers("s", (1,), around, np.concatenate([near, far])) == ([0, 1], [])
    assert places.numbers("s", (1,), around + 50, np.concatenate([far, near]) + 50) == ([1, 0], [])
    for key in ((1, 0), (1, 1), (1, 1, 3)):
        memory.put(key, Prediction(text="x"), BOX, "car", 0)
    gone = [key for _ in range(9) for key in places.numbers("s", (1,), around, near)[1]]
    assert gone == [(1, 1)]
    memory.drop(gone)
    assert memory.keys == ((1, 0),)
    assert places.numbers("s", (1,), around, far) == ([2], [])
    places.forget([1])
    assert places.numbers("s", (1,), around, far) == ([0], [])


def test_the_label_that_most_gave_has_the_mean_score_of_those_that_gave_it() -> None:
    memory = Memory(smooth=3)
    told = [
        memory.put((1,), Prediction(attributes=(Attribute("class", label, score),)), BOX, "car", index)
        for index, (label, score) in enumerate([("a", 0.8), ("b", 0.9), ("a", 0.4), ("b", 0.5)])
    ]
    assert [(p.attributes[0].label, round(p.attributes[0].score, 3)) for p in told] == [
        ("a", 0.8), ("b", 0.9), ("a", 0.6), ("b", 0.7)
    ]  # fmt: skip
