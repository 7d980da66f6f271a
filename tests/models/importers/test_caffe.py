"""Caffe networks against plain loops and against OpenCV 4's own Caffe reader; and what is wrong with files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import onnxruntime as ort
import pytest
from caffe_files import SSD, blob, caffemodel, entry, noise, one, prototxt, ssd_arrays, varint, written
from caffe_priors import priors_of_a_cell
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sightline.errors import ModelError, UsageError
from sightline.models.importers.caffe import read
from sightline.models.importers.seam import Foreign, Imported
from sightline.types import F32, ChannelOrder

ort.set_default_logger_severity(3)
SHAPE = (1, 6, 9, 11)


def answers(imported: Imported, x: F32) -> dict[str, F32]:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(str(imported.weights), options, providers=["CPUExecutionProvider"])
    names = [o.name for o in session.get_outputs()]
    return dict(zip(names, cast("list[F32]", session.run(names, {"data": x})), strict=True))


def answer(
    folder: Path, layers: str, arrays: dict[str, Sequence[F32]] | None = None, shape: Sequence[int] = SHAPE
) -> F32:
    """What the network's last output gives for `noise(*shape)`."""
    made = read(written(folder, prototxt(shape, layers), caffemodel(arrays or {"a": ()})))
    return list(answers(made, noise(*shape, seed=8)).values())[-1]


# -- slow twins ------------------------------------------------------------------------------------------------------


def windows(side: int, kernel: int, stride: int, pad: int) -> list[tuple[int, int, int]]:
    """(first, end, counted) of every window as pooling_layer.cpp has them."""
    count = math.ceil((side + 2 * pad - kernel) / stride) + 1
    if pad and (count - 1) * stride >= side + pad:
        count -= 1
    found: list[tuple[int, int, int]] = []
    for i in range(count):
        start = i * stride - pad
        end = min(start + kernel, side + pad)
        found.append((max(start, 0), min(end, side), end - start))
    return found


@pytest.mark.parametrize(
    ("kernel", "stride", "pad"),
    [(3, 2, 0), (3, 2, 1), (2, 2, 0), (3, 3, 1), (2, 3, 1), (5, 3, 2), (2, 1, 0), (1, 1, 0)],
)
@pytest.mark.parametrize("kind", ["MAX", "AVE"])
def test_pooling_rounds_up_and_counts_as_caffe_does(
    tmp_path: Path, kind: str, kernel: int, stride: int, pad: int
) -> None:
    x = noise(*SHAPE, seed=8)
    said = f"pooling_param {{ pool: {kind} kernel_size: {kernel} stride: {stride} pad: {pad} }}"
    found = answer(tmp_path / "n", one("Pooling", said))
    rows, columns = windows(9, kernel, stride, pad), windows(11, kernel, stride, pad)
    assert found.shape == (1, 6, len(rows), len(columns))
    for i, (y1, y2, high) in enumerate(rows):
        for j, (x1, x2, wide) in enumerate(columns):
            part = x[0, :, y1:y2, x1:x2]
            want = part.max((1, 2)) if kind == "MAX" else part.sum((1, 2)) / (high * wide)
            assert found[0, :, i, j] == pytest.approx(want, abs=1e-5)


@pytest.mark.parametrize("extra", ["round_mode: FLOOR", "ceil_mode: false", "round_mode: 1"])
def test_pooling_rounds_down_where_told(tmp_path: Path, extra: str) -> None:
    found = answer(tmp_path / "n", one("Pooling", f"pooling_param {{ kernel_size: 2 stride: 2 {extra} }}"))
    assert found.shape == (1, 6, 4, 5)


