"""Networks whose truth is known: they see one orange rectangle where it is, and nothing when fed or read otherwise.

A filter for one colour, moments of what it passes, and the ends of well-known exporters driven by them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from sightline.types import U8

__all__ = ["ENDS", "SEEN", "Feed", "network", "pictures", "saved"]

ORANGE = (235.0, 120.0, 20.0)  # RGB
SEEN = 1  # the class of what is seen, of three
CLASSES = 3
SIZE = 160


@dataclass(frozen=True, slots=True)
class Feed:
    """How a network wants its pictures: tensor = (pixel - mean) / scale. inside: the graph itself turns the channels
    and divides, so that it wants the opposite colour order and pixels as they are.
    """

    color: str = "rgb"
    mean: tuple[float, ...] = (0.0,)
    scale: tuple[float, ...] = (255.0,)
    layout: str = "NCHW"
    inside: bool = False

    @property
    def outer(self) -> Feed:
        """What the file as a whole wants."""
        if not self.inside:
            return self
        return replace(self, color="bgr" if self.color == "rgb" else "rgb", mean=(0.0,), scale=(1.0,))


class _Graph:
    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.held: list[onnx.TensorProto] = []
        self.outputs: list[onnx.ValueInfoProto] = []

    def op(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=f"{kind}_{len(self.nodes)}", **attributes))
        return name

    def hold(self, value: object, kind: Any = np.float32) -> str:
        name = f"c{len(self.held)}"
        self.held.append(numpy_helper.from_array(np.asarray(value, kind), name))
        return name

    def mul(self, tensor: str, value: object) -> str:
        return self.op("Mul", tensor, self.hold(value))

    def add(self, tensor: str, value: object) -> str:
        return self.op("Add", tensor, self.hold(value))

    def conv(self, tensor: str, weights: NDArray[Any], bias: Sequence[float] | None = None) -> str:
        """1x1: weights (out, in)."""
        held = self.hold(weights[..., None, None])
        return self.op("Conv", tensor, held, *(() if bias is None else (self.hold(bias),)))

    def output(self, tensor: str, name: str, shape: Sequence[int], kind: int = onnx.TensorProto.FLOAT) -> None:
        self.nodes.append(helper.make_node("Identity", [tensor], [name]))
        self.outputs.append(helper.make_tensor_value_info(name, kind, list(shape)))


@dataclass(frozen=True, slots=True)
class _Sight:
    """What the filter found. passed: (1, 1, S, S) 0..1. centre, side: (1, 2, 1, 1) pixels. sure: (1, 1, 1, 1) logit."""

    graph: _Graph
    passed: str
    centre: str
    side: str
    sure: str


def _sight(graph: _Graph, feed: Feed) -> _Sight:
    target = np.array(ORANGE if feed.color == "rgb" else ORANGE[::-1], np.float32)
    mean, scale = (np.broadcast_to(np.array(v, np.float32), 3) for v in (feed.mean, feed.scale))
    pixels = "images"
    if feed.layout == "NHWC":
        pixels = graph.op("Transpose", pixels, perm=[0, 3, 1, 2])
    if feed.inside:
        pixels = graph.op("Gather", pixels, graph.hold([2, 1, 0], np.int64), axis=1)
        pixels = graph.op("Sub", pixels, graph.hold(mean.reshape(1, 3, 1, 1)))
        pixels = graph.op("Div", pixels, graph.hold(scale.reshape(1, 3, 1, 1)))
    gain = np.diag(scale / 255)
    wanted = (target - mean) / scale * scale / 255
    away = graph.op("Relu", graph.conv(pixels, np.concatenate([gain, -gain]), [*-wanted, *wanted]))
    passed = graph.op("Relu", graph.conv(away, np.full((1, 6), -3.0), [1.0]))
    total = graph.add(graph.op("ReduceSum", passed, graph.hold([2, 3], np.int64), keepdims=1), 1e-4)
    axis = (np.arange(SIZE, dtype=np.float32) + 0.5) / SIZE
    x, y = np.broadcast_arrays(axis[None], axis[:, None])
    places = np.stack([x, y, x**2, y**2])[None]
    moments = graph.op("ReduceSum", graph.mul(passed, places), graph.hold([2, 3], np.int64), keepdims=1)
    first = graph.op("Split", graph.op("Div", moments, total), axis=1, num_outputs=2)
    second = f"{first}b"
    graph.nodes[-1].output.append(second)
    spread = graph.op("Relu", graph.op("Sub", second, graph.op("Mul", first, first)))
    side = graph.op("Sqrt", graph.add(graph.mul(spread, 12.0 * SIZE**2), 1.0))
    sure = graph.add(graph.mul(total, 20.0 / SIZE**2 / 0.01), -14.0)
    sure = graph.op("Clip", sure, graph.hold(-12.0), graph.hold(3.0))
    return _Sight(graph, passed, graph.mul(first, float(SIZE)), side, sure)


def _classes(sight: _Sight, extra: float = 0.0) -> str:
    """(1, 3, 1, 1) logits by a convolution of three channels."""
    weights = np.zeros((CLASSES, 1), np.float32)
    weights[SEEN] = 1
    return sight.graph.conv(sight.sure, weights, [-12.0 if i != SEEN else extra for i in range(CLASSES)])


def _plain(sight: _Sight, tensor: str, channels: int) -> str:
    """The same numbers out of a convolution, as an exporter's last layers are."""
    return sight.graph.conv(tensor, np.eye(channels, dtype=np.float32))


