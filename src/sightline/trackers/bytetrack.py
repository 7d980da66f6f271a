"""ByteTrack: sure detections find their track first, the doubtful ones only continue what is there.

Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box" (arXiv 2110.06864). With the
same parameters and even times it gives the tracks of the `trackers` package 2.6 (Apache-2.0); see docs/accuracy.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from sightline.trackers.checks import check_fractions
from sightline.trackers.matching import match, others
from sightline.trackers.population import Population
from sightline.trackers.terms import Terms
from sightline.types import I64, Detections, Frame, Tracks

__all__ = ["ByteTrack"]

_LOW = 0.1
_DEPTH = 0.4  # a model whose threshold is high gives many candidates of no worth far below it


@dataclass(eq=False, kw_only=True)
class ByteTrack(Terms):
    """A tracker for one stream; ids count from 1. Options beside these: see `Terms`.

    high: least score of the first, sure round (None: the model's own threshold where one is known, else 0.6).
    low: least score that can continue a track at all (None: 0.1, but at most 0.4 below a model's own threshold).
    activate: least score that begins a track (None: a little above `high`, 0.7 for 0.6).
    match: least IoU of a track's predicted box and a detection; second_match: the same in the second, doubtful round
    (None: as `match`).
    """

    high: float | None = None
    low: float | None = None
    activate: float | None = None
    match: float = 0.1
    second_match: float | None = None

    def __post_init__(self) -> None:
        check_fractions(
            high=self.high, low=self.low, activate=self.activate, match=self.match, second_match=self.second_match
        )
        Terms.__post_init__(self)

    def for_model(self, score: float) -> Self:
        """A new tracker with what was left open set for a model whose printed scores begin at `score`."""
        high = score if self.high is None else self.high
        low = max(_LOW, high - _DEPTH) if self.low is None else self.low
        return replace(self, high=high, low=min(low, high))

    @property
    def floor(self) -> float:
        """The least score that this tracker can use: what a head should hand on."""
        return _LOW if self.low is None else self.low

    def update(self, detections: Detections | None, frame: Frame) -> Tracks:
        """Ids for rows of `detections`; None: no model saw this frame, tracks only move on."""
        return self._life.update(detections, frame, self._associate, self._begin_score)

    @property
    def _high(self) -> float:
        return 0.6 if self.high is None else self.high

    @property
    def _begin_score(self) -> float:
        high = self._high
        return min(high + 0.1, (1 + high) / 2) if self.activate is None else max(high, self.activate)

    @property
    def _doubtful_match(self) -> float:
        return self.match if self.second_match is None else self.second_match

    def _associate(self, tracks: Population, detections: Detections) -> tuple[I64, I64]:
        """Both rounds: rows of tracks, and of the detections they are seen as."""
        sure = detections.score >= self._high
        xyxy, labels = detections.xyxy, detections.label
        if sure.all():
            return match(tracks.position, tracks.label, xyxy, labels, self.match, self._other, self._size)
        chosen = np.flatnonzero(sure)
        rows, columns = match(
            tracks.position, tracks.label, xyxy[chosen], labels[chosen], self.match, self._other, self._size
        )
        seen_rows = chosen[columns]
        doubtful = np.flatnonzero(~sure & (detections.score >= self.floor))
        if not len(doubtful) or len(rows) == len(tracks):
            return rows, seen_rows
        free = others(len(tracks), rows)
        more, columns = match(
            tracks.position[free],
            tracks.label[free],
            xyxy[doubtful],
            labels[doubtful],
            self._doubtful_match,
            self._other,
            self._size,
        )
        return np.concatenate([rows, free[more]]), np.concatenate([seen_rows, doubtful[columns]])
