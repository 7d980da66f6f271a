"""The filter of one product against the textbook's matrices."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sightline.trackers.boxfilter import Noise, centre_size, corners, correct, fresh, move, predict, walked

NOISE = Noise(
    start=np.array([10.0, 4.0, 1.0, 2.0]),
    start_velocity=np.array([1e4, 10.0, 3.0, 0.0]),
    walk=np.array([1.0, 0.5, 0.1, 0.2]),
    walk_velocity=np.array([0.01, 0.3, 0.002, 0.0]),
    measured=np.array([1.0, 2.0, 10.0, 0.5]),
)


class MatrixFilter:
    """One number of one box: state (position, velocity), written as in any textbook, in ticks."""

    def __init__(self, i: int, position: float) -> None:
        self.x = np.array([position, 0.0])
        self.p = np.diag([NOISE.start[i], NOISE.start_velocity[i]])
        self.q = np.diag([NOISE.walk[i], NOISE.walk_velocity[i]])
        self.r = NOISE.measured[i]

    def predict(self, ticks: int) -> None:
        f = np.array([[1.0, 1.0], [0.0, 1.0]])
        for _ in range(ticks):
            self.x = f @ self.x
            self.p = f @ self.p @ f.T + self.q

    def correct(self, seen: float) -> None:
        h = np.array([[1.0, 0.0]])
        k = self.p @ h.T / (h @ self.p @ h.T + self.r)
        self.x = self.x + (k * (seen - self.x[0])).ravel()
        j = np.eye(2) - k @ h
        self.p = j @ self.p @ j.T + k @ k.T * self.r

    def facts(self, tick: float) -> list[float]:
        return [self.x[0], self.x[1] / tick, self.p[0, 0], self.p[0, 1] / tick, self.p[1, 1] / tick**2]


place = st.floats(-500, 500)
steps = st.lists(st.tuples(st.integers(1, 9), st.none() | st.tuples(place, place, place, place)), max_size=9)


@given(st.tuples(place, place, place, place), steps, st.sampled_from([1 / 60, 1 / 7, 2.0]))
def test_agrees_with_the_matrix_filter_whatever_the_gaps(start, moves, tick):
    twins = [MatrixFilter(i, start[i]) for i in range(4)]
    boxes = fresh(np.array([start]), NOISE, tick)
    for ticks, seen in moves:
        predict(boxes, NOISE, ticks * tick, tick)
        for i, twin in enumerate(twins):
            twin.predict(ticks)
            if seen is not None:
                twin.correct(seen[i])
        if seen is not None:
            correct(boxes, NOISE.measured, np.array([seen]))
        np.testing.assert_allclose(boxes[0], [t.facts(tick) for t in twins], rtol=1e-6, atol=1e-6)


@given(st.lists(st.floats(0.01, 5), min_size=1, max_size=4))
def test_steps_in_a_unit_of_their_own_are_the_same_steps(ticks):
    tick = 1 / 25
    t = np.array(ticks)
    start = np.arange(len(t) * 4, dtype=np.float64).reshape(-1, 4)
    whole = fresh(start, NOISE, tick)
    whole[..., 1] = 3.0
    own = whole.copy()
    for row in range(len(t)):
        predict(whole[row : row + 1], NOISE, float(t[row]) * tick, tick)
    pace = t * tick
    unit = np.ones((len(t), 1, 5))
    unit[:, 0, 1] = unit[:, 0, 3] = pace
    unit[:, 0, 4] = pace**2
    own *= unit
    move(own, 1)
    own += walked(NOISE, t)
    np.testing.assert_allclose(own / unit, whole, rtol=1e-9, atol=1e-9)


def test_centre_and_size_and_back():
    boxes = np.array([[1.0, 2, 5, 10], [-3, 0, 0, 1]])
    assert centre_size(boxes).tolist() == [[3, 6, 4, 8], [-1.5, 0.5, 3, 1]]
    assert corners(centre_size(boxes)).tolist() == boxes.tolist()
