"""Several clocks become one: what is shown at each tick, who is waited for, and for how long."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.sinks.pace import Pace
from sightline.types import Instant

MS = Fraction(1, 1000)
RATE = Fraction(25)


def at(ms: int, epoch: int = 0) -> Instant:
    return Instant(ms, MS, epoch)


def played(pace: Pace[str]) -> list[dict[str, str]]:
    return [shown for _, shown in pace.due()]


def test_one_stream_of_the_clock_s_rate_is_shown_picture_by_picture() -> None:
    pace: Pace[str] = Pace(RATE, 1.0)
    pace.join("a")
    got: list[dict[str, str]] = []
    for k in range(10):
        pace.add("a", at(7_000_003 + 40 * k + k % 3), f"a{k}")  # a start of its own, and jitter
        got += played(pace)
    pace.end("a")
    got += played(pace)
    assert [shown["a"] for shown in got] == [f"a{k}" for k in range(10)]


def test_a_slow_stream_repeats_and_a_fast_one_leaves_out() -> None:
    pace: Pace[str] = Pace(RATE, 1.0)
    for name in ("slow", "fast"):
        pace.join(name)
    for k in range(100):
        pace.add("fast", at(10 * k), f"{10 * k}")
        if k % 10 == 0:
            pace.add("slow", at(10 * k), f"{10 * k}")
    for name in ("slow", "fast"):
        pace.end(name)
    got = played(pace)
    assert len(got) in (25, 26)
    for tick, shown in enumerate(got):
        assert abs(int(shown["fast"]) - 40 * tick) <= 20
        assert 0 <= 40 * tick + 20 - int(shown["slow"]) <= 120


def test_a_tick_waits_for_everybody_until_patience_ends() -> None:
    pace: Pace[str] = Pace(RATE, 0.4)
    pace.join("a")
    pace.join("b")
    got: list[dict[str, str]] = []
    for k in range(11):
        pace.add("a", at(40 * k), f"a{k}")
        got += played(pace)
    assert got == []  # b has not said anything, and a is 10 ticks ahead
    for k in range(11, 20):
        pace.add("a", at(40 * k), f"a{k}")
        got += played(pace)
    assert [shown for shown in got if "b" in shown] == []
    assert len(got) == 9
    pace.add("b", at(0), "b0")
    for k in range(1, 12):
        pace.add("b", at(40 * k), f"b{k}")
    got += played(pace)
    assert got[9] == {"a": "a9", "b": "b0"}  # it begins when it comes
    assert got[-1] == {"a": "a19", "b": "b10"}
    assert pace.late == {}


def test_who_falls_behind_is_moved_to_the_present_and_named() -> None:
    pace: Pace[str] = Pace(RATE, 0.4)
    pace.join("a")
    pace.join("b")
    got: list[dict[str, str]] = []
    for k in range(40):
        pace.add("a", at(40 * k), f"a{k}")
        if k < 4 or k >= 30:
            pace.add("b", at(40 * k if k < 4 else 40 * (k - 26)), f"b{k}")
        got += played(pace)
    seen = [shown["b"] for shown in got if "b" in shown]
    assert seen[:4] == ["b0", "b1", "b2", "b3"]
    assert set(seen[4:15]) == {"b3"}
    assert seen[-1] > "b30"
    assert pace.late == {"b": 1}


def test_an_ended_stream_keeps_its_last_picture_and_holds_nobody_up() -> None:
    pace: Pace[str] = Pace(RATE, 5.0)
    pace.join("a")
    pace.join("b")
    pace.add("b", at(0), "b0")
    pace.end("b")
    for k in range(6):
        pace.add("a", at(40 * k), f"a{k}")
    assert played(pace) == [{"a": f"a{k}", "b": "b0"} for k in range(6)]


def test_loops_gaps_and_missing_times_go_on_without_a_hole() -> None:
    pace: Pace[str] = Pace(RATE, 1.0)
    times = [at(0), at(40), at(80), at(0, 1), at(40, 1), at(9_000_000, 1), at(9_000_040, 1), at(500, 1)]
    times += [Instant(None, MS)] * 3
    for k, when in enumerate(times):
        pace.add("a", when, f"{k}")
    pace.end("a")
    assert [shown["a"] for shown in played(pace)] == [f"{k}" for k in range(len(times))]


steps = st.lists(st.tuples(st.sampled_from("abc"), st.integers(-2000, 4000)), max_size=150)


@settings(max_examples=150, deadline=None)
@given(steps=steps, wait=st.floats(0, 2))
def test_ticks_go_up_one_by_one_and_little_is_kept(steps: list[tuple[str, int]], wait: float) -> None:
    pace: Pace[int] = Pace(RATE, wait)
    clocks = dict.fromkeys("abc", 0)
    for name in clocks:
        pace.join(name)
    ticks: list[int] = []
    last: dict[str, int] = {}

    def watch() -> None:
        for tick, shown in pace.due():
            ticks.append(tick)
            for name, number in shown.items():
                assert number >= last.get(name, 0)
                last[name] = number

    for number, (name, step) in enumerate(steps):
        clocks[name] += step
        pace.add(name, at(clocks[name]), number)
        watch()
        kept = sum(len(strand.ahead) for strand in pace._strands.values())
        assert kept <= 3 * (max(1.0, wait * 25) + 12)
    for name in clocks:
        pace.end(name)
    watch()
    assert all(b == a + 1 for a, b in pairwise(ticks))
    newest = {name: number for number, (name, _) in enumerate(steps)}
    assert last == newest  # nobody's last picture is lost
