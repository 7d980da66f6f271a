"""Detectors for the benchmark, written with `onnx`: the layers and the cost of YOLOv8n, random weights.

What they find means nothing, but how much they find is set by a few frames of the clip: some 20 objects a frame, so
that thresholding, suppression, tracking and writing have what they have in earnest.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
import onnx
import openvino as ov
from numpy.typing import NDArray

from benchmarks.graph import Graph
from sightline.boxes import cxcywh_to_xyxy, nms

__all__ = ["LARGE", "SMALL", "Shape", "calibrated", "letterboxed", "pictures_of", "write"]

CLASSES = 80
BINS = 16  # of the distribution over a box side
STRIDES = (8, 16, 32)
OBJECTS = 20
SCORE, IOU = 0.25, 0.45
_SPREAD = 2.0  # standard deviation of a class logit over the cells

F32 = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Shape:
    """name; size: of the square input in pixels; widths: channels at strides 2, 4, 8, 16, 32; score_width and
    side_width: channels inside the two branches of the head."""

    name: str
    size: int
    widths: tuple[int, int, int, int, int]
    score_width: int
    side_width: int

    @property
    def cells(self) -> int:
        return sum((self.size // stride) ** 2 for stride in STRIDES)


LARGE = Shape("yolov8n-shaped", 640, (16, 32, 64, 128, 256), 80, 64)
SMALL = Shape("small", 352, (8, 16, 24, 48, 64), 24, 24)


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """gain (CLASSES,): of the class logits' variance; bias (CLASSES,): added to them."""

    gain: F32
    bias: F32


_RAW = Calibration(np.ones(CLASSES, np.float32), np.zeros(CLASSES, np.float32))


def write(shape: Shape, calibration: Calibration = _RAW, *, logits: bool = False) -> onnx.ModelProto:
    """[1, 3, S, S] RGB 0..1 -> "output0" [1, 4 + CLASSES, cells]: centre x, y, width, height in pixels, probabilities.

    logits: a second output "logits" [1, CLASSES, cells], the classes before their sigmoid.
    """
    g = Graph(seed=shape.size)
    sides, classes = _network(g, shape, calibration)
    boxes = _boxes(g, shape, g.node("Concat", *sides, axis=2))
    scores = g.node("Concat", *classes, axis=2)
    g.nodes_of("Concat", [boxes, g.node("Sigmoid", scores)], 1, axis=1)
    g.nodes[-1].output[0] = "output0"
    gives = {"output0": (1, 4 + CLASSES, shape.cells)}
    if logits:
        g.node("Identity", scores)
        g.nodes[-1].output[0] = "logits"
        gives["logits"] = (1, CLASSES, shape.cells)
    names = {i: f"kind{i}" for i in range(CLASSES)}
    metadata = {
        "task": "detect",
        "stride": str(STRIDES[-1]),
        "imgsz": str([shape.size, shape.size]),
        "batch": "1",
        "names": str(names),
    }
    return g.model(shape.name, ("images", (1, 3, shape.size, shape.size)), gives, metadata)


def _block(g: Graph, x: str, channels: tuple[int, int], depth: int, *, adds: bool) -> str:
    """Cross-stage block: half of the channels go through `depth` pairs of 3x3 layers, every step is kept and mixed."""
    taken, given = channels
    half = given // 2
    kept = g.nodes_of("Split", [g.layer(x, (taken, given))], 2, axis=1, num_outputs=2)
    for _ in range(depth):
        y = g.layer(g.layer(kept[-1], (half, half), 3), (half, half), 3)
        kept.append(g.node("Add", kept[-1], y) if adds else y)
    return g.layer(g.node("Concat", *kept, axis=1), (half * len(kept), given))


