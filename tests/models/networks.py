"""Small ONNX networks with the ends of well-known exporters: shapes and operations as theirs, weights made up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Shape = Sequence[int | str | None]


class Network:
    """Nodes one after another; every method returns the name of the tensor it made."""

    def __init__(self, size: tuple[int, int] = (64, 64), *, layout: str = "NCHW", dtype: str = "float32") -> None:
        self.width, self.height = size
        self.nodes: list[onnx.NodeProto] = []
        self.held: list[onnx.TensorProto] = []
        self.inputs: list[onnx.ValueInfoProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []
        self.count = 0
        channels = (1, 3, self.height, self.width) if layout == "NCHW" else (1, self.height, self.width, 3)
        shape = [n if n > 0 else f"open{i}" for i, n in enumerate(channels)]
        self.input("images", shape, dtype)

    def input(self, name: str, shape: Shape, dtype: str = "float32") -> str:
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        self.inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def output(self, tensor: str, name: str, shape: Shape, dtype: str = "float32") -> None:
        self.nodes.append(helper.make_node("Identity", [tensor], [name]))
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        self.outputs.append(helper.make_tensor_value_info(name, kind, shape))

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        self.count += 1
        name = f"t{self.count}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=f"{kind}_{self.count}", **attributes))
        return name

    def hold(self, value: object, name: str = "") -> str:
        self.count += 1
        name = name or f"c{self.count}"
        self.held.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def conv(self, tensor: str, channels: int, depth: int = 8, strength: float = 0.01, name: str = "") -> str:
        weights = np.full((channels, depth, 1, 1), strength, np.float32)
        return self.op("Conv", tensor, self.hold(weights, name))

    def stem(self, tensor: str = "images", strength: float = 1.0) -> str:
        """The first layer; `strength` 1 suits values of 0..1, 1/255 those of 0..255."""
        return self.op("Relu", self.conv(tensor, 8, 3, strength))

    def join(self, *tensors: str, axis: int = 1) -> str:
        return self.op("Concat", *tensors, axis=axis)

    def mul(self, tensor: str, value: object) -> str:
        return self.op("Mul", tensor, self.hold(np.asarray(value, np.float32)))

    def add(self, tensor: str, value: object) -> str:
        return self.op("Add", tensor, self.hold(np.asarray(value, np.float32)))

    def save(self, path: Path, metadata: Mapping[str, str] | None = None, name: str = "net") -> Path:
        graph = helper.make_graph(self.nodes, name, self.inputs, self.outputs, self.held)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
        for key, value in (metadata or {}).items():
            model.metadata_props.add(key=key, value=value)
        path.write_bytes(model.SerializeToString())
        return path


def cells(size: tuple[int, int], strides: Sequence[int] = (8, 16, 32)) -> int:
    return sum((size[0] // s) * (size[1] // s) for s in strides)


def yolov8(classes: int = 80, size: tuple[int, int] = (640, 640), *, turned: bool = False) -> Network:
    """[1, 4+C, A] (or turned), boxes by a distribution's expectation, classes by sigmoid."""
    net = Network(size)
    features = net.stem()
    sides = net.op("Softmax", net.conv(features, 64))
    expectation = net.op("Conv", sides, net.hold(np.arange(16, dtype=np.float32).reshape(1, 16, 1, 1)))
    boxes = net.mul(net.op("Div", net.add(expectation, 0.5), net.hold(np.float32(2))), 8.0)
    scores = net.op("Sigmoid", net.conv(features, classes))
    out = net.join(boxes, scores)
    rows: int | str = cells(size) if size[0] > 0 else "anchors"
    if turned:
        net.output(net.op("Transpose", out, perm=[0, 2, 1]), "output0", (1, rows, 4 + classes))
    else:
        net.output(out, "output0", (1, 4 + classes, rows))
    return net


