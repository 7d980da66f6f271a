"""How long to wait before a lost live input is tried again: 1, 2, 4 ... 30 seconds, afresh after each success."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["Backoff"]


@dataclass(slots=True)
class Backoff:
    """Delays in seconds: `first_s`, then `factor` times the last one, at most `most_s`."""

    first_s: float = 1.0
    factor: float = 2.0
    most_s: float = 30.0
    _next_s: float | None = field(default=None, init=False, repr=False)

    def next_delay_s(self) -> float:
        """The delay before the coming attempt; the one after it will be longer."""
        delay = self.first_s if self._next_s is None else self._next_s
        self._next_s = min(delay * self.factor, self.most_s)
        return min(delay, self.most_s)

    def reset(self) -> None:
        """An attempt has succeeded: begin with `first_s` next time."""
        self._next_s = None
