"""What feeds a model's inputs: windows of a stream, differences, several pictures, sizes left to the frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import TensorProto, helper

from sightline.errors import ModelError
from sightline.models.filling import Filling
from sightline.models.infer import Model
from sightline.models.looks import Look
from sightline.protocols import Outputs, Runtime, RuntimeOptions
from sightline.runtimes.onnx_runtime import OnnxRuntime
from sightline.runtimes.open_vino import OpenVinoRuntime
from sightline.testing import MovingBoxes
from sightline.types import (
    F32,
    ChannelOrder,
    Detections,
    Frame,
    InputSpec,
    Instant,
    ModelSpec,
    Picture,
    PixelLayout,
    Prediction,
    Preprocess,
    TensorSpec,
    View,
)

RUNTIMES = [OpenVinoRuntime(), OnnxRuntime()]


class Plain:
    """Keeps what the graph gave."""

    def __init__(self) -> None:
        self.seen: list[dict[str, F32]] = []

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        self.seen.append({name: np.array(array, np.float32) for name, array in outputs.items()})
        return [Prediction(Detections()) for _ in views]


def passing(path: Path, *inputs: InputSpec) -> ModelSpec:
    """A network that gives every input back."""
    nodes, ins, outs = [], [], []
    for item in inputs:
        kind = helper.np_dtype_to_tensor_dtype(np.dtype(item.tensor.dtype))
        shape = [d if d is not None else f"{item.tensor.name}{i}" for i, d in enumerate(item.tensor.shape)]
        nodes.append(helper.make_node("Cast", [item.tensor.name], [f"{item.tensor.name}_out"], to=TensorProto.FLOAT))
        ins.append(helper.make_tensor_value_info(item.tensor.name, kind, shape))
        outs.append(helper.make_tensor_value_info(f"{item.tensor.name}_out", TensorProto.FLOAT, shape))
    graph = helper.make_graph(nodes, "passing", ins, outs)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    names = tuple(TensorSpec(f"{item.tensor.name}_out", item.tensor.shape) for item in inputs)
    return ModelSpec("passing", inputs, names, "none")


def grey_frame(level: int, index: int = 0, size: tuple[int, int] = (8, 6), epoch: int = 0) -> Frame:
    template = next(iter(MovingBoxes(count=1).frames()))
    pixels = np.full((size[1], size[0], 3), level, np.uint8)
    at = Instant(index, template.at.base, epoch)
    picture = Picture((pixels,), PixelLayout.RGB, full_range=True)
    return replace(template, index=index, at=at, picture=picture, width=size[0], height=size[1])


def run(spec: ModelSpec, path: Path, runtime: Runtime, frames: Sequence[Frame]) -> list[dict[str, F32]]:
    head = Plain()
    model = Model("m", spec, path, head, runtime, RuntimeOptions(precision="f32"))
    for frame in frames:
        model.predict(frame)
    model.close()
    return head.seen


@pytest.mark.parametrize("runtime", RUNTIMES, ids=["openvino", "onnx"])
@pytest.mark.parametrize(
    ("layout", "shape", "axis"),
    [
        ("NTCHW", (1, 3, 3, 6, 8), 1),
        ("NCTHW", (1, 3, 3, 6, 8), 2),
        ("NTHWC", (1, 3, 6, 8, 3), 1),
    ],
)
def test_a_window_holds_the_last_views_oldest_first(
    tmp_path: Path, runtime: Runtime, layout: str, shape: tuple[int, ...], axis: int
) -> None:
    item = InputSpec(TensorSpec("clip", shape, "float32", layout), Preprocess(scale=(10.0,)), "window:3")
    path = tmp_path / "m.onnx"
    seen = run(passing(path, item), path, runtime, [grey_frame(v, i) for i, v in enumerate((10, 20, 30, 40))])
    levels = [np.moveaxis(s["clip_out"], axis, 0).reshape(3, -1) for s in seen]
    assert all(np.ptp(level, 1).max() < 1e-4 for level in levels)
    # a stream that begins repeats its first view
    assert [level[:, 0].round(4).tolist() for level in levels] == [[1, 1, 1], [1, 1, 2], [1, 2, 3], [2, 3, 4]]


@pytest.mark.parametrize("runtime", RUNTIMES, ids=["openvino", "onnx"])
@pytest.mark.parametrize(("layout", "shape"), [("NCHW", (1, 6, 6, 8)), ("NHWC", (1, 6, 8, 6))])
def test_a_window_in_the_channels(tmp_path: Path, runtime: Runtime, layout: str, shape: tuple[int, ...]) -> None:
    item = InputSpec(TensorSpec("pair", shape, "float32", layout), source="window:2")
    path = tmp_path / "m.onnx"
    seen = run(passing(path, item), path, runtime, [grey_frame(5), grey_frame(9, 1)])
    assert np.moveaxis(seen[1]["pair_out"], layout.index("C"), 1)[0, :, 0, 0].tolist() == [5, 5, 5, 9, 9, 9]


@pytest.mark.parametrize("runtime", RUNTIMES, ids=["openvino", "onnx"])
def test_a_difference_beside_a_view_of_another_size(tmp_path: Path, runtime: Runtime) -> None:
    look = InputSpec(TensorSpec("look", (1, 1, 4, 4), "float32", "NCHW"), Preprocess(ChannelOrder.GREY))
    motion = InputSpec(
        TensorSpec("motion", (1, 6, 8, 3), "float32", "NHWC"), Preprocess(scale=(2.0,)), source="difference"
    )
    path = tmp_path / "m.onnx"
    seen = run(passing(path, look, motion), path, runtime, [grey_frame(100), grey_frame(130, 1), grey_frame(90, 2)])
    assert [s["look_out"].mean().round(3) for s in seen] == [100, 130, 90]
    assert [s["motion_out"].mean().round(3) for s in seen] == [0, 15, -20]


def test_streams_and_epochs_do_not_mix(tmp_path: Path) -> None:
    item = InputSpec(TensorSpec("clip", (1, 2, 3, 6, 8), "float32", "NTCHW"), source="window:2")
    path = tmp_path / "m.onnx"
    other = grey_frame(70, 1)
    other = replace(other, stream=replace(other.stream, id="other"))
    frames = [grey_frame(10), other, grey_frame(20, 1), grey_frame(30, 0, epoch=1)]
    seen = run(passing(path, item), path, RUNTIMES[1], frames)
    assert [s["clip_out"][0, :, 0, 0, 0].tolist() for s in seen] == [[10, 10], [70, 70], [10, 20], [30, 30]]


@pytest.mark.parametrize("runtime", RUNTIMES, ids=["openvino", "onnx"])
def test_open_sides_follow_the_frame(tmp_path: Path, runtime: Runtime) -> None:
    line = InputSpec(TensorSpec("line", (None, 3, 32, None), "float32", "NCHW"), multiple=1)
    path = tmp_path / "m.onnx"
    frames = [grey_frame(9, 0, (200, 40)), grey_frame(9, 1, (33, 40)), grey_frame(9, 2, (200, 40))]
    seen = run(passing(path, line), path, runtime, frames)
    assert [s["line_out"].shape for s in seen] == [(1, 3, 32, 160), (1, 3, 32, 27), (1, 3, 32, 160)]
    both = InputSpec(TensorSpec("page", (1, 3, None, None), "float32", "NCHW"), multiple=32)
    seen = run(passing(path, both), path, runtime, [grey_frame(9, 0, (703, 139))])
    assert seen[0]["page_out"].shape == (1, 3, 128, 704)


@given(st.integers(1, 5000), st.integers(1, 5000), st.sampled_from([1, 8, 32]))
def test_an_open_size_is_a_multiple_and_bounded(width: int, height: int, multiple: int) -> None:
    spec = ModelSpec(
        "m", (InputSpec(TensorSpec("x", (1, 3, None, None), "float32", "NCHW"), multiple=multiple),), (), ""
    )
    frame = replace(next(iter(MovingBoxes(count=1).frames())), width=width, height=height)
    ((w, h),) = Filling(spec).sizes(Look(frame))
    assert w % multiple == h % multiple == 0
    assert 0 < w <= 1920
    assert 0 < h <= 1920
    if max(width, height) <= 1900:
        assert abs(w - width) <= max(multiple, width) / 2 + multiple / 2
        assert abs(h - height) <= multiple


def test_what_an_earlier_model_must_feed_is_said() -> None:
    picture = InputSpec(TensorSpec("face", (1, 3, 8, 8), "float32", "NCHW"))
    angles = InputSpec(TensorSpec("angles", (1, 3)), source="column:angles")
    with pytest.raises(ModelError, match="angles of an object that another model found"):
        Filling(ModelSpec("gaze", (picture, angles), (), "")).judge()
    with pytest.raises(ModelError, match="angles of an object that another model found"):
        Filling(ModelSpec("gaze", (angles,), (), "")).judge()
    with pytest.raises(ModelError, match="no picture input"):
        Filling(ModelSpec("gaze", (replace(angles, source="ones"),), (), "")).judge()