def _spread(sight: _Sight, tensor: str, channels: int, rows: int) -> str:
    """(1, C, 1, 1) -> (1, C, rows), the same in every row."""
    flat = sight.graph.op("Reshape", tensor, sight.graph.hold([1, channels, 1], np.int64))
    return sight.graph.op("Mul", flat, sight.graph.hold(np.ones((1, 1, rows))))


def _grid(strides: Sequence[int], anchors: int = 1) -> tuple[NDArray[Any], NDArray[Any]]:
    """(2, A) columns and rows of cells, and (A,) their strides."""
    cells, steps = [], []
    for stride in strides:
        n = -(-SIZE // stride)
        for _ in range(anchors):
            y, x = np.mgrid[:n, :n]
            cells.append(np.stack([x.ravel(), y.ravel()]))
            steps.append(np.full(n * n, stride))
    return np.concatenate(cells, 1).astype(np.float32), np.concatenate(steps).astype(np.float32)


_Rows = (8, 16, 32)


def _yolov8(s: _Sight, turned: bool = False) -> None:
    g, rows = s.graph, _grid(_Rows)[0].shape[1]
    box = g.op("Mul", _spread(s, g.op("Concat", s.centre, s.side, axis=1), 4, rows), g.hold(1.0))
    scores = g.op("Sigmoid", _spread(s, _classes(s), CLASSES, rows))
    out = g.op("Concat", box, scores, axis=1)
    if turned:
        out = g.op("Transpose", out, perm=[0, 2, 1])
    g.output(out, "output0", (1, rows, 4 + CLASSES) if turned else (1, 4 + CLASSES, rows))


def _yolov5(s: _Sight) -> None:
    g, rows = s.graph, 3 * _grid(_Rows)[0].shape[1]
    box = g.op("Mul", _spread(s, g.op("Concat", s.centre, s.side, axis=1), 4, rows), g.hold(1.0))
    thing = g.conv(s.sure, np.zeros((1, 1)), [6.0])
    rest = g.op("Sigmoid", _spread(s, g.op("Concat", thing, _classes(s), axis=1), 1 + CLASSES, rows))
    g.output(g.op("Transpose", g.op("Concat", box, rest, axis=1), perm=[0, 2, 1]), "output", (1, rows, 5 + CLASSES))


def _yolox(s: _Sight) -> None:
    """Offsets from cells, undecoded; every part a convolution of its own over the grid."""
    g = s.graph
    cells, strides = _grid(_Rows)
    rows = len(strides)
    centre = g.op("Sub", g.mul(_spread(s, s.centre, 2, rows), 1 / strides), g.hold(cells[None]))
    side = g.op("Log", g.mul(_spread(s, s.side, 2, rows), 1 / strides))
    box = g.op("Concat", centre, side, axis=1)
    flat = g.op("Reshape", box, g.hold([1, 4, rows, 1], np.int64))
    box = g.op("Reshape", _plain(s, flat, 4), g.hold([1, 4, rows], np.int64))
    thing = _over_rows(s, g.conv(s.sure, np.zeros((1, 1)), [6.0]), 1, rows)
    out = g.op("Concat", box, thing, _over_rows(s, _classes(s), CLASSES, rows), axis=1)
    g.output(g.op("Transpose", out, perm=[0, 2, 1]), "output", (1, rows, 5 + CLASSES))


def _over_rows(s: _Sight, tensor: str, channels: int, rows: int) -> str:
    """(1, C, 1, 1) logits -> (1, C, rows) of sigmoids over a convolution."""
    g = s.graph
    wide = _plain(s, g.mul(tensor, np.ones((1, 1, rows, 1))), channels)
    return g.op("Sigmoid", g.op("Reshape", wide, g.hold([1, channels, rows], np.int64)))


def _end2end(s: _Sight) -> None:
    g = s.graph
    half = g.mul(s.side, 0.5)
    corners = g.op("Concat", g.op("Sub", s.centre, half), g.op("Add", s.centre, half), axis=1)
    score = g.op("Sigmoid", s.sure)
    row = g.op("Concat", corners, score, g.conv(score, np.zeros((1, 1)), [float(SEEN)]), axis=1)
    rows = g.op("Transpose", _spread(s, row, 6, 300), perm=[0, 2, 1])
    fading = g.hold(np.concatenate([np.ones((1, 1, 6)), np.zeros((1, 299, 6))], 1))
    order = g.op("TopK", g.op("Mul", rows, fading), g.hold([300], np.int64), axis=1)
    g.nodes[-1].output.append(f"{order}i")
    g.output(order, "output0", (1, 300, 6))


def _ultraface(s: _Sight) -> None:
    """Corners as fractions, decoded with an exponential; background and face by a softmax."""
    g = s.graph
    rows = sum((-(-SIZE // n)) ** 2 * k for n, k in ((8, 3), (16, 2), (32, 2), (64, 3)))
    side = g.op("Exp", g.op("Log", g.mul(_spread(s, s.side, 2, rows), 0.5 / SIZE)))
    centre = g.mul(_spread(s, s.centre, 2, rows), 1 / SIZE)
    box = g.op("Concat", g.op("Sub", centre, side), g.op("Add", centre, side), axis=1)
    pair = _spread(s, g.conv(s.sure, np.array([[-0.5], [0.5]])), 2, rows)
    scores = g.op("Softmax", g.op("Transpose", pair, perm=[0, 2, 1]), axis=2)
    g.output(scores, "scores", (1, rows, 2))
    g.output(g.op("Transpose", box, perm=[0, 2, 1]), "boxes", (1, rows, 4))


def _pairs(s: _Sight, pixels: bool) -> None:
    """Decoded corners and sigmoid scores of 50 candidates, in pixels or fractions as no file tells."""
    g = s.graph
    half, rows = g.mul(s.side, 0.5), 50
    corners = g.op("Concat", g.op("Sub", s.centre, half), g.op("Add", s.centre, half), axis=1)
    box = g.mul(_spread(s, corners, 4, rows), 1.0 if pixels else 1 / SIZE)
    scores = g.op("Sigmoid", _spread(s, _classes(s), CLASSES, rows))
    g.output(g.op("Transpose", box, perm=[0, 2, 1]), "out_a", (1, rows, 4))
    g.output(g.op("Transpose", scores, perm=[0, 2, 1]), "out_b", (1, rows, CLASSES))


def _detr(s: _Sight) -> None:
    g, rows = s.graph, 300
    box = g.mul(_spread(s, g.op("Concat", s.centre, s.side, axis=1), 4, rows), 1 / SIZE)
    fading = np.full((1, 1, rows), -12.0, np.float32)
    fading[..., 0] = 0
    logits = g.add(_spread(s, _classes(s), CLASSES, rows), fading)
    g.output(g.op("Transpose", logits, perm=[0, 2, 1]), "logits", (1, rows, CLASSES))
    g.output(g.op("Transpose", box, perm=[0, 2, 1]), "pred_boxes", (1, rows, 4))


def _tensorflow(s: _Sight) -> None:
    """The detection API: boxes y1, x1, y2, x2 as fractions, ids from 1."""
    g, rows = s.graph, 10
    half = g.mul(s.side, 0.5)
    low, high = (g.op("Reshape", g.op(k, s.centre, half), g.hold([1, 1, 2], np.int64)) for k in ("Sub", "Add"))
    turn = g.hold([1, 0], np.int64)
    box = g.op("Concat", g.op("Gather", low, turn, axis=2), g.op("Gather", high, turn, axis=2), axis=2)
    one = np.zeros((1, rows, 1), np.float32)
    one[0, 0] = 1
    score = g.op("Reshape", g.op("Sigmoid", s.sure), g.hold([1, 1], np.int64))
    g.output(g.op("Mul", g.mul(box, 1 / SIZE), g.hold(one)), "detection_boxes", (1, rows, 4))
    g.output(g.op("Mul", score, g.hold(one[..., 0])), "detection_scores", (1, rows))
    g.output(g.add(g.op("Mul", score, g.hold(0 * one[..., 0])), SEEN + 1.0), "detection_classes", (1, rows))
    g.output(g.add(g.op("Reshape", g.mul(score, 0.0), g.hold([1], np.int64)), 1.0), "num_detections", (1,))


def _semantic(s: _Sight) -> None:
    """Logits of five classes at every pixel."""
    g = s.graph
    weights = np.zeros((5, 1), np.float32)
    weights[SEEN] = 8
    g.output(g.conv(s.passed, weights, [2.0, -2.0, -9.0, -9.0, -9.0]), "logits", (1, 5, SIZE, SIZE))


def _classifier(s: _Sight) -> None:
    g = s.graph
    logits = g.conv(s.sure, np.array([[0.0], [1.0], [0.0]]), [0.0, 0.0, -4.0])
    logits = g.op("Reshape", logits, g.hold([1, CLASSES], np.int64))
    g.output(g.op("Softmax", logits, axis=1), "prob", (1, CLASSES))


ENDS: dict[str, Callable[[_Sight], None]] = {
    "yolov8": _yolov8,
    "yolov8 turned": lambda s: _yolov8(s, turned=True),
    "yolov5": _yolov5,
    "yolox": _yolox,
    "yolo-end2end": _end2end,
    "ultraface": _ultraface,
    "pairs in pixels": lambda s: _pairs(s, pixels=True),
    "pairs in fractions": lambda s: _pairs(s, pixels=False),
    "rt-detr": _detr,
    "tf-detection": _tensorflow,
    "semantic": _semantic,
    "classify": _classifier,
}


def network(end: str, feed: Feed) -> onnx.ModelProto:
    """One network. Its labels are none, orange and none again."""
    graph = _Graph()
    ENDS[end](_sight(graph, feed))
    shape = [1, 3, SIZE, SIZE] if feed.layout == "NCHW" else [1, SIZE, SIZE, 3]
    images = helper.make_tensor_value_info("images", onnx.TensorProto.FLOAT, shape)
    made = helper.make_graph(graph.nodes, "net", [images], graph.outputs, graph.held)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def saved(end: str, feed: Feed, path: Path, openvino: bool = False) -> Path:
    """The network as .onnx, or as OpenVINO's .xml and .bin beside it."""
    model = network(end, feed)
    if not openvino:
        path.write_bytes(model.SerializeToString())
        return path
    import openvino as ov

    # not by convert_model: it merges a turn of the channels into the first layer, and no file tells of it any more
    ov.save_model(ov.Core().read_model(_written(model, path.with_suffix(".onnx"))), path, compress_to_fp16=False)
    path.with_suffix(".onnx").unlink()
    return path


def _written(model: onnx.ModelProto, path: Path) -> Path:
    path.write_bytes(model.SerializeToString())
    return path


def pictures(count: int = 6, seed: int = 4) -> list[tuple[U8, tuple[float, float, float, float]]]:
    """RGB pictures (240, 320, 3) of quiet grounds with one orange rectangle, and where it is: x1, y1, x2, y2."""
    chance = np.random.default_rng(seed)
    made: list[tuple[U8, tuple[float, float, float, float]]] = []
    for _ in range(count):
        slope = np.linspace(0, 60, 320)[None, :, None] + np.linspace(0, 40, 240)[:, None, None]
        ground = slope + chance.uniform(30, 120, 3) + chance.normal(0, 4, (240, 320, 1))
        width, height = chance.integers(60, 110), chance.integers(50, 100)
        x, y = int(chance.integers(45, 300 - width)), int(chance.integers(35, 225 - height))
        ground[y : y + height, x : x + width] = ORANGE
        box = (float(x), float(y), float(x + width), float(y + height))
        made.append((np.clip(ground, 0, 255).astype(np.uint8), box))
    return made
