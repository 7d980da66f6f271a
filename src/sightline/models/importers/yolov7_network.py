"""A whole YOLOv5 or YOLOv7 network from its plan and its weights, as an ONNX graph: `build_network`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from sightline.errors import ModelError
from sightline.models.graphs.graph_writer import GraphWriter
from sightline.models.importers.layer_writer import LayerWriter, Pair, Plane, Weights
from sightline.models.importers.yolov7_head import Decoded, auxiliary, level_count, write_head
from sightline.models.importers.yolov7_modules import build_module
from sightline.models.importers.yolov7_yaml import Activation, Plan
from sightline.types import F32

__all__ = ["MadeUpWeights", "build_network", "strides_of"]

_PROBE = 1024  # a multiple of every stride that is known


def build_network(
    plan: Plan, weights: Weights, size_wh: tuple[int, int], name: str, *, fuse: bool = True
) -> tuple[GraphWriter, Decoded]:
    """The graph, from "images" (N, channels, h, w), values 0..1, to "output".

    fuse: fold normalisation, parallel branches and implicit knowledge. Raises ModelError naming the layer.
    """
    width, height = size_wh
    writer = GraphWriter(name)
    picture = writer.input("images", ("N", plan.channels, height, width))
    planes: list[Plane] = []
    layers = LayerWriter(writer, weights, fuse, plan.activation or Activation("SiLU"))
    dropped = LayerWriter(GraphWriter(name), weights, fuse, layers.activation)
    idle = _idle(plan)
    start = Plane(picture, plan.channels, height, width)
    for layer in plan.layers[:-1]:
        inputs = [planes[i] if i >= 0 else start for i in layer.sources]
        planes.append(build_module(dropped if layer.index in idle else layers, layer, inputs))
    decoded = write_head(layers, plan, [planes[i] for i in plan.head.sources], (height, width))
    writer.output(writer.named(decoded.tensor, "output"), ("N", *decoded.shape))
    return writer, decoded


def strides_of(plan: Plan) -> tuple[float, ...]:
    """Input pixels a cell of each level of the head. Raises ModelError naming the layer."""
    pairs = plan.anchors if isinstance(plan.anchors, int) else len(plan.anchors[0]) // 2
    plan = replace(plan, anchors=((1.0, 1.0) * pairs,) * level_count(plan))
    _, decoded = build_network(plan, MadeUpWeights(blank=True), (_PROBE, _PROBE), "probe", fuse=False)
    return decoded.strides


def _idle(plan: Plan) -> frozenset[int]:
    """The layers that nothing but auxiliary heads reads, directly or through others."""
    needed = set(plan.head.sources) - set(auxiliary(plan))
    for layer in reversed(plan.layers[:-1]):
        if layer.index in needed:
            needed.update(layer.sources)
    return frozenset(layer.index for layer in plan.layers[:-1] if layer.index not in needed)


@dataclass(slots=True)
class MadeUpWeights:
    """Random weights of every shape that is asked for: what a network of a plan has, by name.

    blank: zeros that take no memory in place of random values.
    shapes: of all parameters and buffers that were asked for. Batch normalisations and implicit layers are not folded.
    """

    seed: int = 0
    blank: bool = False
    folded: bool = False
    shapes: dict[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])
    values: dict[str, F32] = field(default_factory=dict[str, F32])

    def take(self, name: str, shape: tuple[int, ...]) -> F32:
        if name in self.values:
            return self.values[name]
        self.shapes[name] = shape
        if self.blank:
            return np.broadcast_to(np.zeros((), np.float32), shape)
        random = np.random.default_rng([self.seed, len(self.shapes)])
        made: F32 = random.standard_normal(shape, np.float32)
        if name.endswith((".running_var", "bn.weight", ".im.implicit")):
            made = np.float32(0.5) + np.abs(made) * np.float32(0.5)
        elif len(shape) == 4:
            made *= np.float32(1 / np.sqrt(max(made[0].size, 1)))
        else:
            made *= np.float32(0.1)
        self.values[name] = made.astype(np.float32)
        return self.values[name]

    def find(self, name: str, shape: tuple[int, ...]) -> F32 | None:
        if name.endswith((".anchors", ".anchor_grid", ".num_batches_tracked", ".bins", ".pos_weight")):
            self.shapes[name] = shape
            return None
        return self.take(name, shape)

    def has(self, name: str) -> bool:
        return False

    def epsilon(self, path: str) -> float:
        return 1e-3

    def activation(self, path: str) -> Activation | None:
        return None

    def check_convolution(self, path: str, kernel: Pair, stride: Pair, padding: Pair, groups: int) -> None:
        if not path:
            raise ModelError("a convolution without a name")
