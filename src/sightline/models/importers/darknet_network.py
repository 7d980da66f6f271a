"""A Darknet network on its way to ONNX: what every layer reads from and adds to."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sightline.models.graphs.graph_writer import GraphWriter
from sightline.models.importers.darknet_cfg import Section
from sightline.models.importers.darknet_weights import Kernel, Weights
from sightline.types import F32

__all__ = ["Blob", "End", "Network"]

_MOST_VALUES = 1 << 28  # of one layer's output: 1 GiB
_MOST_SIDE = 1 << 15


@dataclass(frozen=True, slots=True)
class Blob:
    """The output of a layer, (N, channels, height, width). closed: why no other layer may read it; "" where one may."""

    tensor: str
    channels: int
    height: int
    width: int
    closed: str = ""

    @property
    def size(self) -> int:
        """Values of one picture."""
        return self.channels * self.height * self.width


@dataclass(frozen=True, slots=True)
class End:
    """An output of the network: a detection layer, or what the last layer gives."""

    layer: Section
    tensor: str
    blob: Blob


@dataclass(slots=True, eq=False)
class Network:
    """blobs: one a layer so far. kernels: those of the convolutions, by layer, for layers that share them."""

    writer: GraphWriter
    weights: Weights
    start: Blob
    blobs: list[Blob] = field(default_factory=list[Blob])
    kernels: dict[int, Kernel] = field(default_factory=dict[int, Kernel])
    ends: list[End] = field(default_factory=list[End])
    warnings: list[str] = field(default_factory=list[str])

    def before(self, layer: Section) -> Blob:
        """What goes into `layer`: the output of the one before. Raises ModelError where that is closed."""
        blob = self.blobs[-1] if self.blobs else self.start
        if blob.closed:
            raise layer.fault(f"it reads the output of {blob.closed}, which is boxes, not features")
        return blob

    def at(self, layer: Section, number: int, key: str) -> Blob:
        """The output of layer `number`, or of the one -number before. Raises ModelError where that is none before."""
        index = number if number >= 0 else layer.index + number
        if not 0 <= index < layer.index:
            where = "itself" if index == layer.index else "a later layer" if index > layer.index else "no layer"
            raise layer.fault(f"{key}={number} leads to {where} ({index}); only earlier layers can be read", key)
        blob = self.blobs[index]
        if blob.closed:
            raise layer.fault(f"{key}={number} reads the output of {blob.closed}, which is boxes, not features", key)
        return blob

    def blob(self, layer: Section, tensor: str, channels: int, height: int, width: int) -> Blob:
        """The output of `layer`. Raises ModelError where a side is nothing or the whole too large."""
        if min(channels, height, width) < 1:
            raise layer.fault(f"its output would be {width}x{height}x{channels}: nothing is left of the picture")
        if max(height, width) > _MOST_SIDE or channels * height * width > _MOST_VALUES:
            raise layer.fault(
                f"its output would be {width}x{height}x{channels}, more than {_MOST_VALUES >> 20}M values"
            )
        return Blob(tensor, channels, height, width)

    def node(self, layer: Section, op: str, inputs: list[str], **attributes: object) -> str:
        """An operation named after `layer`."""
        return self.writer.node(op, inputs, f"{layer.kind}_{layer.index}", **attributes)

    def numbers(self, layer: Section, what: str, value: F32) -> str:
        """A constant named after `layer`."""
        return self.writer.constant(np.asarray(value, np.float32), f"{layer.kind}_{layer.index}_{what}")

    def reshape(self, layer: Section, tensor: str, shape: list[int]) -> str:
        """`tensor` (N, ...) as (N, *shape)."""
        return self.node(layer, "Reshape", [tensor, self.writer.constant([-1, *shape])])

    def end(self, layer: Section, name: str, shape: tuple[int, ...], tensor: str, blob: Blob) -> None:
        """Makes `tensor` (N, *shape) an output called `name`."""
        self.writer.output(self.writer.named(tensor, name), ("N", *shape))
        self.ends.append(End(layer, name, blob))
