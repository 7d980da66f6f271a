"""The recent paths of tracks: the bottom centre of each box over the last seconds, calmed a little."""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from sightline.overlays.canvas import SHIFT
from sightline.types import I32, Frame

__all__ = ["Traces"]

_MOST = 512
_FIRST_ROOM = 64
_CALM_S = 0.08  # time constant of the smoothing: boxes tremble from frame to frame, what they show does not
_ONE = 1 << SHIFT
_FAR = 32_000.0


class Traces:
    """Paths of one stream's tracks by id. Memory is bounded: ended and expired tracks are forgotten.

    keep_s: how far back they go. step_px: the least distance of two points, so that slow things have few.
    """

    def __init__(self, keep_s: float, step_px: float = 1.5) -> None:
        self._keep_s = keep_s
        self.step_px = step_px
        self._paths: dict[int, _Path] = {}
        self._epoch = 0
        self._now = 0.0
        self._pull = 1.0

    def __len__(self) -> int:
        return len(self._paths)

    def begin(self, frame: Frame, ended: tuple[int, ...]) -> None:
        """A new frame: drop what ended, what is too old, and everything at a break of the clock."""
        seconds = frame.at.seconds
        now = frame.index / 25 if seconds is None else seconds
        if frame.at.epoch != self._epoch or now < self._now - self._keep_s:
            self._paths.clear()
        self._pull = 1 - math.exp(-max(0.0, now - self._now) / _CALM_S)
        self._epoch, self._now = frame.at.epoch, now
        for track in ended:
            self._paths.pop(track, None)
        oldest = now - self._keep_s
        for track in [t for t, path in self._paths.items() if path.seen_s < oldest]:
            del self._paths[track]

    def extend(self, track: int, x: float, y: float) -> I32:
        """Add a point of this frame; the path so far (K, 2), oldest first, as `canvas.fixed` has it, until the next.

        It ends at (x, y) itself; what lies before is smoothed. One point alone: it stands still.
        """
        path = self._paths.get(track)
        if path is None:
            path = self._paths[track] = _Path()
        return path.add(self._now, self._now - self._keep_s, x, y, self._pull, self.step_px)


class _Path:
    """One track's points in one piece of memory, as they are drawn; after the last one stands where it is now."""

    __slots__ = ("_end", "_last_x", "_last_y", "_points", "_start", "_times", "_x", "_y", "seen_s")

    def __init__(self) -> None:
        self._points: I32 = np.empty((_FIRST_ROOM, 2), np.int32)
        self._times: deque[float] = deque()  # when each of points[start:end] was reached
        self._start = self._end = 0
        self._x = self._y = self._last_x = self._last_y = self.seen_s = 0.0

    def add(self, now: float, oldest: float, x: float, y: float, pull: float, step_px: float) -> I32:
        if not (-_FAR < x < _FAR and -_FAR < y < _FAR):
            x, y = min(max(x, -_FAR), _FAR), min(max(y, -_FAR), _FAR)
        if not self._end:
            pull = 1.0
        self._x += pull * (x - self._x)
        self._y += pull * (y - self._y)
        self.seen_s = now
        times = self._times
        while times and (times[0] < oldest or len(times) >= _MOST):
            times.popleft()
            self._start += 1
        if not times or abs(self._x - self._last_x) + abs(self._y - self._last_y) >= step_px:
            self._put(self._x, self._y)
            self._end += 1
            times.append(now)
            self._last_x, self._last_y = self._x, self._y
        self._put(x, y)
        if len(times) == 1 and abs(x - self._last_x) + abs(y - self._last_y) < step_px:
            return self._points[self._end - 1 : self._end]
        return self._points[self._start : self._end + 1]

    def _put(self, x: float, y: float) -> None:
        """A point behind the last, with room for one more."""
        if self._end == len(self._points):
            kept = self._points[self._start : self._end]
            room = self._points if 2 * len(kept) <= len(self._points) else np.empty((4 * len(kept), 2), np.int32)
            room[: len(kept)] = kept
            self._points, self._start, self._end = room, 0, len(kept)
        self._points[self._end, 0] = round((x - 0.5) * _ONE)
        self._points[self._end, 1] = round((y - 0.5) * _ONE)
