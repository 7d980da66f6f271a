"""Frames -> the arrays that a model itself takes, with its own arithmetic done in NumPy: what calibration needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.models.filling import Filling
from sightline.models.looks import Look
from sightline.protocols import FeedRgb
from sightline.runtimes.prologue import Prologue, prologue_of
from sightline.types import U8, Frame, ModelSpec

__all__ = ["arrays_of"]


def arrays_of(spec: ModelSpec, frames: Sequence[Frame]) -> Iterator[dict[str, NDArray[Any]]]:
    """For every frame {input name: array}, shaped and typed as the model declares it, batch 1.

    Raises ModelError for a model that frames alone cannot feed.
    """
    filling, feed = Filling(spec), FeedRgb()
    filling.judge()
    for frame in frames:
        look = Look(frame)
        buffer = filling.buffer(1, filling.sizes(look))
        filling.fill(buffer, 0, look, feed)
        arrays = dict(buffer.constants)
        for item in spec.inputs:
            if item.frames:
                arrays[item.tensor.name] = _prepared(buffer.planes[item.tensor.name], prologue_of(item, feed))
        yield arrays


def _prepared(planes: U8, prologue: Prologue) -> NDArray[Any]:
    """(frames, 3, H, W) uint8 RGB -> the input, as the runtimes write it in front of the graph."""
    rgb = planes.astype(np.float32)
    if prologue.weights:
        x = np.einsum("c,nchw->nhw", np.array(prologue.weights, np.float32), rgb)[:, None]
    else:
        x = rgb[:, list(prologue.order)]
    column = (1, len(prologue.mean), 1, 1)
    x = (x - np.reshape(prologue.mean, column)) / np.reshape(prologue.scale, column)
    dtype = np.dtype(prologue.dtype)
    if np.issubdtype(dtype, np.integer):
        x = np.clip(np.round(x), np.iinfo(dtype).min, np.iinfo(dtype).max)
    x = x.astype(dtype)
    if prologue.nhwc:
        x = x.transpose(0, 2, 3, 1)
    return np.ascontiguousarray(_stacked(x, prologue))


def _stacked(x: NDArray[Any], prologue: Prologue) -> NDArray[Any]:
    if not prologue.stacked:
        return x
    if prologue.stacked == "minus":
        return x[1:] - x[:1]
    if prologue.stacked == "NCTHW":
        return x.transpose(1, 0, 2, 3)[None]
    if prologue.stacked == "NCHW":
        return x.reshape(1, -1, *x.shape[2:])
    if prologue.stacked == "NHWC":
        return x.transpose(1, 2, 0, 3).reshape(1, *x.shape[1:3], -1)
    return x[None]
