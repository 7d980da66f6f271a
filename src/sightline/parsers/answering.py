"""Asking a process of a user's code things, one after another, and getting an answer or a fault for each.

The process may die at any time: what it had not begun is asked of the next one; what it died of is lost, and counted.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from sightline.errors import UsageError
from sightline.parsers.framing import Message
from sightline.parsers.process import UserProcess, lateness

__all__ = ["Answering", "Asked"]

T = TypeVar("T")
_GRACE_S = 2.0  # beyond the deadline that the process keeps by itself
_SLICE_S = 0.25
_TRIES = 3  # starts that fail in a row, from which on there are pauses between them
_LONGEST_PAUSE_S = 30.0
_IN_A_ROW = 10  # faults of code that had worked before: it may have spoilt what it stands on
_FRESH_EVERY_S = 60.0  # at most so often for that


@dataclass(slots=True)
class Asked(Generic[T]):
    """A question of `item`. message: makes its words when it is sent; True: to a process that was told nothing yet."""

    item: T
    message: Callable[[bool], Message]


@dataclass(slots=True)
class Answering(Generic[T]):
    """The questions in their order. answered: is given each one's item, and what was said of it.

    lost: is given each item whose answer will not come. faults: {what went wrong: how often}. ready: what the process
    said of itself when it began. Used from one thread.
    """

    process: UserProcess
    answered: Callable[[T, Message], None]
    lost: Callable[[T], None]
    faults: dict[str, int] = field(default_factory=dict[str, int])
    ready: Message | None = None
    _asked: deque[tuple[int, Asked[T]]] = field(default_factory=deque[tuple[int, Asked[T]]])
    _number: int = 0
    _since: float = 0.0
    _begun: bool = False
    _fresh: bool = True
    _refused: int = 0
    _not_before: float = 0.0
    _worked: bool = False
    _in_a_row: int = 0
    _freshened_s: float = -math.inf

    @property
    def waiting(self) -> int:
        return len(self._asked)

    def start(self) -> Message:
        """Begin the process and wait until it is ready: what it said. Raises UsageError, naming file and line."""
        if not self.process.alive:
            self._start()
        deadline = time.monotonic() + self.process.code.start_limit_s + 2 * _GRACE_S
        while not self._begun and time.monotonic() < deadline:
            self.pump(_SLICE_S)
        if self.ready is None:
            raise UsageError(f"{self.process.code.path}: its process does not become ready")
        return self.ready

    def ask(self, asked: Asked[T]) -> None:
        """Put a question after the others."""
        if not self.process.alive and not self._paused():
            self._start()
        self._number += 1
        if not self._asked:
            self._since = time.monotonic()
        self._asked.append((self._number, asked))
        if self.process.alive:
            self._send(self._number, asked)

    def _send(self, number: int, asked: Asked[T]) -> None:
        message = asked.message(self._fresh)
        self._fresh = False
        self.process.send({"number": number, **message})

    def pump(self, timeout_s: float) -> None:
        """Take what has come, wait up to `timeout_s` for something; see to deadlines and to a process that died.

        Raises UsageError where it cannot be begun the first time.
        """
        if not self.process.alive:
            self._without(timeout_s)
            return
        messages = self.process.receive(min(timeout_s, _SLICE_S))
        if messages is None:
            self._died(self.process.buried())
            return
        said_by = self.process.starts
        for message in messages:
            if self.process.alive and self.process.starts == said_by:  # else it has gone since, and these with it
                self._hear(message)
        if not messages and self._late():
            self.process.killed = lateness(self.process.code, self._begun)
            self._died(self.process.buried())

    def _start(self) -> None:
        self._begun, self._fresh = False, True
        self._worked, self._in_a_row = False, 0
        self._since = time.monotonic()
        self.process.start()

    def _hear(self, message: Message) -> None:
        for note in message.get("notes", ()):
            self.process.printed.append(str(note))
        self._since = time.monotonic()
        if "ready" in message:
            self._began(message)
            return
        if not self._asked or message.get("number") != self._asked[0][0]:
            self.process.killed = "wrote into the channel of its results"
            self._died(self.process.buried())
            return
        _, asked = self._asked.popleft()
        if "fault" in message:
            self._count(str(message["fault"]))
            self.lost(asked.item)
            if message.get("spent") or self._spoilt():  # the former ends by itself
                self.process.close()
                if self._asked:
                    self._again()
        else:
            self._worked, self._in_a_row = True, 0
            try:
                self.answered(asked.item, message)
            except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
                self._count(f"{self.process.code.path.name}: an answer that cannot be read: {error}")
                self.lost(asked.item)

    def _spoilt(self) -> bool:
        """After another fault: does nothing work any more that did, so that a new process may help?"""
        self._in_a_row += 1
        now = time.monotonic()
        if not self._worked or self._in_a_row < _IN_A_ROW or now - self._freshened_s < _FRESH_EVERY_S:
            return False
        self._freshened_s = now
        name = self.process.code.path.name
        self.process.printed.append(f"{name}: {_IN_A_ROW} faults in a row of what had worked; it is begun anew")
        return True

    def _began(self, message: Message) -> None:
        if message["ready"]:
            self._begun, self._refused, self.ready = True, 0, message
            self.process.began = True
            return
        self._refuse(str(message.get("fault", "it does not begin")))

    def _refuse(self, why: str) -> None:
        """It does not begin: the first time that is an error, later a fault, with growing pauses between the tries."""
        self.process.close()
        if self.ready is None:
            raise UsageError(why)
        self._refused += 1
        self._count(f"{why} (when it was started again)")
        if self._refused >= _TRIES:
            pause = min(_LONGEST_PAUSE_S, 2.0 ** (self._refused - _TRIES))
            self._not_before = time.monotonic() + pause
        else:
            self._again()

    def _died(self, why: str) -> None:
        """What it was working on is lost; the next process is asked the rest."""
        if not self._begun:
            self._refuse(why)
            return
        if self._asked:
            self._count(why)
            _, asked = self._asked.popleft()
            self.lost(asked.item)
        else:
            self._count(f"{why}, between frames")
        if self._asked:
            self._again()

    def _again(self) -> None:
        self._start()
        for number, asked in self._asked:
            self._send(number, asked)

    def _without(self, timeout_s: float) -> None:
        """There is no process: what is asked meanwhile is lost until the pause is over."""
        if not self._asked:
            return
        if self._paused():
            _, asked = self._asked.popleft()
            self._count(f"{self.process.code.path.name} cannot be started again; the next try is made later")
            self.lost(asked.item)
        else:
            self._again()

    def _paused(self) -> bool:
        return time.monotonic() < self._not_before

    def _late(self) -> bool:
        """Has it missed a deadline that it should have kept by itself?"""
        if self._begun and not self._asked:
            return False
        code = self.process.code
        limit = code.time_limit_s if self._begun else code.start_limit_s
        return time.monotonic() - self._since > limit + _GRACE_S

    def _count(self, fault: str) -> None:
        self.faults[fault] = self.faults.get(fault, 0) + 1

    def close(self) -> None:
        """End the process; what was asked is forgotten."""
        self._asked.clear()
        self.process.close()
