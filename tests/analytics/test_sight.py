"""What rules share: bundled geometry is that of shapes; rules of one stream meet; nothing is kept for ever."""

import gc
import weakref

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.analytics.fences import Fence, Rail, of_fences, of_rails
from sightline.analytics.line import Line
from sightline.analytics.roi import Roi
from sightline.analytics.sight import look
from sightline.analytics.zone import Zone
from sightline.shapes import distance, inside, signed_distance

from .results import result
from .walks import walks

WH = (640, 480)
FLAT = ((0.1, 0.5), (0.9, 0.5))
BOX = ((0.2, 0.2), (0.6, 0.2), (0.6, 0.6), (0.2, 0.6))


def spread(seed, n, k):
    """`n` polygons or lines of `k` points or more, and 30 points."""
    r = np.random.default_rng(seed)
    shapes = [r.uniform(0, WH, (int(r.integers(k, 3 * k)), 2)) for _ in range(n)]
    return shapes, r.uniform(1, np.array(WH) - 1, (30, 2)), r.uniform(0, 40, 30), r.random(30) < 0.8, r


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 6))
def test_fences_together_are_each_alone(seed, n):
    polygons, points, band, known, r = spread(seed, n, 3)
    crossable = [r.random(len(p)) < 0.7 for p in polygons]
    for sides in crossable:
        sides[0] = True
    fences = tuple(Fence(p, sides, WH) for p, sides in zip(polygons, crossable, strict=True))
    found, _ = of_fences(points, band, np.full(30, 5.0), known, fences)
    for row, polygon, sides in zip(found, polygons, crossable, strict=True):
        clear = (distance(points, polygon, closed=True, sides=sides) > band) | ~known
        assert row.tolist() == np.where(clear, np.where(inside(points, polygon), 1, -1), 0).tolist()


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 6))
def test_rails_together_are_each_alone(seed, n):
    lines, points, band, _, r = spread(seed, n, 2)
    before = r.uniform(0, WH, (30, 2))
    straight = [line[:2] for line in lines]
    found, over = of_rails(points, before, band, tuple(Rail(line) for line in straight))
    for row, crossed, line in zip(found, over, straight, strict=True):
        far = signed_distance(points, line)
        assert row.tolist() == ((far > band).astype(int) - (far < -band)).tolist()
        assert crossed.tolist() == ((signed_distance(before, line) >= 0) != (far >= 0)).tolist()
    (bent,) = of_rails(points, before, band, (Rail(lines[0]),))[0]
    far = signed_distance(points, lines[0])
    assert bent.tolist() == ((far > band).astype(int) - (far < -band)).tolist()


def test_a_way_through_is_never_missed():
    """Whatever passes through deeper than the band is near."""
    r = np.random.default_rng(3)
    polygon = np.array([[200, 150], [400, 150], [400, 300], [200, 300]], np.float64)
    start, end = r.uniform([190, 140], [410, 310], (2, 40_000, 2))
    way, band = np.hypot(*(end - start).T), r.uniform(0, 9, 40_000)
    _, near = of_fences(end, band, way, np.ones(40_000, np.bool_), (Fence(polygon, np.ones(4, np.bool_), WH),))
    middle = start + (end - start) * r.random((40_000, 1))
    through = inside(middle, polygon) & ~inside(start, polygon) & ~inside(end, polygon)
    through &= distance(middle, polygon, closed=True) > band
    assert through.sum() > 500
    assert near[0][through].all()
    assert not near.all()
    # across a corner there is the least way for the depth
    corner = np.array([[220.0, 149.0]]), np.array([9.0]), np.array([np.hypot(21, 21)]), np.ones(1, np.bool_)
    assert of_fences(*corner, (Fence(polygon, np.ones(4, np.bool_), WH),))[1].all()


def test_rules_of_one_stream_see_together_and_others_apart():
    rules = [Line("a", FLAT), Line("b", FLAT, anchor="center"), Zone("c", BOX), Line("d", FLAT, classes=("car",))]
    alone = Line("e", FLAT)
    for shown in walks(1, frames=5):
        for rule in rules:
            rule.update(shown)
        alone.update(shown)
    assert rules[0]._sight is rules[1]._sight is rules[2]._sight is alone._sight
    assert rules[3]._sight is not rules[0]._sight


def test_a_rule_is_the_same_among_others_and_alone():
    shown = list(walks(5, frames=80, speed=12))
    together = [make() for make in (_line, _zone, _roi) for _ in range(2)]
    told = [[(r.events, r.counts) for r in (rule.update(s) for rule in together)] for s in shown]
    for k, make in enumerate((_line, _line, _zone, _zone, _roi, _roi)):
        rule = make()
        assert [(r.events, r.counts) for r in map(rule.update, shown)] == [frame[k] for frame in told]


def _line():
    return Line("line", FLAT)


def _zone():
    return Zone("zone", BOX)


def _roi():
    return Roi("roi", BOX)


def test_one_that_missed_results_goes_on_by_itself():
    steady, late = Line("a", FLAT), Line("b", FLAT)
    for i, shown in enumerate(walks(2, frames=40, ends=0)):
        steady.update(shown)
        if i not in (10, 11):
            late.update(shown)
    assert late._sight is not steady._sight
    assert late._sight is not None
    assert steady._sight is not None
    assert late._sight.table.id.tolist() == steady._sight.table.id.tolist()


def test_sights_go_when_nobody_holds_them():
    first = look(None, result(0, {7: (500, 500)}))
    second = look(first, result(1, {7: (500, 510)}))
    third = look(second, result(2, {7: (500, 520)}))
    gone = weakref.ref(second)
    del second
    gc.collect()
    assert gone() is None
    assert third.before[0, 3] == 510
