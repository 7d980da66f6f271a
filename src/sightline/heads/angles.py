"""Where a head or an eye looks: numbers about the view, written as attributes whose labels are the numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sightline.errors import ModelError
from sightline.heads.tensors import Floats, of_view, softmax, unreadable
from sightline.protocols import Outputs
from sightline.types import Attribute, ModelSpec, Prediction, Thresholds, View

__all__ = ["Gaze", "HeadPose", "number"]


def number(name: str, value: float) -> tuple[Attribute, ...]:
    """A number as an attribute: three decimals as its label, score 1; nothing where it is not finite."""
    return (Attribute(name, f"{value:.3f}", 1.0),) if np.isfinite(value) else ()


@dataclass(frozen=True, slots=True)
class HeadPose:
    """Yaw, pitch and roll in degrees -> attributes "yaw", "pitch", "roll".

    Taken are three outputs [N, 1] (Open Model Zoo) or [N, B] of B bins (HopeNet: each `step` degrees wide, the first
    at `first`), one output [N, 3] in the order yaw, pitch, roll, or rotations [N, 3, 3] (6DRepNet).
    outputs: names of the outputs for yaw, pitch and roll; () by name, else in the model's order.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.0, nms=1.0)

    outputs: tuple[str, ...] = ()
    first: float = -99.0
    step: float = 3.0

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        named = _by_name(outputs, self.outputs, (("yaw", "angle_y"), ("pitch", "angle_p"), ("roll", "angle_r")))
        return [Prediction(attributes=self._one(outputs, named, i)) for i in range(len(views))]

    def _one(self, outputs: Outputs, named: tuple[str, ...], i: int) -> tuple[Attribute, ...]:
        parts = [of_view(outputs[name], i).astype(np.float64).ravel() for name in named]
        if len(parts) == 1 and len(parts[0]) == 9:
            values = _euler(parts[0].reshape(3, 3))
        elif len(parts) == 1 and len(parts[0]) == 3:
            values = parts[0].tolist()
        elif len(parts) == 3:
            values = [_angle(part, self.first, self.step) for part in parts]
        else:
            raise unreadable("head-pose", outputs, "three angles, one output [N, 3], or rotations [N, 3, 3]")
        return tuple(a for name, v in zip(("yaw", "pitch", "roll"), values, strict=True) for a in number(name, v))


@dataclass(frozen=True, slots=True)
class Gaze:
    """The direction of a look.

    One output [N, 3] is a vector in the camera's frame -> attributes "gaze-x", "gaze-y", "gaze-z". One output [N, 5]
    (TAO GazeNet) is the point looked at in mm, then two angles in radians -> the same three, then "gaze-theta" and
    "gaze-phi". Two outputs [N, 1] or [N, B] of B bins (L2CS: each `step` degrees wide, the first at `first`) are
    angles in degrees -> "gaze-yaw" and "gaze-pitch"; outputs: their names, yaw first; () by name.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.0, nms=1.0)

    outputs: tuple[str, ...] = ()
    first: float = -180.0
    step: float = 4.0

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        named = _by_name(outputs, self.outputs, (("yaw",), ("pitch",)))
        return [Prediction(attributes=self._one(outputs, named, i)) for i in range(len(views))]

    def _one(self, outputs: Outputs, named: tuple[str, ...], i: int) -> tuple[Attribute, ...]:
        parts = [of_view(outputs[name], i).astype(np.float64).ravel() for name in named]
        if len(parts) == 1 and len(parts[0]) in (3, 5):
            names, values = ("gaze-x", "gaze-y", "gaze-z", "gaze-theta", "gaze-phi"), parts[0].tolist()
        elif len(parts) == 2:
            names, values = ("gaze-yaw", "gaze-pitch"), [_angle(part, self.first, self.step) for part in parts]
        else:
            raise unreadable("gaze", outputs, "a vector [N, 3], five numbers [N, 5], or two angles")
        return tuple(a for name, v in zip(names, values, strict=False) for a in number(name, v))


def _by_name(outputs: Outputs, given: tuple[str, ...], words: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    """The outputs that are read: those `given`, else one for each of `words` where all are there, else all."""
    for name in given:
        if name not in outputs:
            raise ModelError(f"the model has no output {name!r}; it has {', '.join(outputs)}")
    if given:
        return given
    found = [next((n for n in outputs if any(word in n.lower() for word in some)), "") for some in words]
    return tuple(found) if all(found) and len(set(found)) == len(found) else tuple(outputs)


def _angle(part: Floats, first: float, step: float) -> float:
    """A single number as it is; of several the mean of the bins that they are logits of, in degrees."""
    if len(part) == 1:
        return float(part[0])
    return float(softmax(part) @ np.arange(len(part))) * step + first


def _euler(rotation: Floats) -> list[float]:
    """Yaw, pitch and roll in degrees of a rotation (3, 3), applied in the order x, y, z (6DRepNet's convention)."""
    flat = float(np.hypot(rotation[0, 0], rotation[1, 0]))
    yaw = np.arctan2(-rotation[2, 0], flat)
    if flat > 1e-6:
        pitch, roll = np.arctan2(rotation[2, 1], rotation[2, 2]), np.arctan2(rotation[1, 0], rotation[0, 0])
    else:
        pitch, roll = np.arctan2(-rotation[1, 2], rotation[1, 1]), 0.0
    return [float(np.degrees(angle)) for angle in (yaw, pitch, roll)]
