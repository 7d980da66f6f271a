"""Which objects within a track are the same from frame to frame: those that lie in the same place of it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from sightline.boxes import intersections
from sightline.pipeline.remembering import Key
from sightline.types import F32

__all__ = ["Places"]

_ALIKE = 0.2  # overlap of two boxes, as shares of their parents, from which they are one object
_MISSES = 8  # looks in which a place was empty, until it is forgotten


@dataclass(slots=True)
class _Place:
    number: int
    box: F32
    misses: int = 0


@dataclass(slots=True)
class Places:
    """The places of one stream's objects within objects, by what found them and the key of what they lie in."""

    _known: dict[tuple[str, Key], list[_Place]] = field(default_factory=dict[tuple[str, Key], list[_Place]])
    _count: dict[tuple[str, Key], int] = field(default_factory=dict[tuple[str, Key], int])

    def numbers(self, stage: str, parent: Key, around: F32, boxes: F32) -> tuple[list[int], list[Key]]:
        """The number of each of `boxes` (N, 4) within `around` (4,), and the keys that will not come back."""
        at = (stage, parent)
        known = self._known.setdefault(at, [])
        sides = np.maximum(around[2:] - around[:2], 1e-6)
        shares = ((boxes - np.tile(around[:2], 2)) / np.tile(sides, 2)).astype(np.float32)
        found: list[int | None] = [None] * len(boxes)
        for place in known:
            place.misses += 1
        for place, row in _pairs(known, shares):
            found[row], place.box, place.misses = place.number, shares[row], 0
        numbers: list[int] = []
        for row, number in enumerate(found):
            if number is None:
                number = self._count.get(at, 0)
                self._count[at] = number + 1
                known.append(_Place(number, shares[row]))
            numbers.append(number)
        gone = [(*parent, place.number) for place in known if place.misses > _MISSES]
        if gone:
            self._known[at] = [place for place in known if place.misses <= _MISSES]
        return numbers, gone

    def forget(self, tracks: Iterable[int]) -> None:
        """Let go of what lies in tracks that will not come back."""
        gone = set(tracks)
        for at in [at for at in self._count if at[1][0] in gone]:
            del self._count[at]
            self._known.pop(at, None)


def _pairs(known: list[_Place], shares: F32) -> Iterable[tuple[_Place, int]]:
    """Known places and the rows of `shares` (N, 4) that are the same, the most alike first."""
    if not known or not len(shares):
        return
    before = np.stack([place.box for place in known])
    shared = intersections(before, shares)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(1) for boxes in (before, shares)]
    likeness = shared / np.maximum(areas[0][:, None] + areas[1][None] - shared, 1e-9)
    while True:
        best = int(likeness.argmax())
        place, row = divmod(best, len(shares))
        if likeness[place, row] < _ALIKE:
            return
        yield known[place], row
        likeness[place], likeness[:, row] = -1, -1
