"""Writes files as torch.save does, and the pickles in them, without torch: opcodes put together by hand."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAGIC = 0x1950A86A20F9469CFC6C
STORAGES = {"float32": "FloatStorage", "float16": "HalfStorage", "float64": "DoubleStorage", "int64": "LongStorage",
            "int32": "IntStorage", "uint8": "ByteStorage", "int8": "CharStorage", "bfloat16": "BFloat16Storage",
            "bool": "BoolStorage", "int16": "ShortStorage"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Name:
    """A class or function, by name only."""

    module: str
    name: str


@dataclass(slots=True, eq=False)
class Call:
    """A call of `Name` with arguments, then a state."""

    name: Name
    arguments: tuple[Any, ...] = ()
    state: Any = None


@dataclass(slots=True, eq=False)
class Persistent:
    """A persistent id."""

    identity: Any


class Encoder:
    """Values as protocol 2 opcodes; arrays become tensors of storages 0, 1, ... in `storages`."""

    def __init__(self) -> None:
        self.storages: list[tuple[str, NDArray[Any]]] = []
        self.legacy = False

    def pickle(self, value: Any) -> bytes:
        return b"\x80\x02" + self.encode(value) + b"."

    def encode(self, value: Any) -> bytes:
        match value:
            case None:
                return b"N"
            case bool():
                return b"\x88" if value else b"\x89"
            case int():
                raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
                return b"\x8a" + bytes([len(raw)]) + raw
            case float():
                return b"G" + struct.pack(">d", value)
            case str():
                raw = value.encode()
                return b"X" + struct.pack("<I", len(raw)) + raw
            case bytes():
                return b"C" + bytes([len(value)]) + value
            case tuple():
                return b"(" + b"".join(map(self.encode, value)) + b"t"
            case list():
                return b"](" + b"".join(map(self.encode, value)) + b"e"
            case dict():
                return b"}(" + b"".join(self.encode(k) + self.encode(v) for k, v in value.items()) + b"u"
            case Name():
                return f"c{value.module}\n{value.name}\n".encode()
            case Call():
                made = self.encode(value.name) + self.encode(value.arguments) + b"R"
                return made + (self.encode(value.state) + b"b" if value.state is not None else b"")
            case Persistent():
                return self.encode(value.identity) + b"Q"
            case np.ndarray():
                return self.encode(self.tensor(value, str(value.dtype)))
        raise TypeError(type(value))

    def tensor(self, array: NDArray[Any], dtype: str) -> Call:
        """dtype: bfloat16 where `array` holds its bits as uint16."""
        self.storages.append((dtype, np.ascontiguousarray(array)))
        key = str(len(self.storages) - 1)
        storage = ["storage", Name("torch", STORAGES[dtype]), key, "cpu", array.size]
        stride = tuple(int(np.prod(array.shape[i + 1 :])) for i in range(array.ndim))
        arguments = (Persistent(tuple(storage + [None] * self.legacy)), 0, array.shape, stride, False)
        return Call(Name("torch._utils", "_rebuild_tensor_v2"), (*arguments, Call(Name("collections", "OrderedDict"))))


def save_zip(path: Path, value: Any, folder: str = "archive", compression: int = zipfile.ZIP_STORED) -> Path:
    """The form since torch 1.6."""
    encoder = Encoder()
    data = value if isinstance(value, bytes) else encoder.pickle(value)
    with zipfile.ZipFile(path, "w", compression) as archive:
        archive.writestr(f"{folder}/data.pkl", data)
        archive.writestr(f"{folder}/byteorder", "little")
        for key, (_, array) in enumerate(encoder.storages):
            archive.writestr(f"{folder}/data/{key}", array.tobytes())
        archive.writestr(f"{folder}/version", "3\n")
    return path


def save_legacy(path: Path, value: Any) -> Path:
    """The form before torch 1.6."""
    encoder = Encoder()
    encoder.legacy = True
    body = encoder.pickle(value)
    plain = Encoder()
    head = [MAGIC, 1001, {"protocol_version": 1001, "little_endian": True, "type_sizes": {"short": 2, "int": 4}}]
    data = b"".join(map(plain.pickle, head)) + body
    data += plain.pickle([str(i) for i in range(len(encoder.storages))])
    for _, array in encoder.storages:
        data += struct.pack("<q", array.size) + array.tobytes()
    path.write_bytes(data)
    return path


def module(kind: str, parameters: dict[str, Any] | None = None, buffers: dict[str, Any] | None = None,
           children: dict[str, Any] | None = None, **further: Any) -> Call:  # fmt: skip
    """An nn.Module as pickle holds it."""
    package, _, name = kind.rpartition(".")
    state = {
        "training": False,
        "_parameters": parameters or {},
        "_buffers": buffers or {},
        "_modules": children or {},
        **further,
    }
    return Call(Name(package, name), (), state)


def sequence(items: Sequence[Call], kind: str = "torch.nn.modules.container.Sequential") -> Call:
    return module(kind, children={str(i): item for i, item in enumerate(items)})
