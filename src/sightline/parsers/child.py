"""The main function of the process that runs a user's code: `python -m sightline.parsers.child`, never by hand.

Its arguments are file descriptors: the socket to its parent, the file for what is said of a crash, and the blocks of
shared memory, two for each slot (what comes in, what goes out).
"""

from __future__ import annotations

import faulthandler
import io
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sightline.parsers.adapters import Adapter, adapter_of
from sightline.parsers.carried import spec_from, view_from
from sightline.parsers.code import Code
from sightline.parsers.framing import CUT_OFF, Message, Received, packed
from sightline.parsers.logic_calls import Rules, rules_of
from sightline.parsers.memory import Block
from sightline.parsers.packing import described
from sightline.parsers.room import Room
from sightline.parsers.serving import Fault, Served
from sightline.types import ModelSpec, Prediction

__all__ = ["main"]


class _Work(Protocol):
    """What the process is for: it answers messages."""

    @property
    def room(self) -> Room: ...
    def begin(self) -> Message: ...
    def answer(self, message: Message) -> Message: ...


class _Parsing:
    """Parses the views of requests. The outputs lie in a slot's first block; its second takes the answers' arrays."""

    def __init__(self, code: Code, blocks: list[Block]) -> None:
        self._served: Served[Adapter] = Served(code, adapter_of)
        self._slots = list(zip(blocks[::2], blocks[1::2], strict=True))
        self._spec: ModelSpec | None = None
        self._layout: list[Any] = []
        self._written: dict[int, int] = {}
        self._warned = False

    @property
    def room(self) -> Room:
        return self._served.room

    def begin(self) -> Message:
        adapter = self._served.load()
        return {"api": adapter.api, "labels": adapter.labels, "notes": self._notes(adapter)}

    def answer(self, message: Message) -> Message:
        if "spec" in message:
            self._spec = spec_from(message["spec"])
        if "layout" in message:
            self._layout = message["layout"]
        assert self._spec is not None
        slot = message["slot"]
        if message["row"] == 0:
            self._written[slot] = 0
        adapter: list[Adapter] = []
        prediction = self._served.call(lambda made: (adapter.append(made), self._parsed(made, message))[1])
        assert isinstance(prediction, Prediction)
        said, arrays = described(prediction, self._spec.labels)
        places, end = self._slots[slot][1].put(arrays, self._written.get(slot, 0))
        self._written[slot] = end
        return {"said": said, "places": places, "notes": self._notes(adapter[0])}

    def _parsed(self, adapter: Adapter, message: Message) -> Prediction:
        assert self._spec is not None
        block = self._slots[message["slot"]][0]
        wholes = [block.array((kind, tuple(shape), at)) for _, kind, shape, at, _ in self._layout]
        before = [sys.getrefcount(whole) for whole in wholes]
        view = view_from(message["view"])
        prediction = adapter(self._outputs(wholes, message["row"]), self._spec, view)
        if not self._warned:
            after = [sys.getrefcount(whole) for whole in wholes]
            for place, (whole, least) in enumerate(zip(wholes, before, strict=True)):
                if after[place] > least and not _returned(whole, prediction):
                    self._warned = True
                    name = self._layout[place][0]
                    adapter.notes.append(f"output {name} is kept beyond its frame, and will change: keep a copy()")
        return prediction

    def _outputs(self, wholes: list[NDArray[Any]], row: int) -> dict[str, NDArray[Any]]:
        described = zip(self._layout, wholes, strict=True)
        return {name: np.atleast_1d(whole[row] if each else whole) for (name, *_, each), whole in described}

    def _notes(self, adapter: Adapter) -> list[str]:
        notes = [*self._served.notes, *adapter.notes]
        self._served.notes.clear()
        adapter.notes.clear()
        return notes


def _returned(whole: NDArray[Any], prediction: Prediction) -> bool:
    """Does what is returned point into the memory? It is copied out before the memory is used again."""
    d = prediction.detections
    parts = [d.xyxy, d.score, d.label, d.keypoints, prediction.classmap, prediction.embedding, *d.columns.values()]
    parts += [] if d.masks is None else d.masks.bits
    return any(part is not None and np.may_share_memory(part, whole) for part in parts)