def _pooled(g: Graph, x: str, width: int) -> str:
    """What lies around, at three distances, beside the thing itself."""
    near = [g.layer(x, (width, width // 2))]
    for _ in range(3):
        near.append(g.node("MaxPool", near[-1], kernel_shape=[5, 5], strides=[1, 1], pads=[2] * 4))
    return g.layer(g.node("Concat", *near, axis=1), (width * 2, width))


def _twice(g: Graph, x: str) -> str:
    scales = g.constant(np.array([1, 1, 2, 2], np.float32))
    how = {"mode": "nearest", "nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"}
    return g.node("Resize", x, "", scales, **how)


def _network(g: Graph, shape: Shape, calibration: Calibration) -> tuple[list[str], list[str]]:
    """Backbone, the way up, the way down, and the head: sides and classes of each stride, flattened over the cells."""
    w2, w4, w8, w16, w32 = shape.widths
    x = g.layer(g.layer("images", (3, w2), 3, 2), (w2, w4), 3, 2)
    x = _block(g, x, (w4, w4), 1, adds=True)
    fine = _block(g, g.layer(x, (w4, w8), 3, 2), (w8, w8), 2, adds=True)
    middle = _block(g, g.layer(fine, (w8, w16), 3, 2), (w16, w16), 2, adds=True)
    coarse = _block(g, g.layer(middle, (w16, w32), 3, 2), (w32, w32), 1, adds=True)
    coarse = _pooled(g, coarse, w32)
    middle = _block(g, g.node("Concat", _twice(g, coarse), middle, axis=1), (w32 + w16, w16), 1, adds=False)
    fine = _block(g, g.node("Concat", _twice(g, middle), fine, axis=1), (w16 + w8, w8), 1, adds=False)
    down = g.layer(fine, (w8, w8), 3, 2)
    middle = _block(g, g.node("Concat", down, middle, axis=1), (w8 + w16, w16), 1, adds=False)
    down = g.layer(middle, (w16, w16), 3, 2)
    coarse = _block(g, g.node("Concat", down, coarse, axis=1), (w16 + w32, w32), 1, adds=False)
    sides: list[str] = []
    classes: list[str] = []
    for level, width, stride in ((fine, w8, 8), (middle, w16, 16), (coarse, w32, 32)):
        cells = (shape.size // stride) ** 2
        inner, outer = shape.side_width, 4 * BINS
        y = g.layer(g.layer(level, (width, inner), 3), (inner, inner), 3)
        sides.append(_flat(g, g.convolution(y, (inner, outer)), outer, cells))
        inner = shape.score_width
        y = g.layer(g.layer(level, (width, inner), 3), (inner, inner), 3)
        y = g.convolution(y, (inner, CLASSES), gain=calibration.gain, bias=calibration.bias)
        classes.append(_flat(g, y, CLASSES, cells))
    return sides, classes


def _flat(g: Graph, x: str, channels: int, cells: int) -> str:
    return g.node("Reshape", x, g.constant(np.array([1, channels, cells], np.int64)))


def _boxes(g: Graph, shape: Shape, sides: str) -> str:
    """Distributions [1, 4 * BINS, cells] over the distance to each side -> centre and size in pixels [1, 4, cells]."""
    cells = shape.cells
    x = g.node("Reshape", sides, g.constant(np.array([1, 4, BINS, cells], np.int64)))
    x = g.node("Softmax", g.node("Transpose", x, perm=[0, 2, 1, 3]), axis=1)
    steps = g.constant(np.arange(BINS, dtype=np.float32).reshape(1, BINS, 1, 1))
    x = g.node("Reshape", g.node("Conv", x, steps), g.constant(np.array([1, 4, cells], np.int64)))
    before, after = g.nodes_of("Split", [x], 2, axis=1, num_outputs=2)
    points: list[F32] = []
    for stride in STRIDES:
        across = np.arange(shape.size // stride, dtype=np.float32) + 0.5
        y, x_of = np.meshgrid(across, across, indexing="ij")
        points.append(np.stack([x_of.ravel(), y.ravel()]))
    grid = g.constant(np.concatenate(points, 1)[None])
    pixels = np.concatenate([np.full((shape.size // stride) ** 2, stride, np.float32) for stride in STRIDES])
    low, high = g.node("Sub", grid, before), g.node("Add", grid, after)
    centre = g.node("Mul", g.node("Add", low, high), g.constant(np.array(0.5, np.float32)))
    whole = g.node("Concat", centre, g.node("Sub", high, low), axis=1)
    return g.node("Mul", whole, g.constant(pixels[None, None]))


# -- how much it finds -----------------------------------------------------------------------------------------------


def pictures_of(clip: Path, count: int = 8) -> list[NDArray[np.uint8]]:
    """`count` frames (H, W, 3) RGB, evenly spread over the clip."""
    with av.open(str(clip)) as container:
        frames = container.streams.video[0].frames or sum(1 for p in container.demux(video=0) if p.size)
    wanted = {round(frames * (i + 0.5) / count) for i in range(count)}
    with av.open(str(clip)) as container:
        chosen = (frame for i, frame in enumerate(container.decode(video=0)) if i in wanted)
        return [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in chosen]


def letterboxed(picture: NDArray[np.uint8], size: int) -> F32:
    """(H, W, 3) RGB -> [1, 3, size, size] 0..1, grey around it."""
    h, w = picture.shape[:2]
    ratio = size / max(h, w)
    small = cv2.resize(picture, (round(w * ratio), round(h * ratio)), interpolation=cv2.INTER_LINEAR)
    square = np.full((size, size, 3), 114, np.uint8)
    top, left = (size - small.shape[0]) // 2, (size - small.shape[1]) // 2
    square[top : top + small.shape[0], left : left + small.shape[1]] = small
    return np.ascontiguousarray(square.transpose(2, 0, 1)[None], np.float32) / np.float32(255)


def calibrated(shape: Shape, pictures: Sequence[NDArray[np.uint8]]) -> onnx.ModelProto:
    """The network whose classes vary over the picture and give about OBJECTS objects on `pictures`.

    Seen through OpenVINO in the precision that it will run in, because that moves the logits.
    """
    logits, boxes = _seen(shape, _RAW, pictures)
    mean = logits.mean((0, 2))
    stretch = _SPREAD / np.maximum(logits.std((0, 2)), 1e-12)
    shift = _shift((logits - mean[:, None]) * stretch[:, None], boxes)
    found = Calibration((stretch**2).astype(np.float32), (shift - mean * stretch).astype(np.float32))
    # weights that are stretched are rounded differently: look again at what came of them
    logits, boxes = _seen(shape, found, pictures)
    return write(shape, Calibration(found.gain, found.bias + np.float32(_shift(logits, boxes))))


def _seen(
    shape: Shape, calibration: Calibration, pictures: Sequence[NDArray[np.uint8]]
) -> tuple[NDArray[np.float64], list[F32]]:
    """Class logits (P, CLASSES, cells) and boxes xyxy (cells, 4) of each picture."""
    core = ov.Core()
    model = core.read_model(write(shape, calibration, logits=True).SerializeToString())
    compiled = core.compile_model(model, "CPU")
    rows = [compiled([letterboxed(picture, shape.size)]).to_tuple() for picture in pictures]
    boxes = [_inside(cxcywh_to_xyxy(r[0][0, :4].T), p, shape.size) for r, p in zip(rows, pictures, strict=True)]
    return np.stack([r[1][0] for r in rows]).astype(np.float64), boxes


def _inside(boxes: F32, picture: NDArray[np.uint8], size: int) -> F32:
    """Boxes (cells, 4) in model pixels cut to the picture within its grey border; those outside have no area then."""
    h, w = picture.shape[:2]
    ratio = size / max(h, w)
    left, top = (size - w * ratio) / 2, (size - h * ratio) / 2
    return np.clip(boxes, np.array([left, top] * 2, np.float32), np.array([size - left, size - top] * 2, np.float32))


def _shift(logits: NDArray[np.float64], boxes: Sequence[F32]) -> float:
    """What to add to all logits (P, CLASSES, cells) so that OBJECTS stay after thresholding and suppression."""
    cut = math.log(SCORE / (1 - SCORE))
    low, high = cut - float(logits.max()), cut - float(logits.mean())  # nothing passes, and every second cell does
    for _ in range(24):
        middle = (low + high) / 2
        found = np.mean([_count(one + middle, box, cut) for one, box in zip(logits, boxes, strict=True)])
        low, high = (middle, high) if found < OBJECTS else (low, middle)
    return (low + high) / 2


def _count(logits: NDArray[np.float64], boxes: F32, cut: float) -> int:
    best = logits.max(0)
    rows = np.flatnonzero((best >= cut) & (boxes[:, 2:] > boxes[:, :2]).all(1))
    return len(nms(boxes[rows], best[rows].astype(np.float32), IOU, logits[:, rows].argmax(0)))
