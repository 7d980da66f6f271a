"""The life of tracks, the same for every tracker here: begin, be confirmed, be lost, be found or end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from sightline.trackers.clock import Clock
from sightline.trackers.matching import NOBODY, iou
from sightline.trackers.population import Moving, Population
from sightline.types import F32, I64, Bool, Detections, Frame, Tracks

__all__ = ["Associate", "Lifecycle"]

# tracks, detections -> rows of tracks (K,), rows of the detections they are seen as (K,)
Associate = Callable[[Population, Detections], tuple[I64, I64]]


_FARTHEST = 1e6  # pixels; a box beyond is none


@dataclass(slots=True, eq=False)
class Lifecycle:
    """Tracks of one stream. A track gets its id with its `confirm`-th sighting; without one it ends after `early`
    looks in vain, with one after `lost_s` seconds, or `lost_frames` looks. `coast_s`: how long a missed one is still
    reported. apart, most: see `Terms`. instant: tracks of the very first look get their ids at once.
    """

    confirm: int
    lost_s: float
    coast_s: float
    early: int | None = 1
    lost_frames: int | None = None
    apart: float = 1.0
    most: int = 0
    instant: bool = False
    tracks: Population = field(default_factory=Moving)
    clock: Clock = field(default_factory=Clock)
    next_id: int = 1
    looked: bool = False

    def advance(self, frame: Frame, inferred: bool) -> tuple[float, tuple[int, ...]]:
        """Move all tracks to `frame`; the usual seconds between two looks, and the ids that ended on the way."""
        tracks = self.tracks
        step = self.clock.advance(frame, inferred)
        ended = () if step.goes_on else tracks.remove(np.ones(len(tracks), np.bool_))
        tracks.predict(step.seconds, step.tick_s)
        if len(tracks):
            # out of time even with one more look granted, as after a gap: not to be found again
            ended += tracks.remove(tracks.unseen_s > self._patience(step.tick_s) + 1.5 * step.tick_s)
        return step.tick_s, ended

    def update(self, detections: Detections | None, frame: Frame, associate: Associate, activate: float) -> Tracks:
        """One frame. Detections that nobody takes begin a track from a score of `activate` on.

        `detections` None: no model saw this frame; tracks only move on and nothing counts as missed.
        """
        tick_s, ended = self.advance(frame, detections is not None)
        return self.settle(detections, frame, associate, activate, tick_s, ended)

    def settle(
        self,
        detections: Detections | None,
        frame: Frame,
        associate: Associate,
        activate: float,
        tick_s: float,
        ended: tuple[int, ...],
    ) -> Tracks:
        """What is left of `update` once `advance` is done. Boxes that can be nowhere are nobody's."""
        tracks = self.tracks
        if detections is None:
            return self._report(frame, NOBODY, NOBODY, ended)
        sound = _sound(detections.xyxy)
        if not sound.all():
            left = np.flatnonzero(sound)
            found = self.settle(detections[left], frame, associate, activate, tick_s, ended)
            return replace(found, row=left[found.row])
        rows, seen_rows = associate(tracks, detections)
        tracks.correct(rows, detections, seen_rows)
        begins = self._begins(detections, seen_rows, activate)
        if len(begins):
            rows = np.concatenate([rows, tracks.add(detections, begins, tick_s)])
            seen_rows = np.concatenate([seen_rows, begins])
        at_once = self.instant and not self.looked
        self.looked = True
        self.next_id = tracks.confirm(rows, 1 if at_once else self.confirm, self.next_id)
        if len(rows) < len(tracks):
            tracks.miss(np.flatnonzero(tracks.unseen_s > 0))
            gone = self._gone(tick_s)
            if gone.any():
                ended += tracks.remove(gone)
                rows = (np.cumsum(~gone) - 1)[rows]
        return self._report(frame, rows, seen_rows, ended)

    def _patience(self, tick_s: float) -> float:
        return self.lost_s if self.lost_frames is None else self.lost_frames * tick_s

    def _begins(self, detections: Detections, taken: I64, activate: float) -> I64:
        """Rows of the detections that begin a track each."""
        if len(taken) == len(detections):
            return NOBODY
        free = detections.score >= activate
        free[taken] = False
        rows = np.flatnonzero(free)
        if self.apart < 1 and len(rows) and len(self.tracks):
            rows = rows[iou(self.tracks.position, detections.xyxy[rows]).max(0) <= self.apart]
        room = self.most - len(self.tracks)
        if self.most and len(rows) > room:
            best = np.argsort(-detections.score[rows], kind="stable")[: max(0, room)]
            rows = np.sort(rows[best])
        return rows

    def _gone(self, tick_s: float) -> Bool:
        tracks = self.tracks
        # a tenth of a frame forgives the rounding of times
        gone = tracks.unseen_s > self._patience(tick_s) + 0.1 * tick_s
        if self.early is not None:
            gone |= (tracks.id == 0) & (tracks.misses >= self.early)
        return gone & (tracks.misses > 0)

    def _report(self, frame: Frame, rows: I64, seen_rows: I64, ended: tuple[int, ...]) -> Tracks:
        tracks = self.tracks
        known = tracks.told(rows, self.confirm)
        ids = tracks.id[rows]
        if not known.all():
            ids, seen_rows = ids[known], seen_rows[known]
        if len(rows) == len(tracks):
            return Tracks(ids, seen_rows, ended=ended)
        coasting = (tracks.id > 0) & ((tracks.misses == 0) | (tracks.unseen_s <= self.coast_s + 1e-6))
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


def _sound(xyxy: F32) -> Bool:
    """Which boxes (N, 4) can be somewhere: numbers, not turned over, not empty."""
    inside = np.abs(xyxy) <= _FARTHEST
    both = inside[:, :2] & inside[:, 2:] & (xyxy[:, 2:] > xyxy[:, :2])
    return both[:, 0] & both[:, 1]
