"""A model file's graph in one neutral form, whatever format it came from: what identification reads.

Op names are ONNX's; other formats' readers translate. Tensors are strings; constants are read only when asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.types import TensorSpec

__all__ = ["Graph", "Node", "build_graph"]

# Ops that move or rename values but never change them.
MOVES = frozenset(
    {
        "Reshape",
        "Transpose",
        "Concat",
        "Squeeze",
        "Unsqueeze",
        "Flatten",
        "Identity",
        "Slice",
        "StridedSlice",
        "Split",
        "VariadicSplit",
        "Gather",
        "GatherND",
        "GatherElements",
        "Cast",
        "Convert",
        "Tile",
        "Expand",
        "Pad",
        "Dropout",
        "QuantizeLinear",
        "DequantizeLinear",
        "FakeQuantize",
    }
)

# Ops that unpack constants: weights kept small in the file, biases kept flat.
_KEEPS = frozenset(
    {"Cast", "Identity", "Reshape", "Unsqueeze", "DequantizeLinear", "QuantizeLinear", "FakeQuantize", "Mul", "Sub"}
)
_SHAPES = ("Reshape", "Unsqueeze")


@dataclass(frozen=True, slots=True)
class Node:
    """One operation: `inputs` and `outputs` are tensor names ("" for an absent optional input)."""

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True)
class Graph:
    """inputs and outputs as declared, nodes in topological order, `metadata` the file's own remarks by dotted key.

    shapes: of the constants, by tensor name, also of those that are unpacked first. `value(name)`: the constant as an
    array, or None. A convolution's bias that stands in a node of its own belongs to the convolution.
    dims: shapes of computed tensors where the file states them, -1 where open.
    maker: tensor -> the node that makes it; users: tensor -> the nodes that read it.
    """

    format: str
    name: str
    producer: str
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    nodes: tuple[Node, ...]
    metadata: Mapping[str, str]
    shapes: Mapping[str, tuple[int, ...]]
    value: Callable[[str], NDArray[Any] | None]
    maker: Mapping[str, Node]
    users: Mapping[str, tuple[Node, ...]]
    tensors: Mapping[str, str] = field(default_factory=dict[str, str])
    dims: Mapping[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])

    def tensor(self, name: str) -> str:
        """The tensor behind a declared input's or output's name (formats may name both apart)."""
        return self.tensors.get(name, name)

    def has(self, *ops: str) -> bool:
        """Whether any of these ops occurs."""
        return any(node.op in ops for node in self.nodes)

    def count(self, op: str) -> int:
        return sum(node.op == op for node in self.nodes)

    def makers(self, tensor: str, through: frozenset[str] = MOVES) -> tuple[Node, ...]:
        """The nodes that computed `tensor`'s values: backwards past every op that only moves them."""
        found: list[Node] = []
        seen: set[str] = set()
        stack = [tensor]
        while stack:
            name = stack.pop()
            node = self.maker.get(name)
            if node is None or name in seen:
                continue
            seen.add(name)
            if node.op in through:
                # an index or a target shape is no value: only data inputs are followed
                data = node.inputs if node.op == "Concat" else node.inputs[:1]
                stack.extend(data)
            elif node not in found:
                found.append(node)
        return tuple(found)

    def before(self, tensor: str, depth: int) -> tuple[Node, ...]:
        """Every node within `depth` steps behind `tensor`."""
        found: dict[int, Node] = {}
        layer = [tensor]
        for _ in range(depth):
            ahead: list[str] = []
            for name in layer:
                node = self.maker.get(name)
                if node is not None and id(node) not in found:
                    found[id(node)] = node
                    ahead.extend(node.inputs)
            layer = ahead
        return tuple(found.values())


