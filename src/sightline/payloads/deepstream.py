"""Results -> DeepStream's full messages (nvmsgconv payload type 0): one an object.

Fields, their order and their types are those of nvmsgconv's own text of both styles; a message is one line. What an
application has to decide there, we decide so: an object's confidence is its score; what nothing is known of is ""
(text), 0 (numbers) or null (places and modules without a record); a stream without a sensor record is named by its id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from sightline import wire
from sightline.payloads.deepstream_words import FIELDS, UNTRACKED, check_types, fields_of, joints_of, whole
from sightline.payloads.line import line_of
from sightline.payloads.moments import FrameClock, parse_begin, rfc3339
from sightline.payloads.seen import Seen, fact_uuid, outlines, seen_in
from sightline.payloads.site import AnalyticsModule, Place, Sensor, of_stream
from sightline.payloads.turns import Turns
from sightline.protocols import RunInfo
from sightline.types import FrameResult

__all__ = ["DeepStreamFull", "muxed_box", "said_by_the_user"]

Json = dict[str, object]


@dataclass(slots=True)
class DeepStreamFull:
    """DeepStream's full schema, one message an object; frames without objects have none.

    api: "new" (msg2p-newapi=1: what is said of an object stands under its label) or "old" (the event schema of
        deepstream-test5: kinds of objects with fixed fields, events, places by event).
    every: only every so many frames of a stream, the first included (frame-interval).
    sensors, places, analytics: by stream id, or by the stream's number ("0", "1" ...).
    types: label -> vehicle, person, face, product, bag, bicycle or roadsign; only in the old style.
    size_wh: pixels that boxes are counted in, the muxer's; default: the frame's own.
    begin: UTC of a recording's first frame, ISO 8601; default: when it was read.
    events: also say the events of an object's track, as customMessage.
    """

    api: str = "new"
    every: int = 1
    sensors: Mapping[str, Sensor] = field(default_factory=dict[str, Sensor])
    places: Mapping[str, Place] = field(default_factory=dict[str, Place])
    analytics: Mapping[str, AnalyticsModule] = field(default_factory=dict[str, AnalyticsModule])
    types: Mapping[str, str] = field(default_factory=dict[str, str])
    size_wh: tuple[int, int] | None = None
    begin: str = ""
    events: bool = False
    _turns: Turns = field(init=False, repr=False)
    _clock: FrameClock = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.api not in ("new", "old"):
            raise ValueError(f"api {self.api!r}; known: new, old")
        check_types(self.types)
        self._turns = Turns(self.every)
        self._clock = FrameClock(parse_begin(self.begin))

    def open(self, info: RunInfo) -> list[str]:
        """Nothing goes first."""
        self._turns.name(info)
        return []

    def messages(self, result: FrameResult) -> list[str]:
        """A message for every object of a frame whose turn it is."""
        at = rfc3339(self._clock.utc_ns(result.frame))
        if not self._turns.due(result.frame):
            return []
        return [line_of(self._message(result, row, one, at)) for row, one in enumerate(seen_in(result))]

    def _message(self, result: FrameResult, row: int, one: Seen, at: str) -> Json:
        stream = result.frame.stream.id
        number = self._turns.number(stream)
        event = _event_of(result, one) if self.api == "old" else ""
        facts = (one.stage, row, one.label, one.box)
        message: Json = {
            "messageid": fact_uuid(result.frame, "message", *facts),
            "mdsversion": "1.0",
            "@timestamp": at,
            "place": self._place(of_stream(self.places, stream, number), event, self._type(one)),
            "sensor": _sensor(of_stream(self.sensors, stream, number) or Sensor(stream, "Camera")),
            "analyticsModule": _module(of_stream(self.analytics, stream, number)),
            "object": self._new_object(result, one) if self.api == "new" else self._old_object(result, one),
            "event": {"id": fact_uuid(result.frame, "event", *facts), "type": event},
            "videoPath": "",
        }
        said = said_by_the_user(result, self.events, one.track, whole_frame=False)
        return {**message, "customMessage": said} if said else message

    def _type(self, one: Seen) -> str:
        return self.types.get(one.label, "")

    def _place(self, place: Place | None, event: str, kind: str) -> Json | None:
        if place is None:
            return None
        name, words = "place-sub-field", ("id", "name", "level")
        if self.api == "old":
            aisle = event == "moving" or kind == "vehicle"
            name, words = ("aisle", words) if aisle else ("entrance", ("name", "lane", "level"))
        return {
            "id": place.id,
            "name": place.name,
            "type": place.type,
            "location": _location(place.location),
            name: {**dict(zip(words, place.fields, strict=True)), "coordinate": _coordinate(place.coordinate)},
        }

    def _new_object(self, result: FrameResult, one: Seen) -> Json:
        said: Json = {"confidence": one.score}
        said |= {attribute.name: attribute.label for attribute in one.attributes if attribute.name}
        if one.text is not None:
            said["text"] = one.text
        return {
            **_identity(one),
            one.label: said,
            "bbox": self._bbox(result, one),
            "location": {},
            "coordinate": {},
        }

    def _old_object(self, result: FrameResult, one: Seen) -> Json:
        kind = self._type(one)
        made: Json = {
            **_identity(one),
            (kind if kind in FIELDS else one.label): _kind_fields(one, kind),
            "bbox": self._bbox(result, one),
        }
        borders = outlines(one)
        if borders:
            made["maskoutline"] = borders
        made["location"] = _location((0.0, 0.0, 0.0))
        made["coordinate"] = _coordinate((0.0, 0.0, 0.0))
        made["pose"] = {
            name: {"x": int(x), "y": int(y), "confidence": score}
            for name, x, y, score in joints_of(one.keypoints)
            if score > 0
        }
        if one.embedding is not None:
            values = one.embedding.astype(float).tolist()
            made["embedding"] = {"embedding_length": len(values), "embedding_vector": values}
        return made

    def _bbox(self, result: FrameResult, one: Seen) -> dict[str, int]:
        left, top, right, bottom = muxed_box(one, result, self.size_wh)
        return {"topleftx": int(left), "toplefty": int(top), "bottomrightx": int(right), "bottomrighty": int(bottom)}


def muxed_box(one: Seen, result: FrameResult, size_wh: tuple[int, int] | None) -> tuple[float, float, float, float]:
    """left, top, right, bottom, in the pixels of `size_wh`, computed in float32 from left, top, width and height."""
    left, top, right, bottom = (np.float32(value) for value in one.box)
    gain_x = gain_y = np.float32(1)
    if size_wh is not None:
        gain_x, gain_y = np.float32(size_wh[0] / result.frame.width), np.float32(size_wh[1] / result.frame.height)
    width, height = (right - left) * gain_x, (bottom - top) * gain_y
    left, top = left * gain_x, top * gain_y
    return float(left), float(top), float(left + width), float(top + height)


def said_by_the_user(result: FrameResult, events: bool, track: int | None, *, whole_frame: bool) -> list[str]:
    """What goes into customMessage: the parser's own words for the frame, and, where asked for, events as we write
    them: those of `track`, or all of a whole frame.
    """
    custom = result.prediction.custom
    said: list[str] = []
    if custom is not None:
        said.append(custom if isinstance(custom, str) else line_of(custom))
    for event in result.events if events else ():
        if whole_frame or (track is not None and event.track == track):
            said.append(wire.event_line(event, result.frame))
    return said


def _identity(one: Seen) -> Json:
    track = UNTRACKED if one.track is None else one.track
    return {"id": str(track), "speed": 0.0, "direction": 0.0, "orientation": 0.0}


def _kind_fields(one: Seen, kind: str) -> Json:
    """The fixed fields of a kind; an object whose label has none is an empty mapping."""
    if kind not in FIELDS:
        return {}
    known = fields_of(one, kind)
    said: Json = {
        {"region": "licenseState"}.get(name, name): whole(known.get(name, "")) if name == "age" else known.get(name, "")
        for name in FIELDS[kind]
    }
    return said if kind == "product" else {**said, "confidence": one.score}


def _event_of(result: FrameResult, one: Seen) -> str:
    """ "entry" or "exit" where the object's track entered or left a zone in this frame, else "moving"."""
    for event in result.events:
        if event.track is not None and event.track == one.track:
            if event.kind == "zone.entered":
                return "entry"
            if event.kind == "zone.left":
                return "exit"
    return "moving"


def _sensor(sensor: Sensor) -> Json:
    return {
        "id": sensor.id,
        "type": sensor.type,
        "description": sensor.description,
        "location": _location(sensor.location),
        "coordinate": _coordinate(sensor.coordinate),
    }


def _module(module: AnalyticsModule | None) -> Json | None:
    if module is None:
        return None
    return {
        "id": module.id,
        "description": module.description,
        "source": module.source,
        "version": module.version,
    }


def _location(point: tuple[float, float, float]) -> Json:
    return dict(zip(("lat", "lon", "alt"), map(float, point), strict=True))


def _coordinate(point: tuple[float, float, float]) -> Json:
    return dict(zip(("x", "y", "z"), map(float, point), strict=True))
