"""Words of the command line become numbers, boxes and bounds, or an error that names the flag."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline import flags
from sightline.errors import UsageError
from sightline.flags import Limit


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, Limit()),
        ("10s", Limit(10)),
        ("1.5 s", Limit(1.5)),
        ("500ms", Limit(0.5)),
        ("2min", Limit(120)),
        ("2m", Limit(120)),
        ("1h", Limit(3600)),
        ("250f", Limit(None, 250)),
        ("250 frames", Limit(None, 250)),
    ],
)
def test_limits(text: str | None, found: Limit) -> None:
    assert flags.limit(text) == found


@pytest.mark.parametrize("text", ["", "10", "0s", "0f", "1.5f", "-3s", "s", "ten s", "3 days", "1e3s"])
def test_limits_that_are_none(text: str) -> None:
    with pytest.raises(UsageError, match="--limit"):
        flags.limit(text)


def test_crops() -> None:
    assert flags.crop(None) == (None, False)
    assert flags.crop("0,0.5,1,1") == ((0, 0.5, 1, 1), False)
    assert flags.crop("px:0,200,1920,1080") == ((0, 200, 1920, 1080), True)
    for text in ("0,0,1", "px:", "a,b,c,d", "0,0,1,1,1"):
        with pytest.raises(UsageError, match="--crop"):
            flags.crop(text)


@given(st.lists(st.floats(allow_nan=False), min_size=1, max_size=5))
def test_numbers(values: list[float]) -> None:
    assert flags.numbers("--mean", ",".join(map(repr, values))) == tuple(values)


def test_faults_name_the_flag() -> None:
    with pytest.raises(UsageError, match=r"--class-agnostic: expected true or false"):
        flags.model("m", class_agnostic="perhaps")
    with pytest.raises(UsageError, match=r"--connect-timeout"):
        flags.limits(connect_timeout_s=-1)
    with pytest.raises(UsageError, match=r"--video 'path=x.mp4': 'path' is not given here"):
        flags.video("path=x.mp4")
    assert flags.model("m", score=None, exact=None).model_dump(exclude_defaults=True) == {"path": "m"}
    assert flags.video("preset=fast,crf=30") == {"preset": "fast", "crf": 30}
    assert flags.joined(["person, car", "bus"]) == ("person", "car", "bus")
