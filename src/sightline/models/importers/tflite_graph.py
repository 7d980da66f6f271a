"""A checked TFLite file -> OpenVINO's graph, in the form that heads read: floats out, boxes in pixels of the input."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as op
from openvino.frontend import (
    FrontEndManager,
    GeneralFailure,
    InitializationFailure,
    NotImplementedFailure,
    OpConversionFailure,
    OpValidationFailure,
)

from sightline.errors import ModelError, OutputError
from sightline.models.importers.tflite_custom import Detection, extensions
from sightline.models.importers.tflite_model import TfLiteModel, TfLiteTensor

__all__ = ["save_ir"]

# An exporter's remarks that identification reads.
_REMARKS = ("task", "names", "imgsz", "stride", "kpt_shape", "author", "description")
_STRIDES = (8, 16, 32)
_MOST_SIDE = 4096  # of a picture that is run through the network to see where its boxes lie
_REFUSALS = (
    RuntimeError, GeneralFailure, InitializationFailure, NotImplementedFailure, OpConversionFailure,
    OpValidationFailure, UnicodeDecodeError,
)  # fmt: skip


def save_ir(
    model: TfLiteModel, path: Path, file: Path, detection: Detection | None, remarks: Mapping[str, str], xml: Path
) -> tuple[str, ...]:
    """Writes `xml` and its .bin; returns what was changed, one sentence each. Raises ModelError, OutputError.

    path: the model, for messages; file: its bytes as OpenVINO reads them.
    """
    graph = _converted(model, path, file, detection)
    changes: list[str] = []
    if detection is not None:
        graph = _boxes_and_scores(graph, model, detection)
        changes.append("the detection post-process was taken out: boxes are decoded in the graph, the head suppresses")
    changes += _floats(graph, model)
    changes += _pixels(graph, remarks)
    graph.set_rt_info("tflite", "framework")
    for key in _REMARKS:
        if key in remarks:
            graph.set_rt_info(remarks[key], key)
    try:
        ov.save_model(graph, str(xml), compress_to_fp16=False)
    except RuntimeError as error:
        raise OutputError(f"{xml}: the IR cannot be written: {_reason(error)}") from error
    return tuple(changes)


def _converted(model: TfLiteModel, path: Path, file: Path, detection: Detection | None) -> ov.Model:
    reader = FrontEndManager().load_by_framework("tflite")
    if reader is None:
        raise ModelError(f"{path}: this OpenVINO has no reader for TFLite; install the openvino package from PyPI")
    try:
        for extension in extensions(model, path, detection):
            reader.add_extension(extension)
        graph = reader.convert(reader.load(str(file)))
    except _REFUSALS as error:
        raise ModelError(f"{path}: OpenVINO cannot read it: {_reason(error)}; export it to ONNX instead") from error
    _check_outputs(graph, model, path)
    return graph


def _check_outputs(graph: ov.Model, model: TfLiteModel, path: Path) -> None:
    if len(graph.outputs) != len(model.outputs) or len(graph.inputs) != len(model.inputs):
        raise ModelError(f"{path}: OpenVINO reads other inputs or outputs than the file has; export it to ONNX instead")


def _reason(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith(("Exception from", "Check '", "[GENERAL_ERROR]"))]
    return (told or lines or ["no reason given"])[-1][:200].rstrip(".")


def _boxes_and_scores(graph: ov.Model, model: TfLiteModel, detection: Detection) -> ov.Model:
    """The graph with outputs "boxes" and "scores" in place of the post-process's four; others stay."""
    wanted = {detection.outputs[0]: "boxes", detection.outputs[1]: "scores"}
    results: list[ov.Node] = []
    for result, index in zip(graph.get_results(), model.outputs, strict=True):
        if index in detection.outputs and index not in wanted:
            continue
        if index in wanted:
            _name(result, {wanted[index]})
        results.append(result)
    return ov.Model(results, graph.get_parameters(), graph.get_friendly_name())  # type: ignore[arg-type]


# -- quantised outputs -----------------------------------------------------------------------------------------------


def _floats(graph: ov.Model, model: TfLiteModel) -> list[str]:
    """Outputs that are quantised become real numbers."""
    known = {tensor.name: tensor for tensor in (model.tensors[i] for i in model.outputs)}
    changes: list[str] = []
    for result in graph.get_results():
        output = result.input(0).get_source_output()
        names = output.get_tensor().get_names()
        tensor = next((known[name] for name in names if name in known), None)
        if tensor is None or not tensor.scale or output.get_element_type().is_real():
            continue
        _replaced(result, output, _dequantised(output, tensor), names)
        changes.append(f"output {tensor.name} is dequantised in the graph ({tensor.dtype}, scale {tensor.scale:g})")
    return changes


def _dequantised(output: ov.Output, tensor: TfLiteTensor) -> ov.Node:
    rounded = _rounded_once(output, tensor)
    if rounded is not None:
        return rounded
    value = op.convert(output, np.float32)
    if tensor.zero_point:
        value = op.subtract(value, op.constant(np.float32(tensor.zero_point)))
    return op.multiply(value, op.constant(np.float32(tensor.scale)))


