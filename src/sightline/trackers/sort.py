"""SORT: one assignment of predicted to detected boxes.

Bewley et al., "Simple Online and Realtime Tracking" (arXiv 1602.00763), with the edges of the box as state.
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

__all__ = ["Sort"]


@dataclass(eq=False)
class Sort:
    """A tracker for one stream; ids count from 1.

    low: least score that is looked at (None: the model's own threshold where one is known, else 0).
    activate: least score that begins a track (None: the model's own threshold, else 0.25).
    match: least IoU of a track's predicted box and a detection. confirm: sightings in a row until a track gets its id.
    lost_s: seconds that a track may go unseen. coast_s: seconds for which its predicted box is still reported.
    class_agnostic, relabel: as with ByteTrack.
    """

    low: float | None = None
    activate: float | None = None
    match: float = 0.3
    confirm: int = 3
    lost_s: float = 1.0
    coast_s: float = 0.5
    class_agnostic: bool = False
    relabel: float = 0.7
    _life: Lifecycle = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_fractions(low=self.low, activate=self.activate, match=self.match, relabel=self.relabel)
        check_life(self.confirm, self.lost_s, self.coast_s)
        self.reset()

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

    def reset(self) -> None:
        """Forget everything, ids included."""
        self._life = Lifecycle(self.confirm, self.lost_s, self.coast_s)

    def update(self, detections: Detections | None, frame: Frame) -> Tracks:
        """Ids for rows of `detections`; None: no model saw this frame, tracks only move on."""
        activate = max(self.floor, 0.25 if self.activate is None else self.activate)
        return self._life.update(detections, frame, self._associate, activate)

    def _associate(self, tracks: Population, detections: Detections) -> tuple[I64, I64]:
        relabel = None if self.class_agnostic else self.relabel
        chosen = np.flatnonzero(detections.score >= self.floor)
        rows, columns = match(
            tracks.position,
            tracks.label,
            detections.xyxy[chosen],
            detections.label[chosen],
            self.match,
            relabel,
        )
        return rows, chosen[columns]
