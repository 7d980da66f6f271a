"""What follows something with a result, made once: so that many rules share it without knowing of each other."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from sightline.types import Detections, FrameResult, Tracks

__all__ = ["Chain"]

T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Chain(Generic[T]):
    """A link: the value after this one. Rules that all go from link to link with the same results meet at each.

    The value is held weakly: those who went on hold it, and what nobody holds may go, links that began it all included.
    """

    _tracks: Tracks | None = None
    _detections: Detections | None = None
    _frame: int = -1
    _value: weakref.ref[T] | None = None

    def after(self, result: FrameResult, make: Callable[[], T]) -> T:
        """The value after this result: made by the first that asks, the same for all others."""
        tracks, detections, frame = result.tracks, result.prediction.detections, result.frame.index
        value = self._value() if self._value is not None else None
        if value is None or self._tracks is not tracks or self._detections is not detections or self._frame != frame:
            value = make()
            self._tracks, self._detections, self._frame, self._value = tracks, detections, frame, weakref.ref(value)
        return value
