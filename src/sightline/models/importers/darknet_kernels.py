"""The layers of Darknet that hold weights, as ONNX operations.

Semantics: github.com/AlexeyAB/darknet and github.com/pjreddie/darknet, src/convolutional_layer.c,
deconvolutional_layer.c, local_layer.c, connected_layer.c, batchnorm_layer.c, representation_layer.c.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sightline.models.importers.darknet_activations import activate
from sightline.models.importers.darknet_cfg import Section
from sightline.models.importers.darknet_network import Blob, Network
from sightline.models.importers.darknet_weights import Kernel, Normalisation
from sightline.types import F32

__all__ = [
    "write_batchnorm",
    "write_connected",
    "write_convolution",
    "write_deconvolution",
    "write_implicit",
    "write_local",
]

# Keys that change what a convolution computes, and that nothing but Darknet itself does.
_FOREIGN = {
    "xnor": "binary weights and inputs (XNOR)",
    "binary": "binary weights",
    "sway": "a deformed kernel",
    "rotate": "a deformed kernel",
    "stretch": "a deformed kernel",
    "stretch_sway": "a deformed kernel",
    "dontload": "weights that the file does not hold",
    "dontloadscales": "scales that the file does not hold",
}

_MOST_PICKS = 1 << 26


@dataclass(frozen=True, slots=True)
class _Window:
    """A square kernel that moves over a picture."""

    size: int
    stride_x: int
    stride_y: int
    pad: int
    dilation: int

    def over(self, side: int, stride: int) -> int:
        """How many places it has along a side."""
        return (side + 2 * self.pad - self.dilation * (self.size - 1) - 1) // stride + 1


def _window(layer: Section, extended: bool) -> _Window:
    size = layer.integer("size", 1, 1, 1024)
    stride = layer.integer("stride", 1, 1, 1024)
    pad = layer.integer("padding", 0, 0, 1024)
    if layer.integer("pad", 0, 0, 1024):
        pad = size // 2
    if not extended:
        return _Window(size, stride, stride, pad, 1)
    dilation = layer.integer("dilation", 1, 1, 256) if size > 1 else 1
    across = layer.integer("stride_x", stride, 1, 1024)
    down = layer.integer("stride_y", stride, 1, 1024)
    return _Window(size, across, down, pad * dilation, dilation)


def _refuse_foreign(layer: Section) -> None:
    for key, what in _FOREIGN.items():
        if layer.integer(key, 0, -1):
            raise layer.fault(f"{key}=1 asks for {what}, which is not supported", key)


def _folded(kernel: Kernel, epsilon: float) -> tuple[F32, F32]:
    """Weights (C, k) and bias (C,) with the normalisation multiplied in."""
    weights = kernel.weights.reshape(len(kernel.bias), -1)
    if kernel.normalisation is None:
        return weights, kernel.bias
    factor, shift = _affine(kernel.bias, kernel.normalisation, epsilon)
    return weights * factor[:, None], shift


def _affine(bias: F32, inner: Normalisation, epsilon: float) -> tuple[F32, F32]:
    """Factor (C,) and shift (C,) that do what the normalisation and the bias do."""
    factor = inner.scale / np.sqrt(inner.variance.astype(np.float64) + epsilon)
    shift = bias - inner.mean * factor
    return factor.astype(np.float32), shift.astype(np.float32)


def write_convolution(layer: Section, net: Network) -> Blob:
    """[convolutional]; with `antialiasing` it moves by single pixels, and a fixed blur takes the steps."""
    _refuse_foreign(layer)
    start, window = net.before(layer), _window(layer, extended=True)
    filters, groups = layer.integer("filters", 1, 1), layer.integer("groups", 1, 1)
    if start.channels % groups or filters % groups:
        raise layer.fault(f"groups={groups} does not divide {start.channels} channels and {filters} filters", "groups")
    shape = (filters, start.channels // groups, window.size, window.size)
    blurred = layer.integer("antialiasing", 0, 0, 2)
    across, down = (1, 1) if blurred else (window.stride_x, window.stride_y)
    height, width = window.over(start.height, down), window.over(start.width, across)
    plain = _Window(window.size, across, down, window.pad // window.dilation, 1)
    if (plain.over(start.height, down), plain.over(start.width, across)) != (height, width):
        raise layer.fault("its padding and dilation do not go together in Darknet itself", "dilation")
    net.blob(layer, "", filters, height, width)
    weights, bias = _folded(_kernel(layer, net, filters, shape), net.weights.epsilon)
    made = net.node(
        layer,
        "Conv",
        [start.tensor, net.numbers(layer, "weights", weights.reshape(shape)), net.numbers(layer, "bias", bias)],
        kernel_shape=[window.size] * 2,
        strides=[down, across],
        pads=[window.pad] * 4,
        dilations=[window.dilation] * 2,
        group=groups,
    )
    made = activate(net.writer, made, layer, layer.text("activation", "logistic"))
    out = net.blob(layer, made, filters, height, width)
    return write_blur(layer, net, out, blurred, window.stride_y, window.stride_x) if blurred else out


def _kernel(layer: Section, net: Network, filters: int, shape: tuple[int, ...]) -> Kernel:
    """The layer's own parameters, or those of the layer that `share_index` names."""
    count = int(np.prod(shape, dtype=np.int64))
    if "share_index" in layer.options:
        number = layer.integer("share_index", 0, -(1 << 20))
        net.at(layer, number, "share_index")
        shared = net.kernels.get(number if number >= 0 else layer.index + number)
        if shared is None or len(shared.bias) != filters or shared.weights.size != count:
            raise layer.fault("share_index names a layer whose weights do not fit this one", "share_index")
        net.kernels[layer.index] = shared
        return shared
    normalised = bool(layer.integer("batch_normalize", 0) or layer.integer("cbn", 0))
    kernel = net.weights.convolution(layer, filters, count, normalised)
    if layer.integer("flipped", 0):
        turned = np.ascontiguousarray(kernel.weights.reshape(-1, filters).T).reshape(-1)
        kernel = Kernel(kernel.bias, turned, kernel.normalisation)
    net.kernels[layer.index] = kernel
    return kernel


