"""Results as they come -> a moving line on a terminal: frames, frames/s, time left, drops. Silent elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from sightline.types import FrameResult, StreamInfo

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

__all__ = ["Progress", "expected_frames"]

_EVERY_S = 0.1


def expected_frames(stream: StreamInfo, seconds: float | None, frames: int | None) -> int | None:
    """How many frames a stream will probably give, None where nobody knows (live, or a header without sense)."""
    if stream.live:
        return frames
    known = stream.frames if stream.frames and stream.frames > 0 else None
    duration = stream.duration_s if stream.duration_s and stream.duration_s > 0 else None
    if known is None and duration and stream.rate:
        known = round(duration * float(stream.rate))
    if seconds is not None and stream.rate:
        by_time = round(seconds * float(stream.rate))
        known = by_time if known is None else min(known, by_time)
    return min((n for n in (known, frames) if n is not None), default=None)


class Progress:
    """A context: `saw(result)` for each result, `draw()` when `due`.

    Shown where stderr is a terminal and nobody asked for quiet.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self.shown = sys.stderr is not None and sys.stderr.isatty() and not quiet
        self.expecting = False
        self._total: int | None = None
        self._seen = 0
        self._began = time.monotonic()
        self._next = 0.0
        self._bar = _bar() if self.shown else None

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()

    def expect(self, total: int | None) -> None:
        """How many frames are expected of all streams together, None for unknown."""
        self.expecting = True
        self._total = total

    def saw(self, result: FrameResult) -> None:
        """One more result is there."""
        self._seen += 1

    def say(self, line: str) -> None:
        """A line on stderr, above what moves."""
        if self._bar is not None:
            self._bar.console.print(line, markup=False, highlight=False)
        else:
            print(line, file=sys.stderr, flush=True)

    @property
    def due(self) -> bool:
        """Is it time to draw again?"""
        return self.shown and time.monotonic() >= self._next

    def draw(self, dropped: int = 0) -> None:
        """Bring the line up to date; `dropped` frames were lost by live streams so far."""
        if self._bar is None:
            return
        now = time.monotonic()
        self._next = now + _EVERY_S
        rate = self._seen / max(now - self._began, 1e-9)
        total = self._total if self._total is None or self._seen <= self._total else None
        task = self._bar.task_ids[0]
        lost = f"{dropped} dropped" if dropped else ""
        self._bar.update(task, completed=self._seen, total=total, rate=f"{rate:.1f} frames/s", dropped=lost)
        self._bar.refresh()


def _bar() -> Bar:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    bar = Bar(
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[dropped]}"),
        console=Console(stderr=True),
        transient=True,
        auto_refresh=False,
    )
    bar.add_task("", total=None, rate="", dropped="")
    return bar
