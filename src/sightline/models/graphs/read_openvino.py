"""An OpenVINO IR (xml and bin, versions 10 and 11) -> `Graph`, with op names brought to ONNX's.

Format: https://docs.openvino.ai (Intermediate Representation). The xml may have no document type, so no entities.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from sightline.errors import ModelError
from sightline.models.graphs.graph import Graph, Node, build_graph
from sightline.types import TensorSpec

__all__ = ["read_openvino"]

_OPS = {
    "Convolution": "Conv",
    "GroupConvolution": "Conv",
    "SoftMax": "Softmax",
    "Multiply": "Mul",
    "Subtract": "Sub",
    "Divide": "Div",
    "VariadicSplit": "Split",
    "StridedSlice": "Slice",
    "Convert": "Cast",
    "ReLU": "Relu",
    "PReLU": "PRelu",
    "Power": "Pow",
    "Clamp": "Clip",
    "NonMaxSuppression": "NonMaxSuppression",
}
_DTYPES = {
    "f32": "float32",
    "f16": "float16",
    "f64": "float64",
    "u8": "uint8",
    "i8": "int8",
    "i16": "int16",
    "u16": "uint16",
    "i32": "int32",
    "u32": "uint32",
    "i64": "int64",
    "u64": "uint64",
    "boolean": "bool",
}
_BITS = {"u1": 1, "u2": 2, "u4": 4, "i4": 4, "nf4": 4, "f4e2m1": 4, "bf16": 16}  # that NumPy has no type for
_MOST_XML, _SLACK = 256 << 20, 4096
_OLD_DTYPES = {"FP32": "float32", "FP16": "float16", "U8": "uint8", "I32": "int32", "I64": "int64", "I8": "int8"}


def read_openvino(xml: Path, weights: Path) -> Graph:
    """The graph of `xml`, constants from `weights`. Raises ModelError where the xml is not an IR."""
    root = _root(xml)
    layers = root.find("layers")
    if root.tag != "net" or layers is None or root.find("edges") is None:
        raise ModelError(f"{xml}: not an OpenVINO IR (a <net> with <layers> and <edges>)")
    try:
        version = int(root.get("version", "0") or 0)
        if version < 10:
            raise ModelError(f"{xml}: an OpenVINO IR of version {version}; export it again with OpenVINO 2021 or newer")
        return _Reader(root, layers, xml, weights).graph()
    except OSError as error:
        raise ModelError(f"{weights}: cannot be read: {error.strerror}") from error
    except (ValueError, OverflowError) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(f"{xml}: not a whole OpenVINO IR: {error}; copy or export the model again") from error


def _root(xml: Path) -> Element:
    """The parsed file; a document type is refused, as its entities can grow without end or name other files."""
    try:
        if xml.stat().st_size > _MOST_XML:
            raise ModelError(f"{xml}: {xml.stat().st_size >> 20} MB of xml: no OpenVINO IR is as large")
        data = xml.read_bytes()
    except OSError as error:
        raise ModelError(f"{xml}: cannot be read: {error.strerror}") from error
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data or data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise ModelError(f"{xml}: not an OpenVINO IR: it declares a document type or entities; export the model again")
    try:
        return ElementTree.fromstring(data)
    except (ElementTree.ParseError, ValueError) as error:
        raise ModelError(f"{xml}: not an OpenVINO IR: {error}; copy or export the model again") from error


class _Reader:
    """Walks the xml once; tensors are called "layer:port"."""

    def __init__(self, root: Element, layers: Element, xml: Path, weights: Path) -> None:
        self.root = root
        self.xml = xml
        self.weights = weights
        self.layers = {layer.get("id", ""): layer for layer in layers}
        self.feeds: dict[tuple[str, str], str] = {}
        for edge in root.find("edges") or ():
            tensor = f"{edge.get('from-layer')}:{edge.get('from-port')}"
            self.feeds[edge.get("to-layer", ""), edge.get("to-port", "")] = tensor
        self.held: dict[str, Element] = {}
        self._check_size()

    def _check_size(self) -> None:
        """Raises ModelError where the weights file is not as long as the constants, those of inner graphs too."""
        needed = 0
        for layer in self.root.iter("layer"):
            data = layer.find("data")
            if data is None or "offset" not in data.attrib or "size" not in data.attrib:
                continue
            offset, size = int(data.attrib["offset"]), int(data.attrib["size"])
            if offset < 0 or size < 0 or size < _least_size(data):
                raise ModelError(
                    f"{self.xml}: its constant {layer.get('name')!r} has {size} bytes at {offset} for the shape "
                    f"{data.get('shape')!r}; copy or export the model again"
                )
            needed = max(needed, offset + size)
        held = self.weights.stat().st_size
        if held < needed:
            raise ModelError(
                f"{self.weights}: shorter than its xml says ({held} bytes for {needed}); copy or export the model again"
            )
        if held > needed + _SLACK:
            raise ModelError(
                f"{self.weights}: longer than its xml says ({held} bytes for {needed}); is it another model's?"
            )

    def graph(self) -> Graph:
        nodes: list[Node] = []
        inputs: list[TensorSpec] = []
        outputs: list[TensorSpec] = []
        tensors: dict[str, str] = {}
        shapes: dict[str, tuple[int, ...]] = {}
        dims: dict[str, tuple[int, ...]] = {}
        for number, layer in self.layers.items():
            kind = layer.get("type", "")
            made = [f"{number}:{port.get('id')}" for port in layer.iterfind("output/port")]
            self._check_ports(layer, kind, len(made))
            if kind == "Const":
                self.held[made[0]] = layer
                shapes[made[0]] = _numbers(_data(layer).get("shape", ""))
            elif kind == "Parameter":
                inputs.append(self._input(layer))
                tensors[inputs[-1].name] = made[0]
            elif kind == "Result":
                port = layer.find("input/port")
                tensor = self.feeds.get((number, "" if port is None else port.get("id", "")), "")
                outputs.append(self._output(tensor))
                tensors[outputs[-1].name] = tensor
            else:
                read = [self.feeds.get((number, p.get("id", "")), "") for p in layer.iterfind("input/port")]
                op = _OPS.get(kind, kind)
                dims |= dict(zip(made, map(_dims, layer.iterfind("output/port")), strict=True))
                nodes.append(Node(op, layer.get("name", ""), tuple(read), tuple(made), dict(_data(layer).attrib)))
        metadata = dict(_remarks(self.root))
        return build_graph(
            format="openvino",
            name=self.root.get("name", ""),
            # our own importer of TFLite says where a graph comes from
            producer="tflite" if metadata.get("framework") == "tflite" else "openvino",
            inputs=inputs,
            outputs=outputs,
            nodes=nodes,
            metadata=metadata,
            shapes=shapes,
            value=self._value,
            tensors=tensors,
            dims=dims,
        )

    def _check_ports(self, layer: Element, kind: str, outputs: int) -> None:
        """Raises ModelError for a layer without what its kind always has."""
        inputs = len(layer.findall("input/port"))
        least = {"Convolution": 2, "GroupConvolution": 2, "Result": 1, "Parameter": 0, "Const": 0}.get(kind, 0)
        if inputs < least or (outputs == 0 and kind in ("Const", "Parameter")):
            raise ModelError(
                f"{self.xml}: layer {layer.get('name')!r} ({kind}) lacks inputs or outputs; export the model again"
            )

    def _value(self, name: str) -> NDArray[Any] | None:
        layer = self.held.get(name)
        if layer is None:
            return None
        data = _data(layer)
        dtype = _DTYPES.get(data.get("element_type", ""))
        if dtype is None:
            return None
        shape = _numbers(data.get("shape", ""))
        offset, size = int(data.get("offset", 0)), int(data.get("size", 0))
        with self.weights.open("rb") as file:
            file.seek(offset)
            raw = file.read(size)
        if len(raw) < size:
            raise ModelError(f"{self.weights}: shorter than its xml says; copy or export the model again")
        return np.frombuffer(raw, dtype)[: int(np.prod(shape))].reshape(shape)

    def _input(self, layer: Element) -> TensorSpec:
        data = _data(layer)
        port = layer.find("output/port")
        shape = tuple(None if number < 0 else number for number in _numbers(data.get("shape", "")))
        name = _tensor_name(layer, port, layer.get("name", ""))
        return TensorSpec(name, shape, _DTYPES.get(data.get("element_type", ""), "float32"), _layout(layer))

    def _output(self, tensor: str) -> TensorSpec:
        number, _, port_id = tensor.partition(":")
        layer = self.layers.get(number)
        if layer is None:
            return TensorSpec(tensor, ())
        ports = layer.findall("output/port")
        port = next((p for p in ports if p.get("id") == port_id), None)
        name = layer.get("name", "")
        if len(ports) > 1 and port is not None:
            name = f"{name}.{ports.index(port)}"
        dims = () if port is None else _dims(port)
        precision = "" if port is None else port.get("precision", "")
        shape = tuple(None if dim < 0 else dim for dim in dims)
        return TensorSpec(_tensor_name(layer, port, name), shape, _OLD_DTYPES.get(precision, "float32"))


def _dims(port: Element) -> tuple[int, ...]:
    return tuple(int(dim.text or -1) for dim in port.iterfind("dim"))


def _data(layer: Element) -> Element:
    found = layer.find("data")
    return Element("data") if found is None else found


def _least_size(data: Element) -> int:
    """How many bytes a constant of that type and shape has at least; 0 for types without a fixed size."""
    kind = data.get("element_type", "")
    bits = np.dtype(_DTYPES[kind]).itemsize * 8 if kind in _DTYPES else _BITS.get(kind, 0)
    shape = _numbers(data.get("shape", ""))
    if any(side < 0 for side in shape):
        raise ModelError(f"a constant has the shape {data.get('shape')!r}; export the model again")
    return math.ceil(math.prod(shape) * bits / 8)


def _numbers(text: str) -> tuple[int, ...]:
    """ "1,3,?,10..20" -> (1, 3, -1, -1)."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    return tuple(int(word) if word.lstrip("-").isdecimal() else -1 for word in words)


def _tensor_name(layer: Element, port: Element | None, fallback: str) -> str:
    names = "" if port is None else port.get("names", "")
    # a comma within a name is escaped
    return re.split(r"(?<!\\),", names)[0].replace("\\,", ",") if names else fallback


def _layout(layer: Element) -> str:
    for attribute in layer.iterfind("rt_info/attribute"):
        if attribute.get("name") == "layout":
            return attribute.get("layout", "").strip("[]").replace(",", "")
    return ""


def _remarks(root: Element) -> Iterator[tuple[str, str]]:
    """What the file says of itself: rt_info (version 11) and meta_data (version 10), keys joined by dots."""
    for section in ("rt_info", "meta_data"):
        found = root.find(section)
        if found is not None:
            yield from _walk(found, "")


def _walk(element: Element, prefix: str) -> Iterator[tuple[str, str]]:
    for child in element:
        key = child.get("name", child.tag) if child.tag == "info" else child.tag
        if "value" in child.attrib:
            yield prefix + key, child.attrib["value"]
        elif len(child) == 0:
            for name, value in child.attrib.items():
                yield f"{prefix}{key}.{name}", value
        yield from _walk(child, f"{prefix}{key}.")
