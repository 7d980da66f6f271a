import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sightline.analytics.line import Line
from sightline.errors import UsageError
from sightline.protocols import Analytic

from .results import STREAM, result

FLAT = ((0.0, 0.5), (1.0, 0.5))


def gate(**options):
    return Line("gate", **{"points": FLAT, "hysteresis_px": 10, **options})


def count(line, path, **options):
    """(in, out) after one track walked `path`."""
    for i, place in enumerate(path):
        report = line.update(result(i, {7: place} if place else {}, **options))
    return report.counts["in"].get("person", 0), report.counts["out"].get("person", 0)


def test_is_an_analytic():
    assert isinstance(gate(), Analytic)


# R, L: clearly right (below) or left (above) of the line; r, l: on that side but in the doubtful band; .: not seen
HEIGHT = {"R": 540, "L": 460, "r": 505, "l": 495, ".": None}


@pytest.mark.parametrize(
    ("sides", "counted"),
    [
        ("", (0, 0)),
        ("L", (0, 0)),
        ("LL", (0, 0)),
        ("LR", (1, 0)),
        ("RL", (0, 1)),
        ("LRL", (1, 1)),
        ("LRLRLR", (3, 2)),
        ("LlrR", (1, 0)),
        ("LlrlL", (0, 0)),
        ("Llr", (0, 0)),
        ("LrlrlrlrR", (1, 0)),
        ("LlrlrlrlL", (0, 0)),
        ("RrlrlL", (0, 1)),
        ("LrRrlrR", (1, 0)),
        ("LrRlL", (1, 1)),
        ("lrR", (0, 0)),
        ("rR", (0, 0)),
        ("lL", (0, 0)),
        ("lLR", (1, 0)),
        ("L...R", (1, 0)),
        ("L.l..r.R", (1, 0)),
        ("L.....", (0, 0)),
        ("LrrrrrrrrrR", (1, 0)),
    ],
)
def test_table_of_sides(sides, counted):
    line, path = gate(), [(500, HEIGHT[s]) if HEIGHT[s] else None for s in sides]
    assert (count(line, path) if path else (0, 0)) == counted


def twin(heights, band):
    """A plain state machine of one track and a line across the whole frame."""
    side, found = 0, [0, 0]
    for y in heights:
        now = 1 if y - 500 > band else -1 if 500 - y > band else 0
        if now and side == -now:
            found[0 if now > 0 else 1] += 1
        side = now or side
    return tuple(found)


@given(st.lists(st.integers(400, 600), min_size=1, max_size=40), st.sampled_from([0, 5, 30]))
def test_agrees_with_a_plain_state_machine(heights, band):
    assert count(gate(hysteresis_px=band), [(500, y) for y in heights]) == twin(heights, band)


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=2, max_size=30))
@example([(0, 0), (0, 500)])
def test_in_and_out_alternate_and_balance(path):
    """Over the ends of a line across the whole frame there is no way around."""
    whole = gate(hysteresis_px=0)
    entered, left = count(whole, path)
    assert abs(entered - left) <= 1
    clear = [y > 500 for _, y in path if y != 500]
    assert entered - left == (int(clear[-1]) - int(clear[0]) if clear else 0)


def test_a_fast_object_is_not_missed():
    assert count(gate(), [(500, 10), (520, 990)]) == (1, 0)


def test_a_way_around_the_end_does_not_count():
    line = gate(points=((0.3, 0.5), (0.6, 0.5)))
    assert count(line, [(500, 400), (650, 450), (700, 500), (650, 550), (500, 600)]) == (0, 0)
    assert count(gate(points=line.points), [(500, 400), (500, 600)]) == (1, 0)


def test_over_the_line_and_back_is_forgotten():
    path = [(500, 450), (500, 505), (500, 450), (700, 450), (700, 550), (500, 550)]
    assert count(gate(points=((0.3, 0.5), (0.6, 0.5))), path) == (0, 0)


@pytest.mark.parametrize("x", [0, 1000])
def test_along_the_edge_of_the_frame_both_directions_count(x):
    assert count(gate(), [(x, 400), (x, 600), (x, 400)]) == (1, 1)
    upright = gate(points=((0.5, 0.0), (0.5, 1.0)))
    assert count(upright, [(600, x), (400, x), (600, x)]) == (1, 1)


def test_jitter_about_the_end_of_a_line_counts_nothing():
    line = gate(points=((0.3, 0.5), (0.6, 0.5)))
    circle = [(598, 498), (598, 503), (603, 503), (603, 498)] * 10
    assert count(line, [(598, 450), *circle, (598, 450)]) == (0, 0)


