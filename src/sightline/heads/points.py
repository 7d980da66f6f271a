"""A vector of regressed points: facial landmarks, hands, BlazePose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from sightline.errors import ModelError
from sightline.heads.candidates import points_with_score
from sightline.heads.tensors import Floats, activate, of_view, unreadable
from sightline.heads.whole_view import Found, predict_one
from sightline.protocols import Outputs
from sightline.types import F32, Attribute, ModelSpec, Prediction, Thresholds, View

__all__ = ["Points"]

# unit: (factor, shift), both times the side of the input: "signed" is -1..1, "half" -0.5..0.5
_UNITS = {"pixels": (0.0, 0.0), "fractions": (1.0, 0.0), "signed": (0.5, 0.5), "half": (1.0, 0.5)}


@dataclass(frozen=True, slots=True)
class Points:
    """K*dims numbers of any shape behind the batch axis: x, y (and more) of K points.

    points: names of the outputs, one after another; () the largest that fits. dims: numbers a point. planar: all x
    first, then all y.
    unit: "pixels" of the model's input, "fractions" of it, "signed" (-1..1 over it) or "half" (-0.5..0.5).
    keep: points that are handed on, the first ones; negative: the last ones; 0: all.
    visible: which of a point's numbers is its score (-1: none, 1.0). scores: name of an output [N, K] with the scores.
    flag: name of an output with the score of the whole (column `flag_column` of it), "": 1.
    world: name of an output [N, 3J] of points in space, handed on as column "world" (1, J, 3) in the model's own unit.
    handed: name of an output whose one probability tells right hands from left ones: attribute "hand".
    activated: the flag is a probability; False: a logit; None: a logit where it lies outside 0..1.
    visible_activated: the same of the points' scores.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.5, nms=1.0)
    graph_nms: ClassVar[bool] = False

    points: tuple[str, ...] = ()
    dims: int = 2
    unit: Literal["pixels", "fractions", "signed", "half"] = "pixels"
    planar: bool = False
    keep: int = 0
    visible: int = -1
    scores: str = ""
    flag: str = ""
    flag_column: int = 0
    world: str = ""
    handed: str = ""
    activated: bool | None = None
    visible_activated: bool | None = None

    def __post_init__(self) -> None:
        if self.dims < 2 or self.visible >= self.dims:
            raise ValueError(f"dims {self.dims}: a point has two numbers or more, `visible` is one of them")

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        def find(i: int, size_wh: tuple[int, int]) -> Found:
            raw = self._vector(outputs, i)
            raw = raw.reshape(self.dims, -1).T if self.planar else raw.reshape(-1, self.dims)
            rows = slice(self.keep, None) if self.keep < 0 else slice(self.keep or None)
            raw = raw[rows]
            found = points_with_score(self._in_pixels(raw[None, :, :2], size_wh))[0]
            if self.visible >= 0:
                found[:, 2] = activate(raw[:, self.visible], self.visible_activated)
            if self.scores:
                said = of_view(_named(outputs, self.scores), i).astype(np.float32).ravel()[rows]
                if len(said) != len(found):
                    raise unreadable("points", outputs, f"as many scores in {self.scores!r} as points")
                found[:, 2] = activate(said, self.visible_activated)
            return Found(found, self._flag(outputs, i), self._columns(outputs, i))

        return predict_one(find, spec, views)

    def _vector(self, outputs: Outputs, i: int) -> F32:
        """All numbers of view `i`, in order."""
        parts = [_named(outputs, name) for name in self.points]
        if not parts:
            others = {self.flag, self.scores, self.world, self.handed}
            free = [a for name, a in outputs.items() if name not in others and a.ndim >= 2 and a.size]
            fitting = [a for a in free if (a.size // len(a)) % self.dims == 0]
            parts = [max(fitting, key=lambda a: a.size)] if fitting else []
        numbers = [of_view(a, i).astype(np.float32).ravel() for a in parts]
        whole = np.concatenate(numbers) if numbers else np.zeros(0, np.float32)
        if not whole.size or whole.size % self.dims:
            raise unreadable("points", outputs, f"an output of {self.dims} numbers a point")
        return whole

    def _in_pixels(self, xy: F32, size_wh: tuple[int, int]) -> F32:
        gain, shift = _UNITS[self.unit]
        if not gain:
            return xy
        side = np.array(size_wh, np.float32)
        return (xy * (side * gain) + side * shift).astype(np.float32)

    def _flag(self, outputs: Outputs, i: int) -> float:
        if not self.flag:
            return 1.0
        said = of_view(_named(outputs, self.flag), i).astype(np.float32).ravel()
        if self.flag_column >= len(said):
            raise unreadable("points", outputs, f"column {self.flag_column} of {self.flag!r}")
        return float(activate(said[self.flag_column : self.flag_column + 1], self.activated)[0])

    def _columns(self, outputs: Outputs, i: int) -> dict[str, NDArray[Any]]:
        columns: dict[str, NDArray[Any]] = {}
        if self.world:
            columns["world"] = of_view(_named(outputs, self.world), i).astype(np.float32).reshape(1, -1, 3)
        if self.handed:
            right = float(of_view(_named(outputs, self.handed), i).astype(np.float32).ravel()[0])
            side = Attribute("hand", "right", right, 1) if right > 0.5 else Attribute("hand", "left", 1 - right, 0)
            row = np.empty(1, object)
            row[0] = (side,)
            columns["attributes"] = row
        return columns


def _named(outputs: Outputs, name: str) -> Floats:
    if name not in outputs:
        raise ModelError(f"the model has no output {name!r}; it has {', '.join(outputs)}")
    return outputs[name]
