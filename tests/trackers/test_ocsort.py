"""OC-SORT: its track against one written with the textbook's matrices, and what its three ideas are good for."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.trackers.observed import Observed
from sightline.trackers.ocsort import OcSort, _headed
from sightline.trackers.sort import Sort
from sightline.types import Detections, Frame, Instant, StreamInfo

STREAM = StreamInfo("a", 1000, 800, Fraction(1, 25), Fraction(25))


def frame(i):
    return Frame(STREAM, i, Instant(i, STREAM.base), None, 1000, 800)


def seen(*boxes, score=0.9):
    rows = np.array(boxes, np.float32).reshape(-1, 4)
    return Detections(rows, np.full(len(rows), score, np.float32), np.zeros(len(rows), np.int32), ("car",))


def at(x: float, y: float, w: float = 40, h: float = 80) -> tuple[float, float, float, float]:
    return (x - w / 2, y - h / 2, x + w / 2, y + h / 2)


class SlowTrack:
    """One track with seven states, as the paper has it; time in frames. A gap is replayed once it is over."""

    H = np.eye(4, 7)
    R = np.diag([1.0, 1, 10, 10])
    Q = np.diag([1, 1, 1, 1, 0.01, 0.01, 0.0001])

    def __init__(self, box):
        self.F = np.eye(7)
        self.F[0, 4] = self.F[1, 5] = self.F[2, 6] = 1
        self.x = np.append(self.measure(box), [0, 0, 0])
        self.p = np.diag([10.0, 10, 10, 10, 1e4, 1e4, 1e4])
        self.last, self.gap, self.kept = np.array(box, float), 0, None

    @staticmethod
    def measure(box):
        x1, y1, x2, y2 = np.asarray(box, float)
        return np.array([(x1 + x2) / 2, (y1 + y2) / 2, (x2 - x1) * (y2 - y1), (x2 - x1) / (y2 - y1 + 1e-6)])

    def predict(self):
        if self.x[2] + self.x[6] <= 0:
            self.x[6] = 0
        self.x = self.F @ self.x
        self.p = self.F @ self.p @ self.F.T + self.Q
        self.gap += 1

    def correct(self, z):
        k = self.p @ self.H.T @ np.linalg.inv(self.H @ self.p @ self.H.T + self.R)
        self.x = self.x + k @ (z - self.H @ self.x)
        j = np.eye(7) - k @ self.H
        self.p = j @ self.p @ j.T + k @ self.R @ k.T

    def look(self, box):
        self.predict()
        if box is None:
            self.kept = self.kept or (self.x.copy(), self.p.copy())
            return
        box = np.asarray(box, float)
        if self.kept is not None:
            gap = self.gap
            self.x, self.p = self.kept
            for i in range(1, gap + 1):
                if i > 1:
                    self.predict()
                self.correct(self.measure(self.last + (box - self.last) * i / gap))
        self.correct(self.measure(box))
        self.last, self.gap, self.kept = box, 0, None

    def box(self):
        x, y, s, r = self.x[:4]
        w = np.sqrt(s * r)
        return np.array([x - w / 2, y - s / w / 2, x + w / 2, y + s / w / 2])


moves = st.lists(st.none() | st.tuples(st.integers(-4, 4), st.integers(-4, 4), st.integers(-2, 2)), max_size=25)


@given(moves)
@settings(max_examples=60, deadline=None)
def test_a_track_is_the_slow_one_through_every_gap(steps):
    tracker, place, size = OcSort(match=0.0, lost_s=9), np.array([400.0, 300.0]), 60.0
    tracker.update(seen(at(place[0], place[1], size, 90)), frame(0))
    slow = SlowTrack(at(place[0], place[1], size, 90))
    for i, step in enumerate(steps, 1):
        box = None
        if step is not None:
            place += step[:2]
            size += step[2]
            box = np.array(at(place[0], place[1], size, 90), np.float32)
        tracker.update(seen() if box is None else seen(box), frame(i))
        slow.look(box)
        tracks = tracker._life.tracks
        assert isinstance(tracks, Observed)
        assert len(tracks) == 1
        np.testing.assert_allclose(tracks.moving[0, :, 0], slow.x[:4], rtol=1e-4, atol=1e-3)
        np.testing.assert_allclose(tracks.moving[0, :3, 1] / 25, slow.x[4:], rtol=1e-3, atol=1e-2)
        if box is None:
            np.testing.assert_allclose(tracks.position[0], slow.box(), rtol=1e-4, atol=1e-2)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=30, deadline=None)
def test_momentum_pair_by_pair(seed):
    rng = np.random.default_rng(seed)
    tracks = Observed.empty(3, None)
    tracks.add(seen(*(at(*p) for p in rng.uniform(0, 800, (4, 2)))), np.arange(4), 0.04)
    tracks.direction = rng.normal(0, 1, (4, 2))
    tracks.direction /= np.linalg.norm(tracks.direction, axis=1, keepdims=True)
    tracks.direction[0] = 0  # not known yet
    boxes = np.array([at(*p) for p in rng.uniform(0, 800, (5, 2))], np.float32)
    score = rng.uniform(0, 1, 5).astype(np.float32)
    got = _headed(tracks, boxes, score)
    for i in range(4):
        for j in range(5):
            way = (boxes[j, :2] + boxes[j, 2:]) / 2 - (tracks.last[i, :2] + tracks.last[i, 2:]) / 2
            angle = np.arccos(np.clip(way @ tracks.direction[i] / np.linalg.norm(way), -1, 1)) if i else np.pi / 2
            assert got[i, j] == pytest.approx((np.pi / 2 - angle) / np.pi * score[j], abs=1e-4)


def test_in_the_first_looks_a_direction_is_taken_from_what_there_is():
    tracker = OcSort(delta_t=3)
    for i, (x, y) in enumerate(((500, 300), (510, 300), (510, 310))):
        tracker.update(seen(at(x, y)), frame(i))
    tracks = tracker._life.tracks
    assert isinstance(tracks, Observed)
    np.testing.assert_allclose(tracks.direction[0], [0, 1], atol=1e-6)


def test_direction_is_taken_from_some_looks_ago():
    tracker = OcSort(delta_t=3)
    for i, x in enumerate((100, 110, 120, 130, 140)):
        tracker.update(seen(at(x, 100)), frame(i))
    tracks = tracker._life.tracks
    assert isinstance(tracks, Observed)
    tracks.predict(0.04, 0.04)
    assert tracks.reference()[0].tolist() == list(at(120, 100))
    np.testing.assert_allclose(tracks.direction[0], [1, 0], atol=1e-6)


def switches(momentum, seed):
    """How often one of six that cross, are missed at times and seen inexactly goes on under another id."""
    rng = np.random.default_rng(seed)
    place, speed = rng.uniform(200, 400, (6, 2)), rng.normal(0, 1, (6, 2))
    speed *= 14 / np.linalg.norm(speed, axis=1, keepdims=True)
    tracker, last, total = OcSort(confirm=1, momentum=momentum, lost_s=2), {}, 0
    for i in range(60):
        here = np.flatnonzero(rng.random(6) < 0.8)
        boxes = (place + speed * (i - 20))[here] + rng.normal(0, 6, (len(here), 2))
        tracks = tracker.update(seen(*(at(*p) for p in boxes)), frame(i))
        for row, name in zip(tracks.row.tolist(), tracks.id.tolist(), strict=True):
            total += last.get(here[row], name) != name
            last[here[row]] = name
    return total


def test_momentum_keeps_ids_in_a_crowd():
    assert sum(switches(0.2, s) for s in range(12)) <= 0.9 * sum(switches(0, s) for s in range(12))


def test_one_that_stops_while_hidden_is_found_where_it_was_last_seen():
    found = {}
    for make in (OcSort, Sort):
        tracker = make(confirm=1)
        for i in range(10):
            tracks = tracker.update(seen(at(100 + 12 * i, 300)), frame(i))
        before = tracks.id.tolist()
        for i in range(10, 18):
            tracker.update(seen(), frame(i))
        found[make] = before == tracker.update(seen(at(100 + 12 * 9 + 4, 300)), frame(18)).id.tolist()
    assert found == {OcSort: True, Sort: False}


@pytest.mark.parametrize("later", [1, 2])
def test_of_two_last_seen_in_one_place_the_later_one_is_found(later):
    """Both end at the same place, one after the other, and are gone by the time something is there again."""
    tracker, early = OcSort(momentum=0, confirm=1, lost_s=3), 3 - later
    ways = {early: [(85 + 15 * i, 300) for i in range(5)], later: [(145, 480 - 15 * i) for i in range(13)]}
    for i in range(13):
        boxes = [at(*ways[name][i]) for name in (1, 2) if i < len(ways[name])]
        tracker.update(seen(*boxes), frame(i))
    for i in range(13, 16):
        tracker.update(seen(), frame(i))
    tracker.update(seen(at(145, 300)), frame(16))
    tracks = tracker._life.tracks
    assert dict(zip(tracks.id.tolist(), tracks.misses.tolist(), strict=True)) == {early: 12, later: 0}


def test_reported_at_once_in_the_first_looks_later_after_three_more_sightings():
    tracker = OcSort()
    told = [len(tracker.update(seen(at(100, 100)), frame(i)).id) for i in range(8)]
    assert told == [0, 1, 1, 1, 1, 1, 1, 1]
    told = [len(tracker.update(seen(at(100, 100), at(600, 500)), frame(i)).id) for i in range(8, 16)]
    assert told == [1, 1, 1, 2, 2, 2, 2, 2]


@pytest.mark.parametrize(("again", "want"), [(None, [0, 0, 1, 1]), (1, [1, 1, 1, 1]), (2, [0, 1, 1, 1])])
def test_found_again_it_is_reported_after_so_many_sightings(again, want):
    tracker = OcSort(again=again)
    for i in range(10):
        tracker.update(seen(at(100, 100)), frame(i))
    tracker.update(seen(), frame(10))
    told = [tracker.update(seen(at(100, 100)), frame(i)) for i in range(11, 15)]
    assert [len(t.id) for t in told] == want
    assert told[-1].id.tolist() == [1]


def test_what_is_left_open_follows_the_models_threshold():
    assert OcSort().for_model(0.3).high == OcSort(high=0.3).floor == 0.3
    assert OcSort(high=0.5).for_model(0.3).high == 0.5
    tracker = OcSort(high=0.3, activate=0.8)
    for i in range(4):
        tracks = tracker.update(seen(at(100, 100), score=0.7), frame(i))
    assert len(tracks.id) == 0


@pytest.mark.parametrize("bad", [{"momentum": -1}, {"delta_t": 0}, {"again": 0}, {"high": 2}])
def test_options_that_cannot_be(bad):
    with pytest.raises(ValueError, match=next(iter(bad))):
        OcSort(**bad)
