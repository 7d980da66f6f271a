"""What nobody asks a precision for: small networks in float32, large ones in the processor's own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import openvino as ov
import pytest
from onnx import TensorProto, helper, numpy_helper

from sightline.protocols import RuntimeOptions
from sightline.runtimes.open_vino import SMALL_BYTES, OpenVinoRuntime
from sightline.types import InputSpec, ModelSpec, TensorSpec


def network(path: Path, channels: int) -> ModelSpec:
    """One product of `channels` x `channels` weights."""
    weights = np.random.default_rng(0).standard_normal((channels, channels)).astype(np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])],
        "product",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, channels])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, channels])],
        [numpy_helper.from_array(weights, "w")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    tensor = TensorSpec("x", (1, channels))
    return ModelSpec("product", (InputSpec(tensor, source="ones"),), (TensorSpec("y", (1, channels)),), "none")


def precision(path: Path, channels: int, asked: str) -> str:
    runtime = OpenVinoRuntime()
    session = runtime.load(network(path, channels), path, RuntimeOptions(precision=asked))
    used = runtime.describe(session)["precision"]
    session.close()
    return used


def test_the_size_of_the_weights_decides(tmp_path: Path) -> None:
    if "BF16" not in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this processor has one precision only")
    side = int((SMALL_BYTES / 4) ** 0.5)
    assert precision(tmp_path / "small.onnx", side - 8, "auto") == "f32"
    assert precision(tmp_path / "small.onnx", side - 8, "bf16") == "bf16"
    assert precision(tmp_path / "large.onnx", side + 8, "auto") == "bf16"
    assert precision(tmp_path / "large.onnx", side + 8, "f32") == "f32"
