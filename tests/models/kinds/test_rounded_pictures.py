"""A quantised graph tells by its first rounding what its pictures are fed as."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from openvino import opset13 as op

from sightline.config import ModelConfig
from sightline.models.identify import Identified, identify


def _segmenter(folder: Path, low: float, high: float) -> Identified:
    """A class map of 64x64 from a picture that TensorFlow's converter rounds within low..high."""
    picture = op.parameter([1, 64, 64, 3], np.float32, name="input")
    ends = [op.constant(np.float32(end)) for end in (low, high)]
    rounded = op.fake_quantize(picture, *ends, *ends, 256)
    weights = np.random.default_rng(3).normal(0, 1, (5, 3, 1, 1)).astype(np.float32)
    planes = op.transpose(rounded, op.constant(np.array([0, 3, 1, 2])))
    scores = op.convolution(planes, op.constant(weights), [1, 1], [0, 0], [0, 0], [1, 1])
    best = op.topk(scores, op.constant(np.int64(1)), 1, "max", "none", index_element_type="i64")
    plane = op.squeeze(best.output(1), op.constant(np.array([0, 1])))
    plane.output(0).get_tensor().set_names({"final_output"})
    picture.output(0).get_tensor().set_names({"input"})
    model = ov.Model([op.result(plane.output(0))], [picture], "segmentation")  # type: ignore[misc]
    model.set_rt_info("tflite", "framework")
    ov.save_model(model, str(folder / "bisenet.xml"), compress_to_fp16=False)
    return identify(ModelConfig.model_validate({"path": str(folder / "bisenet.xml")}))


@pytest.mark.parametrize(
    ("low", "high", "mean", "scale"), [(-0.996, 1.004, 127.5, 127.5), (-1.0, 0.992, 127.5, 127.5), (0, 1, 0, 255)]
)
def test_the_range_of_the_first_rounding_settles_the_values(
    low: float, high: float, mean: float, scale: float, tmp_path: Path
) -> None:
    found = _segmenter(tmp_path, low, high)
    assert found.decided, found.question
    steps = found.spec.inputs[0].preprocess
    assert (steps.mean, steps.scale) == ((mean,), (scale,))
    assert any("rounds its pictures" in reason for reason in found.reasons)


@pytest.mark.parametrize(("low", "high"), [(0, 255), (-2.1, 2.6), (-0.2, 1)])
def test_a_range_that_no_version_has_settles_nothing(low: float, high: float, tmp_path: Path) -> None:
    found = _segmenter(tmp_path, low, high)
    assert not found.decided
    assert "--scale" in found.question
