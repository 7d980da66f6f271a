"""The process that runs a user's code, from outside: started, spoken to, listened to, ended. No wait is without end."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from sightline.errors import UsageError
from sightline.parsers.blame import line_of_crash
from sightline.parsers.code import Code
from sightline.parsers.framing import CUT_OFF, Message, Received, packed
from sightline.parsers.memory import Block
from sightline.parsers.strays import NAME, end_strays, new_mark

__all__ = ["LINES", "UserProcess", "lateness"]

_GRACE_S = 2.0  # for the kernel to take it away
_LEAVING_S = 0.5  # for its exit after its channel has closed
LINES = 1000  # of what it prints that are kept
_LONGEST_LINE = 2000


@dataclass(slots=True)
class UserProcess:
    """One process at a time; after it has died another may be started. Used from one thread.

    logic: it judges results instead of parsing outputs. python: that runs it; with the packages of this one unless
    the code wants an environment of its own. printed: the last lines that the code wrote, prefixed with its name.
    """

    code: Code
    blocks: Sequence[Block]
    logic: bool = False
    python: str = sys.executable
    printed: deque[str] = field(default_factory=lambda: deque(maxlen=LINES))
    starts: int = 0
    _child: subprocess.Popen[bytes] | None = None
    _line: socket.socket | None = None
    _pipe: int = -1
    _crash: Block | None = None
    _received: Received = field(default_factory=Received)
    _sending: bytearray = field(default_factory=bytearray)
    _text: bytearray = field(default_factory=bytearray)
    _poll: select.poll = field(default_factory=lambda: select.poll())
    _checked_s: float = 0.0
    _mark: str = ""
    began: bool = False
    killed: str = ""

    @property
    def pid(self) -> int:
        return 0 if self._child is None else self._child.pid

    @property
    def alive(self) -> bool:
        return self._child is not None

    def start(self) -> None:
        """Begin; its first message will be that it is ready, or why not. Raises UsageError where that is impossible."""
        if sys.platform == "win32":
            raise UsageError(f"{self.code.path}: a process of its own needs Linux or macOS; say trust: true")
        ours, theirs = socket.socketpair()
        self._pipe, write = os.pipe()
        self._crash = Block.made()
        self._mark = new_mark()
        descriptors = [theirs.fileno(), self._crash.fd, *(block.fd for block in self.blocks)]
        try:
            self._child = subprocess.Popen(
                [self.python, "-P", "-m", "sightline.parsers.child", *map(str, descriptors)],
                stdin=subprocess.DEVNULL,
                stdout=write,
                stderr=write,
                pass_fds=descriptors,
                start_new_session=True,
                env={**_environment(os.environ), NAME: self._mark},
            )
        except OSError as error:
            ours.close()
            os.close(self._pipe)
            self._crash.close()
            raise UsageError(f"{self.code.path}: its process cannot be started: {error}") from error
        finally:
            theirs.close()
            os.close(write)
        self._line, self._received, self._sending = ours, Received(), bytearray()
        ours.setblocking(False)
        os.set_blocking(self._pipe, False)
        self._poll = select.poll()
        self._poll.register(self._pipe, select.POLLIN)
        self._poll.register(ours, select.POLLIN)
        self.starts += 1
        self.killed, self.began = "", False
        self.send({"code": self.code.said(), "logic": self.logic, "chdir": True})

    def send(self, message: Mapping[str, object]) -> None:
        """Without waiting: what the process does not take now is sent by `receive`."""
        self._sending += packed(message)
        self._flush()

    def _flush(self) -> None:
        line = self._line
        if line is None:
            return
        try:
            while self._sending:
                del self._sending[: line.send(self._sending)]
        except BlockingIOError:
            pass
        except OSError:
            self._sending.clear()  # it is gone, which `receive` finds out
        self._poll.modify(line, select.POLLIN | (select.POLLOUT if self._sending else 0))

    def receive(self, timeout_s: float) -> list[Message] | None:
        """The messages that came within `timeout_s` (returns with the first), none for none; None: it has ended.

        What came before the end is returned first.
        """
        deadline = time.monotonic() + timeout_s
        while self._line is not None:
            left = deadline - time.monotonic()
            ready = dict(self._poll.poll(max(0.0, left) * 1000))
            if self._pipe in ready:
                self._listen()
            messages = self._take() if ready.get(self._line.fileno(), 0) else []
            if messages is None or messages:
                return messages
            if self._too_large():
                return self._end(f"took more than {self.code.memory_mb} MB of memory (memory_mb)")
            if left <= 0:
                return []
        return None

    def _take(self) -> list[Message] | None:
        assert self._line is not None
        self._flush()
        messages: list[Message] = []
        ended = False
        try:
            while not ended:
                data = self._line.recv(1 << 18)
                ended = not data
                messages += self._received.feed(data)
                if len(data) < 1 << 18:
                    break
        except BlockingIOError:
            pass
        except OSError:
            ended = True
        if self._received.garbled and not messages:
            return self._end("wrote into the channel of its results")
        return None if ended and not messages else messages

    def _listen(self) -> None:
        """Take what it printed."""
        try:
            data = os.read(self._pipe, 1 << 16)
        except BlockingIOError:
            return
        if not data:
            self._poll.unregister(self._pipe)
            os.close(self._pipe)
            self._pipe = -1
        self._text += data
        *lines, rest = self._text.split(b"\n")
        if len(rest) > _LONGEST_LINE or not data:
            lines, rest = [*lines, rest], bytearray()
        self._text = bytearray(rest)
        for line in lines:
            if line.strip():
                self.printed.append(_legible(bytes(line)))

    def _too_large(self) -> bool:
        """Memory that its own limit does not see (maps that it shares with others): looked at four times a second."""
        now = time.monotonic()
        if self._child is None or now - self._checked_s < 0.25 or sys.platform != "linux":
            return False
        self._checked_s = now
        try:
            pages = Path(f"/proc/{self._child.pid}/statm").read_text().split()[1]
        except (OSError, IndexError):
            return False
        ours = sum(os.fstat(block.fd).st_size for block in self.blocks)
        return int(pages) * os.sysconf("SC_PAGE_SIZE") - ours > (self.code.memory_mb + 64) << 20

    def _end(self, why: str) -> None:
        """Kill it; `why` is what `buried` tells."""
        self.killed = why
        self.kill()

    def kill(self) -> None:
        """End it and every process that it started."""
        if self._child is not None:
            _kill_group(self._child)

    def buried(self) -> str:
        """Why the process has ended, with the user's line where it is known. Takes its remains away."""
        child = self._child
        if child is None:
            return ""
        status = None if self.killed else _exited(child, _LEAVING_S)
        if status is None:
            self.killed = self.killed or "closed the channel of its results"
        _kill_group(child)
        _exited(child, _GRACE_S)  # if not even now, the kernel still holds it; it has no way back to us
        while self._pipe >= 0 and self._poll.poll(0) and not self._drained():
            pass
        dump = self._dump()
        self.close()
        line = line_of_crash(dump, self.code.folder) or self.code.path.name
        return f"{line}: {self.killed or _cause(status, dump, self.code, self.began)}"

    def _drained(self) -> bool:
        before = len(self.printed), len(self._text)
        self._listen()
        return before == (len(self.printed), len(self._text))

    def _dump(self) -> str:
        assert self._crash is not None
        size = os.fstat(self._crash.fd).st_size
        return os.pread(self._crash.fd, min(size, 1 << 20), 0).decode("utf-8", "replace")

    def close(self) -> None:
        """End it, if it still runs, and let go of everything."""
        child, self._child = self._child, None
        if child is not None:
            _kill_group(child)
            with suppress(subprocess.TimeoutExpired):
                child.wait(_GRACE_S)
            end_strays(self._mark)
        if self._line is not None:
            self._line.close()
            self._line = None
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1
        if self._crash is not None:
            self._crash.close()
            self._crash = None
        self._text.clear()
        self._sending.clear()


