"""Results -> our own lines, as `sightline.wire` writes them."""

from __future__ import annotations

from dataclasses import dataclass, field

from sightline import wire
from sightline.protocols import RunInfo
from sightline.types import FrameResult

__all__ = ["SightlinePayload"]


@dataclass(slots=True)
class SightlinePayload:
    """A run line for every opening, then a line a frame and a line an event."""

    _names: tuple[str, ...] = field(default=(), init=False, repr=False)

    def open(self, info: RunInfo) -> list[str]:
        """The run line."""
        self._names = info.models[0].labels if info.models else ()
        return [wire.header_line(info)]

    def messages(self, result: FrameResult) -> list[str]:
        """The frame, then its events."""
        lines = [wire.frame_line(result, self._names)]
        return lines + [wire.event_line(event, result.frame) for event in result.events]
