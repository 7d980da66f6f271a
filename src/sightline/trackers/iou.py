"""IOU: a detection belongs to the track whose last box it overlaps most. Nothing is predicted.

Bochinski et al., "High-Speed Tracking-by-Detection Without Using Image Information" (AVSS 2017), with the best sum of
overlaps instead of one track after the other.
"""

from __future__ import annotations

from dataclasses import dataclass

from sightline.trackers.population import Population
from sightline.trackers.sort import Sort

__all__ = ["Iou"]


@dataclass(eq=False, kw_only=True)
class Iou(Sort):
    """A tracker for one stream; ids count from 1. Options beside these: see `Terms`.

    low: least score that is looked at (None: the model's own threshold where one is known, else 0).
    activate: least score that begins a track (None: the model's own threshold, else 0.25).
    match: least IoU of the box a track was last seen in and a detection.
    """

    def reset(self) -> None:
        """Forget everything, ids included."""
        self._life = self._begin(Population())
