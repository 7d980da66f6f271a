"""What a model is and what a view shows, as plain JSON and back: the user's process sees the same records."""

from __future__ import annotations

from dataclasses import asdict
from fractions import Fraction
from typing import Any

import numpy as np

from sightline.parsers.framing import Message
from sightline.types import (
    Bounds,
    ChannelOrder,
    Frame,
    InputSpec,
    Instant,
    ModelSpec,
    Preprocess,
    Resize,
    StreamInfo,
    TensorSpec,
    Thresholds,
    View,
)

__all__ = ["frame_from", "frame_to", "spec_from", "spec_to", "view_from", "view_to"]


def spec_to(spec: ModelSpec) -> Message:
    """As JSON; options of its head that are not plain are given as text."""
    said = asdict(spec)
    said["head_options"] = {name: _plain(value) for name, value in spec.head_options.items()}
    return said


def _plain(value: object) -> object:
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def spec_from(said: Message) -> ModelSpec:
    """The ModelSpec that was said."""
    given = dict(said)
    given["inputs"] = tuple(_input(item) for item in said["inputs"])
    given["outputs"] = tuple(_tensor(item) for item in said["outputs"])
    bounds = {label: _bounds(own) for label, own in said["thresholds"].get("bounds", {}).items()}
    given["thresholds"] = Thresholds(**{**said["thresholds"], "bounds": bounds})
    given["labels"] = tuple(said["labels"])
    return ModelSpec(**given)


def _tensor(said: Message) -> TensorSpec:
    return TensorSpec(said["name"], tuple(said["shape"]), said["dtype"], said["layout"])


def _bounds(said: Message) -> Bounds:
    sides = {key: None if said[key] is None else tuple(said[key]) for key in ("least_wh", "most_wh", "of_wh")}
    return Bounds(**{**said, **sides})


def _input(said: Message) -> InputSpec:
    p = said["preprocess"]
    order, resize = ChannelOrder(p["color"]), Resize(p["resize"])
    preprocess = Preprocess(order, tuple(p["mean"]), tuple(p["scale"]), resize, p["pad"])
    return InputSpec(_tensor(said["tensor"]), preprocess, said["source"], said["multiple"])


def view_to(view: View) -> list[Any]:
    """As JSON, without the picture."""
    return [view.matrix.ravel().tolist(), view.size_wh, view.parent, frame_to(view.frame)]


def view_from(said: list[Any]) -> View:
    """The view that was said; its frame has no picture."""
    matrix, (width, height), parent, frame = said
    return View(frame_from(frame), np.array(matrix, np.float64).reshape(2, 3), (width, height), parent)


def frame_to(frame: Frame) -> list[Any]:
    """As JSON, without the picture."""
    at, info = frame.at, frame.stream
    return [
        [info.id, info.width, info.height, _pair(info.base), _pair(info.rate), info.rotation, _pair(info.sar)],
        [info.live, info.timed, info.still, info.duration_s, info.frames],
        [at.pts, _pair(at.base), at.epoch, at.offset_s],
        [frame.index, frame.width, frame.height, frame.wall_ns, frame.corrupt, frame.name],
    ]


def frame_from(said: list[Any]) -> Frame:
    """The frame that was said, without its picture."""
    (id_, width, height, base, rate, rotation, sar), kind, (pts, unit, epoch, offset_s), rest = said
    info = StreamInfo(id_, width, height, Fraction(*base), rate and Fraction(*rate), rotation, Fraction(*sar), *kind)
    index, frame_width, frame_height, wall_ns, corrupt, name = rest
    at = Instant(pts, Fraction(*unit), epoch, offset_s)
    return Frame(info, index, at, None, frame_width, frame_height, wall_ns, corrupt, name)


def _pair(value: Fraction | None) -> tuple[int, int] | None:
    return None if value is None else (value.numerator, value.denominator)
