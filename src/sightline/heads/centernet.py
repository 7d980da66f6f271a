"""Objects as points of a heat map: CenterNet and CenterFace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sightline.boxes import cxcywh_to_xyxy
from sightline.heads.candidates import Candidates, points_with_score, predict
from sightline.heads.grids import cell_points
from sightline.heads.heat import named_grids, peaks
from sightline.heads.tensors import Level, pick, unreadable
from sightline.protocols import Outputs
from sightline.types import F32, I64, ModelSpec, Prediction, Thresholds, View


@dataclass(frozen=True, slots=True)
class CenterNet:
    """heat map [N, C, H, W], size [N, 2, H, W] (w, h) and offset [N, 2, H, W] (x, y; may be absent); NHWC too.

    heat, size, offset: output names; "": by name (hm, wh, reg ...) and shape.
    size_px: sizes are in model pixels; else in cells.
    pool: only peaks of a 3x3 window. activated: the heat map is a probability; None: it is, unless a value lies
    outside 0..1.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.3, nms=1.0)
    graph_nms: ClassVar[bool] = False

    heat: str = ""
    size: str = ""
    offset: str = ""
    size_px: bool = False
    pool: bool = True
    activated: bool | None = None

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            grids = named_grids(outputs, i, size_wh)
            flat = {name: g.data for name, g in grids.items()}
            pairs = {name: a for name, a in flat.items() if len(a) == 2}
            size = pick(pairs, self.size, ("wh", "size", "width_height"), lambda a: True)
            offset = pick(pairs, self.offset, ("reg", "offset", "off"), lambda a: a is not size)
            heat = pick(
                flat, self.heat, ("hm", "heatmap", "heat", "center"), lambda a: a is not size and a is not offset
            )
            if size is None or heat is None:
                raise unreadable(
                    "centernet", outputs, "a heat map [N, C, H, W], size and offset [N, 2, H, W] on one grid"
                )
            grid = next(g for name, g in grids.items() if flat[name] is heat)
            at, label, score = peaks(grid, spec.thresholds.least, self.activated, self.pool)
            shift = np.float32(0.5) if offset is None else offset[:, at].astype(np.float32).T
            centre = (cell_points(grid.wh)[at] + shift) * np.float32(grid.stride)
            wh = size[:, at].astype(np.float32).T * np.float32(1 if self.size_px else grid.stride)
            return Candidates(cxcywh_to_xyxy(np.concatenate([centre, wh], 1)), score, label)

        return predict(find, spec, views)


@dataclass(frozen=True, slots=True)
class CenterFace:
    """heat map [N, 1, H, W], scale [N, 2, H, W] (log h, log w in cells), offset [N, 2, H, W] (y, x), landmarks
    [N, 10, H, W] (five y, x in units of the box from its corner; may be absent). The four in this order, or by the
    options' names.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.5, nms=0.3)
    graph_nms: ClassVar[bool] = False

    heat: str = ""
    size: str = ""
    offset: str = ""
    landmarks: str = ""
    activated: bool | None = None

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            grids = named_grids(outputs, i, size_wh)
            heat, size, offset, points = self._parts(grids, outputs)
            at, _, score = peaks(heat, spec.thresholds.least, self.activated, pool=False)
            stride = np.float32(heat.stride)
            centre = (cell_points(heat.wh, 0.5)[at] + _swap(offset, at)) * stride
            wh = np.exp(_swap(size, at)) * stride
            box = cxcywh_to_xyxy(np.concatenate([centre, wh], 1))
            label = np.zeros(len(at), np.int32)
            if points is None:
                return Candidates(box, score, label)
            raw = points.data[:, at].astype(np.float32).T.reshape(len(at), 5, 2)[..., ::-1]
            return Candidates(box, score, label, points_with_score(box[:, None, :2] + raw * wh[:, None]))

        return predict(find, spec, views)

    def _parts(self, grids: dict[str, Level], outputs: Outputs) -> tuple[Level, Level, Level, Level | None]:
        """Heat map, scale, offset, landmarks: by the options' names, else by channels and order."""
        left = dict(grids)
        found: list[Level | None] = []
        for given, channels in ((self.heat, 1), (self.size, 2), (self.offset, 2), (self.landmarks, 10)):
            name = given or next((n for n, g in left.items() if g.channels == channels), "")
            found.append(left.pop(name, None))
        heat, size, offset, points = found
        if heat is None or size is None or offset is None:
            takes = "heat map [N, 1, H, W], scale [N, 2, H, W], offset [N, 2, H, W], landmarks [N, 10, H, W]"
            raise unreadable("centerface", outputs, takes)
        return heat, size, offset, points


def _swap(level: Level, at: I64) -> F32:
    """y, x channels -> x, y columns (m, 2) of the cells `at`."""
    return level.data[::-1, at].astype(np.float32).T
