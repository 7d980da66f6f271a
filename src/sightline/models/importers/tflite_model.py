"""What a TFLite file says of itself: tensors, operations, quantisation; checked before any runtime sees it.

Format: TensorFlow Lite's schema.fbs, version 3 (https://www.tensorflow.org/lite).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sightline.errors import ModelError
from sightline.models.importers.flatbuffer import DamagedBuffer, Table, root_table

__all__ = [
    "CUSTOM",
    "TfLiteModel",
    "TfLiteOperator",
    "TfLiteTensor",
    "parse_tflite",
    "tensor_values",
    "with_axes_in_range",
]

CUSTOM = 32  # the operator code of operations outside the schema
_PLACEHOLDER = 127  # in the old one-byte code: the real code stands in the newer field
_TYPES: dict[int, tuple[str, float]] = {
    0: ("float32", 4), 1: ("float16", 2), 2: ("int32", 4), 3: ("uint8", 1), 4: ("int64", 8), 5: ("string", 0),
    6: ("bool", 1), 7: ("int16", 2), 8: ("complex64", 8), 9: ("int8", 1), 10: ("float64", 8), 11: ("complex128", 16),
    12: ("uint64", 8), 13: ("resource", 0), 14: ("variant", 0), 15: ("uint32", 4), 16: ("uint16", 2),
    17: ("int4", 0.5), 18: ("bfloat16", 2), 19: ("int2", 0.25), 20: ("uint4", 0.5),
}  # fmt: skip
_MOST_AXES = 8
_MOST_VALUES = 1 << 31


@dataclass(frozen=True, slots=True)
class TfLiteTensor:
    """shape: -1 where open. scale, zero_point: of quantised values, real = scale * (stored - zero_point); scale 0
    where none, or one a channel. buffer: the index of its constant values; 0 none.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float = 0.0
    zero_point: int = 0
    buffer: int = 0


@dataclass(frozen=True, slots=True)
class TfLiteOperator:
    """code: the schema's number; custom: the name of an operation outside it. inputs: tensor indices, -1 left out."""

    code: int
    custom: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: memoryview


