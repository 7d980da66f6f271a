"""The recent paths of tracks: the bottom centre of each box over the last seconds."""

from __future__ import annotations

from collections import deque

from sightline.types import Frame

__all__ = ["Traces"]

_MOST = 512
_STILL_PX = 1.5


class Traces:
    """Paths of one stream's tracks by id. Memory is bounded: ended and expired tracks are forgotten."""

    def __init__(self, keep_s: float) -> None:
        self._keep_s = keep_s
        self._paths: dict[int, deque[tuple[float, float, float]]] = {}
        self._epoch = 0
        self._now = 0.0

    def __len__(self) -> int:
        return len(self._paths)

    def begin(self, frame: Frame, ended: tuple[int, ...]) -> None:
        """A new frame: drop what ended, what is too old, and everything at a break of the clock."""
        seconds = frame.at.seconds
        now = frame.index / 25 if seconds is None else seconds
        if frame.at.epoch != self._epoch or now < self._now - self._keep_s:
            self._paths.clear()
        self._epoch, self._now = frame.at.epoch, now
        for track in ended:
            self._paths.pop(track, None)
        oldest = now - self._keep_s
        for track in [t for t, path in self._paths.items() if path[-1][0] < oldest]:
            del self._paths[track]

    def extend(self, track: int, x: float, y: float) -> list[tuple[float, float]]:
        """Add a point of this frame; the path so far, oldest first."""
        path = self._paths.setdefault(track, deque(maxlen=_MOST))
        oldest = self._now - self._keep_s
        while path and path[0][0] < oldest:
            path.popleft()
        if len(path) > 1 and abs(x - path[-2][1]) + abs(y - path[-2][2]) < _STILL_PX:
            path.pop()  # a thing that stands still needs no path of hundreds of points
        path.append((self._now, x, y))
        return [(px, py) for _, px, py in path]
