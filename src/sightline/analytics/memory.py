"""What a line or zone itself remembers of each track: columns by the slot that the track has in the table of sights."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sightline.analytics.fences import Side
from sightline.analytics.sight import Sight
from sightline.types import I64

__all__ = ["Memory"]


@dataclass(slots=True, eq=False)
class Memory:
    """`side` (C,) where a track was last clearly seen (1 right or inside, -1 left or outside, 0 not yet), `net` (C,)
    crossings of a line since then.
    """

    side: Side = field(default_factory=lambda: np.zeros(0, np.int8))
    net: I64 = field(default_factory=lambda: np.zeros(0, np.int64))

    def begin(self, sight: Sight) -> None:
        """Forget the tracks that ended, and all of them where the scene is over; have room for all that are seen."""
        if sight.over:
            self.side[:] = 0
            self.net[:] = 0
        elif len(sight.freed):
            self.side[sight.freed] = 0
            self.net[sight.freed] = 0
        more = len(sight.table.box) - len(self.side)
        if more > 0:
            self.side = np.concatenate([self.side, np.zeros(more, np.int8)])
            self.net = np.concatenate([self.net, np.zeros(more, np.int64)])
