"""A run to watch while it lasts: a page for the browser, served to this machine alone, behind a token."""

from __future__ import annotations

import secrets
import sys
import threading
import time
from dataclasses import dataclass, field

from sightline.channel import Bell, Channel, Closed, Worker
from sightline.protocols import RunInfo
from sightline.sinks.show_board import Board, Screen
from sightline.sinks.show_picture import jpeg_of
from sightline.sinks.show_server import ShowServer
from sightline.types import FrameResult, Instant, Picture

__all__ = ["ShowSink", "ShowStream"]

_LEAST_TOKEN = 16  # characters of one that is given
_WIDEST = 4096
_GOODBYE_S = 2.0
_FURTHEST_S = 5.0  # that a clock may jump and still be waited for


@dataclass(slots=True, eq=False)
class ShowSink:
    """The run in a browser. It is shared: each stream feeds it through a sink of its own, see `of_stream`.

    port: 0 for any that is free. host: whom it listens to; the default is this machine alone, and on any other the
    token goes over the network as it is. token: "" for a random one; who does not know it sees nothing.
    width, fps, quality: of the pictures at most: pixels across, a second, and of JPEG 1 to 100.
    pace: show files as fast as they were filmed; it holds the run back. quiet: do not print the address.

    `address` is what to open, once the sink is open. Pictures are drawn and encoded only while somebody watches; who
    is slow misses some.
    """

    port: int = 0
    host: str = "127.0.0.1"
    token: str = ""
    width: int = 1280
    fps: float = 15.0
    quality: int = 75
    pace: bool = False
    quiet: bool = False
    wants_picture: bool = field(default=False, init=False)
    notes: list[str] = field(default_factory=list[str], init=False)
    board: Board = field(init=False, repr=False)
    _bell: Bell = field(default_factory=Bell, init=False, repr=False)
    _streams: list[ShowStream] = field(default_factory=list["ShowStream"], init=False, repr=False)
    _server: ShowServer | None = field(default=None, init=False, repr=False)
    _encoder: Worker | None = field(default=None, init=False, repr=False)
    _closed: bool = field(default=False, init=False, repr=False)

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port {self.port}: from 0 (any) to 65535")
        if self.token and (len(self.token) < _LEAST_TOKEN or not self.token.isascii() or not self.token.isalnum()):
            raise ValueError(f"token: at least {_LEAST_TOKEN} letters and digits")
        if not 64 <= self.width <= _WIDEST or not 0 < self.fps <= 60 or not 1 <= self.quality <= 100:
            raise ValueError(f"width: 64 to {_WIDEST}; fps: above 0, at most 60; quality: 1 to 100")
        self.board = Board(self.width, self.fps)

    @property
    def address(self) -> str:
        """What to open in a browser; "" while the sink is not open."""
        return "" if self._server is None else self._server.address

    def of_stream(self, stream: str) -> ShowStream:
        """The sink through which that stream's pictures come; streams are shown in the order of asking."""
        made = ShowStream(self, self.board.screen(stream), Channel[Picture](1, drop_oldest=True, bell=self._bell))
        self._streams.append(made)
        return made

    def open(self, info: RunInfo) -> None:
        """Begin to listen and print the address; again: learn of further streams. Raises OutputError: port taken."""
        self.board.introduce(info)
        if self._server is not None or self._closed:
            return
        self._server = ShowServer(self.board, self.host, self.port, self.token or secrets.token_hex(16))
        self._encoder = Worker("show-encode", self._encode).start()
        if not self.quiet:
            print(f"watch at {self._server.address}", file=sys.stderr, flush=True)

    def write(self, result: FrameResult, picture: Picture | None) -> None:
        """Take note of a result of any stream."""
        self.board.saw(result)

    def close(self) -> None:
        """Tell the viewers that the run has ended, and stop listening."""
        if self._closed:
            return
        self._closed = True
        self._drain()
        for stream in self._streams:
            stream.close()
        self.board.end()
        if self._server is not None:
            self._server.close(_GOODBYE_S)
            self.notes += self._server.faults
        if self._encoder is not None:
            self._encoder.join()

    def _drain(self) -> None:
        """Give the last pictures the time to be encoded."""
        until = time.monotonic() + _GOODBYE_S
        while self._encoder is not None and self._encoder.alive and time.monotonic() < until:
            if not any(len(stream.pictures) for stream in self._streams):
                return
            self._encoder.wait(0.01)

    def _encode(self, stop: threading.Event) -> None:
        while not stop.is_set() and not self.board.ended:
            self._bell.wait(0.25)
            for stream in list(self._streams):
                try:
                    picture = stream.pictures.get(0)
                except Closed:
                    continue
                if picture is not None:
                    self.board.publish(stream.screen, jpeg_of(picture, self.board.width, self.quality))


@dataclass(slots=True, eq=False)
class ShowStream:
    """One stream's pictures on their way to the browser."""

    show: ShowSink
    screen: Screen
    pictures: Channel[Picture]
    _first: tuple[Instant, float] | None = None
    _gone: threading.Event = field(default_factory=threading.Event)

    @property
    def wants_picture(self) -> bool:
        """Only while somebody watches, and no oftener than pictures are shown."""
        return self.screen.wanted

    def open(self, info: RunInfo) -> None:
        """Nothing: the page is opened by the shared sink."""

    def write(self, result: FrameResult, picture: Picture | None) -> None:
        """Hand on one annotated picture, where there is one; waits only where `pace` is asked for."""
        if picture is not None:
            self.screen.taken()
            self.pictures.put(picture)
        if self.show.pace and not result.frame.stream.live:
            self._keep_pace(result.frame.at)

    def close(self) -> None:
        """The stream has ended; its last picture stays."""
        self.screen.ended = True
        self._gone.set()

    def _keep_pace(self, at: Instant) -> None:
        """Wait until as much time has passed here as in the stream."""
        now, own = time.monotonic(), at.seconds
        if own is None:
            return
        if self._first is None or self._first[0].epoch != at.epoch:
            self._first = at, now
        ahead = at.since(self._first[0]) - (now - self._first[1])
        if -_FURTHEST_S < ahead < _FURTHEST_S:
            self._gone.wait(max(0.0, ahead))
        else:
            self._first = at, now
