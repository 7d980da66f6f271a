"""Writes the layers that convolutional networks of PyTorch are made of, with the weights that a checkpoint holds.

Weights are asked for by name and shape, so that one description of a layer both builds it and tells its parameters.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Protocol

import numpy as np

from sightline.errors import ModelError
from sightline.models.graphs.graph_writer import GraphWriter
from sightline.models.importers.yolov7_yaml import Activation
from sightline.types import F32

__all__ = ["LayerWriter", "Pair", "Plane", "Weights"]

_MAX_VALUES = 1 << 28
_SILU = Activation("SiLU")

Pair = int | tuple[int, ...]


class Weights(Protocol):
    """The parameters of a network by their names in its state dictionary."""

    def take(self, name: str, shape: tuple[int, ...]) -> F32:
        """That parameter or buffer. Raises ModelError where it is missing or has another shape."""
        ...

    def find(self, name: str, shape: tuple[int, ...]) -> F32 | None:
        """As `take`; None where it is missing."""
        ...

    @property
    def folded(self) -> bool:
        """Normalisation and implicit layers are in the convolutions already, though the latter are still there."""
        ...

    def has(self, name: str) -> bool: ...

    def epsilon(self, path: str) -> float:
        """Of the batch normalisation at `path`."""
        ...

    def activation(self, path: str) -> Activation | None:
        """The one that the checkpoint holds at `path`; None where it does not say."""
        ...

    def check_convolution(self, path: str, kernel: Pair, stride: Pair, padding: Pair, groups: int) -> None:
        """Raises ModelError where the checkpoint holds another convolution at `path`."""
        ...


@dataclass(frozen=True, slots=True)
class Plane:
    """A tensor (N, channels, height, width) of the graph."""

    name: str
    channels: int
    height: int
    width: int

    @property
    def shape(self) -> tuple[int, int, int]:
        return self.channels, self.height, self.width


@dataclass(slots=True)
class LayerWriter:
    """writer: of the graph. fuse: fold normalisation and parallel branches into the convolutions.

    activation: of a Conv that names none.
    """

    writer: GraphWriter
    weights: Weights
    fuse: bool = True
    activation: Activation = _SILU

    def convolution(
        self, x: Plane, path: str, weight: F32, bias: F32 | None, step: Pair, pad: Pair, groups: int = 1
    ) -> Plane:
        """weight: (out, in / groups, kh, kw)."""
        kernel, stride, padding = weight.shape[2:], _two(step), _two(pad)
        height, width = (
            (n + 2 * p - k) // s + 1 for n, p, k, s in zip(x.shape[1:], padding, kernel, stride, strict=True)
        )
        held = [self.writer.constant(weight, f"{path}.weight")]
        if bias is not None:
            held.append(self.writer.constant(bias, f"{path}.bias"))
        name = self.writer.node(
            "Conv", [x.name, *held], path, kernel_shape=list(kernel), strides=list(stride), group=groups,
            pads=[*padding, *padding],
        )  # fmt: skip
        return self.plane(path, name, len(weight), height, width)

    def plane(self, path: str, name: str, channels: int, height: int, width: int) -> Plane:
        """A tensor of a size that can be. Raises ModelError for another."""
        if min(channels, height, width) < 1 or prod((channels, height, width)) > _MAX_VALUES:
            raise ModelError(f"{path}: its output would be {channels} x {height} x {width}")
        return Plane(name, channels, height, width)

    def conv2d(
        self, x: Plane, path: str, c2: int, k: Pair = 1, s: Pair = 1, p: Pair = 0, g: int = 1, bias: bool = True
    ) -> Plane:
        """nn.Conv2d."""
        weight = self.kernel(x, path, c2, k, s, p, g)
        return self.convolution(x, path, weight, self.weights.take(f"{path}.bias", (c2,)) if bias else None, s, p, g)

    def kernel(self, x: Plane, path: str, c2: int, k: Pair, s: Pair, p: Pair, g: int) -> F32:
        """(c2, in / g, kh, kw) of the convolution at `path`."""
        if g < 1 or x.channels % g or c2 % g or min(*_two(k), *_two(s)) < 1:
            raise ModelError(
                f"{path}: {x.channels} and {c2} channels in {g} groups, kernel {k}, step {s}: no convolution"
            )
        self.weights.check_convolution(path, k, s, p, g)
        return self.weights.take(f"{path}.weight", (c2, x.channels // g, *_two(k)))

    def scale_shift(self, path: str, channels: int) -> tuple[F32, F32]:
        """A batch normalisation as factor and summand a channel."""
        gamma, beta, mean, variance = self._statistics(path, channels)
        scale: F32 = (gamma / np.sqrt(variance + np.float32(self.weights.epsilon(path)))).astype(np.float32)
        return scale, (beta - mean * scale).astype(np.float32)

    def normalise(self, x: Plane, path: str) -> Plane:
        """nn.BatchNorm2d as an operation of its own."""
        held = [self.writer.constant(a, path) for a in self._statistics(path, x.channels)]
        epsilon = self.weights.epsilon(path)
        name = self.writer.node("BatchNormalization", [x.name, *held], path, epsilon=epsilon)
        return Plane(name, *x.shape)

    def _statistics(self, path: str, channels: int) -> tuple[F32, F32, F32, F32]:
        names = ("weight", "bias", "running_mean", "running_var")
        gamma, beta, mean, variance = (self.weights.take(f"{path}.{name}", (channels,)) for name in names)
        self.weights.find(f"{path}.num_batches_tracked", ())
        return gamma, beta, mean, variance

    def normalised(self, x: Plane, path: str, bn: str, c2: int, k: Pair, s: Pair, p: Pair, g: int) -> Plane:
        """The convolution at `path` without a bias and the normalisation at `bn`, folded where so wanted."""
        weight = self.kernel(x, path, c2, k, s, p, g)
        if not self.fuse:
            return self.normalise(self.convolution(x, path, weight, None, s, p, g), bn)
        scale, shift = self.scale_shift(bn, c2)
        return self.convolution(x, path, weight * scale[:, None, None, None], shift, s, p, g)

    def conv(
        self, x: Plane, path: str, c2: int, k: Pair = 1, s: Pair = 1, p: Pair | None = None, g: int = 1,
        act: bool | Activation = True,
    ) -> Plane:  # fmt: skip
        """Conv of the YOLO projects: convolution, normalisation (which may be folded already), activation."""
        pad = self.same(k) if p is None else p
        if self.weights.has(f"{path}.conv.bias") and not self.weights.has(f"{path}.bn.weight"):
            y = self.conv2d(x, f"{path}.conv", c2, k, s, pad, g)
        else:
            y = self.normalised(x, f"{path}.conv", f"{path}.bn", c2, k, s, pad, g)
        return self.activate(y, f"{path}.act", act)

    @staticmethod
    def same(k: Pair) -> Pair:
        """The padding that keeps the size."""
        return k // 2 if isinstance(k, int) else tuple(n // 2 for n in k)

    def activate(self, x: Plane, path: str, act: bool | Activation = True) -> Plane:
        """act: True for the usual one, False for none; what the checkpoint holds comes first."""
        chosen = self.weights.activation(path) or (act if isinstance(act, Activation) else None)
        if chosen is None:
            chosen = self.activation if act else Activation("Identity")
        name = _activated(self.writer, x.name, path, chosen)
        return Plane(name, *x.shape)

    def pool(self, x: Plane, path: str, k: int, s: int, p: int = 0) -> Plane:
        """nn.MaxPool2d."""
        if not (0 < k <= 64 and 0 < s <= 64 and 0 <= p <= k // 2):
            raise ModelError(f"{path}: a maximum over {k} with step {s} and padding {p}")
        name = self.writer.node("MaxPool", [x.name], path, kernel_shape=[k, k], strides=[s, s], pads=[p, p, p, p])
        height, width = ((n + 2 * p - k) // s + 1 for n in x.shape[1:])
        return self.plane(path, name, x.channels, height, width)

    def concat(self, parts: list[Plane], path: str) -> Plane:
        """Side by side in the channels."""
        if len({part.shape[1:] for part in parts}) != 1:
            raise ModelError(f"{path}: planes of {', '.join(str(p.shape) for p in parts)} cannot be put together")
        name = self.writer.node("Concat", [part.name for part in parts], path, axis=1)
        return self.plane(path, name, sum(part.channels for part in parts), *parts[0].shape[1:])

    def add(self, a: Plane, b: Plane, path: str) -> Plane:
        if a.shape != b.shape:
            raise ModelError(f"{path}: planes of {a.shape} and {b.shape} cannot be added")
        return Plane(self.writer.node("Add", [a.name, b.name], path), *a.shape)

    def halves(self, x: Plane, path: str) -> tuple[Plane, Plane]:
        """The first half of the channels, and the rest."""
        if x.channels % 2:
            raise ModelError(f"{path}: {x.channels} channels cannot be halved")
        first, second = self.writer.nodes("Split", [x.name], 2, path, axis=1)
        half = (x.channels // 2, x.height, x.width)
        return Plane(first, *half), Plane(second, *half)

    def per_channel(self, x: Plane, path: str, values: F32, op: str) -> Plane:
        """op: Mul or Add, with one of `values` (channels,) a channel."""
        held = self.writer.constant(values.reshape(1, -1, 1, 1), path)
        return Plane(self.writer.node(op, [x.name, held], path), *x.shape)


def _two(value: Pair) -> tuple[int, int]:
    if isinstance(value, int):
        return value, value
    return value[0], value[1]


def _activated(writer: GraphWriter, x: str, path: str, act: Activation) -> str:
    plain = {"ReLU": "Relu", "Sigmoid": "Sigmoid", "Tanh": "Tanh", "Hardswish": "HardSwish", "Softplus": "Softplus"}
    match act.kind:
        case "Identity":
            return x
        case "SiLU" | "Swish" | "MemoryEfficientSwish":
            return writer.node("Mul", [x, writer.node("Sigmoid", [x], path)], path)
        case "LeakyReLU":
            return writer.node("LeakyRelu", [x], path, alpha=act.slope)
        case "Mish" | "MemoryEfficientMish":
            return writer.node("Mul", [x, writer.node("Tanh", [writer.node("Softplus", [x], path)], path)], path)
        case "ReLU6":
            return writer.node("Clip", [x, writer.constant(0.0), writer.constant(6.0)], path)
        case "Hardsigmoid":
            return writer.node("HardSigmoid", [x], path, alpha=1 / 6, beta=0.5)
        case "ELU":
            return writer.node("Elu", [x], path)
        case kind if kind in plain:
            return writer.node(plain[kind], [x], path)
        case kind:
            raise ModelError(f"{path}: the activation {kind} is not built")
