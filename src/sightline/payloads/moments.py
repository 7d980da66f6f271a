"""When a frame was: UTC for messages, in the formats that others write it in."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from sightline.types import Frame

__all__ = ["FrameClock", "local_iso", "parse_begin", "rfc3339"]

_SECOND = 1_000_000_000


def parse_begin(text: str) -> int | None:
    """An ISO 8601 time -> nanoseconds since 1970, taken for UTC where it names no zone; None for "".

    Raises ValueError.
    """
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"begin: {text!r} is not a time such as 2026-01-31T12:00:00Z") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * _SECOND + since.microseconds * 1000


def rfc3339(ns: int) -> str:
    """Nanoseconds since 1970 -> "2018-04-11T04:59:59.828Z", cut to milliseconds as DeepStream does."""
    seconds, rest = divmod(ns, _SECOND)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1_000_000:03d}Z"


def local_iso(ns: int) -> str:
    """Nanoseconds since 1970 -> local time without a zone, as Python's `datetime.now().isoformat()` writes it."""
    seconds, rest = divmod(ns, _SECOND)
    return datetime.fromtimestamp(seconds).replace(microsecond=rest // 1000).isoformat()


@dataclass(slots=True)
class _Course:
    """One stream's clock: the stream's own time `zero_s` was the moment `zero_ns`; `last_ns` the last one told."""

    epoch: int
    zero_s: float
    zero_ns: int
    last_ns: int


@dataclass(slots=True)
class FrameClock:
    """The moment of each frame, in nanoseconds since 1970.

    A live frame's is that of its arrival. A recording's is `begin_ns` at its first frame and goes on by the
    recording's own times; without `begin_ns` its first frame counts as the moment it was read. A second pass over a
    looped file follows the first.
    """

    begin_ns: int | None = None
    _courses: dict[str, _Course] = field(default_factory=dict[str, _Course], init=False, repr=False)

    def utc_ns(self, frame: Frame) -> int:
        """Frames of a stream come in order."""
        seconds = frame.at.seconds
        if frame.stream.live:
            return frame.wall_ns
        if seconds is None:
            return frame.wall_ns if self.begin_ns is None else self.begin_ns
        course = self._courses.get(frame.stream.id)
        if course is None:
            begin = frame.wall_ns if self.begin_ns is None else self.begin_ns
            course = self._courses[frame.stream.id] = _Course(frame.at.epoch, seconds, begin, begin)
        elif course.epoch != frame.at.epoch:
            rate = frame.stream.rate
            after = course.last_ns + (round(_SECOND / rate) if rate else 0)
            course.epoch, course.zero_s, course.zero_ns = frame.at.epoch, seconds, after
        course.last_ns = course.zero_ns + round((seconds - course.zero_s) * _SECOND)
        return course.last_ns
