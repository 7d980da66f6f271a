"""Results -> a file or standard output, one message a line: our own, as `sightline.wire` writes them, or others'."""

from __future__ import annotations

import contextlib
import errno
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from sightline import wire
from sightline.errors import OutputError
from sightline.protocols import Payload, RunInfo
from sightline.sinks.target import check_target, is_folder, output_name
from sightline.types import FrameResult, Picture

__all__ = ["JsonlSink", "PipeClosed"]

_FLUSH_S = 0.2
_FLUSH_BYTES = 1 << 16


class PipeClosed(OutputError):
    """Whoever read our standard output has gone: the run ends, and nobody needs to be told."""

    exit_code = 0


@dataclass(slots=True)
class JsonlSink:
    """Lines of JSON: the run, then each frame and its events. Several streams may share one sink.

    path: a file, a folder (STREAM.jsonl in it, results.jsonl for several streams) or "-" for standard output.
    payload: whose messages are written; default: our own lines.
    A file is begun with the first frame, so a run that fails before leaves what was there. Only whole lines are
    written, together with those of the last 0.2 s; those of live streams at once.
    """

    path: str
    payload: Payload | None = None
    wants_picture: bool = field(default=False, init=False)
    _info: RunInfo | None = field(default=None, init=False, repr=False)
    _target: Path | None = field(default=None, init=False, repr=False)
    _file: BinaryIO | None = field(default=None, init=False, repr=False)
    _begun: bool = field(default=False, init=False, repr=False)
    _waiting: list[str] = field(default_factory=list[str], init=False, repr=False)
    _size: int = field(default=0, init=False, repr=False)
    _flushed: float = field(default=0.0, init=False, repr=False)

    def open(self, info: RunInfo) -> None:
        """Remember what the header says; again when a stream joins late, for a header line of its own.

        Raises UsageError where the file could not be written.
        """
        self._info = info
        if self._begun:
            self._waiting += self._heading(info)
            return
        if self.path == "-":
            return
        self._target = Path(self.path)
        if is_folder(self.path):
            several = len(info.streams) != 1
            self._target /= "results.jsonl" if several else output_name(info.streams[0].id, ".jsonl")
        check_target(self._target)

    def write(self, result: FrameResult, picture: Picture | None = None) -> None:
        """One frame and its events. Raises OutputError naming the file, PipeClosed when nobody reads on."""
        if not self._begun:
            self._begin()
        lines = self._messages(result)
        self._waiting += lines
        self._size += sum(map(len, lines))
        due = time.monotonic() - self._flushed >= _FLUSH_S
        if due or self._size >= _FLUSH_BYTES or result.frame.stream.live:
            self._flush()

    def close(self) -> None:
        """Write what waits and close the file; where no frame came there is none."""
        try:
            if self._begun:
                self._flush()
        finally:
            out, self._file, self._begun = self._file, None, False
            if out is not None:
                with contextlib.suppress(OSError):
                    out.close()

    def _begin(self) -> None:
        if self._info is None:
            raise ValueError("JsonlSink.write before open")
        if self._target is not None:
            try:
                self._target.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._target.open("wb", buffering=0)
            except OSError as error:
                raise OutputError(f"{self._target}: cannot be written: {error.strerror or error}") from error
        self._begun = True
        self._waiting += self._heading(self._info)

    def _heading(self, info: RunInfo) -> list[str]:
        return [wire.header_line(info)] if self.payload is None else self.payload.open(info)

    def _messages(self, result: FrameResult) -> list[str]:
        if self.payload is not None:
            return self.payload.messages(result)
        names = self._info.models[0].labels if self._info is not None and self._info.models else ()
        return [
            wire.frame_line(result, names),
            *(wire.event_line(event, result.frame) for event in result.events),
        ]

    def _flush(self) -> None:
        """Hand all waiting lines over in one go; after a failure nothing more is tried."""
        lines, self._waiting, self._size = self._waiting, [], 0
        self._flushed = time.monotonic()
        if not lines:
            return
        data = ("\n".join(lines) + "\n").encode("utf-8", "replace")
        try:
            if self._file is None:
                _to_stdout(data)
            else:
                _write_whole(self._file, data)
        except BrokenPipeError as error:
            self._begun = False
            raise PipeClosed("standard output was closed by its reader") from error
        except OSError as error:
            self._begun = False
            where = self._target or "standard output"
            raise OutputError(f"{where}: cannot be written: {error.strerror or error}") from error


def _to_stdout(data: bytes) -> None:
    if sys.stdout is None:  # closed before we were started
        raise OSError(errno.EBADF, "it is closed")
    sys.stdout.flush()
    buffer = getattr(sys.stdout, "buffer", None)
    raw = getattr(buffer, "raw", None)
    if raw is not None:  # past the buffer: what a reader who left did not take must not be tried again at exit
        _write_whole(raw, data)
    elif buffer is not None:
        buffer.write(data)
        buffer.flush()
    else:  # a notebook's or a test's replacement knows text only
        sys.stdout.write(data.decode())
        sys.stdout.flush()


def _write_whole(out: BinaryIO, data: bytes) -> None:
    """Write all of `data`, or leave the file as it was: half a line is worth nothing."""
    start = out.tell() if out.seekable() else None
    view = memoryview(data)
    try:
        while view:
            view = view[out.write(view) :]
    except OSError:
        if start is not None:
            with contextlib.suppress(OSError):
                out.truncate(start)
        raise