def test_a_bent_line_counts_each_arm_and_nothing_for_a_way_over_both():
    line = gate(points=((0.2, 0.2), (0.5, 0.6), (0.8, 0.2)), hysteresis_px=5)
    # walking down the left arm and up the right one, the right-hand side is below and outside
    assert count(line, [(500, 300), (500, 800)]) == (1, 0)
    assert count(gate(points=line.points), [(100, 400), (900, 400)]) == (0, 0)
    assert count(gate(points=line.points), [(100, 400), (500, 300), (900, 400)]) == (1, 1)


def test_direction_turns_with_the_line():
    assert count(gate(points=FLAT[::-1]), [(500, 400), (500, 600)]) == (0, 1)
    upright = gate(points=((0.5, 0.0), (0.5, 1.0)))
    assert count(upright, [(600, 500), (400, 500)]) == (1, 0)


def test_the_evidence():
    line = gate()
    for i, y in enumerate((400, 480, 505, 540)):
        report = line.update(result(i, {7: (500, y)}, pts=10 * i))
    (event,) = report.events
    assert (event.kind, event.rule, event.stream, event.frame, event.track, event.label) == (
        "line.crossed", "gate", "gate.mp4", 3, 7, "person",
    )  # fmt: skip
    assert event.data == {
        "direction": "in",
        "from": [500.0, 480.0],
        "to": [500.0, 505.0],
        "from_s": 0.4,
        "to_s": 0.8,
        "crossed_s": pytest.approx(0.72),
    }


def events(line, rows):
    return [e for row in rows for e in line.update(row).events]


def test_an_event_has_the_same_id_whenever_it_is_found_and_another_for_other_facts():
    rows = [result(0, {7: (500, 400), 8: (300, 600)}), result(1, {7: (500, 600), 8: (300, 400)})]
    first, again = events(gate(), rows), events(gate(), rows)
    assert [e.id for e in first] == [e.id for e in again]
    other = events(replace_name("yard"), rows)
    assert len({e.id for e in first + other}) == 4
    live = replace(STREAM, live=True)
    ids = set()
    for wall_ns in (1, 2):
        of_live = [result(i, {7: (500, 400 + 200 * i)}, stream=live) for i in range(2)]
        of_live = [replace(r, frame=replace(r.frame, wall_ns=wall_ns)) for r in of_live]
        ids |= {e.id for e in events(gate(), of_live)}
    assert len(ids) == 2


def replace_name(name):
    return Line(name, FLAT, hysteresis_px=10)


def test_counts_are_by_label_and_only_of_the_classes_asked_for():
    line, people = gate(), gate(classes=("person",))
    for i, y in enumerate((400, 600)):
        row = result(i, {1: (100, y), 2: (300, y), 3: (500, 1000 - y)}, label={2: 1})
        report, of_people = line.update(row), people.update(row)
    assert report.counts == {"in": {"person": 1, "car": 1}, "out": {"person": 1}}
    assert of_people.counts == {"in": {"person": 1}, "out": {"person": 1}}
    assert line.update(result(2)).counts == report.counts


def test_counts_given_out_do_not_change_later():
    line = gate()
    first = line.update(result(0, {1: (500, 400)})).counts
    line.update(result(1, {1: (500, 600)}))
    assert first == {"in": {}, "out": {}}


def test_predicted_boxes_do_not_count_until_the_track_is_seen_again():
    line = gate()
    line.update(result(0, {7: (500, 400)}))
    for i in range(1, 4):
        report = line.update(result(i, coasting={7: (500, 400 + 60 * i)}, inferred=i != 2))
        assert report.counts["in"] == {}
    assert line.update(result(4, {7: (500, 600)})).counts["in"] == {"person": 1}
    gone = gate()
    gone.update(result(0, {7: (500, 400)}))
    gone.update(result(1, coasting={7: (500, 600)}))
    assert gone.update(result(2, ended=[7])).counts["in"] == {}


def test_an_ended_track_leaves_nothing_behind():
    line = gate()
    line.update(result(0, {7: (500, 400)}))
    line.update(result(1, ended=[7]))
    assert line.update(result(2, {7: (500, 600)})).counts["in"] == {}


@pytest.mark.parametrize("changed", [{"epoch": 1}, {"wh": (500, 500)}])
def test_a_new_epoch_or_size_compares_nothing_with_before(changed):
    line = gate(points=((0.0, 0.25), (1.0, 0.25)))
    line.update(result(0, {7: (200, 100)}))
    assert line.update(result(1, {7: (200, 400)}, **changed)).counts["in"] == {}


