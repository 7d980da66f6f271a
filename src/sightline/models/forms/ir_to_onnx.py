"""An OpenVINO graph -> ONNX: node by node, in the operations that both have, agreeing to rounding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import openvino as ov
from numpy.typing import NDArray
from openvino.passes import ConstantFolding, Manager

from sightline.errors import ModelError
from sightline.models.forms.ir_packed_weights import packed, scales_of
from sightline.models.forms.ir_to_onnx_layers import LAYER_RULES
from sightline.models.forms.ir_to_onnx_math import MATH_RULES
from sightline.models.forms.ir_to_onnx_moves import MOVE_RULES
from sightline.models.forms.ir_to_onnx_ssd import SSD_RULES
from sightline.models.forms.ir_translation import ONNX_TYPES, Translation
from sightline.models.graphs.graph_writer import GraphWriter

__all__ = ["translated", "write_onnx"]

_RULES = {**MATH_RULES, **LAYER_RULES, **MOVE_RULES, **SSD_RULES}


def write_onnx(model: ov.Model, name: str) -> onnx.ModelProto:
    """The checked ONNX model of `model`, which stays as it is; inputs and outputs keep names, order and types.

    Raises ModelError naming the first operation, and its node, that ONNX has nothing for.
    """
    writer = translated(model, name)
    try:
        return writer.finish()
    except onnx.checker.ValidationError as error:
        raise ModelError(f"{name}: the translated graph is no ONNX: {str(error).splitlines()[0]}") from error


def translated(model: ov.Model, name: str) -> GraphWriter:
    """As `write_onnx`, not yet put together: `GraphWriter.save` writes it without a copy of the weights."""
    scales = scales_of(model)
    model = model.clone()
    folding = Manager()
    folding.register_pass(ConstantFolding())
    folding.run_passes(model)
    translation = Translation(GraphWriter(name), scales, all(_is_packed(node, scales) for node in model.get_ops()))
    for port in model.inputs:
        _input(translation, port)
    for node in model.get_ordered_ops():
        if node.get_type_name() not in ("Parameter", "Constant", "Result"):
            _translate(translation, node)
    _outputs(translation, model)
    return translation.writer


def _is_packed(node: ov.Node, scales: Mapping[str, NDArray[np.float64]]) -> bool:
    """Whether the node has no constant real weights, or such that can be kept as integers."""
    kind = node.get_type_name()
    if kind not in ("Convolution", "GroupConvolution", "ConvolutionBackpropData", "MatMul"):
        return kind != "GroupConvolutionBackpropData"
    held = node.input_value(1).get_node()
    if held.get_type_name() != "Constant":
        return True
    value: NDArray[Any] = held.data  # type: ignore[attr-defined]
    axis = 0
    if kind == "GroupConvolution":
        value = value.reshape(-1, *value.shape[2:])
    elif kind == "ConvolutionBackpropData":
        axis = 1
    elif kind == "MatMul":
        axis = value.ndim - (2 if node.get_attributes()["transpose_b"] else 1)
    return packed(node.get_friendly_name(), value, axis, scales) is not None


def _translate(translation: Translation, node: ov.Node) -> None:
    rule = _RULES.get(node.get_type_name())
    if rule is None:
        raise translation.refuse(node, "ONNX has no such operation, or it is not translated yet")
    made = rule(translation, node)
    for index, tensor in enumerate((made,) if isinstance(made, str) else made):
        translation.tensors[node.get_name(), index] = tensor


def _input(translation: Translation, port: ov.Output) -> None:
    node = port.get_node()
    name = port.get_any_name() if port.get_names() else node.get_friendly_name()
    kind = _type(translation, node, port.get_element_type())
    shape = _open(name, port.get_partial_shape(), translation, node)
    translation.tensors[node.get_name(), 0] = translation.writer.input(name, shape, kind)


def _outputs(translation: Translation, model: ov.Model) -> None:
    for port, result in zip(model.outputs, model.get_results(), strict=True):
        name = port.get_any_name() if port.get_names() else result.get_friendly_name()
        tensor = translation.writer.named(translation.input(result, 0), name)
        kind = _type(translation, result, port.get_element_type())
        translation.writer.output(tensor, _open(name, port.get_partial_shape(), translation, result), kind)


def _type(translation: Translation, node: ov.Node, kind: ov.Type) -> str:
    found = ONNX_TYPES.get(kind.get_type_name())
    if found is None:
        raise translation.refuse(node, f"ONNX has no type {kind.get_type_name()}")
    return found[0]


def _open(name: str, shape: ov.PartialShape, translation: Translation, node: ov.Node) -> tuple[int | str, ...]:
    """The shape with a name for every open axis."""
    if shape.rank.is_dynamic:
        raise translation.refuse(node, "the number of its axes is open")
    return tuple(f"{name}_{axis}" if side.is_dynamic else side.get_length() for axis, side in enumerate(shape))
