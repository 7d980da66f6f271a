"""What feeds every input of a model: its pictures and their sizes, windows of them, and what is no picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from sightline.errors import ModelError
from sightline.models.feeding import Feeding
from sightline.models.graphs.graph import Graph
from sightline.models.kinds.evidence import Facts
from sightline.models.kinds.reading import Reading
from sightline.models.manifest import InputManifest, Manifest
from sightline.models.trainings.families import TRAININGS
from sightline.types import ChannelOrder, InputSpec, Preprocess, TensorSpec

__all__ = ["inputs_of", "picture_input"]

_LEAST_SIDE = 64  # no detector looks at less; published files of networks that take any size declare 32x32
_SIDE_SOURCES = {
    "orig_target_sizes": "size_wh",
    "orig_image_size": "size_wh",
    "image_shape": "size_hw",
    "im_shape": "size_hw",
    "scale_factor": "ones",
}


def picture_input(graph: Graph, path: Path, manifest: Manifest) -> TensorSpec:
    """The first input that is made of pictures, with its layout. Raises ModelError where there is none."""
    for item in graph.inputs:
        if item.name in manifest.inputs:
            continue
        if (layout := manifest.input.layout or _layout(item)) and len(layout) == len(item.shape):
            return replace(item, layout=layout)
    listed = ", ".join(f"{item.name} {list(item.shape)}" for item in graph.inputs) or "none"
    raise ModelError(f"{path}: no picture input (4 axes, 1 or 3 channels) among its inputs: {listed}")


def _layout(item: TensorSpec) -> str:
    """The layout that a tensor's shape shows; "" for one that is no picture."""
    if len(item.shape) == 4:
        if item.layout in ("NCHW", "NHWC"):
            return item.layout
        if item.shape[1] in (1, 3, None) and item.shape[3] not in (1, 3):
            return "NCHW"
        return "NHWC" if item.shape[3] in (1, 3) else ""
    if len(item.shape) == 5:
        by_channel = {1: "NCTHW", 2: "NTCHW", 4: "NTHWC"}
        return next((layout for axis, layout in by_channel.items() if item.shape[axis] == 3), "")
    return ""


def inputs_of(facts: Facts, reading: Reading, feeding: Feeding, manifest: Manifest) -> tuple[InputSpec, ...]:
    """The picture input, its open axes closed with the size that is used (or left to the frame), then all others."""
    first = _picture(facts, reading, feeding, manifest.input)
    return first, *(_other(item, feeding.preprocess, reading, manifest) for item in facts.others)


def _picture(facts: Facts, reading: Reading, feeding: Feeding, said: InputManifest) -> InputSpec:
    picture, size = facts.picture, facts.size_wh
    shape = list(picture.shape)
    multiple = reading.multiple if said.multiple is None else said.multiple
    wide, high = picture.layout.index("W"), picture.layout.index("H")
    tracing = reading.head == "centerface" and 0 < max(size) < _LEAST_SIDE
    source = said.source or reading.sources.get(picture.name) or _windowed(picture)
    if 0 in size and multiple and said.size is None:
        usual = TRAININGS[reading.family].size_wh
        shape[wide], shape[high] = _left_open(size, usual, reading.task)
        return InputSpec(replace(picture, shape=tuple(shape)), feeding.preprocess, source, multiple)
    if 0 in size or tracing:
        told = (
            f"its input of {size[0]}x{size[1]} only served to write the file" if tracing else "its input size is open"
        )
        size = said.size or TRAININGS[reading.family].size_wh
        feeding.doubts.append(f"{told}; {size[0]}x{size[1]} is used (input: size in model.yaml)")
        shape[0] = None if tracing else shape[0]
    shape[wide], shape[high] = size
    return InputSpec(replace(picture, shape=tuple(shape)), feeding.preprocess, source)


def _left_open(size: tuple[int, int], usual: tuple[int, int], task: str) -> tuple[int | None, int | None]:
    """(width, height), None where the frame decides: a line of text has a height, and any width."""
    width, height = size
    if task == "text":
        return width or None, height or usual[1]
    return width or None, height or None


def _windowed(picture: TensorSpec) -> str:
    """How many views an input with an axis of time takes."""
    if "T" not in picture.layout:
        return "view"
    return f"window:{picture.shape[picture.layout.index('T')] or 8}"


def _other(item: TensorSpec, same: Preprocess, reading: Reading, manifest: Manifest) -> InputSpec:
    said = manifest.inputs.get(item.name, InputManifest())
    source = said.source or reading.sources.get(item.name) or _SIDE_SOURCES.get(item.name.lower(), "unknown")
    spec = InputSpec(item, source=source)
    if not spec.frames:
        return spec
    layout = said.layout or _layout(item) or "NCHW"
    steps = Preprocess(
        said.color or (ChannelOrder.GREY if item.shape[layout.index("C")] == 1 else same.color),
        said.mean or same.mean,
        said.scale or same.scale,
        said.resize or same.resize,
        same.pad if said.pad is None else said.pad,
    )
    shape = list(item.shape)
    if said.size is not None:
        shape[layout.index("W")], shape[layout.index("H")] = said.size
    return InputSpec(replace(item, layout=layout, shape=tuple(shape)), steps, source, said.multiple or 0)