def test_convolution_with_groups_dilation_and_odd_sides(tmp_path: Path) -> None:
    w, b = noise(4, 3, 3, 2), noise(4, seed=4)
    said = (
        "convolution_param { num_output: 4 kernel_h: 3 kernel_w: 2 stride_h: 2 stride_w: 1 pad_h: 1 pad_w: 0 "
        "dilation: 2 group: 2 }"
    )
    found = answer(tmp_path / "n", one("Convolution", said), {"a": (w, b)})
    x = np.pad(noise(*SHAPE, seed=8)[0], ((0, 0), (1, 1), (0, 0)))
    assert found.shape == (1, 4, 4, 9)
    for o in range(4):
        for i in range(4):
            for j in range(9):
                part = x[o // 2 * 3 : o // 2 * 3 + 3, 2 * i : 2 * i + 5 : 2, j : j + 3 : 2]
                assert found[0, o, i, j] == pytest.approx(float((part * w[o]).sum() + b[o]), abs=1e-4)


def test_normalisation_divides_its_sums(tmp_path: Path) -> None:
    mean, variance, gain, shift = noise(6), np.abs(noise(6, seed=1)) + 1, noise(6, seed=2), noise(6, seed=5)
    layers = one("BatchNorm", "batch_norm_param { eps: 0.01 }") + (
        'layer { name: "b" type: "Scale" bottom: "a" top: "a" scale_param { bias_term: true } }'
    )
    arrays = {"a": (mean * 4, variance * 4, np.array([4.0], np.float32)), "b": (gain, shift)}
    found = answer(tmp_path / "n", layers, arrays)
    x = noise(*SHAPE, seed=8)
    wide = (slice(None), None, None)
    want = (x[0] - mean[wide]) / np.sqrt(variance[wide] + 0.01) * gain[wide] + shift[wide]
    assert np.allclose(found[0], want, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "said", "twin"),
    [
        ("ReLU", "relu_param { negative_slope: 0.1 }", lambda x: np.where(x > 0, x, 0.1 * x)),
        ("Power", "power_param { power: 2 scale: 0.5 shift: 1 }", lambda x: (1 + 0.5 * x) ** 2),
        ("Exp", "exp_param { base: 2 scale: 0.5 shift: 0.1 }", lambda x: 2 ** (0.1 + 0.5 * x)),
        ("Log", "log_param { base: 10 shift: 5 }", lambda x: np.log10(5 + x)),
        ("ELU", "elu_param { alpha: 0.7 }", lambda x: np.where(x > 0, x, 0.7 * np.expm1(x))),
        ("BNLL", "", lambda x: np.log1p(np.exp(x))),
        ("Threshold", "threshold_param { threshold: 0.2 }", lambda x: (x > 0.2).astype(float)),
        ("ReLU6", "", lambda x: np.clip(x, 0, 6)),
        ("Swish", "swish_param { beta: 2 }", lambda x: x / (1 + np.exp(-2 * x))),
        ("Mish", "", lambda x: x * np.tanh(np.log1p(np.exp(x)))),
        ("MVN", "", lambda x: (x - x.mean((2, 3), keepdims=True)) / (x.std((2, 3), keepdims=True) + 1e-9)),
        ("Reduction", "reduction_param { operation: SUMSQ axis: 2 coeff: 3 }", lambda x: 3 * (x**2).sum((2, 3))),
        ("Permute", "permute_param { order: 0 order: 2 order: 3 order: 1 }", lambda x: x.transpose(0, 2, 3, 1)),
        ("Flatten", "flatten_param { axis: 2 }", lambda x: x.reshape(1, 6, -1)),
        ("Reshape", "reshape_param { shape { dim: 54 } axis: 1 num_axes: 2 }", lambda x: x.reshape(1, 54, 11)),
        ("Tile", "tile_param { axis: 1 tiles: 2 }", lambda x: np.concatenate([x, x], 1)),
        ("ShuffleChannel", "shuffle_channel_param { group: 3 }", lambda x: x[:, [0, 2, 4, 1, 3, 5]]),
        ("Upsample", "upsample_param { scale: 2 }", lambda x: x.repeat(2, 2).repeat(2, 3)),
        ("ArgMax", "argmax_param { axis: 1 }", lambda x: x.argmax(1)[:, None].astype(float)),
        ("ArgMax", "argmax_param { }", lambda x: x.reshape(1, -1).argmax(1).reshape(1, 1, 1).astype(float)),
    ],
)  # fmt: skip
def test_layers_without_weights(tmp_path: Path, kind: str, said: str, twin: object) -> None:
    found = answer(tmp_path / "n", one(kind, said))
    want = twin(noise(*SHAPE, seed=8).astype(np.float64))  # type: ignore[operator]
    assert found.shape == want.shape
    assert np.allclose(found, want, atol=1e-5)


