"""Caffe's layers without weights, one value at a time or one blob into another, written as ONNX."""

from __future__ import annotations

import math

from sightline.errors import ModelError
from sightline.models.importers.caffe_build import Build, axis_of, choice, spatial
from sightline.models.importers.caffe_net import Layer

__all__ = [
    "argmax", "axpy", "clip", "elementwise", "eltwise", "elu", "exponential", "logarithm", "lrn", "mvn", "normalize",
    "power", "reduction", "relu", "same", "softmax", "threshold",
]  # fmt: skip

_REGIONS = ("ACROSS_CHANNELS", "WITHIN_CHANNEL")
_UNARY = {
    "Sigmoid": "Sigmoid", "TanH": "Tanh", "AbsVal": "Abs", "BNLL": "Softplus", "HardSwish": "HardSwish",
    "Swish": "", "Mish": "",
}  # fmt: skip


def same(layer: Layer, build: Build) -> None:
    """Split and Dropout: what goes in comes out, at every top."""
    blob = build.take(layer)
    for i in range(len(layer.tops)):
        build.give(layer, blob.tensor, blob.shape, i, blob.value)


def elementwise(layer: Layer, build: Build) -> None:
    blob = build.take(layer)
    op = _UNARY[layer.type]
    if op:
        tensor = build.node(layer, op, [blob.tensor])
    elif layer.type == "Swish":
        beta = layer.said.message("swish_param").number("beta", 1.0)
        inner = blob.tensor if beta == 1 else build.node(layer, "Mul", [blob.tensor, build.held(layer, beta)])
        tensor = build.node(layer, "Mul", [blob.tensor, build.node(layer, "Sigmoid", [inner])])
    else:
        soft = build.node(layer, "Tanh", [build.node(layer, "Softplus", [blob.tensor])])
        tensor = build.node(layer, "Mul", [blob.tensor, soft])
    build.give(layer, tensor, blob.shape)


def relu(layer: Layer, build: Build) -> None:
    blob = build.take(layer)
    slope = layer.said.message("relu_param").number("negative_slope")
    if slope:
        tensor = build.node(layer, "LeakyRelu", [blob.tensor], alpha=slope)
    else:
        tensor = build.node(layer, "Relu", [blob.tensor])
    build.give(layer, tensor, blob.shape)


def clip(layer: Layer, build: Build) -> None:
    """Clip (min, max), and ReLU6 of the forks."""
    blob = build.take(layer)
    said = layer.said.message("clip_param")
    low, high = (0.0, 6.0) if layer.type == "ReLU6" else (said.number("min"), said.number("max"))
    tensor = build.node(layer, "Clip", [blob.tensor, build.held(layer, low), build.held(layer, high)])
    build.give(layer, tensor, blob.shape)


def elu(layer: Layer, build: Build) -> None:
    blob = build.take(layer)
    alpha = layer.said.message("elu_param").number("alpha", 1.0)
    build.give(layer, build.node(layer, "Elu", [blob.tensor], alpha=alpha), blob.shape)


def power(layer: Layer, build: Build) -> None:
    """(shift + scale * x) ^ power."""
    blob = build.take(layer)
    said = layer.said.message("power_param")
    tensor = _affine(layer, build, blob.tensor, said.number("scale", 1.0), said.number("shift"))
    exponent = said.number("power", 1.0)
    if exponent != 1:
        tensor = build.node(layer, "Pow", [tensor, build.held(layer, float(exponent))])
    build.give(layer, tensor, blob.shape)


def exponential(layer: Layer, build: Build) -> None:
    """base ^ (shift + scale * x); base -1 is e."""
    blob = build.take(layer)
    said = layer.said.message("exp_param")
    base = said.number("base", -1.0)
    rate = 1.0 if base <= 0 else math.log(base)
    tensor = _affine(layer, build, blob.tensor, said.number("scale", 1.0) * rate, said.number("shift") * rate)
    build.give(layer, build.node(layer, "Exp", [tensor]), blob.shape)


def logarithm(layer: Layer, build: Build) -> None:
    """The logarithm of shift + scale * x to `base`; base -1 is e."""
    blob = build.take(layer)
    said = layer.said.message("log_param")
    base = said.number("base", -1.0)
    if base == 1:
        raise ModelError(f"{layer.where}: a logarithm to base 1")
    tensor = _affine(layer, build, blob.tensor, said.number("scale", 1.0), said.number("shift"))
    tensor = build.node(layer, "Log", [tensor])
    if base > 0:
        tensor = build.node(layer, "Mul", [tensor, build.held(layer, 1 / math.log(base))])
    build.give(layer, tensor, blob.shape)


