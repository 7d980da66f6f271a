"""NanoDet, NanoDet-Plus, PP-PicoDet: distance distributions (generalised focal loss)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sightline.protocols import Outputs
from sightline.types import ModelSpec, Prediction, Thresholds, View


@dataclass(frozen=True, slots=True)
class NanoDet:
    """Classes [N, n, C] and distances [N, n, 4*(R+1)] a stride, or all in one [N, A, C+4*(R+1)] (NanoDet-Plus);
    also [N, C, H, W] and [N, 4*(R+1), H, W].

    centre: where a cell's point lies: "corner" col*stride (NanoDet-Plus), "inner" col*stride + (stride-1)/2
    (NanoDet), "middle" (col+0.5)*stride (PicoDet); "": corner for one output, inner for three strides, else middle.
    bins: R+1; activated: classes are probabilities; None: they are, unless a value lies outside 0..1.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.35, nms=0.6)
    graph_nms: ClassVar[bool] = False

    strides: tuple[int, ...] = ()
    bins: int = 8
    centre: str = ""
    activated: bool | None = None

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        raise NotImplementedError
