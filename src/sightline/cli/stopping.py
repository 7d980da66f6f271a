"""Ctrl-C and SIGTERM -> a clean stop, then (asked again) an abrupt one."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["Stopping", "stopping"]


class Stopping:
    """Whether somebody asked to stop while the block ran."""

    def __init__(self) -> None:
        self.asked = False


@contextmanager
def stopping(stop: Callable[[], None]) -> Iterator[Stopping]:
    """Within the block the first SIGINT or SIGTERM calls `stop`, a second one raises KeyboardInterrupt.

    Outside the main thread, where Python gives no signals, it does nothing.
    """
    state = Stopping()

    def handle(number: int, frame: FrameType | None) -> None:
        if state.asked:
            raise KeyboardInterrupt
        state.asked = True
        stop()

    if threading.current_thread() is not threading.main_thread():
        yield state
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, handle) for number in numbers]
    try:
        yield state
    finally:
        for number, old in zip(numbers, before, strict=True):
            signal.signal(number, old)
