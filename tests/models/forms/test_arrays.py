"""What calibration feeds is what the runtimes feed: NumPy's arithmetic against the nodes in front of the graph."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from test_filling import Plain, grey_frame, passing

from sightline.models.forms.arrays import arrays_of
from sightline.models.infer import Model
from sightline.protocols import RuntimeOptions
from sightline.runtimes.onnx_runtime import OnnxRuntime
from sightline.types import ChannelOrder, Frame, InputSpec, Picture, PixelLayout, Preprocess, Resize, TensorSpec

ODD = Preprocess(ChannelOrder.BGR, (10.0, 20.0, 30.0), (2.0, 3.0, 4.0), Resize.LETTERBOX, 77)


def noise(seed: int, index: int) -> Frame:
    pixels = np.random.default_rng(seed).integers(0, 256, (9, 14, 3)).astype(np.uint8)
    frame = grey_frame(0, index, (14, 9))
    return replace(frame, picture=Picture((pixels,), PixelLayout.RGB, full_range=True))


@pytest.mark.parametrize(
    "item",
    [
        InputSpec(TensorSpec("x", (1, 3, 6, 8), "float32", "NCHW"), ODD),
        InputSpec(TensorSpec("x", (1, 6, 8, 3), "float32", "NHWC"), ODD),
        InputSpec(TensorSpec("x", (1, 1, 6, 8), "float32", "NCHW"), Preprocess(ChannelOrder.GREY, (5.0,), (9.0,))),
        InputSpec(TensorSpec("x", (1, 6, 8, 3), "uint8", "NHWC"), Preprocess(ChannelOrder.BGR)),
        InputSpec(TensorSpec("x", (1, 6, 8, 3), "int8", "NHWC"), Preprocess(mean=(128.0,))),
        InputSpec(TensorSpec("x", (1, 3, 3, 6, 8), "float32", "NTCHW"), ODD, "window:3"),
        InputSpec(TensorSpec("x", (1, 3, 3, 6, 8), "float32", "NCTHW"), ODD, "window:3"),
        InputSpec(TensorSpec("x", (1, 6, 6, 8), "float32", "NCHW"), source="window:2"),
        InputSpec(TensorSpec("x", (1, 6, 8, 6), "float32", "NHWC"), source="window:2"),
        InputSpec(TensorSpec("x", (1, 3, 6, 8), "float32", "NCHW"), source="difference"),
        InputSpec(TensorSpec("x", (1, 3, 6, None), "float32", "NCHW"), multiple=4),
    ],
    ids=str,
)
def test_the_same_array(tmp_path: Path, item: InputSpec) -> None:
    frames = [noise(seed, seed) for seed in range(4)]
    size = InputSpec(TensorSpec("size", (1, 2), "float32"), source="size_hw")
    spec = passing(tmp_path / "m.onnx", item, size)
    head = Plain()
    model = Model("m", spec, tmp_path / "m.onnx", head, OnnxRuntime(), RuntimeOptions(precision="f32"), exact=True)
    for frame in frames:
        model.predict(frame)
    model.close()
    for seen, fed in zip(head.seen, arrays_of(spec, frames), strict=True):
        assert fed["x"].dtype == np.dtype(item.tensor.dtype)
        np.testing.assert_allclose(fed["x"].astype(np.float32), seen["x_out"], atol=1e-4)
        np.testing.assert_array_equal(fed["size"], seen["size_out"])
