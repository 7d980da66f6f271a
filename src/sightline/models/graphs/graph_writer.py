"""A small writer of ONNX graphs: what every importer that rebuilds a network writes through.

Tensors are names (str). Shapes are tracked by the caller; `finish` and `save` run the ONNX checker.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from sightline.errors import ModelError, OutputError

__all__ = ["GraphWriter"]

_OPSET = 17
_IR = 8
_TYPES = {"float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16, "uint8": TensorProto.UINT8,
          "int8": TensorProto.INT8, "int32": TensorProto.INT32, "int64": TensorProto.INT64}  # fmt: skip
# Constants with more values than this are no shapes or axes: the checker need not see what they hold.
_LARGE = 1024
_MOST_BYTES = (1 << 31) - (1 << 20)  # what one protobuf message can hold, with room for the nodes
# Field numbers of onnx.proto, as (number << 3 | wire type 2).
_MODEL_GRAPH, _GRAPH_INITIALIZER, _TENSOR_RAW = 7 << 3 | 2, 5 << 3 | 2, 9 << 3 | 2


@dataclass(slots=True)
class GraphWriter:
    """Collects nodes, constants, inputs and outputs of one graph."""

    name: str
    opset: int = _OPSET
    _nodes: list[onnx.NodeProto] = field(default_factory=list[onnx.NodeProto])
    _constants: dict[str, NDArray[Any]] = field(default_factory=dict[str, NDArray[Any]])
    _inputs: list[onnx.ValueInfoProto] = field(default_factory=list[onnx.ValueInfoProto])
    _outputs: list[onnx.ValueInfoProto] = field(default_factory=list[onnx.ValueInfoProto])
    _metadata: dict[str, str] = field(default_factory=dict[str, str])
    _names: set[str] = field(default_factory=set[str])

    def input(self, name: str, shape: tuple[int | str, ...], dtype: str = "float32") -> str:
        """Declare an input; a text in `shape` names a dynamic axis."""
        self._names.add(name)
        self._inputs.append(helper.make_tensor_value_info(name, _TYPES[dtype], list(shape)))
        return name

    def output(self, tensor: str, shape: tuple[int | str, ...], dtype: str = "float32") -> None:
        """Declare `tensor` an output."""
        self._outputs.append(helper.make_tensor_value_info(tensor, _TYPES[dtype], list(shape)))

    def constant(self, value: NDArray[Any] | float | int | list[int], name: str = "") -> str:
        """A constant; bare ints and lists of ints are int64, bare floats float32.

        An array is kept, not copied: leave it as it is until the graph is written.
        """
        name = self._fresh(name or "c")
        self._constants[name] = _array(value)
        return name

    def node(self, op: str, inputs: list[str] | tuple[str, ...], name: str = "", **attributes: Any) -> str:
        """One operation with one output, whose name is returned."""
        return self.nodes(op, inputs, 1, name, **attributes)[0]

    def nodes(
        self, op: str, inputs: list[str] | tuple[str, ...], outputs: int, name: str = "", **attributes: Any
    ) -> tuple[str, ...]:
        """One operation with several outputs, whose names are returned."""
        made = tuple(self._fresh(name or op.lower()) for _ in range(outputs))
        self._nodes.append(helper.make_node(op, list(inputs), list(made), name=made[0], **attributes))
        return made

    def named(self, tensor: str, name: str) -> str:
        """`tensor` under a name of its own (an output's)."""
        self._names.add(name)
        self._nodes.append(helper.make_node("Identity", [tensor], [name], name=name))
        return name

    def remark(self, key: str, value: str) -> None:
        """An entry of the file's metadata."""
        self._metadata[key] = value

    def finish(self) -> onnx.ModelProto:
        """The checked model. Raises onnx.checker.ValidationError for a graph that is none."""
        model = self._model([], tuple(self._constants))
        onnx.checker.check_model(model)
        return model

    def save(self, path: Path) -> Path:
        """Writes the checked model, each large constant straight from its array, and returns `path`.

        Raises ModelError where one ONNX file cannot hold it, OutputError where it cannot be written, and
        onnx.checker.ValidationError for a graph that is none.
        """
        large = [name for name, array in self._constants.items() if array.size > _LARGE]
        small = tuple(name for name, array in self._constants.items() if array.size <= _LARGE)
        typed = [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
            for name, array in ((name, self._constants[name]) for name in large)
        ]
        # to the checker a large constant is one more input: it has a type and a shape, and costs nothing
        onnx.checker.check_model(self._model(typed, small))
        model = self._model([], small)
        graph = model.graph.SerializeToString()
        model.ClearField("graph")
        heads = [_head_of(name, self._constants[name]) for name in large]
        size = len(graph) + sum(map(len, heads)) + sum(self._constants[name].nbytes for name in large)
        if size > _MOST_BYTES:
            raise ModelError(f"{self.name}: its weights take {size >> 20} MiB, an ONNX file holds 2047 MiB")
        try:
            with path.open("wb") as file:
                file.write(model.SerializeToString() + _varint(_MODEL_GRAPH) + _varint(size) + graph)
                for name, head in zip(large, heads, strict=True):
                    file.write(head)
                    file.write(np.ascontiguousarray(self._constants[name]).data)
        except OSError as error:
            raise OutputError(f"{path}: the converted model cannot be written: {error.strerror}") from error
        return path

    def _model(self, further: list[onnx.ValueInfoProto], constants: tuple[str, ...]) -> onnx.ModelProto:
        """The model with `further` inputs and those constants."""
        model = onnx.ModelProto(ir_version=_IR, producer_name="sightline")
        model.opset_import.append(helper.make_opsetid("", self.opset))
        for key, value in self._metadata.items():
            model.metadata_props.add(key=key, value=value)
        graph = model.graph
        graph.name = self.name
        graph.node.extend(self._nodes)
        graph.input.extend([*self._inputs, *further])
        graph.output.extend(self._outputs)
        for name in constants:
            array = self._constants[name]
            tensor = graph.initializer.add(
                name=name, data_type=helper.np_dtype_to_tensor_dtype(array.dtype), dims=array.shape
            )
            tensor.raw_data = array.tobytes()
        return model

    def _fresh(self, stem: str) -> str:
        name, n = stem, 0
        while name in self._names:
            n += 1
            name = f"{stem}_{len(self._names)}" if n == 1 else f"{stem}_{len(self._names)}_{n}"
        self._names.add(name)
        return name


def _array(value: NDArray[Any] | float | int | list[int]) -> NDArray[Any]:
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, float):
        return np.array(value, np.float32)
    return np.array(value, np.int64)


def _head_of(name: str, array: NDArray[Any]) -> bytes:
    """What stands before the bytes of `array` as one initializer of a serialised graph."""
    dtype = helper.np_dtype_to_tensor_dtype(array.dtype)
    tensor = onnx.TensorProto(name=name, data_type=dtype, dims=array.shape).SerializeToString()
    tensor += _varint(_TENSOR_RAW) + _varint(array.nbytes)
    return _varint(_GRAPH_INITIALIZER) + _varint(len(tensor) + array.nbytes) + tensor


def _varint(value: int) -> bytes:
    """Protobuf's integers: seven bits a byte, the lowest first."""
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])
