"""YOLACT and YolactEdge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sightline.heads.boxes_scores import best_foreground
from sightline.heads.candidates import Candidates, predict
from sightline.heads.grids import decode_offsets, matching
from sightline.heads.prototypes import COEFFICIENTS, find_prototypes, with_masks
from sightline.heads.tensors import of_view, pick, unreadable
from sightline.protocols import Outputs
from sightline.types import F32, ModelSpec, Prediction, Thresholds, View

_TAKES = "boxes [N, A, 4], class scores [N, A, C+1], mask coefficients [N, A, P] and prototypes [N, h, w, P]"


@dataclass(frozen=True, slots=True)
class Yolact:
    """Offsets from priors [N, A, 4] (variances 0.1 and 0.2), class scores [N, A, C+1] with the background first, mask
    coefficients [N, A, P], prototypes [N, h, w, P] or [N, P, h, w], and perhaps the priors [A, 4] (cx, cy, w, h as
    fractions) (arXiv 1904.02689).

    boxes, scores, coefficients, prototypes, priors: output names, "" by name and shape. Without priors they are made:
    strides: of the grids, coarser ones of an input that they do not divide are rounded up; scales: side in pixels of
    an input of `base` pixels; ratios: of the sides; square: the wider side is both, as in the published networks.
    activation: of the scores, "softmax" or "none"; "": seen from the values. background: the class that is none.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.3, nms=0.5, top=200)
    graph_nms: ClassVar[bool] = False

    boxes: str = ""
    scores: str = ""
    coefficients: str = ""
    prototypes: str = ""
    priors: str = ""
    strides: tuple[float, ...] = (8, 16, 32, 64, 128)
    scales: tuple[float, ...] = (24, 48, 96, 192, 384)
    ratios: tuple[float, ...] = (1, 0.5, 2)
    base: float = 550
    square: bool = True
    activation: str = ""
    background: int = 0

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        protos = find_prototypes(outputs, self.prototypes, None)
        rows = {name: a for name, a in outputs.items() if a.ndim == 3}
        boxes = pick(rows, self.boxes, ("loc", "boxes", "bbox", "box"), lambda a: a.shape[2] == 4)
        if protos is None or boxes is None:
            raise unreadable("yolact", outputs, _TAKES)
        count = min(protos.shape[1], protos.shape[3])
        rest = {name: a for name, a in rows.items() if a is not boxes and a.shape[1] == boxes.shape[1]}
        masks = pick(rest, self.coefficients, ("mask", "masks", "coef"), lambda a: a.shape[2] == count)
        scores = pick(rest, self.scores, ("conf", "scores", "class", "cls"), lambda a: a is not masks)
        if masks is None or scores is None or masks is scores or masks.shape[2] != count:
            raise unreadable("yolact", outputs, _TAKES)
        given = pick(outputs, self.priors, ("priors", "anchors"), lambda a: a.ndim == 2 and a.shape[1] == 4)

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            rows, best, label = best_foreground(of_view(scores, i), spec, self.activation, self.background)
            places = self._places(size_wh) if given is None else given * np.array(size_wh * 2, np.float32)
            places = matching("yolact", places.astype(np.float32, copy=False), boxes.shape[1])
            box = decode_offsets(of_view(boxes, i)[rows], places[rows], (0.1, 0.2))
            return Candidates(box, best, label, columns={COEFFICIENTS: of_view(masks, i)[rows]})

        return with_masks(predict(find, spec, views), protos, views)

    def _places(self, size_wh: tuple[int, int]) -> F32:
        return _priors(size_wh, self.strides, self.scales, self.ratios, self.base, self.square)


@lru_cache(maxsize=8)
def _priors(
    size_wh: tuple[int, int],
    strides: tuple[float, ...],
    scales: tuple[float, ...],
    ratios: tuple[float, ...],
    base: float,
    square: bool,
) -> NDArray[Any]:
    """(A, 4) cx, cy, w, h in model pixels: at each cell of each grid one box a ratio, row by row."""
    parts: list[F32] = []
    for stride, scale in zip(strides, scales, strict=True):
        w, h = (int(np.ceil(side / stride)) for side in size_wh)
        y, x = np.mgrid[:h, :w].reshape(2, -1)
        sides = scale * np.sqrt(np.array(ratios)) / base
        part = np.empty((w * h, len(ratios), 4), np.float32)
        part[..., 0], part[..., 1] = ((x + 0.5) / w * size_wh[0])[:, None], ((y + 0.5) / h * size_wh[1])[:, None]
        low = sides if square else scale / np.sqrt(np.array(ratios)) / base
        part[..., 2], part[..., 3] = sides * size_wh[0], low * size_wh[1]
        parts.append(part.reshape(-1, 4))
    places = np.concatenate(parts)
    places.setflags(write=False)
    return places