def write_blur(layer: Section, net: Network, start: Blob, kind: int, down: int, across: int) -> Blob:
    """What `antialiasing` puts behind a layer: a fixed kernel of 3x3 (1) or 2x2 (2) that takes the steps."""
    side = 2 if kind == 2 else 3
    line = np.array([1.0, 1.0] if kind == 2 else [1.0, 2.0, 1.0], np.float32)
    square = np.outer(line, line) / line.sum() ** 2
    weights = np.broadcast_to(square, (start.channels, 1, side, side))
    pad = 0 if kind == 2 else 1
    made = net.node(
        layer,
        "Conv",
        [start.tensor, net.numbers(layer, "blur", np.ascontiguousarray(weights))],
        strides=[down, across],
        pads=[pad] * 4,
        group=start.channels,
    )
    height, width = ((n + 2 * pad - side) // step + 1 for n, step in ((start.height, down), (start.width, across)))
    return net.blob(layer, made, start.channels, height, width)


def write_deconvolution(layer: Section, net: Network) -> Blob:
    """[deconvolutional]: its weights are (channels, filters, size, size)."""
    start, window = net.before(layer), _window(layer, extended=False)
    filters, stride = layer.integer("filters", 1, 1), window.stride_x
    if layer.integer("groups", 1, 1) != 1:
        raise layer.fault("groups are not known to Darknet's deconvolution", "groups")
    height, width = ((n - 1) * stride + window.size - 2 * window.pad for n in (start.height, start.width))
    net.blob(layer, "", filters, height, width)
    shape = (start.channels, filters, window.size, window.size)
    count = int(np.prod(shape, dtype=np.int64))
    kernel = net.weights.convolution(layer, filters, count, bool(layer.integer("batch_normalize", 0)))
    weights, bias = kernel.weights.reshape(shape), kernel.bias
    if kernel.normalisation is not None:
        factor, bias = _affine(kernel.bias, kernel.normalisation, net.weights.epsilon)
        weights = weights * factor[:, None, None]
    made = net.node(
        layer,
        "ConvTranspose",
        [start.tensor, net.numbers(layer, "weights", weights), net.numbers(layer, "bias", bias)],
        kernel_shape=[window.size] * 2,
        strides=[stride] * 2,
        pads=[window.pad] * 4,
    )
    made = activate(net.writer, made, layer, layer.text("activation", "logistic"))
    return net.blob(layer, made, filters, height, width)


def write_local(layer: Section, net: Network) -> Blob:
    """[local]: a convolution with weights of its own at every place, (places, filters, channels*size*size)."""
    start = net.before(layer)
    filters, size = layer.integer("filters", 1, 1), layer.integer("size", 1, 1, 64)
    stride, pad = layer.integer("stride", 1, 1, 1024), layer.integer("pad", 0, 0, 1)
    height, width = ((n - (1 if pad else size)) // stride + 1 for n in (start.height, start.width))
    if height != (start.height + 2 * pad - size) // stride + 1 or width != (start.width + 2 * pad - size) // stride + 1:
        raise layer.fault(f"pad=1 fits a size of 3 only, not {size}", "pad")
    places, depth = height * width, start.channels * size * size
    net.blob(layer, "", depth, height, width)
    if depth * size * size > _MOST_PICKS:
        raise layer.fault(f"windows of {size}x{size} over {start.channels} channels are more than is supported", "size")
    bias = net.weights.plain(layer, filters * places)
    weights = net.weights.plain(layer, places * filters * depth)
    # each channel's window as size*size channels, picked out by kernels that are 1 in one place
    picks = np.tile(np.eye(size * size, dtype=np.float32), (start.channels, 1)).reshape(depth, 1, size, size)
    columns = net.node(
        layer,
        "Conv",
        [start.tensor, net.numbers(layer, "picks", picks)],
        strides=[stride] * 2,
        pads=[pad] * 4,
        group=start.channels,
    )
    columns = net.node(layer, "Transpose", [net.reshape(layer, columns, [depth, places])], perm=[0, 2, 1])
    columns = net.reshape(layer, columns, [places, depth, 1])
    made = net.node(layer, "MatMul", [net.numbers(layer, "weights", weights.reshape(places, filters, depth)), columns])
    made = net.node(layer, "Transpose", [net.reshape(layer, made, [places, filters])], perm=[0, 2, 1])
    made = net.reshape(layer, made, [filters, height, width])
    made = net.node(layer, "Add", [made, net.numbers(layer, "bias", bias.reshape(filters, height, width))])
    made = activate(net.writer, made, layer, layer.text("activation", "logistic"))
    return net.blob(layer, made, filters, height, width)


def write_connected(layer: Section, net: Network) -> Blob:
    """[connected]: every output sees every input."""
    start, outputs = net.before(layer), layer.integer("output", 1, 1)
    kernel = net.weights.connected(layer, outputs, start.size, bool(layer.integer("batch_normalize", 0)))
    weights, bias = _folded(kernel, net.weights.epsilon)
    flat = net.reshape(layer, start.tensor, [start.size])
    made = net.node(
        layer, "Gemm", [flat, net.numbers(layer, "weights", weights), net.numbers(layer, "bias", bias)], transB=1
    )
    made = activate(net.writer, net.reshape(layer, made, [outputs, 1, 1]), layer, layer.text("activation", "logistic"))
    return net.blob(layer, made, outputs, 1, 1)


def write_batchnorm(layer: Section, net: Network) -> Blob:
    """[batchnorm] on its own."""
    start = net.before(layer)
    factor, shift = _affine(*net.weights.normalisation(layer, start.channels), net.weights.epsilon)
    column = (start.channels, 1, 1)
    made = net.node(layer, "Mul", [start.tensor, net.numbers(layer, "factor", factor.reshape(column))])
    made = net.node(layer, "Add", [made, net.numbers(layer, "shift", shift.reshape(column))])
    return net.blob(layer, made, start.channels, start.height, start.width)


def write_implicit(layer: Section, net: Network) -> Blob:
    """[implicit], [implicit_add], [implicit_mul]: numbers that were learnt, (filters, atoms), whatever the picture."""
    filters, atoms = layer.integer("filters", 128, 1), layer.integer("atoms", 1, 1)
    net.blob(layer, "", filters, atoms, 1)
    learnt = net.weights.plain(layer, filters * atoms)
    tensor = net.numbers(layer, "numbers", learnt.reshape(1, filters, atoms, 1))
    return net.blob(layer, tensor, filters, atoms, 1)
