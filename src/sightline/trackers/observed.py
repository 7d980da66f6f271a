"""The tracks of OC-SORT: what was observed counts for more than what was predicted.

Cao et al., "Observation-Centric SORT: Rethinking SORT for Robust Multi-Object Tracking" (arXiv 2203.14360).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sightline.trackers import boxfilter
from sightline.trackers.population import Columns, Population
from sightline.types import I64, Bool, Detections

__all__ = ["Observed"]

F64 = NDArray[np.float64]

# of centre x, centre y, area, width / height, as the paper has them; the shape has no velocity
_NOISE = boxfilter.Noise(
    start=np.full(4, 10.0),
    start_velocity=np.array([1e4, 1e4, 1e4, 0.0]),
    walk=np.ones(4),
    walk_velocity=np.array([0.01, 0.01, 0.0001, 0.0]),
    measured=np.array([1.0, 1.0, 10.0, 10.0]),
)


_NEVER = -(2**40)  # the number of no look


def _state(xyxy: F64) -> F64:
    """Boxes (N, 4) -> centre x, centre y, area, width / height (N, 4)."""
    out = boxfilter.centre_size(xyxy)
    wide, high = out[:, 2].copy(), out[:, 3]
    out[:, 2] *= high
    out[:, 3] = wide / (high + 1e-6)
    return out


def _boxes(state: F64) -> F64:
    """The way back. What has no area, or no shape, is a point."""
    out = state.copy()
    wide = np.sqrt(np.fmax(state[:, 2] * state[:, 3], 0))
    out[:, 2] = wide
    out[:, 3] = state[:, 2] / np.fmax(wide, 1e-9)
    return boxfilter.corners(out)


@dataclass(slots=True, eq=False)
class Observed(Population):
    """`position` is the predicted box, that which was seen where it was seen just now.

    moving (N, 4, 5) centre x, centre y, area and width / height as `boxfilter` has them. last (N, 4) the box last seen.
    past (N, looks_back, 4) boxes seen of late, past_look (N, looks_back) in which look each. direction (N, 2) unit
    vector of motion, 0 unknown. streak (N,) sightings one after another since the first. frozen (N, 4, 5) `moving` when
    it was first missed; frozen_s (N,) seconds after `last`.

    look: how many looks there have been. again: the streak that a track needs to be reported (None: `confirm`).
    """

    moving: F64 = field(default_factory=lambda: np.zeros((0, 4, 5)))
    last: F64 = field(default_factory=lambda: np.zeros((0, 4)))
    past: F64 = field(default_factory=lambda: np.zeros((0, 1, 4)))
    past_look: I64 = field(default_factory=lambda: np.zeros((0, 1), np.int64))
    direction: F64 = field(default_factory=lambda: np.zeros((0, 2)))
    streak: I64 = field(default_factory=lambda: np.zeros(0, np.int64))
    frozen: F64 = field(default_factory=lambda: np.zeros((0, 4, 5)))
    frozen_s: F64 = field(default_factory=lambda: np.zeros(0))
    looks_back: int = field(default=1, metadata={"column": False})
    again: int | None = field(default=None, metadata={"column": False})
    look: int = field(default=0, metadata={"column": False})
    tick_s: float = field(default=1.0, metadata={"column": False})
    start: F64 | None = field(default=None, metadata={"column": False})  # what `reference` said since the last step

    @classmethod
    def empty(cls, looks_back: int, again: int | None) -> Observed:
        """No tracks; directions are taken over `looks_back` looks."""
        past, past_look = np.zeros((0, looks_back, 4)), np.zeros((0, looks_back), np.int64)
        return cls(past=past, past_look=past_look, looks_back=looks_back, again=again)

    def predict(self, step_s: float, tick_s: float) -> None:
        self.tick_s, self.start = tick_s, None
        if len(self.id):
            _hold(self.moving, step_s)
            boxfilter.predict(self.moving, _NOISE, step_s, tick_s)
            self.position = _boxes(self.moving[..., 0])
            self.unseen_s += step_s

    def reference(self) -> F64:
        """Boxes (N, 4) that a direction is taken from: `looks_back` looks ago, or what is nearest to that."""
        if self.start is None:
            start = self.last
            for look in range(self.look - 1, self.look - self.looks_back - 1, -1):
                slot = look % self.looks_back
                there = self.past_look[:, slot] == look
                start = np.where(there[:, None], self.past[:, slot], start)
            self.start = start
        return self.start

    def correct(self, rows: I64, detections: Detections, seen_rows: I64) -> None:
        if len(rows):
            seen = detections.xyxy[seen_rows].astype(np.float64)
            state = _state(seen)
            self._turn(rows, seen)
            moving = self.moving[rows]
            lost = np.flatnonzero(self.misses[rows])
            if len(lost):
                moving[lost] = self._replayed(rows[lost], seen[lost])
            boxfilter.correct(moving, _NOISE.measured, state)
            self.moving[rows] = moving
            slot = self.look % self.looks_back
            self.past[rows, slot] = seen
            self.past_look[rows, slot] = self.look
            self.last[rows] = seen
            self.position[rows] = seen
            self.streak[rows] += 1
            self._sighted(rows, detections, seen_rows)
        if len(self.id) or len(detections):
            self.look += 1

    def _turn(self, rows: I64, seen: F64) -> None:
        """Directions from the reference to what is seen now; the very first box is none to take it from."""
        way = seen - self.reference()[rows]
        way = way[:, :2] + way[:, 2:]
        way /= (np.sqrt(way[:, 0] * way[:, 0] + way[:, 1] * way[:, 1]) + 2e-6)[:, None]
        way[self.hits[rows] < 2] = 0
        self.direction[rows] = way

    def _replayed(self, rows: I64, seen: F64) -> F64:
        """Those found again (K, 4, 5): from where they were lost, along the straight way to where they are now."""
        steps = np.fmax(np.rint((self.unseen_s[rows] - self.frozen_s[rows]) / self.tick_s), 1)
        order = np.argsort(-steps)  # the longest away first: who is there already stands at the end
        rows, seen, steps = rows[order], seen[order], steps[order]
        began, whole, first = self.frozen_s[rows], self.unseen_s[rows], self.last[rows]
        pace, most = (whole - began) / steps, int(steps[0])
        share = (began + pace * np.arange(most + 1)[:, None]) / whole  # (most + 1, K) of the way
        path = _state((first + (seen - first) * share[..., None]).reshape(-1, 4)).reshape(most + 1, -1, 4)
        unit = np.ones((len(rows), 1, 5))  # each track counts time in steps of its own
        unit[:, 0, 1] = unit[:, 0, 3] = pace
        unit[:, 0, 4] = pace * pace
        moving = self.frozen[rows] * unit
        noise = boxfilter.walked(_NOISE, pace / self.tick_s)
        for k, places in enumerate(path):
            n = len(rows) if k < 2 else int(np.count_nonzero(steps >= k))
            on_the_way = moving[:n]
            if k:
                _hold(on_the_way, 1)
                boxfilter.move(on_the_way, 1)
                on_the_way += noise[:n]
            boxfilter.correct(on_the_way, _NOISE.measured, places[:n])
        out = np.empty_like(moving)
        out[order] = moving / unit
        return out

    def miss(self, rows: I64) -> None:
        fresh = rows[self.misses[rows] == 0]
        if len(fresh):
            self.frozen[fresh] = self.moving[fresh]
            self.frozen_s[fresh] = self.unseen_s[fresh]
            self.streak[fresh] = 0
        self.misses[rows] += 1

    def _fresh(self, detections: Detections, seen_rows: I64, tick_s: float) -> Columns:
        n = len(seen_rows)
        boxes = detections.xyxy[seen_rows].astype(np.float64)
        return Population._fresh(self, detections, seen_rows, tick_s) | {
            "moving": boxfilter.fresh(_state(boxes), _NOISE, tick_s),
            "last": boxes,
            "past": np.zeros((n, self.looks_back, 4)),
            "past_look": np.full((n, self.looks_back), _NEVER),
            "direction": np.zeros((n, 2)),
            "streak": np.zeros(n, np.int64),
            "frozen": np.zeros((n, 4, 5)),
            "frozen_s": np.zeros(n),
        }

    def confirm(self, rows: I64, hits: int, next_id: int) -> int:
        return self._name(rows[(self.id[rows] == 0) & self._sure(rows, hits)], next_id)

    def told(self, rows: I64, confirm: int) -> Bool:
        return (self.id[rows] > 0) & self._sure(rows, confirm if self.again is None else self.again)

    def _sure(self, rows: I64, streak: int) -> Bool:
        """Seen often enough without a break; in the first looks of all, seen twice."""
        return self.streak[rows] >= (min(streak, 1) if self.look - 1 <= streak else streak)


def _hold(moving: F64, step: float) -> None:
    """An area that would vanish within the step stays as it is."""
    area = moving[:, 2]
    vanishing = area[:, 0] + area[:, 1] * step <= 0
    if vanishing.any():
        area[vanishing, 1] = 0
