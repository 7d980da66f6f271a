"""Mask R-CNN in its several exports: boxes chosen in the graph, and a small or a pasted mask for each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sightline.errors import ModelError
from sightline.heads.bitmaps import crop_maps, soft_logits, soft_shares
from sightline.heads.candidates import Candidates, class_ids, predict
from sightline.heads.ready import read
from sightline.heads.tensors import is_probability, of_view, pick, unreadable
from sightline.protocols import Outputs
from sightline.types import F32, Masks, ModelSpec, Prediction, Thresholds, View

_TAKES = (
    "masks [K, h, w], [K, 1, h, w], [N, K, h, w] or [N, K, C, h, w], and boxes, scores and labels, or rows [N, K, 6], "
    "or boxes with scores [K, 5] and labels"
)
_HINTS = ("detection_masks", "mask_fcn_logits", "masks", "mask")
_COLUMNS = ("y1", "x1", "y2", "x2", "class", "score")


@dataclass(frozen=True, slots=True)
class MaskRcnn:
    """K objects a view and a mask for each. Masks: [K, h, w], [K, 1, h, w], [N, K, h, w] or one a class,
    [N, K, C, h, w]; logits or probabilities; small ones (28x28, say) lie over the object's box, those as large as the
    input over the view.

    Boxes come as boxes [N, K, 4] or [K, 4], scores and labels (torchvision, TensorFlow's API with a count); as boxes
    with scores [K, 5] or [N, K, 5] and labels (Open Model Zoo, MMDetection); or as rows [N, K, 6] (TAO).
    masks, boxes, scores, classes, count, rows: output names, "" by name and shape. columns: of such rows, names in
    order out of x1, y1, x2, y2, class, score, "" for y1,x1,y2,x2,class,score. order: of boxes, "xyxy" or "yxyx".
    normalized: boxes are fractions of the input. activated: masks are probabilities; None: unless a value lies outside
    0..1. label_offset: added to the class. pasted: masks lie over the view; None: where they are as large as the input.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.5, nms=1.0)
    graph_nms: ClassVar[bool] = True

    masks: str = ""
    boxes: str = ""
    scores: str = ""
    classes: str = ""
    count: str = ""
    rows: str = ""
    columns: str = ""
    order: str = "xyxy"
    normalized: bool = False
    activated: bool | None = None
    label_offset: int = 0
    pasted: bool | None = None

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        masks = pick(outputs, self.masks, _HINTS, lambda a: a.ndim in (3, 4, 5) and min(a.shape[-2:]) > 6)
        if masks is None:
            raise unreadable("mask-rcnn", outputs, _TAKES)
        (n, k), find = self._finder({name: a for name, a in outputs.items() if a is not masks})
        each = _by_object(masks, n, k)
        if each is None:
            raise unreadable("mask-rcnn", outputs, _TAKES)
        found = predict(find, spec, views)
        return [self._masked(p, each, i, view) for i, (p, view) in enumerate(zip(found, views, strict=True))]

    def _finder(self, outputs: Outputs) -> tuple[tuple[int, int], Callable[[int, tuple[int, int]], Candidates]]:
        """(N, K) and how the candidates of a view are found."""
        rows = pick(outputs, self.rows, ("generate_detections",), lambda a: a.ndim == 3 and a.shape[2] == 6)
        five = pick(outputs, self.boxes, ("dets", "boxes"), lambda a: a.ndim in (2, 3) and a.shape[-1] == 5)
        if rows is not None and rows.ndim == 3 and rows.shape[2] == 6:
            return rows.shape[:2], lambda i, size_wh: self._rows(of_view(rows, i), size_wh)
        if five is not None and five.shape[-1] == 5:
            return self._five(outputs, five)
        try:
            ready = read("mask-rcnn", outputs, self.boxes, self.scores, self.classes, self.count)
        except ModelError:
            raise unreadable("mask-rcnn", outputs, _TAKES) from None

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            c = ready.of(i, size_wh, order=self.order, normalized=self.normalized, label_offset=self.label_offset)
            return _numbered(c)

        return ready.boxes.shape[:2], find

    def _rows(self, a: NDArray[Any], size_wh: tuple[int, int]) -> Candidates:
        names = [n.strip() for n in self.columns.split(",")] if self.columns else list(_COLUMNS)
        if len(names) != a.shape[1] or not set(_COLUMNS) <= set(names):
            raise ModelError(
                f"head mask-rcnn: the option columns names {', '.join(names)}; a row has {a.shape[1]} numbers, "
                f"and {', '.join(_COLUMNS)} are needed"
            )
        box = a[:, [names.index(n) for n in ("x1", "y1", "x2", "y2")]]
        label = class_ids(a[:, names.index("class")], self.label_offset)
        return _numbered(Candidates(self._scaled(box, size_wh), a[:, names.index("score")], label))

    def _five(
        self, outputs: Outputs, five: NDArray[Any]
    ) -> tuple[tuple[int, int], Callable[[int, tuple[int, int]], Candidates]]:
        labels = pick(outputs, self.classes, ("labels", "classes"), lambda a: a.size == five.size // 5)
        if labels is None:
            raise unreadable("mask-rcnn", outputs, _TAKES)
        boxes = five[None] if five.ndim == 2 else five
        ids = labels.reshape(boxes.shape[:2])

        def find(i: int, size_wh: tuple[int, int]) -> Candidates:
            a = of_view(boxes, i)
            label = class_ids(of_view(ids, i), self.label_offset)
            return _numbered(Candidates(self._scaled(a[:, :4], size_wh), a[:, 4], label))

        return boxes.shape[:2], find

    def _scaled(self, box: NDArray[Any], size_wh: tuple[int, int]) -> F32:
        unit = np.array(size_wh * 2, np.float32) if self.normalized else np.float32(1)
        return box.astype(np.float32) * unit

    def _masked(self, prediction: Prediction, masks: NDArray[Any], i: int, view: View) -> Prediction:
        found = prediction.detections
        columns = dict(found.columns)
        rows = columns.pop("row")
        maps = [
            _one(of_view(masks, i), int(r), int(c) - self.label_offset) for r, c in zip(rows, found.label, strict=True)
        ]
        activated = self.activated if self.activated is not None else all(is_probability(m) for m in maps)
        if self.pasted or (self.pasted is None and masks.shape[-2:] == view.size_wh[::-1]):
            made = crop_maps(maps, found.xyxy, view.size_wh, not activated)
        else:
            soft = soft_shares if activated else soft_logits
            made = Masks(found.xyxy, tuple(soft(m) for m in maps))
        return replace(prediction, detections=replace(found, masks=made, columns=columns))


def _numbered(c: Candidates) -> Candidates:
    return replace(c, columns={"row": np.arange(len(c.score))})


def _by_object(masks: NDArray[Any], n: int, k: int) -> NDArray[Any] | None:
    """Masks as [N, K, C, h, w], C 1 where there is one for all classes; None where they are not of N views x K."""
    if masks.ndim == 5:
        each = masks
    elif masks.ndim == 3:
        each = masks[None, :, None]
    elif masks.shape[:2] == (n, k):
        each = masks[:, :, None]
    else:
        each = masks[None] if n == 1 or len(masks) != n * k else masks.reshape(n, k, *masks.shape[1:])
    return each if each.shape[:2] == (n, k) else None


def _one(masks: NDArray[Any], row: int, label: int) -> NDArray[Any]:
    """The map (h, w) of object `row` out of (K, C, h, w)."""
    return masks[row, label if 0 < label < masks.shape[1] else 0]
