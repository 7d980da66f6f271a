"""The wire form of protocol buffers without their schema: fields of one message, nothing copied.

https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sightline.errors import ModelError

__all__ = ["Wire", "WireField"]

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True, slots=True, eq=False)
class WireField:
    """number of the field; value of a varint, else 0; data of anything else; at: where it begins in the file."""

    number: int
    kind: int
    value: int
    data: memoryview
    at: int

    @property
    def is_bytes(self) -> bool:
        return self.kind == _BYTES


@dataclass(frozen=True, slots=True, eq=False)
class Wire:
    """One message in the file at `path`: `data` of it, which begins at byte `at`."""

    path: Path
    data: memoryview
    at: int = 0

    def __iter__(self) -> Iterator[WireField]:
        """The fields in order. Raises ModelError where the bytes end within one, or are none."""
        data, end, position = self.data, len(self.data), 0
        while position < end:
            start = position
            key, position = self._varint(position)
            number, kind = key >> 3, key & 7
            if not number:
                raise self._fault(start, "no field has the number 0")
            value, length = 0, 0
            if kind == _VARINT:
                value, position = self._varint(position)
            elif kind == _BYTES:
                length, position = self._varint(position)
            elif kind in (_FIXED32, _FIXED64):
                length = 4 if kind == _FIXED32 else 8
            else:
                raise self._fault(start, f"no protobuf: a field of kind {kind}")
            if length > end - position:
                raise self._fault(start, f"ends within a field: {length:,} bytes wanted, {end - position:,} left")
            yield WireField(number, kind, value, data[position : position + length], self.at + position)
            position += length

    def inner(self, field: WireField) -> Wire:
        """The message that `field` holds."""
        return Wire(self.path, field.data, field.at)

    def text(self, field: WireField) -> str:
        return bytes(field.data).decode("utf-8", "replace")

    def _varint(self, position: int) -> tuple[int, int]:
        value, shift = 0, 0
        for i in range(position, min(position + 10, len(self.data))):
            byte = self.data[i]
            value |= (byte & 127) << shift
            if byte < 128:
                return value, i + 1
            shift += 7
        raise self._fault(position, "ends within a number")

    def _fault(self, position: int, why: str) -> ModelError:
        return ModelError(f"{self.path}: byte {self.at + position:,}: {why}; the file is cut short or none of its kind")
