"""Where a graph drops boxes by score, and the warning for who asks for less."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from sightline.config import ModelConfig
from sightline.models.graphs.graph import Node, build_graph
from sightline.models.identify import identify
from sightline.models.kinds.cuts import score_cut

HELD = {"cut": np.array([0.2], np.float32), "two": np.array([0.2, 0.3], np.float32)}


@pytest.mark.parametrize(
    ("node", "cut"),
    [
        (Node("NonMaxSuppression", "n", ("b", "s", "k", "iou", "cut"), ("o",)), 0.2),
        (Node("NonMaxSuppression", "n", ("b", "s", "k", "iou"), ("o",)), None),
        (Node("NonMaxSuppression", "n", ("b", "s", "k", "iou", ""), ("o",)), None),
        (Node("NonMaxSuppression", "n", ("b", "s", "k", "iou", "computed"), ("o",)), None),
        (Node("NonMaxSuppression", "n", ("b", "s", "k", "iou", "two"), ("o",)), None),
        (Node("DetectionOutput", "n", ("a",), ("o",), {"confidence_threshold": "0.3"}), 0.3),
        (Node("DetectionOutput", "n", ("a",), ("o",), {"confidence_threshold": "none"}), None),
        (Node("EfficientNMS_TRT", "n", ("a",), ("o",), {"score_threshold": 0.25}), 0.25),
        (Node("MulticlassNms", "n", ("a",), ("o",), {"score_threshold": "0"}), None),
        (Node("Relu", "n", ("a",), ("o",)), None),
    ],
)
def test_what_a_node_says(node: Node, cut: float | None) -> None:
    graph = build_graph(
        format="onnx",
        name="g",
        producer="",
        inputs=(),
        outputs=(),
        nodes=(node,),
        metadata={},
        shapes={name: array.shape for name, array in HELD.items()},
        value=HELD.get,
    )
    assert score_cut(graph) == (None if cut is None else pytest.approx(cut))


def suppressed(folder: Path) -> Path:
    """A model whose three outputs come out of a suppression at 0.4."""
    held = [
        helper.make_tensor("most", TensorProto.INT64, [1], [10]),
        helper.make_tensor("iou", TensorProto.FLOAT, [1], [0.5]),
        helper.make_tensor("cut", TensorProto.FLOAT, [1], [0.4]),
        helper.make_tensor("to_boxes", TensorProto.INT64, [3], [1, -1, 4]),
        helper.make_tensor("to_scores", TensorProto.INT64, [3], [1, 1, -1]),
        helper.make_tensor("first", TensorProto.INT64, [1], [0]),
    ]
    nodes = [
        helper.make_node("Reshape", ["images", "to_boxes"], ["boxes"]),
        helper.make_node("ReduceMean", ["boxes"], ["mean"], axes=[2]),
        helper.make_node("Reshape", ["mean", "to_scores"], ["scores"]),
        helper.make_node("NonMaxSuppression", ["boxes", "scores", "most", "iou", "cut"], ["selected_indices"]),
    ]
    graph = helper.make_graph(
        nodes,
        "suppressed",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 64, 64])],
        [
            helper.make_tensor_value_info("selected_indices", TensorProto.INT64, ["n", 3]),
            helper.make_tensor_value_info("boxes", TensorProto.FLOAT, [1, 3072, 4]),
            helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, 1, 3072]),
        ],
        held,
    )
    path = folder / "m.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=9), path)
    return path


@pytest.mark.parametrize(("score", "warned"), [(0.1, True), (0.4, False), (0.6, False), (None, False)])
def test_who_asks_for_less_than_the_graph_gives_is_told(tmp_path: Path, score: float | None, warned: bool) -> None:
    found = identify(ModelConfig(path=str(suppressed(tmp_path)), head="nms-indices", score=score))
    told = [text for text in found.warnings if "0.4" in text and "graph" in text]
    assert bool(told) is warned
