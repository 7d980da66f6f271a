"""A model file's graph in one neutral form, whatever format it came from: what identification reads.

Op names are ONNX's; other formats' readers translate. Tensors are strings; constants are read only when asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

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

    shapes: of the constants, by tensor name. `value(name)`: the constant as an array, or None.
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
    nodes = tuple(nodes)
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
        outputs=tuple(outputs),
        nodes=nodes,
        metadata=metadata,
        shapes=shapes,
        value=value,
        maker=maker,
        users={tensor: tuple(readers) for tensor, readers in users.items()},
        tensors=tensors or {},
        dims=dims or {},
    )
