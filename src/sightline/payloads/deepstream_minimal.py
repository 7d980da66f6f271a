"""Results -> DeepStream's minimal messages (nvmsgconv payload type 1): one a frame, an object a text with bars.

`track|left|top|right|bottom|label`, and behind `|#|` what else is known. Numbers have six significant digits, as C++
streams write them. An untracked object has the track 18446744073709551615.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sightline.payloads.deepstream import muxed_box, said_by_the_user
from sightline.payloads.deepstream_words import FIELDS, SPOKEN, UNTRACKED, check_types, fields_of, joints_of, whole
from sightline.payloads.line import line_of
from sightline.payloads.moments import FrameClock, parse_begin, rfc3339
from sightline.payloads.seen import Seen, outlines, seen_in
from sightline.payloads.site import Sensor, of_stream
from sightline.payloads.turns import Turns
from sightline.protocols import RunInfo
from sightline.types import FrameResult

__all__ = ["DeepStreamMinimal"]

# the order of a kind's fields here, which is not that of the full message; "" is one that is always empty
_ORDER: Mapping[str, tuple[str, ...]] = {
    "vehicle": ("type", "make", "model", "color", "license", "region"),
    "person": ("gender", "age", "hair", "cap", "apparel"),
    "face": ("gender", "age", "hair", "cap", "glasses", "facialhair", "name", "", "eyecolor"),
    "product": FIELDS["product"],
}


@dataclass(slots=True)
class DeepStreamMinimal:
    """DeepStream's minimal schema, version 4.0, one message a frame.

    api: "old" (the default of nvmsgconv): behind the label always `|#|`, fields or six bars, the confidence, and where
        they are known pose, embedding and masks; "new" (msg2p-newapi=1): classifiers and the confidence only where an
        object has classifiers; "short" (2020): six fields and nothing else, the frame's id a number.
    every: only every so many frames of a stream, the first included (frame-interval).
    sensors: by stream id, or by the stream's number ("0", "1" ...); sensorId is the stream's id where there is none.
    types: label -> vehicle, person, face, product, bag, bicycle or roadsign; only in the old style, which then says
        Vehicle, Person ... instead of the label.
    size_wh: pixels that boxes are counted in, the muxer's; default: the frame's own.
    begin: UTC of a recording's first frame, ISO 8601; default: when it was read.
    empty: also frames without objects; default: as the style does (only the new one has them).
    events: also say the events of the frame, as customMessage.
    """

    api: str = "old"
    every: int = 1
    sensors: Mapping[str, Sensor] = field(default_factory=dict[str, Sensor])
    types: Mapping[str, str] = field(default_factory=dict[str, str])
    size_wh: tuple[int, int] | None = None
    begin: str = ""
    empty: bool | None = None
    events: bool = False
    _turns: Turns = field(init=False, repr=False)
    _clock: FrameClock = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.api not in ("old", "new", "short"):
            raise ValueError(f"api {self.api!r}; known: old, new, short")
        check_types(self.types)
        self._turns = Turns(self.every)
        self._clock = FrameClock(parse_begin(self.begin))

    def open(self, info: RunInfo) -> list[str]:
        """Nothing goes first."""
        self._turns.name(info)
        return []

    def messages(self, result: FrameResult) -> list[str]:
        """One message where it is the frame's turn and it has something to say."""
        frame = result.frame
        at = rfc3339(self._clock.utc_ns(frame))
        if not self._turns.due(frame):
            return []
        seen = seen_in(result)
        custom = said_by_the_user(result, self.events, None, whole_frame=True)
        if not seen and not custom and not (self.api == "new" if self.empty is None else self.empty):
            return []
        sensor = of_stream(self.sensors, frame.stream.id, self._turns.number(frame.stream.id))
        message: dict[str, object] = {
            "version": "4.0",
            "id": frame.index if self.api == "short" else str(frame.index),
            "@timestamp": at,
            "sensorId": frame.stream.id if sensor is None else sensor.id,
            "objects": [self._object(result, one) for one in seen],
        }
        masks = [text for one in seen if (text := _mask(one))] if self.api == "old" else []
        if masks:
            message["masks"] = masks
        if custom:
            message["customMessage"] = custom
        return [line_of(message)]

    def _object(self, result: FrameResult, one: Seen) -> str:
        box = "|".join(f"{value:g}" for value in muxed_box(one, result, self.size_wh))
        kind = self.types.get(one.label, "") if self.api == "old" else ""
        text = f"{_track(one)}|{box}|{SPOKEN.get(kind, one.label)}"
        if self.api == "short":
            return text
        if self.api == "new":
            return text + _classifiers(one)
        return f"{text}{_fields(one, kind)}|{one.score:g}{_embedding(one)}"


def _track(one: Seen) -> int:
    return UNTRACKED if one.track is None else one.track


def _classifiers(one: Seen) -> str:
    """`|#|label|label|confidence`; nothing for an object that no classifier saw."""
    said = _said(one)
    return "".join(f"|{text}" for text in ("#", *said, f"{one.score:g}")) if said else ""


def _said(one: Seen) -> list[str]:
    texts = [attribute.label for attribute in one.attributes]
    return texts if one.text is None else [*texts, one.text]


def _fields(one: Seen, kind: str) -> str:
    """What stands between label and confidence in the old style."""
    known = fields_of(one, kind)
    joints = joints_of(one.keypoints)
    if known or (joints and kind == "person"):
        values = [str(whole(known.get(name, ""))) if name == "age" else known.get(name, "") for name in _ORDER[kind]]
        text = "|#|" + "|".join(values)
    elif _said(one):
        text = "".join(f"|{word}" for word in ("#", *_said(one)))
    elif joints:
        text = ""
    else:
        return "|#||||||"
    pose = "".join(f"{name},{x:f},{y:f},{score:f}|" for name, x, y, score in joints)
    return f"{text}|#|pose2D|{pose}" if joints else text


def _embedding(one: Seen) -> str:
    if one.embedding is None:
        return ""
    return f"|#|embedding|{','.join(f'{value:g}' for value in one.embedding.tolist())}|"


def _mask(one: Seen) -> str:
    """`track|number of outlines|x|y|...|#|x|y|...`, "" for an object without a mask."""
    borders = outlines(one)
    if not borders:
        return ""
    points = "|#|".join("|".join(f"{value:g}" for value in border) for border in borders)
    return f"{_track(one)}|{len(borders)}|{points}"
