"""OpenVINO's arithmetic, activations, comparisons and reductions in ONNX's operations."""

from __future__ import annotations

import math

import numpy as np
import openvino as ov

from sightline.models.forms.ir_translation import Rule, Translation

__all__ = ["MATH_RULES"]


def _named(op: str) -> Rule:
    """The same operation under ONNX's name."""

    def rule(t: Translation, node: ov.Node) -> str:
        if node.get_attributes().get("auto_broadcast", "numpy") not in ("numpy", "none", "explicit"):
            raise t.refuse(node, "it broadcasts as PaddlePaddle does")
        return t.node(op, t.inputs(node))

    return rule


def _squared_difference(t: Translation, node: ov.Node) -> str:
    away = t.node("Sub", t.inputs(node))
    return t.node("Mul", [away, away])


def _floor_mod(t: Translation, node: ov.Node) -> str:
    if not node.get_output_element_type(0).is_real():
        return t.node("Mod", t.inputs(node))
    a, b = t.inputs(node)
    return t.node("Sub", [a, t.node("Mul", [t.node("Floor", [t.node("Div", [a, b])]), b])])


def _mod(t: Translation, node: ov.Node) -> str:
    return t.node("Mod", t.inputs(node), fmod=1)


def _not_equal(t: Translation, node: ov.Node) -> str:
    return t.node("Not", [t.node("Equal", t.inputs(node))])


# -- activations -----------------------------------------------------------------------------------------------------


def _clamp(t: Translation, node: ov.Node) -> str:
    limits = node.get_attributes()
    low, high = float(limits["min"]), float(limits["max"])
    if not node.get_output_element_type(0).is_real():
        info = np.iinfo(node.get_output_element_type(0).to_dtype())
        low, high = max(math.ceil(low), info.min), min(math.floor(high), info.max)
    return t.node("Clip", [t.input(node, 0), t.scalar(low, node), t.scalar(high, node)])


def _prelu(t: Translation, node: ov.Node) -> str:
    data, slope = t.inputs(node)
    rank, sides = t.rank(node, 0), t.shape(node, 1)
    if len(sides) == 1 and rank > 2 and sides[0] != 1:
        # one number a channel, and channels are axis 1
        shape = [-1] + [1] * (rank - 2)
        value = t.constant(node, 1)
        slope = (
            t.node("Reshape", [slope, t.writer.constant(shape)])
            if value is None
            else t.writer.constant(value.reshape(shape))
        )
    return t.node("PRelu", [data, slope])


def _hard_sigmoid(t: Translation, node: ov.Node) -> str:
    alpha, beta = (float(t.known(node, k, "slope and shift").reshape(-1)[0]) for k in (1, 2))
    return t.node("HardSigmoid", [t.input(node, 0)], alpha=alpha, beta=beta)


def _hsigmoid(t: Translation, node: ov.Node) -> str:
    return t.node("HardSigmoid", [t.input(node, 0)], alpha=1 / 6, beta=0.5)


def _swish(t: Translation, node: ov.Node) -> str:
    x = t.input(node, 0)
    inner = x if node.get_input_size() < 2 else t.node("Mul", [x, t.input(node, 1)])
    return t.node("Mul", [x, t.node("Sigmoid", [inner])])


def _mish(t: Translation, node: ov.Node) -> str:
    x = t.input(node, 0)
    return t.node("Mul", [x, t.node("Tanh", [t.node("Softplus", [x])])])


def _gelu(t: Translation, node: ov.Node) -> str:
    x = t.input(node, 0)
    half, one = t.scalar(0.5, node), t.scalar(1.0, node)
    if str(node.get_attributes().get("approximation_mode", "ERF")).upper() == "TANH":
        cube = t.node("Mul", [x, t.node("Mul", [x, x])])
        inner = t.node("Add", [x, t.node("Mul", [cube, t.scalar(0.044715, node)])])
        turn = t.node("Tanh", [t.node("Mul", [inner, t.scalar(math.sqrt(2 / math.pi), node)])])
    else:
        turn = t.node("Erf", [t.node("Mul", [x, t.scalar(math.sqrt(0.5), node)])])
    return t.node("Mul", [t.node("Mul", [x, half]), t.node("Add", [turn, one])])


def _elu(t: Translation, node: ov.Node) -> str:
    return t.node("Elu", [t.input(node, 0)], alpha=float(node.get_attributes()["alpha"]))


def _selu(t: Translation, node: ov.Node) -> str:
    alpha, gamma = (float(t.known(node, k, "factors").reshape(-1)[0]) for k in (1, 2))
    return t.node("Selu", [t.input(node, 0)], alpha=alpha, gamma=gamma)


def _softmax(t: Translation, node: ov.Node) -> str:
    op = {"Softmax": "Softmax", "SoftMax": "Softmax", "LogSoftmax": "LogSoftmax"}[node.get_type_name()]
    return t.node(op, [t.input(node, 0)], axis=int(node.get_attributes().get("axis", 1)))


