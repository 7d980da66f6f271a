"""Quantised graphs in OpenVINO: told, and computed in floats where floats are asked for.

A quantised graph keeps its weights as small integers with a scale and rounds its activations (FakeQuantize); the CPU
plug-in then multiplies integers, and rounds in between in ways of its own.
"""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as op

__all__ = ["as_computed", "file_is_quantised", "is_quantised", "with_float_weights", "with_whole_roundings"]

_UNPACKS = frozenset({"Convert", "Multiply", "Subtract", "Reshape", "Unsqueeze", "Transpose"})


def file_is_quantised(path: Path) -> bool:
    """Whether an .xml or .onnx file names an operation that rounds; known without reading its graph."""
    mark = b'"FakeQuantize"' if path.suffix.lower() == ".xml" else b"QuantizeLinear"
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return data.find(mark) >= 0
    except (OSError, ValueError):
        return False  # missing or empty: whoever reads it says so


def is_quantised(model: ov.Model) -> bool:
    """Whether activations are rounded to at most 256 levels."""
    return any(
        node.get_type_name() == "FakeQuantize" and node.get_attributes()["levels"] <= 256 for node in model.get_ops()
    )


def as_computed(model: ov.Model, floats: bool) -> ov.Model:
    """`model` as the plug-in is to compile it. floats: floats were asked for, else integers may be multiplied.

    Where only the weights are small integers nothing is multiplied in integers anyway, and OpenVINO (2026.4) unpacks
    them in several streams at a time over each other: now and then such a session computes nonsense.
    """
    if not is_quantised(model):
        return with_float_weights(model)
    return with_whole_roundings(with_float_weights(model) if floats else model)


def with_whole_roundings(model: ov.Model) -> ov.Model:
    """`model`, every joined tensor that is rounded to integers and brought back with a zero point rounded in one node.

    OpenVINO's low-precision passes (2026) follow a null pointer where such a pair after a Concat is rounded again.
    """
    for node in model.get_ordered_ops():
        rounding, zero = _brought_back(node)
        if rounding is None or rounding.input_value(0).get_node().get_type_name() != "Concat":
            continue
        scale = node.input_value(1).get_node().data.astype(np.float32)  # type: ignore[attr-defined]
        ends = [(rounding.input_value(k).get_node().data - zero) * scale for k in (3, 4)]  # type: ignore[attr-defined]
        whole = op.fake_quantize(
            *(rounding.input_value(k) for k in range(3)),
            *(op.constant(end.astype(np.float32)) for end in ends),
            rounding.get_attributes()["levels"],
        )
        whole.set_friendly_name(node.get_friendly_name())
        whole.output(0).get_tensor().set_names(node.output(0).get_tensor().get_names())
        for reader in list(node.output(0).get_target_inputs()):
            reader.replace_source_output(whole.output(0))
    model.validate_nodes_and_infer_types()
    return model


def _brought_back(node: ov.Node) -> tuple[ov.Node | None, NDArray[Any]]:
    """(the rounding, the zero point) where `node` ends "round, to integers, to floats, less zero, times scale"."""
    nothing = None, np.zeros(())
    if node.get_type_name() != "Multiply" or node.input_value(1).get_node().get_type_name() != "Constant":
        return nothing
    shift = node.input_value(0).get_node()
    if shift.get_type_name() != "Subtract":
        return nothing
    taken = shift.input_value(1).get_node()
    if taken.get_type_name() == "Convert":
        taken = taken.input_value(0).get_node()
    floats = shift.input_value(0).get_node()
    integers = floats.input_value(0).get_node() if floats.get_type_name() == "Convert" else floats
    rounding = integers.input_value(0).get_node() if integers.get_type_name() == "Convert" else integers
    ranges = [value.get_node().get_type_name() for value in rounding.input_values()[1:]]
    if rounding.get_type_name() != "FakeQuantize" or {*ranges, taken.get_type_name()} != {"Constant"}:
        return nothing
    return rounding, taken.data.astype(np.float32)  # type: ignore[attr-defined]


def with_float_weights(model: ov.Model) -> ov.Model:
    """`model`, its weights unpacked to float32 in place, so that no plug-in computes with integers."""
    values: dict[str, NDArray[Any]] = {}
    for node in model.get_ordered_ops():
        if node.get_type_name() not in _UNPACKS or not _starts_small(node, values):
            continue
        value = _unpacked(node, values)
        if value is None:
            continue
        values[node.get_name()] = value
        readers = [reader for reader in node.output(0).get_target_inputs() if not _continues(reader.get_node(), values)]
        if value.dtype == np.float32 and readers:
            made = op.constant(np.ascontiguousarray(value)).output(0)
            for reader in readers:
                reader.replace_source_output(made)
    model.validate_nodes_and_infer_types()
    return model


def _starts_small(node: ov.Node, values: dict[str, NDArray[Any]]) -> bool:
    """Whether the node converts an integer constant to float32, or continues a value so begun."""
    source = node.input_value(0).get_node()
    if node.get_type_name() != "Convert":
        return source.get_name() in values
    small = source.get_type_name() == "Constant" and source.get_output_element_type(0) in (ov.Type.i8, ov.Type.u8)
    return small and node.get_output_element_type(0) == ov.Type.f32


def _unpacked(node: ov.Node, values: dict[str, NDArray[Any]]) -> NDArray[Any] | None:
    """What the node makes of constants alone, None where it reads something computed."""
    sources = [value.get_node() for value in node.input_values()]
    given = [_constant(source, values) for source in sources]
    if any(value is None for value in given):
        return None
    first, *rest = [value for value in given if value is not None]
    kind = node.get_type_name()
    if kind == "Convert":
        return first.astype(np.float32)
    if kind == "Multiply":
        return first * rest[0]
    if kind == "Subtract":
        return first - rest[0]
    if kind == "Transpose":
        return first.transpose(rest[0].tolist())
    return first.reshape(tuple(node.get_output_shape(0)))


def _constant(node: ov.Node, values: dict[str, NDArray[Any]]) -> NDArray[Any] | None:
    return node.data if node.get_type_name() == "Constant" else values.get(node.get_name())  # type: ignore[attr-defined]


def _continues(node: ov.Node, values: dict[str, NDArray[Any]]) -> bool:
    """Whether a reader of a value is itself only a further step of unpacking constants."""
    if node.get_type_name() not in _UNPACKS:
        return False
    return all(_constant(value.get_node(), values) is not None for value in node.input_values())
