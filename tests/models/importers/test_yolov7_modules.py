"""Networks of YOLOv7's yaml: the parameters of the published code, and the same numbers folded or not."""

from __future__ import annotations

import contextlib
import os
from copy import deepcopy
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yolov7_plans import ANCHORS, MODULES, PUBLISHED, auxiliary, network

from sightline.errors import ModelError
from sightline.models.graphs.graph_writer import GraphWriter
from sightline.models.importers.layer_writer import LayerWriter, Plane
from sightline.models.importers.yolov7_modules import MODULES as BUILT
from sightline.models.importers.yolov7_modules import build_module
from sightline.models.importers.yolov7_network import MadeUpWeights, build_network, strides_of
from sightline.models.importers.yolov7_yaml import Layer, plan_of, read_plan_text
from sightline.types import F32

BUFFERS = (".running_mean", ".running_var", ".num_batches_tracked", ".anchors", ".anchor_grid", ".bins", ".pos_weight")


def run(value: Any, weights: MadeUpWeights, picture: F32, fuse: bool) -> tuple[F32, list[str]]:
    """The output, and the operations it takes; nothing is optimised on the way."""
    size = (picture.shape[3], picture.shape[2])
    writer, decoded = build_network(plan_of(deepcopy(value), "x"), weights, size, "x", fuse=fuse)
    model = writer.finish()
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    (output,) = session.run(None, {"images": picture})
    assert isinstance(output, np.ndarray)
    assert output.shape[1:] == decoded.shape
    return output, [node.op_type for node in model.graph.node]


def picture(height: int = 64, width: int = 96) -> F32:
    return np.random.default_rng(0).random((1, 3, height, width), np.float32)


def counts(shapes: dict[str, tuple[int, ...]]) -> tuple[int, int]:
    return sum(prod(shape) for name, shape in shapes.items() if not name.endswith(BUFFERS)), len(shapes)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_has_the_published_parameters_and_folds(name: str) -> None:
    arguments, numbers, entries = MODULES[name]
    weights, seen = MadeUpWeights(), picture()
    plain, plain_ops = run(network(name, arguments), weights, seen, fuse=False)
    assert counts(weights.shapes) == (numbers, entries)
    fused, fused_ops = run(network(name, arguments), weights, seen, fuse=True)
    np.testing.assert_allclose(fused, plain, atol=1e-4, rtol=1e-5)
    assert plain_ops.count("BatchNormalization") > fused_ops.count("BatchNormalization")
    assert np.ptp(plain[..., 4]) > 1e-4


def test_every_module_that_is_built_is_tried() -> None:
    tried = {name.partition("_")[0].rpartition(".")[2] for name in MODULES} | {"Concat"}
    # of YOLOv5, checked below
    tried |= {"C3", "C3x", "C3Ghost", "BottleneckCSP", "GhostBottleneck", "Identity", "MaxPool2d", "ZeroPad2d"}
    assert set(BUILT) == tried - {"IBin"}


@pytest.mark.parametrize("name", ["C3", "C3x", "C3Ghost", "BottleneckCSP", "GhostBottleneck", "nn.Identity"])
def test_modules_of_yolov5_fold(name: str) -> None:
    weights, seen = MadeUpWeights(), picture()
    value = network(name, [] if name == "nn.Identity" else [64])
    plain, _ = run(value, weights, seen, fuse=False)
    fused, _ = run(value, weights, seen, fuse=True)
    np.testing.assert_allclose(fused, plain, atol=1e-4, rtol=1e-5)


def test_padding_and_pooling_of_yolov3_tiny_keep_the_size() -> None:
    value = network("nn.ZeroPad2d", [[0, 1, 0, 1]])
    value["backbone"].insert(3, [-1, 1, "nn.MaxPool2d", [2, 1, 0]])
    value["head"][-1][0] = [4, 5]
    output, operations = run(value, MadeUpWeights(), picture(), fuse=True)
    assert output.shape == (1, 2 * (16 * 24 + 8 * 12), 7)
    assert {"Pad", "MaxPool"} <= set(operations)


