"""Galleries: who is known by which vectors, in a file, and the head that is given them.

`.npz` holds the arrays "names" (K,) text and "vectors" (K, D) float32; `.json` maps a name to a vector or a list of
them; a row of `.csv` is a name and its numbers. A name may have several vectors.
"""

from __future__ import annotations

import csv
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sightline.errors import InputError, OutputError, UsageError
from sightline.heads.embed import Embed
from sightline.protocols import Head
from sightline.types import F32

__all__ = ["Gallery", "read_gallery", "with_gallery", "write_gallery"]

_MOST_BYTES = 256 << 20
# What reading damaged archives, arrays, JSON and CSV raises; RuntimeError covers encrypted and unsupported archives.
_DAMAGE = (
    ValueError,
    KeyError,
    TypeError,
    EOFError,
    OSError,
    OverflowError,
    MemoryError,
    RuntimeError,
    struct.error,
    csv.Error,
    zipfile.BadZipFile,
    zlib.error,
)
_KINDS = (".npz", ".json", ".csv")


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """K names and their vectors (K, D) float32, finite, D at least 1. Raises ValueError where they do not match."""

    names: tuple[str, ...]
    vectors: F32

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or len(self.vectors) != len(self.names) or not self.vectors.shape[1]:
            raise ValueError(f"{len(self.names)} names, but vectors of shape {list(self.vectors.shape)}")
        if not np.isfinite(self.vectors).all():
            raise ValueError("a vector holds a number that is not finite")


def with_gallery(head: Head, beside: Path) -> Head:
    """`head`, knowing whom its option `gallery` names; a relative path is also looked for in the folder `beside`.

    Raises UsageError for a file that is not there, InputError for one that is no gallery.
    """
    if not isinstance(head, Embed) or not head.gallery:
        return head
    path = Path(head.gallery).expanduser()
    if not path.exists() and (beside / path).exists():
        path = beside / path
    if not path.is_file():
        raise UsageError(
            f"gallery {head.gallery}: no such file; make one with: sightline gallery MODEL PICTURES -o FILE"
        )
    gallery = read_gallery(path)
    return head.with_gallery(gallery.names, gallery.vectors)


def read_gallery(path: Path) -> Gallery:
    """Raises InputError naming the file and what is wrong in it."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"{path}: {path.stat().st_size} bytes; a gallery has {_MOST_BYTES} at most")
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: the gallery cannot be read: {error.strerror}") from error
    readers = {".npz": _from_npz, ".json": _from_json, ".csv": _from_csv}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise InputError(f"{path}: unknown kind of gallery {path.suffix!r}; known: {' '.join(_KINDS)}")
    try:
        gallery = reader(data)
    except _DAMAGE as error:
        raise InputError(f"{path}: no gallery: {str(error).splitlines()[0] if str(error) else 'damaged'}") from error
    if not gallery.names:
        raise InputError(f"{path}: the gallery is empty")
    return gallery


def _from_npz(data: bytes) -> Gallery:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        whole = sum(item.file_size for item in archive.infolist())
        if whole > _MOST_BYTES:
            raise ValueError(f"unpacked it has {whole} bytes, more than {_MOST_BYTES}")
    with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
        names, vectors = arrays["names"], arrays["vectors"]
    if names.ndim != 1 or names.dtype.kind != "U" or vectors.dtype.kind not in "fiu":
        raise ValueError(f"names {names.dtype} {list(names.shape)}, vectors {vectors.dtype} {list(vectors.shape)}")
    return Gallery(tuple(str(name) for name in names), vectors.astype(np.float32))


def _from_json(data: bytes) -> Gallery:
    value = json.loads(data.decode("utf-8-sig"))
    if not isinstance(value, dict):
        raise ValueError("expected a mapping of names to vectors")
    names: list[str] = []
    vectors: list[list[float]] = []
    for name, item in value.items():
        if not isinstance(item, list) or not item:
            raise ValueError(f"{name!r}: expected a list of numbers, or of vectors")
        rows = item if isinstance(item[0], list) else [item]
        for row in rows:
            vectors.append(_numbers(str(name), row))
            names.append(str(name))
    return _gallery(names, vectors)


def _from_csv(data: bytes) -> Gallery:
    names: list[str] = []
    vectors: list[list[float]] = []
    for row in csv.reader(io.StringIO(data.decode("utf-8-sig"))):
        if row and row[0].strip():
            names.append(row[0].strip())
            vectors.append(_numbers(row[0], [float(word) for word in row[1:] if word.strip()]))
    return _gallery(names, vectors)


def _numbers(name: str, row: object) -> list[float]:
    if not isinstance(row, list) or not row or not all(isinstance(n, int | float) for n in row):
        raise ValueError(f"{name!r}: expected numbers")
    return [float(n) for n in row]


def _gallery(names: Sequence[str], vectors: Sequence[Sequence[float]]) -> Gallery:
    lengths = {len(row) for row in vectors}
    if len(lengths) > 1:
        raise ValueError(f"vectors of different lengths: {', '.join(map(str, sorted(lengths)))}")
    return Gallery(tuple(names), np.array(vectors, np.float32).reshape(len(names), -1 if vectors else 1))


def write_gallery(gallery: Gallery, path: Path) -> None:
    """Raises UsageError for an unknown ending, OutputError where the file cannot be written."""
    kind = path.suffix.lower()
    if kind not in _KINDS:
        raise UsageError(f"{path}: unknown kind of gallery {path.suffix!r}; known: {' '.join(_KINDS)}")
    out = io.BytesIO()
    if kind == ".npz":
        np.savez_compressed(out, names=np.array(gallery.names, np.str_), vectors=gallery.vectors)
    elif kind == ".json":
        grouped: dict[str, list[list[float]]] = {}
        for name, vector in zip(gallery.names, gallery.vectors, strict=True):
            grouped.setdefault(name, []).append([round(float(v), 7) for v in vector])
        out.write(json.dumps(grouped, ensure_ascii=False).encode())
    else:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        for name, vector in zip(gallery.names, gallery.vectors, strict=True):
            writer.writerow([name, *(f"{v:.7g}" for v in vector)])
        out.write(text.getvalue().encode())
    draft = path.with_name(f".{path.name}.part")
    try:
        draft.write_bytes(out.getvalue())
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise OutputError(f"{path}: the gallery cannot be written: {error.strerror}") from error