def test_broken_times_do_no_harm():
    assert count(gate(), [(500, 400), (500, 600), (500, 400)], pts=0) == (1, 1)


@pytest.mark.parametrize(
    ("anchor", "place"), [("bottom", 400), ("top", 360), ("center", 380), ("left", 380), ("right", 380)]
)
def test_anchors(anchor, place):
    """A line 5 px below the anchor's first place is not crossed by it, one 5 px above is when it moves up 10."""
    for edge, want in ((place + 5, (0, 0)), (place - 5, (0, 1))):
        line = gate(points=((0.0, edge / 1000), (1.0, edge / 1000)), anchor=anchor, hysteresis_px=1)
        assert count(line, [(500, 400), (500, 390)]) == want


def test_the_band_grows_with_the_box():
    path = [(500, 480), (500, 515)]
    assert count(Line("gate", FLAT), path, size=100) == (1, 0)
    assert count(Line("gate", FLAT), path, size=400) == (0, 0)


def test_a_hundred_thousand_tracks_leave_memory_flat():
    line, sizes = gate(), []
    tracemalloc.start()
    for i in range(400):
        ids, before = range(250 * i, 250 * (i + 1)), range(250 * (i - 1), 250 * i)
        line.update(result(2 * i, dict.fromkeys(ids, (500, 400)), ended=before))
        line.update(result(2 * i + 1, dict.fromkeys(ids, (500, 505))))
        if i in (20, 399):
            sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert sizes[1] - sizes[0] < 50_000


def test_nothing_for_ever():
    line = gate()
    for i in range(100):
        assert line.update(result(i)).counts == {"in": {}, "out": {}}


def test_pixels_and_what_is_drawn():
    line = Line("gate", ((100, 200), (300, 400)), px=True)
    (shape,) = line.shapes(result(0).frame)
    assert (shape.name, shape.kind, shape.points, shape.closed) == ("gate", "line", ((100, 200), (300, 400)), False)
    (part,) = gate().shapes(result(0, wh=(640, 480)).frame)
    assert part.points == ((0, 240), (640, 240))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"points": ((0.5, 0.5),)}, "at least 2 different points"),
        ({"points": ((0.5, 0.5), (0.5, 0.5))}, "at least 2 different points"),
        ({"points": ((1.5, 0.5), (1.2, 0.5))}, "wholly outside"),
        ({"points": ((100, 200), (300, 400))}, "px"),
        ({"points": ((0.1, 0.1), (0.9, 0.9), (0.9, 0.1), (0.1, 0.9))}, "crosses itself"),
        ({"points": ((0.1, float("nan")), (0.9, 0.9))}, "finite"),
    ],
)
def test_lines_that_cannot_be(options, says):
    with pytest.raises(UsageError, match=says) as caught:
        gate(**options)
    assert "'gate'" in str(caught.value)


def test_pixels_are_judged_when_the_size_is_known():
    line = Line("gate", ((1500, 200), (1600, 200)), px=True)
    assert line.check(1920, 1080) == []
    with pytest.raises(UsageError, match=r"'gate'.*1000x1000"):
        line.check(1000, 1000)
    with pytest.raises(UsageError, match="wholly outside"):
        line.update(result(0))


@pytest.mark.parametrize(
    ("points", "warns"),
    [
        (((0.1, 0.5), (0.9, 0.5)), ""),
        (((0.5, 0.5), (1.5, 0.5)), "partly outside"),
        (((0.0, 0.99), (1.0, 0.99)), "edge"),
        (((0.0, 0.01), (1.0, 0.0)), "edge"),
        (((0.995, 0.0), (1.0, 1.0)), "edge"),
        (((0.0, 0.5), (1.0, 0.5)), ""),
    ],
)
def test_lines_that_may_never_count_are_warned_of(points, warns):
    warnings = Line("gate", points).check(1920, 1080)
    assert len(warnings) == bool(warns)
    assert all(warns in w and "'gate'" in w for w in warnings)


def test_twenty_random_walkers_against_their_twins():
    rng = np.random.default_rng(5)
    walks = 500 + np.cumsum(rng.normal(0, 12, (300, 20)), 0)
    line = gate()
    for i, heights in enumerate(walks):
        report = line.update(result(i, {k + 1: (50 * k + 20, float(y)) for k, y in enumerate(heights)}))
    want = np.sum([twin(np.float32(walks[:, k]), 10) for k in range(20)], 0)
    assert (report.counts["in"]["person"], report.counts["out"]["person"]) == tuple(want)
    assert want.sum() > 50
