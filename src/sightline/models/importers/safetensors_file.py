"""Reads .safetensors: a JSON table of names, types, shapes and offsets, then the numbers. Source: its specification."""

from __future__ import annotations

import json
import struct
from pathlib import Path

from sightline.errors import ModelError
from sightline.models.importers.stored_tensor import BFLOAT16, Storage, StoredTensor, tensor_of

__all__ = ["read_safetensors"]

_MAX_HEADER = 100_000_000  # as the format's own reader
_DTYPES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": BFLOAT16, "I64": "int64", "I32": "int32",
    "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip


def read_safetensors(path: Path) -> dict[str, StoredTensor]:
    """The tensors by name, read from the file when asked for. Raises ModelError, OSError."""
    total = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 2 <= length <= min(_MAX_HEADER, total - 8):
            raise ModelError(f"{path.name}: not a safetensors file, or cut off: a table of {length} bytes in {total}")
        text = file.read(length)
    try:
        table = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path.name}: its table is not JSON: {str(error)[:80]}") from error
    if not isinstance(table, dict):
        raise ModelError(f"{path.name}: its table is no mapping of names")
    return {name: _tensor(path, name, row, 8 + length, total) for name, row in table.items() if name != "__metadata__"}


def _tensor(path: Path, name: str, row: object, start: int, total: int) -> StoredTensor:
    at = f"{path.name}: {name[:80]}"
    dtype = _DTYPES.get(str(row.get("dtype"))) if isinstance(row, dict) else None
    if not isinstance(row, dict) or dtype is None:
        raise ModelError(f"{at}: not a tensor of a type that is read ({', '.join(_DTYPES)})")
    shape, offsets = row.get("shape"), row.get("data_offsets")
    if not isinstance(shape, list) or not isinstance(offsets, list) or len(offsets) != 2:
        raise ModelError(f"{at}: without a shape or its place in the file")
    try:
        tensor = tensor_of(Storage(name, dtype, 0, _refuse), 0, shape, _strides(shape))
        begin, end = tensor_of(tensor.storage, 0, offsets, offsets).shape
    except ValueError as error:
        raise ModelError(f"{at}: {error}") from error
    count = 1
    for size in tensor.shape:
        count *= size
    if end < begin or start + end > total:
        raise ModelError(f"{at}: lies outside of the file: bytes {begin} to {end} of {total - start}")

    def read(_: str, size: int) -> bytes:
        with path.open("rb") as file:
            file.seek(start + begin)
            return file.read(size)

    storage = Storage(name, dtype, count, read)
    if storage.size != end - begin:
        raise ModelError(f"{at}: {end - begin} bytes for a tensor of {storage.size}")
    return StoredTensor(storage, dtype, 0, tensor.shape, tensor.stride)


def _refuse(key: str, size: int) -> bytes:
    raise ModelError(f"{key}: no place in the file for {size} bytes")


def _strides(shape: list[object]) -> list[object]:
    steps: list[object] = []
    step = 1
    for size in reversed(shape):
        steps.insert(0, step)
        step = min(step * size, 1 << 39) if isinstance(size, int) else step
    return steps
