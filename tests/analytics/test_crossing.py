"""Directed crossings and directions against a slow twin that keeps everything and judges one object at a time."""

import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from sightline.analytics.crossing import Crossing
from sightline.analytics.direction import Direction, Mode, Way
from sightline.errors import UsageError
from sightline.protocols import Analytic
from sightline.types import Report

from .results import result
from .walks import walks

# the cosines are single precision there: 3-4-5 triangles tell
DEMANDS: dict[Mode, tuple[float, ...]] = {
    "loose": (1000, 3, float(np.float32(0.1))),
    "balanced": (3000, 10, 0.5),
    "strict": (6000, 20, float(np.float32(0.8))),
}
FLAT: Way = ((200.0, 500.0), (800.0, 500.0))
DOWN: Way = ((500.0, 300.0), (500.0, 700.0))


class Past:
    """Every place of every track since it was last forgotten."""

    def __init__(self, forget_s=8.0):
        self.places = defaultdict(list)
        self.seen_s = {}
        self.done = defaultdict(set)
        self.forget_s = forget_s

    def see(self, shown):
        now_s = shown.frame.at.seconds
        for track, seen_s in list(self.seen_s.items()):
            if int((now_s - seen_s) * 1000 + 1e-6) > round(self.forget_s * 1000):
                for memory in (self.places, self.seen_s, self.done):
                    memory.pop(track, None)
        for track, row in zip(shown.tracks.id.tolist(), shown.tracks.row.tolist(), strict=True):
            x1, y1, x2, y2 = (float(v) for v in shown.prediction.detections.xyxy[row])
            wide, tall = int(x2 - x1), int(y2 - y1)
            self.places[track].append((int(x1) + wide // 2, int(y1) + tall // 2, wide, tall))
            self.seen_s[track] = now_s

    def of(self, track):
        """The last place, the mean of the oldest ones, the mean height, how many there were, whether it stands."""
        every = self.places[track]
        last = every[-50:]
        oldest = last[:4] if len(every) >= 50 else last[:2]
        before = [sum(p[k] for p in oldest) // len(oldest) for k in range(4)]
        mean = [float(np.float32(sum(p[k] for p in last)) / np.float32(len(last))) for k in range(4)]
        spread = [np.var([p[k] for p in last]) for k in (0, 1)]
        still = len(every) > 50 and spread[0] <= 400 and spread[1] / mean[3] <= 0.01
        return every[-1], before, mean[3], len(every), still


def side(line, x, y):
    (ax, ay), (bx, by) = line
    return ((bx - ax) * (y - ay) - (by - ay) * (x - ax)) / math.dist(*line)


def meets(line, x0, y0, x1, y1, slack):
    """Whether the endless way through two points meets the line between its ends."""
    start, end = side(line, x0, y0), side(line, x1, y1)
    if start == end:
        return False
    x, y = (x0 * end - x1 * start) / (end - start), (y0 * end - y1 * start) / (end - start)
    (ax, ay), (bx, by) = line
    return -slack < ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / math.dist(*line) ** 2 < 1 + slack


def turned(way, toward):
    """The cosine between two ways."""
    length = math.hypot(*way) * math.hypot(*toward)
    return (way[0] * toward[0] + way[1] * toward[1]) / length if length else -2.0


def crosses(past, track, line, arrow, mode, extended, slack):
    """slack: what rounding decides is decided generously, or where it is below 0 strictly."""
    now, before, mean_h, count, _ = past.of(track)
    way2, frames, cosine = DEMANDS[mode]
    low, low_before = now[1] + now[3] // 2, before[1] + before[3] // 2
    if (now[0] - before[0]) ** 2 + (low - low_before) ** 2 <= way2 or count <= frames:
        return False
    toward = (arrow[1][0] - arrow[0][0], arrow[1][1] - arrow[0][1])
    rise = side(line, line[0][0] + toward[0], line[0][1] + toward[1]) / math.hypot(*toward)
    if mode == "loose" and abs(rise) >= 1e-5:
        here, there = side(line, now[0], low), side(line, before[0], before[1] + mean_h / 2)
        turn = 1 if rise > 0 else -1
        over = here * turn > -slack and there * turn < slack
    else:
        there_y = before[1] + int(mean_h) // 2
        here, there = side(line, now[0], low), side(line, before[0], there_y)
        over = here * there < 0 and min(abs(here), abs(there)) > 1 - slack
        over = over and turned((now[0] - before[0], low - there_y), toward) > cosine - slack
    if not over or extended:
        return over
    y, y_before = now[1] + now[3] / 2, before[1] + mean_h / 2
    return any(
        meets(line, before[0] + k * (before[2] // 2), y_before, now[0] + k * (now[2] // 2), y, slack)
        for k in (-1, 0, 1)
    )


def headed(past, track, arrow, mode, generous):
    now, before, _, count, still = past.of(track)
    way2, frames, cosine = DEMANDS[mode]
    low, low_before = now[1] + now[3] // 2, before[1] + before[3] // 2
    if (now[0] - before[0]) ** 2 + (low - low_before) ** 2 <= way2 or count <= frames or still:
        return False
    toward = (arrow[1][0] - arrow[0][0], arrow[1][1] - arrow[0][1])
    cosine -= 1e-9 if generous else -1e-9
    return turned((now[0] - before[0], now[1] - before[1]), toward) >= cosine


def named(report, shown, column):
    return {t for t, names in zip(shown.tracks.id.tolist(), report.columns.get(column, ()), strict=False) if names}


POINTS = st.tuples(st.integers(0, 639), st.integers(0, 479))


@settings(max_examples=20, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.integers(0, 10**6), st.tuples(POINTS, POINTS), st.tuples(POINTS, POINTS), st.booleans())
def test_crossings_agree_with_a_slow_twin(seed, line, arrow, extended):
    if line[0] == line[1] or arrow[0] == arrow[1]:
        return
    rules = [Crossing(m, line, arrow, px=True, mode=m, extended=extended) for m in DEMANDS]
    past = Past()
    total: dict[str, int] = dict.fromkeys(DEMANDS, 0)
    for shown in walks(seed, ends=0):
        past.see(shown)
        for rule in rules:
            report = rule.update(shown)
            sure, possible = (
                {
                    track
                    for track in shown.tracks.id.tolist()
                    if rule.name not in past.done[track]
                    and crosses(past, track, line, arrow, rule.mode, extended, slack)
                }
                for slack in (-1e-9, 1e-9)
            )
            expected = named(report, shown, "line")
            assert sure <= expected <= possible
            for track in expected:
                past.done[track].add(rule.name)
            total[rule.name] += len(expected)
            assert {e.track for e in report.events} == expected
            assert sum(report.counts["frame"].values()) == len(expected)
            assert sum(report.counts["in"].values()) == total[rule.name]


@settings(max_examples=12, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.integers(0, 10**6), st.tuples(POINTS, POINTS), st.floats(0.5, 8))
def test_directions_agree_with_a_slow_twin(seed, arrow, speed):
    if arrow[0] == arrow[1]:
        return
    rules = [Direction(m, arrow, px=True, mode=m) for m in DEMANDS]
    past = Past()
    for shown in walks(seed, ends=0, speed=speed):
        past.see(shown)
        for rule in rules:
            report = rule.update(shown)
            sure, possible = (
                {t for t in shown.tracks.id.tolist() if headed(past, t, arrow, rule.mode, generous)}
                for generous in (False, True)
            )
            expected = named(report, shown, "direction")
            assert sure <= expected <= possible
            assert sum(report.counts["now"].values()) == len(expected)


def walk_down(rule, start=400, stop=600, step=10, x=500, **options):
    """(in, events) after one track walked from `start` down to `stop`."""
    events, report = [], Report()
    for i, y in enumerate(range(start, stop, step if stop > start else -step)):
        report = rule.update(result(i, {7: (x, y)}, **options))
        events += report.events
    return sum(report.counts["in"].values()), events


def test_are_analytics():
    assert isinstance(Crossing("a", FLAT, DOWN, px=True), Analytic)
    assert isinstance(Direction("a", DOWN, px=True), Analytic)


@pytest.mark.parametrize("mode", ["loose", "balanced", "strict"])
def test_counts_along_the_arrow_and_not_against_it(mode):
    assert walk_down(Crossing("gate", FLAT, DOWN, px=True, mode=mode), 300, 700)[0] == 1
    assert walk_down(Crossing("gate", FLAT, DOWN, px=True, mode=mode), 700, 300)[0] == 0
    assert walk_down(Crossing("gate", FLAT, (DOWN[1], DOWN[0]), px=True, mode=mode), 700, 300)[0] == 1
    assert walk_down(Crossing("gate", (FLAT[1], FLAT[0]), DOWN, px=True, mode=mode), 300, 700)[0] == 1


def test_modes_differ_in_how_close_to_the_arrow_a_way_must_be():
    """A way at 45 degrees to the arrow, and one at 72."""
    for slope, wanted in ((1.0, (1, 1, 0)), (3.0, (1, 0, 0))):
        for mode, counted in zip(DEMANDS, wanted, strict=True):
            rule = Crossing("gate", ((0.0, 500.0), (1000.0, 500.0)), DOWN, px=True, mode=mode)
            for i in range(60):
                report = rule.update(result(i, {7: (100 + slope * 4 * i, 400 + 4 * i)}))
            assert sum(report.counts["in"].values()) == counted, (slope, mode)


def test_beyond_the_ends_only_an_extended_line_counts():
    assert walk_down(Crossing("gate", FLAT, DOWN, px=True), x=900)[0] == 0
    assert walk_down(Crossing("gate", FLAT, DOWN, px=True, extended=True), x=900)[0] == 1
    # the corner of the lower edge meets it: boxes are half as wide as high
    assert walk_down(Crossing("gate", FLAT, DOWN, px=True), x=805)[0] == 1
    assert walk_down(Crossing("gate", FLAT, DOWN, px=True), x=815)[0] == 0


def test_a_track_counts_once_until_it_is_forgotten():
    rule = Crossing("gate", FLAT, DOWN, px=True, forget_s=1.0)
    path = [*range(400, 600, 10), *range(600, 400, -10), *range(400, 600, 10)]
    for i, y in enumerate(path):
        report = rule.update(result(i, {7: (500, y)}))
    assert report.counts["in"] == {"person": 1}
    for i, y in enumerate(range(400, 600, 10)):
        report = rule.update(result(len(path) + 26 + i, {7: (500, y)}))
    assert report.counts["in"] == {"person": 2}


def test_labels_and_the_column():
    rule = Crossing("gate", FLAT, DOWN, px=True, classes=("car",))
    for i, y in enumerate(range(400, 600, 10)):
        report = rule.update(result(i, {7: (400, y), 9: (600, y)}, label={9: 1}))
        if report.events:
            assert report.columns["line"].tolist() == [(), ("gate",)]
            assert report.counts["frame"] == {"car": 1}
    assert report.counts == {"in": {"car": 1}, "frame": {}}


def test_the_event_says_where_and_when():
    _, events = walk_down(Crossing("gate", FLAT, DOWN, px=True))
    (event,) = events
    assert (event.kind, event.rule, event.track, event.label) == ("line.crossed", "gate", 7, "person")
    assert event.data["direction"] == "in"
    assert event.data["from"][1] < 500 <= event.data["to"][1]


def test_in_a_larger_ruler_less_way_is_needed():
    for size_wh, counted in ((None, 0), ((1000, 1000), 1)):
        rule = Crossing("gate", ((0.0, 0.5), (1.0, 0.5)), ((0.5, 0.2), (0.5, 0.8)), size_wh=size_wh)
        for i in range(20):
            report = rule.update(result(i, {7: (50, 40 + i)}, size=8, wh=(100, 100)))
        assert sum(report.counts["in"].values()) == counted


def test_predictions_count_in_frames_that_no_model_saw():
    rule = Crossing("gate", FLAT, DOWN, px=True)
    for i, y in enumerate(range(400, 600, 10)):
        shown = result(i, {7: (500, y)}) if i % 4 == 0 else result(i, coasting={7: (500, y)}, inferred=False)
        report = rule.update(shown)
    assert report.counts["in"] == {"person": 1}


def test_a_new_epoch_begins_anew():
    rule = Crossing("gate", FLAT, DOWN, px=True)
    walk_down(rule)
    assert walk_down(rule, epoch=1)[0] == 2


def test_a_line_outside_is_warned_of_unless_it_is_extended():
    outside = ((-5.0, -5.0), (-5.0, -9.0))
    assert "outside the frame" in Crossing("gate", outside, DOWN, px=True).check(1000, 1000)[0]
    assert Crossing("gate", outside, DOWN, px=True, extended=True).check(1000, 1000) == []
    assert Crossing("gate", FLAT, DOWN, px=True).check(1000, 1000) == []


def test_nobody_is_nobody():
    empty = result(0, {})
    assert Crossing("a", FLAT, DOWN, px=True).update(empty).counts == {"in": {}, "frame": {}}
    assert Direction("a", DOWN, px=True).update(empty).counts == {"now": {}}


def test_the_arrow_leads_to_the_right_of_the_drawn_line():
    frame = result(0).frame
    back: Way = (FLAT[1], FLAT[0])
    up: Way = (DOWN[1], DOWN[0])
    for line in (FLAT, back):
        for arrow, drawn in ((DOWN, FLAT), (up, back)):
            (shape,) = Crossing("gate", line, arrow, px=True).shapes(frame)
            assert (shape.kind, shape.points, shape.closed) == ("crossing", drawn, False)


def test_a_direction_is_drawn_as_an_arrow():
    (shape,) = Direction("south", ((0.5, 0.3), (0.5, 0.7))).shapes(result(0).frame)
    assert shape.points[:2] == DOWN
    assert (shape.kind, shape.closed) == ("arrow", False)


def test_one_memory_serves_all_rules_of_a_stream():
    rules = [Crossing(str(i), FLAT, DOWN, px=True) for i in range(3)]
    others = [Crossing("other", FLAT, DOWN, px=True, history=20)]
    for i in range(5):
        shown = result(i, {7: (500, 400 + i)})
        for rule in (*rules, *others):
            rule.update(shown)
    assert rules[0]._walk is rules[1]._walk is rules[2]._walk
    assert others[0]._walk is not rules[0]._walk


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"toward": (DOWN[0], DOWN[0])}, "no direction"),
        ({"points": (FLAT[0], FLAT[0])}, "points begins and ends"),
        ({"points": (*FLAT, (1.0, 1.0))}, "points needs two points"),
        ({"name": ""}, "needs a name"),
        ({"history": 1}, "history"),
        ({"forget_s": -1.0}, "forget_s"),
        ({"size_wh": (0, 5)}, "size_wh"),
        ({"toward": ((float("nan"), 0.0), (1.0, 1.0))}, "finite"),
    ],
)
def test_bad_options(options, said):
    with pytest.raises((UsageError, ValueError), match=said):
        Crossing(**{"name": "gate", "points": FLAT, "toward": DOWN, "px": True, **options})
