"""TFLite's operations that we compute ourselves, in OpenVINO's operations: those outside its schema, and TILE.

TFLite_Detection_PostProcess: tensorflow/lite/kernels/detection_postprocess.cc; its suppression is left to the head.
Convolution2DTransposeBias: MediaPipe's transposed convolution with a bias.
TILE: OpenVINO moves transpositions past it without turning its repeats (seen in 2026.4), as image pooling has them.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as op
from openvino.frontend import ConversionExtension, NodeContext

from sightline.errors import ModelError
from sightline.models.importers.flatbuffer import DamagedBuffer, read_flex_map
from sightline.models.importers.tflite_model import TfLiteModel, TfLiteOperator, tensor_values

__all__ = ["DETECTION", "Detection", "detection_of", "extensions", "refuse_unknown"]

DETECTION = "TFLite_Detection_PostProcess"
_TRANSPOSED = "Convolution2DTransposeBias"
_TILE = 69
_SAME = 1  # TfLitePadding: 0 unknown, 1 same, 2 valid
_CONTROL = {118: "IF", 119: "WHILE", 129: "CALL_ONCE", 31: "CALL", 142: "VAR_HANDLE", 143: "READ_VARIABLE"}


@dataclass(frozen=True, slots=True)
class Detection:
    """The options of the detection post-process and its constants.

    anchors: (A, 4) cy, cx, h, w as fractions. scales: y, x, h, w. first: the column of the first class that is not
    background. outputs: tensor indices of boxes, classes, scores, count. most: detections in all.
    regular: suppression class by class, else by the best class of each anchor over all classes.
    """

    anchors: NDArray[np.float32]
    scales: tuple[float, float, float, float]
    classes: int
    first: int
    outputs: tuple[int, ...]
    least: float
    iou: float
    most: int
    classes_a_box: int
    regular: bool


def refuse_unknown(model: TfLiteModel, path: Path) -> None:
    """Raises ModelError naming an operation that nothing here computes, and what to export instead."""
    custom = {operator.custom for operator in model.operators if operator.custom}
    flex = sorted(name for name in custom if name.startswith("Flex"))
    if flex:
        raise ModelError(
            f"{path}: it uses TensorFlow's own operations ({', '.join(flex[:4])})\n"
            "export it with TFLITE_BUILTINS only (no SELECT_TF_OPS), or to ONNX"
        )
    if "edgetpu-custom-op" in custom or "ethos-u" in custom:
        chip, tool = ("Edge TPU", "edgetpu_compiler") if "edgetpu-custom-op" in custom else ("Ethos-U", "Vela")
        raise ModelError(f"{path}: it is compiled for the {chip}; use the .tflite file that {tool} was given")
    others = sorted(custom - {DETECTION, _TRANSPOSED})
    if others:
        raise ModelError(
            f"{path}: its operation {others[0]} is none of TFLite's own; export the model without it, or to ONNX"
        )
    control = next((_CONTROL[o.code] for o in model.operators if o.code in _CONTROL), None)
    if control is not None:
        raise ModelError(
            f"{path}: its operation {control} runs another of its {model.subgraphs} graphs or keeps a state\n"
            "export the model without control flow, or to ONNX"
        )


def detection_of(model: TfLiteModel, path: Path) -> Detection | None:
    """The model's detection post-process, None where it has none. Raises ModelError where it contradicts itself."""
    found = [operator for operator in model.operators if operator.custom == DETECTION]
    if not found:
        return None
    operator = found[0]
    read = {index for other in model.operators for index in other.inputs}
    if len(found) > 1 or len(operator.inputs) != 3 or read.intersection(operator.outputs):
        raise ModelError(f"{path}: its {DETECTION} is not where detectors have it; export the model without it")
    try:
        return _detection(model, operator, read_flex_map(operator.options))
    except DamagedBuffer as error:
        raise ModelError(f"{path}: its {DETECTION}: {error}; export the model again") from error


def _detection(model: TfLiteModel, operator: TfLiteOperator, options: dict[str, int | float | bool | str]) -> Detection:
    def number(key: str, default: float | None = None) -> float:
        value = options.get(key, default)
        if not isinstance(value, int | float) or not math.isfinite(value):
            raise DamagedBuffer(f"its option {key} is missing")
        return float(value)

    box, score, _ = (model.tensors[index] for index in operator.inputs)
    anchors = tensor_values(model, operator.inputs[2])
    if anchors is None or anchors.ndim != 2 or anchors.shape[1] != 4:
        raise DamagedBuffer("its anchors are no constant [A, 4]")
    if len(box.shape) != 3 or len(score.shape) != 3 or box.shape[1] != len(anchors) or score.shape[1] != len(anchors):
        raise DamagedBuffer(
            f"boxes {list(box.shape)}, scores {list(score.shape)} and {len(anchors)} anchors do not fit"
        )
    if box.shape[2] < 4:
        raise DamagedBuffer(f"boxes {list(box.shape)} have no four numbers")
    classes = int(number("num_classes"))
    if not 0 <= score.shape[2] - classes <= 1 or classes < 1:
        raise DamagedBuffer(f"{classes} classes, but scores of {score.shape[2]}")
    scales = (number("y_scale"), number("x_scale"), number("h_scale"), number("w_scale"))
    if 0 in scales:
        raise DamagedBuffer("one of its scales is 0")
    return Detection(
        anchors, scales, classes, score.shape[2] - classes,
        operator.outputs, number("nms_score_threshold"), number("nms_iou_threshold"),
        max(1, int(number("max_detections"))),
        int(number("max_classes_per_detection", 1)), bool(options.get("use_regular_nms", False)),
    )  # fmt: skip


