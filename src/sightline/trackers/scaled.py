"""The tracks of BoT-SORT: noise in proportion to the box, what an object looks like, and a camera that moves.

Aharon et al., "BoT-SORT: Robust Associations Multi-Pedestrian Tracking" (arXiv 2206.14651).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sightline.trackers import boxfilter
from sightline.trackers.population import Columns, Population
from sightline.types import F32, I64, Detections

__all__ = ["Scaled"]

F64 = NDArray[np.float64]

# standard deviations as shares of the box's width and height: of a position, of a velocity in a tick
_PLACE = 0.05
_SPEED = 0.00625
_SMALLEST = 1e-3


def _noise(state: F64) -> boxfilter.Noise:
    """Variances (N, 4) for boxes of this size."""
    size = np.fmax(state[:, [2, 3, 2, 3]], _SMALLEST)
    size *= size
    place, speed = _PLACE**2, _SPEED**2
    return boxfilter.Noise(4 * place * size, 100 * speed * size, place * size, speed * size, place * size)


@dataclass(slots=True, eq=False)
class Scaled(Population):
    """`position` is the predicted box.

    moving (N, 4, 5) centre x, centre y, width and height as `boxfilter` has them. embedding (N, D) what it looks like,
    unit vectors, 0 unknown.

    memory: share of what was known that stays with each new look. sure: least score of a detection whose looks count.
    """

    moving: F64 = field(default_factory=lambda: np.zeros((0, 4, 5)))
    embedding: F32 = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    memory: float = field(default=0.9, metadata={"column": False})
    sure: float = field(default=0.0, metadata={"column": False})
    _read: tuple[Detections, F32 | None] | None = field(default=None, metadata={"column": False})

    def predict(self, step_s: float, tick_s: float) -> None:
        if len(self.id):
            boxfilter.predict(self.moving, _noise(self.moving[..., 0]), step_s, tick_s)
            self._settle()
            self.unseen_s += step_s

    def _settle(self) -> None:
        size = self.moving[:, 2:, 0]
        np.fmax(size, _SMALLEST, out=size)
        self.position = boxfilter.corners(self.moving[..., 0])

    def warp(self, matrix: F64) -> None:
        """The camera has moved: `matrix` (2, 3) leads from the previous frame's pixels to this one's."""
        if not len(self.id):
            return
        turn = matrix[:, :2]
        gain = float(np.sqrt(abs(np.linalg.det(turn))))
        self.moving[:, :2, :2] = turn @ self.moving[:, :2, :2]
        self.moving[:, :2, 0] += matrix[:, 2]
        self.moving[:, 2:, :2] *= gain
        self.moving[..., 2:] *= gain * gain
        self._settle()

    def correct(self, rows: I64, detections: Detections, seen_rows: I64) -> None:
        if not len(rows):
            return
        moving = self.moving[rows]
        measured = _noise(moving[..., 0]).measured
        boxfilter.correct(moving, measured, boxfilter.centre_size(detections.xyxy[seen_rows].astype(np.float64)))
        self.moving[rows] = moving
        self._settle()
        self._sighted(rows, detections, seen_rows)
        new = self.looks(detections)
        if new is not None:
            told = (detections.score[seen_rows] >= self.sure) & (new[seen_rows] != 0).any(1)
            self._remember(rows[told], new[seen_rows[told]])

    def looks(self, detections: Detections) -> F32 | None:
        """Unit vectors (N, D), 0 where unknown, of what each detection looks like; None where nothing is known."""
        if self._read is None or self._read[0] is not detections:
            self._read = detections, _unit(detections)
        return self._read[1]

    def _remember(self, rows: I64, new: F32) -> None:
        self._widen(new.shape[1])
        known = self.embedding[rows]
        mixed = np.where((known != 0).any(1)[:, None], self.memory * known + (1 - self.memory) * new, new)
        length = np.sqrt((mixed * mixed).sum(1, keepdims=True))
        self.embedding[rows] = mixed / np.where(length > 0, length, 1)

    def _widen(self, wide: int) -> None:
        """Vectors of another length than before are not comparable: what was known is forgotten."""
        if self.embedding.shape[1] != wide:
            self.embedding = np.zeros((len(self.id), wide), np.float32)

    def _fresh(self, detections: Detections, seen_rows: I64, tick_s: float) -> Columns:
        state = boxfilter.centre_size(detections.xyxy[seen_rows].astype(np.float64))
        new = self.looks(detections)
        if new is not None:
            self._widen(new.shape[1])
        unknown = np.zeros((len(seen_rows), self.embedding.shape[1]), np.float32)
        return Population._fresh(self, detections, seen_rows, tick_s) | {
            "moving": boxfilter.fresh(state, _noise(state), tick_s),
            "embedding": unknown if new is None else new[seen_rows],
        }


def _unit(detections: Detections) -> F32 | None:
    given = detections.columns.get("embedding")
    if given is None or given.ndim != 2 or not given.size:
        return None
    vectors = given.astype(np.float32)
    length = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
    known = np.isfinite(length) & (length > 0)
    vectors[~known] = 0
    vectors /= np.where(known, length, 1)[:, None].astype(np.float32)
    return vectors
