"""OpenVINO's operations that move, cut, join and pick values in ONNX's operations."""

from __future__ import annotations

import numpy as np
import openvino as ov

from sightline.models.forms.ir_translation import Rule, Translation

__all__ = ["MOVE_RULES"]

_LAST = np.iinfo(np.int64).max


def _reshape(t: Translation, node: ov.Node) -> str:
    attributes = {} if node.get_attributes().get("special_zero", True) else _allow_zero(t, node)
    return t.node("Reshape", [t.input(node, 0), t.as_int64(node, 1, 1)], **attributes)


def _allow_zero(t: Translation, node: ov.Node) -> dict[str, int]:
    wanted = t.whole_numbers(node, 1)
    return {"allowzero": 1} if wanted is None or (0 in wanted and -1 not in wanted) else {}


def _transpose(t: Translation, node: ov.Node) -> str:
    order = [int(axis) for axis in t.known(node, 1, "axes").reshape(-1)]
    return t.node("Transpose", [t.input(node, 0)], perm=order or list(range(t.rank(node, 0)))[::-1])


def _squeeze(t: Translation, node: ov.Node) -> str:
    if node.get_input_size() < 2:
        return t.node("Squeeze", [t.input(node, 0)])
    return t.node("Squeeze", [t.input(node, 0), t.as_int64(node, 1, 1)])


def _unsqueeze(t: Translation, node: ov.Node) -> str:
    return t.node("Unsqueeze", [t.input(node, 0), t.as_int64(node, 1, 1)])


def _concat(t: Translation, node: ov.Node) -> str:
    return t.node("Concat", t.inputs(node), axis=int(node.get_attributes()["axis"]))


def _split(t: Translation, node: ov.Node) -> tuple[str, ...]:
    axis = int(t.known(node, 1, "axes").reshape(-1)[0])
    return t.writer.nodes("Split", [t.input(node, 0)], node.get_output_size(), axis=axis)


def _variadic_split(t: Translation, node: ov.Node) -> tuple[str, ...]:
    axis = int(t.known(node, 1, "axes").reshape(-1)[0])
    lengths = [int(v) for v in t.known(node, 2, "lengths").reshape(-1)]
    if -1 in lengths:
        whole = t.shape(node, 0)[axis]
        if whole < 0:
            raise t.refuse(node, "one of its lengths is open")
        lengths[lengths.index(-1)] = whole - sum(n for n in lengths if n != -1)
    return t.writer.nodes("Split", [t.input(node, 0), t.writer.constant(lengths)], len(lengths), axis=axis)


# -- slices ----------------------------------------------------------------------------------------------------------


def _slice(t: Translation, node: ov.Node) -> str:
    start, stop, step = (t.as_int64(node, k, 1) for k in (1, 2, 3))
    count = t.shape(node, 1)
    axes = t.as_int64(node, 4, 1) if node.get_input_size() > 4 else t.writer.constant(list(range(count[0])))
    return t.node("Slice", [t.input(node, 0), start, stop, axes, step])


def _strided_slice(t: Translation, node: ov.Node) -> str:
    given = node.get_attributes()
    if any(given.get("ellipsis_mask") or ()):
        raise t.refuse(node, "it has an ellipsis")
    begin, end = t.whole_numbers(node, 1), t.whole_numbers(node, 2)
    steps = t.whole_numbers(node, 3) if node.get_input_size() > 3 else None
    if begin is None or end is None or (node.get_input_size() > 3 and steps is None):
        return _computed_slice(t, node)
    count = len(begin)
    ignored, unbounded, new, one = (
        _mask(given.get(key), count) for key in ("begin_mask", "end_mask", "new_axis_mask", "shrink_axis_mask")
    )
    cut: list[tuple[int, int, int, int]] = []
    drop: list[int] = []
    axis = 0
    for k in range(count):
        if new[k]:
            continue
        step = 1 if steps is None else steps[k]
        if one[k]:
            cut.append((axis, begin[k], begin[k] + 1 if begin[k] != -1 else _LAST, 1))
            drop.append(axis)
        else:
            first = (0 if step > 0 else _LAST) if ignored[k] else begin[k]
            last = (_LAST if step > 0 else -_LAST) if unbounded[k] else end[k]
            if (first, last, step) != (0, _LAST, 1):
                cut.append((axis, first, last, step))
        axis += 1
    return _new_axes(t, _cut(t, t.input(node, 0), cut, drop), new, one)


def _cut(t: Translation, tensor: str, cut: list[tuple[int, int, int, int]], drop: list[int]) -> str:
    if cut:
        axes, first, last, step = (t.writer.constant(list(column)) for column in zip(*cut, strict=True))
        tensor = t.node("Slice", [tensor, first, last, axes, step])
    if drop:
        tensor = t.node("Squeeze", [tensor, t.writer.constant(drop)])
    return tensor if cut or drop else t.node("Identity", [tensor])


