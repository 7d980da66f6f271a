"""What the rules of one stream share about a result: who is seen, where, and where each was seen before.

Sights are values, one made of the one before and a result. The same two give the same sight from a small cache, so that
all rules of a stream share one without knowing of each other; and what was asked of the last sight by all of them is
computed in one go for the next.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import cast

import numpy as np
from numpy.typing import NDArray

from sightline.analytics.chain import Chain
from sightline.analytics.fences import Fence, Rail, Side, of_fences, of_rails
from sightline.analytics.objects import labels_in, word
from sightline.analytics.placing import Anchor, anchors, band_of
from sightline.types import F32, I32, I64, Bool, Detections, FrameResult, Tracks

__all__ = ["Sight", "Table", "look"]

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The last sighting of every track that has not ended: `id` (N,) sorted and `slot` (N,), the row of `box` (C, 4),
    `label` (C,) and `seen_s` (C,) (NaN: no time) that is its own until it ends.
    """

    id: I64 = field(default_factory=lambda: np.zeros(0, np.int64))
    slot: I64 = field(default_factory=lambda: np.zeros(0, np.int64))
    box: F32 = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    label: I32 = field(default_factory=lambda: np.zeros(0, np.int32))
    seen_s: F64 = field(default_factory=lambda: np.zeros(0))

    def slots_of(self, ids: I64) -> tuple[I64, Bool]:
        """(M,) slots of `ids` (M,), and which of them are known; the slot of an unknown one means nothing."""
        if not len(self.id):
            return np.zeros(len(ids), np.int64), np.zeros(len(ids), np.bool_)
        place = np.minimum(np.searchsorted(self.id, ids), len(self.id) - 1)
        return self.slot[place], self.id[place] == ids


@dataclass(slots=True, eq=False, weakref_slot=True)
class Sight:
    """M tracks seen in a frame: `id`, `row` of the detections, `label`, `slot` in `table`, `boxes` (M, 4); whether it
    was `known` before, and then `before` (M, 4) its last box, `before_s` and `before_label`.

    over: nothing of before can be compared, as of another epoch or size. freed: slots of tracks that ended.
    here: slots of all tracks that are seen or coasting, whatever their label.
    """

    scene: tuple[int, int, int]
    seconds: float | None
    names: tuple[str, ...]
    over: bool
    freed: I64
    here: I64
    table: Table
    id: I64
    row: I64
    label: I32
    slot: I64
    known: Bool
    boxes: F32
    before: F32
    before_s: F64
    before_label: I32
    expected_fences: dict[Anchor, tuple[Fence, ...]]
    expected_rails: dict[Anchor, tuple[Rail, ...]]
    chain: Chain[Sight] = field(default_factory=lambda: Chain[Sight]())
    _fences: dict[Fence, tuple[Side, Bool, bool]] = field(default_factory=dict[Fence, tuple[Side, Bool, bool]])
    _rails: dict[Rail, tuple[Side, Bool, bool]] = field(default_factory=dict[Rail, tuple[Side, Bool, bool]])
    _asked: dict[Fence | Rail, None] = field(default_factory=dict["Fence | Rail", None])
    _at: dict[Anchor, F64] = field(default_factory=dict[Anchor, F64])
    _from: dict[Anchor, F64] = field(default_factory=dict[Anchor, F64])
    _bands: dict[tuple[float, float | None], F64] = field(default_factory=dict[tuple[float, "float | None"], F64])

    def at(self, anchor: Anchor) -> F64:
        """(M, 2) where the anchors are."""
        if anchor not in self._at:
            self._at[anchor] = anchors(self.boxes, anchor)
        return self._at[anchor]

    def came_from(self, anchor: Anchor) -> F64:
        """(M, 2) where the anchors were when they were seen before."""
        if anchor not in self._from:
            self._from[anchor] = anchors(self.before, anchor)
        return self._from[anchor]

    def name(self, label: int) -> str:
        """The word for a label; "class7" where there is none."""
        return word(self.names, label)

    def band(self, rule: Fence | Rail) -> F64:
        """(M,) width of the doubtful band."""
        key = rule.hysteresis, rule.hysteresis_px
        if key not in self._bands:
            self._bands[key] = band_of(self.boxes, *key)
        return self._bands[key]

    def fence(self, fence: Fence) -> tuple[Side, Bool, bool]:
        """(M,) sides, whether each may have passed through (see `of_fences`), and whether any may have."""
        self._asked[fence] = None
        if fence not in self._fences:
            together = self.expected_fences.get(fence.anchor, ())
            together = together if fence in together else (fence,)
            at = self.at(fence.anchor)
            way = np.hypot(*(at - self.came_from(fence.anchor)).T) + 1e-6
            sides, near = of_fences(at, self._band_of(together), way, self.known, together)
            found = zip(sides, near, cast("list[bool]", near.any(1).tolist()), strict=True)
            self._fences.update(zip(together, found, strict=True))
        return self._fences[fence]

    def rail(self, rail: Rail) -> tuple[Side, Bool, bool]:
        """(M,) sides, whether each may have crossed (see `of_rails`), and whether any may have."""
        self._asked[rail] = None
        if rail not in self._rails:
            together = self.expected_rails.get(rail.anchor, ())
            together = together if rail in together else (rail,)
            at, start = self.at(rail.anchor), self.came_from(rail.anchor)
            sides, over = of_rails(at, start, self._band_of(together), together)
            found = zip(sides, over, cast("list[bool]", over.any(1).tolist()), strict=True)
            self._rails.update(zip(together, found, strict=True))
        return self._rails[rail]

    def _band_of(self, rules: tuple[Fence | Rail, ...]) -> F64:
        bands = [self.band(rule) for rule in rules]
        return bands[0] if all(b is bands[0] for b in bands) else np.stack(bands)

    def expect(self) -> tuple[dict[Anchor, tuple[Fence, ...]], dict[Anchor, tuple[Rail, ...]]]:
        """What was asked of this sight, by anchor: the next one will be asked the same."""
        fences: dict[Anchor, tuple[Fence, ...]] = {}
        rails: dict[Anchor, tuple[Rail, ...]] = {}
        for rule in self._asked:
            if isinstance(rule, Fence):
                fences[rule.anchor] = (*fences.get(rule.anchor, ()), rule)
            elif len(rule.line) == 2:
                rails[rule.anchor] = (*rails.get(rule.anchor, ()), rule)
        return fences, rails


