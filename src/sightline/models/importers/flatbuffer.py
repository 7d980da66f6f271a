"""FlatBuffers and FlexBuffers, read with every offset checked against the buffer.

Formats: https://flatbuffers.dev/internals/ (tables, vectors) and https://flatbuffers.dev/flexbuffers/ (maps).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["DamagedBuffer", "Table", "read_flex_map", "root_table"]

_MOST_ELEMENTS = 1 << 20  # of a vector of tables or offsets: no model has more tensors
_SIZES = {"b": 1, "B": 1, "h": 2, "H": 2, "i": 4, "I": 4, "q": 8, "Q": 8, "f": 4, "d": 8}


class DamagedBuffer(ValueError):
    """An offset or a length points outside the buffer."""


def root_table(data: bytes | memoryview, identifier: bytes) -> Table:
    """The root of a buffer with that four-byte identifier. Raises DamagedBuffer."""
    view = memoryview(data)
    if len(view) < 12 or bytes(view[4:8]) != identifier:
        raise DamagedBuffer(f"it lacks the mark {identifier.decode('ascii')}")
    return Table(view, _number(view, 0, "I"))


@dataclass(frozen=True, slots=True)
class Table:
    """One table: `at` is its first byte in `data`. Fields are asked for by their number in the schema."""

    data: memoryview
    at: int

    def field(self, index: int) -> int:
        """Where field `index` lies in `data`; 0 where the table leaves it out."""
        vtable = self.at - _number(self.data, self.at, "i")
        if vtable < 0:
            raise DamagedBuffer("a table lies outside the file")
        slot = 4 + 2 * index
        if slot + 2 > _number(self.data, vtable, "H"):
            return 0
        offset = _number(self.data, vtable + slot, "H")
        return self.at + offset if offset else 0

    def number(self, index: int, form: str, default: float = 0) -> float:
        """A scalar of the `struct` form."""
        at = self.field(index)
        return _number(self.data, at, form) if at else default

    def whole(self, index: int, form: str, default: int = 0) -> int:
        """An integer of the `struct` form."""
        return int(self.number(index, form, default))

    def table(self, index: int) -> Table | None:
        """A table that the field points to."""
        at = self.field(index)
        return Table(self.data, _follow(self.data, at)) if at else None

    def tables(self, index: int) -> tuple[Table, ...]:
        """A vector of tables; () where left out."""
        return tuple(Table(self.data, _follow(self.data, at)) for at in self._offsets(index))

    def text(self, index: int) -> str:
        """A string; "" where left out."""
        return bytes(self.raw(index)).decode("utf-8", "replace")

    def texts(self, index: int) -> tuple[str, ...]:
        """A vector of strings."""
        return tuple(
            bytes(_vector(self.data, _follow(self.data, at), 1)).decode("utf-8", "replace")
            for at in self._offsets(index)
        )

    def raw(self, index: int) -> memoryview:
        """A vector of bytes, uncopied; empty where left out."""
        at = self.field(index)
        return _vector(self.data, _follow(self.data, at), 1) if at else memoryview(b"")

    def numbers(self, index: int, form: str) -> tuple[float, ...]:
        """A vector of scalars."""
        at = self.field(index)
        if not at:
            return ()
        raw = _vector(self.data, _follow(self.data, at), _SIZES[form])
        return struct.unpack(f"<{len(raw) // _SIZES[form]}{form}", raw)

    def wholes(self, index: int, form: str) -> tuple[int, ...]:
        """A vector of integers."""
        return tuple(int(value) for value in self.numbers(index, form))

    def vector_at(self, index: int) -> int:
        """Where the vector of a field begins (its length, then its elements). Raises DamagedBuffer where left out."""
        at = self.field(index)
        if not at:
            raise DamagedBuffer("a list that every file has is missing")
        return _follow(self.data, at)

    def _offsets(self, index: int) -> range:
        at = self.field(index)
        if not at:
            return range(0)
        start = _follow(self.data, at)
        count = _number(self.data, start, "I")
        if count > _MOST_ELEMENTS:
            raise DamagedBuffer(f"a list of {count} elements")
        _vector(self.data, start, 4)
        return range(start + 4, start + 4 + 4 * count, 4)


def _number(data: memoryview, at: int, form: str) -> int:
    if at < 0 or at + _SIZES[form] > len(data):
        raise DamagedBuffer("an offset points behind its end")
    return struct.unpack_from(f"<{form}", data, at)[0]


def _follow(data: memoryview, at: int) -> int:
    return at + _number(data, at, "I")


def _vector(data: memoryview, start: int, size: int) -> memoryview:
    end = start + 4 + _number(data, start, "I") * size
    if end > len(data):
        raise DamagedBuffer("a list ends behind its end")
    return data[start + 4 : end]


# -- FlexBuffers: maps of scalars and strings, as custom operations keep their options --------------------------------

_KINDS: dict[int, Literal["i", "u", "f", "b"]] = {1: "i", 2: "u", 3: "f", 26: "b"}
_INDIRECT: dict[int, Literal["i", "u", "f"]] = {6: "i", 7: "u", 8: "f"}
_MAP, _KEY, _STRING = 9, 4, 5


def read_flex_map(data: bytes | memoryview) -> dict[str, int | float | bool | str]:
    """The scalars and strings of a FlexBuffer whose root is a map; other values are left out. Raises DamagedBuffer."""
    view = memoryview(data)
    if len(view) < 3:
        raise DamagedBuffer("its options are empty")
    packed, width = view[-2], view[-1]
    if packed >> 2 != _MAP or width not in (1, 2, 4, 8):
        raise DamagedBuffer("its options are no map")
    end = len(view) - 2 - width
    start = end - _uint(view, end, width)
    size = 1 << (packed & 3)
    count = _uint(view, start - size, size)
    keys_at = start - 3 * size
    keys = keys_at - _uint(view, keys_at, size)
    key_size = _uint(view, start - 2 * size, size)
    if count > 4096 or key_size not in (1, 2, 4, 8):
        raise DamagedBuffer("its options are no map")
    found: dict[str, int | float | bool | str] = {}
    for k in range(count):
        slot = keys + k * key_size
        name = _text(view, slot - _uint(view, slot, key_size))
        value = _value(view, start + k * size, size, _uint(view, start + count * size + k, 1))
        if value is not None:
            found[name] = value
    return found


def _value(view: memoryview, at: int, size: int, packed: int) -> int | float | bool | str | None:
    kind = packed >> 2
    if kind in _KINDS:
        return _scalar(view, at, size, _KINDS[kind])
    if kind in _INDIRECT:
        return _scalar(view, at - _uint(view, at, size), 1 << (packed & 3), _INDIRECT[kind])
    if kind in (_KEY, _STRING):
        return _text(view, at - _uint(view, at, size))
    return None


def _scalar(view: memoryview, at: int, size: int, kind: str) -> int | float | bool:
    raw = _slice(view, at, size)
    if kind != "f":
        number = int.from_bytes(raw, "little", signed=kind == "i")
        return bool(number) if kind == "b" else number
    if size not in (2, 4, 8):
        raise DamagedBuffer("a number of no known width")
    values: NDArray[np.floating] = np.frombuffer(raw, f"<f{size}")
    return float(values[0])


def _uint(view: memoryview, at: int, size: int) -> int:
    return int.from_bytes(_slice(view, at, size), "little")


def _slice(view: memoryview, at: int, size: int) -> memoryview:
    if at < 0 or at + size > len(view):
        raise DamagedBuffer("an offset points outside its options")
    return view[at : at + size]


def _text(view: memoryview, at: int) -> str:
    if not 0 <= at < len(view):
        raise DamagedBuffer("an offset points outside its options")
    raw = bytes(view[at : at + 256])
    return raw.split(b"\0", 1)[0].decode("utf-8", "replace")
