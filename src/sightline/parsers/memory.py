"""Memory that two processes see: a file without a name, mapped by both. Arrays are laid into it and read in place."""

from __future__ import annotations

import fcntl
import math
import mmap
import os
import tempfile
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Block", "Place", "places"]

_ALIGN = 64
_MOST = 4 << 30  # bytes of one block
_KINDS = "?bBhHiIlLqQefd"  # dtypes that may cross

# dtype as NumPy writes it ("<f4"), shape, offset in bytes
Place = tuple[str, tuple[int, ...], int]


def places(arrays: Iterable[tuple[np.dtype[Any], tuple[int, ...]]], start: int = 0) -> tuple[list[Place], int]:
    """Where arrays lie one after another from byte `start`, aligned, and the byte after the last."""
    found: list[Place] = []
    for dtype, shape in arrays:
        start = -(-start // _ALIGN) * _ALIGN
        found.append((dtype.str, tuple(shape), start))
        start += dtype.itemsize * math.prod(shape)
    return found, start


class Block:
    """One block of shared memory, known by its file descriptor; it grows and never shrinks."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._map: mmap.mmap | None = None
        self._size = 0

    @classmethod
    def made(cls) -> Block:
        """A new one, empty."""
        if hasattr(os, "memfd_create"):
            fd = os.memfd_create("sightline", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
            # who maps a file that another process makes smaller dies of it
            fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL)
            return cls(fd)
        with tempfile.TemporaryFile() as file:
            return cls(os.dup(file.fileno()))

    def reserve(self, size: int) -> None:
        """Make sure that it holds `size` bytes. Raises ValueError beyond 4 GB."""
        if size > _MOST:
            raise ValueError(f"{size >> 20} MB of arrays; at most {_MOST >> 20}")
        if os.fstat(self.fd).st_size < size:
            os.ftruncate(self.fd, -(-size // mmap.PAGESIZE) * mmap.PAGESIZE)

    def array(self, place: Place) -> NDArray[Any]:
        """The array at a place, in the shared memory itself. Raises ValueError where none can be."""
        kind, shape, offset = place
        dtype = np.dtype(kind)
        if dtype.char not in _KINDS or offset < 0 or any(n < 0 for n in shape):
            raise ValueError(f"no array of {kind} {shape} at {offset}")
        size = dtype.itemsize * math.prod(shape)
        if not size:
            return np.zeros(shape, dtype)
        if offset + size > self._size:
            self._grow(offset + size)
        assert self._map is not None
        return np.ndarray(shape, dtype, self._map, offset)

    def _grow(self, end: int) -> None:
        size = min(os.fstat(self.fd).st_size, _MOST)
        if end > size:
            raise ValueError(f"an array that ends at byte {end} of {size}")
        self._map = mmap.mmap(self.fd, size)
        self._size = size

    def put(self, arrays: Sequence[NDArray[Any]], start: int = 0) -> tuple[list[Place], int]:
        """Copy arrays in from byte `start`; their places, and the byte after the last."""
        found, end = places(((a.dtype, a.shape) for a in arrays), start)
        self.reserve(end)
        for array, place in zip(arrays, found, strict=True):
            if array.size:
                np.copyto(self.array(place), array)
        return found, end

    def close(self) -> None:
        """Let go of it; arrays that still point into it stay valid until they are gone."""
        if self.fd >= 0:
            os.close(self.fd)
        self.fd, self._map, self._size = -1, None, 0