def _new_axes(t: Translation, tensor: str, new: list[bool], one: list[bool]) -> str:
    places: list[int] = []
    axis = 0
    for fresh, gone in zip(new, one, strict=True):
        if fresh:
            places.append(axis)
        axis += fresh or not gone
    return t.node("Unsqueeze", [tensor, t.writer.constant(places)]) if places else tensor


def _mask(values: list[int] | None, count: int) -> list[bool]:
    found = [bool(v) for v in values or ()][:count]
    return found + [False] * (count - len(found))


def _computed_slice(t: Translation, node: ov.Node) -> str:
    """Ends that are computed: only where no mask but the one that drops axes is set."""
    given = node.get_attributes()
    count = t.shape(node, 1)[0]
    if any(any(given.get(key) or ()) for key in ("begin_mask", "end_mask", "new_axis_mask")) or count < 0:
        raise t.refuse(node, "its ends are computed and masked")
    axes = t.writer.constant(list(range(count)))
    steps = [t.as_int64(node, 3, 1)] if node.get_input_size() > 3 else []
    cut = t.node("Slice", [t.input(node, 0), t.as_int64(node, 1, 1), t.as_int64(node, 2, 1), axes, *steps])
    drop = [k for k, one in enumerate(_mask(given.get("shrink_axis_mask"), count)) if one]
    return t.node("Squeeze", [cut, t.writer.constant(drop)]) if drop else cut


# -- picking ---------------------------------------------------------------------------------------------------------


def _gather(t: Translation, node: ov.Node) -> str:
    batch = int(node.get_attributes().get("batch_dims", 0))
    axis = int(t.known(node, 2, "axes").reshape(-1)[0])
    if batch:
        raise t.refuse(node, "it picks for each picture apart (batch_dims)")
    return t.node("Gather", [t.input(node, 0), t.as_int64(node, 1)], axis=axis)


def _gather_nd(t: Translation, node: ov.Node) -> str:
    batch = int(node.get_attributes().get("batch_dims", 0))
    return t.node("GatherND", [t.input(node, 0), t.as_int64(node, 1)], batch_dims=batch)


def _gather_elements(t: Translation, node: ov.Node) -> str:
    axis = int(node.get_attributes()["axis"])
    return t.node("GatherElements", [t.input(node, 0), t.as_int64(node, 1)], axis=axis)


def _scatter_nd(t: Translation, node: ov.Node) -> str:
    return t.node("ScatterND", [t.input(node, 0), t.as_int64(node, 1), t.input(node, 2)])


def _scatter_elements(t: Translation, node: ov.Node) -> str:
    if str(node.get_attributes().get("reduction", "none")).lower() != "none":
        raise t.refuse(node, "it adds up what it scatters")
    axis = int(t.known(node, 3, "axes").reshape(-1)[0])
    return t.node("ScatterElements", [t.input(node, 0), t.as_int64(node, 1), t.input(node, 2)], axis=axis)


def _top_k(t: Translation, node: ov.Node) -> tuple[str, ...]:
    given = node.get_attributes()
    values, indices = t.writer.nodes(
        "TopK", [t.input(node, 0), t.as_int64(node, 1, 1)], 2, axis=int(given["axis"]),
        largest=int(given["mode"] == "max"), sorted=int(given["sort"] == "value"),
    )  # fmt: skip
    kind = node.get_output_element_type(1).get_type_name()
    return values, indices if kind == "i64" else t.cast(indices, kind)


# -- sizes -----------------------------------------------------------------------------------------------------------


def _shape_of(t: Translation, node: ov.Node) -> str:
    kind = node.get_output_element_type(0).get_type_name()
    shape = t.node("Shape", [t.input(node, 0)])
    return shape if kind == "i64" else t.cast(shape, kind)


def _range(t: Translation, node: ov.Node) -> str:
    kind = node.get_output_element_type(0).get_type_name()
    ends = [t.node("Squeeze", [t.cast(t.input(node, k), kind)]) for k in range(3)]
    return t.node("Range", ends)


def _broadcast(t: Translation, node: ov.Node) -> str:
    if str(node.get_attributes().get("mode", "numpy")).lower() not in ("numpy", "bidirectional"):
        raise t.refuse(node, "it broadcasts by a list of axes")
    return t.node("Expand", [t.input(node, 0), t.as_int64(node, 1, 1)])


def _tile(t: Translation, node: ov.Node) -> str:
    rank, count = t.rank(node, 0), t.shape(node, 1)[0]
    repeats = t.whole_numbers(node, 1)
    if count == rank:
        return t.node("Tile", [t.input(node, 0), t.as_int64(node, 1, 1)])
    if repeats is None or count > rank:
        raise t.refuse(node, "it repeats along other axes than it has")
    return t.node("Tile", [t.input(node, 0), t.writer.constant([1] * (rank - count) + repeats)])