def _round(t: Translation, node: ov.Node) -> str:
    x = t.input(node, 0)
    if node.get_attributes().get("mode", "half_to_even") == "half_to_even":
        return t.node("Round", [x])
    size = t.node("Floor", [t.node("Add", [t.node("Abs", [x]), t.scalar(0.5, node)])])
    return t.node("Mul", [t.node("Sign", [x]), size])


# -- types and quantisation ------------------------------------------------------------------------------------------


def _convert(t: Translation, node: ov.Node) -> str:
    return t.cast(t.input(node, 0), node.get_output_element_type(0).get_type_name())


def _fake_quantize(t: Translation, node: ov.Node) -> str:
    low, high, out_low, out_high = (t.known(node, k, "ranges").astype(np.float64) for k in range(1, 5))
    levels = int(node.get_attributes()["levels"])
    x = t.floats(node, 0)
    whole = low.size == high.size == 1 and np.array_equal(low, out_low) and np.array_equal(high, out_high)
    if t.pairs and whole and levels == 256 and high.item() > low.item():
        step = (high.item() - low.item()) / 255
        zero = -low.item() / step
        if abs(zero - round(zero)) < 1e-3 and 0 <= round(zero) <= 255:
            pair = [t.writer.constant(np.array(step, np.float32)), t.writer.constant(np.array(round(zero), np.uint8))]
            return t.as_made(t.node("DequantizeLinear", [t.node("QuantizeLinear", [x, *pair]), *pair]), node)
    span = np.where(high - low == 0, 1, high - low)
    inward = _f32(t, (levels - 1) / span)
    outward = _f32(t, (out_high - out_low) / (levels - 1))
    inside = t.node("Max", [t.node("Min", [x, _f32(t, high)]), _f32(t, low)])
    steps = t.node("Round", [t.node("Mul", [t.node("Sub", [inside, _f32(t, low)]), inward])])
    return t.as_made(t.node("Add", [t.node("Mul", [steps, outward]), _f32(t, out_low)]), node)


def _f32(t: Translation, value: np.ndarray) -> str:
    return t.writer.constant(np.asarray(value, np.float32))


# -- reductions ------------------------------------------------------------------------------------------------------


def _reduce(op: str) -> Rule:
    def rule(t: Translation, node: ov.Node) -> str:
        keep = int(node.get_attributes().get("keep_dims", False))
        if op == "ReduceSum":
            return t.node(op, [t.input(node, 0), t.as_int64(node, 1, 1)], keepdims=keep)
        axes = [int(axis) for axis in t.known(node, 1, "axes").reshape(-1)]
        if not axes:
            return t.node("Identity", [t.input(node, 0)])
        return t.node(op, [t.input(node, 0)], axes=axes, keepdims=keep)

    return rule


def _reduce_logical(op: str) -> Rule:
    def rule(t: Translation, node: ov.Node) -> str:
        keep = int(node.get_attributes().get("keep_dims", False))
        axes = [int(axis) for axis in t.known(node, 1, "axes").reshape(-1)]
        return t.cast(t.node(op, [t.cast(t.input(node, 0), "i32")], axes=axes, keepdims=keep), "boolean")

    return rule


_SAME_NAME = (
    "Add", "Relu", "Sigmoid", "Tanh", "Exp", "Log", "Sqrt", "Abs", "Floor", "Sign", "Erf", "Sin", "Cos", "Tan", "Asin",
    "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh", "Less", "Greater", "Equal", "HardSwish",
    "Identity",
)  # fmt: skip
_OTHER_NAME = {
    "ReLU": "Relu", "Subtract": "Sub", "Multiply": "Mul", "Divide": "Div", "Power": "Pow",
    "Maximum": "Max", "Minimum": "Min", "Ceiling": "Ceil", "Negative": "Neg", "SoftPlus": "Softplus",
    "SoftSign": "Softsign", "HSwish": "HardSwish", "LessEqual": "LessOrEqual", "GreaterEqual": "GreaterOrEqual",
    "LogicalAnd": "And", "LogicalOr": "Or", "LogicalXor": "Xor", "LogicalNot": "Not", "Select": "Where",
}  # fmt: skip

MATH_RULES: dict[str, Rule] = {
    **{name: _named(name) for name in _SAME_NAME},
    **{name: _named(op) for name, op in _OTHER_NAME.items()},
    **{name: _reduce(name) for name in ("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1")},
    "ReduceL2": _reduce("ReduceL2"),
    "ReduceLogicalAnd": _reduce_logical("ReduceMin"),
    "ReduceLogicalOr": _reduce_logical("ReduceMax"),
    "SquaredDifference": _squared_difference,
    "FloorMod": _floor_mod,
    "Mod": _mod,
    "NotEqual": _not_equal,
    "Clamp": _clamp,
    "PRelu": _prelu,
    "PReLU": _prelu,
    "HardSigmoid": _hard_sigmoid,
    "HSigmoid": _hsigmoid,
    "Swish": _swish,
    "Mish": _mish,
    "Gelu": _gelu,
    "Elu": _elu,
    "Selu": _selu,
    "Softmax": _softmax,
    "SoftMax": _softmax,
    "LogSoftmax": _softmax,
    "Round": _round,
    "Convert": _convert,
    "ConvertLike": _convert,
    "FakeQuantize": _fake_quantize,
}
