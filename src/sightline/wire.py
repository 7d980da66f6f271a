"""Our results and events <-> JSON, one object a line, version 1: the only place that writes and reads the format.

A results stream is a `run` line (`RunRecord`), then for every frame a `frame` line (`FrameRecord`) followed by the
`event` lines (`EventRecord`) of that frame. The records below are the one declaration of the format: `schema()` is
made from them, `parse()` checks against them, and their annotations are its reference.

- Boxes are `[x1, y1, x2, y2]` in upright frame pixels, clipped to the frame, 2 decimals; scores have 4 decimals.
- `pts` is what the container says, in units of `time_base`; `time_s` = pts x time base, not shifted, 6 decimals.
  Stills have null for both. An untimed stream has `pts` null, `time_s` = frame / nominal rate and `"timed": false`.
- `frame` is the ordinal from 0. `track` is absent where an object is not tracked, `keypoints` where there are none.
- `utc` (when the frame arrived, ISO 8601 with milliseconds) stands on the lines of live streams only.
- Only finite numbers are written: an object without a finite box and score is left out, a keypoint without a finite
  place is `[0.0, 0.0, 0.0]`, anything else that is not finite is null.

Fields may be added by later versions of the package; none of these changes its meaning while `v` is 1.
"""

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, Literal, NotRequired, TypedDict, cast

import numpy as np
from numpy.typing import NDArray

from sightline.errors import InputError
from sightline.protocols import RunInfo
from sightline.types import F32, Detections, Event, Frame, FrameResult, Instant

