"""BoT-SORT: what appearance and a camera that moves change."""

from collections import Counter
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.trackers import boxfilter
from sightline.trackers.botsort import BotSort
from sightline.trackers.scaled import Scaled
from sightline.types import Detections, Frame, Instant, StreamInfo

STREAM = StreamInfo("a", 1000, 800, Fraction(1, 25), Fraction(25))
RED, BLUE = np.eye(8, dtype=np.float32)[:2]


def frame(i, epoch=0):
    return Frame(STREAM, i, Instant(i, STREAM.base, epoch), None, 1000, 800)


def seen(*places, score=0.9, looks=None):
    """Boxes as (x, y) of their middle, 60 x 120 pixels."""
    middle = np.array(places, np.float32).reshape(-1, 2)
    half = np.array([30, 60], np.float32)
    columns = {} if looks is None else {"embedding": np.array(looks, np.float32).reshape(len(middle), -1)}
    n = len(middle)
    return Detections(
        np.concatenate([middle - half, middle + half], 1),
        np.full(n, score, np.float32),
        np.zeros(n, np.int32),
        ("person",),
        columns=columns,
    )


def meeting(tracker, looks):
    """Two come together, stand in one place and go back where they came from: who is on the left before and after."""
    rng = np.random.default_rng(3)
    way = [10 * i for i in range(20)] + [190 + 2 * i for i in range(6)] + [10 * i for i in range(20)][::-1]
    for i, x in enumerate(way):
        both = (300 + x, 400), (700 - x, 404)
        order = (0, 1) if rng.random() < 0.5 else (1, 0)
        vectors = [(RED, BLUE)[k] + rng.normal(0, 0.1, 8) for k in order] if looks else None
        tracks = tracker.update(seen(*(both[k] for k in order), looks=vectors), frame(i))
        names = {order[row]: name for row, name in zip(tracks.row.tolist(), tracks.id.tolist(), strict=True)}
        if i == 5:
            before = names
    return before, names


def test_appearance_keeps_the_ids_of_two_that_meet_and_turn_back():
    before, after = meeting(BotSort(), looks=True)
    assert after == before
    before, after = meeting(BotSort(), looks=False)
    assert after == {0: before[1], 1: before[0]}  # motion alone takes them for two that pass


def test_the_weight_of_appearance_can_be_nothing():
    before, after = meeting(BotSort(appearance_weight=0), looks=True)
    assert after == {0: before[1], 1: before[0]}


def test_one_that_jumps_is_found_by_its_looks_where_the_boxes_touch_at_all():
    ids = {}
    for near, what in ((0.05, RED), (0.3, RED), (0.05, BLUE)):
        tracker = BotSort(appearance_near=near)
        for i in range(10):
            tracker.update(seen((300, 400), looks=[RED]), frame(i))
        ids[near, what is RED] = tracker.update(seen((345, 410), looks=[what]), frame(10)).id.tolist()
    assert ids == {(0.05, True): [1], (0.3, True): [], (0.05, False): []}


def test_who_looks_too_different_is_somebody_else():
    ids = {}
    for least in (0.0, 0.4):
        tracker = BotSort(appearance_least=least)
        for i in range(10):
            tracker.update(seen((300, 400), looks=[RED]), frame(i))
        ids[least] = tracker.update(seen((300, 400), looks=[BLUE]), frame(10)).id.tolist()
    assert ids == {0.0: [1], 0.4: []}


def scaled(tracker: BotSort) -> Scaled:
    known = tracker._life.tracks
    assert isinstance(known, Scaled)
    return known


@pytest.mark.parametrize("odd", [np.zeros(8), np.full(8, np.nan), np.full(8, np.inf)], ids=["zero", "nan", "inf"])
def test_embeddings_that_say_nothing_do_no_harm(odd):
    tracker = BotSort(appearance_least=0.4)
    for i in range(20):
        tracks = tracker.update(seen((300 + i, 400), (600, 400), looks=[odd if i % 2 else RED, BLUE]), frame(i))
    assert tracks.id.tolist() == [1, 2]
    np.testing.assert_allclose(scaled(tracker).embedding, [RED, BLUE], atol=1e-6)


def test_embeddings_may_come_late_be_missing_and_change_their_length():
    tracker = BotSort()
    for i in range(30):
        looks = None if i < 5 or i % 3 == 0 else [RED, BLUE] if i < 20 else [np.ones(4), -np.ones(4)]
        tracks = tracker.update(seen((300, 400), (600, 400), looks=looks), frame(i))
    assert tracks.id.tolist() == [1, 2]
    assert scaled(tracker).embedding.shape == (2, 4)


def test_what_is_known_changes_slowly_and_only_by_sure_detections():
    tracker = BotSort(appearance_memory=0.5, high=0.6)
    tracker.update(seen((300, 400), looks=[RED]), frame(0))
    tracker.update(seen((300, 400), looks=[BLUE]), frame(1))
    mixed = (RED + BLUE) / np.sqrt(2)
    np.testing.assert_allclose(scaled(tracker).embedding[0], mixed, atol=1e-6)
    assert tracker.update(seen((300, 400), looks=[BLUE], score=0.4), frame(2)).id.tolist() == [1]
    np.testing.assert_allclose(scaled(tracker).embedding[0], mixed, atol=1e-6)


