"""A caffemodel -> the arrays of every layer by its name; both generations of layers.

Field numbers are those of caffe.proto (BVLC/caffe, src/caffe/proto).
"""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.errors import ModelError
from sightline.models.importers.protobuf_wire import Wire, WireField
from sightline.types import F32

__all__ = ["mean_of", "read_weights"]

_LAYER, _OLD_LAYER = 100, 2  # of NetParameter
_NAME, _BLOBS = 1, 7  # of LayerParameter
_OLD_NAME, _OLD_BLOBS = 4, 6  # of V1LayerParameter
_SHAPE, _DATA, _DOUBLES = 7, 5, 8  # of BlobProto; 1 to 4 are the older num, channels, height, width
_MOST_BYTES = 1 << 31
_MOST_AXES = 8


def read_weights(path: Path) -> dict[str, list[F32]]:
    """Layer name -> its arrays in order, float32, read-only. Raises ModelError where the file is none or cut short."""
    wire = Wire(path, _mapped(path))
    found: dict[str, list[F32]] = {}
    layers = 0
    for field in wire:
        if field.number not in (_LAYER, _OLD_LAYER) or not field.is_bytes:
            continue
        layers += 1
        old = field.number == _OLD_LAYER
        name, blobs = _layer(wire.inner(field), _OLD_NAME if old else _NAME, _OLD_BLOBS if old else _BLOBS)
        if blobs:
            found[name] = blobs
    if not layers:
        raise ModelError(f"{path}: holds no layer of Caffe; is it a caffemodel?")
    return found


def mean_of(path: Path) -> F32:
    """The picture in a mean file (binaryproto), its axes as stored: [1, C, H, W]."""
    return _blob(Wire(path, _mapped(path)))


def _mapped(path: Path) -> memoryview:
    try:
        size = path.stat().st_size
        if not 0 < size < _MOST_BYTES:
            raise ModelError(f"{path}: {size:,} bytes; a caffemodel has some and less than {_MOST_BYTES:,}")
        with path.open("rb") as file:
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error


def _layer(wire: Wire, name_field: int, blob_field: int) -> tuple[str, list[F32]]:
    name, blobs = "", list[F32]()
    for field in wire:
        if field.number == name_field and field.is_bytes:
            name = wire.text(field)
        elif field.number == blob_field and field.is_bytes:
            blobs.append(_blob(wire.inner(field)))
    return name, blobs


def _blob(wire: Wire) -> F32:
    old = [0, 0, 0, 0]
    shape: list[int] | None = None
    parts: list[NDArray[Any]] = []
    for field in wire:
        if field.number == _SHAPE and field.is_bytes:
            shape = _dims(wire.inner(field))
        elif field.number in (_DATA, _DOUBLES):
            parts.append(_numbers(wire, field))
        elif 1 <= field.number <= 4 and not field.is_bytes:
            old[field.number - 1] = field.value
    values = parts[0] if len(parts) == 1 else np.concatenate(parts) if parts else np.zeros(0, np.float32)
    dims = shape if shape is not None else old
    if shape is None and not any(old):
        dims = [values.size]
    count = 1
    for n in dims:
        count *= n
    if len(dims) > _MOST_AXES or any(not 0 <= n < _MOST_BYTES for n in dims) or count != values.size:
        listed = " x ".join(map(str, dims[:_MOST_AXES]))
        raise ModelError(f"{wire.path}: byte {wire.at:,}: an array of {listed} with {values.size:,} numbers")
    return values.astype(np.float32, copy=False).reshape(dims)


def _dims(wire: Wire) -> list[int]:
    """BlobShape: whole numbers, packed or one by one."""
    found: list[int] = []
    for field in wire:
        if field.number != 1:
            continue
        if not field.is_bytes:
            found.append(field.value)
            continue
        # packed: what a field's value would be, one after another
        value, shift = 0, 0
        for byte in bytes(field.data[:128]):
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                found.append(value)
                value, shift = 0, 0
    return found


def _numbers(wire: Wire, field: WireField) -> NDArray[Any]:
    """float (field data) or double (double_data) numbers, packed or one by one."""
    dtype = np.dtype("<f4") if field.number == _DATA else np.dtype("<f8")
    if len(field.data) % dtype.itemsize:
        raise ModelError(f"{wire.path}: byte {field.at:,}: {len(field.data)} bytes are no whole numbers")
    return np.frombuffer(field.data, dtype)
