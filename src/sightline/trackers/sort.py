"""SORT: one assignment of predicted to detected boxes.

Bewley et al., "Simple Online and Realtime Tracking" (arXiv 1602.00763), with the edges of the box as state.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from sightline.trackers.checks import check_fractions
from sightline.trackers.matching import match
from sightline.trackers.population import Population
from sightline.trackers.terms import Terms
from sightline.types import I64, Detections, Frame, Tracks

__all__ = ["Sort"]


@dataclass(eq=False, kw_only=True)
class Sort(Terms):
    """A tracker for one stream; ids count from 1. Options beside these: see `Terms`.

    low: least score that is looked at (None: the model's own threshold where one is known, else 0).
    activate: least score that begins a track (None: the model's own threshold, else 0.25).
    match: least IoU of a track's predicted box and a detection.
    """

    confirm: int = 3
    low: float | None = None
    activate: float | None = None
    match: float = 0.3

    def __post_init__(self) -> None:
        check_fractions(low=self.low, activate=self.activate, match=self.match)
        Terms.__post_init__(self)

    def for_model(self, score: float) -> Self:
        """A new tracker with what was left open set for a model whose printed scores begin at `score`."""
        return replace(
            self,
            low=score if self.low is None else self.low,
            activate=score if self.activate is None else self.activate,
        )

    @property
    def floor(self) -> float:
        """The least score that this tracker can use: what a head should hand on."""
        return self.low or 0.0

    def update(self, detections: Detections | None, frame: Frame) -> Tracks:
        """Ids for rows of `detections`; None: no model saw this frame, tracks only move on."""
        activate = max(self.floor, 0.25 if self.activate is None else self.activate)
        return self._life.update(detections, frame, self._associate, activate)

    def _associate(self, tracks: Population, detections: Detections) -> tuple[I64, I64]:
        chosen = np.flatnonzero(detections.score >= self.floor)
        rows, columns = match(
            tracks.position,
            tracks.label,
            detections.xyxy[chosen],
            detections.label[chosen],
            self.match,
            self._other,
            self._size,
        )
        return rows, chosen[columns]
