"""Bounded channels and joined workers: the only file that starts threads on the data path.

A `Channel` ends by being closed (its end is part of the queue) and stops by being stopped (blocked callers return).
A `Worker` runs one function in a thread, keeps its exception for whoever joins or polls it, and is always joined.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["Bell", "Channel", "Closed", "Worker"]

T = TypeVar("T")


class Closed(Exception):
    """The channel has ended (and is empty), or was stopped."""


class Bell:
    """Something happened somewhere: one waiter sleeps until any of many channels rings."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def ring(self) -> None:
        self._event.set()

    def wait(self, timeout_s: float) -> bool:
        """Sleep until rung or `timeout_s` has passed; True if rung. Forgets the ring."""
        rung = self._event.wait(timeout_s)
        self._event.clear()
        return rung


class Channel(Generic[T]):
    """A bounded queue between one or more writers and a reader.

    drop_oldest: a full channel forgets its oldest item instead of blocking the writer; `dropped` counts them. May be
    changed by the writer between two puts.
    """

    def __init__(self, capacity: int, *, drop_oldest: bool = False, bell: Bell | None = None) -> None:
        if capacity < 1:
            raise ValueError(f"capacity: at least 1, got {capacity}")
        self._items: deque[T] = deque()
        self._capacity = capacity
        self.drop_oldest = drop_oldest
        self.bell = bell
        self._condition = threading.Condition()
        self._closed = False
        self._stopped = False
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._items)

    @property
    def full(self) -> bool:
        return len(self._items) >= self._capacity

    @property
    def ended(self) -> bool:
        """True once nothing will ever come out again."""
        return self._stopped or (self._closed and not self._items)

    def put(self, item: T) -> None:
        """Append, waiting for room unless `drop_oldest`. Raises Closed once the channel is stopped or closed."""
        with self._condition:
            if self.drop_oldest:
                while len(self._items) >= self._capacity:
                    self._items.popleft()
                    self.dropped += 1
            else:
                while len(self._items) >= self._capacity and not self._stopped:
                    self._condition.wait()
            if self._stopped or self._closed:
                raise Closed
            self._items.append(item)
            self._condition.notify_all()
        if self.bell is not None:
            self.bell.ring()

    def get(self, timeout_s: float | None = 0.0) -> T | None:
        """The oldest item, or None when none came within `timeout_s` (None: for ever). Raises Closed at the end."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        with self._condition:
            while not self._items:
                if self._closed or self._stopped:
                    raise Closed
                left = None if deadline is None else deadline - time.monotonic()
                if left is not None and left <= 0:
                    return None
                self._condition.wait(left)
            if self._stopped:
                raise Closed
            item = self._items.popleft()
            self._condition.notify_all()
            return item

    def peek(self) -> T | None:
        """The oldest item without taking it, or None."""
        with self._condition:
            return self._items[0] if self._items and not self._stopped else None

    def close(self) -> None:
        """No more items will come; what is queued can still be taken."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()
        if self.bell is not None:
            self.bell.ring()

    def stop(self) -> None:
        """Forget what is queued and let every blocked caller go."""
        with self._condition:
            self._stopped = True
            self._items.clear()
            self._condition.notify_all()
        if self.bell is not None:
            self.bell.ring()


class Worker:
    """One function in one thread. `stop` is set when the run ends; the function looks at it or at a stopped channel.

    `done()` is called in the thread when the function has returned or raised. `Closed` ends it quietly.
    """

    def __init__(
        self, name: str, run: Callable[[threading.Event], None], done: Callable[[], None] | None = None
    ) -> None:
        self.name = name
        self.stop = threading.Event()
        self.error: BaseException | None = None
        self._run = run
        self._done = done
        self._thread = threading.Thread(target=self._main, name=f"sightline-{name}", daemon=True)

    def start(self) -> Worker:
        self._thread.start()
        return self

    def _main(self) -> None:
        try:
            self._run(self.stop)
        except Closed:
            pass
        except Exception as error:  # noqa: BLE001  the thread boundary: kept for check()
            self.error = error
        finally:
            if self._done is not None:
                self._done()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def check(self) -> None:
        """Raise what the function raised, with its own traceback."""
        if self.error is not None:
            raise self.error

    def wait(self, timeout_s: float) -> bool:
        """Wait for it to end by itself; True if it has."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def join(self, timeout_s: float = 10.0) -> bool:
        """Ask it to stop and wait; False if it is still running after `timeout_s`."""
        self.stop.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
        return not self._thread.is_alive()
