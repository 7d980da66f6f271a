"""What the rules that only ask who is in there now share about a result: sights (see `sight`) without memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sightline.analytics.chain import Chain
from sightline.analytics.fences import Fence, in_fences
from sightline.analytics.objects import Objects, objects_of
from sightline.analytics.placing import Anchor, anchors, to_pixels
from sightline.types import Bool, Detections, Frame, FrameResult, Tracks

__all__ = ["Presence", "present", "region"]

F64 = NDArray[np.float64]


@dataclass(slots=True, eq=False, weakref_slot=True)
class Presence:
    """The K objects of a frame, and which of them are in the regions that were asked of the last one."""

    objects: Objects
    expected: dict[Anchor, tuple[Fence, ...]]
    chain: Chain[Presence] = field(default_factory=lambda: Chain[Presence]())
    _within: dict[Fence, Bool] = field(default_factory=dict[Fence, Bool])
    _asked: dict[Fence, None] = field(default_factory=dict[Fence, None])

    def within(self, fence: Fence) -> Bool:
        """(K,) whose anchors are in the polygon."""
        self._asked[fence] = None
        if fence not in self._within:
            together = self.expected.get(fence.anchor, ())
            together = together if fence in together else (fence,)
            inside = in_fences(anchors(self.objects.xyxy, fence.anchor), together)
            self._within.update(zip(together, inside, strict=True))
        return self._within[fence]

    def expect(self) -> dict[Anchor, tuple[Fence, ...]]:
        """What was asked, by anchor: the next one will be asked the same."""
        out: dict[Anchor, tuple[Fence, ...]] = {}
        for fence in self._asked:
            out[fence.anchor] = (*out.get(fence.anchor, ()), fence)
        return out


def present(before: Presence | None, result: FrameResult) -> Presence:
    """Who is in a result; `before`: what the same rule saw last."""
    if before is None:
        return _first(*_parts(result))
    return before.chain.after(result, lambda: Presence(objects_of(*_parts(result)), before.expect()))


def _parts(result: FrameResult) -> tuple[Detections, Tracks, bool]:
    return result.prediction.detections, result.tracks, result.inferred


# all rules of a stream begin with the same result
@lru_cache(maxsize=4)
def _first(detections: Detections, tracks: Tracks, inferred: bool) -> Presence:
    return Presence(objects_of(detections, tracks, inferred), {})


def region(points: Sequence[tuple[float, float]], px: bool, frame: Frame, anchor: Anchor) -> Fence:
    """A polygon of fractions, or of pixels, in frames like this one."""
    polygon = to_pixels(points, px, frame.width, frame.height)
    return Fence(polygon, np.ones(len(polygon), np.bool_), (frame.width, frame.height), anchor)
