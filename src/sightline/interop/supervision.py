"""Our `Detections` <-> those of the `supervision` package, for people who use its annotators.

The optional extra `sightline[supervision]` brings it.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from sightline.errors import MissingExtraError
from sightline.types import F32, U8, Bool, Detections, Masks, Tracks

__all__ = ["SupervisionDetections", "from_supervision", "to_supervision"]


class SupervisionDetections(Protocol):
    """What is used of `supervision.Detections`."""

    xyxy: Any
    mask: Any
    confidence: Any
    class_id: Any
    tracker_id: Any
    data: Any


def to_supervision(
    detections: Detections, tracks: Tracks | None = None, frame_wh: tuple[int, int] | None = None
) -> SupervisionDetections:
    """supervision's Detections with the same rows; names under `data["class_name"]`.

    Masks become (N, height, width) bool of a frame of size `frame_wh`; ValueError where there are masks and it is not
    given. Oriented boxes become corners under `data["xyxyxyxy"]`.

    With `tracks` only the tracked rows, each with its `tracker_id`: their tools take any id for an object, so there is
    none that means "no track". Raises MissingExtraError where the package is not installed.
    """
    mask = _dense(detections, tracks, frame_wh)
    sv = _supervision()
    ids = None
    if tracks is not None:
        detections, ids = detections[tracks.row], tracks.id.astype(int)
    data: dict[str, Any] = {"class_name": np.array([detections.name_of(i) for i in range(len(detections))], dtype=str)}
    if "obb" in detections.columns:
        data["xyxyxyxy"] = _corners(detections.columns["obb"])
    return sv.Detections(
        xyxy=detections.xyxy.copy(),
        confidence=detections.score.copy(),
        class_id=detections.label.astype(int),
        mask=mask,
        tracker_id=ids,
        data=data,
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
        masks=None if other.mask is None else _windows(np.asarray(other.mask, bool)),
    )


def _dense(detections: Detections, tracks: Tracks | None, frame_wh: tuple[int, int] | None) -> Bool | None:
    masks = detections.masks
    if masks is None:
        return None
    if frame_wh is None:
        raise ValueError("to_supervision: masks need the frame's size: frame_wh=(frame.width, frame.height)")
    return (masks if tracks is None else masks[tracks.row]).dense(*frame_wh)


def _windows(dense: Bool) -> Masks:
    """(N, height, width) -> the same masks, each in the smallest window that holds it."""
    windows = np.zeros((len(dense), 4), np.float32)
    bits: list[U8] = []
    for row, plane in enumerate(dense):
        columns, rows = np.flatnonzero(plane.any(0)), np.flatnonzero(plane.any(1))
        x1, x2 = (int(columns[0]), int(columns[-1]) + 1) if len(columns) else (0, 0)
        y1, y2 = (int(rows[0]), int(rows[-1]) + 1) if len(rows) else (0, 0)
        windows[row] = x1, y1, x2, y2
        bits.append(plane[y1:y2, x1:x2].astype(np.uint8) * np.uint8(255))
    return Masks(windows, tuple(bits))


def _corners(obb: NDArray[Any]) -> F32:
    """(N, 5) centre, width, height, clockwise angle -> (N, 4, 2) corners, from the upper left of the box unturned."""
    cx, cy, w, h, angle = np.asarray(obb, np.float64).T
    along = np.stack([np.cos(angle), np.sin(angle)], 1) * (w / 2)[:, None]
    across = np.stack([-np.sin(angle), np.cos(angle)], 1) * (h / 2)[:, None]
    centre = np.stack([cx, cy], 1)
    turns = (-along - across, along - across, along + across, across - along)
    return np.stack([centre + turn for turn in turns], 1).astype(np.float32)


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
