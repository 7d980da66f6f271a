"""What every tracker must do, and what they do with scores, labels, sizes, gaps and skipped frames."""

import tracemalloc
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.protocols import Tracker
from sightline.trackers.botsort import BotSort
from sightline.trackers.bytetrack import ByteTrack
from sightline.trackers.iou import Iou
from sightline.trackers.ocsort import OcSort
from sightline.trackers.sort import Sort
from sightline.types import Detections, Frame, Instant, StreamInfo

STREAM = StreamInfo("a", 1000, 800, Fraction(1, 25), Fraction(25))
ALL = (ByteTrack, Sort, OcSort, BotSort, Iou)
MAKE = [pytest.param(make, id=make.__name__.lower()) for make in ALL]


def frame(i, pts=None, epoch=0, stream=STREAM):
    return Frame(stream, i, Instant(i if pts is None else pts, stream.base, epoch), None, 1000, 800)


def seen(*boxes: Any, score: Any = 0.9, label: Any = 0) -> Detections:
    """Boxes as (x, y) of their middle, 40 x 80 pixels."""
    middle = np.array(boxes, np.float32).reshape(-1, 2)
    n = len(middle)
    scores = np.broadcast_to(np.asarray(score, np.float32), n).copy()
    labels = np.broadcast_to(np.asarray(label, np.int32), n).copy()
    half = np.array([20, 40], np.float32)
    return Detections(np.concatenate([middle - half, middle + half], 1), scores, labels, ("car", "truck"))


def scene(seed, frames=60):
    rng = np.random.default_rng(seed)
    place, speed = rng.uniform(100, 700, (8, 2)), rng.uniform(-4, 4, (8, 2))
    for i in range(frames):
        here = rng.random(8) < 0.85
        yield (
            frame(i),
            seen(*(place + speed * i + rng.normal(0, 1, (8, 2)))[here], score=rng.uniform(0.2, 1, here.sum())),
        )


def facts(tracks):
    return [
        tracks.id.tolist(),
        tracks.row.tolist(),
        tracks.coasting.tolist(),
        tracks.coasting_xyxy.tolist(),
        tracks.ended,
    ]


number = st.sampled_from([0.0, 10.0, 50.0, 52.0, 90.0, -7.0, 1e30, -1e30, np.nan, np.inf, -np.inf]) | st.floats(0, 100)
odd_box = st.tuples(number, number, number, number)


