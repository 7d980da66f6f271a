"""When a frame was: formats of others, recordings that go on by their own times, live streams that do not."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_results import INFO, STREAM, result

from sightline import wire
from sightline.payloads.line import line_of
from sightline.payloads.moments import FrameClock, parse_begin, rfc3339
from sightline.payloads.own import SightlinePayload
from sightline.payloads.turns import Turns


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2100, 1, 1)))
def test_rfc3339_cuts_to_milliseconds(moment: datetime) -> None:
    ns = parse_begin(moment.replace(tzinfo=UTC).isoformat())
    assert ns is not None
    text = rfc3339(ns)
    assert text == moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def test_begin_is_utc_unless_it_says_otherwise() -> None:
    assert parse_begin("") is None
    assert parse_begin("1970-01-01T00:00:01") == 1_000_000_000
    assert parse_begin("1970-01-01T01:00:00+01:00") == 0
    with pytest.raises(ValueError, match="is not a time"):
        parse_begin("12 o'clock")


def test_a_recording_goes_on_by_its_own_times() -> None:
    clock = FrameClock(1_000_000_000)
    told = [clock.utc_ns(result(i, pts=100 + i).frame) for i in range(3)]
    assert told == [1_000_000_000, 1_040_000_000, 1_080_000_000]
    looped = [clock.utc_ns(result(i, pts=100 + i, epoch=1).frame) for i in range(2)]
    assert looped == [1_120_000_000, 1_160_000_000]
    assert FrameClock().utc_ns(result(5, wall_ns=77, pts=9).frame) == 77


def test_a_live_frame_was_when_it_arrived() -> None:
    clock = FrameClock(5)
    live = replace(STREAM, live=True)
    assert [clock.utc_ns(result(i, stream=live, wall_ns=n).frame) for i, n in enumerate((3, 90))] == [3, 90]


def test_streams_are_numbered_as_they_are_named_and_counted_apart() -> None:
    turns = Turns(2)
    turns.name(INFO)
    assert (turns.number("cam"), turns.number("other"), turns.number("cam")) == (0, 1, 0)
    other = replace(STREAM, id="other")
    due = [turns.due(result(i, stream=s).frame) for i in range(2) for s in (STREAM, other)]
    assert due == [True, True, False, False]


def test_whatever_a_user_says_becomes_a_line() -> None:
    odd: dict[str, object] = {"a": float("inf"), "b": {1, 2} - {2}, "c": object}
    odd["self"] = odd
    said = json.loads(line_of(odd))
    assert (said["a"], said["b"], said["self"]) == (None, [1], None)
    assert line_of({"ä": (1, 2)}) == '{"ä":[1,2]}'


def test_our_own_lines() -> None:
    made = SightlinePayload()
    assert made.open(INFO) == [wire.header_line(INFO)]
    lines = made.messages(result(2))
    assert lines == [wire.frame_line(result(2), INFO.models[0].labels)]
