"""What a graph gives away about how it is fed and read: facts, no opinions."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sightline.models.graphs.graph import MOVES, Graph, Node
from sightline.types import F32, TensorSpec

__all__ = [
    "Facts",
    "InGraph",
    "Strand",
    "cells",
    "first_conv",
    "framework",
    "from_the_zoo",
    "in_graph",
    "input_range",
    "rounded_range",
    "strands",
]

_POINTWISE = MOVES | {"Mul", "Add", "Sub", "Div", "Clip", "Exp", "Sigmoid", "Softmax", "Relu", "BatchNormalization"}


@dataclass(frozen=True, slots=True)
class Facts:
    """picture: the image input with its layout; others: further inputs; size_wh: 0 where dynamic.

    labels: how many names the folder holds (0 none); hints: file, folder and graph names in lower case.
    """

    graph: Graph
    picture: TensorSpec
    others: tuple[TensorSpec, ...]
    size_wh: tuple[int, int]
    labels: int
    hints: str

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        return self.graph.outputs

    def named(self, *words: str) -> TensorSpec | None:
        """The first output whose lower-case name begins with, else holds, one of `words`, in the order of the words."""
        for word in words:
            names = [(output.name.lower(), output) for output in self.outputs]
            for fits in (str.startswith, str.__contains__):
                found = next((output for name, output in names if fits(name, word)), None)
                if found is not None:
                    return found
        return None

    def last(self, size: int, rank: int = 3) -> list[TensorSpec]:
        """Outputs of that rank whose last axis is `size`."""
        return [o for o in self.outputs if len(o.shape) == rank and o.shape[-1] == size]


# The names that Open Model Zoo's own networks keep whatever format they are converted to.
_ZOO_NAMES = re.compile(r"-(?:retail|adas|barrier|crossroad|security|utils)-\d{4}(?!\d)")


def framework(facts: Facts) -> str:
    """Where a network was trained, as far as its file tells: "tflite", "tensorflow", "pytorch", "caffe", "paddle",
    "open-model-zoo" (by name), "openvino" (its converter up to 2022 could put mean and scale inside), or "".
    """
    graph = facts.graph
    if _ZOO_NAMES.search(facts.hints) or from_the_zoo(facts):
        return "open-model-zoo"
    said = f"{graph.producer} {graph.name}".lower()
    if graph.producer == "tflite":
        return "tflite"
    if graph.format == "openvino":
        return "openvino" if any(key.lower() == "mo_version" for key in graph.metadata) else ""
    words = {
        "caffe": ("caffe",),
        "paddle": ("paddle",),
        "tensorflow": ("tf2onnx", "keras", "tensorflow", "tf.keras"),
        "pytorch": ("pytorch", "torch"),
    }
    return next((name for name, signs in words.items() if any(sign in said for sign in signs)), "")


_ZOO = re.compile(r"-0\d{3}(?!\d)")  # the names of Intel's networks there end so


def from_the_zoo(facts: Facts) -> bool:
    """Whether a file is one of Intel's own of Open Model Zoo, by its name or the name in it."""
    return facts.graph.format == "openvino" and _ZOO.search(facts.hints) is not None


def cells(size_wh: tuple[int, int], strides: Sequence[int]) -> int:
    """How many grid cells those strides make of an input."""
    width, height = size_wh
    return sum(math.ceil(width / s) * math.ceil(height / s) for s in strides)


@dataclass(frozen=True, slots=True)
class Strand:
    """One part of an output: the op that made its values, and the channels of the convolution behind it (0 unknown)."""

    op: str
    channels: int


def strands(graph: Graph, tensor: str) -> tuple[Strand, ...]:
    """The parts that `tensor` was put together from."""
    found: list[Strand] = []
    for node in graph.makers(tensor):
        channels = _channels(graph, node)
        strand = Strand(node.op, channels)
        if strand not in found:
            found.append(strand)
    return tuple(found)


def _channels(graph: Graph, node: Node) -> int:
    seen = 0
    stack = [node]
    while stack and seen < 64:
        current = stack.pop()
        seen += 1
        if current.op == "Conv":
            shape = graph.shapes.get(current.inputs[1], ())
            if shape and not _is_expectation(graph, current.inputs[1], shape):
                return int(shape[0])
        elif current.op not in _POINTWISE and current is not node:
            continue
        stack.extend(graph.maker[name] for name in current.inputs[:1] if name in graph.maker)
    return 0


def _is_expectation(graph: Graph, weights: str, shape: tuple[int, ...]) -> bool:
    """Whether a convolution only takes a distribution's mean: one channel with the weights 0, 1, 2 ..."""
    if shape[0] != 1 or int(np.prod(shape)) != shape[1] or shape[1] > 64:
        return False
    value = graph.value(weights)
    return value is not None and np.array_equal(value.ravel(), np.arange(shape[1]))


# -- the way in ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InGraph:
    """What the graph's first nodes do to the picture: value * gain + shift a channel; `reversed`: channel order turned.

    `low`, `high`: where 0 and 255 would end up if the pixels came as they are.
    """

    gain: tuple[float, ...] = (1.0,)
    shift: tuple[float, ...] = (0.0,)
    reversed: bool = False
    steps: tuple[str, ...] = ()

    @property
    def high(self) -> float:
        return float(np.max(np.abs(np.asarray(self.gain) * 255 + np.asarray(self.shift))))


