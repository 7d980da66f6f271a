"""A tensor that lies in a file: where and in which form, read only when asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.errors import ModelError

__all__ = ["BFLOAT16", "Storage", "StoredTensor", "tensor_of"]

BFLOAT16 = "bfloat16"  # the one kind of number that NumPy lacks
_MAX_BYTES = 2 << 30


def _plain(dtype: str) -> np.dtype[Any]:
    return np.dtype("u2" if dtype == BFLOAT16 else dtype)


@dataclass(frozen=True, slots=True, eq=False)
class Storage:
    """A run of numbers. dtype: NumPy's name, or bfloat16. read: (key, how many bytes) to its bytes, or ModelError."""

    key: str
    dtype: str
    count: int
    read: Callable[[str, int], bytes]
    big_endian: bool = False

    @property
    def size(self) -> int:
        """In bytes."""
        return self.count * _plain(self.dtype).itemsize


@dataclass(frozen=True, slots=True, eq=False)
class StoredTensor:
    """A view of a storage. offset, shape and stride count items of `dtype`."""

    storage: Storage
    dtype: str
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]

    def array(self) -> NDArray[Any]:
        """Its values, bfloat16 as float32. Raises ModelError where the file does not hold them."""
        plain = _plain(self.dtype)
        held, wanted = self.storage.size // plain.itemsize, prod(self.shape)
        last = self.offset + sum((n - 1) * step for n, step in zip(self.shape, self.stride, strict=True))
        if wanted and (wanted > held or last >= held):
            raise ModelError(f"a tensor of shape {self.shape} does not fit into its storage of {held} values")
        if self.storage.size > _MAX_BYTES:
            raise ModelError(f"a storage of {self.storage.size} bytes; no more than {_MAX_BYTES} are read")
        data = self.storage.read(self.storage.key, self.storage.size)
        flat = np.frombuffer(data, plain.newbyteorder(">" if self.storage.big_endian else "<"), held)
        steps = tuple(step * plain.itemsize for step in self.stride)
        view = np.lib.stride_tricks.as_strided(flat[self.offset :], self.shape, steps, writeable=False)
        if self.dtype == BFLOAT16:
            return (view.astype(np.uint32) << 16).view(np.float32)
        return view.astype(plain)


def tensor_of(storage: object, offset: object, shape: object, stride: object, dtype: str | None = None) -> StoredTensor:
    """The tensor with these values taken from a file. Raises ValueError for such that describe none."""
    if not isinstance(storage, Storage):
        raise ValueError("a tensor without its storage")
    sizes, steps = _counts(shape), _counts(stride)
    if len(sizes) != len(steps) or len(sizes) > 16:
        raise ValueError(f"a tensor of {len(sizes)} axes and {len(steps)} strides")
    return StoredTensor(storage, dtype or storage.dtype, _counts((offset,))[0], sizes, steps)


def _counts(values: object) -> tuple[int, ...]:
    if not isinstance(values, (tuple, list)):
        raise ValueError("a shape that is no row of numbers")
    found: list[int] = []
    for value in values:
        if not isinstance(value, int) or not 0 <= value < 1 << 40:
            raise ValueError(f"a size of {str(value)[:40]}")
        found.append(int(value))
    return tuple(found)
