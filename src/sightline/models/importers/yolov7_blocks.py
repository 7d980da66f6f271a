"""The blocks that the modules of YOLOv5 and YOLOv7 are made of: bottlenecks, ghost and re-parameterised convolutions.

Each takes the writer, the name of the block in the state dictionary and its input, and gives its output.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sightline.errors import ModelError
from sightline.models.importers.layer_writer import LayerWriter, Pair, Plane
from sightline.models.importers.yolov7_yaml import Activation
from sightline.types import F32

__all__ = [
    "Convolve",
    "Inner",
    "bottleneck",
    "cross_conv",
    "csp_a",
    "csp_b",
    "csp_c",
    "depthwise",
    "ghost",
    "ghost_conv",
    "pyramid",
    "rep_conv",
    "res",
    "split_pyramid",
]

Act = bool | Activation
Inner = Callable[[LayerWriter, str, Plane], Plane]
Convolve = Callable[[LayerWriter, Plane, str, int, int, int], Plane]


def depthwise(w: LayerWriter, x: Plane, path: str, c2: int, k: Pair = 1, s: int = 1, act: Act = True) -> Plane:
    """DWConv: as many groups as both sides have in common."""
    return w.conv(x, path, c2, k, s, g=int(np.gcd(x.channels, c2)), act=act)


def ghost_conv(
    w: LayerWriter, x: Plane, path: str, c2: int, k: Pair = 1, s: int = 1, g: int = 1, act: Act = True
) -> Plane:
    """Half of the channels by a convolution, the other half from these, each by its own 5x5 (GhostNet, 2020)."""
    half = c2 // 2
    y = w.conv(x, f"{path}.cv1", half, k, s, None, g, act)
    return w.concat([y, w.conv(y, f"{path}.cv2", half, 5, 1, None, half, act)], path)


def ghost(w: LayerWriter, path: str, x: Plane, c2: int, k: int = 3, s: int = 1) -> Plane:
    """Ghost bottleneck; with step 2 both branches step through a convolution a channel."""
    half = c2 // 2
    y = ghost_conv(w, x, f"{path}.conv.0", half)
    if s == 2:
        y = depthwise(w, y, f"{path}.conv.1", half, k, s, act=False)
    y = ghost_conv(w, y, f"{path}.conv.2", c2, act=False)
    if s == 2:
        x = depthwise(w, x, f"{path}.shortcut.0", x.channels, k, s, act=False)
        x = w.conv(x, f"{path}.shortcut.1", c2, act=False)
    return w.add(y, x, path)


def bottleneck(
    w: LayerWriter, path: str, x: Plane, c2: int, shortcut: bool = True, g: int = 1, e: float = 0.5
) -> Plane:
    """1x1, then 3x3, and the input added where it has as many channels."""
    y = w.conv(x, f"{path}.cv1", int(c2 * e))
    y = w.conv(y, f"{path}.cv2", c2, 3, g=g)
    return w.add(x, y, path) if shortcut and x.channels == c2 else y


def res(
    w: LayerWriter, path: str, x: Plane, c2: int, shortcut: bool = True, g: int = 1, e: float = 0.5, rep: bool = False
) -> Plane:
    """1x1, 3x3, 1x1 as in ResNet; rep: the middle one is re-parameterised."""
    hidden = int(c2 * e)
    y = w.conv(x, f"{path}.cv1", hidden)
    y = rep_conv(w, f"{path}.cv2", y, hidden, g=g) if rep else w.conv(y, f"{path}.cv2", hidden, 3, g=g)
    y = w.conv(y, f"{path}.cv3", c2)
    return w.add(x, y, path) if shortcut and x.channels == c2 else y


def cross_conv(
    w: LayerWriter,
    path: str,
    x: Plane,
    c2: int,
    k: int = 3,
    s: int = 1,
    g: int = 1,
    e: float = 1.0,
    shortcut: bool = False,
) -> Plane:
    """A kernel of k x k as one of a row and one of a column."""
    y = w.conv(x, f"{path}.cv1", int(c2 * e), (1, k), (1, s))
    y = w.conv(y, f"{path}.cv2", c2, (k, 1), (s, 1), g=g)
    return w.add(x, y, path) if shortcut and x.channels == c2 else y


# -- re-parameterised convolutions (RepVGG, 2021) --------------------------------------------------------------------


def rep_conv(w: LayerWriter, path: str, x: Plane, c2: int, s: int = 1, g: int = 1, act: Act = True) -> Plane:
    """A 3x3, a 1x1 and, where the shape stays, the input, each normalised, added: one 3x3 convolution when fused."""
    if w.weights.has(f"{path}.rbr_reparam.weight"):
        y = w.conv2d(x, f"{path}.rbr_reparam", c2, 3, s, 1, g)
    elif w.fuse:
        weight, bias = _one_kernel(w, path, x, c2, s, g)
        y = w.convolution(x, path, weight, bias, s, 1, g)
    else:
        y = w.normalised(x, f"{path}.rbr_dense.0", f"{path}.rbr_dense.1", c2, 3, s, 1, g)
        point = w.normalised(x, f"{path}.rbr_1x1.0", f"{path}.rbr_1x1.1", c2, 1, s, 0, g)
        y = w.add(y, point, path)
        if x.channels == c2 and s == 1:
            y = w.add(y, w.normalise(x, f"{path}.rbr_identity"), path)
    return w.activate(y, f"{path}.act", act)


def _one_kernel(w: LayerWriter, path: str, x: Plane, c2: int, s: int, g: int) -> tuple[F32, F32]:
    kernel = w.kernel(x, f"{path}.rbr_dense.0", c2, 3, s, 1, g)
    scale, bias = w.scale_shift(f"{path}.rbr_dense.1", c2)
    kernel = kernel * scale[:, None, None, None]
    point = w.kernel(x, f"{path}.rbr_1x1.0", c2, 1, s, 0, g)
    scale, shift = w.scale_shift(f"{path}.rbr_1x1.1", c2)
    kernel[:, :, 1, 1] += point[:, :, 0, 0] * scale[:, None]
    bias = bias + shift
    if x.channels == c2 and s == 1:
        scale, shift = w.scale_shift(f"{path}.rbr_identity", c2)
        rows = np.arange(c2)
        kernel[rows, rows % (c2 // g), 1, 1] += scale
        bias = bias + shift
    return kernel, bias


# -- cross-stage partial blocks (CSPNet, 2020) -----------------------------------------------------------------------


def _through(w: LayerWriter, path: str, x: Plane, n: int, inner: Inner) -> Plane:
    for i in range(n):
        x = inner(w, f"{path}.m.{i}", x)
    return x


def csp_a(w: LayerWriter, path: str, x: Plane, c2: int, n: int, e: float, inner: Inner) -> Plane:
    """Both halves taken from the input; also the C3 of YOLOv5."""
    hidden = int(c2 * e)
    y = _through(w, path, w.conv(x, f"{path}.cv1", hidden), n, inner)
    return w.conv(w.concat([y, w.conv(x, f"{path}.cv2", hidden)], path), f"{path}.cv3", c2)


def csp_b(w: LayerWriter, path: str, x: Plane, c2: int, n: int, inner: Inner) -> Plane:
    """Both halves behind one common convolution, at full width."""
    x = w.conv(x, f"{path}.cv1", c2)
    y = _through(w, path, x, n, inner)
    return w.conv(w.concat([y, w.conv(x, f"{path}.cv2", c2)], path), f"{path}.cv3", c2)


def csp_c(w: LayerWriter, path: str, x: Plane, c2: int, n: int, e: float, inner: Inner) -> Plane:
    """As csp_a, with a convolution behind the inner blocks."""
    hidden = int(c2 * e)
    y = _through(w, path, w.conv(x, f"{path}.cv1", hidden), n, inner)
    y = w.conv(y, f"{path}.cv3", hidden)
    return w.conv(w.concat([y, w.conv(x, f"{path}.cv2", hidden)], path), f"{path}.cv4", c2)


# -- pyramids of maxima ----------------------------------------------------------------------------------------------


def pyramid(w: LayerWriter, path: str, x: Plane, sizes: tuple[int, ...]) -> Plane:
    """The input beside its maxima over windows of `sizes`."""
    if not sizes or any(size % 2 == 0 for size in sizes):
        raise ModelError(f"{path}: windows of {sizes}; odd ones keep the size")
    return w.concat([x, *(w.pool(x, f"{path}.m.{i}", k, 1, k // 2) for i, k in enumerate(sizes))], path)


def split_pyramid(
    w: LayerWriter, path: str, x: Plane, c2: int, e: float, sizes: tuple[int, ...], convolve: Convolve
) -> Plane:
    """SPPCSPC: a pyramid in one of two branches. convolve: (writer, input, path, channels, kernel, step)."""
    hidden = int(2 * c2 * e)
    y = convolve(w, x, f"{path}.cv1", hidden, 1, 1)
    y = convolve(w, y, f"{path}.cv3", hidden, 3, 1)
    y = convolve(w, y, f"{path}.cv4", hidden, 1, 1)
    y = pyramid(w, path, y, sizes)
    y = convolve(w, y, f"{path}.cv5", hidden, 1, 1)
    y = convolve(w, y, f"{path}.cv6", hidden, 3, 1)
    other = convolve(w, x, f"{path}.cv2", hidden, 1, 1)
    return convolve(w, w.concat([y, other], path), f"{path}.cv7", c2, 1, 1)
