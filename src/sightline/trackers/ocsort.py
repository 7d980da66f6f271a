"""OC-SORT: tracks go by what was observed; the direction of motion helps to choose, a lost one is met where last seen.

Cao et al., "Observation-Centric SORT: Rethinking SORT for Robust Multi-Object Tracking" (arXiv 2203.14360). With the
same parameters and even times it gives the tracks of the `trackers` package 2.6 (Apache-2.0); see docs/tracking.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self, cast

import numpy as np

from sightline.trackers.checks import check_fractions
from sightline.trackers.matching import assign, by_label, fit, iou, match, others, too_many
from sightline.trackers.observed import F64, Observed
from sightline.trackers.population import Population
from sightline.trackers.terms import Terms
from sightline.types import F32, I32, I64, Detections, Frame, Tracks

__all__ = ["OcSort"]


@dataclass(eq=False, kw_only=True)
class OcSort(Terms):
    """A tracker for one stream; ids count from 1. Options beside these: see `Terms`.

    high: least score that is looked at (None: the model's own threshold where one is known, else 0.6).
    activate: least score that begins a track (None: as `high`).
    match: least IoU of a track's predicted box and a detection, and of the box last seen and one that is still free.
    momentum: what the direction of motion adds to the IoU of a pair. delta_t: looks over which a direction is taken.
    confirm: sightings one after another, beginning with the second, until a track is reported; in the first looks at a
    stream the second is enough. again: the same for a track that was lost and is found (None: as `confirm`).
    """

    confirm: int = 3
    early: int | None = None
    high: float | None = None
    activate: float | None = None
    match: float = 0.3
    momentum: float = 0.2
    delta_t: int = 3
    again: int | None = None

    def __post_init__(self) -> None:
        check_fractions(high=self.high, activate=self.activate, match=self.match)
        if not 0 <= self.momentum <= 10:
            raise ValueError(f"momentum: expected a number from 0 to 10, got {self.momentum}")
        if not 1 <= self.delta_t <= 100:
            raise ValueError(f"delta_t: expected 1 to 100 looks, got {self.delta_t}")
        if self.again is not None and self.again < 1:
            raise ValueError(f"again: expected at least 1 sighting, got {self.again}")
        Terms.__post_init__(self)

    def for_model(self, score: float) -> Self:
        """A new tracker with what was left open set for a model whose printed scores begin at `score`."""
        return replace(self, high=score if self.high is None else self.high)

    @property
    def floor(self) -> float:
        """The least score that this tracker can use: what a head should hand on."""
        return 0.6 if self.high is None else self.high

    def reset(self) -> None:
        """Forget everything, ids included."""
        self._life = self._begin(Observed.empty(self.delta_t, self.again))

    def update(self, detections: Detections | None, frame: Frame) -> Tracks:
        """Ids for rows of `detections`; None: no model saw this frame, tracks only move on."""
        activate = max(self.floor, self.activate or 0.0)
        return self._life.update(detections, frame, self._associate, activate)

    def _associate(self, tracks: Population, detections: Detections) -> tuple[I64, I64]:
        """Where tracks should be, then where they were last seen."""
        tracks = cast("Observed", tracks)
        chosen = np.flatnonzero(detections.score >= self.floor)
        xyxy, label = detections.xyxy[chosen], detections.label[chosen]
        more = None
        if self.momentum and len(tracks) and len(chosen) and not too_many(tracks.position, xyxy):
            more = self.momentum * _headed(tracks, xyxy, detections.score[chosen])
        rows, columns = self._pairs(tracks.position, tracks.label, xyxy, label, more)
        if len(rows) == len(tracks) or len(columns) == len(chosen):
            return rows, chosen[columns]
        left = others(len(tracks), rows)
        free = others(len(chosen), columns)
        # of two that were last seen in the same place, the one seen later
        late = -1e-6 * tracks.unseen_s[left, None]
        again, found = self._pairs(tracks.last[left], tracks.label[left], xyxy[free], label[free], late)
        return np.concatenate([rows, left[again]]), chosen[np.concatenate([columns, free[found]])]

    def _pairs(self, boxes: F64, label: I32, seen: F32, seen_label: I32, more: F64 | None) -> tuple[I64, I64]:
        """Pairs of boxes and detections by IoU and what is said `more` (N, M) or (N, 1) for each."""
        if more is None or not len(boxes) or not len(seen) or too_many(boxes, seen):
            return match(boxes, label, seen, seen_label, self.match, self._other, self._size)
        overlap = iou(boxes, seen)
        allowed = overlap >= self.match
        likeness, alike = fit(overlap, boxes, seen, self._size)
        if alike is not None:
            allowed &= alike
        return assign(*by_label(likeness + more, allowed, overlap, label, seen_label, self._other))


def _headed(tracks: Observed, seen: F32, score: F32) -> F64:
    """How well the way to a detection continues the track (N, M): score times 0.5 straight on, 0 across, -0.5 back."""
    start, end = tracks.reference(), seen.astype(np.float64)
    start, end = start[:, :2] + start[:, 2:], end[:, :2] + end[:, 2:]
    ahead = tracks.direction
    along = ahead @ end.T
    along -= np.einsum("ij,ij->i", ahead, start)[:, None]
    way = end[:, 0] - start[:, :1]
    way *= way
    across = end[:, 1] - start[:, 1:]
    across *= across
    way += across
    np.sqrt(way, out=way)
    way += 2e-6
    along /= way
    np.minimum(along, 1, out=along)
    np.maximum(along, -1, out=along)
    np.arcsin(along, out=along)
    along *= score * (1 / np.pi)
    return along