def test_auxiliary_heads_leave_no_trace_but_their_parameters() -> None:
    weights, seen = MadeUpWeights(), picture()
    plain, _ = run(auxiliary(), weights, seen, fuse=False)
    fused, operations = run(auxiliary(), weights, seen, fuse=True)
    np.testing.assert_allclose(fused, plain, atol=1e-4, rtol=1e-5)
    # ReOrg feeds two convolutions and the head's own two; the layers 5 to 7 are idle
    assert operations.count("Conv") == 5
    for name in ("model.8.m2.0.bias", "model.5.conv.weight", "model.7.bn.weight", "model.8.ia.1.implicit"):
        assert name in weights.shapes
    assert weights.shapes["model.8.m2.1.weight"] == (16, 16, 1, 1)


def test_a_head_is_decoded_as_a_slow_loop_does() -> None:
    value = {
        "nc": 2,
        "anchors": ANCHORS,
        "backbone": [[-1, 1, "nn.Conv2d", [8, 4, 4]], [-1, 1, "nn.Conv2d", [8, 2, 2]]],
        "head": [[[0, 1], 1, "IDetect", ["nc", "anchors"]]],
    }
    value["depth_multiple"] = value["width_multiple"] = 1.0
    weights, seen = MadeUpWeights(), picture(16, 24)
    output, _ = run(value, weights, seen, fuse=True)
    w, rows = weights.values, []
    x = seen[0]
    for level, size in enumerate((4, 2)):
        kernel, bias = w[f"model.{level}.weight"], w[f"model.{level}.bias"]
        c, h, v = x.shape
        blocks = x.reshape(c, h // size, size, v // size, size)
        x = np.einsum("ckaxb,ocab->okx", blocks, kernel) + bias[:, None, None]
        stride = 4 * 2**level
        implicit = x + w[f"model.2.ia.{level}.implicit"][0]
        raw = np.einsum("chw,oc->ohw", implicit, w[f"model.2.m.{level}.weight"][:, :, 0, 0])
        raw = (raw + w[f"model.2.m.{level}.bias"][:, None, None]) * w[f"model.2.im.{level}.implicit"][0]
        for anchor in range(2):
            for row in range(raw.shape[1]):
                for column in range(raw.shape[2]):
                    t = 1 / (1 + np.exp(-raw[7 * anchor : 7 * anchor + 7, row, column]))
                    wh = np.array(ANCHORS[level][2 * anchor : 2 * anchor + 2])
                    centre = (t[:2] * 2 - 0.5 + (column, row)) * stride
                    rows.append([*centre, *((2 * t[2:4]) ** 2 * wh), *t[4:]])
    np.testing.assert_allclose(output[0], rows, rtol=1e-4, atol=1e-4)


def test_keypoints_come_as_rows_of_a_pose_network() -> None:
    value = network("Conv", [64, 3, 1])
    value["head"][-1][2:] = ["IKeypoint", ["nc", "anchors", "nkpt"]]
    value.update(nc=1, nkpt=5)
    for deep in (False, True):
        value["dw_conv_kpt"] = deep
        weights = MadeUpWeights()
        plain, _ = run(value, weights, picture(), fuse=False)
        fused, _ = run(value, weights, picture(), fuse=True)
        assert fused.shape[1] == 5 + 15
        np.testing.assert_allclose(fused, plain, atol=1e-4, rtol=1e-5)
        assert ("model.5.m_kpt.0.10.conv.weight" in weights.shapes) is deep


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"backbone": 3}, "no list backbone"),
        ({"nc": 0}, "nc: 0 is not"),
        ({"nc": "many"}, "nc: many is not"),
        ({"anchors": None}, "anchors"),
        ({"anchors": [[1, 2, 3]]}, "anchors"),
        ({"anchors": ANCHORS[:1]}, "2 inputs for 1 levels"),
        ({"width_multiple": 0}, "width_multiple"),
        ({"depth_multiple": 1e9}, "depth_multiple"),
        ({"ch": -3}, "ch: -3"),
        ({"head": [[-1, 1, "Conv", [64, 3, 1]]]}, "not one of the heads"),
        ({"backbone": [[-1, 1, "Conv", [64]]] * 3000}, "from 2 to 2000"),
        ({"head": [["x", 1, "Detect", []]]}, "'from' is no number"),
        ({"head": [[[7], 1, "Detect", []]]}, "no layer before it"),
        ({"head": [[[-9], 1, "Detect", []]]}, "no layer before it"),
        ({"head": [[[], 1, "Detect", []]]}, "names no layer"),
    ],
)
def test_a_yaml_that_makes_no_network_is_refused(change: dict[str, Any], why: str) -> None:
    with pytest.raises(ModelError, match=why):
        build_network(plan_of({**network("MP", []), **change}, "x.yaml"), MadeUpWeights(), (64, 64), "x")


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ([-1, 1, "ST2CSPC", [64]], r"layer 2 \(ST2CSPC\): a Swin"),
        ([-1, 1, "RepConv_OREPA", [64]], "OREPA"),
        ([-1, 1, "RepBottleneckCSPA", [64]], "does not run"),
        ([-1, 1, "__import__('os')", [64]], "no module that is known"),
        ([-1, 1, "Conv", []], "without its number of channels"),
        ([-1, 1, "Conv", [-64]], "without its number of channels"),
        ([-1, 1, "Conv", [1 << 20]], "without its number of channels"),
        ([-1, 1, "Conv", [64, "3"]], "argument 2 is 3"),
        ([-1, 1, "Conv", [64, 3, 0]], "no convolution"),
        ([-1, 1, "Conv", [64, 3, 1, None, 5]], "no convolution"),
        ([-1, 1, "Conv", [64, 3, 1, None, 1, "nn.Frob()"]], "activation Frob"),
        ([-1, 1, "nn.Conv2d", [64, 3, 1, 1, 2]], "dilated"),
        ([-1, 10**9, "MP", []], "repeats"),
        ([-1, 1, "nn.Upsample", [None, 60, "nearest"]], "its output would be"),
        ([-1, 1, "MP", [200]], "a maximum over 200"),
        ([-1, 1, "nn.Upsample", [None, 2, "bicubic"]], "upsampling"),
        ([-1, 1, "SPP", [64, [2, 4]]], "odd ones"),
        ([[0, 1], 1, "Concat", [1]], "cannot be put together"),
        ([[0, 1], 1, "Shortcut", [1]], "cannot be added"),
        ([-1, 1, "Conv"], "not .from, repeats"),
        ("Conv", "not .from, repeats"),
    ],
)
def test_a_layer_that_cannot_be_is_refused(row: Any, why: str) -> None:
    value = network("MP", [])
    value["backbone"][2] = row
    with pytest.raises(ModelError, match=why):
        build_network(plan_of(value, "x.yaml"), MadeUpWeights(blank=True), (640, 640), "x")


