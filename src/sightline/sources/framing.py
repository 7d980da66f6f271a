"""Decoded pictures in, `Frame`s out: time as found, upright size, and a new `StreamInfo` whenever the shape changes."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import av

from sightline.sources.opening import Opened, declared_rate
from sightline.sources.planes import UPRIGHT, Orientation, display_orientation, picture_of, usable_sar
from sightline.types import Frame, Instant, StreamInfo

__all__ = ["Budget", "Framer"]

_NOMINAL_RATE = Fraction(25)  # what FFmpeg assumes of streams that say nothing
_DECIDING = 3  # pictures without a time that make a stream untimed
_CLOCK_RESTART_S = 1.0  # a step back by more is a clock that began anew, not B-frames out of order


@dataclass(slots=True)
class Framer:
    """Makes the frames of one opening (`epoch`) of the stream `id`; `index` is the next frame's ordinal."""

    id: str
    opened: Opened
    index: int
    epoch: int
    timed: bool = True
    info: StreamInfo | None = None
    _base: Fraction = Fraction(1)
    _rate: Fraction | None = None
    _period_s: float = 0.0
    _first_s: float | None = None
    _last_s: float | None = None
    _shape: tuple[int, int, int] = (0, 0, 0)
    _orientation: Orientation = UPRIGHT
    _coded_sar: Fraction | None = None
    _sar: Fraction = Fraction(1)

    def settle(self, pictures: Sequence[av.VideoFrame], last: bool) -> bool:
        """Decide by the first pictures whether the stream carries times; False: more of them are needed.

        Live streams give their first pictures before the server has told the time, so one alone decides nothing.
        """
        known = next(((i, picture.pts) for i, picture in enumerate(pictures) if picture.pts is not None), None)
        if known is None and len(pictures) < _DECIDING and not last:
            return False
        stream = self.opened.stream
        self.timed = known is not None
        self._base = stream.time_base or Fraction(1, 1000)
        self._rate = declared_rate(stream)
        if not self.timed:
            # average_rate is then only FFmpeg's default; guessed_rate is what the bitstream says.
            self._rate = stream.guessed_rate or self._rate or _NOMINAL_RATE
        self._period_s = float(1 / (self._rate or _NOMINAL_RATE))
        if known is not None:
            # So that the leading ones without a time count down to the first that has one.
            leading, pts = known
            self._last_s = float(pts * self._base) - (leading + 1) * self._period_s
        return True

    def frame(self, picture: av.VideoFrame) -> Frame:
        """The next `Frame`, over the decoder's own planes. `settle` comes first."""
        now = time.time_ns()
        shape = (picture.width, picture.height, picture.rotation)
        info = self.info
        if info is None or shape != self._shape or (picture.key_frame and self._sar_changed()):
            info = self.info = self._look(picture, shape)
        frame = Frame(
            stream=info,
            index=self.index,
            at=self._instant(picture.pts),
            picture=picture_of(picture, self._orientation, self._sar),
            width=info.width,
            height=info.height,
            wall_ns=now,
            corrupt=picture.is_corrupt,
        )
        self.index += 1
        return frame

    @property
    def played_out(self) -> bool:
        """True where a network stream that states its length (a recording) has been played to about its end."""
        length = self.opened.container.duration
        seen = None if self._last_s is None or self._first_s is None else self._last_s - self._first_s
        return bool(length) and seen is not None and seen >= 0.9 * length / 1e6

    def _instant(self, pts: int | None) -> Instant:
        if pts is None:
            # Untimed: counted by the nominal rate. A timed stream that misses one: a period after the last.
            known = self.timed and self._last_s is not None
            self._last_s = (self._last_s or 0.0) + self._period_s if known else self.index * self._period_s
            return Instant(None, self._base, self.epoch, self._last_s)
        at = Instant(pts, self._base, self.epoch)
        self._last_s = at.seconds
        if self._first_s is None:
            self._first_s = self._last_s
        return at

    def _sar_changed(self) -> bool:
        return self.opened.stream.codec_context.sample_aspect_ratio != self._coded_sar

    def _look(self, picture: av.VideoFrame, shape: tuple[int, int, int]) -> StreamInfo:
        stream = self.opened.stream
        self._shape = shape
        self._orientation = display_orientation(picture)
        self._coded_sar = stream.codec_context.sample_aspect_ratio
        # The container's word counts at first; after a change only the decoder knows.
        sar = stream.sample_aspect_ratio if self.info is None else None
        self._sar = usable_sar(sar or self._coded_sar, picture.width)
        width, height = max(1, round(picture.width * self._sar)), picture.height
        if self._orientation.turns % 2:
            width, height = height, width
        return StreamInfo(
            id=self.id,
            width=width,
            height=height,
            base=self._base,
            rate=self._rate,
            rotation=self._orientation.turns * 90,
            sar=self._sar,
            live=not self.opened.finite,
            timed=self.timed,
            duration_s=self._duration_s(),
            frames=stream.frames or None,
        )

    def _duration_s(self) -> float | None:
        stream, container = self.opened.stream, self.opened.container
        if not self.opened.finite:
            return None
        if stream.duration is not None and stream.time_base is not None:
            return float(stream.duration * stream.time_base)
        return None if container.duration is None else container.duration / 1e6


@dataclass(slots=True)
class Budget:
    """Ends a stream after so much of its own time (seconds, gaps between epochs not counted) or so many frames."""

    duration_s: float | None = None
    max_frames: int | None = None
    _frames: int = 0
    _spent_s: float = 0.0
    _from: Instant | None = field(default=None)
    _last_s: float = 0.0

    def spent_by(self, frame: Frame) -> bool:
        """True if `frame` lies beyond the budget; counts it otherwise."""
        if self.max_frames is not None and self._frames >= self.max_frames:
            return True
        if self.duration_s is not None and self._seconds(frame.at) >= self.duration_s:
            return True
        self._frames += 1
        return False

    @property
    def exhausted(self) -> bool:
        """True once no further frame can lie within, whatever its time."""
        return self.max_frames is not None and self._frames >= self.max_frames

    def _seconds(self, at: Instant) -> float:
        now = at.seconds
        if now is None:
            return 0.0
        start = self._from
        if start is None or start.epoch != at.epoch or now < self._last_s - _CLOCK_RESTART_S:
            self._spent_s += 0.0 if start is None else self._last_s - (start.seconds or 0.0)
            self._from = at
            self._last_s = now
            return self._spent_s
        self._last_s = max(self._last_s, now)
        return self._spent_s + now - (start.seconds or 0.0)
