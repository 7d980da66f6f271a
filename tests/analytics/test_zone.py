import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.analytics.zone import Zone
from sightline.errors import UsageError
from sightline.protocols import Analytic

from .results import result

YARD = ((0.4, 0.4), (0.6, 0.4), (0.6, 0.6), (0.4, 0.6))


def yard(**options):
    return Zone("yard", **{"points": YARD, "hysteresis_px": 10, **options})


def walk(zone, path, **options):
    """Kinds of events by frame, and how many were in it, as one track walked `path`."""
    kinds, now = [], []
    for i, place in enumerate(path):
        report = zone.update(result(i, {7: place} if place else {}, **options))
        kinds.append([e.kind.removeprefix("zone.") for e in report.events])
        now.append(report.counts["now"].get("person", 0))
    return kinds, now


def test_is_an_analytic():
    assert isinstance(yard(), Analytic)


PLACE = {"O": (500, 300), "I": (500, 500), "o": (500, 395), "i": (500, 405), ".": None}


@pytest.mark.parametrize(
    ("steps", "kinds"),
    [
        ("OIO", ["entered", "left"]),
        ("OoiI", ["entered"]),
        ("OoiIioO", ["entered", "left"]),
        ("OoioioioO", []),
        ("OIioioioI", ["entered"]),
        ("I", ["entered"]),
        ("i", ["entered"]),
        ("o", []),
        ("oi", []),
        ("io", ["entered"]),
        ("ioO", ["entered", "left"]),
        ("OIOIO", ["entered", "left", "entered", "left"]),
        ("O..I..I..O", ["entered", "left"]),
        ("I......", ["entered"]),
    ],
)
def test_table_of_places(steps, kinds):
    found, _ = walk(yard(), [PLACE[s] for s in steps])
    assert [k for frame in found for k in frame] == kinds


def test_occupancy_is_of_those_seen_or_coasting():
    zone = yard()
    assert zone.update(result(0, {1: (500, 500), 2: (500, 450), 3: (100, 100)}, label={2: 1})).counts == {
        "now": {"person": 1, "car": 1}
    }
    assert zone.update(result(1, {1: (500, 500)}, coasting={2: (900, 900)})).counts == {"now": {"person": 1, "car": 1}}
    assert zone.update(result(2, {1: (500, 500)})).counts == {"now": {"person": 1}}
    assert zone.update(result(3, {1: (500, 500), 2: (500, 500)}, label={2: 1})).counts["now"]["car"] == 1
    assert zone.update(result(4)).counts == {"now": {}}


def test_a_track_that_ends_inside_has_left_when_it_was_seen_last():
    zone = yard()
    zone.update(result(0, {7: (500, 500)}))
    zone.update(result(5, {7: (510, 510)}))
    report = zone.update(result(30, ended=[7, 8]))
    (event,) = report.events
    assert (event.kind, event.track, event.label, event.frame) == ("zone.left", 7, "person", 30)
    assert event.data == {
        "from": [510.0, 510.0],
        "to": [510.0, 510.0],
        "entered_s": 0.0,
        "left_s": 0.2,
        "dwell_s": 0.2,
        "ended": True,
    }
    assert report.counts == {"now": {}}
    assert zone.update(result(31, ended=[7])).events == ()


def test_leaving_says_when_and_where():
    zone = yard()
    zone.update(result(0, {7: (500, 500)}))
    (event,) = zone.update(result(10, {7: (500, 300)})).events
    assert event.data == {
        "from": [500.0, 500.0],
        "to": [500.0, 300.0],
        "entered_s": 0.0,
        "left_s": 0.4,
        "dwell_s": 0.4,
        "ended": False,
    }


def test_dwelling_is_said_once_a_stay():
    kinds, _ = walk(yard(dwell_s=0.2), [(500, 500)] * 10 + [(500, 300)] + [(500, 500)] * 10)
    flat = [(i, k) for i, frame in enumerate(kinds) for k in frame]
    assert flat == [(0, "entered"), (5, "dwelt"), (10, "left"), (11, "entered"), (16, "dwelt")]


def test_dwelling_goes_by_time_not_by_frames():
    zone, found = yard(dwell_s=1.0), []
    for i, pts in enumerate((0, 1, 2, 30, 31)):
        found += [(i, e.kind) for e in zone.update(result(i, {7: (500, 500)}, pts=pts)).events]
    assert found == [(0, "zone.entered"), (3, "zone.dwelt")]


def test_one_that_passes_between_two_frames_enters_and_leaves():
    kinds, now = walk(yard(), [(500, 300), (500, 900)])
    assert kinds[1] == ["entered", "left"]
    assert now[1] == 0
    zone = yard()
    zone.update(result(0, {7: (500, 300)}))
    entered, left = zone.update(result(10, {7: (500, 800)})).events
    assert entered.data == {"at": [500.0, 400.0], "entered_s": 0.08}
    assert left.data["left_s"] == pytest.approx(0.24)
    assert left.data["dwell_s"] == pytest.approx(0.16)


