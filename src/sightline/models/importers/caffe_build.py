"""What the layers of a Caffe network are written with: blobs with their shapes, weights checked against them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from sightline.errors import ModelError
from sightline.foreign.protobuf_text import Message
from sightline.models.graphs.graph_writer import GraphWriter
from sightline.models.importers.caffe_net import Layer
from sightline.types import F32

__all__ = ["Blob", "Build", "axis_of", "choice", "pair", "spatial"]

_MOST_VALUES = 1 << 30  # of one blob: 4 GiB


@dataclass(frozen=True, slots=True)
class Blob:
    """A tensor and its shape; value: what it holds where that is known already (priors: no tensor until wanted)."""

    tensor: str
    shape: tuple[int, ...]
    value: F32 | None = None


@dataclass(slots=True)
class Build:
    """One network on its way into `writer`. used: blobs that some layer has read, of the latest making."""

    writer: GraphWriter
    weights: dict[str, list[F32]]
    blobs: dict[str, Blob] = field(default_factory=dict[str, Blob])
    used: set[str] = field(default_factory=set[str])

    def take(self, layer: Layer, index: int = 0) -> Blob:
        """The layer's bottom. Raises ModelError where it names none, or one that nothing has made."""
        if index >= len(layer.bottoms):
            raise ModelError(f"{layer.where}: needs {index + 1} bottoms, it has {len(layer.bottoms)}")
        name = layer.bottoms[index]
        blob = self.blobs.get(name)
        if blob is None:
            raise ModelError(f"{layer.where}: its bottom {name!r} is made by no layer before it")
        self.used.add(name)
        if not blob.tensor and blob.value is not None:
            blob = replace(blob, tensor=self.held(layer, blob.value))
            self.blobs[name] = blob
        return blob

    def known(self, layer: Layer) -> list[F32]:
        """The values of all bottoms where every one is known; else none."""
        values = [self.blobs[name].value for name in layer.bottoms if name in self.blobs]
        found = [value for value in values if value is not None]
        if not found or len(found) != len(layer.bottoms):
            return []
        self.used.update(layer.bottoms)
        return found

    def give(self, layer: Layer, tensor: str, shape: tuple[int, ...], index: int = 0, value: F32 | None = None) -> None:
        """`tensor` as the layer's top. Raises ModelError for a shape that no picture leads to."""
        if index >= len(layer.tops):
            raise ModelError(f"{layer.where}: makes {index + 1} tops, it names {len(layer.tops)}")
        self.fits(layer, shape)
        self.blobs[layer.tops[index]] = Blob(tensor, shape, value)
        self.used.discard(layer.tops[index])

    def fits(self, layer: Layer, shape: tuple[int, ...]) -> None:
        """Raises ModelError for a shape that no picture leads to."""
        if any(n < 1 for n in shape) or math.prod(shape) > _MOST_VALUES:
            raise ModelError(
                f"{layer.where}: its top would be {' x '.join(map(str, shape))}; the input does not fit it"
            )

    def node(self, layer: Layer, op: str, inputs: list[str], **attributes: object) -> str:
        return self.writer.node(op, inputs, name=f"{layer.name}/{op}", **attributes)

    def held(self, layer: Layer, value: F32 | list[int] | float) -> str:
        if isinstance(value, np.ndarray):
            value = np.ascontiguousarray(value)
        return self.writer.constant(value, name=f"{layer.name}/c")

    def weight(self, layer: Layer, index: int, shape: tuple[int, ...]) -> F32:
        """The layer's array in `shape`. Raises ModelError where the caffemodel has none, or one of another size."""
        arrays = self.weights.get(layer.name, [])
        if index >= len(arrays):
            held = f"has {len(arrays)}" if arrays else f"knows no layer of that name ({len(self.weights)} others)"
            raise ModelError(f"{layer.where}: wants {index + 1} arrays of weights, the caffemodel {held}")
        array = arrays[index]
        if array.size != math.prod(shape):
            wanted, found = " x ".join(map(str, shape)), " x ".join(map(str, array.shape))
            raise ModelError(f"{layer.where}: its weights should be {wanted}, the caffemodel has {found}")
        return array.reshape(shape)


def axis_of(layer: Layer, said: Message, rank: int, default: int = 1, key: str = "axis") -> int:
    """An axis of a blob of that rank, negative ones from its end."""
    axis = said.whole(key, default)
    if not -rank <= axis < rank:
        raise ModelError(f"{layer.where}: {key} {axis} of a blob of {rank} axes")
    return axis % rank


def choice(said: Message, key: str, names: tuple[str, ...], default: str) -> str:
    """An enum's value by its name, also where it is written as its number: a place in `names`."""
    held = said.fields.get(key)
    if not held:
        return default
    value = held[-1]
    if isinstance(value, int):
        return names[value] if 0 <= value < len(names) else str(value)
    return said.text(key)


def pair(layer: Layer, said: Message, name: str, default: int, plain: str = "") -> tuple[int, int]:
    """A size as height and width: NAME_h and NAME_w, else one or two of `plain` (or NAME)."""
    if f"{name}_h" in said or f"{name}_w" in said:
        found = said.whole(f"{name}_h", default), said.whole(f"{name}_w", default)
    else:
        given = list(said.wholes(plain or name)) or [default]
        if len(given) > 2:
            raise ModelError(f"{layer.where}: {name} for {len(given)} axes; pictures have 2")
        found = given[0], given[-1]
    if any(not 0 <= n < 65536 for n in found):
        raise ModelError(f"{layer.where}: {name} {found[0]} x {found[1]} is no size")
    return found


def spatial(layer: Layer, blob: Blob) -> tuple[int, int, int, int]:
    """N, C, H, W. Raises ModelError where the blob has other axes."""
    if len(blob.shape) != 4:
        raise ModelError(f"{layer.where}: its bottom has {len(blob.shape)} axes, it works on 4")
    n, c, h, w = blob.shape
    return n, c, h, w
