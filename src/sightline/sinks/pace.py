"""Pictures of several streams, each with its own clock -> what all of them show at each tick of one clock. Pure.

Every stream begins at the tick at which it joins, whatever its own times say. A tick waits until every stream has come
so far, but for nobody longer than `wait_s` of another's pictures: who is later than that is moved to the present.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Generic, TypeVar

from sightline.types import Instant

__all__ = ["Pace"]

T = TypeVar("T")
_LONGEST_GAP_S = 10.0


@dataclass(slots=True)
class _Strand(Generic[T]):
    """One stream: its pictures ahead of the present, in ticks, and the one that is shown."""

    shown: T | None = None
    ahead: deque[tuple[float, T]] = field(default_factory=deque[tuple[float, T]])
    last_s: float | None = None
    epoch: int = 0
    shift: float = 0.0
    newest: float = -1.0
    begun: bool = False
    ended: bool = False


class Pace(Generic[T]):
    """One clock of `rate` ticks a second. `late`: {stream: how often it was moved to the present, being late}."""

    def __init__(self, rate: Fraction, wait_s: float) -> None:
        self._rate = float(rate)
        self._patience = max(1.0, wait_s * self._rate)
        self._strands: dict[str, _Strand[T]] = {}
        self._now = 0
        self.late: dict[str, int] = {}

    def join(self, stream: str) -> None:
        """A stream that ticks wait for from now on."""
        self._strands.setdefault(stream, _Strand())

    def end(self, stream: str) -> None:
        """Nothing more comes of it; what it showed last stays."""
        if stream in self._strands:
            self._strands[stream].ended = True

    def add(self, stream: str, at: Instant, picture: T) -> None:
        """The next picture of a stream. Of several within one tick the last counts."""
        strand = self._strands.setdefault(stream, _Strand())
        tick = self._tick_of(strand, stream, at)
        strand.newest = tick
        if strand.ahead and math.floor(strand.ahead[-1][0] + 0.5) == math.floor(tick + 0.5):
            strand.ahead[-1] = tick, picture
        else:
            strand.ahead.append((tick, picture))

    def due(self) -> Iterator[tuple[int, dict[str, T]]]:
        """(tick, what every stream shows then) of all ticks that are settled; streams without a picture yet lack."""
        while self._settled():
            for strand in self._strands.values():
                while strand.ahead and strand.ahead[0][0] < self._now + 0.5:
                    strand.shown = strand.ahead.popleft()[1]
            shown = {name: strand.shown for name, strand in self._strands.items() if strand.shown is not None}
            if shown:
                yield self._now, shown
            self._now += 1

    def _settled(self) -> bool:
        strands = self._strands.values()
        if not any(strand.ahead for strand in strands):
            return False
        if any(strand.newest - self._now > self._patience for strand in strands if strand.ahead):
            return True
        return all(strand.ended or strand.newest > self._now - 0.5 for strand in strands)

    def _tick_of(self, strand: _Strand[T], stream: str, at: Instant) -> float:
        """Where the picture belongs, in ticks; never before the one that its stream showed last."""
        after = max(strand.newest + 1.0, float(self._now)) if strand.begun else float(self._now)
        own = at.seconds
        if own is None:
            tick = after
        else:
            known = strand.last_s is not None and at.epoch == strand.epoch
            if not known or not 0 <= own - (strand.last_s or 0.0) <= _LONGEST_GAP_S:
                strand.shift = after - own * self._rate
            tick = own * self._rate + strand.shift
            if tick < self._now - 0.5:
                strand.shift += self._now - tick
                tick = float(self._now)
                self.late[stream] = self.late.get(stream, 0) + 1
            strand.last_s = own
        strand.begun, strand.epoch = True, at.epoch
        return tick