@pytest.mark.parametrize("make", MAKE)
class TestContract:
    def test_is_a_tracker(self, make):
        assert isinstance(make(), Tracker)

    def test_two_interleaved_are_two_alone(self, make):
        alone = []
        for seed in (1, 2):
            tracker = make()
            alone.append([facts(tracker.update(d, f)) for f, d in scene(seed)])
        a, b = make(), make()
        together = [
            (facts(a.update(d1, f1)), facts(b.update(d2, f2)))
            for (f1, d1), (f2, d2) in zip(scene(1), scene(2), strict=True)
        ]
        assert [t[0] for t in together] == alone[0]
        assert [t[1] for t in together] == alone[1]
        assert any(row[0] for row in alone[0])

    def test_the_input_keeps_its_bytes(self, make):
        tracker = make()
        for f, d in scene(3):
            before = replace(d, xyxy=d.xyxy.copy(), score=d.score.copy(), label=d.label.copy())
            tracker.update(d, f)
            assert d.equals(before)

    def test_rows_and_ids_are_unique_and_ids_rise_from_one(self, make):
        tracker, known = make(), set()
        for f, d in scene(4):
            tracks = tracker.update(d, f)
            assert len(set(tracks.row.tolist())) == len(tracks.row)
            assert len(set(tracks.id.tolist())) == len(tracks.id)
            assert not set(tracks.id.tolist()) & set(tracks.coasting.tolist())
            fresh = set(tracks.id.tolist()) - known
            assert fresh == set(range(len(known) + 1, len(known) + 1 + len(fresh)))
            known |= fresh
        assert known

    def test_every_id_ends_once_and_never_comes_back(self, make):
        tracker, ended, alive = make(lost_s=0.1), [], set()
        for f, d in scene(5, 200):
            tracks = tracker.update(d, f)
            assert not set(ended) & (set(tracks.id.tolist()) | set(tracks.coasting.tolist()))
            ended += tracks.ended
            alive |= set(tracks.id.tolist())
        for i in range(200, 240):
            ended += tracker.update(Detections(), frame(i)).ended
        assert sorted(ended) == sorted(alive)

    def test_reset_is_a_new_one(self, make):
        tracker = make()
        first = [facts(tracker.update(d, f)) for f, d in scene(6)]
        tracker.reset()
        assert [facts(tracker.update(d, f)) for f, d in scene(6)] == first

    def test_many_ids_leave_memory_flat(self, make):
        tracker, n, ids = make(confirm=1, lost_s=0.0), 100, 0
        grid = np.stack(np.meshgrid(np.arange(10), np.arange(10)), -1).reshape(-1, 2) * 100.0
        sizes = []
        tracemalloc.start()
        for i in range(400):
            # every second frame all objects jump, so that each is a new one
            tracks = tracker.update(seen(*(grid + (i // 2 % 2) * 2550)), frame(i))
            ids = max([ids, *tracks.id.tolist()])
            if i in (41, 399):
                sizes.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        assert ids == 200 * n == 20_000
        assert sizes[1] - sizes[0] < 50_000

    def test_nothing_for_ever(self, make):
        tracker = make()
        for i in range(50):
            tracks = tracker.update(Detections(), frame(i))
            assert facts(tracks) == [[], [], [], [], ()]

    def test_a_new_epoch_ends_all(self, make):
        tracker = make()
        for i in range(5):
            before = tracker.update(seen((100, 100)), frame(i))
        after = tracker.update(seen((100, 100)), frame(5, pts=0, epoch=1))
        assert before.id.tolist() == [1]
        assert after.ended == (1,)
        assert len(after.id) == len(after.coasting) == 0

    def test_a_gap_longer_than_lost_ends_all_before_anything_is_found(self, make):
        tracker = make(lost_s=1.0)
        for i in range(5):
            tracker.update(seen((100, 100)), frame(i))
        after = tracker.update(seen((100, 100)), frame(5, pts=5 + 50))
        assert after.ended == (1,)
        assert len(after.id) == 0

    @pytest.mark.parametrize("pts", [lambda i: 0, lambda i: -i, lambda i: i ^ 1], ids=["zero", "back", "swapped"])
    def test_broken_times_do_no_harm(self, make, pts):
        tracker = make()
        for i in range(20):
            tracks = tracker.update(seen((100 + 3 * i, 100)), frame(i, pts=pts(i)))
        assert tracks.id.tolist() == [1]

    def test_stills_have_no_times(self, make):
        tracker, stream = make(), replace(STREAM, timed=False, rate=None)
        for i in range(4):
            f = Frame(stream, i, Instant(None, Fraction(1)), None, 1000, 800)
            tracks = tracker.update(seen((100, 100)), f)
        assert tracks.id.tolist() == [1]

    def test_skipped_frames_coast_and_count_no_miss(self, make):
        tracker, ids = make(lost_s=0.2), set()
        for i in range(60):
            look = i % 5 == 0
            tracks = tracker.update(seen((100 + 3 * i, 300)) if look else None, frame(i))
            if look:
                ids |= set(tracks.id.tolist())
            elif ids:
                assert tracks.coasting.tolist() == [1]
                assert abs(tracks.coasting_xyxy[0, [0, 2]].mean() - (100 + 3 * i)) < 25
            assert tracks.ended == ()
        assert ids == {1}

    def test_many_detections_in_a_frame(self, make):
        tracker = make(confirm=1)
        rng = np.random.default_rng(0)
        crowd = seen(*rng.uniform(0, 20000, (2500, 2)))
        tracker.update(crowd, frame(0))
        assert len(tracker.update(crowd, frame(1)).id) == 2500

    @given(
        st.lists(st.none() | st.lists(odd_box, max_size=6), max_size=12), st.lists(st.integers(-5, 400), min_size=12)
    )
    @settings(max_examples=60, deadline=None)
    def test_boxes_and_times_that_cannot_be_do_no_harm(self, make, looks, times):
        tracker, ended, rng = make(confirm=1), [], np.random.default_rng(0)
        for i, boxes in enumerate(looks):
            shown = None
            if boxes is not None:
                rows = np.array(boxes, np.float32).reshape(-1, 4)
                n = len(rows)
                looks_like = {"embedding": rng.normal(0, 1, (n, 3)).astype(np.float32)} if i % 3 else {}
                label = np.arange(n, dtype=np.int32) % 2
                shown = Detections(rows, rng.uniform(0.2, 1, n).astype(np.float32), label, columns=looks_like)
            tracks = tracker.update(shown, frame(i, pts=times[i]))
            assert len(set(tracks.row.tolist())) == len(tracks.row) == len(set(tracks.id.tolist()))
            assert np.isfinite(tracks.coasting_xyxy).all()
            assert not {*tracks.id.tolist(), *tracks.coasting.tolist()} & set(ended)
            ended += tracks.ended

    def test_times_may_be_given_in_frames(self, make):
        tracker = make(lost_frames=3, lost_s=60)
        for i in range(8):
            tracker.update(seen((100, 100)), frame(i))
        ended = [tracker.update(Detections(), frame(i)).ended for i in range(8, 16)]
        assert [i for i, e in enumerate(ended) if e] == [3]

    def test_frames_that_no_model_saw_do_not_count_as_lost(self, make):
        tracker = make(lost_frames=3)
        for i in range(0, 40, 4):
            tracker.update(seen((100, 100)), frame(i))
            for k in range(1, 4):
                tracker.update(None, frame(i + k))
        looks = [tracker.update(Detections() if i % 4 == 0 else None, frame(i)).ended for i in range(40, 80)]
        assert [i for i, e in enumerate(looks) if e] == [12]

    def test_most_tracks_are_those_of_the_surest(self, make):
        tracker = make(most=2)
        for i in range(6):
            three = seen((100, 100), (400, 100), (700, 100), score=(0.9, 0.8, 0.95))
            tracks = tracker.update(three, frame(i))
        assert sorted(tracks.row.tolist()) == [0, 2]
        for i in range(6, 60):
            tracks = tracker.update(three[[1, 2]], frame(i))
        assert sorted(tracks.row.tolist()) == [0, 1]  # there is room again
        assert max(tracks.id.tolist()) == 3

    def test_a_box_on_a_track_begins_no_second_one(self, make):
        found = {}
        for apart in (1.0, 0.5):
            tracker = make(apart=apart)
            for i in range(3):
                tracker.update(seen((100, 100)), frame(i))
            for i in range(3, 9):
                tracks = tracker.update(seen((100, 100), (103, 100), (600, 100)), frame(i))
            found[apart] = sorted(tracks.row.tolist())
        assert found == {1.0: [0, 1, 2], 0.5: [0, 2]}

    def test_a_box_of_another_size_is_another_thing(self, make):
        small = seen((100, 100))
        half = replace(small, xyxy=np.array([[80, 60, 120, 100]], np.float32))
        rows = {}
        for least in (0.0, 0.6):
            tracker = make(size_match=least)
            for i in range(6):
                tracker.update(small, frame(i))
            rows[least] = tracker.update(half, frame(6)).id.tolist()
        assert rows == {0.0: [1], 0.6: []}

    @pytest.mark.parametrize(
        "bad",
        [
            {"match": 1.5},
            {"confirm": 0},
            {"early": 0},
            {"lost_s": -1},
            {"lost_frames": -1},
            {"coast_s": float("nan")},
            {"apart": 2},
            {"most": -1},
            {"size_match": -0.1},
            {"size_weight": 3},
        ],
    )
    def test_options_that_cannot_be(self, make, bad):
        with pytest.raises(ValueError, match=next(iter(bad))):
            make(**bad)


def test_an_id_comes_with_the_second_sighting_in_a_row():
    tracker = ByteTrack()
    assert tracker.update(seen((100, 100)), frame(0)).id.tolist() == []
    assert tracker.update(seen(), frame(1)).id.tolist() == []
    assert tracker.update(seen((100, 100)), frame(2)).id.tolist() == []
    assert tracker.update(seen((100, 100)), frame(3)).id.tolist() == [1]


def test_doubtful_detections_continue_a_track_but_begin_none():
    tracker = ByteTrack(high=0.6)
    for i in range(3):
        tracker.update(seen((100, 100), score=0.9), frame(i))
    tracks = tracker.update(seen((500, 500), (100, 100), score=0.3), frame(3))
    assert (tracks.id.tolist(), tracks.row.tolist()) == ([1], [1])
    assert tracker.update(seen((500, 500), (100, 100), score=0.3), frame(4)).id.tolist() == [1]
    assert tracker.update(seen((100, 100), score=0.05), frame(5)).id.tolist() == []


def test_sort_takes_no_notice_of_doubtful_ones_below_the_models_threshold():
    tracker = Sort(confirm=1).for_model(0.5)
    assert tracker.update(seen((100, 100), score=0.45), frame(0)).id.tolist() == []
    assert tracker.update(seen((100, 100), score=0.5), frame(1)).id.tolist() == [1]


def test_what_is_left_open_follows_the_models_threshold():
    tracker = ByteTrack(low=0.3).for_model(0.25)
    assert (tracker.high, tracker.low, tracker.floor) == (0.25, 0.25, 0.25)
    assert tracker.update(seen((100, 100), score=0.3), frame(0)).id.tolist() == []
    tracker = ByteTrack(confirm=1).for_model(0.25)
    assert tracker.update(seen((100, 100), (500, 500), score=(0.34, 0.36)), frame(0)).row.tolist() == [1]
    assert ByteTrack(high=0.5).for_model(0.25).high == 0.5


def test_a_lost_track_coasts_is_found_again_and_ends_in_time():
    tracker = ByteTrack(lost_s=1.0, coast_s=0.2)
    for i in range(10):
        tracker.update(seen((100 + 5 * i, 100)), frame(i))
    coasting = [tracker.update(seen(), frame(i)).coasting.tolist() for i in range(10, 20)]
    assert coasting == [[1]] * 5 + [[]] * 5
    assert tracker.update(seen((200, 100)), frame(20)).id.tolist() == [1]
    ended = [tracker.update(seen(), frame(i)).ended for i in range(21, 60)]
    assert [i for i, e in enumerate(ended) if e] == [25]  # the 26th frame is the first more than 1 s after frame 20


def test_coasting_says_what_was_last_seen_and_stays_in_the_frame():
    tracker = ByteTrack()
    for i in range(10):
        tracker.update(seen((900 + 8 * i, 100), score=0.8, label=1), frame(i))
    tracks = tracker.update(seen(), frame(10))
    assert tracks.coasting_label.tolist() == [1]
    assert tracks.coasting_score.tolist() == pytest.approx([0.8])
    assert tracks.coasting_xyxy[0, 2] <= 1000
    for i in range(11, 20):
        tracks = tracker.update(seen(), frame(i))
    assert len(tracks.coasting) == 0  # its box has left the frame


def test_a_label_that_flickers_keeps_its_id_and_two_things_in_one_place_keep_theirs():
    tracker = ByteTrack()
    for i in range(20):
        tracks = tracker.update(seen((100 + 2 * i, 100), label=i % 2), frame(i))
    assert tracks.id.tolist() == [1]
    rider = ByteTrack()
    for i in range(1, 21):
        both = seen((100, 100), (100, 130), label=(0, 1))
        shown = both if i % 3 else both[[1]]
        tracks = rider.update(shown, frame(i))
        if i > 1:
            assert {(int(n), int(shown.label[r])) for n, r in zip(tracks.id, tracks.row, strict=True)} <= {
                (1, 0),
                (2, 1),
            }
    assert tracks.id.tolist() == [1, 2]


def test_class_agnostic_takes_what_lies_nearest():
    tracker = ByteTrack(class_agnostic=True)
    for i in range(3):
        tracks = tracker.update(seen((100 + 10 * i, 100), label=i % 2), frame(i))
    assert tracks.id.tolist() == [1]


@pytest.mark.parametrize("steps", [(1,), (1, 3), (2, 1, 5)], ids=str)
def test_uneven_times_keep_fast_objects(steps):
    tracker, pts, ids = ByteTrack(), 0, set()
    for i in range(60):
        pts += steps[i % len(steps)]
        ids |= set(tracker.update(seen((50 + 5 * pts, 300)), frame(i, pts=pts)).id.tolist())
        if 50 + 5 * pts > 950:
            break
    assert ids == {1}


def test_each_track_learns_its_own_speed():
    tracker, starts = ByteTrack(match=0.3), np.array([(100, 100), (900, 300), (100, 500), (500, 700)], float)
    speeds, ids = np.array([(22, 0), (-24, 0), (20, 3), (0, -20)], float), []
    for i in range(16):
        tracks = tracker.update(seen(*(starts + speeds * i)[np.roll(np.arange(4), i)]), frame(i))
        rows = np.roll(np.arange(4), i)[tracks.row]
        ids.append(dict(zip(tracks.id.tolist(), rows.tolist(), strict=True)))
    assert all(found == ids[1] for found in ids[1:])
    coasting = tracker.update(None, frame(16))
    middle = (coasting.coasting_xyxy[:, :2] + coasting.coasting_xyxy[:, 2:]) / 2
    want = (starts + speeds * 16)[[ids[1][n] for n in coasting.coasting.tolist()]]
    assert np.abs(middle - want).max() < 4


def test_a_track_without_an_id_may_be_missed_where_it_is_allowed():
    tracker = ByteTrack(early=3, confirm=3)
    for i, there in enumerate((1, 0, 0, 1, 0, 0, 1)):
        tracks = tracker.update(seen((100, 100)) if there else seen(), frame(i))
    assert tracks.id.tolist() == [1]
    tracker = ByteTrack(early=2, confirm=3)
    for i, there in enumerate((1, 0, 0, 1, 0, 0, 1)):
        tracks = tracker.update(seen((100, 100)) if there else seen(), frame(i))
    assert tracks.id.tolist() == []


def test_size_decides_between_two_that_overlap_alike():
    """A wide track meets two boxes: the nearer is small, the other as large as it was."""
    large = Detections(np.array([[100, 100, 300, 200]], np.float32), np.ones(1, np.float32), np.zeros(1, np.int32))
    both = Detections(
        np.array([[110, 105, 250, 195], [150, 100, 350, 200]], np.float32),
        np.ones(2, np.float32),
        np.zeros(2, np.int32),
    )
    rows = {}
    for weight in (0.0, 0.6):
        tracker = Iou(confirm=1, size_weight=weight)
        tracker.update(large, frame(0))
        tracks = tracker.update(both, frame(1))
        rows[weight] = tracks.row[tracks.id == 1].tolist()
    assert rows == {0.0: [0], 0.6: [1]}
