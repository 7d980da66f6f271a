"""OpenVINO's convolutions, pools, normalisations, resizing and suppression in ONNX's operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import openvino as ov

from sightline.models.forms.ir_translation import Rule, Translation

__all__ = ["LAYER_RULES"]

# -- convolutions ----------------------------------------------------------------------------------------------------


def _padding(t: Translation, node: ov.Node, kernel: Sequence[int]) -> dict[str, Any]:
    """ONNX's pads: as given, or made from the shapes where OpenVINO pads by rule."""
    given = node.get_attributes()
    rule = str(given.get("auto_pad", "explicit"))
    if rule == "valid":
        return {"pads": [0] * (2 * len(kernel))}
    if rule not in ("same_upper", "same_lower"):
        return {"pads": [*given["pads_begin"], *given["pads_end"]]}
    sides = t.shape(node, 0)[2:]
    if -1 in sides:
        return {"auto_pad": rule.upper()}
    begin, end = [], []
    dilations = given.get("dilations") or [1] * len(kernel)
    for side, k, stride, dilation in zip(sides, kernel, given["strides"], dilations, strict=True):
        total = max((-(-side // stride) - 1) * stride + dilation * (k - 1) + 1 - side, 0)
        half = total // 2 if rule == "same_upper" else total - total // 2
        begin.append(half)
        end.append(total - half)
    return {"pads": [*begin, *end]}


def _convolution(t: Translation, node: ov.Node) -> str:
    given, sides = node.get_attributes(), t.shape(node, 1)
    group, first = (sides[0], 3) if node.get_type_name() == "GroupConvolution" else (1, 2)
    weights = _weights(t, node, sides, group, first, 0)
    kernel = sides[first:]
    return t.node(
        "Conv", [t.input(node, 0), weights], kernel_shape=kernel, strides=list(given["strides"]), group=group,
        dilations=list(given["dilations"]), **_padding(t, node, kernel),
    )  # fmt: skip


def _weights(t: Translation, node: ov.Node, sides: list[int], group: int, first: int, axis: int) -> str:
    """Weights as ONNX has them: [G, a, b, ...] of groups as [G*a, b, ...]; output channels along `axis`."""
    shape = [group * sides[1], *sides[2:]] if first == 3 else sides
    value = t.constant(node, 1)
    if value is not None:
        return t.weights(node, value.reshape(shape), axis)
    return t.input(node, 1) if first == 2 else t.node("Reshape", [t.input(node, 1), t.writer.constant(shape)])


def _transposed(t: Translation, node: ov.Node) -> str:
    given, sides = node.get_attributes(), t.shape(node, 1)
    group, first = (sides[0], 3) if node.get_type_name().startswith("Group") else (1, 2)
    weights = _weights(t, node, sides, group, first, 1)
    kernel = sides[first:]
    extra = list(given.get("output_padding") or [0] * len(kernel))
    begin, end = list(given["pads_begin"]), list(given["pads_end"])
    if given.get("auto_pad", "explicit") != "explicit" or node.get_input_size() > 2:
        begin, end, extra = _cut_to(t, node, kernel, extra)
    return t.node(
        "ConvTranspose", [t.input(node, 0), weights], kernel_shape=kernel, strides=list(given["strides"]), group=group,
        dilations=list(given["dilations"]), pads=[*begin, *end], output_padding=extra,
    )  # fmt: skip


def _cut_to(
    t: Translation, node: ov.Node, kernel: Sequence[int], extra: Sequence[int]
) -> tuple[list[int], list[int], list[int]]:
    """pads and output padding that give the shape which OpenVINO computes from a rule or takes as an input."""
    given = node.get_attributes()
    sides, wanted = t.shape(node, 0)[2:], t.made(node)[2:]
    if -1 in (*sides, *wanted):
        raise t.refuse(node, "its output size is open")
    begin, end, more = [], [], []
    lower = given.get("auto_pad") == "same_lower"
    rows = zip(sides, wanted, kernel, given["strides"], given["dilations"], extra, strict=True)
    for side, want, k, stride, dilation, over in rows:
        total = stride * (side - 1) + dilation * (k - 1) + 1 + over - want
        more.append(over + max(-total, 0))
        total = max(total, 0)
        # what is cut off is more at the beginning, as the padding of the convolution turned round is more at the end
        half = total // 2 if lower else total - total // 2
        begin.append(half)
        end.append(total - half)
    return begin, end, more


# -- pools -----------------------------------------------------------------------------------------------------------


def _max_pool(t: Translation, node: ov.Node) -> tuple[str, ...]:
    if node.get_output_size() > 1 and node.output(1).get_target_inputs():
        raise t.refuse(node, "its indices are used")
    pooled = _pool(t, node, "MaxPool", dilations=list(node.get_attributes().get("dilations") or []) or None)
    return (pooled, "") if node.get_output_size() > 1 else (pooled,)


def _average_pool(t: Translation, node: ov.Node) -> str:
    return _pool(t, node, "AveragePool", count_include_pad=int(not node.get_attributes()["exclude-pad"]))


def _pool(t: Translation, node: ov.Node, op: str, **more: Any) -> str:
    given = node.get_attributes()
    attributes = {key: value for key, value in more.items() if value is not None}
    if str(given.get("rounding_type", "floor")).startswith("ceil"):
        attributes["ceil_mode"] = 1
    kernel = list(given["kernel"])
    return t.node(
        op, [t.input(node, 0)], kernel_shape=kernel, strides=list(given["strides"]), **_padding(t, node, kernel),
        **attributes,
    )  # fmt: skip


def _adaptive_pool(t: Translation, node: ov.Node) -> str:
    if any(size != 1 for size in t.whole_numbers(node, 1) or [0]):
        raise t.refuse(node, "it pools to other sizes than 1")
    return t.node("GlobalAveragePool", [t.input(node, 0)])


# -- normalisations --------------------------------------------------------------------------------------------------


def _batch_norm(t: Translation, node: ov.Node) -> str:
    epsilon = float(node.get_attributes()["epsilon"])
    old = node.get_type_info().version_id == "opset1"
    data, gamma, beta, mean, variance = (t.input(node, k) for k in ((2, 0, 1, 3, 4) if old else (0, 1, 2, 3, 4)))
    return t.node("BatchNormalization", [data, gamma, beta, mean, variance], epsilon=epsilon)


def _lrn(t: Translation, node: ov.Node) -> str:
    given = node.get_attributes()
    if t.whole_numbers(node, 1) != [1]:
        raise t.refuse(node, "it normalises over other axes than channels")
    return t.node(
        "LRN", [t.input(node, 0)], alpha=float(given["alpha"]), beta=float(given["beta"]), bias=float(given["bias"]),
        size=int(given["size"]),
    )  # fmt: skip


def _normalize_l2(t: Translation, node: ov.Node) -> str:
    given = node.get_attributes()
    x, epsilon = t.input(node, 0), t.scalar(float(given["eps"]), node)
    total = t.node("ReduceSum", [t.node("Mul", [x, x]), t.as_int64(node, 1, 1)], keepdims=1)
    total = t.node("Max" if given.get("eps_mode") == "max" else "Add", [total, epsilon])
    return t.node("Div", [x, t.node("Sqrt", [total])])


def _mvn(t: Translation, node: ov.Node) -> str:
    given = node.get_attributes()
    axes = [int(axis) for axis in t.known(node, 1, "axes").reshape(-1)]
    x = t.input(node, 0)
    away = t.node("Sub", [x, t.node("ReduceMean", [x], axes=axes, keepdims=1)])
    if not given.get("normalize_variance", True):
        return away
    epsilon = t.scalar(float(given["eps"]), node)
    variance = t.node("ReduceMean", [t.node("Mul", [away, away])], axes=axes, keepdims=1)
    if str(given.get("eps_mode", "inside_sqrt")).lower() == "outside_sqrt":
        return t.node("Div", [away, t.node("Add", [t.node("Sqrt", [variance]), epsilon])])
    return t.node("Div", [away, t.node("Sqrt", [t.node("Add", [variance, epsilon])])])


def _mat_mul(t: Translation, node: ov.Node) -> str:
    given = node.get_attributes()
    held = t.constant(node, 1)
    plain = held is not None and held.ndim == 2
    operands = [t.input(node, 0), "" if plain else t.input(node, 1)]
    for k, key in enumerate(("transpose_a", "transpose_b")):
        rank = t.rank(node, k)
        if given[key] and rank > 1 and operands[k]:
            order = [*range(rank - 2), rank - 1, rank - 2]
            operands[k] = t.node("Transpose", [operands[k]], perm=order)
    if held is not None and plain:
        operands[1] = t.weights(node, held.T if given["transpose_b"] else held, 1)
    return t.node("MatMul", operands)


# -- resizing --------------------------------------------------------------------------------------------------------

_COORDINATES = {
    "half_pixel": "half_pixel", "pytorch_half_pixel": "pytorch_half_pixel", "asymmetric": "asymmetric",
    "align_corners": "align_corners", "tf_half_pixel_for_nn": "half_pixel",
}  # fmt: skip
_NEAREST = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"}


def _interpolate(t: Translation, node: ov.Node) -> str:
    given = node.get_attributes()
    old = node.get_type_info().version_id == "opset1"
    if given.get("antialias") or any(given.get("pads_begin") or ()) or any(given.get("pads_end") or ()):
        raise t.refuse(node, "it smooths or pads")
    mode = {"linear": "linear", "linear_onnx": "linear", "nearest": "nearest", "cubic": "cubic"}.get(given["mode"])
    if mode is None:
        raise t.refuse(node, f"its mode is {given['mode']}")
    if old:
        coordinates, nearest = "align_corners" if given.get("align_corners") else "asymmetric", "simple"
    else:
        coordinates, nearest = str(given["coordinate_transformation_mode"]), str(given["nearest_mode"])
    attributes: dict[str, Any] = {"mode": mode, "coordinate_transformation_mode": _COORDINATES[coordinates]}
    if mode == "nearest":
        if coordinates == "tf_half_pixel_for_nn":
            # floor((x + 0.5) / scale): half a pixel back and rounded up is the same
            nearest = {"floor": "round_prefer_ceil", "simple": "round_prefer_ceil"}.get(nearest, "")
        attributes["nearest_mode"] = _simple(t, node) if nearest == "simple" else nearest
        if attributes["nearest_mode"] not in _NEAREST:
            raise t.refuse(node, f"its rounding is {given.get('nearest_mode')}")
    if mode == "cubic":
        attributes["cubic_coeff_a"] = float(given.get("cube_coeff", -0.75))
    return t.node("Resize", [t.input(node, 0), "", *_sizes(t, node, old)], **attributes)


def _simple(t: Translation, node: ov.Node) -> str:
    """OpenVINO's plain rounding: down where it enlarges, up where it shrinks."""
    before, after = t.shape(node, 0), t.made(node)
    return "ceil" if any(0 <= a < b for a, b in zip(after, before, strict=True)) else "floor"


def _sizes(t: Translation, node: ov.Node, old: bool) -> list[str]:
    """ONNX's inputs scales and sizes, of which one is given, for all axes."""
    rank, made = t.rank(node, 0), t.made(node)
    version = node.get_type_info().version_id
    if old:
        axes = [int(axis) for axis in node.get_attributes()["axes"]]
        scaled, values = False, 1
    else:
        scaled = node.get_attributes()["shape_calculation_mode"] == "scales"
        values = 2 if scaled and version == "opset4" else 1
        found = t.whole_numbers(node, 3 if version == "opset4" else 2)
        axes = list(range(rank)) if found is None else [axis % rank for axis in found]
    if scaled:
        factors = t.known(node, values, "scales").reshape(-1)
        whole = np.ones(rank, np.float32)
        whole[axes] = factors
        return [t.writer.constant(whole)]
    if -1 not in made:
        return ["", t.writer.constant(made)]
    return ["", _all_sizes(t, node, axes, rank, t.as_int64(node, values, 1))]


def _all_sizes(t: Translation, node: ov.Node, axes: Sequence[int], rank: int, sizes: str) -> str:
    """The sizes of all axes: those given, the picture's own elsewhere."""
    own = t.node("Shape", [t.input(node, 0)])
    parts = [
        t.node("Gather", [sizes, t.writer.constant([axes.index(axis)])], axis=0)
        if axis in axes
        else t.node("Gather", [own, t.writer.constant([axis])], axis=0)
        for axis in range(rank)
    ]
    return t.node("Concat", parts, axis=0)


# -- suppression -----------------------------------------------------------------------------------------------------


def _suppression(t: Translation, node: ov.Node) -> tuple[str, ...]:
    """NonMaxSuppression: indices [n, 3] as ONNX gives them; scores and their number made from those."""
    given = node.get_attributes()
    boxes, scores = t.floats(node, 0), t.floats(node, 1)
    if given.get("sort_result_descending", True) and t.shape(node, 1)[:2] != [1, 1]:
        raise t.refuse(node, "it sorts over all classes and pictures")
    if node.get_input_size() > 5 and np.any(t.constant(node, 5)):
        raise t.refuse(node, "it lowers scores instead of dropping boxes (soft suppression)")
    most = t.as_int64(node, 2, 1) if node.get_input_size() > 2 else t.writer.constant([0])
    limits = [
        t.node("Reshape", [t.cast(t.input(node, k), "f32"), t.writer.constant([1])])
        if node.get_input_size() > k
        else t.writer.constant(np.zeros(1, np.float32))
        for k in (3, 4)
    ]
    found = t.node(
        "NonMaxSuppression", [boxes, scores, most, *limits],
        center_point_box=int(str(given.get("box_encoding", "corner")) == "center"),
    )  # fmt: skip
    kind = node.get_output_element_type(0).get_type_name()
    indices = found if kind == "i64" else t.cast(found, kind)
    if not any(node.output(k).get_target_inputs() for k in range(1, node.get_output_size())):
        return (indices, *[""] * (node.get_output_size() - 1))
    which = [t.node("Slice", [found, *(t.writer.constant([v]) for v in (k, k + 1, 1))]) for k in (0, 1)]
    chosen = t.node("Unsqueeze", [t.node("GatherND", [scores, found]), t.writer.constant([1])])
    table = t.node("Concat", [*(t.cast(part, "f32") for part in which), chosen], axis=1)
    number = t.node("Slice", [t.node("Shape", [found]), *(t.writer.constant([v]) for v in (0, 1))])
    valid = number if kind == "i64" else t.cast(number, kind)
    if node.get_output_element_type(1) != ov.Type.f32:
        table = t.cast(table, node.get_output_element_type(1).get_type_name())
    return (indices, table, valid)[: node.get_output_size()]


LAYER_RULES: dict[str, Rule] = {
    "Convolution": _convolution,
    "GroupConvolution": _convolution,
    "ConvolutionBackpropData": _transposed,
    "GroupConvolutionBackpropData": _transposed,
    "MaxPool": _max_pool,
    "AvgPool": _average_pool,
    "AdaptiveAvgPool": _adaptive_pool,
    "BatchNormInference": _batch_norm,
    "LRN": _lrn,
    "NormalizeL2": _normalize_l2,
    "MVN": _mvn,
    "MatMul": _mat_mul,
    "Interpolate": _interpolate,
    "NonMaxSuppression": _suppression,
}
