"""The layers of Darknet without weights, and the table of all: [section] -> what writes it.

Semantics: github.com/AlexeyAB/darknet, src/parser.c and the file of each layer; shift_channels and control_channels
as github.com/WongKinYiu/yolor and DeepStream-Yolo have them.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable

import numpy as np

from sightline.models.importers.darknet_activations import activate
from sightline.models.importers.darknet_cfg import Section
from sightline.models.importers.darknet_kernels import (
    write_batchnorm,
    write_blur,
    write_connected,
    write_convolution,
    write_deconvolution,
    write_implicit,
    write_local,
)
from sightline.models.importers.darknet_network import Blob, Network
from sightline.models.importers.darknet_trees import read_tree

__all__ = ["RECURRENT", "write_layer"]

_MOST_NEIGHBOURS = 8192
_NEAREST = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}


def write_layer(layer: Section, net: Network) -> Blob:
    """Raises ModelError naming layer and line where it is not supported or does not fit what goes in."""
    write = _LAYERS.get(layer.kind)
    if write is not None:
        return write(layer, net)
    near = difflib.get_close_matches(layer.kind, _LAYERS, n=1)
    raise layer.fault("no layer of Darknet is called so" + (f"; did you mean [{near[0]}]?" if near else ""))


def _same(layer: Section, net: Network, tensor: str, start: Blob) -> Blob:
    """The output of a layer that keeps its input's shape."""
    return net.blob(layer, tensor, start.channels, start.height, start.width)


def _passed(layer: Section, net: Network) -> Blob:
    """A layer that only does something in training."""
    return net.before(layer)


# -- pooling, resizing -------------------------------------------------------------------------------------------------


def _pool(layer: Section, net: Network) -> Blob:
    """[maxpool] and [local_avgpool]: `padding` (size-1 unless given) in all, the smaller half of it first."""
    start = net.before(layer)
    stride = layer.integer("stride", 1, 1, 1024)
    size = layer.integer("size", stride, 1, 1024)
    padding = layer.integer("padding", size - 1, 0, 2048)
    average: dict[str, object] = {"count_include_pad": 0} if layer.kind.startswith("local_avg") else {}
    if layer.integer("maxpool_depth", 0) and not average:
        return _pool_depth(layer, net, start)
    down, across = layer.integer("stride_y", stride, 1, 1024), layer.integer("stride_x", stride, 1, 1024)
    blurred = 0 if average else layer.integer("antialiasing", 0, 0, 2)
    steps = (1, 1) if blurred else (down, across)
    first, last = padding // 2, padding - padding // 2
    height, width = (
        (n + padding - size) // step + 1 for n, step in zip((start.height, start.width), steps, strict=True)
    )
    if last >= size:
        raise layer.fault(f"padding={padding} puts whole windows of {size} outside the picture", "padding")
    net.blob(layer, "", start.channels, height, width)
    made = net.node(
        layer,
        "AveragePool" if average else "MaxPool",
        [start.tensor],
        kernel_shape=[size, size],
        strides=list(steps),
        pads=[first, first, last, last],
        **average,
    )
    out = net.blob(layer, made, start.channels, height, width)
    return write_blur(layer, net, out, blurred, down, across) if blurred else out


