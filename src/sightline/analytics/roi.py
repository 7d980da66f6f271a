"""A region that says in every frame which objects are in it: no memory, no tracker needed."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sightline.analytics.objects import by_label, column, labels_in, objects_of
from sightline.analytics.placing import Anchor, anchors, check_region, to_pixels
from sightline.shapes import inside
from sightline.types import Frame, FrameResult, Report, Shape

__all__ = ["Roi"]

F64 = NDArray[np.float64]


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
    _placed: tuple[int, int, F64] | None = field(init=False, repr=False, default=None)

    def __post_init__(self) -> None:
        self.points = tuple((float(x), float(y)) for x, y in self.points)
        check_region("roi", self.name, self.points, self.px)

    def check(self, width: int, height: int) -> list[str]:
        """Warnings for frames of this size."""
        return check_region("roi", self.name, self.points, self.px, width, height)

    def shapes(self, frame: Frame) -> tuple[Shape, ...]:
        """The region in frame pixels."""
        return (Shape(self.name, "zone", tuple((float(x), float(y)) for x, y in self._place(frame)), closed=True),)

    def update(self, result: FrameResult) -> Report:
        """{"now": {label: n}}, tracked or not, and the column "roi"."""
        objects = objects_of(result)
        if not len(objects):
            return Report((), {"now": {}})
        within = inside(anchors(objects.xyxy, self.anchor), self._place(result.frame)) != self.inverse
        at = np.flatnonzero(within & labels_in(self.classes, objects))
        columns = {"roi": column(self.name, objects.row[at], len(result.tracks.id))} if len(at) else {}
        return Report((), {"now": by_label(objects, at.tolist())}, columns)

    def _place(self, frame: Frame) -> F64:
        if self._placed is None or self._placed[:2] != (frame.width, frame.height):
            self._placed = (frame.width, frame.height, to_pixels(self.points, self.px, frame.width, frame.height))
        return self._placed[2]
