"""Caffe files made by hand: a caffemodel's bytes, a prototxt around some layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from sightline.models.importers.seam import Foreign
from sightline.types import F32


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out += bytes([value & 127 | 128])
        value >>= 7
    return out + bytes([value])


def entry(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def blob(array: F32) -> bytes:
    shape = entry(7, entry(1, b"".join(varint(n) for n in array.shape)))
    return shape + entry(5, array.astype("<f4").tobytes())


def old_blob(array: F32) -> bytes:
    """With num, channels, height and width instead of a shape."""
    dims = (1, 1, 1, 1, *array.shape)[-4:]
    shape = b"".join(varint(i << 3) + varint(n) for i, n in enumerate(dims, 1))
    return shape + entry(5, array.astype("<f4").tobytes())


def caffemodel(layers: Mapping[str, Sequence[F32]], *, old: bool = False) -> bytes:
    out = entry(1, b"net")
    for name, arrays in layers.items():
        if old:
            out += entry(2, entry(4, name.encode()) + b"".join(entry(6, old_blob(a)) for a in arrays))
        else:
            out += entry(100, entry(1, name.encode()) + b"".join(entry(7, blob(a)) for a in arrays))
    return out


def prototxt(shape: Sequence[int], layers: str) -> str:
    dims = " ".join(f"dim: {n}" for n in shape)
    return f'name: "net"\ninput: "data"\ninput_shape {{ {dims} }}\n{layers}\n'


def one(kind: str, parameters: str = "") -> str:
    """A network of one layer."""
    return f'layer {{ name: "a" type: "{kind}" bottom: "data" top: "a" {parameters} }}'


def written(folder: Path, text: str, weights: bytes) -> Foreign:
    folder.mkdir(exist_ok=True)
    (folder / "net.prototxt").write_text(text)
    (folder / "net.caffemodel").write_bytes(weights)
    (folder / "work").mkdir(exist_ok=True)
    return Foreign("caffe", folder / "net.prototxt", folder, folder / "work")


def noise(*shape: int, seed: int = 3) -> F32:
    return np.random.default_rng(seed).normal(0, 0.5, shape).astype(np.float32)
