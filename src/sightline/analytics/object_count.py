"""How many objects there are of each label, without the flicker."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

import numpy as np

from sightline.analytics.objects import by_label, objects_of
from sightline.types import Frame, FrameResult, Report, Shape

__all__ = ["ObjectCount"]


@dataclass(eq=False)
class ObjectCount:
    """Counts the objects of each label in the frame: of the numbers of the last `window_s` seconds the commonest one.

    The meaning of `obj-cnt-win-in-ms` and objCnt in DeepStream's nvdsanalytics. Of equally common numbers the latest is
    taken. window_s: 0 counts each frame for itself. classes: only these labels (none: all).
    """

    name: str = "objects"
    window_s: float = 0.05
    classes: tuple[str, ...] = ()
    _past: deque[tuple[float, dict[str, int]]] = field(init=False, repr=False)
    _epoch: int = field(init=False, repr=False, default=0)

    def __post_init__(self) -> None:
        if not 0 <= self.window_s < float("inf"):
            raise ValueError(f"window_s: expected 0 or more seconds, got {self.window_s}")
        self._past = deque()

    def shapes(self, frame: Frame) -> tuple[Shape, ...]:
        """Nothing to draw."""
        return ()

    def update(self, result: FrameResult) -> Report:
        """{"now": {label: n}}."""
        at, past = result.frame.at, self._past
        objects = objects_of(result.prediction.detections, result.tracks, result.inferred)
        counted = by_label(objects, np.flatnonzero(objects.of(self.classes)))
        seconds = at.seconds
        if seconds is None or at.epoch != self._epoch:
            past.clear()
            self._epoch = at.epoch
        past.append((seconds or 0.0, counted))
        while past[-1][0] - past[0][0] > self.window_s:
            past.popleft()
        if len(past) == 1:
            return Report((), {"now": counted})
        labels = dict.fromkeys(label for _, counts in past for label in counts)
        now = {label: _commonest([counts.get(label, 0) for _, counts in past]) for label in labels}
        return Report((), {"now": {label: n for label, n in now.items() if n}})


def _commonest(numbers: list[int]) -> int:
    """The number that is there most often, the latest of several."""
    often = Counter(numbers)
    return max(reversed(numbers), key=lambda n: often[n])
