"""A region that says when it is too full."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from sightline.analytics.fences import Fence
from sightline.analytics.objects import by_label, column
from sightline.analytics.placing import Anchor, check_region
from sightline.analytics.presence import Presence, present, region
from sightline.facts import event
from sightline.types import Event, Frame, FrameResult, Report, Shape

__all__ = ["Crowd"]


@dataclass(eq=False)
class Crowd:
    """Says whether `objects` or more have their anchors in a polygon (even-odd rule), for `after_s` or longer.

    The meaning of `overcrowding` in DeepStream's nvdsanalytics (whose own code compares only the number, and lets
    `time-threshold` be). Events `crowd.began` and `crowd.ended`; the count "crowded" holds those who are in it while
    it is too full and is empty otherwise; `columns["crowd"]` names the region at every track that is in it.

    points: x and y as fractions of the upright frame, or in pixels with `px`. anchor: the point of the box that counts.
    classes: count only these labels (none: all).
    """

    name: str
    points: tuple[tuple[float, float], ...]
    px: bool = False
    objects: int = 1
    after_s: float = 0.0
    anchor: Anchor = "bottom"
    classes: tuple[str, ...] = ()
    _placed: tuple[int, int, Fence] | None = field(init=False, repr=False, default=None)
    _present: Presence | None = field(init=False, repr=False, default=None)
    _full_since_s: float | None = field(init=False, repr=False, default=None)
    _began_s: float | None = field(init=False, repr=False, default=None)
    _crowded: bool = field(init=False, repr=False, default=False)
    _epoch: int = field(init=False, repr=False, default=0)
    _most: int = field(init=False, repr=False, default=0)

    def __post_init__(self) -> None:
        self.points = tuple((float(x), float(y)) for x, y in self.points)
        check_region("crowd", self.name, self.points, self.px)
        if self.objects < 1:
            raise ValueError(f"objects: expected 1 or more, got {self.objects}")
        if not 0 <= self.after_s < float("inf"):
            raise ValueError(f"after_s: expected 0 or more seconds, got {self.after_s}")

    def check(self, width: int, height: int) -> list[str]:
        """Warnings for frames of this size."""
        return check_region("crowd", self.name, self.points, self.px, width, height)

    def shapes(self, frame: Frame) -> tuple[Shape, ...]:
        """The region in frame pixels."""
        corners = tuple((float(x), float(y)) for x, y in self._place(frame).polygon)
        return (Shape(self.name, "zone", corners, closed=True),)

    def update(self, result: FrameResult) -> Report:
        """{"now": {label: n}, "crowded": the same while too full, else {}}, the events and the column "crowd"."""
        self._present = here = present(self._present, result)
        objects = here.objects
        at = np.zeros(0, np.int64)
        if len(objects):
            within = here.within(self._place(result.frame))
            at = np.flatnonzero(within & objects.of(self.classes) if self.classes else within)
        now = by_label(objects, at)
        events = self._judge(result.frame, len(at), now)
        columns = {"crowd": column(self.name, objects.row[at], len(result.tracks.id))} if len(at) else {}
        return Report(tuple(events), {"now": now, "crowded": now if self._crowded else {}}, columns)

    def _judge(self, frame: Frame, number: int, now: dict[str, int]) -> list[Event]:
        """What `number` objects of labels `now` mean."""
        events: list[Event] = []
        seconds = frame.at.seconds or 0.0
        if frame.at.epoch != self._epoch:
            events += self._end(frame, 0)
            self._epoch = frame.at.epoch
        if number < self.objects:
            events += self._end(frame, number)
            return events
        if self._full_since_s is None:
            self._full_since_s = seconds
        self._most = max(self._most, number)
        if not self._crowded and seconds - self._full_since_s >= self.after_s:
            self._crowded = True
            data: dict[str, object] = {"objects": number, "labels": dict(now), "full_since_s": self._full_since_s}
            events.append(event("crowd.began", self.name, frame, None, None, data))
        return events

    def _end(self, frame: Frame, number: int) -> list[Event]:
        """No longer as full as that."""
        since, self._full_since_s, most, self._most = self._full_since_s, None, self._most, 0
        if not self._crowded:
            return []
        self._crowded = False
        data: dict[str, object] = {"objects": number, "most": most, "full_since_s": since}
        return [event("crowd.ended", self.name, frame, None, None, data)]

    def _place(self, frame: Frame) -> Fence:
        if self._placed is None or self._placed[:2] != (frame.width, frame.height):
            self._placed = (frame.width, frame.height, region(self.points, self.px, frame, self.anchor))
        return self._placed[2]
