"""Archives that models travel in: zip and tar (plain, gzip, bzip2, xz), unpacked without trusting a byte of them.

A member may not leave the folder, be a link or a device, come twice, or unpack to more than the limits below.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import IO, cast

from sightline.errors import ModelError

__all__ = ["is_archive", "unpack"]

_MOST_BYTES = 4 << 30
_MOST_MEMBERS = 20_000
# Weights hardly shrink: what unpacks to more than this many times the archive's size, and is large, is a bomb.
_MOST_RATIO, _LARGE = 200, 64 << 20
_JUNK = ("__MACOSX", ".DS_Store", "Thumbs.db")
_STEP = 1 << 20
_SPOILT = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, NotImplementedError)


def is_archive(path: Path) -> bool:
    """Whether the file is one by its first bytes (a tar whatever its name says). False where it cannot be read."""
    try:
        with path.open("rb") as file:
            head = file.read(264)
    except OSError:
        return False
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return True
    return head[257:262] == b"ustar" or head[:6] == b"\xfd7zXZ\0" or head[:3] in (b"BZh", b"\x1f\x8b\x08")


def unpack(path: Path, into: Path) -> Path:
    """Everything in the archive below `into`; returns `into`, or the one folder that holds it all.

    Raises ModelError, naming the member, where it is damaged or hostile; nothing outside `into` is ever written.
    """
    into.mkdir(parents=True, exist_ok=True)
    room = _Room(path, into)
    try:
        if zipfile.is_zipfile(path) and not tarfile.is_tarfile(path):
            _unzip(path, room)
        else:
            _untar(path, room)
    except _SPOILT as error:
        raise ModelError(f"{path}: the archive is damaged: {error or type(error).__name__}; copy it again") from error
    except OSError as error:
        raise ModelError(f"{path}: the archive cannot be read: {error.strerror or error}") from error
    if not room.members:
        raise ModelError(f"{path}: the archive holds no file")
    inside = list(into.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else into


class _Room:
    """Where members go, and how much of the limits is left."""

    def __init__(self, archive: Path, into: Path) -> None:
        self.archive, self.into = archive, into
        self.members: set[str] = set()
        self.written = 0
        self.most = min(_MOST_BYTES, max(_LARGE, _MOST_RATIO * archive.stat().st_size))

    def refuse(self, name: str, why: str) -> ModelError:
        shown = name if len(name) <= 80 else f"{name[:77]}..."
        return ModelError(f"{self.archive}: refused: its member {shown!r} {why}")

    def place(self, name: str) -> Path | None:
        """Where the member goes; None for what file managers leave. Raises ModelError for a place outside."""
        parts = PurePosixPath(name.replace("\\", "/")).parts
        if not parts or any(part in _JUNK or part.startswith("._") for part in parts):
            return None
        if parts[0].startswith("/") or ":" in parts[0] or ".." in parts or "\0" in name:
            raise self.refuse(name, "would be written outside the folder")
        if any(len(part.encode()) > 255 for part in parts):
            raise self.refuse(name, "has a name that no file system takes")
        return self.into.joinpath(*parts)

    def keep(self, name: str, size: int, opened: Callable[[], IO[bytes] | None]) -> None:
        """Write one member. Raises ModelError where it is too much, or comes twice."""
        target = self.place(name)
        if target is None:
            return
        if str(target) in self.members:
            raise self.refuse(name, "comes twice")
        self.members.add(str(target))
        if len(self.members) > _MOST_MEMBERS:
            raise self.refuse(name, f"is one of more than {_MOST_MEMBERS}")
        if self.written + size > self.most:
            raise self.refuse(name, f"unpacks to {size:,} bytes, more than any model in an archive of this size")
        source = opened()
        if source is None:
            raise self.refuse(name, "cannot be read")
        target.parent.mkdir(parents=True, exist_ok=True)
        with source, target.open("xb") as file:
            while chunk := source.read(_STEP):
                self.written += len(chunk)
                if self.written > self.most:
                    raise self.refuse(name, "unpacks to more than it says")
                file.write(chunk)


def _unzip(path: Path, room: _Room) -> None:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            if info.is_dir():
                room.place(info.filename)
                continue
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in (0, stat.S_IFREG):
                raise room.refuse(info.filename, "is a link or a device, not a file")
            if info.flag_bits & 1:
                raise room.refuse(info.filename, "is encrypted; unpack it with its password and name the folder")
            room.keep(info.filename, info.file_size, lambda info=info: archive.open(info))


def _untar(path: Path, room: _Room) -> None:
    # as a stream: the members of a bomb are never searched for
    with _opened(path) as stream:
        whole = _Tail(stream)
        with tarfile.open(fileobj=cast("IO[bytes]", whole), mode="r|") as archive:
            for info in archive:
                if info.isdir():
                    room.place(info.name)
                    continue
                if not info.isreg():
                    raise room.refuse(info.name, "is a link or a device, not a file")
                room.keep(info.name, info.size, lambda info=info: archive.extractfile(info))
        after = 0
        while chunk := whole.read(_STEP):
            after += len(chunk)
            if after > _LARGE:
                raise room.refuse(path.name, "goes on without an end")
        if any(whole.last) or not whole.last:
            raise EOFError("it ends before its end")


def _opened(path: Path) -> IO[bytes]:
    """The tar inside, decompressed as it is read."""
    with path.open("rb") as file:
        head = file.read(6)
    if head == b"\xfd7zXZ\0":
        return lzma.open(path)
    if head[:3] == b"BZh":
        return bz2.open(path)
    return cast("IO[bytes]", gzip.open(path)) if head[:2] == b"\x1f\x8b" else path.open("rb")


class _Tail:
    """Reads on, and remembers the last block: a whole tar ends in zeros."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream, self.last = stream, b""

    def read(self, size: int = -1) -> bytes:
        data = self.stream.read(size)
        if data:
            self.last = (self.last + data)[-512:]
        return data