class _Judging:
    """Calls rules with results."""

    def __init__(self, code: Code, blocks: list[Block]) -> None:
        self._served: Served[Rules] = Served(code, rules_of)

    @property
    def room(self) -> Room:
        return self._served.room

    def begin(self) -> Message:
        self._served.load()
        notes, self._served.notes = self._served.notes, []
        return {"api": "on_result", "labels": [], "notes": notes}

    def answer(self, message: Message) -> Message:
        events = self._served.call(lambda rules: rules(message["result"]))
        notes, self._served.notes = self._served.notes, []
        return {"events": events, "notes": notes}


class _Printed(io.RawIOBase):
    """Standard output that never blocks: what the parent has no room for is counted, not waited for."""

    def __init__(self) -> None:
        self.dropped = 0

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return 1

    def write(self, data: Any, /) -> int:
        size = len(memoryview(data).cast("B"))
        try:
            if self.dropped:
                os.write(1, f"... {self.dropped} characters of its output were dropped\n".encode())
                self.dropped = 0
            os.write(1, data)
        except BlockingIOError:
            self.dropped += size
        return size


def _capture() -> None:
    """Both outputs of the user's code go to the pipe that the parent reads."""
    os.set_blocking(1, False)
    for name in ("stdout", "stderr"):
        buffered = io.BufferedWriter(_Printed())  # pyright: ignore[reportArgumentType]
        text = io.TextIOWrapper(buffered, "utf-8", errors="backslashreplace", line_buffering=True)
        setattr(sys, name, text)


def _limit(code: Code) -> None:
    most = code.memory_mb << 20
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _refuse_forks(event: str, arguments: tuple[Any, ...]) -> None:
    if event in ("os.fork", "os.forkpty"):
        raise PermissionError("this code may not fork its process; start a program with subprocess, or a thread")


def _name_exits(crash: int) -> None:
    """os._exit leaves no trace of its own: the line that calls it is written down first."""
    leave = os._exit

    def exiting(status: int) -> None:
        faulthandler.dump_traceback(crash, all_threads=False)
        leave(status)

    os._exit = exiting  # pyright: ignore[reportAttributeAccessIssue]


def _serve(work: _Work, code: Code, line: socket.socket, crash: int, messages: Callable[[], Message | None]) -> None:
    """Answer until the parent lets go. Every call into the user's code has a deadline.

    It is kept by a signal that writes down where the code is, and kills: no thread is needed, and no interpreter.
    """
    me = os.getpid()
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    faulthandler.register(signal.SIGALRM, crash, all_threads=True, chain=True)

    def timed(call: Callable[[], Message], limit_s: float) -> Message:
        signal.setitimer(signal.ITIMER_REAL, limit_s)
        try:
            return call()
        except Fault as fault:
            return {"fault": str(fault), "spent": fault.spent}
        except MemoryError:
            return {"fault": f"{code.path.name}: MemoryError in what it returned", "spent": True}
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            if os.getpid() != me:
                os.kill(os.getpid(), 9)

    answer = timed(work.begin, code.start_limit_s)
    line.sendall(packed({"ready": "fault" not in answer, **answer}))
    if "fault" in answer:
        return
    while (message := messages()) is not None:
        asked = message
        answer = timed(lambda asked=asked: work.answer(asked), code.time_limit_s)
        line.sendall(packed({"number": message["number"], **answer}))
        if answer.get("spent"):
            return


def main(arguments: list[str]) -> None:
    """Never returns: the process ends without running what the user's code may have left to run."""
    descriptors = [int(item) for item in arguments]
    line, crash = socket.socket(fileno=descriptors[0]), descriptors[1]
    received, waiting = Received(), list[Message]()

    def messages() -> Message | None:
        while not waiting:
            data = line.recv(1 << 16)
            if not data:
                return None
            waiting.extend(received.feed(data))
        return waiting.pop(0)

    leave = os._exit
    first = messages()
    if first is not None:
        code = Code.heard(first["code"])
        faulthandler.enable(crash)
        _name_exits(crash)
        _capture()
        _limit(code)
        sys.addaudithook(_refuse_forks)
        if first["chdir"]:
            os.chdir(code.folder)
        blocks = [Block(fd) for fd in descriptors[2:]]
        work = _Judging(code, blocks) if first["logic"] else _Parsing(code, blocks)
        try:
            with work.room.inside():  # for good: nothing else runs here
                _serve(work, code, line, crash, messages)
        except OSError:
            leave(CUT_OFF)  # the parent is gone, or the user's code has closed what leads to it
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    leave(0)


if __name__ == "__main__":
    main(sys.argv[1:])