@given(value=st.recursive(
    st.none() | st.booleans() | st.integers(-3, 70) | st.floats() | st.sampled_from([*BUILT, "Detect", "nn.ReLU()"]),
    lambda inner: st.lists(inner, max_size=5), max_leaves=12,
), place=st.integers(0, 4), part=st.integers(0, 3))  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_any_layer_is_built_or_refused(value: Any, place: int, part: int) -> None:
    whole = network("MP", [])
    row = (whole["backbone"] + whole["head"])[place]
    row[part] = value
    with contextlib.suppress(ModelError):
        build_network(plan_of(whole, "x.yaml"), MadeUpWeights(blank=True), (128, 128), "x", fuse=False)


def only(module: str, arguments: tuple[int, ...], planes: list[F32]) -> F32:
    """What one layer without weights makes of `planes` (channels, h, w)."""
    writer = GraphWriter("x")
    names = [writer.input(f"in{i}", (1, *plane.shape)) for i, plane in enumerate(planes)]
    inputs = [Plane(name, *plane.shape) for name, plane in zip(names, planes, strict=True)]
    made = build_module(LayerWriter(writer, MadeUpWeights()), Layer(0, (0,), 1, module, arguments), inputs)
    writer.output(writer.named(made.name, "out"), (1, *made.shape))
    session = onnxruntime.InferenceSession(writer.finish().SerializeToString())
    (output,) = session.run(None, {name: plane[None] for name, plane in zip(names, planes, strict=True)})
    assert isinstance(output, np.ndarray)
    assert output.shape == (1, *made.shape)
    return output[0]


