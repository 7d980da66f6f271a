"""Reads files written by `torch.save`, the zip form and the one before it, without torch and without running them.

Tensors come as `StoredTensor`, read from the file only when asked for; classes as inert shells (restricted_pickle).
Source: the serialisation notes of PyTorch and the files that it writes.
"""

from __future__ import annotations

import io
import lzma
import mmap
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from sightline.errors import ModelError
from sightline.models.importers.restricted_pickle import Symbol, read_pickle
from sightline.models.importers.stored_tensor import Storage
from sightline.models.importers.torch_names import storage_dtype

__all__ = ["Find", "open_torch"]

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_MAX_PICKLE = 64 << 20
_MAX_MEMBERS = 200_000
_MAX_RATIO = 200  # torch stores its members as they are; what is packed tighter than this is a bomb
_DAMAGE = (zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error, lzma.LZMAError, EOFError, OSError,
           ValueError, struct.error)  # fmt: skip

Find = Callable[[str, str], Symbol]


@contextmanager
def open_torch(path: Path, find: Find) -> Iterator[object]:
    """The object that was saved to `path`; its tensors can be read until the block ends.

    find: (module, name) to a Symbol; raises ModelError for a name that it refuses. Raises ModelError, OSError.
    """
    with path.open("rb") as file:
        if file.read(4) == b"PK\x03\x04":
            with _zip_file(file, path) as archive:
                yield _read_zip(archive, path, find)
        else:
            with _mapped(file, path) as view:
                yield _read_legacy(view, path, find)


