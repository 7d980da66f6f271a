"""The last layer of a YOLOv5 or YOLOv7 network, decoded: boxes in input pixels, objectness, classes, keypoints.

Auxiliary heads, which only training uses, are dropped; implicit knowledge (YOLOR, 2021) is folded into the convolution.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sightline.errors import ModelError
from sightline.models.importers.layer_writer import LayerWriter, Plane
from sightline.models.importers.yolov7_yaml import Plan
from sightline.types import F32

__all__ = ["Decoded", "auxiliary", "head_columns", "level_count", "write_head"]

_BINS = 21  # of a side, in IBin
_BIN_END = 4.0


@dataclass(frozen=True, slots=True)
class Decoded:
    """The output of the network. tensor: (N, rows, columns), or (N, columns, rows) for keypoints.

    strides: input pixels a cell, level by level. keypoints: a person's; 0 without.
    """

    tensor: str
    shape: tuple[int, int]
    strides: tuple[float, ...]
    keypoints: int = 0


def level_count(plan: Plan) -> int:
    """Levels that the head decodes. Raises ModelError where the anchors are for another count."""
    count = len(plan.head.sources)
    if plan.head.module == "IAuxDetect":
        count //= 2
    known = count if isinstance(plan.anchors, int) else len(plan.anchors)
    if known != count or not count:
        raise ModelError(f"layer {plan.head.index} ({plan.head.module}): {count} inputs for {known} levels of anchors")
    return count


def auxiliary(plan: Plan) -> tuple[int, ...]:
    """The layers that feed nothing but auxiliary heads."""
    return plan.head.sources[level_count(plan) :]


def head_columns(plan: Plan) -> int:
    """Numbers an anchor that the convolution of each level gives, keypoints not counted."""
    return plan.classes + 3 + 2 * (_BINS + 1) if plan.head.module == "IBin" else plan.classes + 5


def _pairs(plan: Plan) -> int:
    return plan.anchors if isinstance(plan.anchors, int) else len(plan.anchors[0]) // 2


def write_head(w: LayerWriter, plan: Plan, inputs: list[Plane], size: tuple[int, int]) -> Decoded:
    """inputs: of the head, auxiliary ones included. size: height and width of the picture."""
    levels, path, pairs = level_count(plan), f"model.{plan.head.index}", _pairs(plan)
    keypoints = _keypoints(plan)
    columns = head_columns(plan) + 3 * keypoints
    if plan.head.module == "IAuxDetect":
        for i, x in enumerate(inputs[levels:]):
            # dropped: told only for the parameters that the checkpoint has for it
            w.kernel(x, f"{path}.m2.{i}", pairs * columns, 1, 1, 0, 1)
            w.weights.take(f"{path}.m2.{i}.bias", (pairs * columns,))
    used = inputs[:levels]
    strides = tuple(size[0] / x.height for x in used)
    if any(abs(size[1] / x.width - step) > 1e-6 for x, step in zip(used, strides, strict=True)):
        raise ModelError(f"{path}: the levels do not divide the input {size[1]} x {size[0]} evenly")
    anchors = _anchors(w, plan, path, strides)
    rows = [
        _rows(w, _raw(w, plan, x, f"{path}.{{}}.{i}", pairs, keypoints), pairs, columns, path)
        for i, x in enumerate(used)
    ]
    raw = w.writer.node("Concat", rows, path, axis=1) if len(rows) > 1 else rows[0]
    grid = _grid(used, strides, anchors)
    total = len(grid.step)
    if plan.head.module == "IBin":
        bins = w.weights.find(f"{path}.w_bin_sigmoid.bins", (_BINS,))
        w.weights.find(f"{path}.h_bin_sigmoid.bins", (_BINS,))
        for side in "wh":
            w.weights.find(f"{path}.{side}_bin_sigmoid.BCEbins.pos_weight", (1,))
        return Decoded(_binned(w, raw, grid, plan.classes, bins, path), (total, plan.classes + 5), strides)
    if keypoints:
        return Decoded(
            _posed(w, raw, grid, plan.classes, keypoints, path), (5 + 3 * keypoints, total), strides, keypoints
        )
    return Decoded(_boxed(w, raw, grid, plan.classes, path), (total, columns), strides)


# -- the convolutions ------------------------------------------------------------------------------------------------


def _raw(w: LayerWriter, plan: Plan, x: Plane, path: str, pairs: int, keypoints: int) -> Plane:
    """The convolution of one level; path: with a place for the name of the part."""
    count = pairs * head_columns(plan)
    main, first, last = (path.format(part) for part in ("m", "ia", "im"))
    weight = w.kernel(x, main, count, 1, 1, 0, 1)
    bias = w.weights.take(f"{main}.bias", (count,))
    added = times = None
    if plan.head.module != "Detect" or w.weights.has(f"{first}.implicit"):
        added = w.weights.find(f"{first}.implicit", (1, x.channels, 1, 1))
        times = w.weights.find(f"{last}.implicit", (1, count, 1, 1))
    if added is None or times is None or w.weights.folded:
        y = w.convolution(x, main, weight, bias, 1, 0)
    elif w.fuse:
        bias = ((bias + weight[:, :, 0, 0] @ added.reshape(-1)) * times.reshape(-1)).astype(np.float32)
        y = w.convolution(x, main, weight * times.reshape(-1, 1, 1, 1), bias, 1, 0)
    else:
        y = w.convolution(w.per_channel(x, first, added, "Add"), main, weight, bias, 1, 0)
        y = w.per_channel(y, last, times, "Mul")
    if not keypoints:
        return y
    return w.concat([y, _keypoint_branch(w, plan, x, path.format("m_kpt"), 3 * keypoints * pairs)], main)


def _keypoint_branch(w: LayerWriter, plan: Plan, x: Plane, path: str, count: int) -> Plane:
    if not plan.deep_keypoints:
        return w.conv2d(x, path, count)
    for i in range(11):
        x = w.conv(x, f"{path}.{i}", x.channels, 3 if i % 2 == 0 else 1, g=x.channels if i % 2 == 0 else 1)
    return w.conv2d(x, f"{path}.11", count)


def _keypoints(plan: Plan) -> int:
    if plan.head.module != "IKeypoint":
        return 0
    given = plan.head.arguments[0] if plan.head.arguments else plan.keypoints
    if not isinstance(given, int) or given < 1 or plan.classes != 1:
        raise ModelError(
            f"layer {plan.head.index} (IKeypoint): {given} keypoints of {plan.classes} classes; one class is read"
        )
    return given


def _anchors(w: LayerWriter, plan: Plan, path: str, strides: tuple[float, ...]) -> tuple[F32, ...]:
    """(pairs, 2) in pixels a level: as the checkpoint holds them, else as the yaml says."""
    levels, pairs = len(strides), _pairs(plan)
    in_cells = w.weights.find(f"{path}.anchors", (levels, pairs, 2))
    in_pixels = w.weights.find(f"{path}.anchor_grid", (levels, 1, pairs, 1, 1, 2))
    if in_pixels is not None:
        found = in_pixels.reshape(levels, pairs, 2)
    elif in_cells is not None:
        found = in_cells * np.array(strides, np.float32).reshape(-1, 1, 1)
    elif isinstance(plan.anchors, int):
        raise ModelError(f"{path}: the anchors stand neither in the yaml nor in the checkpoint")
    else:
        found = np.array(plan.anchors, np.float32).reshape(levels, pairs, 2)
    return tuple(np.asarray(level, np.float32) for level in found)


# -- decoding --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Grid:
    """Of every row: its cell's corner (rows, 2) and size (rows, 1) in input pixels, its anchor (rows, 2)."""

    corner: F32
    step: F32
    anchor: F32


