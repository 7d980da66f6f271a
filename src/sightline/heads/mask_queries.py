"""A class and a mask a query: MaskFormer, Mask2Former, OneFormer, DETR with masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sightline.boxes import cxcywh_to_xyxy
from sightline.errors import ModelError
from sightline.heads.bitmaps import around, crop_maps
from sightline.heads.candidates import Candidates, class_ids, predict
from sightline.heads.semantic import Semantic
from sightline.heads.tensors import is_probability, of_view, pick, sigmoid, softmax, unreadable
from sightline.protocols import Outputs
from sightline.types import F32, I64, ModelSpec, Prediction, Thresholds, View

_TAKES = "class scores [N, Q, C+1] (or scores [N, Q] and classes [N, Q]) and masks [N, Q, h, w]"
_MODES = ("instance", "panoptic", "semantic")
_LOGITS = ("class_queries_logits", "pred_logits", "class_logits", "logits")
_MASKS = ("masks_queries_logits", "pred_masks", "mask_logits", "masks")


@dataclass(frozen=True, slots=True)
class MaskQueries:
    """Class logits [N, Q, C+1] (the last is no object) and mask logits [N, Q, h, w] over the view, perhaps boxes
    [N, Q, 4] (cx, cy, w, h as fractions); or what the graph has chosen: scores [N, Q], classes [N, Q] and masks
    [N, Q, h, w] of 0 and 1 or logits.

    mode: "instance": every class of a query that passes is an object, its score times the mean of its mask's inside
    (arXiv 2112.01527); where boxes are given, only the best class, with its own score. "panoptic": a pixel belongs to
    one query at most, and a query of which others take more than a fifth goes. "semantic": a class map, queries
    weighted by their classes.
    logits, masks, boxes, scores, classes: output names, "" by name and shape. activation: of class logits, "softmax"
    or "sigmoid" (then no class stands for no object). label_offset: added to the class.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.5, nms=1.0, top=100)
    graph_nms: ClassVar[bool] = True

    mode: str = "instance"
    logits: str = ""
    masks: str = ""
    boxes: str = ""
    scores: str = ""
    classes: str = ""
    activation: str = "softmax"
    label_offset: int = 0

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        if self.mode not in _MODES:
            raise ModelError(f"head mask-queries: the option mode is one of {', '.join(_MODES)}, not {self.mode!r}")
        masks = pick(outputs, self.masks, _MASKS, lambda a: a.ndim == 4)
        if masks is None:
            raise unreadable("mask-queries", outputs, _TAKES)
        shape = masks.shape[:2]
        rest = {name: a for name, a in outputs.items() if a is not masks and a.shape[:2] == shape}
        scores = pick(rest, self.scores, ("pred_scores", "scores"), lambda a: a.ndim == 2 and a.dtype.kind == "f")
        if scores is not None and scores.ndim == 2:
            classes = pick(rest, self.classes, ("pred_classes", "classes", "labels"), lambda a: a is not scores)
            if classes is None:
                raise unreadable("mask-queries", outputs, _TAKES)
            return self._chosen(masks, scores, classes, spec, views)
        boxes = pick(rest, self.boxes, ("pred_boxes", "boxes"), lambda a: a.ndim == 3 and a.shape[2] == 4)
        logits = pick(rest, self.logits, _LOGITS, lambda a: a.ndim == 3 and a is not boxes)
        if logits is None or logits.ndim != 3:
            raise unreadable("mask-queries", outputs, _TAKES)
        with np.errstate(over="ignore", invalid="ignore"):
            return [
                self._of_view(
                    self._shares(of_view(logits, i)),
                    of_view(masks, i),
                    None if boxes is None or boxes is logits else of_view(boxes, i),
                    spec,
                    view,
                )
                for i, view in enumerate(views)
            ]

    def _shares(self, logits: NDArray[Any]) -> F32:
        """Class logits (Q, C+1) -> probabilities (Q, C)."""
        return sigmoid(logits) if self.activation == "sigmoid" else softmax(logits)[:, :-1]

    def _of_view(
        self, shares: F32, masks: NDArray[Any], boxes: NDArray[Any] | None, spec: ModelSpec, view: View
    ) -> Prediction:
        least = spec.thresholds.least
        if self.mode == "semantic":
            scores = np.einsum("qc,qhw->chw", np.nan_to_num(shares), np.nan_to_num(sigmoid(masks)))
            return Semantic(channels_last=False, activated=True)({"map": scores[None]}, spec, [view])[0]
        if self.mode == "panoptic":
            query, label, score, maps = _exclusive(shares, masks, least)
        else:
            passing = shares >= np.float32(least)
            if boxes is not None:
                # a query with a box is one object, of its best class
                passing &= np.arange(shares.shape[1]) == shares.argmax(1)[:, None]
            query, label = np.nonzero(passing)
            score = shares[query, label]
            maps = {int(q): masks[q] for q in np.unique(query)}
            if boxes is None:
                quality = {q: _quality(m) for q, m in maps.items()}
                score = score * np.array([quality[int(q)] for q in query], np.float32)
        given = None
        if boxes is not None:
            given = cxcywh_to_xyxy(boxes[query].astype(np.float32) * np.array(view.size_wh * 2, np.float32))
        parts = [maps[int(q)] for q in query]
        return self._objects(parts, score, label, given, spec, view, logits=True)

    def _chosen(
        self,
        masks: NDArray[Any],
        scores: NDArray[Any],
        classes: NDArray[Any],
        spec: ModelSpec,
        views: Sequence[View],
    ) -> list[Prediction]:
        made: list[Prediction] = []
        for i, view in enumerate(views):
            score = of_view(scores, i)
            rows = np.flatnonzero(score >= np.float32(spec.thresholds.least))
            parts = [of_view(masks, i)[r] for r in rows]
            label = class_ids(of_view(classes, i)[rows])
            logits = not all(is_probability(p) for p in parts)
            made.append(self._objects(parts, score[rows], label, None, spec, view, logits))
        return made

    def _objects(
        self,
        maps: list[NDArray[Any]],
        score: NDArray[Any],
        label: NDArray[Any],
        given: F32 | None,
        spec: ModelSpec,
        view: View,
        logits: bool,
    ) -> Prediction:
        """Maps (h, w) over the view with their scores and classes -> objects, boxes around the maps where not given."""
        boxes = np.zeros((len(maps), 4), np.float32) if given is None else given
        if given is None:
            for k, one in enumerate(maps):
                # an empty mask keeps its empty box, which goes
                boxes[k] = around(one > 0 if logits else one >= 0.5, view.size_wh) or (0, 0, 0, 0)
        columns = {"row": np.arange(len(maps))}
        found = Candidates(boxes, np.asarray(score), label + self.label_offset, columns=columns)
        prediction = predict(lambda i, wh: found, spec, [view])[0]
        kept = prediction.detections
        masks = crop_maps([maps[int(r)] for r in kept.columns["row"]], kept.xyxy, view.size_wh, logits)
        return replace(prediction, detections=replace(kept, masks=masks, columns={}))


