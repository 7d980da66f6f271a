"""Darknet's own detection layers: [yolo] and [Gaussian_yolo] (v3, v4), [region] (v2), [detection] (v1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from sightline.boxes import cxcywh_to_xyxy
from sightline.errors import ModelError
from sightline.heads.candidates import Candidates, best_of_product, join, predict
from sightline.heads.grids import cell_points
from sightline.heads.tensors import logit, of_view, sigmoid, softmax, unreadable
from sightline.protocols import Outputs
from sightline.types import F32, I32, I64, ModelSpec, Prediction, Thresholds, View

_Value = TypeVar("_Value")

__all__ = ["DarknetDetection", "DarknetRegion", "DarknetYolo"]


@dataclass(frozen=True, slots=True)
class DarknetYolo:
    """Raw grids [N, na*(5+C), H, W], one output a [yolo] layer: x, y, w, h, objectness, classes, all logits;
    a [Gaussian_yolo] layer has [N, na*(9+C), H, W], each of x, y, w, h followed by its uncertainty.

    grids: their names in the order of the other options; (): finest grid first. anchors: w, h pairs in
    model pixels a grid. scale_xy (one for all will do): x = (sig * s - (s-1)/2 + col) cells, w = exp * anchor.
    new_coords: the network has taken the sigmoids itself, and w = (2 t)^2 * anchor. gaussian: the grid holds
    uncertainties; score * (1 - their mean). points: what x, y is of the box: center, left-top or right-bottom.
    Source: github.com/AlexeyAB/darknet, src/yolo_layer.c, gaussian_yolo_layer.c; arXiv 1804.02767, 2004.10934.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.25, nms=0.45)
    graph_nms: ClassVar[bool] = False

    anchors: tuple[tuple[float, ...], ...] = (
        (10, 13, 16, 30, 33, 23),
        (30, 61, 62, 45, 59, 119),
        (116, 90, 156, 198, 373, 326),
    )
    grids: tuple[str, ...] = ()
    scale_xy: tuple[float, ...] = (1.0,)
    new_coords: tuple[bool, ...] = (False,)
    gaussian: tuple[bool, ...] = (False,)
    points: tuple[str, ...] = ("center",)

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        grids = self._grids(outputs)

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            return join([self._grid(of_view(a, i), k, size_wh, spec) for k, a in enumerate(grids)])

        return predict(find, spec, views)

    def _grids(self, outputs: Outputs) -> list[NDArray[Any]]:
        """The outputs in the order of `anchors`, channels first."""
        if self.grids:
            missing = next((name for name in self.grids if name not in outputs), None)
            if missing is not None:
                raise ModelError(f"head darknet-yolo: no output {missing!r}; the model has {', '.join(outputs)}")
            found = [outputs[name] for name in self.grids]
        else:
            found = sorted((a for a in outputs.values() if a.ndim == 4), key=lambda a: -a.shape[2] * a.shape[3])
        if len(found) != len(self.anchors) or any(a.ndim != 4 for a in found):
            raise unreadable("darknet-yolo", outputs, f"{len(self.anchors)} grids [N, na*(5+C), H, W], one an anchors")
        return [_channels_first(a, len(pairs) // 2) for a, pairs in zip(found, self.anchors, strict=True)]

    def _grid(self, a: NDArray[Any], k: int, size_wh: tuple[int, int], spec: ModelSpec) -> Candidates:
        """The candidates of grid `k` (na*(5+C), H, W)."""
        pairs = np.array(self.anchors[k], np.float32).reshape(-1, 2)
        height, width = a.shape[1:]
        gaussian, ready = _of(self.gaussian, k), _of(self.new_coords, k)
        step = 2 if gaussian else 1
        if len(a) % len(pairs) or len(a) // len(pairs) <= 4 * step:
            raise ModelError(f"head darknet-yolo: {len(a)} channels do not hold {len(pairs)} anchors (option anchors)")
        scale = np.float32(_of(self.scale_xy, k))
        unit = np.array([size_wh[0] / width, size_wh[1] / height], np.float32)
        parts: list[Candidates] = []
        for one, anchor in zip(a.reshape(len(pairs), -1, height * width), pairs, strict=True):
            rows, score, label = best_of_product(one[4 * step :], spec.thresholds.least, ready)
            t = one[: 4 * step : step, rows].astype(np.float32).T
            xy = t[:, :2] if ready else sigmoid(t[:, :2])
            centre = (xy * scale - (scale - 1) / 2 + cell_points((width, height))[rows]) * unit
            wh = (np.square(2 * t[:, 2:]) if ready else np.exp(t[:, 2:])) * anchor
            if gaussian:
                doubt = one[1:8:2, rows].astype(np.float32)
                score = score * (1 - (doubt if ready else sigmoid(doubt)).mean(0))
            centre += wh * np.float32(_SHIFTS[_of(self.points, k)])
            parts.append(Candidates(cxcywh_to_xyxy(np.concatenate([centre, wh], 1)), score, label))
        return join(parts)


# From what x, y is of the box to its centre, in its widths and heights.
_SHIFTS = {"center": 0.0, "left-top": 0.5, "right-bottom": -0.5}


def _of(values: tuple[_Value, ...], k: int) -> _Value:
    """The value of grid `k`; the last one where there are fewer."""
    return values[min(k, len(values) - 1)]


def _channels_first(a: NDArray[Any], anchors: int) -> NDArray[Any]:
    """[N, D, H, W] of [N, D, H, W] or [N, H, W, D], where D is a multiple of `anchors` above five times it."""
    first, last = (a.shape[axis] % anchors == 0 and a.shape[axis] > 5 * anchors - 1 for axis in (1, 3))
    return np.moveaxis(a, 3, 1) if last and not first else a


@dataclass(frozen=True, slots=True)
class DarknetRegion:
    """A raw grid [N, na*(coords+1+C), H, W] of a [region] layer: x, y, w, h, objectness and classes as logits.

    x = (sig + col) cells, w = exp * anchor; anchors: w, h pairs in cells, or with `pixels` in model pixels.
    coords: numbers before the objectness, 4 or more. scores: the classes by "softmax", "logistic" (each for itself) or
    "tree": softmax over the children of one parent, times the parent's; the last class above one half counts.
    parents: the tree, the row of each class's parent, -1 for none. output: its name; "": the only one of rank 4.
    Source: github.com/AlexeyAB/darknet, src/region_layer.c, tree.c; arXiv 1612.08242.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.25, nms=0.45)
    graph_nms: ClassVar[bool] = False

    anchors: tuple[float, ...] = (0.57273, 0.677385, 1.87446, 2.06253, 3.33843, 5.47434, 7.88282, 3.52778, 9.77052,
                                  9.16828)  # fmt: skip
    pixels: bool = False
    coords: int = 4
    scores: str = "softmax"
    parents: tuple[int, ...] = ()
    output: str = ""

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        found = [a for name, a in outputs.items() if a.ndim == 4 and self.output in ("", name)]
        if len(found) != 1:
            raise unreadable("darknet-region", outputs, "one grid [N, na*(5+C), H, W]")
        grids = _channels_first(found[0], len(self.anchors) // 2)

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            return self._grid(of_view(grids, i), size_wh, spec)

        return predict(find, spec, views)

    def _grid(self, a: NDArray[Any], size_wh: tuple[int, int], spec: ModelSpec) -> Candidates:
        pairs = np.array(self.anchors, np.float32).reshape(-1, 2)
        height, width = a.shape[1:]
        unit = np.array([size_wh[0] / width, size_wh[1] / height], np.float32)
        depth, odd = divmod(len(a), len(pairs))
        if odd or depth <= self.coords + 1 or (self.parents and depth - self.coords - 1 != len(self.parents)):
            raise ModelError(f"head darknet-region: {len(a)} channels do not fit its anchors, coords and parents")
        parts: list[Candidates] = []
        for one, anchor in zip(a.reshape(len(pairs), depth, height * width), pairs, strict=True):
            objectness = one[self.coords]
            rows = np.flatnonzero(objectness >= np.float32(logit(spec.thresholds.least) - 1e-4))
            score, label = self._classes(one[self.coords + 1 :, rows].astype(np.float32).T)
            t = one[:4, rows].astype(np.float32).T
            centre = (sigmoid(t[:, :2]) + cell_points((width, height))[rows]) * unit
            wh = np.exp(t[:, 2:]) * anchor * (np.float32(1) if self.pixels else unit)
            box = cxcywh_to_xyxy(np.concatenate([centre, wh], 1))
            parts.append(Candidates(box, score * sigmoid(objectness[rows]), label))
        return join(parts)

    def _classes(self, a: F32) -> tuple[F32, I32]:
        """The best class of logits (m, C): probability (m,) and id (m,)."""
        if self.scores == "tree":
            return _tree_classes(a, np.array(self.parents, np.int64))
        shares = softmax(a) if self.scores == "softmax" else sigmoid(a)
        label = shares.argmax(1)
        return shares[np.arange(len(a)), label], label.astype(np.int32)


def _tree_classes(a: F32, parents: I64) -> tuple[F32, I32]:
    """The last class whose probability, with all its parents', is above one half; 0 where none is."""
    starts = np.flatnonzero(np.diff(parents, prepend=-2))
    runs = np.diff(starts, append=len(parents))
    e = np.exp(a - np.repeat(np.maximum.reduceat(a, starts, 1), runs, 1))
    shares = e / np.repeat(np.add.reduceat(e, starts, 1), runs, 1)
    # children come after their parents, in whole runs
    for start, run in zip(starts.tolist(), runs.tolist(), strict=True):
        if parents[start] >= 0:
            shares[:, start : start + run] *= shares[:, parents[start], None]
    sure = shares > np.float32(0.5)
    label = len(parents) - 1 - sure[:, ::-1].argmax(1)
    rows = np.arange(len(a))
    return np.where(sure.any(1), shares[rows, label], np.float32(0)), label.astype(np.int32)


@dataclass(frozen=True, slots=True)
class DarknetDetection:
    """The numbers [N, side*side*(C + 5*boxes)] of a [detection] layer: class shares of every cell, then the confidence
    of every box, then x, y (within the cell), w, h (of the input), row by row.

    squared: w and h are square roots. softmax: the class shares are logits.
    Source: github.com/pjreddie/darknet, src/detection_layer.c; arXiv 1506.02640.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.2, nms=0.4)
    graph_nms: ClassVar[bool] = False

    side: int = 7
    boxes: int = 2
    squared: bool = True
    softmax: bool = False

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        places = self.side * self.side
        found = [a for a in outputs.values() if a.ndim in (2, 4)]
        each, odd = divmod(found[0][0].size if len(found) == 1 and len(found[0]) else 0, places)
        if odd or each <= 5 * self.boxes:
            raise unreadable("darknet-detection", outputs, f"[N, {places}*(C+5*{self.boxes})]")

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            return self._cells(of_view(found[0], i).astype(np.float32).reshape(-1), each, size_wh)

        return predict(find, spec, views)

    def _cells(self, a: F32, each: int, size_wh: tuple[int, int]) -> Candidates:
        places = self.side * self.side
        classes = each - 5 * self.boxes
        shares = a[: places * classes].reshape(places, classes)
        shares = softmax(shares) if self.softmax else shares
        confidence = a[places * classes : places * (classes + self.boxes)].reshape(places, self.boxes)
        t = a[places * (classes + self.boxes) :].reshape(places, self.boxes, 4)
        size = np.array(size_wh, np.float32)
        centre = (t[..., :2] + cell_points((self.side, self.side))[:, None]) * (size / np.float32(self.side))
        wh = (np.square(t[..., 2:]) if self.squared else t[..., 2:]) * size
        box = cxcywh_to_xyxy(np.concatenate([centre, wh], 2).reshape(-1, 4))
        score = shares.max(1)[:, None] * confidence
        label = np.repeat(shares.argmax(1), self.boxes).astype(np.int32)
        return Candidates(box, score.reshape(-1), label)