def _rows(w: LayerWriter, x: Plane, pairs: int, columns: int, path: str) -> str:
    """(N, pairs * columns, h, w) as (N, pairs * h * w, columns)."""
    cells = x.height * x.width
    name = w.writer.node("Reshape", [x.name, w.writer.constant([0, pairs, columns, cells], path)], path)
    name = w.writer.node("Transpose", [name], path, perm=[0, 1, 3, 2])
    return w.writer.node("Reshape", [name, w.writer.constant([0, pairs * cells, columns], path)], path)


def _grid(planes: list[Plane], strides: tuple[float, ...], anchors: tuple[F32, ...]) -> _Grid:
    corners: list[F32] = []
    steps: list[F32] = []
    sizes: list[F32] = []
    for x, stride, level in zip(planes, strides, anchors, strict=True):
        rows, columns = np.mgrid[: x.height, : x.width].astype(np.float32)
        cells = np.stack([columns.ravel(), rows.ravel()], 1) * np.float32(stride)
        corners.append(np.tile(cells, (len(level), 1)))
        steps.append(np.full((len(cells) * len(level), 1), stride, np.float32))
        sizes.append(np.repeat(level, len(cells), 0))
    return _Grid(np.concatenate(corners), np.concatenate(steps), np.concatenate(sizes))