__all__ = [
    "RECORDS",
    "VERSION",
    "EventRecord",
    "FrameRecord",
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

VERSION = 1

Point = Annotated[list[float], "x, y in upright frame pixels", {"minItems": 2, "maxItems": 2}]
Score = Annotated[float, "0 to 1, 4 decimals", {"minimum": 0, "maximum": 1}]
Box = Annotated[
    list[float],
    "x1, y1, x2, y2 in upright frame pixels, clipped to the frame, 2 decimals",
    {"minItems": 4, "maxItems": 4},
]
Keypoint = Annotated[
    list[float], "x, y in upright frame pixels (2 decimals), score (4 decimals)", {"minItems": 3, "maxItems": 3}
]
Ordinal = Annotated[int, "ordinal of the frame in its stream, from 0", {"minimum": 0}]
TimeBase = Annotated[str, "seconds of one unit of pts, as a fraction", {"pattern": "^[0-9]+/[0-9]+$"}]
Version = Annotated[Literal[1], "version of this format"]
Pts = Annotated[int | None, "as the container has it, in units of the time base; null where it has none"]
TimeS = Annotated[float | None, "pts x time base in seconds, unshifted; frame / rate if untimed; null for stills"]
Utc = Annotated[str, "when the frame arrived, ISO 8601, live streams only"]
Counts = dict[str, dict[str, dict[str, int]]]


class ModelRecord(TypedDict):
    """One model of the run and what it was run with."""

    stage: Annotated[str, "name of the stage; objects of different stages have different label tables"]
    name: str
    sha256: Annotated[str, "of the model file"]
    runtime: Annotated[str, "the inference library"]
    precision: Annotated[str, "the arithmetic that was used: f32, bf16, f16 ..."]
    score: Annotated[float, "least score printed"]
    nms: Annotated[float, "intersection over union above which the weaker of two objects goes"]
    labels: Annotated[list[str], "the label table; `class` counts in it"]
    head: Annotated[str, "how the outputs were read"]


class StreamRecord(TypedDict):
    """One input of the run."""

    id: str
    width: Annotated[int, "of the upright picture, pixels"]
    height: Annotated[int, "of the upright picture, pixels"]
    time_base: TimeBase
    timed: Annotated[bool, "false: the stream carries no times, time_s is frame / nominal rate"]
    live: bool


class RunRecord(TypedDict):
    """The first line: what was run on what."""

    v: Version
    type: Literal["run"]
    models: list[ModelRecord]
    streams: list[StreamRecord]
    sightline: Annotated[str, "version of the package that wrote this"]


# the functional form, because `class` is a word of the language
ObjectRecord = TypedDict(
    "ObjectRecord",
    {
        "label": str,
        "class": Annotated[int, "index in the model's label table"],
        "score": Score,
        "box": Box,
        "track": NotRequired[Annotated[int, "id of the track, absent where untracked"]],
        "keypoints": NotRequired[list[Keypoint]],
        "coasting": NotRequired[Annotated[Literal[True], "predicted by the tracker, not seen in this frame"]],
    },
)


class FrameRecord(TypedDict):
    """One frame and the objects in it; the strongest need not come first."""

    v: Version
    type: Literal["frame"]
    stream: str
    frame: Ordinal
    pts: Pts
    time_base: TimeBase
    time_s: TimeS
    timed: NotRequired[Annotated[Literal[False], "only on untimed streams"]]
    utc: NotRequired[Utc]
    file: NotRequired[Annotated[str, "name of the picture, for stills"]]
    width: Annotated[int, "of the upright picture, pixels"]
    height: Annotated[int, "of the upright picture, pixels"]
    objects: list[ObjectRecord]
    counts: Annotated[Counts, 'by rule, then "in", "out" or "now", then label']


class EventRecord(TypedDict):
    """Something that happened in the frame whose line came before."""

    v: Version
    type: Literal["event"]
    id: Annotated[str, "derived from the facts: the same event has the same id"]
    kind: Annotated[str, "line.crossed, zone.entered, zone.left, zone.dwelt ..."]
    rule: Annotated[str, "name of the line or zone"]
    stream: str
    frame: Ordinal
    pts: Pts
    time_s: TimeS
    timed: NotRequired[Annotated[Literal[False], "only on untimed streams"]]
    utc: NotRequired[Utc]
    track: NotRequired[int]
    label: NotRequired[str]
    data: Annotated[dict[str, object], "the evidence: anchor points in frame pixels, direction, durations in seconds"]


RECORDS: Mapping[str, type] = {"run": RunRecord, "frame": FrameRecord, "event": EventRecord}


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
    objects = _objects(result, tuple(names))
    file = f'"file":{_text(frame.name)},' if frame.name else ""
    counts = json.dumps(_plain(result.counts), ensure_ascii=False, separators=(",", ":")) if result.counts else "{}"
    return (
        f'{{"v":{VERSION},"type":"frame","stream":{_text(frame.stream.id)},"frame":{frame.index},'
        f'"pts":{_int(at.pts)},"time_base":"{_base(at.base.numerator, at.base.denominator)}",'
        f'"time_s":{_seconds(at)},{_flags(frame)}{file}"width":{frame.width},"height":{frame.height},'
        f'"objects":[{",".join(objects)}],"counts":{counts}}}'
    )


def event_line(event: Event, frame: Frame | None = None) -> str:
    """One event as JSON, without the line end. `frame` is the one it happened in, for `timed` and `utc`."""
    track = "" if event.track is None else f'"track":{int(event.track)},'
    label = "" if event.label is None else f'"label":{_text(event.label)},'
    data = json.dumps(_plain(event.data), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return (
        f'{{"v":{VERSION},"type":"event","id":{_text(event.id)},"kind":{_text(event.kind)},'
        f'"rule":{_text(event.rule)},"stream":{_text(event.stream)},"frame":{event.frame},'
        f'"pts":{_int(event.at.pts)},"time_s":{_seconds(event.at)},'
        f'{"" if frame is None else _flags(frame)}{track}{label}"data":{data}}}'
    )


def _objects(result: FrameResult, names: tuple[str, ...]) -> list[str]:
    """The objects of one frame, each as JSON."""
    width, height = result.frame.width, result.frame.height
    found = result.prediction.detections
    lines: list[str] = []
    if len(found):
        tracks: list[int | None] = [None] * len(found)
        for row, track in zip(result.tracks.row.tolist(), result.tracks.id.tolist(), strict=True):
            tracks[row] = track
        lines = _rows(found, tracks, _keypoint_rows(found), found.names or names, (width, height))
    coasting = result.tracks.coasting
    if not result.inferred and len(coasting):  # without a model nothing but the predictions is known
        guessed = Detections(
            result.tracks.coasting_xyxy, result.tracks.coasting_score, result.tracks.coasting_label, found.names
        )
        rows = _rows(guessed, coasting.tolist(), None, found.names or names, (width, height))
        lines += [f'{row[:-1]},"coasting":true}}' for row in rows]
    return lines


def _rows(
    found: Detections,
    tracks: Sequence[int | None],
    keypoints: list[str] | None,
    names: tuple[str, ...],
    frame_wh: tuple[int, int],
) -> list[str]:
    """Each row of `found` as JSON, without those that are not finite. By hand, because `json` is 5 times slower."""
    boxes = _boxes(found.xyxy, frame_wh)
    scores = np.round(found.score.astype(np.float64), 4).tolist()
    finite = np.isfinite(found.xyxy).all(1) & np.isfinite(found.score)
    sound = [True] * len(found) if finite.all() else finite.tolist()
    lines: list[str] = []
    for row, (box, score, label, track) in enumerate(zip(boxes, scores, found.label.tolist(), tracks, strict=True)):
        if not sound[row]:
            continue
        x1, y1, x2, y2 = box
        line = (
            f'{{"label":{_label(names, label)},"class":{label},"score":{min(1.0, max(0.0, score))},'
            f'"box":[{x1},{y1},{x2},{y2}]'
        )
        if track is not None:
            line = f'{line},"track":{track}'
        lines.append(f"{line}}}" if keypoints is None else f'{line},"keypoints":{keypoints[row]}}}')
    return lines


def _boxes(xyxy: F32, frame_wh: tuple[int, int]) -> list[list[float]]:
    """(N, 4) -> rows clipped to the frame and rounded to 2 decimals."""
    width, height = frame_wh
    limit = np.array([width, height, width, height], np.float64)
    return cast("list[list[float]]", (np.round(np.clip(xyxy.astype(np.float64), 0, limit), 2) + 0.0).tolist())


def _keypoint_rows(found: Detections) -> list[str] | None:
    """The keypoints of each row as a JSON array, or None where the model gives none."""
    if found.keypoints is None:
        return None
    points: NDArray[np.float64] = found.keypoints.astype(np.float64)  # (N, K, 3)
    points = np.where(np.isfinite(points).all(2, keepdims=True), points, 0.0)
    points[..., :2] = np.round(points[..., :2], 2)
    points[..., 2] = np.round(points[..., 2], 4)
    rows = cast("list[list[list[float]]]", points.tolist())
    return [json.dumps(row, separators=(",", ":")) for row in rows]


def _flags(frame: Frame) -> str:
    """The fields that only untimed and only live streams have, each followed by a comma."""
    timed = "" if frame.stream.timed or frame.stream.still else '"timed":false,'
    if not frame.stream.live:
        return timed
    seconds, rest = divmod(frame.wall_ns, 1_000_000_000)
    stamp = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return f'{timed}"utc":"{stamp}.{rest // 1_000_000:03d}Z",'


@lru_cache(maxsize=4096)
def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


@lru_cache(maxsize=4096)
def _label(names: tuple[str, ...], index: int) -> str:
    name = names[index] if 0 <= index < len(names) else ""
    return json.dumps(name or f"class{index}", ensure_ascii=False)


@lru_cache(maxsize=256)
def _base(numerator: int, denominator: int) -> str:
    return f"{numerator}/{denominator}"


def _int(value: int | None) -> str:
    return "null" if value is None else str(int(value))


def _seconds(at: Instant) -> str:
    seconds = at.seconds
    return "null" if seconds is None or not math.isfinite(seconds) else repr(round(seconds, 6) + 0.0)


def _plain(value: object) -> object:
    """NumPy values and tuples as what JSON knows; numbers that are not finite as None."""
    if isinstance(value, np.ndarray | np.generic):
        value = cast("object", value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in cast("Mapping[object, object]", value).items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(v) for v in cast("Sequence[object]", value)]
    return value


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
