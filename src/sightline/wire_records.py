"""The lines of a results stream, version 1, as records: the one declaration of the format.

`wire_schema.schema()` is made from them, `wire.parse()` checks against them, and their annotations are the reference.
"""

from collections.abc import Mapping
from typing import Annotated, Literal, NotRequired, TypedDict

__all__ = [
    "RECORDS",
    "VERSION",
    "AttributeRecord",
    "EventRecord",
    "FrameRecord",
    "MarkRecord",
    "MaskRecord",
    "ModelRecord",
    "ObjectRecord",
    "RunRecord",
    "StreamRecord",
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
Oriented = Annotated[
    list[float],
    "centre x, y, width, height in upright frame pixels (2 decimals), angle of the width in radians, clockwise from "
    "the x axis (4 decimals)",
    {"minItems": 5, "maxItems": 5},
]
Embedding = Annotated[list[float], "as the model gives it, 6 decimals"]
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
    of: NotRequired[Annotated[str, "the stage whose objects it looks at; absent for the first model"]]
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


class MaskRecord(TypedDict):
    """The pixels of an object, over the whole frame."""

    size: Annotated[list[int], "height, width of the frame", {"minItems": 2, "maxItems": 2}]
    counts: Annotated[str, "COCO's compressed run lengths, column by column"]


# the functional form, because `class` is a word of the language
AttributeRecord = TypedDict(
    "AttributeRecord",
    {
        "name": Annotated[str, "what was asked: colour, age ...; class for a plain classifier"],
        "label": str,
        "class": NotRequired[Annotated[int, "index in the model's label table"]],
        "score": Score,
    },
)


ObjectRecord = TypedDict(
    "ObjectRecord",
    {
        "label": str,
        "class": Annotated[int, "index in the model's label table"],
        "score": Score,
        "box": Box,
        "track": NotRequired[Annotated[int, "id of the track, absent where untracked"]],
        "keypoints": NotRequired[list[Keypoint]],
        "mask": NotRequired[MaskRecord],
        "obb": NotRequired[Oriented],
        "attributes": NotRequired[list[AttributeRecord]],
        "embedding": NotRequired[Embedding],
        "text": NotRequired[Annotated[str, "what is written there"]],
        "custom": NotRequired[Annotated[object, "what a parser of the user's own says of it"]],
        "rules": NotRequired[Annotated[dict[str, list[str]], "by kind, the rules of the analytics that hold for it"]],
        "stage": NotRequired[Annotated[str, "of objects within an object: the stage that found them"]],
        "objects": NotRequired[Annotated[list["ObjectRecord"], "what later stages found within it"]],
        "coasting": NotRequired[Annotated[Literal[True], "predicted by the tracker, not seen in this frame"]],
    },
)


class MarkRecord(TypedDict):
    """Something that a parser of the user's own wants drawn."""

    points: Annotated[list[Point], "a line through them, or the place of the text"]
    color: Annotated[list[float], "red, green, blue, opacity, 0 to 1", {"minItems": 4, "maxItems": 4}]
    width: Annotated[float, "of the line, pixels"]
    text: NotRequired[str]
    closed: NotRequired[Literal[True]]


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
    attributes: NotRequired[Annotated[list[AttributeRecord], "of the whole view, the likeliest first"]]
    embedding: NotRequired[Embedding]
    text: NotRequired[Annotated[str, "what is written in the view"]]
    custom: NotRequired[Annotated[object, "what a parser of the user's own says of the frame"]]
    marks: NotRequired[list[MarkRecord]]
    map: NotRequired[Annotated[str, "the class map's file, under the folder that --maps names"]]
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
