import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.boxes import iou_matrix
from sightline.trackers import matching
from sightline.trackers.matching import iou, match

corner = st.integers(0, 60)
box = st.tuples(corner, corner, st.integers(1, 40), st.integers(1, 40)).map(
    lambda v: (v[0], v[1], v[0] + v[2], v[1] + v[3])
)


def boxes(least, most):
    return st.lists(box, min_size=least, max_size=most).map(lambda rows: np.array(rows, np.float64).reshape(-1, 4))


def zeros(n):
    return np.zeros(n, np.int32)


@given(boxes(1, 6), boxes(1, 6))
def test_iou_is_that_of_boxes(a, b):
    np.testing.assert_allclose(iou(a, b), iou_matrix(a.astype(np.float32), b.astype(np.float32)), atol=1e-6)


def test_turned_over_and_nan_boxes_meet_nothing():
    odd = np.array([[10, 10, 0, 0], [np.nan, 0, 5, 5], [5, 5, 5, 5]], np.float64)
    assert (iou(odd, np.array([[0.0, 0, 10, 10]])) == 0).all()
    rows, columns = match(odd, zeros(3), odd, zeros(3), 0.1, None)
    assert len(rows) == len(columns) == 0


@given(boxes(1, 5), boxes(1, 5))
@settings(max_examples=60)
def test_the_sum_is_the_greatest_there_is(a, b):
    rows, columns = match(a, zeros(len(a)), b, zeros(len(b)), 0.0, None)
    got = iou(a, b)[rows, columns].sum()
    few, many = (iou(a, b), len(b)) if len(a) <= len(b) else (iou(a, b).T, len(a))
    best = max(sum(few[i, j] for i, j in enumerate(p)) for p in itertools.permutations(range(many), len(few)))
    assert np.isclose(got, best)
    assert len(set(rows.tolist())) == len(rows)
    assert len(set(columns.tolist())) == len(columns)


def test_pairs_below_the_least_are_none():
    a, b = np.array([[0.0, 0, 10, 10]]), np.array([[5.0, 0, 15, 10]])  # IoU 1/3
    assert len(match(a, zeros(1), b, zeros(1), 0.34, None)[0]) == 0
    assert len(match(a, zeros(1), b, zeros(1), 0.33, None)[0]) == 1


def test_another_label_only_where_the_boxes_are_almost_one_and_nobody_of_the_label_wants_it():
    track, labels = np.array([[0.0, 0, 10, 10]]), zeros(1)
    same_poor, other_good, other_poor = (5.0, 0, 15, 10), (0.0, 0, 10, 9), (4.0, 0, 14, 10)
    seen = np.array([other_good, same_poor])
    kinds = np.array([1, 0], np.int32)
    assert match(track, labels, seen, kinds, 0.1, 0.7)[1].tolist() == [1]
    assert match(track, labels, seen[:1], kinds[:1], 0.1, 0.7)[1].tolist() == [0]
    assert match(track, labels, np.array([other_poor]), kinds[:1], 0.1, 0.7)[1].tolist() == []
    assert match(track, labels, seen, kinds, 0.1, None)[1].tolist() == [0]


def test_beyond_the_exact_the_best_pair_goes_first(monkeypatch):
    monkeypatch.setattr(matching, "_MOST_EXACT", 0)
    rng = np.random.default_rng(1)
    a = rng.uniform(0, 900, (40, 2))
    a = np.concatenate([a, a + 30], 1)
    b = a[::-1] + 2
    rows, columns = match(a, zeros(40), b, zeros(40), 0.1, None)
    assert (columns == 39 - rows).all()
    assert len(rows) == 40


@given(boxes(1, 60), boxes(1, 60))
@settings(max_examples=60)
def test_beyond_the_exact_nothing_near_is_overlooked(a, b):
    kinds_a, kinds_b = np.arange(len(a), dtype=np.int32) % 2, np.arange(len(b), dtype=np.int32) % 3
    likeness, allowed = matching._likeness(a, kinds_a, b, kinds_b, 0.1, 0.7)
    rows, columns, values = matching._neighbours(a, kinds_a, b, kinds_b, 0.1, 0.7)
    assert allowed[rows, columns].all()
    np.testing.assert_array_equal(values, likeness[rows, columns])
    np.testing.assert_array_equal(np.bincount(rows, minlength=len(a)), np.minimum(allowed.sum(1), matching._FEW))
    for row in range(len(a)):
        best = np.sort(likeness[row, allowed[row]])[::-1][: matching._FEW]
        np.testing.assert_array_equal(np.sort(values[rows == row])[::-1], best)