def test_one_that_only_grazes_a_corner_does_not():
    assert walk(yard(), [(380, 420), (420, 380)])[0] == [[], []]
    assert walk(yard(), [(300, 300), (300, 700)])[0] == [[], []]


def test_classes():
    zone = yard(classes=("car",))
    report = zone.update(result(0, {1: (500, 500), 2: (510, 510)}, label={2: 1}))
    assert report.counts == {"now": {"car": 1}}
    assert [e.track for e in report.events] == [2]


@pytest.mark.parametrize("changed", [{"epoch": 1}, {"wh": (2000, 2000)}])
def test_a_new_epoch_or_size_ends_every_stay(changed):
    zone = yard()
    zone.update(result(0, {7: (500, 500)}))
    assert [e.kind for e in zone.update(result(1, {9: (1, 1)}, **changed)).events] == ["zone.left"]


def test_skipped_frames_change_nothing():
    zone = yard()
    zone.update(result(0, {7: (500, 500)}))
    report = zone.update(result(1, coasting={7: (500, 300)}, inferred=False))
    assert report.events == ()
    assert report.counts == {"now": {"person": 1}}


def test_it_closes_by_itself():
    closed = Zone("yard", (*YARD, YARD[0]), hysteresis_px=10)
    assert walk(closed, [(500, 300), (500, 500)]) == walk(yard(), [(500, 300), (500, 500)])
    (shape,) = yard().shapes(result(0).frame)
    assert (shape.kind, shape.closed, len(shape.points)) == ("zone", True, 4)


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=1, max_size=30))
def test_who_enters_leaves_first_before_entering_again(path):
    kinds, now = walk(yard(), path)
    flat = [k for frame in kinds for k in frame]
    assert all(k == ("entered", "left")[i % 2] for i, k in enumerate(flat))
    assert now[-1] == len(flat) % 2


@pytest.mark.parametrize("place", [(500, 1000), (0, 500), (1000, 1000), (1000, 20)])
def test_the_edge_of_the_frame_is_no_border(place):
    whole = Zone("all", ((0, 0), (1, 0), (1, 1), (0, 1)))
    assert walk(whole, [place, place])[1] == [1, 1]
    lower = Zone("low", ((0.0, 0.5), (1.0, 0.5), (1.0, 0.999), (0.0, 0.999)), hysteresis_px=10)
    kinds, now = walk(lower, [(500, 300), (500, 1000), (500, 1000), (500, 300)])
    assert kinds == [[], ["entered"], [], ["left"]]
    assert now == [0, 1, 1, 0]


def test_many_tracks_leave_memory_flat():
    zone, sizes = yard(), []
    tracemalloc.start()
    for i in range(400):
        ids = range(25 * i, 25 * (i + 1))
        zone.update(result(i, dict.fromkeys(ids, (500, 500)), ended=range(25 * (i - 1), 25 * i)))
        if i in (20, 399):
            sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert sizes[1] - sizes[0] < 50_000


@pytest.mark.parametrize(
    ("points", "says"),
    [
        (((0.1, 0.1), (0.9, 0.9)), "at least 3 different points"),
        (((0.1, 0.1), (0.9, 0.9), (0.1, 0.1), (0.1, 0.1)), "at least 3 different points"),
        (((0.1, 0.1), (0.9, 0.9), (0.9, 0.1), (0.1, 0.9)), "crosses itself"),
        (((0.1, 0.1), (0.2, 0.2), (0.3, 0.3)), "itself|no area"),
        (((1.1, 0.1), (1.9, 0.1), (1.9, 0.9)), "wholly outside"),
    ],
)
def test_zones_that_cannot_be(points, says):
    with pytest.raises(UsageError, match=says) as caught:
        Zone("yard", points)
    assert "'yard'" in str(caught.value)


def test_zones_around_the_frame_are_in_it_and_partly_outside():
    big = Zone("all", ((-1, -1), (2, -1), (2, 2), (-1, 2)))
    assert "partly outside" in big.check(100, 100)[0]
    assert Zone("all", ((0, 0), (1, 0), (1, 1), (0, 1))).check(100, 100) == []


@pytest.mark.parametrize("bad", [{"dwell_s": 0}, {"hysteresis": -1}, {"hysteresis_px": float("nan")}])
def test_options_that_cannot_be(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        yard(**bad)


def test_ten_thousand_tracks():
    rng = np.random.default_rng(0)
    crowd = {i: (float(x), float(y)) for i, (x, y) in enumerate(rng.uniform(0, 1000, (10_000, 2)))}
    zone = yard()
    assert sum(zone.update(result(0, crowd)).counts["now"].values()) == pytest.approx(400, abs=100)
    assert zone.update(result(1, crowd)).events == ()
