"""Plane geometry against exact rational arithmetic and OpenCV."""

from fractions import Fraction

import cv2
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sightline.shapes import (
    area,
    crosses_itself,
    crossing_parts,
    crossings,
    distance,
    distinct,
    inside,
    meets_rectangle,
    signed_distance,
)

SQUARE = np.array([[0, 0], [10, 0], [10, 10], [0, 10]], float)
number = st.integers(-20, 20)
point = st.tuples(number, number)


def one(p):
    return np.array([p], float)


def slow_crossing(p, q, a, b):
    """+1 from left to right of ab, -1 back, 0; None where a point lies on the other's line."""

    def side(o, d, x):
        return (d[0] - o[0]) * (x[1] - o[1]) - (d[1] - o[1]) * (x[0] - o[0])

    sp, sq, sa, sb = side(a, b, p), side(a, b, q), side(p, q, a), side(p, q, b)
    if 0 in (sp, sq, sa, sb):
        return None
    if (sp > 0) == (sq > 0) or (sa > 0) == (sb > 0):
        return 0
    return 1 if sq > 0 else -1


@given(point, point, point, point)
def test_a_path_crosses_a_segment_as_exact_arithmetic_says(p, q, a, b):
    want = slow_crossing(p, q, a, b)
    assume(want is not None)
    assert crossings(one(p), one(q), np.array([a, b], float))[0] == want


@given(point, st.lists(point, min_size=1, max_size=4), point, st.lists(point, min_size=2, max_size=4, unique=True))
def test_a_path_cut_into_pieces_on_a_straight_line_crosses_as_often(start, between, end, line):
    """Whatever touches the line or turns on it: what counts is the sum, and it is that of the sides."""
    path = np.array([start, *between, end], float)
    total = crossings(path[:-1], path[1:], np.array([[-100, 0], [100, 0]], float)).sum()
    assert total == int(end[1] >= 0) - int(start[1] >= 0)


def test_in_is_to_the_right_hand_side_downward_for_a_line_from_left_to_right():
    line = np.array([[0, 5], [10, 5]], float)
    assert crossings(one((5, 0)), one((5, 10)), line)[0] == 1
    assert crossings(one((5, 10)), one((5, 0)), line)[0] == -1
    assert crossings(one((5, 0)), one((5, 10)), line[::-1])[0] == -1
    assert signed_distance(one((5, 8)), line)[0] == 3
    assert signed_distance(one((5, 1)), line)[0] == -4


def test_around_the_end_is_no_crossing():
    line = np.array([[0, 5], [10, 5]], float)
    path = np.array([[9, 0], [12, 5], [9, 10]], float)
    assert crossings(path[:-1], path[1:], line).tolist() == [0, 0]


def test_a_path_through_a_corner_crosses_once():
    bent = np.array([[0, 0], [10, 5], [20, 0]], float)
    assert crossings(one((10, 0)), one((10, 10)), bent)[0] == 1
    assert crossings(one((10, 10)), one((10, 0)), bent)[0] == -1
    assert crossings(one((0, -5)), one((20, 5)), bent)[0] == 1
    # in over one side and out over the other
    assert crossings(one((-5, 4)), one((25, 4)), np.array([[0, 0], [10, 5], [20, 0]]) * (1, -1) + (0, 5))[0] == 0


def test_where_on_its_way_a_path_meets_the_border():
    parts = crossing_parts(np.array([[-10, 5], [-10, 50]], float), np.array([[30, 5], [30, 50]], float), SQUARE, True)
    assert parts[0].tolist() == pytest.approx([0.25, 0.5])
    assert np.isnan(parts[1]).all()


polygons = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=3, max_size=7, unique=True).filter(
    lambda p: area(np.array(p, float)) > 0 and not crosses_itself(distinct(np.array(p, float), True), True)
)