def yolov5(classes: int = 80, size: tuple[int, int] = (640, 640)) -> Network:
    """[1, 3A, 5+C], decoded."""
    net = Network(size)
    features = net.stem()
    parts: list[str] = []
    for stride in (8, 16, 32):
        level = net.op("Sigmoid", net.conv(features, 3 * (5 + classes)))
        centre = net.mul(net.add(net.mul(level, 2.0), -0.5), float(stride))
        side = net.mul(net.op("Pow", net.mul(level, 2.0), net.hold(np.float32(2))), 10.0)
        parts.append(net.join(centre, side, level, axis=-1))
    net.output(net.join(*parts), "output", (1, 3 * cells(size), 5 + classes))
    return net


def yolox(classes: int = 80, size: tuple[int, int] = (416, 416), *, decoded: bool = False, strength: float = 1 / 255):
    """[1, A, 5+C] with objectness; raw offsets unless `decoded`."""
    net = Network(size)
    features = net.stem(strength=strength)
    levels: list[str] = []
    for _ in (8, 16, 32):
        box = net.conv(features, 4)
        thing = net.op("Sigmoid", net.conv(features, 1))
        kinds = net.op("Sigmoid", net.conv(features, classes))
        if decoded:
            centre = net.mul(net.add(box, 1.0), 8.0)
            side = net.mul(net.op("Exp", box), 8.0)
            box = net.join(centre, side)
        levels.append(net.op("Reshape", net.join(box, thing, kinds), net.hold([0, 5 + classes, -1])))
    out = net.op("Transpose", net.join(*levels, axis=2), perm=[0, 2, 1])
    net.output(out, "output", (1, cells(size), 5 + classes))
    return net


def nanodet_plus(classes: int = 80, size: tuple[int, int] = (320, 320)) -> Network:
    """[1, A, C+32] over four strides."""
    net = Network(size)
    features = net.stem(strength=1 / 57)
    levels: list[str] = []
    for _ in (8, 16, 32, 64):
        level = net.conv(features, classes + 32)
        scores = net.op("Sigmoid", net.op("Slice", level, net.hold([0]), net.hold([classes])))
        sides = net.op("Slice", level, net.hold([classes]), net.hold([classes + 32]))
        levels.append(net.op("Flatten", net.join(scores, sides)))
    out = net.op("Transpose", net.join(*levels, axis=2), perm=[0, 2, 1])
    net.output(out, "output", (1, cells(size, (8, 16, 32, 64)), classes + 32))
    return net


def ultraface(size: tuple[int, int] = (320, 240), *, decoded: bool) -> Network:
    net = Network(size)
    features = net.stem(strength=1 / 128)
    rows = sum((-(-size[0] // s)) * (-(-size[1] // s)) * n for s, n in ((8, 3), (16, 2), (32, 2), (64, 3)))
    scores = net.op("Softmax", net.conv(features, 6))
    boxes = net.op("Reshape", net.conv(features, 12), net.hold([1, rows, 4]))
    if decoded:
        centre = net.add(net.mul(boxes, 0.1), 0.5)
        side = net.mul(net.op("Exp", net.mul(boxes, 0.2)), 0.1)
        boxes = net.join(net.op("Sub", centre, side), net.op("Add", centre, side), axis=2)
    net.output(scores, "scores", (1, rows, 2))
    net.output(boxes, "boxes", (1, rows, 4))
    return net


def outputs_only(
    outputs: Mapping[str, Shape],
    size: tuple[int, int] = (640, 640),
    *,
    strength: float = 1.0,
    chosen: str = "",
    layout: str = "NCHW",
    dtype: str = "float32",
    dtypes: Mapping[str, str] | None = None,
) -> Network:
    """Outputs of these names and shapes, all made by convolutions (through the op `chosen`, where given)."""
    net = Network(size, layout=layout, dtype=dtype)
    features = net.stem(strength=strength)
    for name, shape in outputs.items():
        width = next((n for n in reversed(list(shape)) if isinstance(n, int)), 1)
        tensor = net.conv(features, width)
        if chosen:
            tensor = net.op(chosen, tensor, *([tensor] if chosen == "NonMaxSuppression" else []))
        net.output(tensor, name, shape, (dtypes or {}).get(name, "float32"))
    return net


FLOAT = TensorProto.FLOAT
