"""Where an output goes: its name, whether it can be written, and the hidden file it is until it is whole."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path, PurePosixPath

from sightline.errors import OutputError, UsageError

__all__ = ["Staged", "check_target", "folder_name", "in_folder", "is_folder", "output_name"]

_REPEAT = re.compile(r"(#\d+)$")
_LONGEST = 200  # bytes of a name, so that what is added to it still fits into the 255 that file systems allow
_ODD = re.compile(r'[\x00-\x1f<>:"/\\|?*]+')


def output_name(stream_id: str, suffix: str) -> str:
    """The file name of a stream's output: "video.mp4#2", ".mp4" -> "video#2.mp4". Odd characters become "_"."""
    repeat = _REPEAT.search(stream_id)
    name = stream_id[: repeat.start()] if repeat else stream_id
    known = PurePosixPath(name).suffix
    if 1 < len(known) <= 6 and not known[1:].isdigit():
        name = name[: -len(known)]
    return folder_name(name) + (repeat.group() if repeat else "") + suffix


def folder_name(stream_id: str) -> str:
    """The name of a stream's own folder: its id, in which odd characters become "_"."""
    short = stream_id.encode()[:_LONGEST].decode("utf-8", "ignore")
    return _ODD.sub("_", short).strip(" .") or "stream"


def is_folder(path: str) -> bool:
    """True for a path that ends in a separator, names a folder that is there, or has no suffix and is not there."""
    if path.endswith(("/", os.sep)) or Path(path).is_dir():
        return True
    return not Path(path).suffix and not Path(path).exists()


def in_folder(path: str, stream_id: str, name: str) -> Path:
    """`name` in the folder `path`, in which "{stream}" stands for the stream's name."""
    return Path(path.replace("{stream}", output_name(stream_id, "")), name)


def check_target(path: Path) -> None:
    """Raise UsageError where `path` cannot be written: it is a folder, or its folder is none or closed to us.

    Folders that are missing are made with the first write, so only the nearest that exists is looked at.
    """
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; name a file in it")
    if path.exists() and not path.is_file() and os.access(path, os.W_OK):
        return  # a device or a pipe: /dev/null
    folder = path.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        raise UsageError(f"{path}: {folder} is not a folder")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UsageError(f"{path}: folder {folder} is not writable; choose another output")


class Staged:
    """A file under a hidden name beside its final one, until `commit` moves it there or `discard` removes it.

    The hidden name keeps the suffix, by which writers choose the format.
    """

    def __init__(self, final: Path) -> None:
        self.final = final
        stem = final.stem.encode()[:_LONGEST].decode("utf-8", "ignore")
        self.path = final.with_name(f".{stem}.{os.getpid()}-{id(self) & 0xFFFF:x}.part{final.suffix}")

    def begin(self) -> Path:
        """Make the folder; the hidden path to write to. Raises OutputError."""
        try:
            self.final.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{self.final}: folder cannot be made: {error.strerror or error}") from error
        return self.path

    def commit(self) -> None:
        """Give the file its final name, over whatever had it. Raises OutputError."""
        try:
            self.path.replace(self.final)
        except OSError as error:
            self.discard()
            raise OutputError(f"{self.final}: cannot be written: {error.strerror or error}") from error

    def discard(self) -> None:
        with contextlib.suppress(OSError):
            self.path.unlink(missing_ok=True)
