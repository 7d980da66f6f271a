"""What a line remembers of each track: columns by id, dropped when the track ends."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sightline.types import I64, Frame

__all__ = ["Evidence", "Memory"]

F64 = NDArray[np.float64]

# anchor before, anchor after, their times
Evidence = tuple[F64, F64, float | None, float | None]


@dataclass(slots=True, eq=False)
class Memory:
    """Columns of N tracks sorted by id: `point` (N, 2) of the last sighting and its time `at_s` (N,) (NaN: none),
    `side` (N,) where it was last clearly seen (1 right, -1 left, 0 not yet), `net` (N,) crossings since then,
    `known` (N,) whether it was seen before this frame. `evidence` by id: the last way that crossed, not settled yet.
    """

    id: I64 = field(default_factory=lambda: np.zeros(0, np.int64))
    point: F64 = field(default_factory=lambda: np.zeros((0, 2)))
    at_s: F64 = field(default_factory=lambda: np.zeros(0))
    side: I64 = field(default_factory=lambda: np.zeros(0, np.int64))
    net: I64 = field(default_factory=lambda: np.zeros(0, np.int64))
    known: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))
    evidence: dict[int, Evidence] = field(default_factory=dict[int, Evidence])
    scene: tuple[int, int, int] | None = None  # epoch and size of the frames the places belong to

    def is_over(self, frame: Frame) -> bool:
        """Whether nothing of before can be compared with `frame`: a new epoch, or another size."""
        return self.scene is not None and self.scene != _scene(frame)

    def begin(self, frame: Frame, ended: tuple[int, ...]) -> None:
        """Forget the tracks that ended, and all of them where the scene is over."""
        if self.is_over(frame):
            self._keep(np.zeros(len(self.id), np.bool_))
        elif ended:
            self._keep(~np.isin(self.id, ended))
        self.scene = _scene(frame)

    def places(self, ids: I64) -> I64:
        """Where in the columns `ids` (M,) are; new ones are added."""
        at = np.searchsorted(self.id, ids)
        found = at < len(self.id)
        found[found] = self.id[at[found]] == ids[found]
        if found.all():
            return at
        fresh = np.sort(ids[~found])
        into = np.searchsorted(self.id, fresh)
        self.id = np.insert(self.id, into, fresh)
        self.point = np.insert(self.point, into, 0.0, axis=0)
        self.at_s = np.insert(self.at_s, into, np.nan)
        self.side = np.insert(self.side, into, 0)
        self.net = np.insert(self.net, into, 0)
        self.known = np.insert(self.known, into, False)
        return np.searchsorted(self.id, ids)

    def move(self, places: I64, to: F64, frame: Frame) -> None:
        """The tracks at `places` (M,) were seen at `to` (M, 2)."""
        seconds = frame.at.seconds
        self.point[places] = to
        self.at_s[places] = np.nan if seconds is None else seconds
        self.known[places] = True

    def seconds(self, place: int) -> float | None:
        """When the track at `place` was last seen."""
        seconds = float(self.at_s[place])
        return None if np.isnan(seconds) else seconds

    def _keep(self, stay: NDArray[np.bool_]) -> None:
        for gone in self.id[~stay].tolist():
            self.evidence.pop(gone, None)
        self.id, self.point, self.at_s = self.id[stay], self.point[stay], self.at_s[stay]
        self.side, self.net, self.known = self.side[stay], self.net[stay], self.known[stay]


def _scene(frame: Frame) -> tuple[int, int, int]:
    return frame.at.epoch, frame.width, frame.height
