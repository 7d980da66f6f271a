"""Instance masks as sums of prototypes (YOLACT, arXiv 1904.02689). Pure NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.heads.bitmaps import cells_of, model_window, soft_logits
from sightline.heads.tensors import of_view, pick
from sightline.protocols import Outputs
from sightline.types import F32, Masks, Prediction, View

__all__ = ["COEFFICIENTS", "find_prototypes", "prototype_masks", "with_masks"]

COEFFICIENTS = "coefficients"  # the column of (N, P) that candidates carry and `with_masks` turns into masks
_HINTS = ("proto", "protos", "prototypes", "output1", "mask_protos")


def find_prototypes(outputs: Outputs, name: str, count: int | None) -> NDArray[Any] | None:
    """The output [N, P, h, w] or [N, h, w, P] called `name`, else by name and shape; the finest of several.

    count: P where it is known.
    """

    def fits(a: NDArray[Any]) -> bool:
        return a.ndim == 4 and (count is None or count in (a.shape[1], a.shape[3])) and min(a.shape) > 0

    found = pick(outputs, name, _HINTS, fits)
    if found is not None:
        return found
    grids = sorted((a for a in outputs.values() if fits(a)), key=lambda a: a.size, reverse=True)
    return grids[0] if grids else None


def with_masks(predictions: Sequence[Prediction], prototypes: NDArray[Any], views: Sequence[View]) -> list[Prediction]:
    """Predictions whose objects carry coefficients -> the same with masks in their place."""
    made: list[Prediction] = []
    for i, (prediction, view) in enumerate(zip(predictions, views, strict=True)):
        found = prediction.detections
        columns = dict(found.columns)
        weights = columns.pop(COEFFICIENTS)
        with np.errstate(over="ignore", invalid="ignore"):
            masks = prototype_masks(found.xyxy, weights, of_view(prototypes, i), view.size_wh)
        made.append(replace(prediction, detections=replace(found, masks=masks, columns=columns)))
    return made


def prototype_masks(xyxy: F32, coefficients: NDArray[Any], prototypes: NDArray[Any], size_wh: tuple[int, int]) -> Masks:
    """Boxes (N, 4) in model pixels, coefficients (N, P), prototypes (P, h, w) or (h, w, P) over the whole view.

    Only what lies under a box is summed. The bitmaps are soft: 128 is where the sum is 0.
    """
    count = coefficients.shape[1]
    last = prototypes.shape[0] != count
    h, w = prototypes.shape[:2] if last else prototypes.shape[1:]
    cells = cells_of(xyxy, size_wh, (w, h))
    weights = coefficients.astype(np.float32, copy=False)
    bits = []
    for row, (x1, y1, x2, y2) in zip(weights, cells.tolist(), strict=True):
        if last:
            part = prototypes[y1:y2, x1:x2].reshape(-1, count).astype(np.float32, copy=False) @ row
        else:
            # whole rows lie together: cutting only those copies nothing
            part = row @ prototypes[:, y1:y2, x1:x2].reshape(count, -1).astype(np.float32, copy=False)
        bits.append(soft_logits(part.reshape(y2 - y1, x2 - x1)))
    return Masks(model_window(cells, size_wh, (w, h)), tuple(bits))
