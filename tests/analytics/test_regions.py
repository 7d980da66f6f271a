"""Regions and crowds: who is in, by a slow twin; when a crowd begins and ends."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.analytics.crowd import Crowd
from sightline.analytics.roi import Roi
from sightline.errors import UsageError
from sightline.protocols import Analytic
from sightline.types import Detections, Frame, FrameResult, Instant, Prediction, Tracks

from .results import NAMES, STREAM, result
from .walks import walks

BOX = ((0.2, 0.2), (0.6, 0.2), (0.6, 0.6), (0.2, 0.6))


def inside(x, y, polygon):
    """Even-odd: how many sides a ray to the right meets, one side at a time."""
    found = False
    for (ax, ay), (bx, by) in zip(polygon, (*polygon[1:], polygon[0]), strict=True):
        if (ay > y) != (by > y) and x < ax + (y - ay) * (bx - ax) / (by - ay):
            found = not found
    return found


COORDINATE = st.integers(1, 99).map(lambda n: n / 100 + 0.0003)  # no corner at the height of a whole pixel
POLYGON = st.lists(st.tuples(COORDINATE, COORDINATE), min_size=3, max_size=7, unique=True)


@settings(max_examples=40, deadline=None)
@given(st.lists(POLYGON, min_size=1, max_size=4), st.integers(0, 99), st.booleans())
def test_agrees_with_a_slow_twin(polygons, seed, inverse):
    rules = [Roi(f"r{i}", tuple(p), inverse=inverse) for i, p in enumerate(polygons)]
    crowds = [Crowd(f"c{i}", tuple(p), objects=3, classes=("car",)) for i, p in enumerate(polygons)]
    for shown in walks(seed, frames=4):
        boxes, labels = shown.prediction.detections.xyxy.astype(float), shown.prediction.detections.label
        for polygon, roi, crowd in zip(polygons, rules, crowds, strict=True):
            corners = [(x * 640, y * 480) for x, y in polygon]
            within = [inside((b[0] + b[2]) / 2, b[3], corners) for b in boxes]
            counted = [w != inverse for w in within]
            report = roi.update(shown)
            now = {name: sum(np.array(counted) & (labels == k)) for k, name in enumerate(NAMES)}
            assert report.counts == {"now": {name: n for name, n in now.items() if n}}
            column = report.columns.get("roi", [()] * len(boxes))
            assert [bool(names) for names in column] == counted
            cars = sum(np.array(within) & (labels == 1))
            report = crowd.update(shown)
            assert report.counts == {
                "now": {"car": cars} if cars else {},
                "crowded": {"car": cars} if cars >= 3 else {},
            }


def test_are_analytics():
    assert isinstance(Roi("a", BOX), Analytic)
    assert isinstance(Crowd("a", BOX), Analytic)


def test_untracked_objects_count_and_have_no_column():
    boxes = np.array([[300, 300, 340, 400], [800, 300, 840, 400]], np.float32)
    detections = Detections(boxes, np.ones(2, np.float32), np.zeros(2, np.int32), NAMES)
    shown = FrameResult(Frame(STREAM, 0, Instant(0, STREAM.base), None, 1000, 1000), Prediction(detections), Tracks())
    report = Roi("a", BOX).update(shown)
    assert report.counts == {"now": {"person": 1}}
    assert len(report.columns["roi"]) == 0
    assert Roi("a", BOX, inverse=True).update(shown).counts == {"now": {"person": 1}}


def test_columns_are_rows_of_tracks_whatever_the_order_of_the_detections():
    shown = result(0, {5: (300, 300), 6: (900, 900), 7: (400, 400)})
    turned = Detections(
        shown.prediction.detections.xyxy[::-1].copy(),
        shown.prediction.detections.score,
        shown.prediction.detections.label,
        NAMES,
    )
    shown = FrameResult(shown.frame, Prediction(turned), Tracks(shown.tracks.id, np.array([2, 1, 0])))
    assert Roi("a", BOX).update(shown).columns["roi"].tolist() == [("a",), (), ("a",)]


def test_predictions_count_only_in_frames_that_no_model_saw():
    roi = Roi("a", BOX)
    assert roi.update(result(0, coasting={7: (300, 300)})).counts == {"now": {}}
    assert roi.update(result(1, coasting={7: (300, 300)}, inferred=False)).counts == {"now": {"person": 1}}


def test_what_lies_on_the_edge_of_the_frame_is_in():
    whole = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    assert Roi("a", whole).update(result(0, {7: (500, 1000)})).counts == {"now": {"person": 1}}


def test_a_new_size_places_anew():
    roi = Roi("a", BOX)
    assert roi.update(result(0, {7: (300, 300)})).counts["now"]
    assert not roi.update(result(1, {7: (300, 300)}, wh=(2000, 2000))).counts["now"]


def stay(crowd, numbers, **options):
    """The kinds of events of frames with these numbers of people in the region."""
    told = []
    for i, n in enumerate(numbers):
        shown = result(i, {k + 1: (250 + 10 * k, 400) for k in range(n)}, **options)
        told.append([e.kind for e in crowd.update(shown).events])
    return told


def test_a_crowd_begins_with_enough_and_ends_with_fewer():
    began, ended = ["crowd.began"], ["crowd.ended"]
    assert stay(Crowd("a", BOX, objects=3), [2, 3, 4, 3, 2, 3]) == [[], began, [], [], ended, began]


def test_a_crowd_must_last():
    # frames are 40 ms apart: 80 ms are reached with the third
    told = stay(Crowd("a", BOX, objects=2, after_s=0.08), [2, 2, 1, 2, 2, 2, 2, 0])
    assert told == [[], [], [], [], [], ["crowd.began"], [], ["crowd.ended"]]
    assert stay(Crowd("a", BOX, objects=2, after_s=0.0), [2])[0] == ["crowd.began"]


def test_the_events_say_how_many_and_since_when():
    crowd, events = Crowd("yard", BOX, objects=2, after_s=0.04), []
    for i, n in enumerate([2, 3, 5, 1]):
        events += crowd.update(result(i, {k + 1: (250 + 10 * k, 400) for k in range(n)})).events
    began, ended = events
    assert (began.rule, began.track, began.label) == ("yard", None, None)
    assert began.data == {"objects": 3, "labels": {"person": 3}, "full_since_s": 0.0}
    assert ended.data == {"objects": 1, "most": 5, "full_since_s": 0.0}
    assert began.id != ended.id


def test_another_epoch_ends_a_crowd():
    crowd = Crowd("a", BOX)
    assert stay(crowd, [1]) == [["crowd.began"]]
    assert stay(crowd, [1], epoch=1) == [["crowd.ended", "crowd.began"]]


def test_who_is_in_it_is_named_whether_it_is_full_or_not():
    report = Crowd("a", BOX, objects=9).update(result(0, {5: (300, 300), 6: (900, 900)}))
    assert report.columns["crowd"].tolist() == [("a",), ()]
    assert report.counts == {"now": {"person": 1}, "crowded": {}}


def test_shapes():
    (shape,) = Roi("a", BOX).shapes(result(0).frame)
    assert (shape.kind, shape.closed, shape.points[0]) == ("zone", True, (200.0, 200.0))
    assert Crowd("a", BOX).shapes(result(0).frame)[0].points == shape.points


@pytest.mark.parametrize("part", [Roi, Crowd])
def test_what_other_systems_have_is_warned_of(part):
    bow = ((0.1, 0.1), (0.9, 0.9), (0.9, 0.1), (0.1, 0.9))
    assert "crosses itself" in part("a", bow).check(100, 100)[0]
    assert "outside the frame" in part("a", ((2, 2), (3, 2), (3, 3))).check(100, 100)[0]
    assert part("a", BOX).check(100, 100) == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"points": BOX[:2]}, "3 different points"),
        ({"name": ""}, "needs a name"),
        ({"points": ((0.1, float("inf")), *BOX[1:])}, "finite"),
        ({"objects": 0}, "objects"),
        ({"after_s": -1.0}, "after_s"),
    ],
)
def test_bad_options(options, said):
    with pytest.raises((UsageError, ValueError), match=said):
        Crowd(**{"name": "a", "points": BOX, **options})
