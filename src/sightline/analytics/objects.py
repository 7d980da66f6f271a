"""The objects of a result that rules look at: seen ones, and the tracker's predictions where no model looked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.types import F32, I32, I64, Bool, Detections, Tracks

__all__ = ["Objects", "by_label", "column", "labels_in", "objects_of", "tracked_objects", "word"]


@dataclass(frozen=True, slots=True, eq=False)
class Objects:
    """K objects: `xyxy` (K, 4) frame pixels, `label` (K,) rows of `names`, `track` (K,) ids (0: none), `row` (K,)
    their rows in `tracks.id` (-1: none).
    """

    xyxy: F32
    label: I32
    names: tuple[str, ...]
    track: I64
    row: I64

    def __len__(self) -> int:
        return len(self.xyxy)

    def __getitem__(self, keep: Bool) -> Objects:
        return Objects(self.xyxy[keep], self.label[keep], self.names, self.track[keep], self.row[keep])

    def name_of(self, i: int) -> str:
        """The word for one object's label."""
        return word(self.names, int(self.label[i]))

    def of(self, classes: tuple[str, ...]) -> Bool:
        """(K,) which objects carry one of these labels; all of them where `classes` is empty."""
        return labels_in(classes, self.label, self.names)


def objects_of(detections: Detections, tracks: Tracks, inferred: bool) -> Objects:
    """Every object of a frame, tracked or not; predictions count only in frames that no model saw (not `inferred`)."""
    if not inferred:
        return tracked_objects(detections, tracks, False)
    track = np.zeros(len(detections), np.int64)
    row = np.full(len(detections), -1, np.int64)
    track[tracks.row] = tracks.id
    row[tracks.row] = np.arange(len(tracks.id))
    return Objects(detections.xyxy, detections.label, detections.names, track, row)


def tracked_objects(detections: Detections, tracks: Tracks, inferred: bool) -> Objects:
    """The tracked objects of a frame; predictions count only in frames that no model saw (not `inferred`)."""
    xyxy, label, track = detections.xyxy[tracks.row], detections.label[tracks.row], tracks.id
    row = np.arange(len(track))
    if not inferred and len(tracks.coasting):
        xyxy = np.concatenate([xyxy, tracks.coasting_xyxy])
        label = np.concatenate([label, tracks.coasting_label])
        track = np.concatenate([track, tracks.coasting])
        row = np.concatenate([row, np.full(len(tracks.coasting), -1)])
    return Objects(xyxy, label, detections.names, track, row)


def word(names: tuple[str, ...], label: int) -> str:
    """The word for a label; "class7" where the table has none."""
    return names[label] if 0 <= label < len(names) and names[label] else f"class{label}"


def labels_in(classes: tuple[str, ...], label: I32, names: tuple[str, ...]) -> Bool:
    """(K,) which labels (K,) are called by one of these words; all of them where `classes` is empty."""
    if not classes:
        return np.ones(len(label), np.bool_)
    out = np.zeros(len(label), np.bool_)
    known = (label >= 0) & (label < len(names))
    out[known] = _allowed(names, classes)[label[known]]
    for i in np.flatnonzero(~known).tolist():
        out[i] = word(names, int(label[i])) in classes
    return out


@lru_cache(maxsize=64)
def _allowed(names: tuple[str, ...], classes: tuple[str, ...]) -> Bool:
    return np.array([word(names, i) in classes for i in range(len(names))], np.bool_)


def by_label(objects: Objects, which: I64) -> dict[str, int]:
    """{label: how many} of the objects at these places."""
    often: dict[int, int] = {}
    for label in objects.label[which].tolist():
        often[label] = often.get(label, 0) + 1
    return {word(objects.names, label): n for label, n in often.items()}


def column(name: str, rows: I64, among: int) -> NDArray[Any]:
    """(among,) objects: the tuple (name,) at `rows`, () elsewhere; rows of -1 are of no track."""
    out = np.empty(among, object)
    out[:] = [()] * among
    for row in rows[rows >= 0].tolist():
        out[row] = (name,)
    return out
