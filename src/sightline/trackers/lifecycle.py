"""The life of tracks, the same for every tracker here: begin, be confirmed, be lost, be found or end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from sightline.trackers.clock import Clock
from sightline.trackers.population import Population
from sightline.types import I64, Detections, Frame, Tracks

__all__ = ["Associate", "Lifecycle"]

# tracks, detections -> rows of tracks (K,), rows of the detections they are seen as (K,)
Associate = Callable[[Population, Detections], tuple[I64, I64]]

_NOBODY = np.zeros(0, np.int64)


@dataclass(slots=True, eq=False)
class Lifecycle:
    """Tracks of one stream. A track gets its id with its `confirm`-th sighting in a row, and ends at once when missed
    before; later it may be missed for `lost_s` seconds. `coast_s`: how long a missed one is still reported.
    """

    confirm: int
    lost_s: float
    coast_s: float
    tracks: Population = field(default_factory=Population)
    clock: Clock = field(default_factory=Clock)
    next_id: int = 1

    def update(self, detections: Detections | None, frame: Frame, associate: Associate, activate: float) -> Tracks:
        """One frame. Detections that nobody takes begin a track from a score of `activate` on.

        `detections` None: no model saw this frame; tracks only move on and nothing counts as missed.
        """
        tracks = self.tracks
        step = self.clock.advance(frame, detections is not None)
        ended = () if step.goes_on else tracks.remove(np.ones(len(tracks), np.bool_))
        tracks.predict(step.seconds, step.tick_s)
        if len(tracks):
            # out of time even with one more look granted, as after a gap: not to be found again
            ended += tracks.remove(tracks.unseen_s > self.lost_s + 1.5 * step.tick_s)
        if detections is None:
            return self._report(frame, _NOBODY, _NOBODY, ended)
        rows, seen_rows = associate(tracks, detections)
        tracks.correct(rows, detections, seen_rows)
        if len(seen_rows) < len(detections):
            free = detections.score >= activate
            free[seen_rows] = False
            begins = np.flatnonzero(free)
            if len(begins):
                rows = np.concatenate([rows, tracks.add(detections, begins, step.tick_s)])
                seen_rows = np.concatenate([seen_rows, begins])
        self.next_id = tracks.confirm(rows, self.confirm, self.next_id)
        if len(rows) < len(tracks):
            missed = tracks.unseen_s > 0
            tracks.missed |= missed
            # a tenth of a frame forgives the rounding of times
            gone = missed & ((tracks.id == 0) | (tracks.unseen_s > self.lost_s + 0.1 * step.tick_s))
            if gone.any():
                ended += tracks.remove(gone)
                rows = (np.cumsum(~gone) - 1)[rows]
        return self._report(frame, rows, seen_rows, ended)

    def _report(self, frame: Frame, rows: I64, seen_rows: I64, ended: tuple[int, ...]) -> Tracks:
        tracks = self.tracks
        ids = tracks.id[rows]
        known = ids > 0
        if not known.all():
            ids, seen_rows = ids[known], seen_rows[known]
        if len(rows) == len(tracks):
            return Tracks(ids, seen_rows, ended=ended)
        coasting = (tracks.id > 0) & (~tracks.missed | (tracks.unseen_s <= self.coast_s + 1e-6))
        coasting[rows] = False
        boxes = np.clip(tracks.position, 0, (frame.width, frame.height, frame.width, frame.height))
        # velocity may carry a box out of the frame, or turn it over
        coasting &= (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
        return Tracks(
            ids,
            seen_rows,
            tracks.id[coasting],
            boxes[coasting].astype(np.float32),
            tracks.label[coasting],
            tracks.score[coasting],
            ended,
        )
