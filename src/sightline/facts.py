"""Events whose id follows from what happened, so that publishing one twice is harmless."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from sightline.types import Event, Frame

__all__ = ["event"]


def event(
    kind: str, rule: str, frame: Frame, track: int | None, label: str | None, data: Mapping[str, object]
) -> Event:
    """An event of `track` (None: of no object) in `frame`; `data` is its evidence.

    The id is a hash of stream, rule, kind, track, moment and evidence; of a live stream also of the time of arrival,
    as its track ids and times begin anew with every run.
    """
    facts = [frame.stream.id, rule, kind, track, frame.at.epoch, frame.at.pts, frame.index, data]
    if frame.stream.live:
        facts.append(frame.wall_ns)
    text = json.dumps(facts, sort_keys=True, default=str)
    return Event(
        hashlib.sha256(text.encode()).hexdigest()[:20],
        kind,
        rule,
        frame.stream.id,
        frame.index,
        frame.at,
        track,
        label,
        data,
    )
