"""OpenVINO graphs written as ONNX: ONNX Runtime runs what was written, OpenVINO says what comes out."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import openvino as ov
import pytest
from numpy.typing import NDArray
from openvino import opset1 as op1
from openvino import opset8 as op8
from openvino import opset13 as op
from openvino import opset16

from sightline.errors import ModelError
from sightline.models.forms.ir_to_onnx import write_onnx
from sightline.runtimes.quantised import is_quantised

Array = NDArray[Any]


def _model(*results: ov.Node | ov.Output, inputs: list[ov.Node]) -> ov.Model:
    return ov.Model([op.result(r) for r in results], inputs, "made")  # type: ignore[misc]


def _agree(model: ov.Model, *given: Array, atol: float = 1e-5) -> dict[str, Array]:
    """Runs both; returns what ONNX Runtime gave."""
    written = write_onnx(model, "made")
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    session = ort.InferenceSession(written.SerializeToString(), options, providers=["CPUExecutionProvider"])
    feeds = {port.name: value for port, value in zip(session.get_inputs(), given, strict=True)}
    found = [np.asarray(value) for value in session.run(None, feeds)]
    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1})
    wanted = compiled(list(given))
    for k, value in enumerate(found):
        assert value.shape == wanted[k].shape
        assert value.dtype == wanted[k].dtype
        np.testing.assert_allclose(value, wanted[k], rtol=1e-4, atol=atol)
    return dict(zip((o.name for o in session.get_outputs()), found, strict=True))


def _noise(*shape: int, seed: int = 0, low: float = -2.0, high: float = 2.0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).uniform(low, high, shape).astype(np.float32)


def _int(*values: int) -> ov.Node:
    return op.constant(np.array(values, np.int64))


X = [1, 4, 6, 8]
Unary = Callable[[ov.Node], Any]

UNARY: dict[str, Unary] = {
    "relu": op.relu, "sigmoid": op.sigmoid, "tanh": op.tanh, "exp": op.exp, "abs": op.absolute, "floor": op.floor,
    "ceiling": op.ceiling, "negative": op.negative, "sign": op.sign, "erf": op.erf, "hswish": op.hswish,
    "hsigmoid": op.hsigmoid, "mish": op.mish, "softplus": op.softplus, "swish": lambda x: op.swish(x),
    "gelu": lambda x: op.gelu(x, "erf"), "gelu tanh": lambda x: op.gelu(x, "tanh"), "elu": lambda x: op.elu(x, 0.7),
    "clamp": lambda x: op.clamp(x, -0.5, 1.25), "softmax": lambda x: op.softmax(x, 1),
    "softmax last": lambda x: op.softmax(x, -1), "log softmax": lambda x: op.log_softmax(x, 2),
    "round": lambda x: op.round(op.multiply(x, op.constant(np.float32(4))), "half_to_even"),
    "round away": lambda x: op.round(op.multiply(x, op.constant(np.float32(4))), "half_away_from_zero"),
    "prelu": lambda x: op.prelu(x, op.constant(np.array([0.1, 0.2, -0.3, 0.4], np.float32))),
    "hard sigmoid": lambda x: op.hard_sigmoid(x, op.constant(np.float32(0.2)), op.constant(np.float32(0.6))),
    "selu": lambda x: op.selu(x, op.constant(np.float32(1.5)), op.constant(np.float32(1.1))),
    "reduce mean": lambda x: op.reduce_mean(x, _int(2, 3), True),
    "reduce sum": lambda x: op.reduce_sum(x, _int(1), False),
    "reduce max": lambda x: op.reduce_max(x, _int(-1), False),
    "reduce l2": lambda x: op.reduce_l2(x, _int(1), True),
    "normalize": lambda x: op.normalize_l2(x, _int(1), 1e-6, "add"),
    "lrn": lambda x: op.lrn(x, _int(1), 0.5, 0.75, 1.0, 3),
    "mvn": lambda x: op.mvn(x, _int(2, 3), True, 1e-5, "inside_sqrt"),
    "reshape": lambda x: op.reshape(x, _int(0, -1, 12), True),
    "reshape plain": lambda x: op.reshape(x, _int(2, 96), False),
    "transpose": lambda x: op.transpose(x, _int(0, 2, 3, 1)),
    "squeeze": lambda x: op.squeeze(x, _int(0)),
    "unsqueeze": lambda x: op.unsqueeze(x, _int(1, 3)),
    "slice": lambda x: op8.slice(x, _int(1), _int(6), _int(2), _int(3)),
    "slice back": lambda x: op8.slice(x, _int(-1), _int(0), _int(-2), _int(3)),
    "strided": lambda x: op.strided_slice(
        x, _int(0, 1, 0, 2), _int(0, 3, 0, 7), _int(1, 1, 1, 2), [1, 0, 1, 0], [1, 0, 1, 0]
    ),
    "strided shrink": lambda x: op.strided_slice(
        x, _int(0, -1, 0), _int(0, 0, 4), _int(1, 1, 1), [1, 0, 1], [1, 0, 0], [0, 0, 0], [0, 1, 0]
    ),
    "strided new axis": lambda x: op.strided_slice(
        x, _int(0, 0, 1), _int(0, 0, 3), _int(1, 1, 1), [1, 1, 0], [1, 1, 0], [0, 1, 0], [0, 0, 0]
    ),
    "gather": lambda x: op.gather(x, _int(3, 0, 1), _int(1)),
    "gather one": lambda x: op.gather(x, op.constant(np.int64(-1)), _int(2)),
    "tile": lambda x: op.tile(x, _int(1, 2, 1, 3)),
    "tile short": lambda x: op.tile(x, _int(2, 1)),
    "broadcast": lambda x: op.broadcast(x, _int(3, 4, 6, 8)),
    "pad": lambda x: op.pad(x, _int(0, 0, 1, 2), _int(0, 1, 0, 3), "constant", op.constant(np.float32(0.5))),
    "pad reflect": lambda x: op.pad(x, _int(0, 0, 1, 2), _int(0, 0, 2, 1), "reflect"),
    "depth to space": lambda x: op.depth_to_space(x, "blocks_first", 2),
    "depth to space, depth first": lambda x: op.depth_to_space(x, "depth_first", 2),
    "space to depth": lambda x: op.space_to_depth(x, "blocks_first", 2),
    "space to depth, depth first": lambda x: op.space_to_depth(x, "depth_first", 2),
    "shuffle": lambda x: op.shuffle_channels(x, 1, 2),
    "space to batch": lambda x: op.space_to_batch(x, _int(1, 1, 2, 2), _int(0, 0, 1, 0), _int(0, 0, 1, 2)),
    "batch to space": lambda x: op.batch_to_space(
        op.space_to_batch(x, _int(1, 1, 2, 2), _int(0, 0, 0, 0), _int(0, 0, 0, 0)),
        _int(1, 1, 2, 2), _int(0, 0, 1, 0), _int(0, 0, 0, 3),
    ),
    "convert": lambda x: op.convert(op.convert(x, np.int32), np.float32),
    "shape": lambda x: op.shape_of(x, "i32"),
    "max pool": lambda x: op1.max_pool(x, [2, 2], [0, 1], [1, 0], [3, 3], "ceil", "explicit"),
    "max pool same": lambda x: op1.max_pool(x, [2, 2], [0, 0], [0, 0], [3, 3], "floor", "same_upper"),
    "average pool": lambda x: op1.avg_pool(x, [1, 2], [1, 1], [1, 1], [3, 3], True, "floor", "explicit"),
    "average pool with border": lambda x: op1.avg_pool(x, [1, 2], [1, 1], [1, 1], [3, 3], False, "floor", "explicit"),
    "adaptive pool": lambda x: op8.adaptive_avg_pool(x, _int(1, 1)),
    "top k": lambda x: op.topk(x, op.constant(np.int64(3)), 3, "max", "value").output(0),
    "arg max": lambda x: op.topk(x, op.constant(np.int64(1)), 1, "max", "none", "i32").output(1),
    "split": lambda x: op.split(x, op.constant(np.int64(1)), 2).output(1),
    "variadic split": lambda x: op.variadic_split(x, op.constant(np.int64(3)), _int(2, -1, 1)).output(1),
    "resize nearest": lambda x: op.interpolate(
        x, _int(12, 16), "nearest", "sizes", None, None, "asymmetric", "floor", axes=_int(2, 3)
    ),
    "resize half pixels": lambda x: op.interpolate(
        x, _int(9, 20), "linear_onnx", "sizes", None, None, "half_pixel", axes=_int(2, 3)
    ),
    "resize corners": lambda x: op.interpolate(
        x, _int(13, 15), "linear_onnx", "sizes", None, None, "align_corners", axes=_int(2, 3)
    ),
    "resize by scale": lambda x: op.interpolate(
        x, op.constant(np.array([2.0, 1.5], np.float32)), "linear_onnx", "scales", None, None, "asymmetric",
        axes=_int(2, 3),
    ),
    "resize of TensorFlow": lambda x: op.interpolate(
        x, _int(15, 12), "nearest", "sizes", None, None, "tf_half_pixel_for_nn", "floor", axes=_int(2, 3)
    ),
    "rounding": lambda x: op.fake_quantize(
        x, *(op.constant(np.float32(v)) for v in (-1.5, 1.2, -1.5, 1.2)), 255
    ),
    "rounding by channel": lambda x: op.fake_quantize(
        x, *(op.constant(np.array(v, np.float32).reshape(1, 4, 1, 1)) for v in
             ([-1, -2, -0.5, 0], [1, 2, 1.5, 1], [0, -1, 0, 2], [3, 1, 1, 4])), 16
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", UNARY)
def test_operations_of_one_tensor(name: str) -> None:
    x = op.parameter(X, np.float32, name="x")
    _agree(_model(UNARY[name](x), inputs=[x]), _noise(*X))


@pytest.mark.parametrize("name", ["log", "sqrt", "acos", "atan", "sin"])
def test_operations_of_a_range(name: str) -> None:
    x = op.parameter(X, np.float32, name="x")
    _agree(_model(getattr(op, name)(x), inputs=[x]), _noise(*X, low=0.1, high=0.9))


@pytest.mark.parametrize(
    "name",
    ["add", "subtract", "multiply", "divide", "power", "maximum", "minimum", "squared_difference", "mod", "floor_mod"],
)
@pytest.mark.parametrize("other", [X, [4, 1, 1], [8]])
def test_arithmetic_broadcasts_as_numpy_does(name: str, other: list[int]) -> None:
    x, y = op.parameter(X, np.float32, name="x"), op.parameter(other, np.float32, name="y")
    _agree(_model(getattr(op, name)(x, y), inputs=[x, y]), _noise(*X, low=0.5), _noise(*other, seed=1, low=0.5))


@pytest.mark.parametrize("name", ["divide", "floor_mod", "mod"])
def test_whole_numbers_divide_alike(name: str) -> None:
    x, y = op.parameter([6], np.int32, name="x"), op.parameter([6], np.int32, name="y")
    a, b = np.array([7, -7, 7, -7, 0, 9], np.int32), np.array([2, 2, -2, -2, 5, 3], np.int32)
    _agree(_model(getattr(op, name)(x, y), inputs=[x, y]), a, b)


@pytest.mark.parametrize("name", ["less", "less_equal", "greater", "greater_equal", "equal", "not_equal"])
def test_comparisons_choose(name: str) -> None:
    x, y = op.parameter([3, 4], np.float32, name="x"), op.parameter([3, 4], np.float32, name="y")
    chosen = op.select(getattr(op, name)(x, y), x, op.constant(np.float32(9)))
    a = _noise(3, 4)
    b = a.copy()
    b[1:] += 0.5
    b[2:] -= 1
    _agree(_model(chosen, inputs=[x, y]), a, b)


def test_what_passes_a_tensor_on_may_be_an_output() -> None:
    x = op.parameter(X, np.float32, name="x")
    _agree(_model(opset16.identity(op.relu(x)), inputs=[x]), _noise(*X))


# -- layers with weights ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("pad", "stride"), [("explicit", 1), ("same_upper", 2), ("same_lower", 2), ("valid", 2)])
def test_convolutions(pad: str, stride: int) -> None:
    x = op.parameter([1, 4, 9, 10], np.float32, name="x")
    made = op.convolution(x, op.constant(_noise(6, 4, 3, 3)), [stride] * 2, [1, 0], [0, 1], [1, 1], pad)
    _agree(_model(made, inputs=[x]), _noise(1, 4, 9, 10), atol=1e-4)


def test_convolutions_of_groups_with_dilation() -> None:
    x = op.parameter([1, 4, 9, 10], np.float32, name="x")
    made = op.group_convolution(x, op.constant(_noise(2, 3, 2, 3, 3)), [1, 1], [2, 2], [2, 2], [2, 2])
    _agree(_model(made, inputs=[x]), _noise(1, 4, 9, 10), atol=1e-4)


@pytest.mark.parametrize("extra", [0, 1])
def test_transposed_convolutions(extra: int) -> None:
    x = op.parameter([1, 4, 5, 6], np.float32, name="x")
    weights = op.constant(_noise(4, 3, 3, 3))
    made = op.convolution_backprop_data(
        x, weights, strides=[2, 2], pads_begin=[1, 1], pads_end=[1, 1], dilations=[1, 1], output_padding=[extra] * 2
    )
    _agree(_model(made, inputs=[x]), _noise(1, 4, 5, 6), atol=1e-4)


@pytest.mark.parametrize("size", [[9, 11], [10, 12]])
def test_transposed_convolutions_to_a_given_size(size: list[int]) -> None:
    x = op.parameter([1, 4, 5, 6], np.float32, name="x")
    made = op.convolution_backprop_data(
        x, op.constant(_noise(4, 3, 3, 3)), [2, 2], _int(*size), dilations=[1, 1], auto_pad="same_upper"
    )
    _agree(_model(made, inputs=[x]), _noise(1, 4, 5, 6), atol=1e-4)


def test_transposed_convolutions_of_groups() -> None:
    x = op.parameter([1, 4, 5, 6], np.float32, name="x")
    made = op.group_convolution_backprop_data(
        x, op.constant(_noise(2, 2, 3, 2, 2)), [2, 2], pads_begin=[0, 0], pads_end=[0, 0], dilations=[1, 1]
    )
    _agree(_model(made, inputs=[x]), _noise(1, 4, 5, 6), atol=1e-4)


@pytest.mark.parametrize(("turn_a", "turn_b"), [(False, False), (True, False), (False, True)])
def test_matrices(turn_a: bool, turn_b: bool) -> None:
    x = op.parameter([3, 5, 4] if turn_a else [3, 4, 5], np.float32, name="x")
    weights = op.constant(_noise(*((7, 5) if turn_b else (5, 7))))
    _agree(_model(op.matmul(x, weights, turn_a, turn_b), inputs=[x]), _noise(*x.get_output_shape(0)))
    y = op.parameter([3, 7, 5] if turn_b else [3, 5, 7], np.float32, name="y")
    _agree(
        _model(op.matmul(x, y, turn_a, turn_b), inputs=[x, y]),
        _noise(*x.get_output_shape(0)),
        _noise(*y.get_output_shape(0), seed=1),
    )


def test_batch_normalisation() -> None:
    x = op.parameter(X, np.float32, name="x")
    gamma, beta, mean, variance = (op.constant(_noise(4, seed=k, low=0.5)) for k in range(4))
    _agree(_model(op.batch_norm_inference(x, gamma, beta, mean, variance, 1e-3), inputs=[x]), _noise(*X))


def test_picks_and_scatters() -> None:
    x = op.parameter([4, 5], np.float32, name="x")
    where = op.constant(np.array([[0, 1], [3, 4], [2, 2]], np.int64))
    picked = op.gather_nd(x, where)
    _agree(_model(picked, inputs=[x]), _noise(4, 5))
    along = op.gather_elements(x, op.constant(np.array([[0, 1, 2], [4, 3, 0], [1, 1, 1], [2, 0, 4]], np.int64)), 1)
    _agree(_model(along, inputs=[x]), _noise(4, 5))
    put = op.scatter_nd_update(x, where, op.constant(np.array([7, 8, 9], np.float32)))
    _agree(_model(put, inputs=[x]), _noise(4, 5))


def test_suppression_gives_the_same_boxes() -> None:
    boxes, scores = op.parameter([1, 12, 4], np.float32, name="boxes"), op.parameter([1, 1, 12], np.float32, name="s")
    limits = [op.constant(np.int64(5)), op.constant(np.float32(0.4)), op.constant(np.float32(0.2))]
    found = op.non_max_suppression(boxes, scores, *limits, sort_result_descending=False)
    model = _model(found.output(0), found.output(1), found.output(2), inputs=[boxes, scores])
    rng = np.random.default_rng(4)
    first = rng.uniform(0, 3, (1, 12, 2))
    given = np.concatenate([first, first + rng.uniform(1, 3, (1, 12, 2))], 2).astype(np.float32)
    _agree(model, given, rng.uniform(0, 1, (1, 1, 12)).astype(np.float32))


@pytest.mark.parametrize("code", ["caffe.PriorBoxParameter.CENTER_SIZE", "caffe.PriorBoxParameter.CORNER"])
@pytest.mark.parametrize(("top", "keep", "encoded"), [(40, 12, False), (9, 20, True)])
def test_detection_output_gives_the_same_rows(code: str, top: int, keep: int, encoded: bool) -> None:
    priors, classes = 30, 3
    rng = np.random.default_rng(2)
    first = rng.uniform(0, 0.6, (priors, 2))
    places = np.concatenate([first, first + rng.uniform(0.1, 0.4, (priors, 2))], 1).reshape(-1)
    sets = [places] if encoded else [places, np.tile([0.1, 0.1, 0.2, 0.2], priors)]
    prior = op.constant(np.stack(sets)[None].astype(np.float32))
    offsets = op.parameter([1, priors * 4], np.float32, name="offsets")
    scores = op.parameter([1, priors * classes], np.float32, name="scores")
    given = {
        "num_classes": classes, "background_label_id": 0, "top_k": top, "keep_top_k": [keep], "nms_threshold": 0.4,
        "confidence_threshold": 0.3, "code_type": code, "share_location": True, "normalized": True,
        "variance_encoded_in_target": encoded,
    }  # fmt: skip
    made = op1.detection_output(offsets, scores, prior, given)
    model = _model(made, inputs=[offsets, scores])
    x, y = _noise(1, priors * 4, low=-0.1, high=0.1), rng.uniform(0, 1, (1, priors * classes)).astype(np.float32)
    session = ort.InferenceSession(write_onnx(model, "ssd").SerializeToString(), providers=["CPUExecutionProvider"])
    found = np.asarray(session.run(None, {"offsets": x, "scores": y})[0])[0, 0]
    wanted = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})([x, y])[0][0, 0]
    ends = [int((rows[:, 0] < 0).argmax()) if (rows[:, 0] < 0).any() else len(rows) for rows in (found, wanted)]
    assert ends[0] == ends[1] > 3
    np.testing.assert_allclose(found[: ends[0]], wanted[: ends[0]], atol=1e-5)


# -- types, sizes, names ---------------------------------------------------------------------------------------------


def test_names_types_and_open_axes_stay() -> None:
    x = op.parameter([-1, 3, -1, 8], np.uint8, name="x")
    x.output(0).get_tensor().set_names({"images:0"})
    value = op.convert(x, np.float32)
    value.output(0).get_tensor().set_names({"out/first:0"})
    sides = op.shape_of(value, "i64")
    sides.output(0).get_tensor().set_names({"sides"})
    model = _model(value, sides, inputs=[x])
    written = write_onnx(model, "named")
    assert [i.name for i in written.graph.input] == ["images:0"]
    assert [o.name for o in written.graph.output] == ["out/first:0", "sides"]
    assert [d.dim_param or d.dim_value for d in written.graph.input[0].type.tensor_type.shape.dim][1] == 3
    found = _agree(model, np.arange(2 * 3 * 4 * 8, dtype=np.uint8).reshape(2, 3, 4, 8))
    assert found["sides"].tolist() == [2, 3, 4, 8]


def test_computed_sizes_are_followed() -> None:
    x, y = op.parameter([1, 2, -1, -1], np.float32, name="x"), op.parameter([1, 2, -1, -1], np.float32, name="y")
    sides = op8.slice(op.shape_of(y, "i64"), _int(2), _int(4), _int(1))
    made = op.interpolate(x, sides, "nearest", "sizes", None, None, "asymmetric", "floor", axes=_int(2, 3))
    _agree(_model(made, inputs=[x, y]), _noise(1, 2, 3, 4), _noise(1, 2, 9, 8))


def test_the_graph_itself_stays_as_it_was() -> None:
    x = op.parameter(X, np.float32, name="x")
    weights = op.multiply(
        op.convert(op.constant(np.ones((2, 4, 1, 1), np.int8)), np.float32), op.constant(np.float32(2))
    )
    model = _model(op.convolution(x, weights, [1, 1], [0, 0], [0, 0], [1, 1]), inputs=[x])
    before = sorted(node.get_type_name() for node in model.get_ops())
    write_onnx(model, "kept")
    assert sorted(node.get_type_name() for node in model.get_ops()) == before


def test_what_onnx_lacks_is_named() -> None:
    x = op.parameter([1, 5, 6], np.float32, name="x")
    state = [op.constant(np.zeros((1, 1, 4), np.float32))] * 2
    weights = [op.constant(np.zeros(shape, np.float32)) for shape in ((1, 16, 6), (1, 16, 4), (1, 16))]
    lengths = op.constant(np.array([5], np.int32))
    made = op.lstm_sequence(x, state[0], state[1], lengths, *weights, 4, "forward")
    made.set_friendly_name("the reader")
    with pytest.raises(ModelError, match=r"LSTMSequence \('the reader'\) cannot be written as ONNX"):
        write_onnx(_model(made.output(0), inputs=[x]), "text")


# -- quantised -------------------------------------------------------------------------------------------------------


def _rounded(x: ov.Node, low: float, high: float) -> ov.Node:
    ends = [op.constant(np.float32(v)) for v in (low, high, low, high)]
    return op.fake_quantize(x, *ends, 256)


def _quantised(scales: NDArray[np.float32], zero: int = 0, dtype: str = "int8") -> ov.Model:
    x = op.parameter([1, 4, 6, 6], np.float32, name="x")
    info = np.iinfo(dtype)
    stored = np.random.default_rng(1).integers(info.min, info.max + 1, (5, 4, 3, 3)).astype(dtype)
    weights = op.convert(op.constant(stored), np.float32)
    if zero:
        weights = op.subtract(weights, op.constant(np.float32(zero)))
    weights = op.multiply(weights, op.constant(scales.reshape(-1, 1, 1, 1)))
    made = op.convolution(_rounded(x, -2.0, 255 / 64 - 2), weights, [1, 1], [0, 0], [0, 0], [1, 1])
    return _model(_rounded(made, -20.0, 255 * 0.15625 - 20), inputs=[x])


@pytest.mark.parametrize(
    ("scales", "zero", "dtype"),
    [
        (np.linspace(0.01, 0.02, 5).astype(np.float32), 0, "int8"),
        (np.array([0.0125], np.float32), 0, "int8"),
        (np.array([0.0125], np.float32), 117, "uint8"),
    ],
)
def test_quantised_weights_stay_integers(scales: NDArray[np.float32], zero: int, dtype: str) -> None:
    model = _quantised(scales, zero, dtype)
    assert is_quantised(model)
    written = write_onnx(model, "quantised")
    kinds = [node.op_type for node in written.graph.node]
    assert kinds.count("QuantizeLinear") == 2
    assert kinds.count("DequantizeLinear") == 3
    held = {i.name: i for i in written.graph.initializer}
    conv = next(node for node in written.graph.node if node.op_type == "Conv")
    unpack = next(node for node in written.graph.node if conv.input[1] in node.output)
    assert held[unpack.input[0]].data_type in (2, 3)
    session = ort.InferenceSession(written.SerializeToString(), providers=["CPUExecutionProvider"])
    x = _noise(1, 4, 6, 6)
    step = 0.15625
    found = np.asarray(session.run(None, {"x": x})[0])
    grid = np.rint((np.clip(x, -2, 255 / 64 - 2) + 2) * 64) / 64 - 2
    stored = np.random.default_rng(1).integers(np.iinfo(dtype).min, np.iinfo(dtype).max + 1, (5, 4, 3, 3)) - zero
    weights = stored * scales.reshape(-1, 1, 1, 1).astype(np.float64)
    wanted = np.zeros((1, 5, 4, 4))
    for row in range(4):
        for column in range(4):
            wanted[0, :, row, column] = (weights * grid[0, :, row : row + 3, column : column + 3]).sum((1, 2, 3))
    assert np.abs(found - np.clip(wanted, -20, 255 * step - 20)).max() <= step / 2 + 1e-3


def test_weights_off_the_steps_turn_roundings_into_arithmetic() -> None:
    x = op.parameter([1, 4, 6, 6], np.float32, name="x")
    made = op.convolution(
        _rounded(x, -2, 255 / 64 - 2), op.constant(_noise(5, 4, 3, 3)), [1, 1], [0, 0], [0, 0], [1, 1]
    )
    model = _model(made, inputs=[x])
    assert not any("Quantize" in node.op_type for node in write_onnx(model, "plain").graph.node)
    _agree(model, _noise(1, 4, 6, 6), atol=1e-4)


# -- real files ------------------------------------------------------------------------------------------------------


def _assets() -> list[Path]:
    root = os.environ.get("SIGHTLINE_ASSETS", "")
    found = [p for pattern in ("*.tflite", "*.onnx") for p in Path(root).glob(f"models/*/{pattern}")] if root else []
    return sorted(found)


@pytest.mark.skipif(not _assets(), reason="SIGHTLINE_ASSETS names no folder of real models")
@pytest.mark.parametrize("path", _assets(), ids=lambda path: path.stem)
def test_real_float_models_agree(path: Path) -> None:
    try:
        model = ov.Core().read_model(str(path))
    except RuntimeError:
        pytest.skip("read by its own importer only")
    if any(node.get_type_name() == "LSTMSequence" for node in model.get_ops()):
        pytest.skip("a reader of text: its recurrent layer is named as not translated")
    if is_quantised(model):
        write_onnx(model, path.stem)
        return
    given = []
    for port in model.inputs:
        shape = [64 if side.is_dynamic and k > 1 else 1 if side.is_dynamic else side.get_length()
                 for k, side in enumerate(port.get_partial_shape())]  # fmt: skip
        given.append(_noise(*shape, low=-1, high=1).astype(port.get_element_type().to_dtype()))
    _agree(model, *given, atol=5e-4)
