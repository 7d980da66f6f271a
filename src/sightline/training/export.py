# pyright: reportMissingImports=false
"""A trained street network -> ONNX, node by node: float32, any batch, labels and input size in its metadata."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from sightline.training.net import Block, Conv, StreetNet

__all__ = ["export"]

OPSET, IR = 17, 9


class _Graph:
    """Nodes and weights as they are written down; every method returns the name of the tensor it makes."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []
        self.known: dict[int, str] = {}

    def op(self, kind: str, *inputs: str, **attributes: str | int | list[int]) -> str:
        name = f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(_node(kind, inputs, name, attributes))
        return name

    def learned(self, values: Tensor) -> str:
        """A parameter of the network, written once however many layers share it."""
        key = values.data_ptr()
        if key not in self.known:
            self.known[key] = self.weight(values.detach().cpu().numpy())
        return self.known[key]

    def weight(self, array: NDArray[np.float32] | NDArray[np.int64]) -> str:
        name = f"weight_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def convolution(self, x: str, layer: nn.Conv2d) -> str:
        inputs = [x, self.learned(layer.weight)] + ([self.learned(layer.bias)] if layer.bias is not None else [])
        (pad_y, pad_x), (step_y, step_x) = (int(p) for p in layer.padding), (int(s) for s in layer.stride)
        return self.op("Conv", *inputs, pads=[pad_y, pad_x, pad_y, pad_x], strides=[step_y, step_x])

    def conv(self, x: str, layer: nn.Module) -> str:
        assert isinstance(layer, Conv)
        return self.op("Relu", self.convolution(x, layer.conv))

    def chain(self, x: str, layers: nn.Sequential) -> str:
        for layer in layers:
            x = self.op("Add", x, self.chain(x, layer.steps)) if isinstance(layer, Block) else self.conv(x, layer)
        return x

    def double(self, x: str) -> str:
        scales = self.weight(np.array([1, 1, 2, 2], np.float32))
        return self.op(
            "Resize", x, "", scales, mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"
        )


def _node(
    kind: str, inputs: Sequence[str], name: str, attributes: Mapping[str, str | int | list[int]]
) -> onnx.NodeProto:
    node = helper.make_node(kind, list(inputs), [name], name=name)
    node.attribute.extend(helper.make_attribute(key, value) for key, value in sorted(attributes.items()))
    return node


def export(net: StreetNet, wh: tuple[int, int], labels: Sequence[str], weights: Path) -> None:
    """Write `net`, made for inputs of that (width, height), to `weights`; see `StreetNet` for the output's layout."""
    net = copy.deepcopy(net).eval().float()
    net.fold()
    g = _Graph()
    output = _boxes_and_scores(g, net, _pyramid(g, net))
    graph = helper.make_graph(
        g.nodes,
        "street",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 3, wh[1], wh[0]])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, ["batch", 4 + len(labels), len(net.cells)])],
        g.weights,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR, producer_name="sightline"
    )
    facts = {
        "description": "Sightline street detector",
        "task": "detect",
        "names": str(dict(enumerate(labels))),
        "stride": "32",
        "imgsz": str([wh[1], wh[0]]),
        "license": "Apache-2.0",
    }
    helper.set_model_props(model, facts)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, str(weights))


def _pyramid(g: _Graph, net: StreetNet) -> list[str]:
    """The three levels that the boxes are read from, finest first."""
    c3 = g.chain(g.chain("images", net.early), net.level3)
    c4 = g.chain(c3, net.level4)
    c5 = g.chain(c4, net.level5)
    p3, p4, p5 = (g.conv(c, side) for c, side in zip((c3, c4, c5), net.side, strict=True))
    p4 = g.conv(g.op("Add", p4, g.double(p5)), net.down[0])
    p3 = g.conv(g.op("Add", p3, g.double(p4)), net.down[1])
    p4 = g.op("Add", p4, g.conv(p3, net.up[0]))
    p5 = g.op("Add", p5, g.conv(p4, net.up[1]))
    return [p3, p4, p5]


def _boxes_and_scores(g: _Graph, net: StreetNet, levels: Sequence[str]) -> str:
    classes: list[str] = []
    sides: list[str] = []
    for level, classify, measure in zip(levels, net.classes, net.boxes, strict=True):
        assert isinstance(classify, nn.Conv2d)
        assert isinstance(measure, nn.Conv2d)
        flat = [g.weight(np.array([0, layer.out_channels, -1], np.int64)) for layer in (classify, measure)]
        classes.append(g.op("Reshape", g.convolution(g.conv(level, net.class_way), classify), flat[0]))
        reach = g.op("Softplus", g.convolution(g.conv(level, net.box_way), measure))
        sides.append(g.op("Reshape", reach, flat[1]))
    scores = g.op("Sigmoid", g.op("Concat", *classes, axis=2))  # (N, C, A)
    reach = g.op("Mul", g.op("Concat", *sides, axis=2), g.weight(net.steps.numpy().T[None]))  # (N, 4, A)
    near, middle, end, axis = (g.weight(np.array([k], np.int64)) for k in (0, 2, 4, 1))
    cells = g.weight(net.cells.numpy().T[None])  # (1, 2, A)
    low = g.op("Sub", cells, g.op("Slice", reach, near, middle, axis))
    high = g.op("Add", cells, g.op("Slice", reach, middle, end, axis))
    centre = g.op("Mul", g.op("Add", low, high), g.weight(np.array(0.5, np.float32)))
    size = g.op("Sub", high, low)
    g.nodes.append(_node("Concat", [centre, size, scores], "output0", {"axis": 1}))
    return "output0"
