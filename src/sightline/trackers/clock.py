"""Instants of a stream -> how far a tracker has to move its boxes, whatever the container says of time."""

from __future__ import annotations

from dataclasses import dataclass

from sightline.types import Frame, Instant, StreamInfo

__all__ = ["Clock", "Step", "nominal_s"]

_UNKNOWN_S = 1 / 25


def nominal_s(stream: StreamInfo) -> float:
    """Seconds between two frames as the container claims; 1/25 where it claims nothing, or nothing believable."""
    rate = float(stream.rate) if stream.rate else 0.0
    return 1 / rate if 0.001 < rate <= 1000 else _UNKNOWN_S


@dataclass(frozen=True, slots=True)
class Step:
    """seconds: since the last frame, above 0. tick_s: the usual time between two frames that a model sees.

    goes_on: False where a new epoch began, so that nothing of before can be found again.
    """

    seconds: float
    tick_s: float
    goes_on: bool


@dataclass(slots=True)
class Clock:
    """Times of one stream. Those that are missing, stand still or run backwards count as one nominal interval."""

    _last: Instant | None = None
    _before_s: float = 0.0
    _stride: int = 0  # frames from one that was inferred to the next; 0 not known yet
    _frames: int = 0  # since the last inferred one
    _looked: bool = False

    def advance(self, frame: Frame, inferred: bool) -> Step:
        """The way from the frame before to this one."""
        nominal = nominal_s(frame.stream)
        last, self._last = self._last, frame.at
        goes_on = last is None or last.epoch == frame.at.epoch
        seconds = _since(last, frame.at) if goes_on else 0.0
        if seconds <= 0:
            seconds = nominal
        # slower than it claims is a stream whose last two steps both were long; a single long one is a gap
        pace = max(nominal, min(seconds, self._before_s))
        self._before_s = seconds
        self._frames += 1
        tick_s = pace * (self._stride or self._frames)
        if inferred:
            if self._looked:
                self._stride = self._frames
            self._looked, self._frames = True, 0
        return Step(seconds, tick_s, goes_on)


def _since(last: Instant | None, at: Instant) -> float:
    if last is None:
        return 0.0
    try:
        return at.since(last)
    except ValueError:  # without times, as between stills
        return 0.0
