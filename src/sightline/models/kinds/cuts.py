"""Where a graph itself cuts scores off: what it never gives, no threshold outside can ask for."""

from __future__ import annotations

import numpy as np

from sightline.models.graphs.graph import Graph, Node

__all__ = ["score_cut"]

# ONNX and OpenVINO: the fifth input of NonMaxSuppression (https://onnx.ai/onnx/operators/onnx__NonMaxSuppression.html)
_SCORE_INPUT = 4
_ATTRIBUTES = ("score_threshold", "scoreThreshold", "confidence_threshold", "nms_score_threshold")


def score_cut(graph: Graph) -> float | None:
    """The highest score below which a suppression in the graph drops boxes; None where none does, or none says."""
    cuts = [cut for node in graph.nodes if (cut := _cut_of(graph, node)) is not None and 0 < cut < 1]
    return round(max(cuts), 6) if cuts else None  # the graph holds it as float32


def _cut_of(graph: Graph, node: Node) -> float | None:
    if node.op == "NonMaxSuppression":
        if len(node.inputs) <= _SCORE_INPUT or not node.inputs[_SCORE_INPUT]:
            return None
        value = graph.value(node.inputs[_SCORE_INPUT])
        return None if value is None or np.size(value) != 1 else float(np.reshape(value, ()))
    for name in _ATTRIBUTES:
        said = node.attributes.get(name)
        if isinstance(said, (int, float, str)):
            try:
                return float(said)
            except ValueError:
                return None
    return None
