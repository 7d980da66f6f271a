"""A part's options are the fields of its dataclass: typed, or refused with a suggestion."""

from __future__ import annotations

from typing import Any

import pytest

from sightline.errors import UsageError
from sightline.parts import construct, did_you_mean, judge, kind_of, options_of
from sightline.payloads.deepstream import DeepStreamFull
from sightline.payloads.own import SightlinePayload
from sightline.payloads.site import Sensor
from sightline.plugins import known

KINDS = ("head", "tracker", "analytic", "overlay", "payload", "sink", "runtime", "source")
EVERY = [(kind, name) for kind in KINDS for name in known(kind)]


@pytest.mark.parametrize(("kind", "name"), EVERY)
def test_every_part_that_is_named_exists_and_says_its_options(kind: str, name: str) -> None:
    assert all(option.name.isidentifier() and not option.name.startswith("_") for option in options_of(kind, name))


def test_words_become_what_the_part_wants() -> None:
    good, faults = judge("analytic", "line", {"name": 3, "points": [["0.1", 0.5], [1, 1]], "px": "false"})
    assert faults == []
    assert good == {"name": "3", "points": ((0.1, 0.5), (1.0, 1.0)), "px": False}


@pytest.mark.parametrize(
    ("kind", "name", "options", "said"),
    [
        ("tracker", "bytetrak", {}, "unknown tracker 'bytetrak'; did you mean bytetrack"),
        ("tracker", "bytetrack", {"lsot_s": 1}, "bytetrack has no option 'lsot_s'; did you mean 'lost_s'?"),
        ("tracker", "bytetrack", {"lost_s": "long"}, "bytetrack: lost_s: expected a number, got 'long'"),
        ("analytic", "line", {"name": "g"}, "line needs the option 'points'"),
        ("analytic", "line", {"name": "g", "points": [[1, 2, 3]]}, "line: points: "),
        ("analytic", "line", {"name": "g", "points": [[0, 0], [1, 1]], "anchor": "feet"}, "line: anchor: expected "),
        ("sink", "video", {"path": "o.mp4", "notes": []}, "video has no option 'notes'"),
        (
            "sink",
            "jsonl",
            {"path": "-", "payload": "deepstrem"},
            "unknown payload 'deepstrem'; did you mean deepstream",
        ),
        ("sink", "jsonl", {"path": "-", "payload": 3}, "payload: expected the name of a payload, or a mapping, got 3"),
        (
            "sink",
            "jsonl",
            {"path": "-", "payload": {"api": "new"}},
            "a payload needs its name as kind; known: accelerator",
        ),
        (
            "sink",
            "jsonl",
            {"path": "-", "payload": {"kind": "deepstream", "sensors": {"a": {"idd": "x"}}}},
            "payload deepstream: sensors: unknown key 'idd'",
        ),
        (
            "sink",
            "jsonl",
            {"path": "-", "payload": {"kind": "accelerator", "evry": 2}},
            "payload accelerator has no option 'evry'; did you mean 'every'?",
        ),
    ],
)
def test_faults(kind: str, name: str, options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        construct(kind, name, options)
    assert said in str(caught.value)


def test_a_part_within_a_part_is_made_of_its_name_or_its_options() -> None:
    named = construct("sink", "jsonl", {"path": "-", "payload": "sightline"})
    assert named.payload == SightlinePayload()
    given = {"kind": "deepstream", "sensors": {0: {"id": 3, "location": [1, 2, 3]}}, "every": "2"}
    made = construct("sink", "jsonl", {"path": "-", "payload": given})
    assert made.payload == DeepStreamFull(sensors={"0": Sensor("3", location=(1.0, 2.0, 3.0))}, every=2)
    assert given["kind"] == "deepstream"  # what was given is left as it was
    ready = SightlinePayload()
    assert construct("sink", "jsonl", {"path": "-", "payload": ready}).payload is ready
    assert construct("sink", "jsonl", {"path": "-", "payload": None}).payload is None
    assert [o.name for o in options_of("sink", "jsonl") if kind_of(o) == "payload"] == ["payload"]


def test_a_refusal_of_the_part_itself_names_it() -> None:
    with pytest.raises(UsageError, match="line 'g'"):
        construct("analytic", "line", {"name": "g", "points": [[5, 5], [6, 6]]})


def test_suggestions() -> None:
    assert did_you_mean("colour", ("color", "crop")) == "; did you mean 'color'?"
    assert did_you_mean("zzz", ("color", "crop")) == "; known: color, crop"
    assert did_you_mean("zzz", ()) == ""