def _affine(layer: Layer, build: Build, tensor: str, factor: float, shift: float) -> str:
    if factor != 1:
        tensor = build.node(layer, "Mul", [tensor, build.held(layer, float(factor))])
    return build.node(layer, "Add", [tensor, build.held(layer, float(shift))]) if shift else tensor


def threshold(layer: Layer, build: Build) -> None:
    blob = build.take(layer)
    limit = build.held(layer, layer.said.message("threshold_param").number("threshold"))
    above = build.node(layer, "Greater", [blob.tensor, limit])
    build.give(layer, build.node(layer, "Cast", [above], to=1), blob.shape)


def softmax(layer: Layer, build: Build) -> None:
    blob = build.take(layer)
    axis = axis_of(layer, layer.said.message("softmax_param"), len(blob.shape))
    build.give(layer, build.node(layer, "Softmax", [blob.tensor], axis=axis), blob.shape)


# -- several blobs into one ------------------------------------------------------------------------------------------


def eltwise(layer: Layer, build: Build) -> None:
    """Product, weighted sum or maximum of blobs of one shape."""
    said = layer.said.message("eltwise_param")
    kind = choice(said, "operation", ("PROD", "SUM", "MAX"), "SUM")
    blobs = [build.take(layer, i) for i in range(max(1, len(layer.bottoms)))]
    factors = said.numbers("coeff")
    if any(blob.shape != blobs[0].shape for blob in blobs):
        shapes = ", ".join(" x ".join(map(str, blob.shape)) for blob in blobs)
        raise ModelError(f"{layer.where}: its bottoms differ in size: {shapes}")
    if factors and (kind != "SUM" or len(factors) != len(blobs)):
        raise ModelError(f"{layer.where}: {len(factors)} factors (coeff) for {kind} of {len(blobs)} bottoms")
    tensors = [blob.tensor for blob in blobs]
    if any(factor != 1 for factor in factors):
        tensors = [_affine(layer, build, t, f, 0) for t, f in zip(tensors, factors, strict=True)]
    op = {"PROD": "Mul", "SUM": "Add", "MAX": "Max"}.get(kind)
    if op is None:
        raise ModelError(f"{layer.where}: no known operation {kind}")
    result = tensors[0]
    for tensor in tensors[1:]:
        result = build.node(layer, op, [result, tensor])
    build.give(layer, result, blobs[0].shape)


def axpy(layer: Layer, build: Build) -> None:
    """a * x + y, a one number a channel (squeeze and excitation)."""
    a, x, y = (build.take(layer, i) for i in range(3))
    n, c, _, _ = spatial(layer, x)
    factor = build.node(layer, "Reshape", [a.tensor, build.held(layer, [n, c, 1, 1])])
    product = build.node(layer, "Mul", [factor, x.tensor])
    build.give(layer, build.node(layer, "Add", [product, y.tensor]), x.shape)


# -- over an axis ----------------------------------------------------------------------------------------------------


