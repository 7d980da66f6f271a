"""Preprocessing put into a graph: for chips, which take one picture at a time, an open batch is closed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import openvino as ov
import pytest
from onnx import TensorProto, helper, numpy_helper

from sightline.config import ModelConfig
from sightline.models.forms.convert import Inside, put_inside, to_onnx
from sightline.models.identify import Identified, identify


@pytest.fixture
def open_batch(tmp_path: Path) -> Identified:
    """A classifier of two names whose batch is open."""
    weights = numpy_helper.from_array(np.random.default_rng(1).normal(0, 0.1, (2, 3)).astype(np.float32), "w")
    nodes = [
        helper.make_node("GlobalAveragePool", ["images"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("Gemm", ["flat", "w"], ["sum"], transB=1),
        helper.make_node("Softmax", ["sum"], ["probabilities"]),
    ]
    graph = helper.make_graph(
        nodes,
        "names",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["N", 3, 32, 32])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", 2])],
        [weights],
    )
    folder = tmp_path / "model"
    folder.mkdir()
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), folder / "m.onnx")
    (folder / "labels.txt").write_text("cat\ndog\n")
    options = {"color": "rgb", "mean": (0.0,), "scale": (255.0,), "resize": "stretch"}
    return identify(ModelConfig.model_validate({"path": str(folder / "m.onnx"), "head": "classify", **options}))


@pytest.mark.parametrize("single", [True, False])
def test_an_open_batch_is_closed_where_one_picture_is_wanted(
    tmp_path: Path, open_batch: Identified, single: bool
) -> None:
    made = put_inside(open_batch, tmp_path, Inside((0.0,), (255.0,), layout="NCHW"), single=single)
    network = ov.Core().read_model(str(made.weights))
    assert network.input(0).get_partial_shape()[0].is_dynamic is not single
    assert network.input(0).get_element_type() == ov.Type.u8
    assert made.spec.inputs[0].tensor.shape == (1 if single else None, 3, 32, 32)
    onward = onnx.load(str(to_onnx(made, tmp_path).weights))
    first = onward.graph.input[0].type.tensor_type.shape.dim[0]
    assert (first.dim_value == 1) is single
