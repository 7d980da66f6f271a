"""A small writer of ONNX graphs: convolutions with random weights that keep the size of what flows through them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

__all__ = ["Graph"]

_OPSET = 18
_SILU_GAIN = 2.8  # 1 / E[silu(x)^2] for a normal x: the variance that a SiLU takes away


@dataclass(slots=True)
class Graph:
    """Nodes and weights of a graph under construction; every method that adds something returns its output's name.

    Same seed, same calls: the same file.
    """

    seed: int = 0
    nodes: list[onnx.NodeProto] = field(default_factory=list[onnx.NodeProto])
    weights: list[onnx.TensorProto] = field(default_factory=list[onnx.TensorProto])
    _rng: np.random.Generator = field(init=False)

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng(self.seed)

    def constant(self, values: NDArray[Any]) -> str:
        name = f"const_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def nodes_of(self, kind: str, inputs: list[str], outputs: int, **attributes: Any) -> list[str]:
        """A node with several outputs."""
        names = [f"{kind.lower()}_{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, inputs, names, **attributes))
        return names

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        return self.nodes_of(kind, list(inputs), 1, **attributes)[0]

    def convolution(
        self,
        x: str,
        channels: tuple[int, int],
        kernel: int = 1,
        stride: int = 1,
        gain: float | NDArray[np.float32] = _SILU_GAIN,
        bias: NDArray[np.float32] | None = None,
    ) -> str:
        """channels: in, out. gain: variance of the output for an input of mean square 1, one or (out,); bias (out,)."""
        taken, given = channels
        spread = np.sqrt(np.broadcast_to(gain, given) / (taken * kernel * kernel))
        weights = self._rng.standard_normal((given, taken, kernel, kernel)) * spread[:, None, None, None]
        shift = np.zeros(given, np.float32) if bias is None else bias.astype(np.float32)
        edge = kernel // 2
        return self.node(
            "Conv",
            x,
            self.constant(weights.astype(np.float32)),
            self.constant(shift),
            kernel_shape=[kernel, kernel],
            strides=[stride, stride],
            pads=[edge] * 4,
        )

    def layer(self, x: str, channels: tuple[int, int], kernel: int = 1, stride: int = 1) -> str:
        """A convolution and its SiLU."""
        y = self.convolution(x, channels, kernel, stride)
        return self.node("Mul", y, self.node("Sigmoid", y))

    def model(
        self,
        name: str,
        takes: tuple[str, tuple[int, ...]],
        gives: Mapping[str, tuple[int, ...]],
        metadata: Mapping[str, str],
    ) -> onnx.ModelProto:
        """The whole as a checked model; float32 input `takes` and outputs `gives`, each a name and its shape."""

        def port(name: str, shape: tuple[int, ...]) -> onnx.ValueInfoProto:
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

        outputs = [port(key, shape) for key, shape in gives.items()]
        graph = helper.make_graph(self.nodes, name, [port(*takes)], outputs, self.weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=9)
        helper.set_model_props(model, dict(metadata))
        onnx.checker.check_model(model)
        return model
