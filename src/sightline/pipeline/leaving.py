"""Results on their way out: in order, each after the user's own rules, where there are some, have been heard on it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from sightline.parsers.logic import LogicRunner
from sightline.pipeline.lane import Lane
from sightline.types import Frame, FrameResult

__all__ = ["Leaving"]

_MOST = 16
_Item = tuple[Lane, FrameResult, Frame]


@dataclass(slots=True, eq=False)
class Leaving:
    """A queue of results. Without rules what goes in comes out at once."""

    logic: LogicRunner | None = None
    _waiting: deque[_Item] = field(default_factory=deque[_Item])
    _asked: deque[_Item] = field(default_factory=deque[_Item])

    def __len__(self) -> int:
        return len(self._waiting) + len(self._asked)

    @property
    def full(self) -> bool:
        """Whether nothing more should be begun until some have left."""
        return self.logic is not None and len(self) >= _MOST

    def holds(self, lane: Lane) -> bool:
        """Whether a result of that lane is still here."""
        return any(item[0] is lane for item in (*self._waiting, *self._asked))

    def add(self, lane: Lane, result: FrameResult, frame: Frame) -> None:
        """The next result; `frame` is that which its sinks are given."""
        self._waiting.append((lane, result, frame))

    def take(self, timeout_s: float) -> Iterator[_Item]:
        """Those that may leave, in the order in which they came; waits for the first at most `timeout_s`."""
        logic = self.logic
        if logic is None:
            while self._waiting:
                yield self._waiting.popleft()
            return
        self._ask(logic)
        while self._asked and (report := logic.collect(timeout_s)) is not None:
            lane, result, frame = self._asked.popleft()
            self._ask(logic)
            lane.metrics.events += len(report.events)
            yield lane, replace(result, events=(*result.events, *report.events)), frame
            timeout_s = 0.0

    def _ask(self, logic: LogicRunner) -> None:
        while self._waiting and logic.room:
            item = self._waiting.popleft()
            logic.submit(item[1])
            self._asked.append(item)
