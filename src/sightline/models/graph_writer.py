"""A small writer of ONNX graphs: what every importer that rebuilds a network writes through.

Tensors are names (str). Shapes are tracked by the caller; `finish` runs the ONNX checker.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

__all__ = ["GraphWriter"]

_OPSET = 17
_IR = 8
_TYPES = {"float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16, "uint8": TensorProto.UINT8,
          "int8": TensorProto.INT8, "int32": TensorProto.INT32, "int64": TensorProto.INT64}  # fmt: skip


@dataclass(slots=True)
class GraphWriter:
    """Collects nodes, constants, inputs and outputs of one graph."""

    name: str
    opset: int = _OPSET
    _nodes: list[onnx.NodeProto] = field(default_factory=list[onnx.NodeProto])
    _constants: dict[str, onnx.TensorProto] = field(default_factory=dict[str, onnx.TensorProto])
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
        """A constant; bare ints and lists of ints are int64, bare floats float32."""
        array = _array(value)
        name = self._fresh(name or "c")
        self._constants[name] = numpy_helper.from_array(np.ascontiguousarray(array), name)
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
        graph = helper.make_graph(self._nodes, self.name, self._inputs, self._outputs, list(self._constants.values()))
        model = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=_IR, producer_name="sightline"
        )
        for key, value in self._metadata.items():
            model.metadata_props.add(key=key, value=value)
        onnx.checker.check_model(model)
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
