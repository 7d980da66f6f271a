"""The roll-up over a stream's own results is that of the messages which say the same."""

import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.analytics.object_count import ObjectCount
from sightline.analytics.rollup import Rollup
from sightline.analytics.rollup_rows import summarised, text_of
from sightline.protocols import Analytic
from sightline.types import FrameResult, StreamInfo

from .results import result

FINE = StreamInfo("yard.mp4", 1000, 1000, Fraction(1, 1000))
END_MS = 10**7


def row(shown: FrameResult) -> dict[str, object]:
    """A result as a message of the minimal schema."""
    detections, ids = shown.prediction.detections, shown.tracks.id
    elements = [
        "|".join([str(track), *(f"{v:g}" for v in box), detections.name_of(i)])
        for i, (track, box) in enumerate(zip(ids.tolist(), detections.xyxy.tolist(), strict=True))
    ]
    return {"sensorId": shown.frame.stream.id, "@timestamp": text_of(shown.frame.at.pts or 0), "objects": elements}


def told(rollup, frames):
    return [dict(e.data) for shown in frames for e in rollup.update(shown).events]


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
def test_is_the_roll_up_of_the_messages(steps):
    frames, ms = [], 1
    for step, people, cars in steps:
        ms += step
        places = {k + 1: (100 + 50 * k, 500) for k in range(people + cars)}
        label = {k + 1: int(k >= people) for k in range(people + cars)}
        frames.append(result(len(frames), places, label=label, pts=ms, stream=FINE))
    rows = [row(shown) for shown in frames]
    last = result(len(frames), {}, pts=END_MS, stream=FINE)
    expected = [s.message for s in summarised(rows)]
    key = json.dumps
    assert sorted(told(Rollup(), [*frames, last]), key=key) == sorted(expected, key=key)


def test_is_an_analytic_and_draws_nothing():
    assert isinstance(Rollup(), Analytic)
    assert isinstance(ObjectCount(), Analytic)
    assert Rollup().shapes(result(0).frame) == ObjectCount().shapes(result(0).frame) == ()


def test_the_event():
    frames = [result(i, {1: (500, 500)}, pts=i * 1000, stream=FINE) for i in range(1, 18)]
    events = [e for shown in frames for e in Rollup("r", sensor="door", starts_s=60.0).update(shown).events]
    assert not events  # each rollup saw one frame
    rollup = Rollup("r", sensor="door", starts_s=60.0)
    (event,) = [e for shown in frames for e in rollup.update(shown).events]
    assert (event.kind, event.rule, event.label, event.track, event.frame) == ("rollup", "r", "person", None, 16)
    assert event.data == {
        "count": 1,
        "sensorId": "door",
        "object": "person",
        "@timestamp": "1970-01-01T00:01:15.000Z",
    }


def test_a_time_before_the_window_counts_in_the_window():
    frames = [result(i, {1: (500, 500)}, pts=pts, stream=FINE) for i, pts in enumerate([14_000, 16_000, 2_000, 31_000])]
    assert [m["@timestamp"] for m in told(Rollup(), frames)] == ["1970-01-01T00:00:15.000Z", "1970-01-01T00:00:30.000Z"]


def test_live_streams_have_the_windows_of_the_clock():
    live = replace(FINE, live=True)
    frames = [result(i, {1: (500, 500)}, pts=i, stream=live) for i in range(2)]
    walls = (1_588_538_847_435, 1_588_538_850_001)
    frames = [replace(f, frame=replace(f.frame, wall_ns=w * 10**6)) for f, w in zip(frames, walls, strict=True)]
    assert [m["@timestamp"] for m in told(Rollup(), frames)] == ["2020-05-03T20:47:30.000Z"]


def test_labels_are_chosen():
    frames = [result(i, {1: (500, 500), 2: (600, 600)}, label={2: 1}, pts=i * 15_000, stream=FINE) for i in range(2)]
    assert [m["object"] for m in told(Rollup(classes=("car",)), frames)] == ["car"]


def test_a_stream_without_times_tells_nothing():
    shown = result(0, {1: (500, 500)})
    still = replace(shown, frame=replace(shown.frame, at=replace(shown.frame.at, pts=None)))
    assert Rollup().update(still).events == ()


def crowd(numbers, **options):
    """What is counted in frames of that many people, 40 ms apart."""
    count = ObjectCount(**options)
    return [
        count.update(result(i, {k + 1: (500, 500) for k in range(n)})).counts["now"].get("person", 0)
        for i, n in enumerate(numbers)
    ]


def test_the_commonest_number_of_a_window_is_told():
    assert crowd([3, 3, 3, 2, 3, 3], window_s=0.2) == [3, 3, 3, 3, 3, 3]
    assert crowd([3, 3, 2, 2, 2], window_s=0.2) == [3, 3, 3, 2, 2]
    assert crowd([3, 0, 0, 1], window_s=0.0) == [3, 0, 0, 1]


@given(st.lists(st.integers(0, 4), max_size=20), st.sampled_from([0.0, 0.04, 0.1, 0.5]))
def test_agrees_with_a_slow_count(numbers, window_s):
    for i, counted in enumerate(crowd(numbers, window_s=window_s)):
        held = [n for k, n in enumerate(numbers[: i + 1]) if i * 0.04 - k * 0.04 <= window_s + 1e-9]
        often = np.bincount(held)
        assert often[counted] == often.max()
        assert counted in held


@pytest.mark.parametrize("window_s", [0.0, -1.0, float("inf")])
def test_bad_windows(window_s):
    with pytest.raises(ValueError, match="window_s"):
        Rollup(window_s=window_s)
    if window_s:
        with pytest.raises(ValueError, match="window_s"):
            ObjectCount(window_s=window_s)
