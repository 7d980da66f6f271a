"""An ONNX file -> `Graph`: one pass over the protobuf; weights stay in it unread until a value is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import numpy_helper

from sightline.errors import ModelError
from sightline.models.graphs.graph import Graph, Node, build_graph
from sightline.types import TensorSpec

__all__ = ["external_files", "parse_onnx", "read_onnx"]

_NEWEST_OPSET = 1000  # far above any; runtimes count up to what a file says
_SCALARS = {
    onnx.AttributeProto.FLOAT: "f",
    onnx.AttributeProto.INT: "i",
}


def parse_onnx(data: bytes, path: Path) -> onnx.ModelProto:
    """The protobuf. Raises ModelError where `data` is not a whole ONNX model."""
    if not data:
        raise ModelError(f"{path}: the file is empty; copy or export the model again")
    try:
        model = onnx.ModelProto.FromString(data)
    except DecodeError as error:
        kind = _what_else(data)
        raise ModelError(f"{path}: not a whole ONNX file ({kind}); copy or export the model again") from error
    if not model.graph.node or not model.graph.output or not model.opset_import:
        raise ModelError(f"{path}: not a whole ONNX file ({_what_else(data)}); copy or export the model again")
    _check(model, path)
    return model


def _check(model: onnx.ModelProto, path: Path) -> None:
    """Raises ModelError for what a runtime would stumble over without words."""
    for opset in model.opset_import:
        if not 1 <= opset.version <= _NEWEST_OPSET:
            raise ModelError(f"{path}: damaged: it asks for opset {opset.version}; copy or export the model again")
    graph = model.graph
    for node in graph.node:
        if not all(isinstance(word, str) for word in (node.op_type, node.name, node.domain, *node.input, *node.output)):
            raise ModelError(f"{path}: damaged: a {node.op_type!r} node has names that are no text; copy it again")
        if not all(isinstance(attribute.name, str) for attribute in node.attribute):
            raise ModelError(f"{path}: damaged: node {node.name!r} has attributes without names; copy it again")
    named = (*graph.input, *graph.output, *graph.initializer)
    said = (word for entry in model.metadata_props for word in (entry.key, entry.value))
    if not all(isinstance(word, str) for word in (graph.name, *(item.name for item in named), *said)):
        raise ModelError(f"{path}: damaged: names of its tensors or of its metadata are no text; copy it again")
    for tensor in graph.initializer:
        if any(length < 0 for length in tensor.dims):
            raise ModelError(f"{path}: damaged: its weights {tensor.name!r} have the shape {list(tensor.dims)}")


def _what_else(data: bytes) -> str:
    if data[4:8] == b"ftyp" or data[:4] in (b"\x1aE\xdf\xa3", b"RIFF"):
        return "it is a video"
    if data.startswith(b"version https://git-lfs"):
        return "it is a Git LFS pointer: fetch the real file with git lfs pull"
    head = data[:512]
    if head[:1] != b"\x08" and all(byte in b"\t\r\n" or 32 <= byte < 127 for byte in head):
        return "it is text"
    return "cut short or damaged" if data[:1] == b"\x08" else "it is something else"


def external_files(model: onnx.ModelProto, path: Path) -> tuple[Path, ...]:
    """The files beside `path` that hold its weights. Raises ModelError naming one that is missing or elsewhere."""
    found: dict[str, Path] = {}
    for tensor in _tensors(model.graph):
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        location = next((entry.value for entry in tensor.external_data if entry.key == "location"), "")
        if not location or location in found:
            continue
        file = path.parent / location
        try:
            within, there = file.resolve().is_relative_to(path.parent.resolve()), file.is_file()
        except (OSError, ValueError) as error:  # longer than any name, or with a zero byte
            raise ModelError(f"{path}: damaged: its weights are said to lie in {location[:60]!r}") from error
        if not within:
            raise ModelError(f"{path}: its weights are said to lie outside its folder ({location}); export it again")
        if not there:
            raise ModelError(f"{path}: its weights file {location} is missing; put it beside the model")
        found[location] = file
    return tuple(found.values())


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    """Every stored tensor, those of constants and of inner graphs too."""
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            if attribute.HasField("g"):
                yield from _tensors(attribute.g)


def read_onnx(model: onnx.ModelProto, path: Path) -> Graph:
    """The graph of a parsed model."""
    graph = model.graph
    held: dict[str, onnx.TensorProto] = {tensor.name: tensor for tensor in graph.initializer}
    nodes: list[Node] = []
    for proto in graph.node:
        if proto.op_type == "Constant":
            attribute = proto.attribute[0] if proto.attribute else None
            if attribute is not None and attribute.HasField("t"):
                held[proto.output[0]] = attribute.t
            elif attribute is not None and attribute.name in ("value_float", "value_int"):
                plain = attribute.f if attribute.name == "value_float" else attribute.i
                held[proto.output[0]] = numpy_helper.from_array(np.asarray(plain))
            continue
        nodes.append(_node(proto))

    def value(name: str) -> NDArray[Any] | None:
        tensor = held.get(name)
        if tensor is None:
            return None
        return numpy_helper.to_array(tensor, base_dir=str(path.parent))

    return build_graph(
        format="onnx",
        name=graph.name,
        producer=f"{model.producer_name} {model.producer_version}".strip(),
        inputs=[_spec(i) for i in graph.input if i.name not in held],
        outputs=[_spec(o) for o in graph.output],
        nodes=nodes,
        metadata={entry.key: entry.value for entry in model.metadata_props},
        shapes={name: tuple(tensor.dims) for name, tensor in held.items()},
        value=value,
    )


def _node(proto: onnx.NodeProto) -> Node:
    attributes: dict[str, object] = {}
    for attribute in proto.attribute:
        if attribute.type in _SCALARS:
            attributes[attribute.name] = getattr(attribute, _SCALARS[attribute.type])
        elif attribute.type == onnx.AttributeProto.INTS:
            attributes[attribute.name] = tuple(attribute.ints)
        elif attribute.type == onnx.AttributeProto.FLOATS:
            attributes[attribute.name] = tuple(attribute.floats)
        elif attribute.type == onnx.AttributeProto.STRING:
            attributes[attribute.name] = attribute.s.decode("utf-8", "replace")
    return Node(proto.op_type, proto.name, tuple(proto.input), tuple(proto.output), attributes)


def _spec(info: onnx.ValueInfoProto) -> TensorSpec:
    tensor = info.type.tensor_type
    shape = tuple(d.dim_value if d.HasField("dim_value") and d.dim_value > 0 else None for d in tensor.shape.dim)
    try:
        dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)).name
    except KeyError:
        dtype = "float32"
    return TensorSpec(info.name, shape, dtype)