def _legible(line: bytes) -> str:
    """A line as text that does nothing to the terminal that shows it."""
    text = line[:_LONGEST_LINE].decode("utf-8", "replace").rstrip()
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\t" else "\N{REPLACEMENT CHARACTER}" for c in text)


def _environment(ours: Mapping[str, str]) -> dict[str, str]:
    """The same as ours; numerical libraries use one thread unless said otherwise: inference has the others."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    return {**dict.fromkeys(names, "1"), "PYTHONIOENCODING": "utf-8", **ours}


def _exited(child: subprocess.Popen[bytes], limit_s: float) -> int | None:
    try:
        return child.wait(limit_s)
    except subprocess.TimeoutExpired:
        return None


def lateness(code: Code, began: bool) -> str:
    """What is said of code that took too long."""
    if began:
        return f"took longer than {code.time_limit_s:g} s for a frame (time_limit_s)"
    return f"was not ready after {code.start_limit_s:g} s (start_limit_s)"


def _kill_group(child: subprocess.Popen[bytes]) -> None:
    """It leads a group of its own, which goes with it; its number is not used again before `wait`."""
    if child.returncode is not None:
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)


def _cause(status: int | None, dump: str, code: Code, began: bool) -> str:
    if status == -signal.SIGALRM:
        return lateness(code, began)
    if status is None or status == CUT_OFF:
        return "closed the channel of its results"
    if status >= 0:
        return f"ended its process (exit status {status})"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    if name == "SIGKILL":
        return "its process was killed (SIGKILL)"
    return f"its process crashed ({name})"
