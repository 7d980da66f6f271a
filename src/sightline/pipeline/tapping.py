"""What sees a stream's packets before they are decoded: the sinks that copy them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sightline.protocols import PacketTap, Sink

__all__ = ["tap_of"]


@dataclass(frozen=True, slots=True)
class _Taps:
    """Several taps as one."""

    taps: tuple[PacketTap, ...]

    def begin(self, stream: object, epoch: int) -> None:
        for tap in self.taps:
            tap.begin(stream, epoch)

    def __call__(self, packet: object, /) -> None:
        for tap in self.taps:
            tap(packet)


def tap_of(sinks: Sequence[Sink]) -> PacketTap | None:
    """The tap of the sinks that have one; None where no sink copies packets."""
    taps = tuple(tap for sink in sinks if (tap := getattr(sink, "tap", None)) is not None)
    return None if not taps else taps[0] if len(taps) == 1 else _Taps(taps)
