"""Caffe's layers that move values and never change them, or change their number, written as ONNX."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from sightline.errors import ModelError
from sightline.models.importers.caffe_build import Build, axis_of, spatial
from sightline.models.importers.caffe_net import Layer

__all__ = ["concat", "crop", "flatten", "interp", "permute", "reshape", "shuffle", "slices", "tile", "upsample"]


def concat(layer: Layer, build: Build) -> None:
    said = layer.said.message("concat_param")
    known = build.known(layer)
    if known:
        axis = axis_of(layer, said, known[0].ndim)
        joined = np.concatenate(known, axis)
        build.give(layer, "", joined.shape, value=joined)
        return
    blobs = [build.take(layer, i) for i in range(max(1, len(layer.bottoms)))]
    first = blobs[0].shape
    axis = axis_of(layer, said, len(first), key="axis" if "concat_dim" not in said else "concat_dim")
    rest = [blob.shape[:axis] + blob.shape[axis + 1 :] for blob in blobs]
    if any(len(blob.shape) != len(first) for blob in blobs) or any(shape != rest[0] for shape in rest):
        shapes = ", ".join(" x ".join(map(str, blob.shape)) for blob in blobs)
        raise ModelError(f"{layer.where}: its bottoms cannot be joined along axis {axis}: {shapes}")
    tensor = blobs[0].tensor
    if len(blobs) > 1:
        tensor = build.node(layer, "Concat", [blob.tensor for blob in blobs], axis=axis)
    total = sum(blob.shape[axis] for blob in blobs)
    build.give(layer, tensor, (*first[:axis], total, *first[axis + 1 :]))


def slices(layer: Layer, build: Build) -> None:
    said = layer.said.message("slice_param")
    blob = build.take(layer)
    axis = axis_of(layer, said, len(blob.shape), key="axis" if "slice_dim" not in said else "slice_dim")
    size, count = blob.shape[axis], len(layer.tops)
    points = said.wholes("slice_point")
    if not points:
        if not count or size % count:
            raise ModelError(f"{layer.where}: {size} cannot be cut into {count} equal parts")
        points = tuple(size // count * i for i in range(1, count))
    bounds = [0, *points, size]
    if len(points) != count - 1 or any(a >= b for a, b in pairwise(bounds)):
        raise ModelError(f"{layer.where}: slice_point {list(points)} does not cut {size} into {count} parts")
    for i, (start, end) in enumerate(pairwise(bounds)):
        inputs = [blob.tensor, *(build.held(layer, [n]) for n in (start, end, axis))]
        shape = (*blob.shape[:axis], end - start, *blob.shape[axis + 1 :])
        build.give(layer, build.node(layer, "Slice", inputs), shape, i)


def crop(layer: Layer, build: Build) -> None:
    """The first bottom cut to the size of the second, from `axis` on, at `offset`."""
    said = layer.said.message("crop_param")
    blob, like = build.take(layer), build.take(layer, 1)
    axis = axis_of(layer, said, len(blob.shape), 2)
    axes = list(range(axis, len(blob.shape)))
    offsets = said.wholes("offset") or (0,)
    offsets = offsets * len(axes) if len(offsets) == 1 else offsets
    if len(blob.shape) != len(like.shape) or len(offsets) != len(axes):
        raise ModelError(f"{layer.where}: {len(offsets)} offsets for {len(axes)} axes of {list(like.shape)}")
    ends = [o + like.shape[a] for o, a in zip(offsets, axes, strict=True)]
    if any(o < 0 or e > blob.shape[a] for o, e, a in zip(offsets, ends, axes, strict=True)):
        raise ModelError(f"{layer.where}: {list(like.shape)} at {list(offsets)} lies outside {list(blob.shape)}")
    inputs = [blob.tensor, *(build.held(layer, part) for part in (list(offsets), ends, axes))]
    build.give(layer, build.node(layer, "Slice", inputs), (*blob.shape[:axis], *like.shape[axis:]))


def flatten(layer: Layer, build: Build) -> None:
    said = layer.said.message("flatten_param")
    blob = build.take(layer)
    axis, end = (axis_of(layer, said, len(blob.shape), d, k) for k, d in (("axis", 1), ("end_axis", -1)))
    if end < axis:
        raise ModelError(f"{layer.where}: end_axis {end} before axis {axis}")
    shape = (*blob.shape[:axis], math.prod(blob.shape[axis : end + 1]), *blob.shape[end + 1 :])
    _reshaped(layer, build, shape)


def reshape(layer: Layer, build: Build) -> None:
    """dim 0: as it was, -1: what is left; of `num_axes` axes from `axis` on."""
    said = layer.said.message("reshape_param")
    blob = build.take(layer)
    rank = len(blob.shape)
    axis, count = said.whole("axis"), said.whole("num_axes", -1)
    start = axis if axis >= 0 else rank + axis + 1
    end = rank if count < 0 else start + count
    dims = said.message("shape").wholes("dim")
    if not 0 <= start <= end <= rank:
        raise ModelError(f"{layer.where}: axes {start} to {end} of {rank}")
    made: list[int] = []
    for i, n in enumerate(dims):
        if n == 0 and start + i >= end:
            raise ModelError(f"{layer.where}: dim 0 keeps axis {start + i}, which is not there")
        made.append(blob.shape[start + i] if n == 0 else n)
    whole = math.prod(blob.shape[start:end])
    left = math.prod(n for n in made if n != -1)
    if made.count(-1) > 1 or (-1 in made and (left < 1 or whole % left)):
        raise ModelError(f"{layer.where}: {list(dims)} leaves no whole size for its -1")
    shape = tuple(whole // left if n == -1 else n for n in made)
    if math.prod(shape) != whole:
        raise ModelError(f"{layer.where}: {whole} numbers cannot become {list(shape)}")
    _reshaped(layer, build, (*blob.shape[:start], *shape, *blob.shape[end:]))


def _reshaped(layer: Layer, build: Build, shape: tuple[int, ...]) -> None:
    blob = build.take(layer)
    tensor = blob.tensor
    if shape != blob.shape:
        tensor = build.node(layer, "Reshape", [tensor, build.held(layer, list(shape))])
    value = None if blob.value is None else blob.value.reshape(shape)
    build.give(layer, tensor, shape, value=value)


def permute(layer: Layer, build: Build) -> None:
    blob = build.take(layer)
    order = list(layer.said.message("permute_param").wholes("order"))
    order += [axis for axis in range(len(blob.shape)) if axis not in order]
    if sorted(order) != list(range(len(blob.shape))):
        raise ModelError(f"{layer.where}: order {order} of {len(blob.shape)} axes")
    tensor = build.node(layer, "Transpose", [blob.tensor], perm=order)
    build.give(layer, tensor, tuple(blob.shape[axis] for axis in order))


def shuffle(layer: Layer, build: Build) -> None:
    """ShuffleChannel: groups of channels dealt out in turn (arXiv 1707.01083)."""
    blob = build.take(layer)
    n, c, h, w = spatial(layer, blob)
    groups = layer.said.message("shuffle_channel_param").whole("group", 1)
    if groups < 1 or c % groups:
        raise ModelError(f"{layer.where}: {c} channels in {groups} groups")
    tensor = build.node(layer, "Reshape", [blob.tensor, build.held(layer, [n, groups, c // groups, h * w])])
    tensor = build.node(layer, "Transpose", [tensor], perm=[0, 2, 1, 3])
    build.give(layer, build.node(layer, "Reshape", [tensor, build.held(layer, [n, c, h, w])]), blob.shape)


def tile(layer: Layer, build: Build) -> None:
    said = layer.said.message("tile_param")
    blob = build.take(layer)
    axis, times = axis_of(layer, said, len(blob.shape)), said.whole("tiles", 1)
    repeats = [times if i == axis else 1 for i in range(len(blob.shape))]
    shape = tuple(n * r for n, r in zip(blob.shape, repeats, strict=True))
    build.give(layer, build.node(layer, "Tile", [blob.tensor, build.held(layer, repeats)]), shape)


# -- another size ----------------------------------------------------------------------------------------------------


def upsample(layer: Layer, build: Build) -> None:
    """Every pixel `scale` times each way. With places kept by a pooling (SegNet) there is no such thing in ONNX."""
    if len(layer.bottoms) > 1:
        raise ModelError(f"{layer.where}: puts values back where a pooling took them from; that is not read")
    said = layer.said.message("upsample_param")
    blob = build.take(layer)
    n, c, h, w = spatial(layer, blob)
    times = said.whole("scale", 2)
    if not 1 <= times <= 64:
        raise ModelError(f"{layer.where}: scale {times}")
    scales = build.held(layer, np.array([1, 1, times, times], np.float32))
    tensor = build.node(
        layer,
        "Resize",
        [blob.tensor, "", scales],
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )
    build.give(layer, tensor, (n, c, h * times, w * times))


def interp(layer: Layer, build: Build) -> None:
    """Bilinear with the corners on the corners, to a size or by factors (as DeepLab's Caffe has it)."""
    said = layer.said.message("interp_param")
    blob = build.take(layer)
    n, c, h, w = spatial(layer, blob)
    before, after = said.whole("pad_beg"), said.whole("pad_end")
    if before > 0 or after > 0 or before + h + after < 1 or before + w + after < 1:
        raise ModelError(f"{layer.where}: pad_beg {before} and pad_end {after}: only cutting (0 and below) is known")
    tensor = blob.tensor
    if before or after:
        parts = ([-before, -before], [h + after, w + after], [2, 3])
        tensor = build.node(layer, "Slice", [tensor, *(build.held(layer, part) for part in parts)])
        h, w = h + before + after, w + before + after
    shrink, zoom = said.whole("shrink_factor", 1), said.whole("zoom_factor", 1)
    if shrink < 1 or zoom < 1:
        raise ModelError(f"{layer.where}: shrink_factor {shrink}, zoom_factor {zoom}")
    high, wide = ((side - 1) // shrink + 1 for side in (h, w))
    high, wide = (side + (side - 1) * (zoom - 1) for side in (high, wide))
    high, wide = said.whole("height") or high, said.whole("width") or wide
    build.fits(layer, (n, c, high, wide))
    sizes = build.held(layer, [n, c, high, wide])
    tensor = build.node(
        layer, "Resize", [tensor, "", "", sizes], mode="linear", coordinate_transformation_mode="align_corners"
    )
    build.give(layer, tensor, (n, c, high, wide))