def _quality(mask: NDArray[Any]) -> float:
    """The mean probability of the inside of mask logits (h, w); 0 where there is none."""
    inside = mask[mask > 0]
    return float(sigmoid(inside).mean()) if len(inside) else 0.0


_LEFT = 0.8  # of its own mask, what a query must keep beside the others (arXiv 2107.06278)


def _exclusive(shares: F32, masks: NDArray[Any], least: float) -> tuple[I64, I64, F32, dict[int, NDArray[Any]]]:
    """Queries that pass, their classes, scores, and mask logits that are below 0 where another query is stronger."""
    label, score = shares.argmax(1), shares.max(1)
    query = np.flatnonzero(score >= np.float32(least))
    if not len(query):
        return query, label[query], score[query], {}
    logits = masks[query].astype(np.float32)
    owner = (sigmoid(logits) * score[query, None, None]).argmax(0)
    kept: list[int] = []
    maps: dict[int, NDArray[Any]] = {}
    for k, q in enumerate(query.tolist()):
        own, mine = logits[k] > 0, owner == k
        if (own & mine).sum() > _LEFT * own.sum():
            kept.append(k)
            maps[q] = np.where(mine, logits[k], np.minimum(logits[k], -4))
    query = query[kept]
    return query, label[query], score[query], maps
