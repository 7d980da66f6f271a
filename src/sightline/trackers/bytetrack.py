"""ByteTrack: sure detections find their track first, the doubtful ones only continue what is there.

Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box" (arXiv 2110.06864). With the
same parameters and even times it gives the tracks of the `trackers` package 2.6 (Apache-2.0); see docs/accuracy.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from sightline.trackers.checks import check_fractions, check_life
from sightline.trackers.lifecycle import Lifecycle
from sightline.trackers.matching import match
from sightline.trackers.population import Population
from sightline.types import I64, Detections, Frame, Tracks

__all__ = ["ByteTrack"]

_LOW = 0.1
_DEPTH = 0.4  # a model whose threshold is high gives many candidates of no worth far below it


@dataclass(eq=False)
class ByteTrack:
    """A tracker for one stream; ids count from 1.

    high: least score of the first, sure round (None: the model's own threshold where one is known, else 0.6).
    low: least score that can continue a track at all (None: 0.1, but at most 0.4 below a model's own threshold).
    activate: least score that begins a track (None: a little above `high`, 0.7 for 0.6).
    match: least IoU of a track's predicted box and a detection; second_match: the same in the second, doubtful round
    (None: as `match`).
    confirm: sightings in a row until a track gets its id.
    lost_s: seconds that a track may go unseen. coast_s: seconds for which its predicted box is still reported.
    class_agnostic: ignore labels. Otherwise a track takes detections of its own label, and one of another label only
    where no track of that label wants it and the IoU is at least `relabel`; the track then goes on under that label.
    """

    high: float | None = None
    low: float | None = None
    activate: float | None = None
    match: float = 0.1
    second_match: float | None = None
    confirm: int = 2
    lost_s: float = 1.0
    coast_s: float = 0.5
    class_agnostic: bool = False
    relabel: float = 0.7
    _life: Lifecycle = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_fractions(
            high=self.high,
            low=self.low,
            activate=self.activate,
            match=self.match,
            second_match=self.second_match,
            relabel=self.relabel,
        )
        check_life(self.confirm, self.lost_s, self.coast_s)
        self.reset()

    def for_model(self, score: float) -> Self:
        """A new tracker with what was left open set for a model whose printed scores begin at `score`."""
        high = score if self.high is None else self.high
        low = max(_LOW, high - _DEPTH) if self.low is None else self.low
        return replace(self, high=high, low=min(low, high))

    @property
    def floor(self) -> float:
        """The least score that this tracker can use: what a head should hand on."""
        return _LOW if self.low is None else self.low

    def reset(self) -> None:
        """Forget everything, ids included."""
        self._life = Lifecycle(self.confirm, self.lost_s, self.coast_s)

    def update(self, detections: Detections | None, frame: Frame) -> Tracks:
        """Ids for rows of `detections`; None: no model saw this frame, tracks only move on."""
        high = self._high
        activate = min(high + 0.1, (1 + high) / 2) if self.activate is None else max(high, self.activate)
        return self._life.update(detections, frame, self._associate, activate)

    @property
    def _high(self) -> float:
        return 0.6 if self.high is None else self.high

    def _associate(self, tracks: Population, detections: Detections) -> tuple[I64, I64]:
        """Both rounds: rows of tracks, and of the detections they are seen as."""
        sure = detections.score >= self._high
        relabel = None if self.class_agnostic else self.relabel
        xyxy, labels = detections.xyxy, detections.label
        if sure.all():
            return match(tracks.position, tracks.label, xyxy, labels, self.match, relabel)
        chosen = np.flatnonzero(sure)
        rows, columns = match(tracks.position, tracks.label, xyxy[chosen], labels[chosen], self.match, relabel)
        seen_rows = chosen[columns]
        doubtful = np.flatnonzero(~sure & (detections.score >= self.floor))
        if not len(doubtful) or len(rows) == len(tracks):
            return rows, seen_rows
        mask = np.ones(len(tracks), np.bool_)
        mask[rows] = False
        free = np.flatnonzero(mask)
        least = self.match if self.second_match is None else self.second_match
        more, columns = match(
            tracks.position[free], tracks.label[free], xyxy[doubtful], labels[doubtful], least, relabel
        )
        return np.concatenate([rows, free[more]]), np.concatenate([seen_rows, doubtful[columns]])
