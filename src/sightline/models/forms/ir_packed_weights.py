"""Weights that an OpenVINO graph keeps as small integers: found again, so that ONNX keeps them so too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray

__all__ = ["Packed", "packed", "scales_of"]

_LAYERS = {"Convolution", "GroupConvolution", "ConvolutionBackpropData", "GroupConvolutionBackpropData", "MatMul"}
_SHAPES = {"Reshape", "Unsqueeze", "Transpose", "Squeeze"}


@dataclass(frozen=True, slots=True)
class Packed:
    """real = (stored - zero) * scale along `axis`; scale and zero of one number, or one a channel of that axis."""

    stored: NDArray[Any]
    scale: NDArray[np.float32]
    zero: NDArray[Any]
    axis: int


def scales_of(model: ov.Model) -> dict[str, NDArray[np.float64]]:
    """The steps of the weights of each layer that keeps them rounded, flat, by the layer's friendly name."""
    found: dict[str, NDArray[np.float64]] = {}
    for node in model.get_ops():
        if node.get_type_name() in _LAYERS:
            step = _step(node.input_value(1).get_node())
            if step is not None:
                found[node.get_friendly_name()] = step
    return found


def _step(node: ov.Node) -> NDArray[np.float64] | None:
    """The scale behind weights: of a multiplication that unpacks integers, or of a rounding to levels."""
    for _ in range(8):
        kind = node.get_type_name()
        if kind in _SHAPES or (kind == "Convert" and node.get_input_element_type(0).is_real()):
            node = node.input_value(0).get_node()
        elif kind == "Multiply":
            scale = _held(node, 1)
            return None if scale is None else scale.reshape(-1).astype(np.float64)
        elif kind == "FakeQuantize":
            low, high = _held(node, 3), _held(node, 4)
            levels = int(node.get_attributes()["levels"])
            if low is None or high is None or levels > 256:
                return None
            return (high.astype(np.float64) - low).reshape(-1) / (levels - 1)
        else:
            return None
    return None


def _held(node: ov.Node, index: int) -> NDArray[Any] | None:
    source = node.input_value(index).get_node()
    if source.get_type_name() == "Convert":
        source = source.input_value(0).get_node()
    return np.array(source.data) if source.get_type_name() == "Constant" else None  # type: ignore[attr-defined]


def packed(name: str, weights: NDArray[Any], axis: int, scales: Mapping[str, NDArray[np.float64]]) -> Packed | None:
    """`weights` (real) as integers of eight bits, exactly; None where they do not lie on the steps known for `name`."""
    step = scales.get(name)
    channels = weights.shape[axis]
    if step is None or step.size not in (1, channels) or not np.all(step > 0):
        return None
    shape = [1] * weights.ndim
    shape[axis] = step.size
    whole = weights.astype(np.float64) / step.reshape(shape)
    steps = np.rint(whole)
    if np.abs(whole - steps).max(initial=0) > 0.01:
        return None
    low, high = int(steps.min(initial=0)), int(steps.max(initial=0))
    scale = np.asarray(step if step.size > 1 else step[0], np.float32)
    if low >= -128 and high <= 127:
        return Packed(steps.astype(np.int8), scale, np.zeros(scale.shape, np.int8), axis)
    if high - low <= 255 and step.size == 1:
        return Packed((steps - low).astype(np.uint8), scale, np.array(-low, np.uint8), axis)
    return None