def extensions(model: TfLiteModel, path: Path, detection: Detection | None) -> list[ConversionExtension]:
    """What OpenVINO's TFLite reader is given for the operations that it does not know. Raises ModelError."""
    made: list[ConversionExtension] = []
    if detection is not None:
        made.append(ConversionExtension(DETECTION, _detection_nodes(detection)))
    transposed = [operator for operator in model.operators if operator.custom == _TRANSPOSED]
    if transposed:
        steps = {_transposed_options(operator, path) for operator in transposed}
        if len(steps) > 1:
            raise ModelError(f"{path}: its {_TRANSPOSED} operations differ in stride or padding; export it to ONNX")
        made.append(ConversionExtension(_TRANSPOSED, _transposed_nodes(steps.pop())))
    if any(operator.code == _TILE for operator in model.operators):
        made.append(ConversionExtension("TILE", _tiled))
    return made


def _tiled(node: NodeContext) -> list[ov.Output]:
    """The input repeated: axes of length 1 by broadcasting, others by concatenation."""
    value, repeats = node.get_input(0), node.get_input(1)
    sides, constant = value.get_partial_shape(), repeats.get_node()
    if sides.is_dynamic or constant.get_type_name() != "Constant":
        return [op.tile(value, repeats).output(0)]
    lengths = [int(side.get_length()) for side in sides]
    times = [int(count) for count in np.ravel(constant.data)]
    wide = [count if length == 1 else length for length, count in zip(lengths, times, strict=True)]
    if wide != lengths:
        value = op.broadcast(value, op.constant(np.array(wide, np.int64))).output(0)
    for axis, (length, count) in enumerate(zip(lengths, times, strict=True)):
        if length != 1 and count != 1:
            value = op.concat([value] * count, axis).output(0)
    return [value]


def _detection_nodes(detection: Detection) -> Callable[[NodeContext], list[ov.Output]]:
    """Boxes [1, A, 4] (x1, y1, x2, y2 fractions) and scores [1, A, C]; the third and fourth output are nothing."""

    def convert(node: NodeContext) -> list[ov.Output]:
        # quantised inputs are real numbers by the time OpenVINO has resolved them; the conversion then falls away
        raw = op.convert(node.get_input(0), np.float32)
        scores = op.convert(node.get_input(1), np.float32)
        cy, cx, h, w = (detection.anchors[:, k : k + 1] for k in range(4))
        y, x, high, wide = (_column(raw, k) for k in range(4))
        ys, xs, hs, ws = (np.float32(scale) for scale in detection.scales)
        y = op.add(op.multiply(y, op.constant(h / ys)), op.constant(cy))
        x = op.add(op.multiply(x, op.constant(w / xs)), op.constant(cx))
        high = op.multiply(op.exp(op.divide(high, op.constant(hs))), op.constant(np.float32(0.5) * h))
        wide = op.multiply(op.exp(op.divide(wide, op.constant(ws))), op.constant(np.float32(0.5) * w))
        sides = [op.subtract(x, wide), op.subtract(y, high), op.add(x, wide), op.add(y, high)]
        boxes = op.concat(sides, 2)
        if detection.first:
            scores = op.slice(
                scores,
                *(op.constant(np.array([v], np.int64)) for v in (detection.first, np.iinfo(np.int64).max, 1, 2)),
            )
        nothing = [op.constant(np.zeros(1, np.float32)) for _ in detection.outputs[2:]]
        return [made.output(0) for made in (boxes, scores, *nothing)]

    return convert


def _column(boxes: ov.Node, k: int) -> ov.Node:
    return op.slice(boxes, *(op.constant(np.array([v], np.int64)) for v in (k, k + 1, 1, 2)))


def _transposed_options(operator: TfLiteOperator, path: Path) -> tuple[int, int, int]:
    """padding, stride across, stride down."""
    if len(operator.options) < 12:
        raise ModelError(f"{path}: its {_TRANSPOSED} says no stride; export the model again")
    padding, across, down = struct.unpack_from("<3i", operator.options)
    if padding not in (1, 2) or not 0 < across < 1024 or not 0 < down < 1024:
        raise ModelError(f"{path}: its {_TRANSPOSED} has padding {padding} and strides {across}, {down}")
    return padding, across, down


def _transposed_nodes(options: tuple[int, int, int]) -> Callable[[NodeContext], list[ov.Output]]:
    """NHWC picture, weights [O, H, W, I] and bias [O] -> NHWC."""
    padding, across, down = options

    def convert(node: NodeContext) -> list[ov.Output]:
        picture, weights = node.get_input(0), node.get_input(1)
        _, high, wide, _ = (int(side.get_length()) for side in weights.get_partial_shape())
        over = (max(high - down, 0), max(wide - across, 0)) if padding == _SAME else (0, 0)
        begin = [side // 2 for side in over]
        made = op.convolution_backprop_data(
            op.transpose(picture, op.constant(np.array([0, 3, 1, 2]))),
            op.transpose(weights, op.constant(np.array([3, 0, 1, 2]))),
            strides=[down, across],
            pads_begin=begin,
            pads_end=[side - half for side, half in zip(over, begin, strict=True)],
            dilations=[1, 1],
        )
        turned = op.transpose(made, op.constant(np.array([0, 2, 3, 1])))
        return [op.add(turned, node.get_input(2)).output(0)]

    return convert
