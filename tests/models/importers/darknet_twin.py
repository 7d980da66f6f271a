"""Darknet's layers again as plain loops, one picture at a time; weights are drawn as they are asked for.

`run` gives what the network computes and the .weights file that makes it do so: an oracle that shares no line with
the importer.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

A = NDArray[np.float64]
EPSILON = 1e-6


@dataclass
class Twin:
    """outputs: one (C, H, W) a layer. parameters: every number in the order of the file."""

    random: np.random.Generator
    transposed: bool = False
    outputs: list[A] = field(default_factory=list[A])
    parameters: list[A] = field(default_factory=list[A])
    kernels: dict[int, tuple[A, A]] = field(default_factory=dict[int, tuple[A, A]])
    trees: dict[str, list[int]] = field(default_factory=dict[str, list[int]])

    def take(self, count: int, low: float = -0.6, high: float = 0.6) -> A:
        values = self.random.uniform(low, high, count).astype(np.float32).astype(np.float64)
        self.parameters.append(values)
        return values

    def file(self, version: tuple[int, int, int] = (0, 2, 5), seen: int = 8) -> bytes:
        head = np.array(version, "<i4").tobytes() + (64).to_bytes(seen, "little")
        return head + np.concatenate([np.zeros(0), *self.parameters]).astype("<f4").tobytes()


def parse(cfg: str) -> list[tuple[str, dict[str, str]]]:
    found: list[tuple[str, dict[str, str]]] = []
    for line in cfg.splitlines():
        line = line.replace(" ", "")
        if line.startswith("["):
            found.append((line[1:-1], {}))
        elif line and line[0] not in "#;":
            key, _, value = line.partition("=")
            found[-1][1][key] = value
    return found


def run(cfg: str, picture: A, transposed: bool = False, trees: dict[str, list[int]] | None = None) -> Twin:
    """Every layer of `cfg` on `picture` (C, H, W)."""
    twin = Twin(np.random.default_rng(0), transposed, trees=trees or {})
    (_, _), *layers = parse(cfg)
    x = picture
    for index, (kind, keys) in enumerate(layers):
        x = LAYERS[kind](twin, index, keys, x)
        twin.outputs.append(x)
    return twin


def number(keys: dict[str, str], key: str, otherwise: float) -> int:
    return int(float(keys.get(key, otherwise)))


def places(*shape: int) -> Any:
    return itertools.product(*(range(n) for n in shape))


# -- activations -------------------------------------------------------------------------------------------------------


def one(kind: str, x: float) -> float:
    whole = math.floor(x)
    step = math.floor(x / 2) if whole % 2 == 0 else (x - whole) + math.floor(x / 2)
    sigmoid = 1 / (1 + math.exp(-x))
    return {
        "linear": x,
        "leaky": x if x > 0 else 0.1 * x,
        "revleaky": x if x > 0 else 0.1 * x,
        "relu": max(x, 0.0),
        "relu6": min(max(x, 0.0), 6.0),
        "logistic": sigmoid,
        "loggy": 2 * sigmoid - 1,
        "swish": x * sigmoid,
        "silu": x * sigmoid,
        "mish": x * math.tanh(math.log1p(math.exp(x))),
        "hard_mish": x if x > 0 else x * x / 2 + x if x > -2 else 0.0,
        "relie": x if x > 0 else 0.01 * x,
        "ramp": max(x, 0.0) + 0.1 * x,
        "elu": x if x >= 0 else math.exp(x) - 1,
        "selu": 1.0507 * (x if x >= 0 else 1.6732 * (math.exp(x) - 1)),
        "gelu": 0.5 * x * (1 + math.tanh(0.797885 * x + 0.035677 * x**3)),
        "tanh": math.tanh(x),
        "plse": 0.01 * (x + 4) if x < -4 else 0.01 * (x - 4) + 1 if x > 4 else 0.125 * x + 0.5,
        "stair": step,
        "hardtan": min(max(x, -1.0), 1.0),
        "lhtan": 0.001 * x if x < 0 else 0.001 * (x - 1) + 1 if x > 1 else x,
    }[kind]


def activated(keys: dict[str, str], x: A, otherwise: str = "logistic") -> A:
    kind = keys.get("activation", otherwise)
    if not kind.startswith("normalize"):
        return np.vectorize(lambda v: one(kind, float(v)), otypes=[float])(x)
    out = np.zeros_like(x)
    for h, w in places(*x.shape[1:]):
        cell = x[:, h, w]
        most = cell.max() if kind.endswith("maxval") else 0
        parts = np.exp(cell - most) if "softmax" in kind else np.maximum(cell, 0)
        out[:, h, w] = parts / (parts.sum() + 0.0001)
    return out


# -- layers with weights -----------------------------------------------------------------------------------------------


def normalised(x: A, scale: A, mean: A, variance: A) -> A:
    column = (-1, *[1] * (x.ndim - 1))
    return (x - mean.reshape(column)) / np.sqrt(variance + EPSILON).reshape(column) * scale.reshape(column)


def slide(x: A, weights: A, stride: tuple[int, int], pad: int, dilation: int, groups: int) -> A:
    """weights (n, c/groups, k, k)."""
    n, depth, k, _ = weights.shape
    high = (x.shape[1] + 2 * pad - dilation * (k - 1) - 1) // stride[0] + 1
    wide = (x.shape[2] + 2 * pad - dilation * (k - 1) - 1) // stride[1] + 1
    out = np.zeros((n, high, wide))
    for f, i, j in places(n, high, wide):
        first = f // (n // groups) * depth
        for c, a, b in places(depth, k, k):
            y, z = i * stride[0] - pad + a * dilation, j * stride[1] - pad + b * dilation
            if 0 <= y < x.shape[1] and 0 <= z < x.shape[2]:
                out[f, i, j] += weights[f, c, a, b] * x[first + c, y, z]
    return out


def convolution(t: Twin, index: int, keys: dict[str, str], x: A) -> A:
    n, k, groups = number(keys, "filters", 1), number(keys, "size", 1), number(keys, "groups", 1)
    stride = number(keys, "stride", 1)
    steps = (number(keys, "stride_y", stride), number(keys, "stride_x", stride))
    dilation = number(keys, "dilation", 1)
    pad = k // 2 if number(keys, "pad", 0) else number(keys, "padding", 0)
    depth = x.shape[0] // groups
    if "share_index" in keys:
        at = number(keys, "share_index", 0)
        weights, rest = t.kernels[at if at >= 0 else index + at]
    else:
        bias = t.take(n)
        rest = np.stack([bias])
        if number(keys, "batch_normalize", 0):
            rest = np.stack([bias, t.take(n, 0.5, 1.5), t.take(n), t.take(n, 0.2, 2)])
        weights = t.take(n * depth * k * k)
        if number(keys, "flipped", 0):
            weights = weights.reshape(depth * k * k, n).T
        weights = weights.reshape(n, depth, k, k)
    t.kernels[index] = (weights, rest)
    blurred = number(keys, "antialiasing", 0)
    out = slide(x, weights, (1, 1) if blurred else steps, pad * dilation, dilation, groups)
    if len(rest) == 4:
        out = normalised(out, rest[1], rest[2], rest[3])
    out = activated(keys, out + rest[0].reshape(-1, 1, 1))
    return blur(out, blurred, steps) if blurred else out


def blur(x: A, kind: int, steps: tuple[int, int]) -> A:
    square = np.full((2, 2), 0.25) if kind == 2 else np.outer([1, 2, 1], [1, 2, 1]) / 16
    return slide(x, np.stack([square[None]] * len(x)), steps, 0 if kind == 2 else 1, 1, len(x))


def deconvolution(t: Twin, index: int, keys: dict[str, str], x: A) -> A:
    n, k, stride = number(keys, "filters", 1), number(keys, "size", 1), number(keys, "stride", 1)
    pad = k // 2 if number(keys, "pad", 0) else number(keys, "padding", 0)
    bias = t.take(n)
    rest = [t.take(n, 0.5, 1.5), t.take(n), t.take(n, 0.2, 2)] if number(keys, "batch_normalize", 0) else []
    weights = t.take(len(x) * n * k * k).reshape(len(x), n, k, k)
    out = np.zeros((n, (x.shape[1] - 1) * stride + k - 2 * pad, (x.shape[2] - 1) * stride + k - 2 * pad))
    for c, i, j, f, a, b in places(*x.shape, n, k, k):
        y, z = i * stride - pad + a, j * stride - pad + b
        if 0 <= y < out.shape[1] and 0 <= z < out.shape[2]:
            out[f, y, z] += weights[c, f, a, b] * x[c, i, j]
    out = normalised(out, *rest) if rest else out
    return activated(keys, out + bias.reshape(-1, 1, 1))


def local(t: Twin, index: int, keys: dict[str, str], x: A) -> A:
    n, k, stride, pad = (number(keys, key, 1) for key in ("filters", "size", "stride", "pad"))
    pad = number(keys, "pad", 0)
    high, wide = ((side - (1 if pad else k)) // stride + 1 for side in x.shape[1:])
    out = t.take(n * high * wide).reshape(n, high, wide).copy()
    weights = t.take(high * wide * n * len(x) * k * k).reshape(high * wide, n, len(x), k, k)
    for f, i, j, c, a, b in places(n, high, wide, len(x), k, k):
        y, z = i * stride - pad + a, j * stride - pad + b
        if 0 <= y < x.shape[1] and 0 <= z < x.shape[2]:
            out[f, i, j] += weights[i * wide + j, f, c, a, b] * x[c, y, z]
    return activated(keys, out)


def connected(t: Twin, index: int, keys: dict[str, str], x: A) -> A:
    n = number(keys, "output", 1)
    bias, weights = t.take(n), t.take(n * x.size)
    weights = weights.reshape(x.size, n).T if t.transposed else weights.reshape(n, x.size)
    out = (weights @ x.ravel()).reshape(n, 1, 1)
    if number(keys, "batch_normalize", 0):
        out = normalised(out, t.take(n, 0.5, 1.5), t.take(n), t.take(n, 0.2, 2))
    return activated(keys, out + bias.reshape(n, 1, 1))


def batchnorm(t: Twin, index: int, keys: dict[str, str], x: A) -> A:
    bias = t.take(len(x))
    return normalised(x, t.take(len(x), 0.5, 1.5), t.take(len(x)), t.take(len(x), 0.2, 2)) + bias.reshape(-1, 1, 1)


def implicit(t: Twin, index: int, keys: dict[str, str], x: A) -> A:
    n = number(keys, "filters", 128)
    return t.take(n).reshape(n, 1, 1)


# -- pooling, resizing -------------------------------------------------------------------------------------------------


def pool(t: Twin, index: int, keys: dict[str, str], x: A, average: bool = False) -> A:
    stride = number(keys, "stride", 1)
    k = number(keys, "size", stride)
    padding = number(keys, "padding", k - 1)
    if number(keys, "maxpool_depth", 0):
        n = number(keys, "out_channels", 1)
        return np.stack([x[g::n].max(0) for g in range(n)])
    steps = (number(keys, "stride_y", stride), number(keys, "stride_x", stride))
    blurred = number(keys, "antialiasing", 0)
    across = (1, 1) if blurred else steps
    first = padding // 2
    high, wide = ((side + padding - k) // step + 1 for side, step in zip(x.shape[1:], across, strict=True))
    out = np.zeros((len(x), high, wide))
    for c, i, j in places(*out.shape):
        rows = range(max(i * across[0] - first, 0), min(i * across[0] - first + k, x.shape[1]))
        columns = range(max(j * across[1] - first, 0), min(j * across[1] - first + k, x.shape[2]))
        seen = [x[c, y, z] for y in rows for z in columns]
        out[c, i, j] = sum(seen) / len(seen) if average else max(seen)
    return blur(out, blurred, steps) if blurred else out


def local_avgpool(t: Twin, index: int, keys: dict[str, str], x: A) -> A:
    return pool(t, index, keys, x, average=True)


def avgpool(t: Twin, index: int, keys: dict[str, str], x: A) -> A:
    return x.mean((1, 2)).reshape(-1, 1, 1)


def upsample(t: Twin, index: int, keys: dict[str, str], x: A) -> A:
    step = number(keys, "stride", 2)
    out = np.zeros((len(x), x.shape[1] * step, x.shape[2] * step))
    for c, i, j in places(*out.shape):
        out[c, i, j] = float(keys.get("scale", 1)) * x[c, i // step, j // step]
    return out


def crop(t: Twin, index: int, keys: dict[str, str], x: A) -> A:
    high, wide = number(keys, "crop_height", 1), number(keys, "crop_width", 1)
    top, left = (x.shape[1] - high) // 2, (x.shape[2] - wide) // 2
    cut = x[:, top : top + high, left : left + wide]
    return cut if number(keys, "noadjust", 0) else cut * 2 - 1


def walk(x: A, c: int, h: int, w: int, stride: int, forward: bool) -> A:
    """Darknet's reorg_cpu over flat memory."""
    flat, out, blocks = x.ravel(), np.zeros(x.size), c // (stride * stride)
    for k, j, i in places(c, h, w):
        here = i + w * (j + h * k)
        offset = k // blocks
        far = i * stride + offset % stride + w * stride * (j * stride + offset // stride + h * stride * (k % blocks))
        if forward:
            out[far] = flat[here]
        else:
            out[here] = flat[far]
    return out


def reorg(t: Twin, index: int, keys: dict[str, str], x: A, new: bool = False) -> A:
    s, back, (c, h, w) = number(keys, "stride", 1), number(keys, "reverse", 0), x.shape
    shape = (c // (s * s), h * s, w * s) if back else (c * s * s, h // s, w // s)
    return walk(x, *(shape if new else (c, h, w)), s, bool(back)).reshape(shape)


def reorg3d(t: Twin, index: int, keys: dict[str, str], x: A) -> A:
    return reorg(t, index, keys, x, new=True)


# -- layers that read others -------------------------------------------------------------------------------------------


def read(t: Twin, index: int, keys: dict[str, str], key: str) -> list[A]:
    numbers = [int(word) for word in keys[key].split(",")]
    return [t.outputs[n if n >= 0 else index + n] for n in numbers]


def route(t: Twin, index: int, keys: dict[str, str], x: A) -> A:
    groups, which = number(keys, "groups", 1), number(keys, "group_id", 0)
    return np.concatenate(
        [p[len(p) // groups * which : len(p) // groups * (which + 1)] for p in read(t, index, keys, "layers")]
    )


def shortcut(t: Twin, index: int, keys: dict[str, str], x: A) -> A:
    parts = [x, *read(t, index, keys, "from")]
    columns = {"per_feature": 1, "per_layer": 1, "per_channel": len(x)}.get(keys.get("weights_type", ""), 0)
    weights = np.ones((len(parts), len(x)))
    if columns:
        learnt = t.take(len(parts) * columns).reshape(len(parts), columns)
        how = keys.get("weights_normalization", "none")
        for k, c in places(*weights.shape):
            own = learnt[:, c % columns]
            if how == "softmax":
                weights[k, c] = math.exp(own[k] - max(own)) / (sum(math.exp(v - max(own)) for v in own) + 0.0001)
            else:
                weights[k, c] = max(own[k], 0) / (sum(max(v, 0) for v in own) + 0.0001)
    weights *= np.array([float(keys.get("alpha", 1)), *[float(keys.get("beta", 1))] * (len(parts) - 1)])[:, None]
    out = np.zeros_like(x)
    for k, part in enumerate(parts):
        step = part.shape[1] // x.shape[1]
        for c, i, j in places(*x.shape):
            if c < len(part):
                out[c, i, j] += weights[k, c] * part[c, i * step, j * step]
    return activated(keys, out, "linear")


def scale_channels(t: Twin, index: int, keys: dict[str, str], x: A) -> A:
    (other,) = read(t, index, keys, "from")
    out = np.zeros_like(other)
    for c, i, j in places(*other.shape):
        out[c, i, j] = other[c, i, j] * (x[0, i, j] if number(keys, "scale_wh", 0) else x[c, 0, 0])
    return activated(keys, out, "linear")


def sam(t: Twin, index: int, keys: dict[str, str], x: A) -> A:
    return activated(keys, x * read(t, index, keys, "from")[0], "linear")


def shift_channels(t: Twin, index: int, keys: dict[str, str], x: A) -> A:
    return x + read(t, index, keys, "from")[0].reshape(-1, 1, 1)


def control_channels(t: Twin, index: int, keys: dict[str, str], x: A) -> A:
    return x * read(t, index, keys, "from")[0].reshape(-1, 1, 1)


# -- the rest ----------------------------------------------------------------------------------------------------------


def share(values: A) -> A:
    e = np.exp(values - values.max())
    return e / e.sum()


def softmax(t: Twin, index: int, keys: dict[str, str], x: A) -> A:
    x = x / float(keys.get("temperature", 1))
    if number(keys, "spatial", 0):
        return np.apply_along_axis(share, 0, x)
    flat = x.ravel()
    if "tree" in keys:
        parents = t.trees[keys["tree"]]
        runs = [list(run) for _, run in itertools.groupby(range(len(parents)), lambda row: parents[row])]
        return np.concatenate([share(flat[run]) for run in runs]).reshape(x.shape)
    groups = number(keys, "groups", 1)
    return np.concatenate([share(part) for part in np.split(flat, groups)]).reshape(x.shape)


def normalization(t: Twin, index: int, keys: dict[str, str], x: A) -> A:
    size = number(keys, "size", 5)
    alpha, beta, kappa = (float(keys.get(k, v)) for k, v in (("alpha", 0.0001), ("beta", 0.75), ("kappa", 1)))
    norms = np.zeros_like(x)
    norms[0] = kappa + alpha * sum((x[k] ** 2 for k in range(size // 2)), np.zeros_like(x[0]))
    for k in range(1, len(x)):
        norms[k] = norms[k - 1]
        if k - (size - 1) // 2 - 1 >= 0:
            norms[k] -= alpha * x[k - (size - 1) // 2 - 1] ** 2
        if k + size // 2 < len(x):
            norms[k] += alpha * x[k + size // 2] ** 2
    return x * norms**-beta


def l2norm(t: Twin, index: int, keys: dict[str, str], x: A) -> A:
    return x / np.sqrt((x * x).sum(0))


def passed(t: Twin, index: int, keys: dict[str, str], x: A) -> A:
    return x


LAYERS: dict[str, Callable[[Twin, int, dict[str, str], A], A]] = {
    "convolutional": convolution,
    "deconvolutional": deconvolution,
    "local": local,
    "connected": connected,
    "batchnorm": batchnorm,
    "implicit_add": implicit,
    "implicit_mul": implicit,
    "shift_channels": shift_channels,
    "control_channels": control_channels,
    "maxpool": pool,
    "local_avgpool": local_avgpool,
    "avgpool": avgpool,
    "upsample": upsample,
    "crop": crop,
    "reorg": reorg,
    "reorg3d": reorg3d,
    "route": route,
    "shortcut": shortcut,
    "scale_channels": scale_channels,
    "sam": sam,
    "softmax": softmax,
    "activation": lambda t, index, keys, x: activated(keys, x, "linear"),
    "logistic": lambda t, index, keys, x: np.vectorize(lambda v: one("logistic", float(v)), otypes=[float])(x),
    "normalization": normalization,
    "l2norm": l2norm,
    "dropout": passed,
    "cost": passed,
    "contrastive": passed,
    "yolo": passed,
    "region": passed,
    "detection": passed,
    "Gaussian_yolo": passed,
}
