"""What the viewers of a run are shown: the newest picture of each stream, counts and events. Safe from any thread.

Nothing is drawn, scaled or encoded for a stream that nobody watches.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sightline.protocols import RunInfo, StageInfo
from sightline.types import Event, FrameResult, StreamInfo

__all__ = ["Board", "Screen"]

_EVENTS = 200  # kept for viewers that come later
_RATE_OVER = 48  # frames


@dataclass(slots=True, eq=False)
class Screen:
    """One stream: its newest picture as JPEG, how many watch it, and when they want the next picture.

    number: counts the pictures. width: of the pictures that are wanted now.
    """

    id: str
    every_s: float
    jpeg: bytes = b""
    number: int = 0
    watchers: int = 0
    ended: bool = False
    info: StreamInfo | None = None
    last: FrameResult | None = None
    frames: int = 0
    times: deque[float] = field(default_factory=lambda: deque[float](maxlen=_RATE_OVER))
    _due: float = 0.0
    _asked: float | None = None

    @property
    def wanted(self) -> bool:
        """Does somebody want the stream's next picture? It is on its way from the first yes on."""
        if not self.watchers:
            return False
        now = time.monotonic()
        if now < self._due:
            return False
        if self._asked is None:
            self._asked = now
        return True

    def taken(self) -> None:
        """A picture was taken: the next is due one interval after this one was asked for."""
        asked, self._asked = self._asked, None
        now = time.monotonic()
        self._due = max((asked if asked is not None else now) + self.every_s, now - self.every_s)

    @property
    def rate(self) -> float:
        """Frames a second, of the last few."""
        times = list(self.times)
        if len(times) < 2 or self.ended:
            return 0.0
        return (len(times) - 1) / max(1e-6, max(times[-1], time.monotonic() - 1.0) - times[0])


class Board:
    """Everything that is known of a run: viewers wait for news of it.

    width: most pixels across of a picture that is watched alone; several are smaller. fps: most pictures a second.
    """

    def __init__(self, width: int, fps: float) -> None:
        self._width = width
        self._every_s = 1 / fps
        self._news = threading.Condition()
        self._began = time.monotonic()
        self.screens: list[Screen] = []
        self.events: deque[tuple[int, Event]] = deque(maxlen=_EVENTS)
        self.models: tuple[StageInfo, ...] = ()
        self.seen_events = 0
        self.ended = False

    # -- what the run says ---------------------------------------------------------------------------------------------

    def screen(self, stream: str) -> Screen:
        """The stream's screen, a new one at its first time."""
        with self._news:
            for screen in self.screens:
                if screen.id == stream:
                    return screen
            made = Screen(stream, self._every_s)
            self.screens.append(made)
            self._news.notify_all()
            return made

    def introduce(self, info: RunInfo) -> None:
        """What runs, and the streams that are known by now."""
        self.models = info.models
        for stream in info.streams:
            self.screen(stream.id).info = stream

    def saw(self, result: FrameResult) -> None:
        """One more result, of any stream."""
        screen = self.screen(result.frame.stream.id)
        screen.info, screen.last = result.frame.stream, result
        screen.frames += 1
        screen.times.append(time.monotonic())
        for event in result.events:
            self.seen_events += 1
            self.events.append((self.seen_events, event))

    def publish(self, screen: Screen, jpeg: bytes) -> None:
        """A new picture of a stream."""
        with self._news:
            screen.jpeg = jpeg
            screen.number += 1
            self._news.notify_all()

    def end(self) -> None:
        """The run is over: viewers are told, and go."""
        with self._news:
            self.ended = True
            self._news.notify_all()

    # -- what viewers ask ----------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def watching(self, screens: Sequence[Screen]) -> Iterator[None]:
        """While this lasts, pictures of these streams are made."""
        with self._news:
            for screen in screens:
                screen.watchers += 1
        try:
            yield
        finally:
            with self._news:
                for screen in screens:
                    screen.watchers -= 1

    def wait(self, screens: Sequence[Screen], numbers: Sequence[int], timeout_s: float) -> bool:
        """Wait until one of the screens has another picture than that number, or the run ends; False: not in time."""
        with self._news:
            return self._news.wait_for(
                lambda: self.ended or any(s.number != n for s, n in zip(screens, numbers, strict=True)), timeout_s
            )

    @property
    def width(self) -> int:
        """Pixels across of the pictures that are made now: the more streams are watched, the smaller."""
        watched = sum(screen.watchers > 0 for screen in list(self.screens))
        across = 1 if watched <= 1 else 2 if watched <= 4 else 3 if watched <= 9 else 4
        return max(min(self._width, 320), self._width * 4 // (3 * across) if across > 1 else self._width)

    def facts(self, after: int = 0) -> dict[str, object]:
        """All of it, ready for JSON; events with a number above `after` only."""
        return {
            "ended": self.ended,
            "seconds": round(time.monotonic() - self._began, 1),
            "models": [{"stage": m.stage, "name": m.name, "runtime": m.runtime} for m in self.models],
            "streams": [_stream(screen) for screen in list(self.screens)],
            "events": [_event(number, event) for number, event in list(self.events) if number > after],
        }


def _stream(screen: Screen) -> dict[str, object]:
    result, info = screen.last, screen.info
    return {
        "id": screen.id,
        "width": info.width if info is not None else 0,
        "height": info.height if info is not None else 0,
        "live": bool(info is not None and info.live),
        "ended": screen.ended,
        "frames": screen.frames,
        "fps": round(screen.rate, 1),
        "at": result.frame.at.seconds if result is not None else None,
        "objects": _objects(result) if result is not None else {},
        "counts": _plain(result.counts) if result is not None else {},
    }


def _objects(result: FrameResult) -> dict[str, int]:
    """How many of what are in the picture."""
    found = result.prediction.detections
    said = Counter(found.name_of(row) for row in range(len(found)))
    for attribute in result.prediction.attributes[:1]:
        said[attribute.label] += 1
    return dict(said.most_common())


def _plain(counts: Mapping[str, Mapping[str, Mapping[str, int]]]) -> dict[str, dict[str, dict[str, int]]]:
    return {rule: {way: dict(labels) for way, labels in ways.items()} for rule, ways in counts.items()}


def _event(number: int, event: Event) -> dict[str, object]:
    return {
        "number": number,
        "stream": event.stream,
        "kind": event.kind,
        "rule": event.rule,
        "label": event.label,
        "track": event.track,
        "at": event.at.seconds,
    }
