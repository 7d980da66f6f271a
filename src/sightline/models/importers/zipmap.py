"""ONNX classifiers whose output is a map from name to score: cut back to the row of scores itself.

https://onnx.ai/onnx/operators/onnx_aionnxml_ZipMap.html. No runtime but its maker's gives such maps as tensors.
"""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import helper

from sightline.errors import ModelError

__all__ = ["cut_zipmap", "has_zipmap"]

_ML = "ai.onnx.ml"


def has_zipmap(model: onnx.ModelProto) -> bool:
    """Whether an output of `model` is no tensor but a map, made by ZipMap."""
    outputs = {output.name for output in model.graph.output}
    return any(node.op_type == "ZipMap" and outputs & set(node.output) for node in model.graph.node)


def cut_zipmap(model: onnx.ModelProto, path: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Makes the scores before the ZipMap the only output of `model`, in place; drops what fed other outputs alone.

    Returns the names that the map held, by class id, and what was changed. Raises ModelError for a map of nothing.
    """
    graph = model.graph
    node = next(node for node in graph.node if node.op_type == "ZipMap")
    makers = {name: other for other in graph.node for name in other.output if name}
    if len(node.input) != 1 or node.input[0] not in makers:
        raise ModelError(f"{path}: its ZipMap {node.name!r} reads nothing that the graph makes; export it again")
    held = {attribute.name: attribute for attribute in node.attribute}
    names: tuple[str, ...] = ()
    if "classlabels_strings" in held:
        names = tuple(text.decode("utf-8", "replace") for text in held["classlabels_strings"].strings)
    elif "classlabels_int64s" in held:
        names = tuple(str(number) for number in held["classlabels_int64s"].ints)
    scores = node.input[0]
    dropped = [output.name for output in graph.output]
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(scores, onnx.TensorProto.FLOAT, [None, len(names) or None]))
    _drop_unused(model, scores)
    change = f"output {scores} in place of {', '.join(dropped)}: the row of scores instead of a map from name to score"
    return names, (change,)


def _drop_unused(model: onnx.ModelProto, output: str) -> None:
    """Nodes and constants that `output` does not need."""
    graph = model.graph
    makers = {name: i for i, node in enumerate(graph.node) for name in node.output if name}
    needed: set[int] = set()
    wanted: set[str] = set()
    stack = [output]
    while stack:
        name = stack.pop()
        if name in wanted:
            continue
        wanted.add(name)
        index = makers.get(name)
        if index is not None and index not in needed:
            needed.add(index)
            stack.extend(name for name in graph.node[index].input if name)
    for index in reversed(range(len(graph.node))):
        if index not in needed:
            del graph.node[index]
    for index in reversed(range(len(graph.initializer))):
        if graph.initializer[index].name not in wanted:
            del graph.initializer[index]
    if not any(node.domain == _ML for node in graph.node):
        for index in reversed(range(len(model.opset_import))):
            if model.opset_import[index].domain == _ML:
                del model.opset_import[index]
    if not any(entry.domain in ("", "ai.onnx") for entry in model.opset_import):
        model.opset_import.append(helper.make_opsetid("", 7))
