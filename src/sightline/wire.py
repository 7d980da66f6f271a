"""Our results and events <-> JSON, one object a line, version 1: the only place that writes and reads the format.

A results stream is a `run` line (`RunRecord`), then for every frame a `frame` line (`FrameRecord`) followed by the
`event` lines (`EventRecord`) of that frame. The records in `wire_records` are the one declaration of the format.

- Boxes are `[x1, y1, x2, y2]` in upright frame pixels, clipped to the frame, 2 decimals; scores have 4 decimals.
- `pts` is what the container says, in units of `time_base`; `time_s` = pts x time base, not shifted, 6 decimals.
  Stills have null for both. An untimed stream has `pts` null, `time_s` = frame / nominal rate and `"timed": false`.
- `objects` of an object are what later stages found within it, each with the name of its `stage`.
- `frame` is the ordinal from 0. `track` is absent where an object is not tracked; what only some models give
  (`keypoints`, `mask`, `obb`, `attributes`, `embedding`, `text`) where it is not given.
- `utc` (when the frame arrived, ISO 8601 with milliseconds) stands on the lines of live streams only.
- Only finite numbers are written: an object without a finite box and score is left out, a keypoint without a finite
  place is `[0.0, 0.0, 0.0]`, an oriented box, embedding or attribute that is not finite is left out, anything else
  that is not finite is null.

Fields may be added by later versions of the package; none of these changes its meaning while `v` is 1.
"""

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, cast

from sightline.errors import InputError
from sightline.protocols import RunInfo
from sightline.types import Event, Frame, FrameResult, Instant
from sightline.wire_objects import objects_of, plain, said_of, text_of
from sightline.wire_records import (
    RECORDS,
    VERSION,
    AttributeRecord,
    EventRecord,
    FrameRecord,
    MaskRecord,
    ModelRecord,
    ObjectRecord,
    RunRecord,
    StreamRecord,
)

__all__ = [
    "RECORDS",
    "VERSION",
    "AttributeRecord",
    "EventRecord",
    "FrameRecord",
    "MaskRecord",
    "ModelRecord",
    "ObjectRecord",
    "RunRecord",
    "StreamRecord",
    "event_line",
    "frame_line",
    "header",
    "header_line",
    "parse",
]


# -- writing ---------------------------------------------------------------------------------------------------------


def header(info: RunInfo) -> RunRecord:
    """The first line of a results stream, as a plain record."""
    from sightline import __version__  # late: the package itself may import this module

    models: list[ModelRecord] = [
        {
            "stage": m.stage,
            "name": m.name,
            "sha256": m.sha256,
            "runtime": m.runtime,
            "precision": m.precision,
            "score": round(float(m.score), 6),
            "nms": round(float(m.nms), 6),
            "labels": list(m.labels),
            "head": m.head,
        }
        for m in info.models
    ]
    for record, m in zip(models, info.models, strict=True):
        if m.of:
            record["of"] = m.of
    streams: list[StreamRecord] = [
        {
            "id": s.id,
            "width": s.width,
            "height": s.height,
            "time_base": _base(s.base.numerator, s.base.denominator),
            "timed": s.timed,
            "live": s.live,
        }
        for s in info.streams
    ]
    return {"v": VERSION, "type": "run", "models": models, "streams": streams, "sightline": __version__}


def header_line(info: RunInfo) -> str:
    """`header` as JSON, without the line end."""
    return json.dumps(header(info), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def frame_line(result: FrameResult, names: Sequence[str] = ()) -> str:
    """One frame as JSON, without the line end.

    All rows of the prediction are objects, tracked or not; where no model saw the frame, the tracker's predictions
    are. `names` is the label table for those where the prediction brings none.
    """
    frame = result.frame
    at = frame.at
    objects = objects_of(result, tuple(names))
    said = said_of(result.prediction)
    if result.map:
        said = f'{said},"map":{text_of(result.map)}'
    file = f'"file":{text_of(frame.name)},' if frame.name else ""
    counts = json.dumps(plain(result.counts), ensure_ascii=False, separators=(",", ":")) if result.counts else "{}"
    return (
        f'{{"v":{VERSION},"type":"frame","stream":{text_of(frame.stream.id)},"frame":{frame.index},'
        f'"pts":{_int(at.pts)},"time_base":"{_base(at.base.numerator, at.base.denominator)}",'
        f'"time_s":{_seconds(at)},{_flags(frame)}{file}"width":{frame.width},"height":{frame.height},'
        f'"objects":[{",".join(objects)}]{said},"counts":{counts}}}'
    )


def event_line(event: Event, frame: Frame | None = None) -> str:
    """One event as JSON, without the line end. `frame` is the one it happened in, for `timed` and `utc`."""
    track = "" if event.track is None else f'"track":{int(event.track)},'
    label = "" if event.label is None else f'"label":{text_of(event.label)},'
    data = json.dumps(plain(event.data), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return (
        f'{{"v":{VERSION},"type":"event","id":{text_of(event.id)},"kind":{text_of(event.kind)},'
        f'"rule":{text_of(event.rule)},"stream":{text_of(event.stream)},"frame":{event.frame},'
        f'"pts":{_int(event.at.pts)},"time_s":{_seconds(event.at)},'
        f'{"" if frame is None else _flags(frame)}{track}{label}"data":{data}}}'
    )


def _flags(frame: Frame) -> str:
    """The fields that only untimed and only live streams have, each followed by a comma."""
    timed = "" if frame.stream.timed or frame.stream.still else '"timed":false,'
    if not frame.stream.live:
        return timed
    seconds, rest = divmod(frame.wall_ns, 1_000_000_000)
    stamp = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f'{timed}"utc":"{stamp}.{rest // 1_000_000:03d}Z",'


@lru_cache(maxsize=256)
def _base(numerator: int, denominator: int) -> str:
    return f"{numerator}/{denominator}"


def _int(value: int | None) -> str:
    return "null" if value is None else str(int(value))


def _seconds(at: Instant) -> str:
    seconds = at.seconds
    return "null" if seconds is None or not math.isfinite(seconds) else repr(round(seconds, 6) + 0.0)


# -- reading ---------------------------------------------------------------------------------------------------------


def parse(line: str | bytes) -> RunRecord | FrameRecord | EventRecord:
    """One line -> its plain record; unknown fields are kept. Raises InputError naming what is wrong with it."""
    try:
        record = json.loads(line)
    except ValueError as error:
        raise InputError(f"not a line of results: {error}") from None
    if not isinstance(record, dict):
        raise InputError("not a line of results: expected a JSON object")
    found = cast("dict[str, Any]", record)
    if found.get("v") != VERSION:
        raise InputError(f"results of version {found.get('v')!r}; this package reads version {VERSION}")
    kind = found.get("type")
    declared = RECORDS.get(kind) if isinstance(kind, str) else None
    if declared is None:
        raise InputError(f"a results line of unknown type {kind!r}; known: {', '.join(RECORDS)}")
    required = cast("frozenset[str]", getattr(declared, "__required_keys__", frozenset[str]()))
    missing = sorted(required - found.keys())
    if missing:
        raise InputError(f"a {kind} line without {', '.join(missing)}")
    return cast("RunRecord | FrameRecord | EventRecord", found)
