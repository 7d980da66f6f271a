"""The filter of columns against the textbook's matrices."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sightline.trackers.kalman import correct, fresh_covariance, predict


class MatrixFilter:
    """One edge of one box: state (position, velocity), written as in any textbook."""

    def __init__(self, position: float, tick_s: float) -> None:
        self.tick = tick_s
        self.x = np.array([position, 0.0])
        self.p = np.diag([1.0, 1.0 / tick_s**2])

    def predict_ticks(self, n: int) -> None:
        move = np.array([[1.0, self.tick], [0.0, 1.0]])
        noise = np.diag([0.01, 0.01 / self.tick**2])
        for _ in range(n):
            self.x = move @ self.x
            self.p = move @ self.p @ move.T + noise

    def correct(self, seen: float) -> None:
        h = np.array([[1.0, 0.0]])
        s = h @ self.p @ h.T + 0.1
        k = self.p @ h.T @ np.linalg.inv(s)
        self.x = self.x + (k @ (np.array([seen]) - h @ self.x)).ravel()
        j = np.eye(2) - k @ h
        self.p = j @ self.p @ j.T + k @ k.T * 0.1


steps = st.lists(st.tuples(st.integers(1, 9), st.none() | st.floats(-500, 500)), min_size=1, max_size=12)


@given(st.floats(-1000, 1000), steps, st.sampled_from([1 / 60, 1 / 30, 1 / 7, 2.0]))
def test_agrees_with_the_matrix_filter_whatever_the_gaps(start, moves, tick):
    twin = MatrixFilter(start, tick)
    position, velocity = np.full((1, 4), start), np.zeros((1, 4))
    covariance = fresh_covariance(1, tick)
    for ticks, seen in moves:
        twin.predict_ticks(ticks)
        predict(position, velocity, covariance, ticks * tick, tick)
        if seen is not None:
            twin.correct(seen)
            correct(position, velocity, covariance, np.array([0]), np.full((1, 4), seen))
        np.testing.assert_allclose(position[0], twin.x[0], rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(velocity[0], twin.x[1], rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(covariance[0], [twin.p[0, 0], twin.p[0, 1], twin.p[1, 1]], rtol=1e-6, atol=1e-9)


@given(st.lists(st.floats(0.001, 3), min_size=1, max_size=6))
def test_parts_of_a_step_say_the_same_as_the_whole(parts):
    def fresh():
        return np.ones((2, 4)), np.full((2, 4), 3.0), fresh_covariance(2, 0.04)

    whole, pieces = fresh(), fresh()
    predict(*whole, sum(parts), 0.04)
    for part in parts:
        predict(*pieces, part, 0.04)
    for a, b in zip(whole, pieces, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9)


@given(st.lists(st.tuples(st.floats(1e-4, 5), st.booleans()), min_size=1, max_size=30))
def test_covariance_stays_one(steps):
    position, velocity, covariance = np.zeros((1, 4)), np.zeros((1, 4)), fresh_covariance(1, 1 / 25)
    for step, seen in steps:
        predict(position, velocity, covariance, step, 1 / 25)
        if seen:
            correct(position, velocity, covariance, np.array([0]), np.ones((1, 4)))
        pp, pv, vv = covariance[0]
        assert pp > 0
        assert vv > 0
        assert pp * vv - pv * pv > 0


def test_only_the_rows_named_are_corrected():
    position, velocity, covariance = np.zeros((3, 4)), np.zeros((3, 4)), fresh_covariance(3, 0.04)
    predict(position, velocity, covariance, 0.04, 0.04)
    correct(position, velocity, covariance, np.array([1]), np.full((1, 4), 10.0))
    assert (position[1] > 5).all()
    assert (position[[0, 2]] == 0).all()
    assert covariance[1, 0] < covariance[0, 0]
