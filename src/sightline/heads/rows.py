"""Suppression inside the graph, one row an object."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from sightline.protocols import Outputs
from sightline.types import ModelSpec, Prediction, Thresholds, View


@dataclass(frozen=True, slots=True)
class NmsRows:
    """[M, columns] (or [1, M, columns]), M varies and may be 0; a "batch" column says which view a row is of.

    columns: names in order out of batch, class, score, x1, y1, x2, y2, cx, cy, w, h, and _ for one to pass over;
    "": "batch,class,score,x1,y1,x2,y2" for 7 columns, "x1,y1,x2,y2,score,class" for 6.
    normalized: boxes are fractions of the input. label_offset: added to the class.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.25, nms=1.0)
    graph_nms: ClassVar[bool] = True

    columns: str = ""
    normalized: bool = False
    label_offset: int = 0

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        raise NotImplementedError
