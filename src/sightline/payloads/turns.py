"""Which frames of which streams have a turn: every Nth of each, the first included."""

from __future__ import annotations

from dataclasses import dataclass, field

from sightline.protocols import RunInfo
from sightline.types import Frame

__all__ = ["Turns"]


@dataclass(slots=True)
class Turns:
    """Counts each stream's results on its own; numbers the streams in the order in which they are named."""

    every: int = 1
    _counts: dict[str, int] = field(default_factory=dict[str, int], init=False)
    _streams: list[str] = field(default_factory=list[str], init=False)

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ValueError(f"every {self.every}: at least 1")

    def name(self, info: RunInfo) -> None:
        """Number the streams of `info` that have no number yet."""
        for stream in info.streams:
            self.number(stream.id)

    def number(self, stream_id: str) -> int:
        """The number of a stream, from 0."""
        if stream_id not in self._streams:
            self._streams.append(stream_id)
        return self._streams.index(stream_id)

    def due(self, frame: Frame) -> bool:
        """Has this frame a turn? Once for every frame."""
        seen = self._counts.get(frame.stream.id, 0)
        self._counts[frame.stream.id] = seen + 1
        return seen % self.every == 0
