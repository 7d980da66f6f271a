"""When to record: labels, zones, events, and what lasts."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from sightline.errors import UsageError
from sightline.sinks.trigger import Trigger
from sightline.types import Detections, Event, Frame, FrameResult, Instant, Prediction, StreamInfo

STREAM = StreamInfo("cam", 64, 48, Fraction(1, 25))


def seen(
    labels: str = "", counts: Any = None, events: tuple[tuple[str, str], ...] = (), inferred: bool = True
) -> FrameResult:
    names = ("person", "car")
    rows = [names.index(word) for word in labels.split()]
    n = len(rows)
    found = Detections(np.zeros((n, 4), np.float32), np.ones(n, np.float32), np.array(rows, np.int32), names)
    at = Instant(0, STREAM.base)
    told = tuple(Event("i", kind, rule, "cam", 0, at) for kind, rule in events)
    frame = Frame(STREAM, 0, at, None, 64, 48)
    return FrameResult(frame, Prediction(found), events=told, counts=counts or {}, inferred=inferred)


def holds(trigger: Trigger, *results: FrameResult) -> list[bool]:
    return [trigger.update(result).holds for result in results]


def test_labels_anywhere() -> None:
    assert holds(Trigger(labels=("Person",)), seen(), seen("car"), seen("car person"), seen()) == [
        False,
        False,
        True,
        False,
    ]


def test_a_frame_that_no_model_saw_says_nothing_new() -> None:
    trigger = Trigger(labels=("person",))
    assert holds(trigger, seen("person"), seen(inferred=False), seen(), seen(inferred=False)) == [
        True,
        True,
        False,
        False,
    ]


def test_zones_with_and_without_labels() -> None:
    there = {"yard": {"now": {"car": 2, "person": 0}}, "door": {"in": {"car": 1}}}
    assert Trigger(zones=("yard",)).update(seen(counts=there)).why == "car in yard"
    assert holds(Trigger(zones=("yard",), labels=("person",)), seen("person", there)) == [False]
    with pytest.raises(UsageError, match="has no zone 'door'; it has: yard"):
        Trigger(zones=("door",)).update(seen(counts=there))
    with pytest.raises(UsageError, match="give it one under analytics"):
        Trigger(zones=("yard",)).update(seen())


def test_events_strike_once_by_kind_and_rule() -> None:
    trigger = Trigger(events=("zone.entered", "line.*"), rules=("a",))
    wishes = [
        trigger.update(seen(events=(told,)))
        for told in (("zone.entered", "a"), ("zone.entered", "b"), ("zone.left", "a"), ("line.crossed", "a"))
    ]
    assert [wish.struck for wish in wishes] == [True, False, False, True]
    assert not any(wish.holds for wish in wishes)
    assert [bool(wish) for wish in wishes] == [True, False, False, True]
    assert wishes[0].why == "zone.entered a"


def test_what_begins_lasts_until_it_has_ended() -> None:
    trigger = Trigger(events=("crowd.began",))
    began, other, ended = (("crowd.began", "a"), ("crowd.ended", "b"), ("crowd.ended", "a"))
    told = [seen(), seen(events=(began,)), seen(), seen(events=(other,)), seen(events=(ended,)), seen()]
    assert holds(trigger, *told) == [False, True, True, True, False, False]


def test_a_users_rules_begin_and_end_recordings_in_any_case() -> None:
    start, other, stop = ("record.start", "a"), ("record.start", "b"), ("record.stop", "a")
    told = [seen(events=(start, other)), seen(events=(stop,)), seen(events=(("record.stop", ""),)), seen()]
    assert holds(Trigger(labels=("car",)), *told) == [True, True, False, False]
    assert holds(Trigger(), seen(events=(("line.crossed", "a"),)), seen("person")) == [False, False]