@contextmanager
def _zip_file(file: BinaryIO, path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(file)
    except _DAMAGE as error:
        raise ModelError(f"{path.name}: begins like a zip but is none: cut off or damaged ({error})") from error
    with archive:
        yield archive


@contextmanager
def _mapped(file: BinaryIO, path: Path) -> Iterator[mmap.mmap]:
    try:
        view = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (ValueError, OSError) as error:
        raise ModelError(f"{path.name}: an empty file, or one that cannot be read: {error}") from error
    with view:
        yield view


@dataclass(slots=True)
class _Storages:
    """The storages that a pickle names, each once."""

    read: Callable[[str, int], bytes]
    path: Path
    big_endian: bool = False
    found: dict[str, Storage] = field(default_factory=dict[str, Storage])

    def __call__(self, identity: object) -> Storage | Symbol:
        """The storage of a persistent id ("storage", class, key, device, count[, view]).

        ("module", class, file, its source) is the class alone: the form before torch 1.6 kept its text for people.
        """
        parts: list[object] = list(identity) if isinstance(identity, tuple) else []
        if len(parts) == 4 and parts[0] == "module" and isinstance(parts[1], Symbol):
            return parts[1]
        if len(parts) not in (5, 6) or parts[0] != "storage":
            raise ModelError(f"{self.path.name}: a persistent id that names no storage")
        kind, key, count, view = parts[1], parts[2], parts[4], parts[5:]
        dtype = storage_dtype(kind)
        if dtype is None:
            raise ModelError(
                f"{self.path.name}: a storage of the class {getattr(kind, 'name', '?')}, which is not read"
            )
        if view not in ([], [None]):
            raise ModelError(
                f"{self.path.name}: a view of a storage, as torch before 0.4 wrote; save it with a newer one"
            )
        if not isinstance(key, str) or not isinstance(count, int) or not 0 <= count < 1 << 40:
            raise ModelError(f"{self.path.name}: a storage without a name or a size")
        known = self.found.setdefault(key, Storage(key, dtype, count, self.read, self.big_endian))
        if (known.dtype, known.count) != (dtype, count):
            raise ModelError(f"{self.path.name}: the storage {key[:40]} is named with two sizes")
        return known


# -- the zip form ----------------------------------------------------------------------------------------------------


def _read_zip(archive: zipfile.ZipFile, path: Path, find: Find) -> object:
    names = archive.namelist()
    if len(names) > _MAX_MEMBERS:
        raise ModelError(f"{path.name}: a zip of {len(names)} members; no checkpoint has more than {_MAX_MEMBERS}")
    found = [name for name in names if name == "data.pkl" or name.endswith("/data.pkl")]
    if len(found) != 1:
        raise ModelError(f"{path.name}: a zip, but not one of torch.save: it has {len(found)} members data.pkl")
    folder = found[0].removesuffix("data.pkl")
    if f"{folder}constants.pkl" in names or any(name.startswith(f"{folder}code/") for name in names):
        raise ModelError(
            f"{path.name}: a TorchScript program (torch.jit.save), which holds code; no code of a model is run here\n"
            "export the network it was made from: torch.onnx.export(model.eval(), x, 'model.onnx', opset_version=17)"
        )
    order = f"{folder}byteorder"
    big = order in names and _member(archive, order, path, 16).strip() == b"big"

    def read(key: str, size: int) -> bytes:
        data = _member(archive, f"{folder}data/{key}", path, size)
        if len(data) < size:
            raise ModelError(f"{path.name}: its storage {key[:40]} has {len(data)} bytes of {size}: cut off or damaged")
        return data

    pickle = io.BytesIO(_member(archive, found[0], path, _MAX_PICKLE))
    return read_pickle(pickle, find, _Storages(read, path, big), path.name)


def _member(archive: zipfile.ZipFile, name: str, path: Path, limit: int) -> bytes:
    try:
        entry = archive.getinfo(name)
    except KeyError:
        raise ModelError(f"{path.name}: its member {name[:80]} is missing: cut off or damaged") from None
    if entry.file_size > limit:
        raise ModelError(
            f"{path.name}: its member {name[:80]} has {entry.file_size} bytes, not the {limit} it may have"
        )
    if entry.file_size > (entry.compress_size + 1024) * _MAX_RATIO:
        raise ModelError(
            f"{path.name}: its member {name[:80]} unpacks from {entry.compress_size} to {entry.file_size} bytes"
        )
    try:
        data = archive.read(entry)
    except _DAMAGE as error:
        raise ModelError(f"{path.name}: its member {name[:80]} cannot be read: {error}") from error
    return data


# -- the form before torch 1.6 ---------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Tail:
    """The storages behind the pickles; where each begins is known only when those are read."""

    view: mmap.mmap
    path: Path
    places: dict[str, int] = field(default_factory=dict[str, int])

    def __call__(self, key: str, size: int) -> bytes:
        if key not in self.places:
            raise ModelError(f"{self.path.name}: its storage {key[:40]} is missing: cut off or damaged")
        return self.view[self.places[key] : self.places[key] + size]


def _read_legacy(view: mmap.mmap, path: Path, find: Find) -> object:
    tail = _Tail(view, path)
    storages = _Storages(tail, path)
    place = 0

    def following() -> object:
        nonlocal place
        stream = io.BytesIO(view[place : place + _MAX_PICKLE])
        value = read_pickle(stream, find, storages, path.name)
        place += stream.tell()
        return value

    if following() != _MAGIC:
        raise ModelError(f"{path.name}: a pickle, but not a checkpoint written by torch.save")
    if following() != _PROTOCOL:
        raise ModelError(f"{path.name}: a checkpoint of an unknown version of the form before torch 1.6")
    system = following()
    if isinstance(system, dict) and system.get("little_endian") is False:
        raise ModelError(f"{path.name}: written on a big-endian machine before torch 1.6; save it with a newer torch")
    value, keys = following(), following()
    for key in keys if isinstance(keys, list) else []:
        storage = storages.found.get(key) if isinstance(key, str) else None
        if storage is None:
            raise ModelError(f"{path.name}: its list of storages names one that no tensor has")
        if view[place : place + 8] != struct.pack("<q", storage.count) or place + 8 + storage.size > len(view):
            raise ModelError(f"{path.name}: its storage {storage.key[:40]} is cut off or damaged")
        tail.places[storage.key] = place + 8
        place += 8 + storage.size
    return value
