"""Results made by hand for the tests of messages."""

from fractions import Fraction
from typing import Any

import numpy as np

from sightline.protocols import RunInfo, StageInfo
from sightline.types import (
    Attribute,
    Detections,
    Event,
    Frame,
    FrameResult,
    Inside,
    Instant,
    Prediction,
    StreamInfo,
    Tracks,
)

STREAM = StreamInfo("cam", 640, 480, Fraction(1, 25), Fraction(25))
NAMES = ("car", "person", "face")
INFO = RunInfo(
    (
        StageInfo("model", "m", "", "openvino", "f32", 0.2, 0.5, NAMES),
        StageInfo("plates", "p", "", "openvino", "f32", 0.2, 0.5, ("plate",), of="model"),
    ),
    (STREAM,),
)
BEGIN = "2018-04-11T04:59:59.828Z"


def objects(*cells: Any) -> np.ndarray:
    column = np.empty(len(cells), object)
    column[:] = cells
    return column


def attribute(name: str, label: str) -> Attribute:
    return Attribute(name, label, 0.9, 1)


def result(
    index: int = 0,
    boxes: Any = ((10.25, 20.5, 110.75, 70.5), (1, 2, 3.5, 4)),
    labels: Any = (0, 1),
    tracks: Any = ((7, 0),),
    events: tuple[Event, ...] = (),
    inside: tuple[Inside, ...] = (),
    custom: object = None,
    stream: StreamInfo = STREAM,
    wall_ns: int = 0,
    epoch: int = 0,
    pts: int | None = None,
    **columns: Any,
) -> FrameResult:
    """Two objects, the first tracked as 7, unless told otherwise."""
    xyxy = np.array(boxes, np.float32).reshape(-1, 4)
    score = np.array([0.5, 0.92, 0.3, 0.25][: len(xyxy)], np.float32)
    keypoints = columns.pop("keypoints", None)
    masks = columns.pop("masks", None)
    found = Detections(
        xyxy, score, np.array(labels, np.int32), NAMES, "model", masks=masks, keypoints=keypoints, columns=columns
    )
    tracked = Tracks(np.array([track for track, _ in tracks], np.int64), np.array([row for _, row in tracks], np.int64))
    at = Instant(index if pts is None else pts, stream.base, epoch)
    frame = Frame(stream, index, at, None, stream.width, stream.height, wall_ns=wall_ns)
    return FrameResult(frame, Prediction(found, custom=custom), tracked, events, inside=inside)


def event(kind: str, track: int | None = 7, index: int = 0) -> Event:
    return Event("id1", kind, "yard", "cam", index, Instant(index, STREAM.base), track, "car", {"x": 1})