def _rounded_once(output: ov.Output, tensor: TfLiteTensor) -> ov.Node | None:
    """Where whole numbers come from a rounding and are only moved since: the same rounding to real numbers, moved
    alike, so that the operation before it stays in sight. None where something else makes them.
    """
    moves: list[ov.Node] = []
    node = output.get_node()
    while node.get_type_name() != "FakeQuantize":
        if node.get_type_name() not in ("Convert", "Transpose", "Reshape") or len(moves) > 8:
            return None
        moves.append(node)
        node = node.input_value(0).get_node()
    constants = [node.input_value(k).get_node() for k in range(1, 5)]
    if any(constant.get_type_name() != "Constant" for constant in constants):
        return None
    ends = [np.asarray(constant.data, np.float32) for constant in constants]  # type: ignore[attr-defined]
    ends[2:] = [((end - tensor.zero_point) * tensor.scale).astype(np.float32) for end in ends[2:]]
    value = op.fake_quantize(node.input_value(0), *map(op.constant, ends), int(node.get_attributes()["levels"]))
    for move in reversed(moves):
        if move.get_type_name() == "Transpose":
            value = op.transpose(value, move.input_value(1))
        elif move.get_type_name() == "Reshape":
            value = op.reshape(value, move.input_value(1), bool(move.get_attributes()["special_zero"]))
    return value


def _replaced(result: ov.Node, output: ov.Output, made: ov.Node, names: set[str]) -> None:
    output.get_tensor().set_names(set())
    result.input(0).replace_source_output(made.output(0))
    result.validate_and_infer_types()
    _name(result, names)


def _name(result: ov.Node, names: set[str]) -> None:
    result.input(0).get_source_output().get_tensor().set_names(names)
    result.output(0).get_tensor().set_names(names)


# -- boxes as fractions ----------------------------------------------------------------------------------------------


def _pixels(graph: ov.Model, remarks: Mapping[str, str]) -> list[str]:
    """YOLO exports for TFLite give boxes as fractions of the input; here they become pixels, as from other formats."""
    size = _size(graph)
    outputs = [result for result in graph.get_results() if result.get_output_partial_shape(0).rank.get_length() == 3]
    if size is None or len(outputs) != 1 or len(graph.inputs) != 1:
        return []
    shape = [-1 if side.is_dynamic else side.get_length() for side in outputs[0].get_output_partial_shape(0)]
    cells = sum(math.ceil(size[0] / s) * math.ceil(size[1] / s) for s in _STRIDES)
    if shape[1] in (cells, 3 * cells):
        axis = 2
    elif shape[2] in (cells, 3 * cells):
        axis = 1
    else:
        return []
    if shape[axis] < 5 or not _are_fractions(graph, outputs[0], axis):
        return []
    gain = np.ones(shape[axis], np.float32)
    gain[:4] = (*size, *size)
    for at, dims in _keypoints(remarks, shape[axis]):
        gain[at::dims], gain[at + 1 :: dims] = size
    output = outputs[0].input(0).get_source_output()
    names = output.get_tensor().get_names()
    _replaced(
        outputs[0],
        output,
        op.multiply(output, op.constant(gain.reshape((1, 1, -1) if axis == 2 else (1, -1, 1)))),
        names,
    )
    return ["boxes came as fractions of the input; they are scaled to its pixels in the graph"]


def _size(graph: ov.Model) -> tuple[int, int] | None:
    """Width, height of a picture input of known size."""
    shape = graph.inputs[0].get_partial_shape()
    if shape.rank.get_length() != 4 or any(side.is_dynamic for side in list(shape)[1:]):
        return None
    sides = [side.get_length() for side in list(shape)[1:]]
    if max(sides) > _MOST_SIDE:
        return None
    return (sides[2], sides[1]) if sides[0] in (1, 3) else (sides[1], sides[0])


def _are_fractions(graph: ov.Model, result: ov.Node, axis: int) -> bool:
    """Whether the centres of the boxes, one or three a cell, lie evenly over 0..1, as those of all cells do."""
    try:
        compiled = ov.Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        shape = [1 if side.is_dynamic else side.get_length() for side in graph.inputs[0].get_partial_shape()]
        dtype = np.dtype(graph.inputs[0].get_element_type().to_dtype())
        value: NDArray[np.float32] = compiled({0: np.zeros(shape, dtype)})[graph.get_results().index(result)]
    except RuntimeError:
        return False
    boxes = np.moveaxis(np.asarray(value[0], np.float32), axis - 1, 0)[:2]
    spread = np.percentile(boxes, (10, 50, 90), axis=1)
    return bool(np.all(np.abs(spread - np.array([[0.1], [0.5], [0.9]])) < 0.1))


def _keypoints(remarks: Mapping[str, str], channels: int) -> list[tuple[int, int]]:
    """(first channel, numbers a point) of keypoints, where the exporter says that there are some."""
    words = remarks.get("kpt_shape", "").strip("[]() ").split(",")
    if len(words) != 2 or not all(word.strip().isdecimal() for word in words):
        return []
    points, dims = (int(word) for word in words)
    return [(channels - points * dims, dims)] if dims in (2, 3) and 0 < points * dims < channels - 4 else []
