"""A user's parser in a process of its own: outputs go there through shared memory, predictions come back by it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.errors import RuntimeFailure
from sightline.parsers.answering import Answering, Asked
from sightline.parsers.carried import spec_to, view_to
from sightline.parsers.code import Code
from sightline.parsers.cut import batched, layout
from sightline.parsers.framing import Message
from sightline.parsers.memory import Block, Place
from sightline.parsers.packing import restored
from sightline.parsers.process import LINES, UserProcess
from sightline.protocols import Outputs
from sightline.types import Detections, ModelSpec, Prediction, View

__all__ = ["WorkerParser"]

_SLOTS = 2  # requests in flight


@dataclass(slots=True)
class _Request:
    """One `submit`: its outputs lie in the first block of its slot; answers so far, in the order of its views."""

    slot: int
    spec: ModelSpec
    layout: list[Any]
    views: Sequence[View]
    answers: list[Prediction] = field(default_factory=list[Prediction])


@dataclass(slots=True)
class _View:
    request: _Request
    row: int


@dataclass(slots=True)
class WorkerParser:
    """Implements `protocols.Parser`. `start` begins the process and waits; without it, the first request does.

    python: that runs the code. Making one starts nothing.
    """

    code: Code
    python: str = ""
    _answering: Answering[_View] | None = None
    _blocks: list[Block] = field(default_factory=list[Block])
    _free: list[int] = field(default_factory=list[int])
    _requests: deque[_Request] = field(default_factory=deque[_Request])
    _told: tuple[ModelSpec | None, object] = (None, None)
    _last: tuple[object, list[Any]] = ((), [])
    _printed: deque[str] = field(default_factory=lambda: deque(maxlen=LINES))
    _faults: dict[str, int] = field(default_factory=dict[str, int])
    _lost_views: int = 0

    @property
    def faults(self) -> Mapping[str, int]:
        return self._faults

    @property
    def lost(self) -> int:
        """Views whose prediction is empty because of a fault."""
        return self._lost_views

    @property
    def pid(self) -> int:
        """The number of its process; 0 while there is none."""
        return 0 if self._answering is None else self._answering.process.pid

    @property
    def starts(self) -> int:
        """How often a process was begun."""
        return 0 if self._answering is None else self._answering.process.starts

    def printed(self) -> list[str]:
        """Lines that the code printed, and notes on it, since this was asked last."""
        lines = list(self._printed)
        self._printed.clear()
        return lines

    def start(self) -> tuple[str, ...]:
        """Begin the process and wait until the code is loaded: its `labels`, () for none.

        Raises UsageError naming the user's file and line.
        """
        return tuple(str(label) for label in self._begun().start()["labels"])

    def _begun(self) -> Answering[_View]:
        if self._answering is None:
            self._blocks = [Block.made() for _ in range(2 * _SLOTS)]
            self._free = list(range(_SLOTS))
            process = UserProcess(self.code, self._blocks, printed=self._printed)
            if self.python:
                process.python = self.python
            self._answering = Answering(process, self._answered, self._lost, self._faults)
        return self._answering

    @property
    def room(self) -> bool:
        """May another request be submitted? Takes what has come in the meantime."""
        if self._answering is not None and not self._free and not self._done():
            self._answering.pump(0.0)
        return self._answering is None or bool(self._free)

    def submit(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> None:
        """Copy `outputs` into shared memory and ask for each view. Raises RuntimeFailure where there is no room."""
        answering = self._begun()
        if not self._free:
            raise RuntimeFailure(f"{self.code.path.name}: a request without room for it")
        slot = self._free.pop()
        places, _ = self._blocks[2 * slot].put(list(outputs.values()))
        request = _Request(slot, spec, self._described(outputs, places, spec, len(views)), views)
        self._requests.append(request)
        for row in range(len(views)):
            item = _View(request, row)
            answering.ask(Asked(item, lambda afresh, item=item: self._message(item, afresh)))

    def _described(self, outputs: Outputs, places: list[Place], spec: ModelSpec, views: int) -> list[Any]:
        """[name, dtype, shape, offset, whether its first axis is the batch] of each; the same object while it holds."""
        key = (layout(outputs), views)
        if self._last[0] != key:
            axis = batched(outputs, spec, views)
            said = [
                [name, kind, shape, at, name in axis] for name, (kind, shape, at) in zip(outputs, places, strict=True)
            ]
            self._last = key, said
        return self._last[1]

    def _message(self, item: _View, afresh: bool) -> Message:
        """afresh: to a process that was told nothing yet."""
        request = item.request
        if afresh:
            self._told = None, None
        said: Message = {"slot": request.slot, "row": item.row, "view": view_to(request.views[item.row])}
        spec, described = self._told
        if spec is not request.spec:
            said["spec"] = spec_to(request.spec)
        if described is not request.layout:
            said["layout"] = request.layout
        self._told = request.spec, request.layout
        return said

    def _answered(self, item: _View, message: Message) -> None:
        block = self._blocks[2 * item.request.slot + 1]
        places = message["places"]

        def array(number: int) -> NDArray[Any]:
            kind, shape, at = places[number]
            return np.array(block.array((kind, tuple(shape), at)))

        item.request.answers.append(restored(message["said"], array, item.request.spec.labels))

    def _lost(self, item: _View) -> None:
        self._lost_views += 1
        item.request.answers.append(Prediction(Detections(names=item.request.spec.labels)))

    def _done(self) -> bool:
        return bool(self._requests) and len(self._requests[0].answers) == len(self._requests[0].views)

    def collect(self, timeout_s: float) -> list[Prediction] | None:
        """See `protocols.Parser`. Raises UsageError where the code cannot be loaded the first time."""
        if not self._requests:
            return None
        answering = self._begun()
        deadline = time.monotonic() + timeout_s
        while not self._done():
            left = deadline - time.monotonic()
            answering.pump(max(0.0, left))
            if left <= 0 and not self._done():
                return None
        request = self._requests.popleft()
        self._free.append(request.slot)
        return request.answers

    def close(self) -> None:
        """End the process; requests that were not collected are forgotten."""
        if self._answering is not None:
            self._answering.close()
            self._answering = None
        for block in self._blocks:
            block.close()
        self._blocks, self._free = [], []
        self._requests.clear()
        self._told, self._last = (None, None), ((), [])
