"""Source times -> video times: strictly increasing whatever comes, unchanged where they can stay."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.sinks.timeline import PATIENCE, Timeline, output_base, usable_rate
from sightline.types import Instant

BASE = Fraction(1, 90_000)
BASES = [Fraction(1, d) for d in (1, 25, 1000, 11456, 12800, 90_000, 200_000, 1_200_000, 10**9)] + [
    Fraction(1001, 24_000),
    Fraction(3),
]


def placed(times: Sequence[int | None], base: Fraction = BASE, **options: Any) -> list[int]:
    line = Timeline(output_base(base), **options)
    return [line.place(Instant(pts, base)) for pts in times]


@given(
    st.lists(st.tuples(st.none() | st.integers(-(2**40), 2**40), st.integers(0, 2)), max_size=60),
    st.sampled_from(BASES),
)
def test_always_strictly_increasing_from_no_less_than_zero(rows: list[tuple[int | None, int]], base: Fraction) -> None:
    line = Timeline(output_base(base))
    epochs = sorted(epoch for _, epoch in rows)
    out = [line.place(Instant(pts, base, epoch)) for (pts, _), epoch in zip(rows, epochs, strict=True)]
    assert all(a < b for a, b in pairwise(out))
    assert not out or out[0] >= 0
    assert all(b - a < 2**31 for a, b in pairwise(out))


@given(st.lists(st.integers(1, 400_000), max_size=60), st.integers(-(10**9), 60 * 90_000))
def test_increasing_times_stay_exactly(steps: list[int], start: int) -> None:
    times = [start + sum(steps[:i]) for i in range(len(steps) + 1)]
    line = Timeline(BASE)
    out = [line.place(Instant(pts, BASE)) for pts in times]
    assert [t - out[0] for t in out] == [t - times[0] for t in times]
    assert out[0] == (start if start >= 0 else 0)
    assert (line.moved, line.shifted) == (0, 0 if start >= 0 else -start)


@given(st.lists(st.integers(0, 20), min_size=1, max_size=PATIENCE))
def test_disorder_moves_each_time_the_least_that_keeps_the_order(shuffled: list[int]) -> None:
    times = [0, *(3003 * t for t in shuffled)]
    want = [0]
    for pts in times[1:]:
        want.append(max(pts, want[-1] + 1))
    line = Timeline(BASE)
    assert [line.place(Instant(pts, BASE)) for pts in times] == want
    assert line.moved == sum(a != b for a, b in zip(times, want, strict=True))


@pytest.mark.parametrize("base", BASES)
def test_every_multiple_of_a_usual_base_is_exact(base: Fraction) -> None:
    ours = output_base(base)
    assert ours.numerator == 1
    assert 1000 <= ours.denominator <= 2_000_000
    if base.denominator <= 2_000_000:
        assert (base / ours).denominator == 1


def test_a_clock_that_restarts_goes_on_and_keeps_its_differences() -> None:
    first = [i * 3600 for i in range(100)]
    second = [0, 3600, 9000, 10_000]
    out = placed(first + second, rate=Fraction(25))
    assert out[:100] == first
    assert [t - out[99] for t in out[100:]] == [3600, 7200, 12_600, 13_600]


def test_a_new_epoch_is_a_restart_even_where_times_go_on() -> None:
    line = Timeline(BASE, Fraction(25))
    assert line.place(Instant(0, BASE)) == 0
    assert line.place(Instant(900_000, BASE, 1)) == 3600
    assert line.place(Instant(903_003, BASE, 1)) == 6603
    assert line.moved == 1


def test_a_jump_that_no_container_holds_is_closed() -> None:
    out = placed([0, 3600, 2**33, 2**33 + 3600], rate=Fraction(25))
    assert out == [0, 3600, 7200, 10_800]
    week = 7 * 24 * 3600 * 90_000
    assert placed([0, week], rate=Fraction(25)) == [0, 3600]


def test_a_gap_of_minutes_stays() -> None:
    assert placed([0, 90_000 * 600]) == [0, 90_000 * 600]


def test_a_clock_that_stands_still_is_replaced_by_the_nominal_rate() -> None:
    out = placed([0] * 30, rate=Fraction(25))
    assert out[: PATIENCE + 1] == list(range(PATIENCE + 1))
    assert {b - a for a, b in pairwise(out[PATIENCE:])} == {3600}


def test_a_clock_that_lags_is_taken_up_with_its_own_differences() -> None:
    back = [90_000 - 40_000 + i * 1000 for i in range(60)]  # less than a second: not seen as a restart at once
    out = placed([0, 90_000, *back])
    steps = [b - a for a, b in pairwise(out)]
    assert steps[1 : 1 + PATIENCE] == [1] * PATIENCE
    assert set(steps[1 + PATIENCE :]) == {1000}


def test_missing_times() -> None:
    assert placed([0, None, None, 18_000], rate=Fraction(25)) == [0, 3600, 7200, 18_000]
    line = Timeline(BASE, Fraction(30))
    assert [line.place(Instant(None, BASE, offset_s=i / 30)) for i in range(4)] == [0, 3000, 6000, 9000]
    assert line.moved == 0


def test_where_a_video_begins() -> None:
    late = 61 * 90_000
    assert placed([late, late + 5]) == [0, 5]
    assert placed([late, late + 5], longest_start_s=float("inf")) == [late, late + 5]
    assert placed([5, 10], longest_start_s=0) == [0, 5]
    assert placed([-9009, 0, 3003]) == [0, 9009, 12_012]


def test_rates_that_cannot_be_true() -> None:
    assert usable_rate(Fraction(1000)) == usable_rate(None) == usable_rate(Fraction(0)) == 25
    assert usable_rate(Fraction(30_000, 1001)) == Fraction(30_000, 1001)