def _centre(w: LayerWriter, x: str, grid: _Grid, path: str) -> str:
    """From half a cell before the cell to half a cell behind it: (2 x - 0.5 + cell) * stride."""
    scaled = w.writer.node("Mul", [x, w.writer.constant(2 * grid.step[None], path)], path)
    return w.writer.node("Add", [scaled, w.writer.constant((grid.corner - 0.5 * grid.step)[None], path)], path)


def _sides(w: LayerWriter, x: str, grid: _Grid, path: str) -> str:
    """Up to four times the anchor: (2 x)^2 * anchor."""
    square = w.writer.node("Mul", [x, x], path)
    return w.writer.node("Mul", [square, w.writer.constant(4 * grid.anchor[None], path)], path)


def _boxed(w: LayerWriter, raw: str, grid: _Grid, classes: int, path: str) -> str:
    y = w.writer.node("Sigmoid", [raw], path)
    xy, wh, rest = w.writer.nodes("Split", [y, w.writer.constant([2, 2, classes + 1], path)], 3, path, axis=2)
    return w.writer.node("Concat", [_centre(w, xy, grid, path), _sides(w, wh, grid, path), rest], path, axis=2)


def _posed(w: LayerWriter, raw: str, grid: _Grid, classes: int, keypoints: int, path: str) -> str:
    """Box, score (objectness times class), keypoints, as rows of a YOLOv8 pose network."""
    parts = w.writer.constant([classes + 5, 3 * keypoints], path)
    boxes, points = w.writer.nodes("Split", [raw, parts], 2, path, axis=2)
    y = w.writer.node("Sigmoid", [boxes], path)
    xy, wh, objectness, score = w.writer.nodes(
        "Split", [y, w.writer.constant([2, 2, 1, classes], path)], 4, path, axis=2
    )
    score = w.writer.node("Mul", [objectness, score], path)
    rows = len(grid.step)
    points = w.writer.node("Reshape", [points, w.writer.constant([0, rows * keypoints, 3], path)], path)
    xys, seen = w.writer.nodes("Split", [points, w.writer.constant([2, 1], path)], 2, path, axis=2)
    every = _Grid(*(np.repeat(part, keypoints, 0) for part in (grid.corner, grid.step, grid.anchor)))
    joined = [_centre(w, xys, every, path), w.writer.node("Sigmoid", [seen], path)]
    points = w.writer.node("Concat", joined, path, axis=2)
    points = w.writer.node("Reshape", [points, w.writer.constant([0, rows, 3 * keypoints], path)], path)
    whole = [_centre(w, xy, grid, path), _sides(w, wh, grid, path), score, points]
    return w.writer.node("Transpose", [w.writer.node("Concat", whole, path, axis=2)], path, perm=[0, 2, 1])


def _binned(w: LayerWriter, raw: str, grid: _Grid, classes: int, bins: F32 | None, path: str) -> str:
    """Sides as the likeliest of _BINS bins and a remainder (IBin)."""
    step = _BIN_END / _BINS
    if bins is None:
        bins = ((np.arange(_BINS) + 0.5) * step).astype(np.float32)
    table = w.writer.constant(bins, path)
    y = w.writer.node("Sigmoid", [raw], path)
    split = w.writer.constant([2, 1, _BINS, 1, _BINS, classes + 1], path)
    xy, rest_w, bins_w, rest_h, bins_h, rest = w.writer.nodes("Split", [y, split], 6, path, axis=2)
    sides: list[str] = []
    for remainder, scores in ((rest_w, bins_w), (rest_h, bins_h)):
        best = w.writer.node("ArgMax", [scores], path, axis=2, keepdims=1)
        best = w.writer.node("Gather", [table, best], path, axis=0)
        moved = w.writer.node("Mul", [remainder, w.writer.constant(2 * step, path)], path)
        moved = w.writer.node("Sub", [moved, w.writer.constant(step, path)], path)
        side = w.writer.node("Add", [moved, best], path)
        sides.append(
            w.writer.node("Clip", [side, w.writer.constant(0.0, path), w.writer.constant(_BIN_END, path)], path)
        )
    wh = w.writer.node("Concat", sides, path, axis=2)
    wh = w.writer.node("Mul", [wh, w.writer.constant(grid.anchor[None], path)], path)
    return w.writer.node("Concat", [_centre(w, xy, grid, path), wh, rest], path, axis=2)
