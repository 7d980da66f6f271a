"""BoT-SORT: ByteTrack with a camera that may move and objects that look like something.

Aharon et al., "BoT-SORT: Robust Associations Multi-Pedestrian Tracking" (arXiv 2206.14651). Without pictures and
appearance, with the same parameters and even times, it gives the tracks of the `trackers` package 2.6 (Apache-2.0);
see docs/tracking.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from sightline.trackers.bytetrack import ByteTrack
from sightline.trackers.checks import check_fractions
from sightline.trackers.matching import NOBODY, assign, by_label, fit, iou, match, others, too_many
from sightline.trackers.population import Population
from sightline.trackers.scaled import Scaled
from sightline.types import F32, I64, Detections, Frame, Tracks

__all__ = ["BotSort", "Motion"]

F64 = NDArray[np.float64]


class Motion(Protocol):
    """How the camera moved since the frame before: called once for every frame, in order.

    `boxes` (N, 4) xyxy frame pixels: where things are that move on their own. The answer (2, 3) leads from the frame
    pixels of the frame before to those of this one; None: it did not move, or nobody can tell.
    """

    def __call__(self, frame: Frame, boxes: NDArray[np.floating]) -> F64 | None: ...
    def reset(self) -> None: ...


@dataclass(eq=False, kw_only=True)
class BotSort(ByteTrack):
    """A tracker for one stream; ids count from 1. Options beside these: see `ByteTrack` and `Terms`.

    match: least IoU times score in the first round; second_match: least IoU in the second; unconfirmed_match: as
    `match`, of tracks that have no id yet. instant: what the first look at a stream sees has its id at once.
    camera_motion: follow the camera where the stream has pictures.
    appearance: name of the stage whose embeddings (column "embedding") say what objects look like; "" whatever has it.
    appearance_weight: its share in the likeness of a pair that both have an embedding. appearance_match: cosine
    similarity from which it joins a pair on its own, where the IoU is at least appearance_near. appearance_least: no
    pair below that similarity (0: any). appearance_memory: share of what is known of a track that stays with each
    sighting.
    """

    match: float = 0.2
    second_match: float | None = 0.5
    unconfirmed_match: float = 0.3
    instant: bool = True
    camera_motion: bool = True
    appearance: str = ""
    appearance_weight: float = 0.5
    appearance_match: float = 0.5
    appearance_near: float = 0.1
    appearance_least: float = 0.0
    appearance_memory: float = 0.9
    motion: Motion | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        check_fractions(
            unconfirmed_match=self.unconfirmed_match,
            appearance_weight=self.appearance_weight,
            appearance_match=self.appearance_match,
            appearance_near=self.appearance_near,
            appearance_least=self.appearance_least,
            appearance_memory=self.appearance_memory,
        )
        ByteTrack.__post_init__(self)

    def reset(self) -> None:
        """Forget everything, ids included."""
        self._life = self._begin(Scaled(memory=self.appearance_memory, sure=self._high), instant=self.instant)
        if self.motion is not None:
            self.motion.reset()

    def update(self, detections: Detections | None, frame: Frame) -> Tracks:
        """Ids for rows of `detections`; None: no model saw this frame, tracks only move on."""
        life = self._life
        tick_s, ended = life.advance(frame, detections is not None)
        if self.motion is not None and self.camera_motion:
            tracks = cast("Scaled", life.tracks)
            moved = self.motion(frame, tracks.position if detections is None else detections.xyxy)
            if moved is not None:
                tracks.warp(moved)
        return life.settle(detections, frame, self._associate, self._begin_score, tick_s, ended)

    def _associate(self, tracks: Population, detections: Detections) -> tuple[I64, I64]:
        """Tracks with an id and sure detections, then doubtful ones, then tracks without an id."""
        tracks = cast("Scaled", tracks)
        sure = np.flatnonzero(detections.score >= self._high)
        named, unnamed = np.flatnonzero(tracks.id > 0), np.flatnonzero(tracks.id == 0)
        seen_as = tracks.looks(detections)
        rows, seen = self._fused(tracks, named, detections, sure, seen_as, self.match)
        if len(sure) < len(detections) and len(rows) < len(named):
            doubtful = np.flatnonzero((detections.score < self._high) & (detections.score >= self.floor))
            left = others(len(tracks), np.concatenate([rows, unnamed]))
            left = left[tracks.misses[left] == 0]
            more, found = match(
                tracks.position[left],
                tracks.label[left],
                detections.xyxy[doubtful],
                detections.label[doubtful],
                self._doubtful_match,
                self._other,
                self._size,
            )
            rows, seen = np.concatenate([rows, left[more]]), np.concatenate([seen, doubtful[found]])
        if len(unnamed):
            free = sure[~np.isin(sure, seen)]
            more, found = self._fused(tracks, unnamed, detections, free, seen_as, self.unconfirmed_match)
            rows, seen = np.concatenate([rows, more]), np.concatenate([seen, found])
        return rows, seen

    def _fused(
        self, tracks: Scaled, rows: I64, detections: Detections, chosen: I64, seen_as: F32 | None, least: float
    ) -> tuple[I64, I64]:
        """Pairs of the tracks `rows` and the detections `chosen` by place, score and appearance."""
        if not len(rows) or not len(chosen):
            return NOBODY, NOBODY
        boxes, label = tracks.position[rows], tracks.label[rows]
        xyxy, seen_label = detections.xyxy[chosen], detections.label[chosen]
        if too_many(rows, chosen):
            found, columns = match(boxes, label, xyxy, seen_label, least, self._other, self._size)
            return rows[found], chosen[columns]
        overlap = iou(boxes, xyxy)
        likeness, alike = fit(overlap, boxes, xyxy, self._size)
        likeness = likeness * detections.score[chosen].astype(np.float64)
        allowed = likeness >= least
        if seen_as is not None and seen_as.shape[1] == tracks.embedding.shape[1]:
            similar = tracks.embedding[rows] @ seen_as[chosen].T
            known = (tracks.embedding[rows] != 0).any(1)[:, None] & (seen_as[chosen] != 0).any(1)
            allowed |= known & (similar >= self.appearance_match) & (overlap >= self.appearance_near)
            if self.appearance_least:
                allowed &= ~known | (similar >= self.appearance_least)
            weight = np.where(known, self.appearance_weight, 0.0)
            likeness = likeness * (1 - weight) + weight * np.fmax(similar, 0)
        if alike is not None:
            allowed &= alike
        found, columns = assign(*by_label(likeness, allowed, overlap, label, seen_label, self._other))
        return rows[found], chosen[columns]
