"""Every activation of Darknet as ONNX operations (github.com/AlexeyAB/darknet, src/activations.c and .h)."""

from __future__ import annotations

import difflib
from collections.abc import Callable

from sightline.models.graphs.graph_writer import GraphWriter
from sightline.models.importers.darknet_cfg import Section

__all__ = ["activate"]


def activate(w: GraphWriter, x: str, layer: Section, kind: str) -> str:
    """`kind` of tensor `x` (N, C, H, W). Raises ModelError where Darknet has no such activation."""
    how = _ACTIVATIONS.get(kind)
    if how is None:
        near = difflib.get_close_matches(kind, _ACTIVATIONS, n=1)
        hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(_ACTIVATIONS)}"
        raise layer.fault(f"activation={kind[:40]} is not known; {hint}", "activation")
    return how(w, x)


def _clip(w: GraphWriter, x: str, low: float, high: float) -> str:
    return w.node("Clip", [x, w.constant(float(low)), w.constant(float(high))])


def _times(w: GraphWriter, x: str, factor: float) -> str:
    return w.node("Mul", [x, w.constant(float(factor))])


def _plus(w: GraphWriter, x: str, y: str | float) -> str:
    return w.node("Add", [x, y if isinstance(y, str) else w.constant(float(y))])


def _swish(w: GraphWriter, x: str) -> str:
    return w.node("Mul", [x, w.node("Sigmoid", [x])])


def _mish(w: GraphWriter, x: str) -> str:
    return w.node("Mul", [x, w.node("Tanh", [w.node("Softplus", [x])])])


def _hard_mish(w: GraphWriter, x: str) -> str:
    """x above 0, x + x*x/2 from -2 to 0, else 0."""
    low = _clip(w, x, -2, 0)
    return _plus(w, w.node("Relu", [x]), _plus(w, low, _times(w, w.node("Mul", [low, low]), 0.5)))


def _ramp(w: GraphWriter, x: str) -> str:
    return _plus(w, w.node("Relu", [x]), _times(w, x, 0.1))


def _loggy(w: GraphWriter, x: str) -> str:
    return _plus(w, _times(w, w.node("Sigmoid", [x]), 2), -1)


def _gelu(w: GraphWriter, x: str) -> str:
    cube = w.node("Mul", [w.node("Mul", [x, x]), x])
    inner = w.node("Tanh", [_plus(w, _times(w, x, 0.797885), _times(w, cube, 0.035677))])
    return w.node("Mul", [_times(w, x, 0.5), _plus(w, inner, 1)])


def _plse(w: GraphWriter, x: str) -> str:
    """x/8 + 1/2 from -4 to 4, a hundredth of the slope beyond."""
    middle = _clip(w, x, -4, 4)
    beyond = _times(w, w.node("Sub", [x, middle]), 0.01)
    return _plus(w, _plus(w, _times(w, middle, 0.125), 0.5), beyond)


def _lhtan(w: GraphWriter, x: str) -> str:
    """x from 0 to 1, a thousandth of the slope beyond."""
    middle = _clip(w, x, 0, 1)
    return _plus(w, middle, _times(w, w.node("Sub", [x, middle]), 0.001))


def _stair(w: GraphWriter, x: str) -> str:
    """Flat from an even number to the next odd one, then rising by 1."""
    whole = w.node("Floor", [x])
    half = w.node("Floor", [_times(w, x, 0.5)])
    odd = w.node("Sub", [whole, _times(w, half, 2)])
    return _plus(w, half, w.node("Mul", [odd, w.node("Sub", [x, whole])]))


def _shares(w: GraphWriter, parts: str) -> str:
    """Each of `parts` over the sum of its cell and 0.0001."""
    total = w.node("ReduceSum", [parts, w.constant([1])], keepdims=1)
    return w.node("Div", [parts, _plus(w, total, 0.0001)])


def _shares_of_exp(w: GraphWriter, x: str) -> str:
    return _shares(w, w.node("Exp", [x]))


def _shares_below_most(w: GraphWriter, x: str) -> str:
    most = w.node("ReduceMax", [x], axes=[1], keepdims=1)
    return _shares(w, w.node("Exp", [w.node("Sub", [x, most])]))


_ACTIVATIONS: dict[str, Callable[[GraphWriter, str], str]] = {
    "linear": lambda w, x: x,
    "leaky": lambda w, x: w.node("LeakyRelu", [x], alpha=0.1),
    "mish": _mish,
    "swish": _swish,
    "silu": _swish,
    "logistic": lambda w, x: w.node("Sigmoid", [x]),
    "relu": lambda w, x: w.node("Relu", [x]),
    "relu6": lambda w, x: _clip(w, x, 0, 6),
    "ramp": _ramp,
    "relie": lambda w, x: w.node("LeakyRelu", [x], alpha=0.01),
    "revleaky": lambda w, x: w.node("LeakyRelu", [x], alpha=0.1),
    "loggy": _loggy,
    "elu": lambda w, x: w.node("Elu", [x], alpha=1.0),
    "selu": lambda w, x: w.node("Selu", [x], alpha=1.6732, gamma=1.0507),
    "gelu": _gelu,
    "tanh": lambda w, x: w.node("Tanh", [x]),
    "plse": _plse,
    "stair": _stair,
    "hardtan": lambda w, x: _clip(w, x, -1, 1),
    "lhtan": _lhtan,
    "hard_mish": _hard_mish,
    "normalize_channels": lambda w, x: _shares(w, w.node("Relu", [x])),
    "normalize_channels_softmax": _shares_of_exp,
    "normalize_channels_softmax_maxval": _shares_below_most,
}