def test_local_response_normalisation_of_both_kinds(tmp_path: Path) -> None:
    x = noise(*SHAPE, seed=8).astype(np.float64)
    across = answer(tmp_path / "n", one("LRN", "lrn_param { local_size: 3 alpha: 0.2 beta: 0.75 }"))
    padded = np.pad(x**2, ((0, 0), (1, 1), (0, 0), (0, 0)))
    total = padded[:, :-2] + padded[:, 1:-1] + padded[:, 2:]
    assert np.allclose(across, x / (1 + 0.2 / 3 * total) ** 0.75, atol=1e-5)
    said = "lrn_param { local_size: 3 alpha: 0.2 beta: 0.75 norm_region: WITHIN_CHANNEL }"
    within = answer(tmp_path / "m", one("LRN", said))
    padded = np.pad(x**2, ((0, 0), (0, 0), (1, 1), (1, 1)))
    total = sum(padded[:, :, i : i + 9, j : j + 11] for i in range(3) for j in range(3))
    assert np.allclose(within, x / (1 + 0.2 / 9 * total) ** 0.75, atol=1e-5)


def test_cutting_joining_and_adding(tmp_path: Path) -> None:
    layers = """
    layer { name: "s" type: "Slice" bottom: "data" top: "p" top: "q" slice_param { slice_point: 2 } }
    layer { name: "t" type: "TanH" bottom: "q" top: "q" }
    layer { name: "c" type: "Concat" bottom: "q" bottom: "p" top: "c" }
    layer { name: "e" type: "Eltwise" bottom: "c" bottom: "data" top: "e" eltwise_param { coeff: 2 coeff: -1 } }
    """
    found = answer(tmp_path / "n", layers, {"s": ()})
    x = noise(*SHAPE, seed=8)
    want = 2 * np.concatenate([np.tanh(x[:, 2:]), x[:, :2]], 1) - x
    assert np.allclose(found, want, atol=1e-6)


def test_older_layers_and_blobs(tmp_path: Path) -> None:
    w, b = noise(5, 6 * 9 * 11), noise(5, seed=1)
    layers = """
    layers { name: "d" type: DATA top: "x" include { phase: TRAIN } }
    layers { name: "fc" type: INNER_PRODUCT bottom: "data" top: "fc" inner_product_param { num_output: 5 } }
    layers { name: "r" type: RELU bottom: "fc" top: "fc" }
    layers { name: "l" type: SOFTMAX_LOSS bottom: "fc" bottom: "label" top: "loss" }
    """
    made = read(written(tmp_path / "n", prototxt(SHAPE, layers), caffemodel({"fc": (w, b)}, old=True)))
    x = noise(*SHAPE, seed=8)
    (found,) = answers(made, x).values()
    logits = np.maximum(x.reshape(1, -1) @ w.T + b, 0).astype(np.float64)
    share = np.exp(logits - logits.max())
    assert np.allclose(found, share / share.sum(), atol=1e-4)


def test_a_detector_goes_to_our_head_with_its_priors_and_settings(tmp_path: Path) -> None:
    made = read(written(tmp_path / "n", prototxt((1, 3, 48, 64), SSD), caffemodel(ssd_arrays())))
    said = made.manifest
    assert (said.head, said.task) == ("ssd", "detect")
    assert said.head_options == {
        "boxes": "mbox_loc",
        "scores": "mbox_conf",
        "priors": "mbox_priorbox",
        "activation": "none",
        "background": 0,
    }
    assert (said.thresholds.nms, said.thresholds.score, said.thresholds.top) == (0.4, 0.2, 77)
    assert said.input.color is ChannelOrder.BGR
    found = answers(made, noise(1, 3, 48, 64, seed=8))
    assert list(found) == ["mbox_loc", "mbox_conf", "mbox_priorbox"]
    priors = found["mbox_priorbox"][0, 0].reshape(3, 4, 4, 4)
    for row in range(3):
        for column in range(4):
            want = priors_of_a_cell(row, column, 16, (64, 48), 20, 30, (2.0, 0.5))
            assert priors[row, column] == pytest.approx(np.array(want), abs=1e-6)
    assert found["mbox_priorbox"][0, 1].reshape(-1, 4)[0].tolist() == pytest.approx([0.1, 0.1, 0.2, 0.2])


# -- what goes in ----------------------------------------------------------------------------------------------------


