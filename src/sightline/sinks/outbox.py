"""Messages on their way out: a bounded queue in memory, or a folder that outlives the run.

Both keep the order, take messages in one thread and give them out in another, and count what they had to let go.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

from sightline.errors import OutputError

__all__ = ["MemoryOutbox", "Outbox", "SpoolOutbox"]

_SEGMENT = re.compile(r"\d{12}\.jsonl")


class Outbox(Protocol):
    """put: False where something (this message or the oldest) was let go. head: the oldest messages, which stay until
    `done` says how many of them need not be kept any more. close: whatever is left stays where it can.
    """

    dropped: int

    def put(self, message: str) -> bool: ...
    def head(self, most: int) -> list[str]: ...
    def done(self, count: int) -> None: ...
    def close(self) -> None: ...
    def __len__(self) -> int: ...


@dataclass(slots=True)
class MemoryOutbox:
    """At most `most` messages; a full one lets the oldest go that is not being sent."""

    most: int
    dropped: int = field(default=0, init=False)
    _messages: deque[str] = field(default_factory=deque[str], init=False, repr=False)
    _held: int = field(default=0, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def __len__(self) -> int:
        return len(self._messages)

    def put(self, message: str) -> bool:
        """Append a message."""
        with self._lock:
            full = len(self._messages) >= self.most
            if full:
                self.dropped += 1
                if self._held >= len(self._messages):
                    return False  # all that is there is being sent
                del self._messages[self._held]
            self._messages.append(message)
            return not full

    def head(self, most: int) -> list[str]:
        """The oldest messages; they are safe until `done`."""
        with self._lock:
            self._held = min(most, len(self._messages))
            return [self._messages[i] for i in range(self._held)]

    def done(self, count: int) -> None:
        """Forget the oldest."""
        with self._lock:
            self._held = 0
            for _ in range(count):
                self._messages.popleft()

    def close(self) -> None:
        """Nothing outlives the run."""


@dataclass(slots=True)
class SpoolOutbox:
    """Files of lines in a folder of its own, each deleted once all of it is delivered. Every message is on disk before
    it is sent, and what a run leaves the next one sends first; after a crash some may be sent twice.

    most_bytes: beyond it the oldest file goes. file_bytes: of one file. Other things in the folder are left alone.
    """

    folder: Path
    most_bytes: int
    file_bytes: int = 1 << 20
    dropped: int = field(default=0, init=False)
    fault: str = field(default="", init=False)
    _files: deque[tuple[Path, int, int]] = field(default_factory=deque[tuple[Path, int, int]], init=False, repr=False)
    _lines: deque[str] = field(default_factory=deque[str], init=False, repr=False)
    _reading: Path | None = field(default=None, init=False, repr=False)
    _out: BinaryIO | None = field(default=None, init=False, repr=False)
    _next: int = field(default=1, init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)

    def open(self) -> None:
        """Look for what an earlier run left. Raises OutputError naming the folder."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            for path in sorted(p for p in self.folder.iterdir() if _SEGMENT.fullmatch(p.name)):
                data = path.read_bytes()
                self._files.append((path, len(data), data.count(b"\n")))
                self._next = int(path.stem) + 1
        except OSError as error:
            raise OutputError(f"{self.folder}: cannot be used: {error.strerror or error}") from error

    def __len__(self) -> int:
        with self._lock:
            return len(self._lines) + sum(lines for _, _, lines in self._files)

    def put(self, message: str) -> bool:
        """Write a message to disk."""
        data = message.replace("\n", " ").encode("utf-8", "replace") + b"\n"
        with self._lock:
            try:
                self._write(data)
            except OSError as error:
                self.fault = self.fault or f"{self.folder}: cannot be written: {error.strerror or error}"
                self.dropped += 1
                self._end_segment()
                return False
            path, size, lines = self._files[-1]
            self._files[-1] = path, size + len(data), lines + 1
            kept = True
            while sum(size for _, size, _ in self._files) > self.most_bytes and len(self._files) > 1:
                self._drop_oldest()
                kept = False
            return kept

    def head(self, most: int) -> list[str]:
        """The oldest messages."""
        with self._lock:
            while not self._lines and self._files:
                self._load()
            return [self._lines[i] for i in range(min(most, len(self._lines)))]

    def done(self, count: int) -> None:
        """Forget the oldest; a file all of whose messages are forgotten is deleted."""
        with self._lock:
            for _ in range(count):
                self._lines.popleft()
            if not self._lines and self._reading is not None:
                with contextlib.suppress(OSError):  # then it is sent once more by the next run
                    self._reading.unlink()
                self._reading = None

    def close(self) -> None:
        """What is left of the file that was being sent is all that stays of it."""
        with self._lock:
            self._end_segment()
            if self._reading is not None and self._lines:
                rest = self._reading.with_suffix(".part")
                with contextlib.suppress(OSError):  # then it is sent again as a whole
                    rest.write_bytes("".join(f"{line}\n" for line in self._lines).encode("utf-8", "replace"))
                    rest.replace(self._reading)

    def _write(self, data: bytes) -> None:
        if self._out is not None and self._files[-1][1] + len(data) > self.file_bytes:
            self._end_segment()
        if self._out is None:
            path = self.folder / f"{self._next:012d}.jsonl"
            self._out = path.open("xb", buffering=0)
            self._next += 1
            self._files.append((path, 0, 0))
        start = self._out.tell()
        view = memoryview(data)
        try:
            while view:
                view = view[self._out.write(view) :]
        except OSError:
            self._out.truncate(start)  # half a message is worth nothing
            raise

    def _end_segment(self) -> None:
        out, self._out = self._out, None
        if out is not None:
            with contextlib.suppress(OSError):
                out.close()

    def _load(self) -> None:
        """Take the oldest file for sending; if it is the one being written, the next message begins another."""
        path, _, _ = self._files.popleft()
        if not self._files:
            self._end_segment()
        try:
            text = path.read_bytes().decode("utf-8", "replace")
        except OSError as error:
            self.fault = self.fault or f"{path}: cannot be read: {error.strerror or error}"
            return
        whole = text[: text.rfind("\n") + 1]  # a line that a crash cut off is none
        self._lines.extend(line for line in whole.split("\n") if line)
        self._reading = path
        if not self._lines:
            with contextlib.suppress(OSError):
                os.unlink(path)
            self._reading = None

    def _drop_oldest(self) -> None:
        path, _, lines = self._files.popleft()
        self.dropped += lines
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)