def _pad(t: Translation, node: ov.Node) -> str:
    mode = {"constant": "constant", "reflect": "reflect", "edge": "edge"}.get(str(node.get_attributes()["pad_mode"]))
    if mode is None:
        raise t.refuse(node, f"it pads in the way {node.get_attributes()['pad_mode']!r}")
    pads = t.node("Concat", [t.as_int64(node, 1, 1), t.as_int64(node, 2, 1)], axis=0)
    begin, end = t.whole_numbers(node, 1), t.whole_numbers(node, 2)
    if begin is not None and end is not None:
        pads = t.writer.constant([*begin, *end])
    value = [t.input(node, 3)] if node.get_input_size() > 3 and mode == "constant" else []
    return t.node("Pad", [t.input(node, 0), pads, *value], mode=mode)


def _space_to_batch(t: Translation, node: ov.Node) -> str:
    block, begin, end = (t.whole_numbers(node, k) for k in (1, 2, 3))
    shape = t.shape(node, 0)
    if block is None or begin is None or end is None or -1 in shape:
        raise t.refuse(node, "its blocks or its size are open")
    padded = t.node("Pad", [t.input(node, 0), t.writer.constant([*begin, *end])])
    count = len(block)
    sides = [(side + a + b) // n for side, a, b, n in zip(shape, begin, end, block, strict=True)]
    apart = [size for pair in zip(sides, block, strict=True) for size in pair]
    order = [*range(1, 2 * count, 2), *range(0, 2 * count, 2)]
    turned = t.node("Transpose", [t.node("Reshape", [padded, t.writer.constant(apart)])], perm=order)
    return t.node("Reshape", [turned, t.writer.constant(t.made(node))])


def _batch_to_space(t: Translation, node: ov.Node) -> str:
    block, begin, end = (t.whole_numbers(node, k) for k in (1, 2, 3))
    shape = t.shape(node, 0)
    if block is None or begin is None or end is None or -1 in shape:
        raise t.refuse(node, "its blocks or its size are open")
    count = len(block)
    sides = [shape[0] // int(np.prod(block)), *shape[1:]]
    apart = t.node("Reshape", [t.input(node, 0), t.writer.constant([*block, *sides])])
    order = [axis for k in range(count) for axis in (count + k, k)]
    whole = [side * n for side, n in zip(sides, block, strict=True)]
    joined = t.node("Reshape", [t.node("Transpose", [apart], perm=order), t.writer.constant(whole)])
    last = [side - cut for side, cut in zip(whole, end, strict=True)]
    axes = t.writer.constant(list(range(count)))
    return t.node("Slice", [joined, t.writer.constant(begin), t.writer.constant(last), axes])


def _depth_to_space(t: Translation, node: ov.Node) -> str:
    given = node.get_attributes()
    mode = {"blocks_first": "DCR", "depth_first": "CRD"}[str(given["mode"]).lower()]
    return t.node("DepthToSpace", [t.input(node, 0)], blocksize=int(given["block_size"]), mode=mode)


def _space_to_depth(t: Translation, node: ov.Node) -> str:
    given = node.get_attributes()
    made = t.node("SpaceToDepth", [t.input(node, 0)], blocksize=int(given["block_size"]))
    if str(given["mode"]).lower() == "blocks_first":
        return made
    return _shuffled(t, made, t.made(node), int(given["block_size"]) ** 2)


def _shuffle_channels(t: Translation, node: ov.Node) -> str:
    given = node.get_attributes()
    if int(given["axis"]) != 1:
        raise t.refuse(node, "it shuffles another axis than channels")
    return _shuffled(t, t.input(node, 0), t.made(node), int(given["group"]))


def _shuffled(t: Translation, tensor: str, shape: list[int], group: int) -> str:
    """Channels [group, C / group] turned to [C / group, group]."""
    before = t.node("Shape", [tensor])
    sides = t.node("Slice", [before, t.writer.constant([2]), t.writer.constant([_LAST])])
    area = t.node("ReduceProd", [sides], axes=[0], keepdims=1)
    channels = shape[1] // group
    if shape[1] < 0:
        channels = -1
    wide = t.node("Concat", [t.writer.constant([0, group, channels]), area], axis=0)
    turned = t.node("Transpose", [t.node("Reshape", [tensor, wide])], perm=[0, 2, 1, 3])
    return t.node("Reshape", [turned, before])


MOVE_RULES: dict[str, Rule] = {
    "Reshape": _reshape,
    "Transpose": _transpose,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Concat": _concat,
    "Split": _split,
    "VariadicSplit": _variadic_split,
    "Slice": _slice,
    "StridedSlice": _strided_slice,
    "Gather": _gather,
    "GatherND": _gather_nd,
    "GatherElements": _gather_elements,
    "ScatterNDUpdate": _scatter_nd,
    "ScatterElementsUpdate": _scatter_elements,
    "TopK": _top_k,
    "ShapeOf": _shape_of,
    "Range": _range,
    "Broadcast": _broadcast,
    "Tile": _tile,
    "Pad": _pad,
    "SpaceToBatch": _space_to_batch,
    "BatchToSpace": _batch_to_space,
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
    "ShuffleChannels": _shuffle_channels,
}