def _pool_depth(layer: Section, net: Network, start: Blob) -> Blob:
    """The greatest of every `out_channels`-th channel at each place."""
    channels = layer.integer("out_channels", 1, 1)
    if start.channels % channels:
        raise layer.fault(f"out_channels={channels} does not divide {start.channels} channels", "out_channels")
    shape = [start.channels // channels, channels, start.height, start.width]
    made = net.node(layer, "ReduceMax", [net.reshape(layer, start.tensor, shape)], axes=[1], keepdims=0)
    return net.blob(layer, made, channels, start.height, start.width)


def _avgpool(layer: Section, net: Network) -> Blob:
    start = net.before(layer)
    return net.blob(layer, net.node(layer, "GlobalAveragePool", [start.tensor]), start.channels, 1, 1)


def _upsample(layer: Section, net: Network) -> Blob:
    """Every value `stride` times in both directions, times `scale`."""
    start, stride = net.before(layer), layer.integer("stride", 2, 1, 64)
    net.blob(layer, "", start.channels, start.height * stride, start.width * stride)
    scales = net.writer.constant(np.array([1, 1, stride, stride], np.float32))
    made = net.node(layer, "Resize", [start.tensor, "", scales], **_NEAREST)
    factor = layer.number("scale", 1)
    if factor != 1:
        made = net.node(layer, "Mul", [made, net.writer.constant(float(factor))])
    return net.blob(layer, made, start.channels, start.height * stride, start.width * stride)


def _crop(layer: Section, net: Network) -> Blob:
    """The middle of the picture, 0..1 brought to -1..1 unless `noadjust`."""
    start = net.before(layer)
    height, width = layer.integer("crop_height", 1, 1), layer.integer("crop_width", 1, 1)
    if height > start.height or width > start.width:
        raise layer.fault(f"{width}x{height} cannot be cut from {start.width}x{start.height}")
    top, left = (start.height - height) // 2, (start.width - width) // 2
    bounds = [net.writer.constant(v) for v in ([top, left], [top + height, left + width], [2, 3])]
    made = net.node(layer, "Slice", [start.tensor, *bounds])
    if not layer.integer("noadjust", 0):
        made = net.node(layer, "Mul", [made, net.writer.constant(2.0)])
        made = net.node(layer, "Sub", [made, net.writer.constant(1.0)])
    return net.blob(layer, made, start.channels, height, width)


# -- reorg -------------------------------------------------------------------------------------------------------------


def _reorg(layer: Section, net: Network) -> Blob:
    """[reorg] and [reorg3d]: one walk over the numbers; [reorg] takes them in the wrong shape, as nets learnt it."""
    start, stride = net.before(layer), layer.integer("stride", 1, 1, 64)
    square, reverse = stride * stride, bool(layer.integer("reverse", 0))
    channels, height, width = start.channels, start.height, start.width
    if reverse:
        out = (channels // square, height * stride, width * stride)
    else:
        out = (channels * square, height // stride, width // stride)
    walked = out if layer.kind == "reorg3d" else (channels, height, width)
    if int(np.prod(out)) != start.size or walked[0] % square:
        raise layer.fault(f"stride={stride} does not divide {width}x{height}x{channels}", "stride")
    blocks, rows, columns = walked[0] // square, walked[1], walked[2]
    if reverse:
        shape, order = [stride, stride, blocks, rows, columns], [0, 3, 4, 1, 5, 2]
    else:
        shape, order = [blocks, rows, stride, columns, stride], [0, 3, 5, 1, 2, 4]
    made = net.node(layer, "Transpose", [net.reshape(layer, start.tensor, shape)], perm=order)
    return net.blob(layer, net.reshape(layer, made, list(out)), *out)


# -- layers that read others -------------------------------------------------------------------------------------------


def _route(layer: Section, net: Network) -> Blob:
    """The channels of several layers side by side; with `groups` the share `group_id` of each."""
    numbers = layer.integers("layers", -(1 << 20), 1 << 20)
    if not numbers:
        raise layer.fault("layers= names no layer")
    parts = [net.at(layer, number, "layers") for number in numbers]
    groups = layer.integer("groups", 1, 1)
    which = layer.integer("group_id", 0, 0, groups - 1)
    sizes = {(part.height, part.width) for part in parts}
    if len(sizes) > 1:
        listed = ", ".join(f"{part.width}x{part.height}" for part in parts)
        raise layer.fault(f"layers of different sizes cannot stand side by side: {listed}", "layers")
    if any(part.channels % groups for part in parts):
        raise layer.fault(f"groups={groups} does not divide the channels of every layer", "groups")
    tensors = [_share(layer, net, part, groups, which) for part in parts]
    channels = sum(part.channels // groups for part in parts)
    out = net.blob(layer, tensors[0], channels, parts[0].height, parts[0].width)
    return out if len(tensors) == 1 else _same(layer, net, net.node(layer, "Concat", tensors, axis=1), out)


def _share(layer: Section, net: Network, part: Blob, groups: int, which: int) -> str:
    if groups == 1:
        return part.tensor
    each = part.channels // groups
    bounds = [net.writer.constant(v) for v in ([each * which], [each * (which + 1)], [1])]
    return net.node(layer, "Slice", [part.tensor, *bounds])


def _shortcut(layer: Section, net: Network) -> Blob:
    """The sum of the input and other layers over the channels that both have, weighted where weights were learnt."""
    start = net.before(layer)
    others = [net.at(layer, number, "from") for number in layer.integers("from", -(1 << 20), 1 << 20)]
    if not others:
        raise layer.fault("from= names no layer")
    weights = _shares_of_shortcut(layer, net, 1 + len(others), start.channels)
    if weights is None and (layer.number("alpha", 1) != 1 or layer.number("beta", 1) != 1):
        weights = np.array([layer.number("alpha", 1), *[layer.number("beta", 1)] * len(others)], np.float32)[:, None]
    made = ""
    for k, blob in enumerate([start, *others]):
        part = _fitted(layer, net, blob, start)
        if weights is not None:
            column = net.numbers(layer, "weights", weights[k].reshape(-1, 1, 1))
            part = net.node(layer, "Mul", [part, column])
        made = net.node(layer, "Add", [made, part]) if made else part
    return _same(layer, net, activate(net.writer, made, layer, layer.text("activation", "linear")), start)


def _shares_of_shortcut(layer: Section, net: Network, parts: int, channels: int) -> np.ndarray | None:
    """What each part is multiplied with, (parts, 1) or (parts, channels); None where they are plainly added."""
    kind = layer.text("weights_type", "none")
    columns = {"none": 0, "per_feature": 1, "per_layer": 1, "per_channel": channels}.get(kind)
    how = layer.text("weights_normalization", "none")
    if columns is None:
        raise layer.fault(f"weights_type={kind} is none of none, per_feature, per_channel", "weights_type")
    if how not in ("none", "relu", "avg_relu", "softmax"):
        raise layer.fault(f"weights_normalization={how} is none of none, relu, softmax", "weights_normalization")
    if not columns:
        return None
    learnt = net.weights.plain(layer, parts * columns).reshape(parts, columns).astype(np.float32)
    if how == "none":
        return learnt
    raised = np.exp(learnt - learnt.max(0)) if how == "softmax" else np.maximum(learnt, 0)
    return raised / (raised.sum(0) + np.float32(0.0001))


def _fitted(layer: Section, net: Network, blob: Blob, start: Blob) -> str:
    """`blob` in the shape of `start`: every n-th place of a larger one, channels beyond cut off, missing ones zero."""
    step, tensor = blob.width // start.width, blob.tensor
    if (blob.width, blob.height) != (step * start.width, step * start.height):
        sizes = f"{blob.width}x{blob.height} to {start.width}x{start.height}"
        raise layer.fault(f"layers of sizes that do not go into each other cannot be added: {sizes}", "from")
    if step > 1:
        bounds = ([0, 0], [blob.height, blob.width], [2, 3], [step, step])
        tensor = net.node(layer, "Slice", [tensor, *map(net.writer.constant, bounds)])
    if blob.channels > start.channels:
        return net.node(layer, "Slice", [tensor, *(net.writer.constant([v]) for v in (0, start.channels, 1))])
    if blob.channels < start.channels:
        wider = net.writer.constant([0, 0, 0, 0, 0, start.channels - blob.channels, 0, 0])
        return net.node(layer, "Pad", [tensor, wider])
    return tensor


def _scale_channels(layer: Section, net: Network) -> Blob:
    """Another layer times the input: one number a channel, or with `scale_wh` one a place."""
    start, other = net.before(layer), net.at(layer, layer.integer("from", 0, -(1 << 20), 1 << 20), "from")
    spread = bool(layer.integer("scale_wh", 0))
    wanted = (1, other.height, other.width) if spread else (other.channels, 1, 1)
    if (start.channels, start.height, start.width) != wanted:
        shape = f"{start.width}x{start.height}x{start.channels}"
        raise layer.fault(f"its input of {shape} does not scale {other.width}x{other.height}x{other.channels}")
    made = net.node(layer, "Mul", [start.tensor, other.tensor])
    return _same(layer, net, activate(net.writer, made, layer, layer.text("activation", "linear")), other)


def _sam(layer: Section, net: Network) -> Blob:
    """Another layer times the input, number by number."""
    start, other = net.before(layer), net.at(layer, layer.integer("from", 0, -(1 << 20), 1 << 20), "from")
    if (start.channels, start.height, start.width) != (other.channels, other.height, other.width):
        raise layer.fault("the two layers it multiplies have different shapes", "from")
    made = net.node(layer, "Mul", [start.tensor, other.tensor])
    return _same(layer, net, activate(net.writer, made, layer, layer.text("activation", "linear")), other)


def _channels(layer: Section, net: Network) -> Blob:
    """[shift_channels], [control_channels]: the input plus, or times, what another layer has for each channel."""
    start, other = net.before(layer), net.at(layer, layer.integer("from", 0, -(1 << 20), 1 << 20), "from")
    if other.channels != start.channels or other.height != 1 or other.width != 1:
        raise layer.fault(f"the layer it reads has not one number for each of {start.channels} channels", "from")
    op = "Add" if layer.kind == "shift_channels" else "Mul"
    return _same(layer, net, net.node(layer, op, [start.tensor, other.tensor]), start)


# -- the rest ----------------------------------------------------------------------------------------------------------


def _softmax(layer: Section, net: Network) -> Blob:
    """Over all numbers, each of `groups` shares of them, the groups of a tree, or with `spatial` the channels."""
    start, tensor = net.before(layer), net.before(layer).tensor
    temperature, groups = layer.number("temperature", 1), layer.integer("groups", 1, 1)
    if temperature <= 0:
        raise layer.fault(f"temperature={temperature:g} is not above 0", "temperature")
    if temperature != 1:
        tensor = net.node(layer, "Div", [tensor, net.writer.constant(float(temperature))])
    if layer.number("spatial", 0):
        return _same(layer, net, net.node(layer, "Softmax", [tensor], axis=1), start)
    shape = [start.channels, start.height, start.width]
    if layer.text("tree"):
        tree = read_tree(layer)
        if len(tree.parents) != start.size:
            raise layer.fault(f"its tree has {len(tree.parents)} names for {start.size} numbers", "tree")
        flat = net.reshape(layer, tensor, [start.size])
        sizes = net.writer.constant(list(tree.groups))
        parts = net.writer.nodes("Split", [flat, sizes], len(tree.groups), f"softmax_{layer.index}", axis=1)
        joined = net.node(layer, "Concat", [net.node(layer, "Softmax", [part], axis=1) for part in parts], axis=1)
        return _same(layer, net, net.reshape(layer, joined, shape), start)
    if start.size % groups:
        raise layer.fault(f"groups={groups} does not divide {start.size} numbers", "groups")
    if start.size == start.channels and groups == 1:
        return _same(layer, net, net.node(layer, "Softmax", [tensor], axis=1), start)
    made = net.node(layer, "Softmax", [net.reshape(layer, tensor, [groups, start.size // groups])], axis=2)
    return _same(layer, net, net.reshape(layer, made, shape), start)


def _logistic(layer: Section, net: Network) -> Blob:
    start = net.before(layer)
    return _same(layer, net, net.node(layer, "Sigmoid", [start.tensor]), start)


def _activation(layer: Section, net: Network) -> Blob:
    start = net.before(layer)
    return _same(layer, net, activate(net.writer, start.tensor, layer, layer.text("activation", "linear")), start)


def _l2norm(layer: Section, net: Network) -> Blob:
    start = net.before(layer)
    return _same(layer, net, net.node(layer, "LpNormalization", [start.tensor], axis=1, p=2), start)


def _normalization(layer: Section, net: Network) -> Blob:
    """Local response: x / (kappa + alpha * squares of the neighbours)^beta, with the sums as Darknet takes them.

    Channel 0 sums one channel less than it should, and every later sum follows from the one before.
    """
    start, size = net.before(layer), layer.integer("size", 5, 1, 256)
    if start.channels > _MOST_NEIGHBOURS:
        raise layer.fault(f"{start.channels} channels are more than is supported")
    sums = np.zeros((start.channels, start.channels), np.float32)
    sums[0, : size // 2] = 1
    for k in range(1, start.channels):
        sums[k] = sums[k - 1]
        gone, come = k - (size - 1) // 2 - 1, k + size // 2
        if gone >= 0:
            sums[k, gone] -= 1
        if come < start.channels:
            sums[k, come] += 1
    squares = net.node(layer, "Mul", [start.tensor, start.tensor])
    kernel = (sums * np.float32(layer.number("alpha", 0.0001)))[:, :, None, None]
    bias = np.full(start.channels, layer.number("kappa", 1), np.float32)
    base = net.node(layer, "Conv", [squares, net.numbers(layer, "sums", kernel), net.numbers(layer, "kappa", bias)])
    power = net.node(layer, "Pow", [base, net.writer.constant(-float(layer.number("beta", 0.75)))])
    return _same(layer, net, net.node(layer, "Mul", [start.tensor, power]), start)


def _end(layer: Section, net: Network) -> Blob:
    """A detection layer: its input becomes an output of the graph, which the head reads."""
    start = net.before(layer)
    name = f"{layer.kind}_{layer.index}"
    net.end(layer, name, (start.channels, start.height, start.width), start.tensor, start)
    return Blob(name, start.channels, start.height, start.width, closed=layer.name)


RECURRENT = ("rnn", "crnn", "gru", "lstm", "conv_lstm", "history")
_LAYERS: dict[str, Callable[[Section, Network], Blob]] = {
    **dict.fromkeys(("convolutional", "conv"), write_convolution),
    **dict.fromkeys(("deconvolutional", "deconv"), write_deconvolution),
    "local": write_local,
    **dict.fromkeys(("connected", "conn"), write_connected),
    "batchnorm": write_batchnorm,
    **dict.fromkeys(("implicit", "implicit_add", "implicit_mul"), write_implicit),
    **dict.fromkeys(("shift_channels", "control_channels"), _channels),
    **dict.fromkeys(("maxpool", "max", "local_avgpool", "local_avg"), _pool),
    **dict.fromkeys(("avgpool", "avg"), _avgpool),
    "upsample": _upsample,
    "crop": _crop,
    **dict.fromkeys(("reorg", "reorg3d"), _reorg),
    "route": _route,
    "shortcut": _shortcut,
    "scale_channels": _scale_channels,
    "sam": _sam,
    **dict.fromkeys(("softmax", "soft"), _softmax),
    **dict.fromkeys(("logistic", "logxent"), _logistic),
    "activation": _activation,
    "l2norm": _l2norm,
    **dict.fromkeys(("normalization", "lrn"), _normalization),
    **dict.fromkeys(("dropout", "cost", "contrastive", "empty", "silence"), _passed),
    **dict.fromkeys(("yolo", "gaussian_yolo", "region", "detection"), _end),
}
