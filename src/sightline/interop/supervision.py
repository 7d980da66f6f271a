"""Our `Detections` <-> those of the `supervision` package, for people who use its annotators.

The optional extra `sightline[supervision]` brings it.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Protocol

import numpy as np

from sightline.errors import MissingExtraError
from sightline.types import Detections, Tracks

__all__ = ["SupervisionDetections", "from_supervision", "to_supervision"]


class SupervisionDetections(Protocol):
    """What is used of `supervision.Detections`."""

    xyxy: Any
    mask: Any
    confidence: Any
    class_id: Any
    tracker_id: Any
    data: Any


def to_supervision(detections: Detections, tracks: Tracks | None = None) -> SupervisionDetections:
    """supervision's Detections with the same rows; names under `data["class_name"]`.

    With `tracks` only the tracked rows, each with its `tracker_id`: their tools take any id for an object, so there is
    none that means "no track". Raises MissingExtraError where the package is not installed.
    """
    sv = _supervision()
    ids = None
    if tracks is not None:
        detections, ids = detections[tracks.row], tracks.id.astype(int)
    names = np.array([detections.name_of(row) for row in range(len(detections))], dtype=str)
    return sv.Detections(
        xyxy=detections.xyxy.copy(),
        confidence=detections.score.copy(),
        class_id=detections.label.astype(int),
        mask=None if detections.masks is None else detections.masks.copy(),
        tracker_id=ids,
        data={"class_name": names},
    )


def from_supervision(other: SupervisionDetections, names: tuple[str, ...] = ()) -> Detections:
    """Our Detections with the same rows. Without `names` the label table is made of `data["class_name"]`.

    A missing confidence becomes 1, a missing class 0.
    """
    n = len(other.xyxy)
    label = np.zeros(n, np.int32) if other.class_id is None else np.asarray(other.class_id, np.int32)
    if not names and "class_name" in other.data:
        names = _table(label, other.data["class_name"])
    return Detections(
        xyxy=np.asarray(other.xyxy, np.float32).reshape(n, 4),
        score=np.ones(n, np.float32) if other.confidence is None else np.asarray(other.confidence, np.float32),
        label=label,
        names=names,
        masks=None if other.mask is None else np.asarray(other.mask, bool),
    )


def _table(label: np.ndarray[Any, np.dtype[np.int32]], words: Any) -> tuple[str, ...]:
    table = [""] * (int(label.max(initial=-1)) + 1)
    for index, word in zip(label.tolist(), words, strict=True):
        table[index] = str(word)
    return tuple(table)


def _supervision() -> Any:
    try:
        return import_module("supervision")
    except ImportError as error:
        raise MissingExtraError("supervision is not installed: pip install 'sightline[supervision]'") from error
