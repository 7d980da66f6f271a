"""One translation of an OpenVINO graph into ONNX: which tensor is which, and what is constant."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from sightline.errors import ModelError
from sightline.models.forms.ir_packed_weights import packed
from sightline.models.graphs.graph_writer import GraphWriter

__all__ = ["ONNX_TYPES", "Rule", "Translation"]

# OpenVINO's element types by name -> (NumPy's name, ONNX's number)
ONNX_TYPES: dict[str, tuple[str, int]] = {
    "f32": ("float32", 1), "u8": ("uint8", 2), "i8": ("int8", 3), "u16": ("uint16", 4), "i16": ("int16", 5),
    "i32": ("int32", 6), "i64": ("int64", 7), "boolean": ("bool", 9), "f16": ("float16", 10), "f64": ("float64", 11),
    "u32": ("uint32", 12), "u64": ("uint64", 13),
}  # fmt: skip


@dataclass(slots=True)
class Translation:
    """writer: what is written into. Tensors are known by their OpenVINO output; constants are written when used.

    scales: the steps of weights kept as integers, by layer. pairs: roundings are written as QuantizeLinear and
    DequantizeLinear; else as arithmetic, as ONNX Runtime would round real weights beside such pairs in its own way.
    """

    writer: GraphWriter
    scales: Mapping[str, NDArray[np.float64]] = field(default_factory=dict[str, NDArray[np.float64]])
    pairs: bool = True
    tensors: dict[tuple[str, int], str] = field(default_factory=dict[tuple[str, int], str])

    def refuse(self, node: ov.Node, why: str) -> ModelError:
        """The error for a node that cannot be translated."""
        return ModelError(
            f"operation {node.get_type_name()} ({node.get_friendly_name()!r}) cannot be written as ONNX: {why}\n"
            "keep the model as OpenVINO IR, or export it to ONNX with the tool that made it"
        )

    # -- inputs ------------------------------------------------------------------------------------------------------

    def input(self, node: ov.Node, index: int) -> str:
        """The tensor behind input `index`."""
        source = node.input_value(index)
        maker = source.get_node()
        key = (maker.get_name(), source.get_index())
        if key not in self.tensors and maker.get_type_name() == "Constant":
            value: NDArray[Any] = maker.data  # type: ignore[attr-defined]
            self.tensors[key] = self.writer.constant(np.array(value), maker.get_friendly_name())
        return self.tensors[key]

    def inputs(self, node: ov.Node) -> list[str]:
        return [self.input(node, index) for index in range(node.get_input_size())]

    def constant(self, node: ov.Node, index: int) -> NDArray[Any] | None:
        """The value of input `index` where it is constant."""
        if index >= node.get_input_size():
            return None
        maker = node.input_value(index).get_node()
        return np.array(maker.data) if maker.get_type_name() == "Constant" else None  # type: ignore[attr-defined]

    def known(self, node: ov.Node, index: int, what: str) -> NDArray[Any]:
        """As `constant`; raises ModelError where it is computed."""
        value = self.constant(node, index)
        if value is None:
            raise self.refuse(node, f"its {what} are computed, not constant")
        return value

    def whole_numbers(self, node: ov.Node, index: int) -> list[int] | None:
        """A constant input as a list of integers, None where it is computed."""
        value = self.constant(node, index)
        return None if value is None else [int(v) for v in value.reshape(-1)]

    def as_int64(self, node: ov.Node, index: int, rank: int | None = None) -> str:
        """Input `index` as int64, as ONNX takes shapes and indices; rank 1 where asked for."""
        value = self.constant(node, index)
        if value is not None:
            value = value.astype(np.int64)
            return self.writer.constant(value.reshape(-1) if rank == 1 else value)
        tensor = self.input(node, index)
        if node.get_input_element_type(index) != ov.Type.i64:
            tensor = self.cast(tensor, "i64")
        if rank == 1 and self.rank(node, index) != 1:
            tensor = self.writer.node("Reshape", [tensor, self.writer.constant([-1])])
        return tensor

    def rank(self, node: ov.Node, index: int) -> int:
        """The number of axes of input `index`. Raises ModelError where it is open."""
        rank = node.get_input_partial_shape(index).rank
        if rank.is_dynamic:
            raise self.refuse(node, "the number of its axes is open")
        return rank.get_length()

    def shape(self, node: ov.Node, index: int) -> list[int]:
        """The shape of input `index`, -1 where open."""
        self.rank(node, index)
        return [-1 if side.is_dynamic else side.get_length() for side in node.get_input_partial_shape(index)]

    def made(self, node: ov.Node, index: int = 0) -> list[int]:
        """The shape of output `index`, -1 where open."""
        shape = node.get_output_partial_shape(index)
        if shape.rank.is_dynamic:
            raise self.refuse(node, "the number of its axes is open")
        return [-1 if side.is_dynamic else side.get_length() for side in shape]

    def weights(self, node: ov.Node, value: NDArray[Any], axis: int) -> str:
        """Constant weights of a layer, their output channels along `axis`; kept as integers where they were."""
        if self.pairs and value.dtype == np.float32:
            small = packed(node.get_friendly_name(), value, axis, self.scales)
            if small is not None:
                held = [self.writer.constant(part) for part in (small.stored, small.scale, small.zero)]
                return self.node("DequantizeLinear", held, axis=small.axis)
        return self.writer.constant(np.ascontiguousarray(value))

    # -- what is written ---------------------------------------------------------------------------------------------

    def node(self, op: str, inputs: Sequence[str], **attributes: Any) -> str:
        return self.writer.node(op, list(inputs), **attributes)

    def cast(self, tensor: str, kind: str) -> str:
        """`tensor` as OpenVINO's element type `kind`."""
        return self.writer.node("Cast", [tensor], to=ONNX_TYPES[kind][1])

    def floats(self, node: ov.Node, index: int) -> str:
        """Input `index` as float32."""
        tensor = self.input(node, index)
        return tensor if node.get_input_element_type(index) == ov.Type.f32 else self.cast(tensor, "f32")

    def as_made(self, tensor: str, node: ov.Node) -> str:
        """A float32 tensor as the type of the node's first output."""
        kind = node.get_output_element_type(0).get_type_name()
        return tensor if kind == "f32" else self.cast(tensor, kind)

    def scalar(self, value: float, node: ov.Node, index: int = 0) -> str:
        """A number of the type of input `index`."""
        name = node.get_input_element_type(index).get_type_name()
        return self.writer.constant(np.array(value, ONNX_TYPES[name][0]))


Rule = Callable[[Translation, ov.Node], str | tuple[str, ...]]