def lrn(layer: Layer, build: Build) -> None:
    said = layer.said.message("lrn_param")
    blob = build.take(layer)
    size, k = said.whole("local_size", 5), said.number("k", 1.0)
    alpha, beta = said.number("alpha", 1.0), said.number("beta", 0.75)
    if size < 1 or size % 2 == 0:
        raise ModelError(f"{layer.where}: local_size {size} should be odd")
    if choice(said, "norm_region", _REGIONS, "ACROSS_CHANNELS") == "ACROSS_CHANNELS":
        tensor = build.node(layer, "LRN", [blob.tensor], size=size, alpha=alpha, beta=beta, bias=k)
        build.give(layer, tensor, blob.shape)
        return
    spatial(layer, blob)
    squares = build.node(layer, "Mul", [blob.tensor, blob.tensor])
    pads = [(size - 1) // 2] * 4
    mean = build.node(layer, "AveragePool", [squares], kernel_shape=[size, size], pads=pads, count_include_pad=1)
    below = build.node(layer, "Pow", [_affine(layer, build, mean, alpha, 1.0), build.held(layer, float(-beta))])
    build.give(layer, build.node(layer, "Mul", [blob.tensor, below]), blob.shape)


def normalize(layer: Layer, build: Build) -> None:
    """To length 1 over the channels (or over the whole picture), times a learnt scale (arXiv 1512.04143)."""
    said = layer.said.message("norm_param")
    blob = build.take(layer)
    _, c, _, _ = spatial(layer, blob)
    axes = [1, 2, 3] if said.flag("across_spatial", True) else [1]
    squares = build.node(layer, "Mul", [blob.tensor, blob.tensor])
    total = build.node(layer, "ReduceSum", [squares, build.held(layer, axes)], keepdims=1)
    length = build.node(layer, "Sqrt", [_affine(layer, build, total, 1.0, said.number("eps", 1e-10))])
    tensor = build.node(layer, "Div", [blob.tensor, length])
    count = 1 if said.flag("channel_shared", True) else c
    gain = build.weight(layer, 0, (count,)).reshape(1, count, 1, 1)
    build.give(layer, build.node(layer, "Mul", [tensor, build.held(layer, gain)]), blob.shape)


def mvn(layer: Layer, build: Build) -> None:
    """Mean 0 and, unless told otherwise, deviation 1, of every channel or of the whole picture."""
    said = layer.said.message("mvn_param")
    blob = build.take(layer)
    spatial(layer, blob)
    axes = [1, 2, 3] if said.flag("across_channels") else [2, 3]
    mean = build.node(layer, "ReduceMean", [blob.tensor], axes=axes, keepdims=1)
    tensor = build.node(layer, "Sub", [blob.tensor, mean])
    if said.flag("normalize_variance", True):
        squares = build.node(layer, "Mul", [tensor, tensor])
        variance = build.node(layer, "ReduceMean", [squares], axes=axes, keepdims=1)
        deviation = _affine(layer, build, build.node(layer, "Sqrt", [variance]), 1.0, said.number("eps", 1e-9))
        tensor = build.node(layer, "Div", [tensor, deviation])
    build.give(layer, tensor, blob.shape)


def reduction(layer: Layer, build: Build) -> None:
    """SUM, ASUM, SUMSQ or MEAN of everything from `axis` on."""
    said = layer.said.message("reduction_param")
    blob = build.take(layer)
    axis = axis_of(layer, said, len(blob.shape), 0)
    kind = choice(said, "operation", ("", "SUM", "ASUM", "SUMSQ", "MEAN"), "SUM")
    tensor = blob.tensor
    if kind == "ASUM":
        tensor = build.node(layer, "Abs", [tensor])
    elif kind == "SUMSQ":
        tensor = build.node(layer, "Mul", [tensor, tensor])
    axes = list(range(axis, len(blob.shape)))
    if kind == "MEAN":
        tensor = build.node(layer, "ReduceMean", [tensor], axes=axes, keepdims=0)
    else:
        tensor = build.node(layer, "ReduceSum", [tensor, build.held(layer, axes)], keepdims=0)
    build.give(layer, _affine(layer, build, tensor, said.number("coeff", 1.0), 0), blob.shape[:axis])


def argmax(layer: Layer, build: Build) -> None:
    """Places (or values, with `axis`) of the best; without `axis` one row of places a picture."""
    said = layer.said.message("argmax_param")
    blob = build.take(layer)
    top = said.whole("top_k", 1)
    if "axis" in said:
        axis = axis_of(layer, said, len(blob.shape))
        tensor, size = blob.tensor, blob.shape[axis]
        made = (*blob.shape[:axis], top, *blob.shape[axis + 1 :])
    else:
        axis, size = 1, math.prod(blob.shape[1:])
        tensor = build.node(layer, "Reshape", [blob.tensor, build.held(layer, [blob.shape[0], size])])
        made = (blob.shape[0], 1, top)
    if not 0 < top <= size:
        raise ModelError(f"{layer.where}: the best {top} of {size}")
    name = f"{layer.name}/TopK"
    values, places = build.writer.nodes("TopK", [tensor, build.held(layer, [top])], 2, name=name, axis=axis)
    found = build.node(layer, "Cast", [places], to=1)
    if said.flag("out_max_val"):
        if "axis" in said:
            found = values
        else:
            wide = build.held(layer, [blob.shape[0], 1, top])
            pair = [build.node(layer, "Reshape", [tensor, wide]) for tensor in (found, values)]
            build.give(layer, build.node(layer, "Concat", pair, axis=1), (blob.shape[0], 2, top))
            return
    if len(made) == 3 and "axis" not in said:
        found = build.node(layer, "Reshape", [found, build.held(layer, list(made))])
    build.give(layer, found, made)