def test_layers_that_move_pixels_move_them_as_slow_loops_do() -> None:
    x = np.arange(8 * 4 * 6, dtype=np.float32).reshape(8, 4, 6)
    # ReOrg: block after block, down the rows before along the columns
    turned = [x[c, row::2, column::2] for column in (0, 1) for row in (0, 1) for c in range(8)]
    np.testing.assert_array_equal(only("ReOrg", (), [x]), turned)
    contracted = [x[c, row::2, column::2] for row in (0, 1) for column in (0, 1) for c in range(8)]
    np.testing.assert_array_equal(only("Contract", (2,), [x]), contracted)
    expanded = np.zeros((2, 8, 12), np.float32)
    for row in (0, 1):
        for column in (0, 1):
            expanded[:, row::2, column::2] = x[4 * row + 2 * column :][:2]
    np.testing.assert_array_equal(only("Expand", (2,), [x]), expanded)
    np.testing.assert_array_equal(only("Foldcut", (1,), [x]), x[:4] + x[4:])
    y = x[:2] + 1000
    np.testing.assert_array_equal(only("Chuncat", (1,), [x, y]), np.concatenate([x[:4], y[:1], x[4:], y[1:]]))
    np.testing.assert_array_equal(only("MP", (2,), [x]), x.reshape(8, 2, 2, 3, 2).max((2, 4)))


def test_widths_and_repeats_follow_the_multiples() -> None:
    value = {**network("BottleneckCSPA", [64]), "width_multiple": 0.3, "depth_multiple": 0.33}
    value["backbone"][0][1] = 8
    value["backbone"][2][1] = 9
    plan = plan_of(value, "x")
    # 64 * 0.3 = 19.2 goes up to a multiple of 8; 8 * 0.33 = 2.64 and 9 * 0.33 = 2.97 are rounded
    assert (plan.layers[0].arguments[0], plan.layers[0].repeats) == (24, 3)
    assert (plan.layers[2].arguments[:2], plan.layers[2].repeats) == ((24, 3), 1)
    assert plan_of({**value, "channel_multiple": 1}, "x").layers[0].arguments[0] == 20
    # as many channels as the head puts out are taken for such, and not scaled
    value["backbone"][0][3][0] = 2 * (2 + 5)
    assert plan_of(value, "x").layers[0].arguments[0] == 14


def test_strides_are_found_without_weights() -> None:
    assert strides_of(plan_of(auxiliary(), "x")) == (2.0, 4.0)


@pytest.mark.parametrize("text", [b"\xff\xfe", b"a: [", b"a: &x [*x]\n- b", b"[" * 5000])
def test_a_file_that_is_no_yaml_is_refused(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(text)
    with pytest.raises(ModelError, match=r"not YAML|cannot be read"):
        read_plan_text(path)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_files_have_the_published_parameters(name: str) -> None:
    folder = os.environ.get("SIGHTLINE_YOLOV7_CFG", "")
    if not folder:
        pytest.skip("SIGHTLINE_YOLOV7_CFG names the folder cfg/ of the published repository; it is unset")
    plan = plan_of(read_plan_text(Path(folder) / name), name)
    weights = MadeUpWeights(blank=True)
    size = (1280, 1280) if max(strides_of(plan)) == 64 else (640, 640)
    _, decoded = build_network(plan, weights, size, "x", fuse=False)
    assert counts(weights.shapes) == PUBLISHED[name]
    assert decoded.shape == ((102000, 85) if size[0] == 1280 else (25200, 85))
