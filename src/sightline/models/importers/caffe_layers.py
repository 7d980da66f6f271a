"""Caffe's layers with weights and its pooling, written as ONNX; arithmetic as in BVLC/caffe's layers."""

from __future__ import annotations

import math

import numpy as np

from sightline.errors import ModelError
from sightline.models.importers.caffe_build import Build, axis_of, choice, pair, spatial
from sightline.models.importers.caffe_net import Layer
from sightline.types import F32

__all__ = ["batch_norm", "bias", "convolution", "deconvolution", "inner_product", "pooling", "prelu", "scale"]


def convolution(layer: Layer, build: Build) -> None:
    """Convolution with groups and dilation; the depthwise ones of several forks have as many groups as channels."""
    _convolve(layer, build, turned=False)


def deconvolution(layer: Layer, build: Build) -> None:
    _convolve(layer, build, turned=True)


def _convolve(layer: Layer, build: Build, *, turned: bool) -> None:
    said = layer.said.message("convolution_param")
    blob = build.take(layer)
    n, c, h, w = spatial(layer, blob)
    outputs = said.whole("num_output")
    groups = said.whole("group", 1)
    if "depthwise" in layer.type.lower():
        groups, outputs = c, outputs or c
    kernel = pair(layer, said, "kernel", 0, "kernel_size")
    strides, pads, dilations = (pair(layer, said, k, d) for k, d in (("stride", 1), ("pad", 0), ("dilation", 1)))
    if outputs < 1 or 0 in (*kernel, *strides, *dilations) or groups < 1 or c % groups or outputs % groups:
        raise ModelError(
            f"{layer.where}: {outputs} outputs of {c} channels in {groups} groups, kernel {kernel}: no such layer"
        )
    shape = (c, outputs // groups, *kernel) if turned else (outputs, c // groups, *kernel)
    inputs = [blob.tensor, build.held(layer, build.weight(layer, 0, shape))]
    if said.flag("bias_term", True):
        inputs.append(build.held(layer, build.weight(layer, 1, (outputs,))))
    sizes: list[int] = []
    for side, k, s, p, d in zip((h, w), kernel, strides, pads, dilations, strict=True):
        reach = d * (k - 1) + 1
        sizes.append(s * (side - 1) + reach - 2 * p if turned else (side + 2 * p - reach) // s + 1)
    tensor = build.node(
        layer,
        "ConvTranspose" if turned else "Conv",
        inputs,
        kernel_shape=list(kernel),
        strides=list(strides),
        pads=[*pads, *pads],
        dilations=list(dilations),
        group=groups,
    )
    build.give(layer, tensor, (n, outputs, *sizes))


def inner_product(layer: Layer, build: Build) -> None:
    said = layer.said.message("inner_product_param")
    blob = build.take(layer)
    axis = axis_of(layer, said, len(blob.shape))
    outputs, turned = said.whole("num_output"), said.flag("transpose")
    inner = math.prod(blob.shape[axis:])
    if outputs < 1:
        raise ModelError(f"{layer.where}: {outputs} outputs")
    shape = (inner, outputs) if turned else (outputs, inner)
    weights = build.held(layer, build.weight(layer, 0, shape))
    flat = blob.tensor
    rows = math.prod(blob.shape[:axis])
    if blob.shape != (rows, inner):
        flat = build.node(layer, "Reshape", [blob.tensor, build.held(layer, [rows, inner])])
    inputs = [flat, weights]
    if said.flag("bias_term", True):
        inputs.append(build.held(layer, build.weight(layer, 1, (outputs,))))
    tensor = build.node(layer, "Gemm", inputs, transB=0 if turned else 1)
    made = (*blob.shape[:axis], outputs)
    if made != (rows, outputs):
        tensor = build.node(layer, "Reshape", [tensor, build.held(layer, list(made))])
    build.give(layer, tensor, made)


# -- normalisation, scale, slopes ------------------------------------------------------------------------------------


def batch_norm(layer: Layer, build: Build) -> None:
    """Mean and variance as learnt; the arrays are sums that the third one divides. Five arrays: with scale and bias."""
    said = layer.said.message("batch_norm_param")
    blob = build.take(layer)
    if len(blob.shape) < 2:
        raise ModelError(f"{layer.where}: its bottom has no axis of channels")
    c = blob.shape[1]
    arrays = build.weights.get(layer.name, [])
    mean, variance = build.weight(layer, 0, (c,)), build.weight(layer, 1, (c,))
    if len(arrays) in (3, 5):
        factor = float(build.weight(layer, 2, (1,))[0])
        unit = 1 / factor if factor else 0.0
        mean, variance = mean * np.float32(unit), variance * np.float32(unit)
    gain, shift = np.ones(c, np.float32), np.zeros(c, np.float32)
    if len(arrays) >= 4:
        gain, shift = (build.weight(layer, len(arrays) - 2 + i, (c,)) for i in (0, 1))
    held = [build.held(layer, value) for value in (gain, shift, mean, variance)]
    epsilon = said.number("eps", 1e-5)
    tensor = build.node(layer, "BatchNormalization", [blob.tensor, *held], epsilon=epsilon)
    build.give(layer, tensor, blob.shape)


def scale(layer: Layer, build: Build) -> None:
    """Times an array (learnt, or the second bottom) laid along `axis`, plus one."""
    said = layer.said.message("scale_param")
    blob = build.take(layer)
    axis = axis_of(layer, said, len(blob.shape))
    given = len(layer.bottoms) > 1
    if given:
        factor = build.take(layer, 1)
        wide = _along(layer, blob.shape, axis, factor.shape)
        tensor = factor.tensor
        if factor.shape != wide:
            tensor = build.node(layer, "Reshape", [tensor, build.held(layer, list(wide))])
        span = factor.shape
    else:
        count = said.whole("num_axes", 1)
        span = blob.shape[axis:] if count < 0 else blob.shape[axis : axis + count]
        wide = _along(layer, blob.shape, axis, span)
        tensor = build.held(layer, build.weight(layer, 0, span).reshape(wide))
    result = build.node(layer, "Mul", [blob.tensor, tensor])
    if said.flag("bias_term"):
        shift = build.weight(layer, 0 if given else 1, span).reshape(wide)
        result = build.node(layer, "Add", [result, build.held(layer, shift)])
    build.give(layer, result, blob.shape)


def bias(layer: Layer, build: Build) -> None:
    """Plus an array (learnt, or the second bottom) laid along `axis`."""
    said = layer.said.message("bias_param")
    blob = build.take(layer)
    axis = axis_of(layer, said, len(blob.shape))
    if len(layer.bottoms) > 1:
        added = build.take(layer, 1)
        wide = _along(layer, blob.shape, axis, added.shape)
        tensor = build.node(layer, "Reshape", [added.tensor, build.held(layer, list(wide))])
    else:
        count = said.whole("num_axes", 1)
        span = blob.shape[axis:] if count < 0 else blob.shape[axis : axis + count]
        wide = _along(layer, blob.shape, axis, span)
        tensor = build.held(layer, build.weight(layer, 0, span).reshape(wide))
    build.give(layer, build.node(layer, "Add", [blob.tensor, tensor]), blob.shape)


def _along(layer: Layer, shape: tuple[int, ...], axis: int, span: tuple[int, ...]) -> tuple[int, ...]:
    """`span` with ones after it, as it lies along `shape` from `axis` on."""
    if shape[axis : axis + len(span)] != span:
        raise ModelError(f"{layer.where}: {list(span)} does not lie along axis {axis} of {list(shape)}")
    return (*([1] * axis), *span, *([1] * (len(shape) - axis - len(span))))


def prelu(layer: Layer, build: Build) -> None:
    said = layer.said.message("prelu_param")
    blob = build.take(layer)
    if len(blob.shape) < 2:
        raise ModelError(f"{layer.where}: its bottom has no axis of channels")
    slopes = 1 if said.flag("channel_shared") else blob.shape[1]
    wide = (slopes, *([1] * (len(blob.shape) - 2)))
    slope = build.held(layer, build.weight(layer, 0, (slopes,)).reshape(wide))
    build.give(layer, build.node(layer, "PRelu", [blob.tensor, slope]), blob.shape)


# -- pooling ---------------------------------------------------------------------------------------------------------


def pooling(layer: Layer, build: Build) -> None:
    """Maximum or mean over windows. Sizes are rounded up; a mean counts the padding, but nothing beyond it."""
    said = layer.said.message("pooling_param")
    blob = build.take(layer)
    n, c, h, w = spatial(layer, blob)
    kind = choice(said, "pool", ("MAX", "AVE", "STOCHASTIC"), "MAX")
    if kind not in ("MAX", "AVE"):
        raise ModelError(f"{layer.where}: pooling {kind} draws lots; use MAX or AVE")
    if said.flag("global_pooling"):
        op = "GlobalMaxPool" if kind == "MAX" else "GlobalAveragePool"
        build.give(layer, build.node(layer, op, [blob.tensor]), (n, c, 1, 1))
        return
    kernel = pair(layer, said, "kernel", 0, "kernel_size")
    strides, pads = pair(layer, said, "stride", 1), pair(layer, said, "pad", 0)
    if 0 in (*kernel, *strides) or any(p >= k for p, k in zip(pads, kernel, strict=True)):
        raise ModelError(f"{layer.where}: kernel {kernel}, stride {strides}, pad {pads}: no such pooling")
    up = choice(said, "round_mode", ("CEIL", "FLOOR"), "CEIL") == "CEIL"
    if "ceil_mode" in said:
        up = said.flag("ceil_mode")
    sizes = [_pooled(*each, up=up) for each in zip((h, w), kernel, strides, pads, strict=True)]
    # what the last windows reach beyond the padding
    ends = [
        max(0, (o - 1) * s + k - side - p)
        for o, side, k, s, p in zip(sizes, (h, w), kernel, strides, pads, strict=True)
    ]
    tensor = blob.tensor
    starts = list(pads)
    if any(p >= k for p, k in zip((*starts, *ends), (*kernel, *kernel), strict=True)):
        # a window may lie in the padding as a whole, which ONNX forbids: the padding becomes pixels
        filler = float(np.finfo(np.float32).min) if kind == "MAX" else 0.0
        amounts = build.held(layer, [0, 0, *starts, 0, 0, *ends])
        tensor = build.node(layer, "Pad", [tensor, amounts, build.held(layer, filler)])
        starts, ends = [0, 0], [0, 0]
    shared = {"kernel_shape": list(kernel), "strides": list(strides), "pads": [*starts, *ends]}
    if kind == "MAX":
        tensor = build.node(layer, "MaxPool", [tensor], **shared)
    else:
        tensor = build.node(layer, "AveragePool", [tensor], count_include_pad=1, **shared)
        correction = _correction((h, w), sizes, kernel, strides, pads)
        if correction is not None:
            tensor = build.node(layer, "Mul", [tensor, build.held(layer, correction)])
    build.give(layer, tensor, (n, c, *sizes))


def _pooled(side: int, kernel: int, stride: int, pad: int, *, up: bool) -> int:
    """How many windows a side has; the last one begins within the picture or its first padding."""
    reach = side + 2 * pad - kernel
    count = (-(-reach // stride) if up else reach // stride) + 1
    if pad and (count - 1) * stride >= side + pad:
        count -= 1
    return count


def _correction(
    sides: tuple[int, int], sizes: list[int], kernel: tuple[int, int], strides: tuple[int, int], pads: tuple[int, int]
) -> F32 | None:
    """What a mean over whole windows is multiplied with where Caffe's are cut off; None where none are."""
    parts: list[F32] = []
    for side, size, k, s, p in zip(sides, sizes, kernel, strides, pads, strict=True):
        start = np.arange(size) * s - p
        counted = np.minimum(start + k, side + p) - start
        parts.append((k / np.maximum(counted, 1)).astype(np.float32))
    both = parts[0][:, None] * parts[1][None, :]
    return None if np.all(both == 1) else both.reshape(1, 1, *both.shape).astype(np.float32)
