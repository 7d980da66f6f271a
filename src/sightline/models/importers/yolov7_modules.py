"""Every module that a yaml of YOLOv5 or YOLOv7 names, as a function that writes it: `build_module`.

Sources: the papers of the projects, and the behaviour of their public modules (names and order of their arguments).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sightline.errors import ModelError
from sightline.models.importers import yolov7_blocks as blocks
from sightline.models.importers.layer_arguments import Arguments
from sightline.models.importers.layer_writer import LayerWriter, Plane
from sightline.models.importers.yolov7_yaml import Activation, Layer

__all__ = ["MODULES", "build_module"]


_Build = Callable[[LayerWriter, str, list[Plane], Arguments], Plane]


def build_module(w: LayerWriter, layer: Layer, inputs: list[Plane]) -> Plane:
    """Write one layer that is no head; its repeats one after another. Raises ModelError naming layer and module."""
    at = f"layer {layer.index} ({layer.module})"
    build = MODULES.get(layer.module)
    if build is None:
        raise ModelError(
            f"{at}: {_UNBUILT.get(layer.module, 'no module that is known here')}\n"
            "export it with the code that trained it (python export.py --weights best.pt --grid), and import the ONNX"
        )
    path, given = f"model.{layer.index}", Arguments(at, layer.arguments)
    if layer.repeats == 1:
        return build(w, path, inputs, given)
    for i in range(layer.repeats):
        inputs = [build(w, f"{path}.{i}", inputs, given)]
    return inputs[0]


# -- plain layers ----------------------------------------------------------------------------------------------------


def _conv(w: LayerWriter, path: str, x: list[Plane], a: Arguments) -> Plane:
    return w.conv(x[0], path, a.whole(0), a.pair(1, 1), a.pair(2, 1), a.padding(3), a.whole(4, 1), a.act(5))


def _conv2d(w: LayerWriter, path: str, x: list[Plane], a: Arguments) -> Plane:
    if a.pair(4, 1) != 1:
        raise ModelError(f"{a.at}: a dilated convolution is not built")
    return w.conv2d(x[0], path, a.whole(0), a.pair(1, 1), a.pair(2, 1), a.pair(3, 0), a.whole(5, 1), a.flag(6, True))


def _depthwise(w: LayerWriter, path: str, x: list[Plane], a: Arguments) -> Plane:
    return blocks.depthwise(w, x[0], path, a.whole(0), a.pair(1, 1), a.whole(2, 1), a.act(3))


def _batch_norm(w: LayerWriter, path: str, x: list[Plane], a: Arguments) -> Plane:
    return w.normalise(x[0], path)


def _identity(w: LayerWriter, path: str, x: list[Plane], a: Arguments) -> Plane:
    return x[0]


def _max_pool(w: LayerWriter, path: str, x: list[Plane], a: Arguments) -> Plane:
    padding = a.pair(2, 0)
    return w.pool(x[0], path, a.whole(0), a.whole(1, a.whole(0)), padding if isinstance(padding, int) else padding[0])


def _zero_pad(w: LayerWriter, path: str, x: list[Plane], a: Arguments) -> Plane:
    sides = a.values[0] if a.values else 0
    left, right, top, bottom = sides if isinstance(sides, tuple) and len(sides) == 4 else (sides,) * 4
    if not all(isinstance(n, int) and 0 <= n <= 64 for n in (left, right, top, bottom)):
        raise ModelError(f"{a.at}: a padding by {sides}")
    pads = np.array([0, 0, top, left, 0, 0, bottom, right], np.int64)
    name = w.writer.node("Pad", [x[0].name, w.writer.constant(pads, path)], path)
    height, width = x[0].height + int(pads[2] + pads[6]), x[0].width + int(pads[3] + pads[7])
    return w.plane(path, name, x[0].channels, height, width)


def _halving_pool(w: LayerWriter, path: str, x: list[Plane], a: Arguments) -> Plane:
    return w.pool(x[0], path, a.whole(0, 2), a.whole(0, 2))


def _same_pool(w: LayerWriter, path: str, x: list[Plane], a: Arguments) -> Plane:
    return w.pool(x[0], path, a.whole(0, 3), a.whole(1, 1), a.whole(0, 3) // 2)


def _upsample(w: LayerWriter, path: str, x: list[Plane], a: Arguments) -> Plane:
    factor, (size, _, mode) = a.number(1, 1), (*a.values, None, None, None)[:3]
    times = int(factor)
    if size is not None or times != factor or mode not in (None, "nearest", "bilinear"):
        raise ModelError(f"{a.at}: an upsampling by {a.values}; a whole factor, nearest or bilinear, is built")
    smooth = mode == "bilinear"
    name = w.writer.node(
        "Resize", [x[0].name, "", w.writer.constant(np.array([1, 1, times, times], np.float32), path)], path,
        mode="linear" if smooth else "nearest", nearest_mode="floor",
        coordinate_transformation_mode="half_pixel" if smooth else "asymmetric",
    )  # fmt: skip
    return w.plane(path, name, x[0].channels, x[0].height * times, x[0].width * times)


def _reorganise(w: LayerWriter, path: str, x: list[Plane], a: Arguments) -> Plane:
    """Every other pixel: rows first, then columns, side by side in the channels."""
    one = x[0]
    if one.height % 2 or one.width % 2:
        raise ModelError(f"{path}: {one.height} x {one.width} cannot be halved")
    end, axes, step = (w.writer.constant(v, path) for v in ([1 << 30, 1 << 30], [2, 3], [2, 2]))
    half = (one.channels, one.height // 2, one.width // 2)
    starts = ([0, 0], [1, 0], [0, 1], [1, 1])
    parts = [
        Plane(w.writer.node("Slice", [one.name, w.writer.constant(start, path), end, axes, step], path), *half)
        for start in starts
    ]
    return w.concat(parts, path)


def _contract(w: LayerWriter, path: str, x: list[Plane], a: Arguments) -> Plane:
    gain, one = a.whole(0, 2), x[0]
    name = w.writer.node("SpaceToDepth", [one.name], path, blocksize=gain)
    return w.plane(path, name, one.channels * gain**2, one.height // gain, one.width // gain)


def _expand(w: LayerWriter, path: str, x: list[Plane], a: Arguments) -> Plane:
    gain, one = a.whole(0, 2), x[0]
    name = w.writer.node("DepthToSpace", [one.name], path, blocksize=gain, mode="DCR")
    return w.plane(path, name, one.channels // gain**2, one.height * gain, one.width * gain)


def _concat(w: LayerWriter, path: str, x: list[Plane], a: Arguments) -> Plane:
    return w.concat(x, path)


def _chuncat(w: LayerWriter, path: str, x: list[Plane], a: Arguments) -> Plane:
    pairs = [w.halves(one, path) for one in x]
    return w.concat([first for first, _ in pairs] + [second for _, second in pairs], path)


def _shortcut(w: LayerWriter, path: str, x: list[Plane], a: Arguments) -> Plane:
    if len(x) < 2:
        raise ModelError(f"{a.at}: one input; two are added")
    return w.add(x[0], x[1], path)


def _foldcut(w: LayerWriter, path: str, x: list[Plane], a: Arguments) -> Plane:
    return w.add(*w.halves(x[0], path), path)


# -- blocks ----------------------------------------------------------------------------------------------------------


def _focus(w: LayerWriter, path: str, x: list[Plane], a: Arguments) -> Plane:
    return _conv(w, f"{path}.conv", [_reorganise(w, path, x, a)], a)


def _ghost_conv(w: LayerWriter, path: str, x: list[Plane], a: Arguments) -> Plane:
    return blocks.ghost_conv(w, x[0], path, a.whole(0), a.pair(1, 1), a.whole(2, 1), a.whole(3, 1), a.act(4))


def _ghost(w: LayerWriter, path: str, x: list[Plane], a: Arguments) -> Plane:
    return blocks.ghost(w, path, x[0], a.whole(0), a.whole(1, 3), a.whole(2, 1))


def _stem(
    w: LayerWriter, path: str, x: list[Plane], a: Arguments, convolve: blocks.Convolve = LayerWriter.conv
) -> Plane:
    half = a.whole(0) // 2
    y = convolve(w, x[0], f"{path}.cv1", half, 3, 2)
    z = convolve(w, y, f"{path}.cv2", half, 1, 1)
    z = convolve(w, z, f"{path}.cv3", half, 3, 2)
    return convolve(w, w.concat([z, w.pool(y, f"{path}.pool", 2, 2)], path), f"{path}.cv4", a.whole(0), 1, 1)


def _ghost_stem(w: LayerWriter, path: str, x: list[Plane], a: Arguments) -> Plane:
    return _stem(w, path, x, a, blocks.ghost_conv)


def _down(w: LayerWriter, path: str, x: list[Plane], a: Arguments) -> Plane:
    """DownC: half of the channels by a stepping convolution, half by a maximum."""
    c2, k = a.whole(0), a.whole(2, 2)
    y = w.conv(w.conv(x[0], f"{path}.cv1", x[0].channels), f"{path}.cv2", c2 // 2, 3, k)
    z = w.conv(w.pool(x[0], f"{path}.mp", k, k), f"{path}.cv3", c2 // 2)
    return w.concat([y, z], path)


def _spp(w: LayerWriter, path: str, x: list[Plane], a: Arguments) -> Plane:
    y = w.conv(x[0], f"{path}.cv1", x[0].channels // 2)
    return w.conv(blocks.pyramid(w, path, y, a.sizes(1, (5, 9, 13))), f"{path}.cv2", a.whole(0))


def _sppf(w: LayerWriter, path: str, x: list[Plane], a: Arguments) -> Plane:
    k = a.whole(1, 5)
    parts = [w.conv(x[0], f"{path}.cv1", x[0].channels // 2)]
    for _ in range(3):
        parts.append(w.pool(parts[-1], f"{path}.m", k, 1, k // 2))
    return w.conv(w.concat(parts, path), f"{path}.cv2", a.whole(0))


def _sppcspc(
    w: LayerWriter, path: str, x: list[Plane], a: Arguments, convolve: blocks.Convolve = LayerWriter.conv
) -> Plane:
    return blocks.split_pyramid(w, path, x[0], a.whole(0), a.number(4, 0.5), a.sizes(5, (5, 9, 13)), convolve)


def _ghost_sppcspc(w: LayerWriter, path: str, x: list[Plane], a: Arguments) -> Plane:
    return _sppcspc(w, path, x, a, blocks.ghost_conv)


def _rep_conv(w: LayerWriter, path: str, x: list[Plane], a: Arguments) -> Plane:
    if a.pair(1, 3) != 3 or a.padding(3) not in (None, 1):
        raise ModelError(f"{a.at}: a kernel of {a.pair(1, 3)}; it is 3 with padding 1 in the published code")
    return blocks.rep_conv(w, path, x[0], a.whole(0), a.whole(2, 1), a.whole(4, 1), a.act(5))


def _bottleneck(w: LayerWriter, path: str, x: list[Plane], a: Arguments) -> Plane:
    return blocks.bottleneck(w, path, x[0], a.whole(0), a.flag(1, True), a.whole(2, 1), a.number(3, 0.5))


def _rep_bottleneck(w: LayerWriter, path: str, x: list[Plane], a: Arguments) -> Plane:
    """As published: the first half is as if no argument were given, and the input is added whatever they say."""
    one, c2 = x[0], a.whole(0)
    y = w.conv(one, f"{path}.cv1", int(c2 * 0.5))
    y = blocks.rep_conv(w, f"{path}.cv2", y, c2, g=a.whole(2, 1))
    return w.add(one, y, path) if one.channels == c2 else y


def _res(groups: int, rep: bool) -> _Build:
    def build(w: LayerWriter, path: str, x: list[Plane], a: Arguments) -> Plane:
        return blocks.res(w, path, x[0], a.whole(0), a.flag(1, True), a.whole(2, groups), a.number(3, 0.5), rep)

    return build


def _cross_conv(w: LayerWriter, path: str, x: list[Plane], a: Arguments) -> Plane:
    k, s = a.whole(1, 3), a.whole(2, 1)
    return blocks.cross_conv(w, path, x[0], a.whole(0), k, s, a.whole(3, 1), a.number(4, 1.0), a.flag(5, False))


def _mixed(w: LayerWriter, path: str, x: list[Plane], a: Arguments) -> Plane:
    """MixConv2d: kernels of several sizes side by side, each for an equal share of the channels."""
    c2, sizes, s = a.whole(0), a.sizes(1, (1, 3)), a.whole(2, 1)
    if not a.flag(3, True):
        raise ModelError(f"{a.at}: shares of equal weight (equal_ch false) are not built")
    # the shares of numbers that run evenly over 0 .. sizes, rounded down
    places = [int(i * (len(sizes) - 1e-6) / max(c2 - 1, 1)) for i in range(c2)]
    shares = [places.count(i) for i in range(len(sizes))]
    parts = [
        w.conv2d(x[0], f"{path}.m.{i}", share, k, s, k // 2, bias=False)
        for i, (share, k) in enumerate(zip(shares, sizes, strict=True))
    ]
    y = w.activate(w.normalise(w.concat(parts, path), f"{path}.bn"), f"{path}.act", Activation("LeakyReLU", 0.1))
    return w.add(x[0], y, path)


def _robust(w: LayerWriter, path: str, x: list[Plane], a: Arguments) -> Plane:
    c1, c2 = x[0].channels, a.whole(0)
    y = w.conv(x[0], f"{path}.conv_dw", c1, a.pair(1, 7), a.pair(2, 1), a.padding(3), c1, a.act(5))
    return _gamma(w, path, w.conv2d(y, f"{path}.conv1x1", c2))


def _robust_up(w: LayerWriter, path: str, x: list[Plane], a: Arguments) -> Plane:
    c1, c2, s = x[0].channels, a.whole(0), a.whole(2, 4)
    y = w.conv(x[0], f"{path}.conv_strided", c1, a.pair(1, 7), s, a.padding(3), c1, a.act(5))
    stem = f"{path}.conv_deconv"
    held = [w.writer.constant(w.weights.take(f"{stem}.weight", (c1, c2, s, s)), stem),
            w.writer.constant(w.weights.take(f"{stem}.bias", (c2,)), stem)]  # fmt: skip
    name = w.writer.node("ConvTranspose", [y.name, *held], stem, kernel_shape=[s, s], strides=[s, s])
    return _gamma(w, path, w.plane(path, name, c2, y.height * s, y.width * s))


def _gamma(w: LayerWriter, path: str, y: Plane) -> Plane:
    return w.per_channel(y, path, w.weights.take(f"{path}.gamma", (y.channels,)), "Mul")


# -- cross-stage partial blocks: [channels, repeats, shortcut, groups, share] -----------------------------------------


def _inner(kind: str, shortcut: bool, groups: int) -> Callable[[LayerWriter, str, Plane], Plane]:
    def inner(w: LayerWriter, path: str, x: Plane) -> Plane:
        c = x.channels
        if kind == "Bottleneck":
            return blocks.bottleneck(w, path, x, c, shortcut, groups, 1.0)
        if kind == "Ghost":
            return blocks.ghost(w, path, x, c)
        if kind == "Cross":
            return blocks.cross_conv(w, path, x, c, 3, 1, groups, 1.0, shortcut)
        return blocks.res(w, path, x, c, shortcut, groups, 1.0 if kind == "ResX" else 0.5, kind.startswith("Rep"))

    return inner


def _csp(form: str, kind: str, shortcut: bool = True, groups: int = 1) -> _Build:
    def build(w: LayerWriter, path: str, x: list[Plane], a: Arguments) -> Plane:
        c2, n, e = a.whole(0), a.whole(1, 1), a.number(4, 0.5)
        inner = _inner(kind, a.flag(2, shortcut), a.whole(3, groups))
        if form == "B":
            return blocks.csp_b(w, path, x[0], c2, n, inner)
        return (blocks.csp_a if form == "A" else blocks.csp_c)(w, path, x[0], c2, n, e, inner)

    return build


def _csp_v5(w: LayerWriter, path: str, x: list[Plane], a: Arguments) -> Plane:
    """BottleneckCSP of YOLOv5: two bare convolutions, normalised together."""
    c2, inner = a.whole(0), _inner("Bottleneck", a.flag(2, True), a.whole(3, 1))
    hidden = int(c2 * a.number(4, 0.5))
    y = w.conv(x[0], f"{path}.cv1", hidden)
    for i in range(a.whole(1, 1)):
        y = inner(w, f"{path}.m.{i}", y)
    y = w.conv2d(y, f"{path}.cv3", hidden, bias=False)
    y = w.concat([y, w.conv2d(x[0], f"{path}.cv2", hidden, bias=False)], path)
    y = w.activate(w.normalise(y, f"{path}.bn"), f"{path}.act")
    return w.conv(y, f"{path}.cv4", c2)


MODULES: dict[str, _Build] = {
    "Conv": _conv,
    "Conv2d": _conv2d,
    "DWConv": _depthwise,
    "BatchNorm2d": _batch_norm,
    "Identity": _identity,
    "MaxPool2d": _max_pool,
    "ZeroPad2d": _zero_pad,
    "MP": _halving_pool,
    "SP": _same_pool,
    "Upsample": _upsample,
    "ReOrg": _reorganise,
    "Contract": _contract,
    "Expand": _expand,
    "Concat": _concat,
    "Chuncat": _chuncat,
    "Shortcut": _shortcut,
    "Foldcut": _foldcut,
    "Focus": _focus,
    "GhostConv": _ghost_conv,
    "Ghost": _ghost,
    "GhostBottleneck": _ghost,
    "Stem": _stem,
    "GhostStem": _ghost_stem,
    "DownC": _down,
    "SPP": _spp,
    "SPPF": _sppf,
    "SPPCSPC": _sppcspc,
    "GhostSPPCSPC": _ghost_sppcspc,
    "RepConv": _rep_conv,
    "Bottleneck": _bottleneck,
    "RepBottleneck": _rep_bottleneck,
    "Res": _res(1, False),
    "ResX": _res(32, False),
    "RepRes": _res(1, True),
    "RepResX": _res(32, True),
    "CrossConv": _cross_conv,
    "MixConv2d": _mixed,
    "RobustConv": _robust,
    "RobustConv2": _robust_up,
    "BottleneckCSP": _csp_v5,
    "C3": _csp("A", "Bottleneck"),
    "C3Ghost": _csp("A", "Ghost"),
    "C3x": _csp("A", "Cross"),
    "BottleneckCSPA": _csp("A", "Bottleneck"),
    "BottleneckCSPB": _csp("B", "Bottleneck", shortcut=False),
    "BottleneckCSPC": _csp("C", "Bottleneck"),
    **{f"ResCSP{form}": _csp(form, "Res") for form in "ABC"},
    **{f"ResXCSP{form}": _csp(form, "ResX", groups=32) for form in "ABC"},
    **{f"RepResCSP{form}": _csp(form, "RepRes", shortcut=form != "B") for form in "ABC"},
    **{f"RepResXCSP{form}": _csp(form, "RepResX", shortcut=form != "B", groups=32) for form in "ABC"},
    **{f"GhostCSP{form}": _csp(form, "Ghost") for form in "ABC"},
}
_SWIN = "a Swin transformer is not built"
_UNBUILT = {
    **dict.fromkeys(("SwinTransformerBlock", "STCSPA", "STCSPB", "STCSPC"), _SWIN),
    **dict.fromkeys(("SwinTransformer2Block", "ST2CSPA", "ST2CSPB", "ST2CSPC"), _SWIN),
    **{f"RepBottleneckCSP{form}": "the published module does not run: its two halves do not fit" for form in "ABC"},
    "RepConv_OREPA": "a convolution with an online re-parameterisation (OREPA) is not built",
    "C3TR": "a transformer block is not built",
}