@given(polygons, st.lists(st.tuples(st.integers(-5, 55), st.integers(-5, 55)), min_size=1, max_size=20))
def test_inside_and_distance_are_those_of_opencv(polygon, points):
    contour = np.array(polygon, np.float32)[:, None]
    p = np.array(points, float)
    far, within = distance(p, np.array(polygon, float), closed=True), inside(p, np.array(polygon, float))
    for i, (x, y) in enumerate(points):
        want = cv2.pointPolygonTest(contour, (float(x), float(y)), True)
        assert far[i] == pytest.approx(abs(want), abs=1e-4)
        if want:
            assert within[i] == (want > 0)


@given(point, point, point)
def test_signed_distance_of_a_straight_line(a, b, p):
    assume(a != b)
    line = np.array([a, b], float)
    got = signed_distance(one(p), line)[0]
    along = Fraction((p[0] - a[0]) * (b[0] - a[0]) + (p[1] - a[1]) * (b[1] - a[1]))
    part = max(Fraction(0), min(Fraction(1), along / ((b[0] - a[0]) ** 2 + (b[1] - a[1]) ** 2)))
    x, y = a[0] + part * (b[0] - a[0]), a[1] + part * (b[1] - a[1])
    assert abs(got) == pytest.approx(float((p[0] - x) ** 2 + (p[1] - y) ** 2) ** 0.5, abs=1e-9)
    cross = (b[0] - a[0]) * (p[1] - a[1]) - (b[1] - a[1]) * (p[0] - a[0])
    if cross and got:
        assert (got > 0) == (cross > 0)


@pytest.mark.parametrize("sharp", [1.0, 5.0, 40.0])
def test_sides_at_a_sharp_corner(sharp):
    """Nearest to the tip one side alone would call points behind it the wrong way round."""
    bent = np.array([[-10, 0], [0, sharp], [10, 0]], float)
    below = np.array([[x, sharp + 1.0] for x in (-3, -1, 0, 1, 3)])
    assert (signed_distance(below, bent) > 0).all()
    inner = np.array([[0, sharp * 0.5], [0.0, 0.0], [0, -3]])
    assert (signed_distance(inner, bent) < 0).all()


@pytest.mark.parametrize(
    ("points", "closed", "crosses"),
    [
        ([(0, 0), (10, 0), (10, 10), (0, 10)], True, False),
        ([(0, 0), (10, 10), (10, 0), (0, 10)], True, True),
        ([(0, 0), (10, 0), (5, 0), (5, 5)], False, True),
        ([(0, 0), (10, 0), (5, 0)], False, True),
        ([(0, 0), (10, 0), (20, 0)], False, False),
        ([(0, 0), (10, 0), (10, 10), (5, -5)], False, True),
        ([(0, 0), (10, 0), (10, 10), (5, 0)], False, True),
        ([(0, 0), (10, 0), (5, 8)], True, False),
        ([(0, 0), (10, 0)], False, False),
        ([(0, 0), (10, 0)], True, True),
    ],
)
def test_shapes_that_cross_themselves(points, closed, crosses):
    assert crosses_itself(np.array(points, float), closed) is crosses


@pytest.mark.parametrize(
    ("points", "closed", "meets"),
    [
        ([(-5, 5), (15, 5)], False, True),
        ([(-5, -5), (-1, 20)], False, False),
        ([(10, 5), (20, 5)], False, True),
        ([(-50, -50), (50, -50), (50, 50), (-50, 50)], True, True),
        ([(-50, -50), (50, -50), (50, -1)], True, False),
        ([(-1, 5), (5, -1)], False, True),
        ([(-8, 5), (5, -8)], False, False),
    ],
)
def test_shapes_and_the_frame(points, closed, meets):
    assert meets_rectangle(np.array(points, float), closed, 10, 10) is meets


def test_repeats_go():
    p = np.array([[0, 0], [0, 0], [1, 0], [1, 1], [0, 0]], float)
    assert distinct(p, True).tolist() == [[0, 0], [1, 0], [1, 1]]
    assert distinct(p, False).tolist() == [[0, 0], [1, 0], [1, 1], [0, 0]]
    assert area(SQUARE) == 100
    assert area(SQUARE[::-1]) == 100