def look(before: Sight | None, result: FrameResult, classes: tuple[str, ...] = ()) -> Sight:
    """What is seen in a result by rules that follow these labels (none: all), given what they saw before."""
    if before is None:
        return _first(*_parts(result), classes)
    return before.chain.after(result, lambda: _next(before, *_parts(result), classes))


def _parts(result: FrameResult) -> tuple[Detections, Tracks, tuple[int, int, int], float | None]:
    frame = result.frame
    scene = (frame.at.epoch, frame.width, frame.height)
    return result.prediction.detections, result.tracks, scene, frame.at.seconds


# all rules of a stream begin with the same result
@lru_cache(maxsize=4)
def _first(
    detections: Detections,
    tracks: Tracks,
    scene: tuple[int, int, int],
    seconds: float | None,
    classes: tuple[str, ...],
) -> Sight:
    return _next(None, detections, tracks, scene, seconds, classes)


def _next(
    before: Sight | None,
    detections: Detections,
    tracks: Tracks,
    scene: tuple[int, int, int],
    seconds: float | None,
    classes: tuple[str, ...],
) -> Sight:
    ids, rows = tracks.id, tracks.row
    if classes and len(ids):
        wanted = labels_in(classes, detections.label[rows], detections.names)
        ids, rows = ids[wanted], rows[wanted]
    over = before is not None and before.scene != scene
    table = Table() if before is None or over else before.table
    boxes, label = detections.xyxy[rows], detections.label[rows]
    table, freed = _without(table, tracks.ended)
    slot, known = table.slots_of(ids)
    if not known.all():
        table = _with(table, ids[~known])
        slot, _ = table.slots_of(ids)
    past, past_label, past_s = table.box[slot], table.label[slot], table.seen_s[slot]
    box, labels, seen_s = table.box.copy(), table.label.copy(), table.seen_s.copy()
    box[slot], labels[slot], seen_s[slot] = boxes, label, np.nan if seconds is None else seconds
    table = Table(table.id, table.slot, box, labels, seen_s)
    here, there = table.slots_of(np.concatenate([tracks.id, tracks.coasting]) if len(tracks.coasting) else tracks.id)
    fences, rails = before.expect() if before is not None else ({}, {})
    return Sight(
        scene,
        seconds,
        detections.names,
        over,
        freed,
        here[there],
        table,
        ids,
        rows,
        label,
        slot,
        known,
        boxes,
        past,
        past_s,
        past_label,
        fences,
        rails,
    )


def _without(table: Table, ended: tuple[int, ...]) -> tuple[Table, I64]:
    """The table without tracks that ended, and the slots that they had."""
    if not ended or not len(table.id):
        return table, np.zeros(0, np.int64)
    gone = np.isin(table.id, ended)
    freed = table.slot[gone]
    stay = ~gone
    return Table(table.id[stay], table.slot[stay], table.box, table.label, table.seen_s), freed


def _with(table: Table, fresh: I64) -> Table:
    """The table with slots for tracks `fresh` that it has not; it grows where all are taken."""
    fresh = np.sort(fresh)
    box, label, seen_s = table.box, table.label, table.seen_s
    if len(table.id) + len(fresh) > len(box):
        more = max(64, 2 * (len(table.id) + len(fresh))) - len(box)
        box = np.concatenate([box, np.zeros((more, 4), np.float32)])
        label = np.concatenate([label, np.zeros(more, np.int32)])
        seen_s = np.concatenate([seen_s, np.zeros(more)])
    free = np.ones(len(box), np.bool_)
    free[table.slot] = False
    slots = np.flatnonzero(free)[: len(fresh)]
    into = np.searchsorted(table.id, fresh)
    return Table(np.insert(table.id, into, fresh), np.insert(table.slot, into, slots), box, label, seen_s)
