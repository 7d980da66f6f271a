"""Results -> the event message of the Azure DeepStream Accelerator, schema 0.1, one a frame.

Fields and their order are those of the messages that its AI pipeline really sends; its documents describe some more
(classification, segmentation, events), which appear where a result has them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, cast

from sightline.payloads.line import line_of
from sightline.payloads.moments import FrameClock, local_iso, parse_begin
from sightline.payloads.seen import Seen, fact_uuid, seen_in
from sightline.payloads.turns import Turns
from sightline.protocols import RunInfo
from sightline.types import Attribute, FrameResult

__all__ = ["AcceleratorPayload", "RegionOfInterest"]

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class RegionOfInterest:
    """A region as the accelerator's twin has it. coordinates: x, y in 0..1 of the frame."""

    __pydantic_config__: ClassVar[dict[str, object]] = {"extra": "forbid", "coerce_numbers_to_str": True}

    color: str = ""
    label: str = ""
    coordinates: tuple[tuple[float, float], ...] = ()
    sensor: str = ""


@dataclass(slots=True)
class AcceleratorPayload:
    """The accelerator's event message.

    config_id: the id of the pipeline in its twin. regions: its regions of interest, sent with every message.
    every: only every so many frames of a stream, the first included; frames in which something happened are sent too.
    components: model stage -> its number (gie-unique-id); default: 1 for the primary, 2, 3 ... for the others.
    begin: UTC of a recording's first frame, ISO 8601; default: when it was read. Times are written as local time.
    """

    config_id: str = ""
    regions: tuple[RegionOfInterest, ...] = ()
    every: int = 30
    components: Mapping[str, int] = field(default_factory=dict[str, int])
    begin: str = ""
    _turns: Turns = field(init=False, repr=False)
    _clock: FrameClock = field(init=False, repr=False)
    _stages: list[str] = field(default_factory=list[str], init=False, repr=False)

    def __post_init__(self) -> None:
        self._turns = Turns(self.every)
        self._clock = FrameClock(parse_begin(self.begin))

    def open(self, info: RunInfo) -> list[str]:
        """Nothing goes first."""
        self._stages = [model.stage for model in info.models]
        return []

    def messages(self, result: FrameResult) -> list[str]:
        """One message where it is the frame's turn, or something happened in it."""
        at = local_iso(self._clock.utc_ns(result.frame))
        if not self._turns.due(result.frame) and not result.events:
            return []
        message: Json = {
            "schemaVersion": "0.1",
            "events": [self._event(result, row, at) for row in range(len(result.events))],
            "regionsOfInterest": self._regions(),
            "inferences": self._inferences(result, at),
        }
        return [line_of(message)]

    def joined(self, messages: Sequence[str]) -> str:
        """Several messages as one, as the accelerator writes it beside a recording."""
        parts = [cast("dict[str, list[object]]", json.loads(message)) for message in messages]
        return line_of(
            {
                "schemaVersion": "0.1",
                "events": [event for part in parts for event in part["events"]],
                "regionsOfInterest": self._regions(),
                "inferences": [inference for part in parts for inference in part["inferences"]],
            }
        )

    def _regions(self) -> list[Json]:
        return [
            {
                "color": region.color,
                "label": region.label,
                "coordinates": [list(point) for point in region.coordinates],
                "sensor": region.sensor,
            }
            for region in self.regions
        ]

    def _inferences(self, result: FrameResult, at: str) -> list[Json]:
        frame, said = result.frame, result.prediction
        source: Json = {
            "id": frame.stream.id,
            "timestamp": at,
            "width": frame.width,
            "height": frame.height,
            "frameId": frame.index,
        }
        found: list[tuple[str, list[object]]] = []
        if said.custom is not None:
            found.append(("custom", [said.custom]))
        if said.attributes:
            found.append(("classification", [_classification(one) for one in said.attributes]))
        if said.classmap is not None:
            height, width = said.classmap.shape
            segmentation: Json = {
                "nClasses": len(said.map_names),
                "height": height,
                "width": width,
                "classMap": said.classmap.reshape(-1).tolist(),
                "labels": list(said.map_names),
            }
            found.append(("segmentation", [segmentation]))
        objects: list[object] = [self._detection(result, row, one) for row, one in enumerate(seen_in(result))]
        found.append(("detection", objects))
        return [
            {"sourceInfo": source, "type": kind, "id": self.config_id, "detections": detections}
            for kind, detections in found
        ]

    def _detection(self, result: FrameResult, row: int, one: Seen) -> Json:
        left, top, right, bottom = one.box
        width, height = result.frame.width, result.frame.height
        made: Json = {
            "classId": one.index,
            "confidence": one.score,
            "rect": [left / width, top / height, (right - left) / width, (bottom - top) / height],
            "label": one.label,
            "id": fact_uuid(result.frame, "detection", one.stage, row, one.label, one.box),
            "unique_component_id": self._component(one.stage),
            "tracking_id": -1 if one.track is None else one.track,
        }
        custom = _custom(one)
        return made if custom is None else {**made, "customInfo": custom}

    def _component(self, stage: str) -> int:
        if stage in self.components:
            return self.components[stage]
        return self._stages.index(stage) + 1 if stage in self._stages else 1

    def _event(self, result: FrameResult, row: int, at: str) -> Json:
        event = result.events[row]
        return {
            "id": event.id,
            "type": event.kind,
            "zone": event.rule,
            "userDefinedData": {"track": event.track, "label": event.label},
            "frameId": event.frame,
            "camera": event.stream,
            "timestamp": at,
        }


def _custom(one: Seen) -> object:
    """What secondary models say of an object: the words of a user's parser, else what ours know; None for nothing."""
    if one.custom is not None:
        return one.custom
    said: Json = {}
    if one.attributes:
        said["classification"] = [{"name": item.name, **_classification(item)} for item in one.attributes]
    if one.text is not None:
        said["text"] = one.text
    if one.keypoints is not None:
        said["keypoints"] = one.keypoints.astype(float).tolist()
    if one.embedding is not None:
        said["embedding"] = one.embedding.astype(float).tolist()
    return said or None


def _classification(one: Attribute) -> Json:
    return {"classId": one.index, "confidence": float(one.score), "label": one.label}