@dataclass(frozen=True, slots=True)
class TfLiteModel:
    """The first subgraph. inputs, outputs: tensor indices in the file's order. metadata: buffer by name.

    data: the whole file; root and graph: its tables. subgraphs: how many there are.
    """

    data: memoryview
    root: Table
    graph: Table
    description: str
    tensors: tuple[TfLiteTensor, ...]
    operators: tuple[TfLiteOperator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    buffers: tuple[memoryview, ...]
    metadata: dict[str, memoryview]
    subgraphs: int


def parse_tflite(data: bytes | memoryview, path: Path) -> TfLiteModel:
    """The model in `data`. Raises ModelError where it is not a whole TFLite file, or contradicts itself."""
    if not len(data):
        raise ModelError(f"{path}: the file is empty; copy or export the model again")
    try:
        return _parse(memoryview(data))
    except DamagedBuffer as error:
        raise ModelError(f"{path}: not a whole TFLite file: {error}; copy or export the model again") from error


def tensor_values(model: TfLiteModel, index: int) -> NDArray[np.float32] | None:
    """The constant values of a tensor as real numbers, dequantised; None where it is computed."""
    tensor = model.tensors[index]
    raw = model.buffers[tensor.buffer]
    if not len(raw) or tensor.dtype not in ("float32", "float16", "int32", "int64", "uint8", "int8", "int16"):
        return None
    values = np.frombuffer(raw, tensor.dtype)[: math.prod(tensor.shape)].reshape(tensor.shape).astype(np.float32)
    return (values - np.float32(tensor.zero_point)) * np.float32(tensor.scale) if tensor.scale else values


def with_axes_in_range(model: TfLiteModel) -> bytes | None:
    """The file with the axis of every quantised vector its only one; None where that holds already.

    TensorFlow's converter of 2019 gave biases the axis of their weights; readers of today refuse it.
    """
    places: list[int] = []
    for table in model.graph.tables(0):
        quantisation = table.table(4)
        if quantisation is not None and len(table.wholes(0, "i")) == 1 and quantisation.whole(6, "i") > 0:
            places.append(quantisation.field(6))
    if not places:
        return None
    data = bytearray(model.data)
    for at in places:
        data[at : at + 4] = bytes(4)
    return bytes(data)


def _parse(data: memoryview) -> TfLiteModel:
    root = root_table(data, b"TFL3")
    graphs = root.tables(2)
    if not graphs:
        raise DamagedBuffer("it holds no graph")
    if root.whole(0, "I") != 3:
        raise DamagedBuffer(f"its schema has version {root.whole(0, 'I')}, not 3")
    buffers = tuple(_contents(table) for table in root.tables(4))
    graph = graphs[0]
    tensors = tuple(_tensor(table, buffers) for table in graph.tables(0))
    if not tensors:
        raise DamagedBuffer("it holds no tensors")
    codes = tuple(_code(table) for table in root.tables(1))
    operators = tuple(_operator(table, codes, len(tensors)) for table in graph.tables(3))
    inputs, outputs = (_indices(graph.wholes(field, "i"), len(tensors), 0) for field in (1, 2))
    if not inputs or not outputs or not operators:
        raise DamagedBuffer("its graph has no inputs, no outputs or no operations")
    _check_made_before_use(operators, inputs, outputs, tensors)
    return TfLiteModel(
        data, root, graph, root.text(3), tensors, operators, inputs, outputs, buffers,
        _metadata(root, buffers), len(graphs),
    )  # fmt: skip


def _contents(table: Table) -> memoryview:
    """A buffer's bytes; those of files above 2 GB lie behind the tables, by offset and size."""
    offset, size = table.whole(1, "Q"), table.whole(2, "Q")
    if offset > 1:
        if offset + size > len(table.data):
            raise DamagedBuffer("its weights end behind its end")
        return table.data[offset : offset + size]
    return table.raw(0)


def _tensor(table: Table, buffers: tuple[memoryview, ...]) -> TfLiteTensor:
    name = table.text(3)
    if "\ufffd" in name:
        raise DamagedBuffer("a tensor's name is no text")
    kind = table.whole(1, "b")
    if kind not in _TYPES:
        raise DamagedBuffer(f"tensor {name!r} has the unknown type {kind}")
    dtype, size = _TYPES[kind]
    shape = table.wholes(0, "i")
    if len(shape) > _MOST_AXES or any(axis < 0 for axis in shape) or math.prod(shape) > _MOST_VALUES:
        raise DamagedBuffer(f"tensor {name!r} has the shape {list(shape)[:_MOST_AXES]}")
    buffer = table.whole(2, "I")
    if buffer >= len(buffers):
        raise DamagedBuffer(f"tensor {name!r} names values that are not there")
    held = len(buffers[buffer])
    # values kept sparse are shorter than their shape says
    if held and size and table.table(6) is None and held < math.ceil(math.prod(shape) * size):
        raise DamagedBuffer(f"tensor {name!r} of shape {list(shape)} has only {held} bytes")
    signature = table.wholes(7, "i")
    if len(signature) == len(shape):
        shape = tuple(-1 if said < 0 else axis for said, axis in zip(signature, shape, strict=True))
    scale, zero = _quantisation(table.table(4))
    return TfLiteTensor(name, shape, dtype, scale, zero, buffer)


def _quantisation(table: Table | None) -> tuple[float, int]:
    if table is None:
        return 0.0, 0
    scales, zeros = table.numbers(2, "f"), table.wholes(3, "q")
    if len(scales) != 1 or not math.isfinite(scales[0]):
        return 0.0, 0
    return float(scales[0]), zeros[0] if zeros else 0


def _code(table: Table) -> tuple[int, str]:
    old, new = table.whole(0, "b"), table.whole(3, "i")
    return max(old, new) if old != _PLACEHOLDER else new, table.text(1)


def _operator(table: Table, codes: tuple[tuple[int, str], ...], tensors: int) -> TfLiteOperator:
    index = table.whole(0, "I")
    if index >= len(codes):
        raise DamagedBuffer(f"an operation has the kind {index} of {len(codes)}")
    code, custom = codes[index]
    inputs = _indices(table.wholes(1, "i"), tensors, -1)
    outputs = _indices(table.wholes(2, "i"), tensors, 0)
    return TfLiteOperator(code, custom if code == CUSTOM else "", inputs, outputs, table.raw(5))


def _indices(values: tuple[int, ...], count: int, least: int) -> tuple[int, ...]:
    if any(not least <= value < count for value in values):
        raise DamagedBuffer("an operation names a tensor that is not there")
    return values


def _check_made_before_use(
    operators: tuple[TfLiteOperator, ...],
    inputs: tuple[int, ...],
    outputs: tuple[int, ...],
    tensors: tuple[TfLiteTensor, ...],
) -> None:
    """Raises DamagedBuffer for cycles: operations stand in the order in which they run."""
    made = set(inputs)
    makers: set[int] = {index for operator in operators for index in operator.outputs}
    for operator in operators:
        if any(index in makers and index not in made for index in operator.inputs):
            raise DamagedBuffer("an operation reads what is computed after it")
        if made.intersection(operator.outputs):
            raise DamagedBuffer("a tensor is computed twice")
        made.update(operator.outputs)
    for index in outputs:
        if index not in made and not tensors[index].buffer:
            raise DamagedBuffer(f"its output {tensors[index].name!r} is computed by nothing")


def _metadata(root: Table, buffers: tuple[memoryview, ...]) -> dict[str, memoryview]:
    found: dict[str, memoryview] = {}
    for table in root.tables(6):
        buffer = table.whole(1, "I")
        if buffer >= len(buffers):
            raise DamagedBuffer("its metadata is not there")
        found[table.text(0)] = buffers[buffer]
    return found
