"""What is put in front of a graph so that it takes uint8 planes: described once, written by each runtime in its nodes.

planes (N, 3, H, W) uint8 -> colour matrix, in whole numbers 0..255 -> channel order -> (x - mean) / scale -> dtype
-> layout.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sightline.errors import ModelError
from sightline.pictures import ycbcr_to_rgb
from sightline.protocols import Feed, FeedPlanes
from sightline.types import ChannelOrder, InputSpec

__all__ = ["SLACK", "Prologue", "prologue_of"]

SLACK = 1e-3  # what float32 may fall short of a whole number by, before its fraction is cut off
_GREY = np.array([[0.299, 0.587, 0.114]])


@dataclass(frozen=True, slots=True)
class Prologue:
    """One picture input's arithmetic.

    to_rgb: rows of A, with R, G, B 0..255 the sums of floor(A * (fed - zero)); None where RGB is fed. Cutting off the
    fraction of every term is what FFmpeg's scaler does, so that the pixels are those of the exact way.
    order: which of R, G, B each model channel is; empty for grey. weights: R, G, B -> grey, for grey.
    mean, scale: one number a model channel. dtype: what the model takes. nhwc: its layout.
    stacked: how pictures are joined, `frames` of them a view: "" not at all, "minus" the last minus the one before,
    else the layout they are stacked to ("NTCHW", "NCTHW", "NTHWC", or "NCHW" and "NHWC" for one after the other in
    the channels).
    """

    to_rgb: tuple[tuple[float, ...], ...] | None
    zero: tuple[float, ...]
    order: tuple[int, ...]
    weights: tuple[float, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    dtype: str
    nhwc: bool
    frames: int = 1
    stacked: str = ""

    @property
    def channels(self) -> int:
        return len(self.order) or 1


def prologue_of(spec: InputSpec, feed: Feed) -> Prologue:
    """The arithmetic between the fed planes and the model's own input. Raises ModelError on contradictions."""
    pre = spec.preprocess
    grey = pre.color is ChannelOrder.GREY
    order = () if grey else ((0, 1, 2) if pre.color is ChannelOrder.RGB else (2, 1, 0))
    channels = 1 if grey else 3
    layout = spec.tensor.layout or "NCHW"
    declared = spec.tensor.shape[layout.index("C")] if len(spec.tensor.shape) == len(layout) else None
    window = spec.source.startswith("window")
    joined = channels * spec.frames if window and "T" not in layout else channels
    if declared not in (None, joined):
        raise ModelError(
            f"input {spec.tensor.name!r} has {declared} channels, colour order {pre.color.value!r} gives {joined}; "
            "add --color grey or --color rgb"
        )
    to_rgb, zero = None, ()
    if isinstance(feed, FeedPlanes):
        a, _ = ycbcr_to_rgb(feed.matrix, feed.full_range)
        to_rgb = tuple(tuple(float(v) for v in row) for row in a)
        zero = (0.0 if feed.full_range else 16.0, 128.0, 128.0)
    weights = tuple(float(v) for v in _GREY[0]) if grey else ()
    return Prologue(
        to_rgb,
        zero,
        order,
        weights,
        _per_channel(pre.mean, channels, "mean"),
        _per_channel(pre.scale, channels, "scale"),
        spec.tensor.dtype,
        layout.endswith("HWC"),
        spec.frames,
        "minus" if spec.source == "difference" else layout if window else "",
    )


def _per_channel(values: tuple[float, ...], channels: int, name: str) -> tuple[float, ...]:
    if len(values) == 1:
        return values * channels
    if len(values) != channels:
        raise ModelError(f"{name}: expected 1 or {channels} numbers, got {len(values)}")
    return values
