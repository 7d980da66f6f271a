"""One model and all who ask it for something: looks are batched, submitted while there is room, answered in order."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import Generic, NoReturn, Protocol, TypeVar

from sightline.batching import Batcher
from sightline.errors import RuntimeFailure
from sightline.models.infer import Model
from sightline.models.looks import Look
from sightline.types import Frame, Prediction

__all__ = ["Asking", "HasLook"]


class HasLook(Protocol):
    """Whatever asks: only its look is of interest here."""

    look: Look


A = TypeVar("A", bound=HasLook)


@dataclass(slots=True, eq=False)
class Asking(Generic[A]):
    """The queue in front of `model`. deadline_s: how long a look waits for others to fill a batch."""

    model: Model
    deadline_s: float = 0.05
    asked: int = 0
    _batchers: dict[str, Batcher[A]] = field(default_factory=dict[str, Batcher[A]])
    _sent: deque[list[A]] = field(default_factory=deque[list[A]])

    @property
    def queued(self) -> int:
        """Looks that are not submitted yet."""
        return sum(map(len, self._batchers.values()))

    @property
    def waiting(self) -> int:
        """Requests that are being worked on."""
        return self.model.waiting

    def admits(self, frame: Frame) -> bool:
        """Whether another look at a frame like this one would be submitted soon."""
        batcher = self._batcher(frame)
        return len(batcher) < batcher.size and self.model.room(frame)

    def add(self, ask: A) -> None:
        """Queue it; `submit` starts it."""
        self.asked += 1
        self._batcher(ask.look.frame).add(ask, time.monotonic())

    def _batcher(self, frame: Frame) -> Batcher[A]:
        key = self.model.form_of(frame)
        if key not in self._batchers:
            self._batchers[key] = Batcher(self.model.batch_of(frame), self.deadline_s)
        return self._batchers[key]

    def submit(self, ending: bool) -> list[A]:
        """Start what makes a batch, or has waited long enough, or (ending) all there is; returns what was started."""
        started: list[A] = []
        for batcher in self._batchers.values():
            while batcher.ready(time.monotonic(), ending or not self.model.waiting):
                if not self.model.room(batcher.first.look.frame):
                    break
                group = batcher.take()
                try:
                    self.model.submit([ask.look for ask in group])
                except RuntimeFailure as error:
                    self._blamed(error)
                self._sent.append(group)
                started += group
        return started

    def collect(self, timeout_s: float) -> list[tuple[A, Prediction]] | None:
        """The oldest request's answers; None: not within the timeout."""
        try:
            done = self.model.collect(timeout_s)
        except RuntimeFailure as error:
            self._blamed(error)
        if done is None:
            return None
        return [(ask, prediction) for ask, (_, prediction) in zip(self._sent.popleft(), done, strict=True)]

    def _blamed(self, error: RuntimeFailure) -> NoReturn:
        """Of several models, the one that failed is named."""
        if not self.model.of:
            raise error
        raise RuntimeFailure(f"stage {self.model.stage!r}: {error}") from error
