"""How many of each object were seen on average, every few seconds, as an event."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from sightline.analytics.objects import Objects, objects_of
from sightline.analytics.rollup_rows import Summary, window_end
from sightline.facts import event
from sightline.types import Event, Frame, FrameResult, Report, Shape

__all__ = ["Rollup"]


@dataclass(eq=False)
class Rollup:
    """At the end of every window says of each label how many were seen on average, as a `rollup` event.

    The 15-second summary of the Jetson video analytics guide over a stream's own results: the mean over the frames
    that had such an object, cut to a whole number. Its data are {"count", "sensorId", "object", "@timestamp"}, the
    last the end of the window. What is there more than once at one time is left out (see `rollup_rows`).

    Windows are those of the clock for live streams and of the stream's own time for others, whose "@timestamp" then
    counts from `starts_s`. A frame whose time lies before the current window, as after a clock was set back, is
    counted in the current one.

    window_s: length; windows end at its multiples. sensor: "sensorId" ("": the stream's id). classes: only these
    labels (none: all). starts_s: seconds since 1970 UTC at which a file begins.
    """

    name: str = "rollup"
    window_s: float = 15.0
    sensor: str = ""
    classes: tuple[str, ...] = ()
    starts_s: float = 0.0
    _end_ms: int | None = field(init=False, repr=False, default=None)
    _epoch: int = field(init=False, repr=False, default=0)
    _at_ms: int = field(init=False, repr=False, default=0)
    _moment: list[Objects] = field(init=False, repr=False)
    _sums: dict[str, tuple[int, int]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if not 0.001 <= self.window_s < float("inf"):
            raise ValueError(f"window_s: expected a number of seconds above 0, got {self.window_s}")
        self._moment = []
        self._sums = {}

    def shapes(self, frame: Frame) -> tuple[Shape, ...]:
        """Nothing to draw."""
        return ()

    def update(self, result: FrameResult) -> Report:
        """The `rollup` events of a window that ended before this frame, one a label."""
        frame = result.frame
        seconds = frame.wall_ns / 1e9 if frame.stream.live else frame.at.seconds
        if seconds is None:
            return Report()
        ms = math.floor((seconds + (0.0 if frame.stream.live else self.starts_s)) * 1000 + 1e-6)
        again = frame.at.epoch != self._epoch and not frame.stream.live  # a file that begins anew
        self._epoch = frame.at.epoch
        if ms != self._at_ms or again:
            self._settle()
            self._at_ms = ms
        events: tuple[Event, ...] = ()
        end = window_end(ms, round(self.window_s * 1000))
        if self._end_ms is None or end > self._end_ms or again:
            events = self._close(frame)
            self._end_ms = end
        objects = objects_of(result.prediction.detections, result.tracks, result.inferred)
        objects = objects[objects.of(self.classes)] if self.classes else objects
        if len(objects):
            self._moment.append(objects)
        return Report(events)

    def _settle(self) -> None:
        """What was seen at one time is counted once that time is over."""
        for label, n in _counted(self._moment).items():
            total, times = self._sums.get(label, (0, 0))
            self._sums[label] = (total + n, times + 1)
        self._moment.clear()

    def _close(self, frame: Frame) -> tuple[Event, ...]:
        """The window that was open is over."""
        if self._end_ms is None:
            return ()
        sensor = self.sensor or frame.stream.id
        summaries = [
            Summary(math.floor(total / times), sensor, label, self._end_ms)
            for label, (total, times) in self._sums.items()
        ]
        self._sums.clear()
        return tuple(event("rollup", self.name, frame, None, s.object, s.message) for s in summaries)


def _counted(moment: list[Objects]) -> dict[str, int]:
    """{label: how many} of what was seen at one time, in one frame or several."""
    if len(moment) == 1:
        label, number = np.unique(moment[0].label, return_counts=True)
        name = {int(k): moment[0].name_of(i) for i, k in enumerate(moment[0].label.tolist())}
        return {name[k]: n for k, n in zip(label.tolist(), number.tolist(), strict=True)}
    matches = Counter(
        (i, objects.name_of(i), int(objects.track[i]), *objects.xyxy[i].tolist())
        for objects in moment
        for i in range(len(objects))
    )
    return Counter(element[1] for element, times in matches.items() if times == 1)
