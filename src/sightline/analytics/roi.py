"""A region that says in every frame which objects are in it: no memory, no tracker needed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sightline.analytics.fences import Fence
from sightline.analytics.objects import by_label, column
from sightline.analytics.placing import Anchor, check_region
from sightline.analytics.presence import Presence, present, region
from sightline.types import Frame, FrameResult, Report, Shape

__all__ = ["Roi"]


@dataclass(eq=False)
class Roi:
    """Counts the objects whose anchor is in a polygon (by the even-odd rule), in this very frame.

    The meaning of `roi-filtering` in DeepStream's nvdsanalytics. `columns["roi"]` names the region at the tracks that
    are in it.

    points: x and y as fractions of the upright frame, or in pixels with `px`. inverse: what is outside counts instead.
    anchor: the point of the box that counts. classes: count only these labels (none: all).
    """

    name: str
    points: tuple[tuple[float, float], ...]
    px: bool = False
    inverse: bool = False
    anchor: Anchor = "bottom"
    classes: tuple[str, ...] = ()
    _placed: tuple[int, int, Fence] | None = field(init=False, repr=False, default=None)
    _present: Presence | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        self.points = tuple((float(x), float(y)) for x, y in self.points)
        check_region("roi", self.name, self.points, self.px)

    def check(self, width: int, height: int) -> list[str]:
        """Warnings for frames of this size."""
        return check_region("roi", self.name, self.points, self.px, width, height)

    def shapes(self, frame: Frame) -> tuple[Shape, ...]:
        """The region in frame pixels."""
        corners = tuple((float(x), float(y)) for x, y in self._place(frame).polygon)
        return (Shape(self.name, "zone", corners, closed=True),)

    def update(self, result: FrameResult) -> Report:
        """{"now": {label: n}}, tracked or not, and the column "roi"."""
        self._present = here = present(self._present, result)
        objects = here.objects
        if not len(objects):
            return Report((), {"now": {}})
        within = here.within(self._place(result.frame))
        if self.inverse:
            within = ~within
        at = np.flatnonzero(within & objects.of(self.classes) if self.classes else within)
        if not len(at):
            return Report((), {"now": {}})
        columns = {"roi": column(self.name, objects.row[at], len(result.tracks.id))}
        return Report((), {"now": by_label(objects, at)}, columns)

    def _place(self, frame: Frame) -> Fence:
        if self._placed is None or self._placed[:2] != (frame.width, frame.height):
            self._placed = (frame.width, frame.height, region(self.points, self.px, frame, self.anchor))
        return self._placed[2]
