"""Suppression inside the graph, one row an object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sightline.boxes import cxcywh_to_xyxy
from sightline.errors import ModelError, RuntimeFailure
from sightline.heads.candidates import Candidates, class_ids, predict
from sightline.heads.tensors import unreadable
from sightline.protocols import Outputs
from sightline.types import F32, ModelSpec, Prediction, Thresholds, View

_USUAL = {7: "batch,class,score,x1,y1,x2,y2", 6: "x1,y1,x2,y2,score,class"}


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
        found = [a for a in outputs.values() if a.ndim == 2 or (a.ndim == 3 and len(a) == 1)]
        if len(found) != 1:
            raise unreadable("nms-rows", outputs, "one output [M, 7] or [M, 6]")
        rows = found[0].reshape(-1, found[0].shape[-1])
        names = [name.strip() for name in (self.columns or _USUAL.get(rows.shape[1], "")).split(",")]
        if len(names) != rows.shape[1] or not {"score"} < set(names):
            raise unreadable("nms-rows", outputs, f"rows of {len(names)} columns (option columns: {','.join(names)})")
        at = {name: rows[:, k] for k, name in enumerate(names)}
        if "batch" not in at and len(views) > 1:
            raise RuntimeFailure("the model does not say which picture a row is of; run it with batch 1")
        batch = class_ids(at["batch"]) if "batch" in at else np.zeros(len(rows), np.int32)

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            mine = {name: column[batch == i] for name, column in at.items()}
            box = _boxes(mine) * (np.array(size_wh * 2, np.float32) if self.normalized else np.float32(1))
            label = mine.get("class", np.zeros(len(box), np.int32))
            return Candidates(box, mine["score"], class_ids(label, self.label_offset))

        return predict(find, spec, views)


def _boxes(at: Mapping[str, NDArray[Any]]) -> F32:
    """The box columns, whichever there are -> xyxy (m, 4)."""
    for first in (("x1", "y1", "x2", "y2"), ("cx", "cy", "w", "h"), ("x1", "y1", "w", "h")):
        if all(name in at for name in first):
            box = np.stack([at[name] for name in first], 1).astype(np.float32)
            if first[0] == "cx":
                return cxcywh_to_xyxy(box)
            if first[2] == "w":
                box[:, 2:] += box[:, :2]
            return box
    raise ModelError(f"head nms-rows: option columns needs x1,y1,x2,y2 or cx,cy,w,h or x1,y1,w,h, not {','.join(at)}")