def in_graph(graph: Graph, picture: TensorSpec) -> InGraph:
    """Reads Sub, Div, Mul, Add, Cast, Transpose and channel turns off the first nodes behind the picture."""
    gain: F32 = np.ones(1, np.float32)
    shift: F32 = np.zeros(1, np.float32)
    turned, steps = False, []
    tensor = graph.tensor(picture.name)
    for _ in range(12):
        # whoever asks for the size only (priors do) sees no pixel
        readers = [node for node in graph.users.get(tensor, ()) if node.op not in ("Shape", "ShapeOf")]
        if len(readers) != 1:
            # three slices of one channel each, joined the other way round
            turned = turned or _joined_reversed(graph, readers)
            break
        node = readers[0]
        if node.op in ("Cast", "Transpose", "Identity", "Reshape", "Unsqueeze", "Squeeze"):
            tensor = node.outputs[0]
            continue
        if node.op == "Gather" and len(node.inputs) > 1:
            rows = graph.value(node.inputs[1])
            if rows is not None and rows.ravel().tolist() == [2, 1, 0]:
                turned, tensor = not turned, node.outputs[0]
                steps.append("channels turned")
                continue
            break
        if node.op not in ("Sub", "Add", "Mul", "Div") or len(node.inputs) != 2:
            break
        other = node.inputs[1] if node.inputs[0] == tensor else node.inputs[0]
        constant = _channel_constant(graph, other)
        if constant is None or (node.op in ("Sub", "Div") and node.inputs[0] != tensor):
            break
        gain, shift = _affine(node.op, constant, gain, shift)
        steps.append(node.op)
        tensor = node.outputs[0]
    return InGraph(tuple(map(float, gain)), tuple(map(float, shift)), turned, tuple(steps))


def rounded_range(graph: Graph, picture: TensorSpec) -> tuple[float, float] | None:
    """The range of values that a quantised graph rounds its picture in first of all; None where it does not."""
    tensor = graph.tensor(picture.name)
    for _ in range(4):
        readers = graph.users.get(tensor, ())
        if len(readers) != 1:
            return None
        node = readers[0]
        if node.op == "FakeQuantize" and len(node.inputs) > 2:
            low, high = graph.value(node.inputs[1]), graph.value(node.inputs[2])
            if low is None or high is None or low.size != 1 or high.size != 1:
                return None
            return float(low.ravel()[0]), float(high.ravel()[0])
        if node.op not in ("Cast", "Transpose", "Identity", "Reshape"):
            return None
        tensor = node.outputs[0]
    return None


def _channel_constant(graph: Graph, name: str) -> F32 | None:
    shape = graph.shapes.get(name)
    if shape is None or int(np.prod(shape)) not in (1, 3):
        return None
    value = graph.value(name)
    return None if value is None else np.asarray(value, np.float32).ravel()


def _affine(op: str, constant: F32, gain: F32, shift: F32) -> tuple[F32, F32]:
    if op == "Sub":
        return gain + 0 * constant, shift - constant
    if op == "Add":
        return gain + 0 * constant, shift + constant
    if op == "Mul":
        return gain * constant, shift * constant
    return gain / constant, shift / constant


def _joined_reversed(graph: Graph, readers: Sequence[Node]) -> bool:
    if len(readers) != 3 or any(node.op not in ("Slice", "Gather", "Split") for node in readers):
        return False
    first = graph.users.get(readers[0].outputs[0], ())
    if len(first) != 1 or first[0].op != "Concat":
        return False
    return list(first[0].inputs) == [node.outputs[0] for node in reversed(readers)]


def input_range(graph: Graph, picture: TensorSpec) -> float:
    """How much too strong pixels of 0..255 would be for the first convolution: the root mean square of its response
    to natural pictures, by channel, against what its normalisation expects (about 1). 0 where it cannot be told.

    Networks fed with 0..1 give a figure in the hundreds, those fed with 0..255 one of about 1. Holds as training
    keeps the response of a normalised layer near unit variance.
    """
    conv = first_conv(graph, picture)
    if conv is None:
        return 0.0
    weights = graph.value(conv.inputs[1])
    if weights is None or weights.ndim != 4 or weights.dtype.kind != "f" or weights.shape[1] not in (3, 12):
        return 0.0
    kernel = weights.astype(np.float32)
    spread = _unnormalised_spread(graph, conv)
    # neighbouring pixels of natural pictures are strongly alike: the sum of a kernel sees most of the variance
    out, depth = kernel.shape[0], kernel.shape[1]
    flat = kernel.reshape(out, depth, -1)
    variance = 0.9 * flat.sum((1, 2)) ** 2 + 0.1 * (flat**2).sum((1, 2))
    strength = np.sqrt(variance) * 60.0 / spread
    return float(np.median(strength))


def first_conv(graph: Graph, picture: TensorSpec) -> Node | None:
    """The first convolution behind the picture, within 16 steps."""
    layer = [graph.tensor(picture.name)]
    for _ in range(16):
        ahead: list[str] = []
        for tensor in layer:
            for node in graph.users.get(tensor, ()):
                if node.op == "Conv":
                    return node
                ahead.extend(node.outputs)
        layer = ahead
    return None


def _unnormalised_spread(graph: Graph, conv: Node) -> F32 | float:
    readers = graph.users.get(conv.outputs[0], ())
    if len(readers) == 1 and readers[0].op == "BatchNormalization":
        variance = graph.value(readers[0].inputs[4])
        if variance is not None:
            return np.sqrt(np.asarray(variance, np.float32) + 1e-12)
    return 1.0