def build_graph(
    *,
    format: str,
    name: str,
    producer: str,
    inputs: Iterable[TensorSpec],
    outputs: Iterable[TensorSpec],
    nodes: Iterable[Node],
    metadata: Mapping[str, str],
    shapes: Mapping[str, tuple[int, ...]],
    value: Callable[[str], NDArray[Any] | None],
    tensors: Mapping[str, str] | None = None,
    dims: Mapping[str, tuple[int, ...]] | None = None,
) -> Graph:
    """A `Graph` with its links made."""
    nodes, outputs, tensors = tuple(nodes), tuple(outputs), tensors or {}
    copies = _copies(nodes, shapes, dims or {})
    shapes = {**shapes, **{name: copy.shape for name, copy in copies.items()}}
    nodes = _with_bias(nodes, shapes, {tensors.get(output.name, output.name) for output in outputs})
    stored = value

    def unpacked(name: str) -> NDArray[Any] | None:
        copy = copies.get(name)
        if copy is None:
            return stored(name)
        value = stored(copy.source) if copy.plain else None
        return None if value is None else value.reshape(copy.shape)

    maker: dict[str, Node] = {}
    users: dict[str, list[Node]] = {}
    for node in nodes:
        for tensor in node.outputs:
            maker[tensor] = node
        for tensor in dict.fromkeys(node.inputs):
            users.setdefault(tensor, []).append(node)
    return Graph(
        format=format,
        name=name,
        producer=producer,
        inputs=tuple(inputs),
        outputs=outputs,
        nodes=nodes,
        metadata=metadata,
        shapes=shapes,
        value=unpacked,
        maker=maker,
        users={tensor: tuple(readers) for tensor, readers in users.items()},
        tensors=tensors,
        dims=dims or {},
    )


@dataclass(frozen=True, slots=True)
class _Copy:
    """A constant unpacked from `source`; plain: with the same values."""

    source: str
    plain: bool
    shape: tuple[int, ...]


def _copies(
    nodes: Iterable[Node], shapes: Mapping[str, tuple[int, ...]], dims: Mapping[str, tuple[int, ...]]
) -> dict[str, _Copy]:
    """The tensors that are a constant unpacked."""
    found: dict[str, _Copy] = {}
    for node in nodes:
        # where to a constant is reshaped may be computed
        given = [name for name in node.inputs[: 1 if node.op in _SHAPES else None] if name]
        if node.op not in _KEEPS or not given or any(name not in shapes and name not in found for name in given):
            continue
        first = found.get(given[0]) or _Copy(given[0], True, shapes[given[0]])
        shape = dims.get(node.outputs[0], ()) if node.op in _SHAPES else first.shape
        if int(np.prod(shape)) == int(np.prod(first.shape)):
            plain = first.plain and node.op in ("Cast", "Identity", *_SHAPES)
            found[node.outputs[0]] = _Copy(first.source, plain, shape)
    return found


def _with_bias(nodes: tuple[Node, ...], shapes: Mapping[str, tuple[int, ...]], ends: set[str]) -> tuple[Node, ...]:
    """Convolutions take the node that adds one number a channel to them, and its output, into themselves."""
    convolutions = {node.outputs[0]: node for node in nodes if node.op == "Conv" and node.outputs[0] not in ends}
    readers: dict[str, int] = {}
    for node in nodes:
        # who reads only the shape of a tensor does not keep it apart
        for name in () if node.op in ("Shape", "ShapeOf") else node.inputs:
            readers[name] = readers.get(name, 0) + 1
    folded: dict[int, Node] = {}
    for node in nodes:
        if node.op != "Add" or len(node.inputs) != 2:
            continue
        for data, bias in (node.inputs, node.inputs[::-1]):
            made = convolutions.get(data)
            if (
                made is not None
                and readers[data] == 1
                and _is_bias(shapes.get(bias, ()), shapes.get(made.inputs[1], ()))
            ):
                folded[id(made)] = replace(made, outputs=node.outputs)
                folded[id(node)] = node
                break
    return tuple(folded.get(id(node), node) for node in nodes if node.op != "Add" or id(node) not in folded)


def _is_bias(bias: tuple[int, ...], weights: tuple[int, ...]) -> bool:
    """[1, C, 1, 1] for weights [C, ...], or [G, C/G, ...] of a grouped convolution."""
    if len(bias) < 3 or len(weights) < len(bias):
        return False
    channels = weights[0] if len(weights) == len(bias) else weights[0] * weights[1]
    return bias[1] == channels == int(np.prod(bias))
