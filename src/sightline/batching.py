"""Frames of many streams -> batches, by count or deadline. Pure: time is passed in."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Generic, TypeVar

__all__ = ["Batcher"]

T = TypeVar("T")


@dataclass(slots=True)
class Batcher(Generic[T]):
    """Collects items until `size` are there or the oldest has waited `deadline_s`.

    A batch keeps the order of arrival. With `size` 1 every item is a batch of its own at once.
    """

    size: int = 1
    deadline_s: float = 0.05
    _items: deque[tuple[T, float]] = field(default_factory=deque[tuple[T, float]])

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"size: at least 1, got {self.size}")

    def __len__(self) -> int:
        return len(self._items)

    @property
    def first(self) -> T:
        """The oldest item. Raises IndexError where there is none."""
        return self._items[0][0]

    def add(self, item: T, now_s: float) -> None:
        """Append an item that arrived at `now_s` (any monotonic clock)."""
        self._items.append((item, now_s))

    def ready(self, now_s: float, ending: bool = False) -> bool:
        """Is there a batch to take? `ending`: nothing more will come, so what is there goes."""
        if not self._items:
            return False
        return ending or len(self._items) >= self.size or now_s - self._items[0][1] >= self.deadline_s

    def wait_s(self, now_s: float) -> float | None:
        """Seconds until the deadline makes a batch of what is there; None where there is nothing."""
        return max(0.0, self._items[0][1] + self.deadline_s - now_s) if self._items else None

    def take(self) -> list[T]:
        """Up to `size` items, oldest first."""
        return [self._items.popleft()[0] for _ in range(min(self.size, len(self._items)))]
