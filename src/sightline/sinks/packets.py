"""A stream's packets as they pass by, kept for a while: what a recording copies instead of encoding anew."""

from __future__ import annotations

import contextlib
import io
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import cast

import av
import av.container
import av.error
import av.packet
import av.video.stream

__all__ = ["CLOCK_RESTART_S", "Coded", "Opening", "PacketMemory", "StreamForm"]

CLOCK_RESTART_S = 1.0  # a step back by more is a clock that began anew, not pictures out of order
_FORMS = ((".mp4", "mp4"), (".mkv", "matroska"), (".mov", "mov"))


@dataclass(frozen=True, slots=True, eq=False)
class StreamForm:
    """What a file must know of a stream before its packets: codec, sizes, extra data, rotation.

    It outlives the container that the stream came from: `template` belongs to `holder`, which is never written.
    suffix: of the kind of file that can hold it.
    """

    template: av.video.stream.VideoStream
    holder: av.container.OutputContainer
    suffix: str
    format: str

    @classmethod
    def of(cls, stream: av.video.stream.VideoStream) -> StreamForm | None:
        """The form of a stream whose container is open; None where no kind of file we write can hold its codec."""
        for suffix, name in _FORMS:
            holder = cast("av.container.OutputContainer", av.open(io.BytesIO(), "w", format=name))
            with contextlib.suppress(ValueError, av.error.FFmpegError):
                return cls(holder.add_stream_from_template(stream, opaque=True), holder, suffix, name)
        return None


@dataclass(frozen=True, slots=True, eq=False)
class Opening:
    """A stretch of a stream with one clock. run: the source's epoch and how often the clock restarted in it."""

    run: tuple[int, int]
    base: Fraction
    form: StreamForm


@dataclass(frozen=True, slots=True, eq=False)
class Coded:
    """One packet: its bytes, its times in ticks of the opening's base, and its ordinal in the stream."""

    ordinal: int
    opening: Opening
    data: bytes
    pts: int
    dts: int
    duration: int
    key: bool

    @property
    def shown_s(self) -> float:
        """When its picture is shown, in the stream's own seconds."""
        return float(self.pts * self.opening.base)

    @property
    def decoded_s(self) -> float:
        """When it is decoded: never later than any picture that needs it is shown."""
        return float(self.dts * self.opening.base)


@dataclass(slots=True)
class PacketMemory:
    """The latest packets of a stream, by groups that begin with a key picture; a `PacketTap`.

    most_bytes: beyond it the oldest group goes, whatever it was kept for; `forgotten` counts the packets.
    usable: False while nothing can be copied: no opening yet, a codec that no file of ours holds, or no times.
    Safe to fill in one thread and to read in another.
    """

    most_bytes: int
    usable: bool = field(default=False, init=False)
    forgotten: int = field(default=0, init=False)
    _fed: bool = field(default=False, init=False, repr=False)
    _groups: deque[list[Coded]] = field(default_factory=deque[list[Coded]], init=False, repr=False)
    _bytes: int = field(default=0, init=False, repr=False)
    _opening: Opening | None = field(default=None, init=False, repr=False)
    _ordinal: int = field(default=0, init=False, repr=False)
    _last_dts: int | None = field(default=None, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def begin(self, stream: object, epoch: int) -> None:
        """An opening of the source; what cannot be copied is not kept."""
        if self._fed:
            return
        form = StreamForm.of(stream) if isinstance(stream, av.video.stream.VideoStream) else None
        base = getattr(stream, "time_base", None) or Fraction(1, 1000)
        with self._lock:
            self.usable = form is not None
            self._opening = None if form is None else Opening((epoch, 0), base, form)
            self._last_dts = None

    def __call__(self, packet: object, /) -> None:
        """Keep the bytes of a packet of the source."""
        if self._fed or not isinstance(packet, av.packet.Packet) or not packet.size:
            return
        if packet.pts is None:  # a raw stream: when its pictures are shown is known only after decoding
            with self._lock:
                self.usable, self._opening = False, None
        self._keep(packet)

    def feed(self, form: StreamForm, base: Fraction) -> None:
        """From now on packets come from an encoder of ours, by `fed`; those of the source are let pass."""
        with self._lock:
            self._fed = True
            self._opening = Opening((0, 0), base, form)
            self._groups.clear()
            self._bytes, self._last_dts = 0, None

    def off(self) -> None:
        """Keep nothing, now and later."""
        with self._lock:
            self._fed, self._opening = True, None
            self._groups.clear()
            self._bytes = 0

    def fed(self, packet: av.packet.Packet) -> None:
        """Keep a packet of our own encoder."""
        self._keep(packet)

    def _keep(self, packet: av.packet.Packet) -> None:
        opening, pts = self._opening, packet.pts
        if opening is None or pts is None:
            return
        duration = max(0, packet.duration or 0)
        with self._lock:
            dts = self._decode_time(packet.dts, pts, duration, opening.base)
            if self._last_dts is not None and (self._last_dts - dts) * opening.base > CLOCK_RESTART_S:
                epoch, restarts = opening.run
                opening = self._opening = Opening((epoch, restarts + 1), opening.base, opening.form)
            self._last_dts = dts
            self._add(Coded(self._ordinal, opening, bytes(packet), pts, dts, duration, packet.is_keyframe))
            self._ordinal += 1

    def _decode_time(self, dts: int | None, pts: int, duration: int, base: Fraction) -> int:
        if dts is not None:
            return dts
        last = self._last_dts
        if last is None or (last - pts) * base > CLOCK_RESTART_S:
            return pts
        return min(pts, last + max(1, duration))

    def _add(self, coded: Coded) -> None:
        fresh = not self._groups or self._groups[-1][-1].opening is not coded.opening
        if fresh and not coded.key:
            return  # nothing can be made of it without the key picture before it
        if coded.key:
            self._groups.append([])
        self._groups[-1].append(coded)
        self._bytes += len(coded.data)
        while self._bytes > self.most_bytes and self._groups:
            self.forgotten += len(self._groups[0])
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        self._bytes -= sum(len(coded.data) for coded in self._groups.popleft())

    def forget_before(self, run: tuple[int, int], seconds: float, ordinal: int | None) -> None:
        """Let go of groups before the one that is needed to show `run` from `seconds` on, or holds `ordinal`."""
        with self._lock:
            while len(self._groups) > 1:
                following = self._groups[1][0]
                needed = following.opening.run > run or (following.opening.run == run and following.shown_s > seconds)
                if needed or (ordinal is not None and following.ordinal > ordinal):
                    return
                self._drop_oldest()

    def start_of(self, run: tuple[int, int], seconds: float) -> int | None:
        """The ordinal of the last key picture of `run` shown at `seconds` or before, else of the first one there."""
        with self._lock:
            keys = [group[0] for group in self._groups if group[0].opening.run == run]
        before = [key for key in keys if key.shown_s <= seconds]
        return before[-1].ordinal if before else keys[0].ordinal if keys else None

    def since(self, ordinal: int) -> Sequence[Coded]:
        """Everything that is kept from `ordinal` on, in the order of decoding."""
        with self._lock:
            return [
                coded
                for group in self._groups
                if group[-1].ordinal >= ordinal
                for coded in group
                if coded.ordinal >= ordinal
            ]

    @property
    def next_ordinal(self) -> int:
        """What the next packet will be called."""
        return self._ordinal

    def oldest_s(self, run: tuple[int, int]) -> float | None:
        """When the first picture of `run` that is kept is shown; None where none is."""
        with self._lock:
            return next((group[0].shown_s for group in self._groups if group[0].opening.run == run), None)
