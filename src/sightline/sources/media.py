"""Files, network streams and capture devices -> frames, by PyAV: lossless from files, for ever from live inputs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from enum import Enum

import av
import av.error

from sightline.errors import InputError, StreamError
from sightline.protocols import PacketTap
from sightline.sources.addresses import address_of, is_local, likely_live, name_of
from sightline.sources.framing import Budget, Framer
from sightline.sources.opening import Attempt, HopelessError, Opened, open_media
from sightline.sources.reconnect import Backoff
from sightline.types import Frame

__all__ = ["MediaSource", "MediaStats"]

Tap = Callable[[object], None]
_LEAST_ATTEMPT_S = 0.5
_DEVICE_POLL_S = 0.004


class Ending(Enum):
    """Why the packets of one opening stopped coming."""

    DONE = "the container's own end"
    LOST = "a read error or a deadline"
    SPENT = "enough was seen, or somebody asked to stop"


@dataclass(slots=True)
class MediaStats:
    """What became of the input so far. `gap_s`: seconds without a connection, all reconnects together."""

    packets: int = 0
    frames: int = 0
    decode_errors: int = 0
    read_errors: int = 0
    corrupt_frames: int = 0
    reconnects: int = 0
    gap_s: float = 0.0


@dataclass
class MediaSource:
    """One video input, as a `Source`.

    url: a path, a file:, http(s):, rtsp(s):, rtmp:, udp:, srt: address, or a capture device ("/dev/video0",
        "device:0").
    id: the stream's id; "" for the base name of `url`.
    stream: index of the stream in the container, None for FFmpeg's own choice of the best.
    connect_timeout_s: a live input that has not answered by then is given up with StreamError.
    read_timeout_s: a live input that has sent nothing for so long is taken for lost and connected anew.
    rtsp_transport: "tcp" or "udp". camera_wh, camera_fps: asked of a capture device, which may give others.
    threads: of the decoder; 0: one up to 1080p, as many as there are cores above.
    duration_s, max_frames: end after so much of the stream's own time, or so many frames.
    loop: begin again at the end of a file, `Instant.epoch` one higher.

    `live` is what the address says until the input is open; a finite file behind http is then known not to be.
    `stop()` may be called from any thread: `frames` ends before its next frame, a pending read at its deadline.
    Raises InputError for local inputs and StreamError for all others, while iterating only.
    """

    url: str
    id: str = ""
    stream: int | None = None
    connect_timeout_s: float = 15.0
    read_timeout_s: float = 5.0
    rtsp_transport: str = "tcp"
    threads: int = 0
    duration_s: float | None = None
    max_frames: int | None = None
    loop: bool = False
    camera_wh: tuple[int, int] | None = None
    camera_fps: float | None = None
    live: bool = field(init=False)
    stats: MediaStats = field(default_factory=MediaStats, init=False, compare=False)
    stopping: threading.Event = field(default_factory=threading.Event, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.id = self.id or name_of(self.url)
        self.live = likely_live(self.url)

    def stop(self) -> None:
        """Ask `frames` to end; safe from any thread."""
        self.stopping.set()

    def frames(self, tap: Tap | None = None) -> Iterator[Frame]:
        """Frames in the order the decoder gives them; opens at the first `next`.

        `tap` sees each `av.Packet`, a `PacketTap` each opening too.
        """
        budget = Budget(self.duration_s, self.max_frames)
        backoff = Backoff()
        began = time.monotonic()
        opened = self._connect()
        index = epoch = 0
        while opened is not None:
            framer = Framer(self.id, opened, index, epoch)
            try:
                if isinstance(tap, PacketTap):
                    tap.begin(opened.stream, epoch)
                ending = yield from self._play(opened, framer, budget, tap)
                over = ending is Ending.SPENT or self._over(opened, ending, framer, got=framer.index - index)
            finally:
                opened.container.close()
            if over:
                return
            if framer.index > index:
                backoff.reset()
            elif framer.index == 0 and time.monotonic() - began > self.connect_timeout_s:
                raise StreamError(f"{address_of(self.url)}: it answers, but no picture came")
            index, epoch = framer.index, epoch + 1
            opened = self._open_once() if opened.finite else self._reconnect(backoff)

    def _play(self, opened: Opened, framer: Framer, budget: Budget, tap: Tap | None) -> Generator[Frame, None, Ending]:
        stats, stream = self.stats, opened.stream
        reader = _Reader(opened, self.stopping, stats)
        held: list[av.VideoFrame] = []
        for packet in reader.packets():
            if tap is not None and packet is not None and packet.size:
                tap(packet)
            try:
                pictures = stream.decode(packet)
            except av.error.FFmpegError:
                stats.decode_errors += 1
                pictures = []
            if framer.info is None:
                held += pictures
                if not held or not framer.settle(held, last=packet is None or not packet.size):
                    continue
                pictures, held = held, []
            pictures.reverse()
            while pictures:
                frame = framer.frame(pictures.pop())
                if budget.spent_by(frame) or self.stopping.is_set():
                    return Ending.SPENT
                stats.frames += 1
                stats.corrupt_frames += frame.corrupt
                ready = [frame]
                del frame  # a generator that waits must not keep the decoder's memory
                yield ready.pop()
        return Ending.SPENT if self.stopping.is_set() or budget.exhausted else reader.ending

    def _over(self, opened: Opened, ending: Ending, framer: Framer, got: int) -> bool:
        """Whether the stream is finished after this opening; raises where it failed."""
        where = self.url if is_local(self.url) else address_of(self.url)
        if opened.finite:
            kind = InputError if is_local(self.url) else StreamError
            if not got:
                damaged = self.stats.decode_errors + self.stats.read_errors
                raise kind(
                    f"{where}: no picture in it could be decoded "
                    f"({self.stats.packets} packets, {damaged} of them damaged); is the file complete?"
                )
            if ending is Ending.LOST and kind is StreamError:
                raise StreamError(f"{where}: the connection was lost after {framer.index} frames")
            return not self.loop
        return ending is Ending.DONE and got > 0 and framer.played_out

    def _attempt(self, connect_s: float) -> Attempt:
        return Attempt(
            connect_s, self.read_timeout_s, self.rtsp_transport, self.stream, self.threads, self.camera_wh,
            self.camera_fps,
        )  # fmt: skip

    def _open_once(self) -> Opened | None:
        if self.stopping.is_set():
            return None
        opened = open_media(self.url, self._attempt(self.connect_timeout_s), self.stopping)
        self.live = not opened.finite
        return opened

    def _connect(self) -> Opened | None:
        """The first opening: local inputs at once or never, others until the connect timeout."""
        if is_local(self.url):
            return self._open_once()
        backoff = Backoff()
        deadline = time.monotonic() + self.connect_timeout_s
        while True:
            try:
                opened = open_media(self.url, self._attempt(deadline - time.monotonic()), self.stopping)
            except HopelessError:
                raise
            except StreamError as error:
                left = deadline - time.monotonic()
                if self.stopping.wait(max(0.0, min(backoff.next_delay_s(), left))):
                    return None
                if deadline - time.monotonic() < _LEAST_ATTEMPT_S:
                    raise StreamError(f"{error}; given up after {self.connect_timeout_s:g} s") from None
            else:
                self.live = not opened.finite
                return opened

    def _reconnect(self, backoff: Backoff) -> Opened | None:
        """For ever, until it answers or is told to stop."""
        lost = time.monotonic()
        while not self.stopping.wait(backoff.next_delay_s()):
            try:
                opened = open_media(self.url, self._attempt(self.connect_timeout_s), self.stopping)
            except StreamError:
                continue
            self.stats.reconnects += 1
            self.stats.gap_s += time.monotonic() - lost
            return opened
        return None


@dataclass(slots=True)
class _Reader:
    """The packets of one opening; None once more where the decoder must be emptied after a read error."""

    opened: Opened
    stopping: threading.Event
    stats: MediaStats
    ending: Ending = Ending.DONE

    def packets(self) -> Iterator[av.Packet | None]:
        container, stream = self.opened.container, self.opened.stream
        heard = time.monotonic()
        while True:
            try:
                for packet in container.demux(stream):
                    heard = time.monotonic()
                    self.stats.packets += packet.size > 0
                    if self.stopping.is_set():
                        return
                    yield packet
                return
            except (av.error.ExitError, av.error.TimeoutError, av.error.BlockingIOError) as error:
                # A slice of the deadline has passed, or a device has nothing yet: go on until all of it has.
                if self.stopping.is_set():
                    return
                if time.monotonic() - heard < self.opened.silence_s:
                    if isinstance(error, av.error.BlockingIOError):
                        self.stopping.wait(_DEVICE_POLL_S)
                    continue
            except av.error.FFmpegError:
                self.stats.read_errors += 1
            self.ending = Ending.LOST
            yield None
            return
