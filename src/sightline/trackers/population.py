"""The tracks of one stream as columns: move, correct, add, remove, confirm."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.trackers import kalman
from sightline.types import F32, I32, I64, Bool, Detections

__all__ = ["Columns", "Moving", "Population"]

F64 = NDArray[np.float64]
Columns = dict[str, NDArray[Any]]


@dataclass(slots=True, eq=False)
class Population:
    """N tracks, oldest first, each where it was last seen; other populations know better where they are by now.

    Every field with a row a track is a column; the others say so in their metadata.
    position (N, 4) xyxy frame pixels; id (N,) 0 until confirmed; label (N,) and score (N,) of the last sighting;
    hits (N,) sightings; unseen_s (N,) seconds since the last one; misses (N,) how often a model has looked since then
    in vain.
    """

    position: F64 = field(default_factory=lambda: np.zeros((0, 4)))
    id: I64 = field(default_factory=lambda: np.zeros(0, np.int64))
    label: I32 = field(default_factory=lambda: np.zeros(0, np.int32))
    score: F32 = field(default_factory=lambda: np.zeros(0, np.float32))
    hits: I64 = field(default_factory=lambda: np.zeros(0, np.int64))
    unseen_s: F64 = field(default_factory=lambda: np.zeros(0))
    misses: I64 = field(default_factory=lambda: np.zeros(0, np.int64))

    def __len__(self) -> int:
        return len(self.id)

    def predict(self, step_s: float, tick_s: float) -> None:
        """Move every track `step_s` seconds on, 0 or more; `tick_s` is the usual time between two looks."""
        self.unseen_s += step_s

    def correct(self, rows: I64, detections: Detections, seen_rows: I64) -> None:
        """Tracks `rows` (K,) were seen as `seen_rows` (K,) of the detections; called once a look, K may be 0."""
        if len(rows):
            self.position[rows] = detections.xyxy[seen_rows]
            self._sighted(rows, detections, seen_rows)

    def _sighted(self, rows: I64, detections: Detections, seen_rows: I64) -> None:
        """What a sighting says beside the box."""
        self.label[rows] = detections.label[seen_rows]
        self.score[rows] = detections.score[seen_rows]
        self.hits[rows] += 1
        self.unseen_s[rows] = 0
        self.misses[rows] = 0

    def miss(self, rows: I64) -> None:
        """A model looked for tracks `rows` (K,) in vain."""
        self.misses[rows] += 1

    def add(self, detections: Detections, seen_rows: I64, tick_s: float) -> I64:
        """New, unconfirmed tracks of `seen_rows` (K,) of the detections; the new tracks' rows (K,)."""
        n, before = len(seen_rows), len(self.id)
        if n:
            for name, column in self._fresh(detections, seen_rows, tick_s).items():
                setattr(self, name, np.concatenate([getattr(self, name), column]))
        return np.arange(before, before + n)

    def _fresh(self, detections: Detections, seen_rows: I64, tick_s: float) -> Columns:
        """Every column of the new tracks."""
        n = len(seen_rows)
        return {
            "position": detections.xyxy[seen_rows].astype(np.float64),
            "id": np.zeros(n, np.int64),
            "label": detections.label[seen_rows].astype(np.int32),
            "score": detections.score[seen_rows].astype(np.float32),
            "hits": np.ones(n, np.int64),
            "unseen_s": np.zeros(n),
            "misses": np.zeros(n, np.int64),
        }

    def remove(self, gone: Bool) -> tuple[int, ...]:
        """Drop the tracks marked in `gone` (N,); the ids among them that were confirmed."""
        if not gone.any():
            return ()
        ended = self.id[gone]
        stay = ~gone
        for name in _columns(type(self)):
            setattr(self, name, getattr(self, name)[stay])
        return tuple(ended[ended > 0].tolist())

    def confirm(self, rows: I64, hits: int, next_id: int) -> int:
        """Give ids to those tracks of `rows` that were seen `hits` times; the next free id."""
        return self._name(rows[(self.id[rows] == 0) & (self.hits[rows] >= hits)], next_id)

    def _name(self, rows: I64, next_id: int) -> int:
        self.id[rows] = np.arange(next_id, next_id + len(rows))
        return next_id + len(rows)

    def told(self, rows: I64, confirm: int) -> Bool:
        """Which of the tracks `rows` (K,), all seen just now, are to be reported (K,)."""
        return self.id[rows] > 0


@cache
def _columns(kind: type[Population]) -> tuple[str, ...]:
    return tuple(f.name for f in fields(kind) if f.metadata.get("column", True))


@dataclass(slots=True, eq=False)
class Moving(Population):
    """Tracks whose four edges move with constant velocity: velocity (N, 4) px/s; covariance (N, 3) see `kalman`."""

    velocity: F64 = field(default_factory=lambda: np.zeros((0, 4)))
    covariance: F64 = field(default_factory=lambda: np.zeros((0, 3)))

    def predict(self, step_s: float, tick_s: float) -> None:
        if len(self.id):
            kalman.predict(self.position, self.velocity, self.covariance, step_s, tick_s)
            self.unseen_s += step_s

    def correct(self, rows: I64, detections: Detections, seen_rows: I64) -> None:
        if len(rows):
            kalman.correct(self.position, self.velocity, self.covariance, rows, detections.xyxy[seen_rows])
            self._sighted(rows, detections, seen_rows)

    def _fresh(self, detections: Detections, seen_rows: I64, tick_s: float) -> Columns:
        n = len(seen_rows)
        moving = {"velocity": np.zeros((n, 4)), "covariance": kalman.fresh_covariance(n, tick_s)}
        return Population._fresh(self, detections, seen_rows, tick_s) | moving
