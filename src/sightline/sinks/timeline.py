"""Instants of one stream -> presentation times of a video that plays: strictly increasing, moved as little as needed.

A container's times are kept as they are. Only where a video could not hold them they move:
- a time that repeats or runs back a little (wrong order, jitter) goes one tick after its predecessor;
- after `PATIENCE` of those in a row, a step back of more than `RESTART_S` and 16 frames, a jump ahead that no
  container can hold, or a new epoch (reconnect, loop), the clock is taken as restarted: it goes on from the last
  picture and keeps its own differences from there;
- a picture without a time follows its predecessor by one nominal frame.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from sightline.types import Instant

__all__ = ["PATIENCE", "RESTART_S", "Timeline", "output_base", "usable_rate"]

PATIENCE = 8
RESTART_S = 1
_LONGEST_S = 3600
_LONGEST_TICKS = 2**31 - 1  # the duration of an MP4 sample is an unsigned 32 bit number
_FINEST = 2_000_000
_GUESSED_RATE = Fraction(25)


def output_base(base: Fraction) -> Fraction:
    """The time base to write a stream of `base` in: 1/n, every multiple of `base` exact where n <= 2,000,000.

    Finer clocks get microseconds (a sample's duration has 32 bits). Coarse ones are divided further: FFmpeg's MP4
    writer loses pictures at a time scale of 1.
    """
    if base <= 0:
        return Fraction(1, 90_000)
    if base.denominator > _FINEST:
        return Fraction(1, 1_000_000)
    return Fraction(1, base.denominator * -(-1000 // base.denominator))


def usable_rate(declared: Fraction | None) -> Fraction:
    """The declared frame rate, or 25 where there is none that can be true: containers write 1000 for "unknown"."""
    return declared if declared is not None and 0 < declared <= 480 else _GUESSED_RATE


@dataclass(slots=True)
class Timeline:
    """Where each picture of a stream goes in its video, in ticks of `base`.

    rate: nominal frames per second, for pictures without a time. longest_start_s: a first time beyond it
    is moved to 0, a negative one always is. `moved` counts the pictures whose distance to the one before is not that
    of the source; `shifted` is what the first picture was moved by, in ticks.
    """

    base: Fraction
    rate: Fraction = _GUESSED_RATE
    longest_start_s: float = 60.0
    moved: int = field(default=0, init=False)
    shifted: int = field(default=0, init=False)
    _last: int | None = field(default=None, init=False, repr=False)
    _wanted: int | None = field(default=None, init=False, repr=False)
    _shift: int = field(default=0, init=False, repr=False)
    _epoch: int = field(default=0, init=False, repr=False)
    _late: int = field(default=0, init=False, repr=False)

    @property
    def step(self) -> int:
        """One nominal frame in ticks, at least one."""
        return max(1, round(1 / (self.rate * self.base)))

    def place(self, at: Instant) -> int:
        """The tick of the picture shown at `at`. Pictures come in the order of decoding."""
        wanted = self._ticks(at)
        if self._last is None:
            out = self._first(wanted)
        elif wanted is None:
            out = self._last + self.step
            self.moved += 1
        else:
            out = self._next(wanted, self._last, at.epoch != self._epoch)
        self._last, self._epoch = out, at.epoch
        if wanted is not None:
            self._wanted = wanted
        return out

    def _ticks(self, at: Instant) -> int | None:
        """The source's own time in ticks of ours, None where it has none."""
        if at.pts is not None:
            return round(at.pts * at.base / self.base)
        return None if at.offset_s is None else round(at.offset_s / self.base)

    def _first(self, wanted: int | None) -> int:
        if wanted is None:
            return 0
        if wanted < 0 or wanted * self.base > self.longest_start_s:
            self._shift = self.shifted = -wanted
        return wanted + self._shift

    def _next(self, wanted: int, last: int, new_epoch: bool) -> int:
        """The tick after `last` for a picture whose source time is `wanted`."""
        out = wanted + self._shift
        ahead = out - last
        back = self._wanted is not None and self._wanted - wanted > max(RESTART_S / self.base, 16 * self.step)
        too_far = ahead > _LONGEST_TICKS or ahead * self.base > _LONGEST_S
        self._late = self._late + 1 if ahead <= 0 else 0
        if new_epoch or back or too_far or self._late > PATIENCE:
            advance = 0 if self._wanted is None or new_epoch or back or too_far else wanted - self._wanted
            out = last + (advance if advance > 0 else self.step)
            self._shift = out - wanted
            self._late = PATIENCE if self._late > PATIENCE and advance <= 0 else 0
            self.moved += 1
        elif ahead <= 0:
            out = last + 1
            self.moved += 1
        return out
