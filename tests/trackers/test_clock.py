from fractions import Fraction

import pytest

from sightline.trackers.clock import Clock, nominal_s
from sightline.types import Frame, Instant, StreamInfo


def frame(pts, rate: int | None = 25, epoch=0, base=Fraction(1, 100), offset=None):
    stream = StreamInfo("a", 100, 100, base, None if rate is None else Fraction(rate))
    return Frame(stream, 0, Instant(pts, base, epoch, offset), None, 100, 100)


@pytest.mark.parametrize(
    ("rate", "seconds"), [(25, 0.04), (7, 1 / 7), (None, 0.04), (0, 0.04), (90000, 0.04), (1, 1.0)]
)
def test_nominal(rate, seconds):
    assert nominal_s(frame(0, rate).stream) == pytest.approx(seconds)


def walk(frames, inferred=None):
    clock = Clock()
    return [clock.advance(f, True if inferred is None else inferred[i]) for i, f in enumerate(frames)]


def test_times_are_taken_as_they_are():
    assert [s.seconds for s in walk([frame(p) for p in (100, 104, 110, 111)])] == pytest.approx(
        [0.04, 0.04, 0.06, 0.01]
    )


@pytest.mark.parametrize("pts", [(0, 0, 0, 0), (9, 8, 7, 6), (None, None, None, None)])
def test_times_that_say_nothing_are_nominal(pts):
    assert [s.seconds for s in walk([frame(p) for p in pts])] == pytest.approx([0.04] * 4)


def test_untimed_streams_count_by_their_offset():
    assert walk([frame(None, offset=1.0), frame(None, offset=1.2)])[1].seconds == pytest.approx(0.2)


def test_a_new_epoch_is_said():
    steps = walk([frame(0), frame(4), frame(0, epoch=1), frame(4, epoch=1)])
    assert [s.goes_on for s in steps] == [True, True, False, True]
    assert steps[2].seconds == pytest.approx(0.04)


def test_the_tick_is_the_way_between_two_looks():
    looks = [True, False, False, True, False, False, True]
    ticks = [s.tick_s for s in walk([frame(4 * i) for i in range(7)], looks)]
    assert ticks == pytest.approx([0.04, 0.04, 0.08, 0.12, 0.12, 0.12, 0.12])


def test_a_gap_is_no_pace_but_two_long_steps_are():
    ticks = [s.tick_s for s in walk([frame(p) for p in (0, 4, 504, 508, 708, 908)])]
    assert ticks == pytest.approx([0.04, 0.04, 0.04, 0.04, 0.04, 2.0])