def test_mean_and_scale_of_a_training_file_beside_it(tmp_path: Path) -> None:
    found = written(tmp_path / "n", prototxt((1, 3, 9, 11), one("ReLU")), caffemodel({"a": ()}))
    train = 'layer { name: "d" type: "Data" top: "data" transform_param { mean_value: 104 mean_value: 117 '
    train += (
        'mean_value: 123 scale: 0.0078125 crop_size: 9 } } layer { name: "a" type: "ReLU" bottom: "data" top: "a" }'
    )
    (found.folder / "train_val.prototxt").write_text(train)
    assert read(found).manifest.input.mean is None
    said = read(Foreign("caffe", found.path, found.folder, found.workspace, whole=True))
    assert (said.manifest.input.mean, said.manifest.input.scale) == ((104.0, 117.0, 123.0), (128.0,))
    assert any("train_val.prototxt" in line for line in said.warnings)


def test_a_mean_file_gives_one_mean_a_channel(tmp_path: Path) -> None:
    text = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 4 dim: 4 } } '
    text += 'transform_param { mean_file: "/home/x/mean.binaryproto" } }' + one("ReLU")
    found = written(tmp_path / "n", text, caffemodel({"a": ()}))
    assert any("mean.binaryproto is missing" in line for line in read(found).warnings)
    picture = np.stack([np.full((5, 5), v, np.float32) for v in (100, 110, 120)])[None]
    (found.folder / "mean.binaryproto").write_bytes(blob(picture))
    assert read(found).manifest.input.mean == (100.0, 110.0, 120.0)


def test_the_other_file_of_the_pair_is_found(tmp_path: Path) -> None:
    found = written(tmp_path / "n", prototxt(SHAPE, one("ReLU")), caffemodel({"a": ()}))
    assert read(Foreign("caffe", found.folder / "net.caffemodel", found.folder, found.workspace)).weights.is_file()
    (found.folder / "net.caffemodel").rename(found.folder / "x.caffemodel")
    assert read(found).weights.is_file()
    (found.folder / "y.caffemodel").write_bytes(b"")
    with pytest.raises(UsageError, match=r"which is its weights .*x\.caffemodel, y\.caffemodel"):
        read(found)
    named = Foreign("caffe", found.path, found.folder, found.workspace, (found.folder / "x.caffemodel",))
    assert read(named).weights.is_file()
    for name in ("x.caffemodel", "y.caffemodel"):
        (found.folder / name).unlink()
    with pytest.raises(ModelError, match=r"weights .* is missing"):
        read(found)


# -- what is wrong ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        (one("Python", 'python_param { module: "os" layer: "system" }'), r"layer 'a' \(Python\): a program"),
        (one("Proposal"), "proposals"),
        (one("LSTM"), "recurrent"),
        (one("Nonsense"), "no known layer"),
        (one("Convolution", "convolution_param { num_output: 4 kernel_size: 3 stride: 0 }"), "no such layer"),
        (one("Convolution", "convolution_param { num_output: 4 kernel_size: -3 }"), "is no size"),
        (one("Convolution", "convolution_param { num_output: 4 kernel_size: 3 group: 4 }"), "no such layer"),
        (one("Convolution", "convolution_param { num_output: 4 kernel_size: 30 }"), "arrays of weights"),
        (one("Pooling", "pooling_param { kernel_size: 3 pool: STOCHASTIC }"), "draws lots"),
        (one("Reshape", "reshape_param { shape { dim: 7 dim: -1 } }"), "no whole size"),
        (one("Permute", "permute_param { order: 7 }"), "order"),
        (one("Slice", "slice_param { slice_point: 2 }"), "does not cut"),
        (one("Softmax", "softmax_param { axis: 9 }"), "axis 9 of a blob of 4"),
        (one("Tile", "tile_param { tiles: 2000000000 }"), "does not fit"),
        (one("Upsample", "upsample_param { scale: 100000 }"), "scale 100000"),
        (one("ReLU").replace('"data"', '"gone"'), "'gone' is made by no layer"),
        (one("ReLU") + one("ReLU").replace('"data"', '"a"').replace('top: "a"', ""), "makes 1 tops, it names 0"),
        ("layer { name: 7 }", "name should be a text"),
        ("base_lr: 1", "a solver"),
    ],
)
def test_what_is_wrong_is_named_with_its_layer(tmp_path: Path, layers: str, words: str) -> None:
    with pytest.raises(ModelError, match=words) as caught:
        read(written(tmp_path / "n", prototxt(SHAPE, layers), caffemodel({"a": ()})))
    assert "net.prototxt" in str(caught.value)