def test_the_first_look_names_at_once_where_it_may():
    assert BotSort().update(seen((300, 400)), frame(0)).id.tolist() == [1]
    assert BotSort(instant=False).update(seen((300, 400)), frame(0)).id.tolist() == []
    tracker = BotSort()
    tracker.update(seen(), frame(0))
    assert tracker.update(seen((300, 400)), frame(1)).id.tolist() == []


def test_doubtful_detections_find_only_tracks_seen_a_moment_ago():
    tracker = BotSort()
    for i in range(5):
        tracker.update(seen((300, 400)), frame(i))
    assert tracker.update(seen((300, 400), score=0.4), frame(5)).id.tolist() == [1]
    tracker.update(seen(), frame(6))
    assert tracker.update(seen((300, 400), score=0.4), frame(7)).id.tolist() == []
    assert tracker.update(seen((300, 400)), frame(8)).id.tolist() == [1]


def test_a_doubtful_score_makes_a_poor_pair():
    ids = {}
    for score in (0.9, 0.6):
        tracker = BotSort(match=0.3)
        for i in range(5):
            tracker.update(seen((300, 400)), frame(i))
        ids[score] = tracker.update(seen((327, 400), score=score), frame(5)).id.tolist()
    assert ids == {0.9: [1], 0.6: []}  # IoU 0.38


class Camera:
    """A camera that is told how it moves."""

    def __init__(self, moved):
        self.moved, self.asked, self.resets = moved, [], 0

    def __call__(self, frame, boxes):
        self.asked.append((frame.index, len(boxes)))
        return self.moved

    def reset(self):
        self.resets += 1


def jerks(tracker):
    """Objects that stand still while the camera jerks 70 pixels to and fro; how often each is named."""
    named, shift = Counter(), 0
    for i in range(24):
        if i >= 4:
            step = 70 if i // 3 % 2 else -70
            shift += step
            tracker.motion.moved = np.array([[1, 0, step], [0, 1, 0.0]])
        named.update(tracker.update(seen((300 + shift, 400), (700 + shift, 400)), frame(i)).id.tolist())
    return named


def test_ids_survive_a_camera_that_moves():
    with_it, without = BotSort(), BotSort(camera_motion=False)
    with_it.motion, without.motion = Camera(None), Camera(None)
    assert jerks(with_it) == {1: 24, 2: 24}
    assert max(jerks(without).values()) < 18
    assert without.motion.asked == []


def test_the_camera_is_asked_once_for_every_frame_and_forgets_with_the_tracker():
    tracker = BotSort()
    tracker.motion = camera = Camera(None)
    for i in range(6):
        tracker.update(seen((300, 400)) if i % 2 == 0 else None, frame(i))
    assert camera.asked == [(i, 1) for i in range(6)]
    tracker.reset()
    assert camera.resets == 1


@given(st.floats(-0.3, 0.3), st.floats(0.8, 1.25), st.floats(-90, 90), st.floats(-90, 90))
def test_a_box_goes_with_the_camera(turn, zoom, x, y):
    matrix = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0]]) * zoom + [
        [0, 0, x],
        [0, 0, y],
    ]
    tracks = Scaled()
    tracks.add(seen((300, 400), (500, 100)), np.arange(2), 0.04)
    tracks.moving[:, :2, 1] = [10, -5]
    spread = tracks.moving[..., 2:].copy()
    tracks.warp(matrix)
    for row, middle in enumerate(((300, 400), (500, 100))):
        there = matrix[:, :2] @ middle + matrix[:, 2]
        np.testing.assert_allclose(tracks.moving[row, :2, 0], there, rtol=1e-9)
        np.testing.assert_allclose(tracks.position[row, 2:] - tracks.position[row, :2], np.array([60, 120]) * zoom)
        np.testing.assert_allclose(tracks.moving[row, :2, 1], matrix[:, :2] @ [10, -5], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(tracks.moving[..., 2:], spread * zoom**2, rtol=1e-9)


def test_noise_is_in_proportion_to_the_box():
    tracks = Scaled()
    tracks.add(seen((300, 400)), np.arange(1), 0.04)
    tracks.predict(0.04, 0.04)
    variances = tracks.moving[0, :, 2]
    want = (0.1 * np.array([60, 120, 60, 120])) ** 2
    want = want + (0.0625 * np.array([60, 120, 60, 120])) ** 2 + (0.05 * np.array([60, 120, 60, 120])) ** 2
    np.testing.assert_allclose(variances, want)
    boxfilter.correct(tracks.moving, np.full(4, 1e-9), boxfilter.centre_size(np.array([[0, 0, 6, 8.0]])))
    np.testing.assert_allclose(tracks.moving[0, :, 0], [3, 4, 6, 8], atol=1e-6)


@pytest.mark.parametrize("name", ["unconfirmed_match", "appearance_weight", "appearance_near", "appearance_memory"])
def test_options_that_cannot_be(name):
    with pytest.raises(ValueError, match=name):
        BotSort(**{name: 1.5})  # type: ignore[arg-type]