def test_weights_of_another_size_or_network_are_refused(tmp_path: Path) -> None:
    layers = one("Convolution", "convolution_param { num_output: 4 kernel_size: 3 }")
    with pytest.raises(ModelError, match="should be 4 x 6 x 3 x 3, the caffemodel has 4 x 6 x 5 x 5"):
        read(written(tmp_path / "a", prototxt(SHAPE, layers), caffemodel({"a": (noise(4, 6, 5, 5), noise(4))})))
    with pytest.raises(ModelError, match="knows no layer of that name"):
        read(written(tmp_path / "b", prototxt(SHAPE, layers), caffemodel({"x": (noise(4, 6, 3, 3),)})))
    other = caffemodel({f"x{i}": (noise(1),) for i in range(3)})
    with pytest.raises(ModelError, match=r"x0, x1, x2 .* are not those of net\.prototxt"):
        read(written(tmp_path / "c", prototxt(SHAPE, one("ReLU")), other))


@pytest.mark.parametrize("dims", [(1, 3, -4, 4), (1, 3, 0, 4), (1, 3, 99999, 99999), (1, 3, 60000, 60000)])
def test_sizes_that_no_picture_has_are_refused(tmp_path: Path, dims: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match="no size of a picture"):
        read(written(tmp_path / "n", prototxt(dims, one("ReLU")), caffemodel({"a": ()})))


def test_an_array_that_claims_to_be_larger_than_it_is(tmp_path: Path) -> None:
    huge = entry(7, entry(1, varint(1 << 30) + varint(1 << 30)))
    weights = entry(100, entry(1, b"a") + entry(7, huge))
    with pytest.raises(ModelError, match="with 0 numbers"):
        read(written(tmp_path / "n", prototxt(SHAPE, one("ReLU")), weights))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_weights_are_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    whole = caffemodel(ssd_arrays())
    cut = data.draw(st.integers(0, len(whole) - 1))
    flips = data.draw(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 255)), max_size=4))
    spoilt = bytearray(whole[:cut])
    for at, value in flips:
        if at < len(spoilt):
            spoilt[at] = value
    with pytest.raises(ModelError, match=r"net\."):
        read(written(tmp_path_factory.mktemp("fuzz") / "n", prototxt((1, 3, 48, 64), SSD), bytes(spoilt)))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_descriptions_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    text = prototxt((1, 3, 48, 64), SSD)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(at, min(len(text), at + 9)))
        text = text[:at] + data.draw(st.text(alphabet='{}:"-0129 dpT', max_size=5)) + text[end:]
    assert "net." in (refusal(tmp_path_factory.mktemp("fuzz") / "n", text) or "net.")


def refusal(folder: Path, text: str) -> str:
    """What the importer has against the network; "" for nothing."""
    try:
        read(written(folder, text, caffemodel(ssd_arrays())))
    except ModelError as error:
        return str(error)
    return ""


# -- OpenCV 4 --------------------------------------------------------------------------------------------------------

_TURNED = "num_output: 4 kernel_size: 4 stride: 2 pad: 1 group: 2"
_CASES = [
    ("Deconvolution", f"convolution_param {{ {_TURNED} }}", (noise(6, 2, 4, 4), noise(4))),
    ("Normalize", "norm_param { across_spatial: false channel_shared: false }", (noise(6),)),
    ("Normalize", "norm_param { across_spatial: true channel_shared: true }", (noise(1),)),
    ("PReLU", "", (noise(6),)),
    ("Interp", "interp_param { zoom_factor: 2 }", ()),
    ("Interp", "interp_param { height: 20 width: 30 }", ()),
    ("InnerProduct", "inner_product_param { num_output: 5 }", (noise(5, 6 * 9 * 11), noise(5))),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "said", "arrays"), _CASES)
def test_layers_agree_with_opencv(tmp_path: Path, kind: str, said: str, arrays: Sequence[F32]) -> None:
    cv2 = pytest.importorskip("cv2", reason="OpenCV 4 reads Caffe; it is not installed")
    if not cv2.__version__.startswith("4."):
        pytest.skip("OpenCV 5 no longer reads Caffe")
    found = written(tmp_path / "n", prototxt(SHAPE, one(kind, said)), caffemodel({"a": arrays}))
    ours = answers(read(found), noise(*SHAPE, seed=8))["a"]
    net = cv2.dnn.readNetFromCaffe(str(found.path), str(found.folder / "net.caffemodel"))
    net.setInput(noise(*SHAPE, seed=8), "data")
    assert np.allclose(ours, net.forward(), atol=1e-4)
