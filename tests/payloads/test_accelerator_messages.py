"""The accelerator's event message, against texts and a twin written from what its pipeline sends."""

import json
import time
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from made_results import BEGIN, INFO, STREAM, attribute, event, objects, result

from sightline.payloads.accelerator import AcceleratorPayload, RegionOfInterest
from sightline.protocols import Payload
from sightline.types import Attribute, Detections, FrameResult, Inside, Prediction

REGION = RegionOfInterest("#ff0000", "ROI # 1", ((0.2, 0.2), (0.55, 0.2), (0.55, 0.55)), "cam")


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def payload(**options: Any) -> AcceleratorPayload:
    made = AcceleratorPayload("People", **{"every": 1, "begin": BEGIN, **options})
    assert isinstance(made, Payload)
    assert made.open(INFO) == []
    return made


def of(made: AcceleratorPayload, shown: FrameResult) -> dict[str, Any]:
    (line,) = made.messages(shown)
    return json.loads(line)


def twin(shown: FrameResult, at: str) -> dict[str, Any]:
    """The documented shape, one object after the other."""
    found = shown.prediction.detections
    tracks = dict(zip(shown.tracks.row.tolist(), shown.tracks.id.tolist(), strict=True))
    detections = []
    for row in range(len(found)):
        x1, y1, x2, y2 = (float(v) for v in found.xyxy[row])
        detections.append(
            {
                "classId": int(found.label[row]),
                "confidence": float(found.score[row]),
                "rect": [x1 / 640, y1 / 480, (x2 - x1) / 640, (y2 - y1) / 480],
                "label": found.name_of(row),
                "id": "",
                "unique_component_id": 1,
                "tracking_id": tracks.get(row, -1),
            }
        )
    source = {"id": "cam", "timestamp": at, "width": 640, "height": 480, "frameId": shown.frame.index}
    return {
        "schemaVersion": "0.1",
        "events": [],
        "regionsOfInterest": [
            {"color": "#ff0000", "label": "ROI # 1", "coordinates": [[0.2, 0.2], [0.55, 0.2], [0.55, 0.55]],
             "sensor": "cam"}
        ],
        "inferences": [{"sourceInfo": source, "type": "detection", "id": "People", "detections": detections}],
    }  # fmt: skip


def test_the_message_is_the_one_that_is_sent() -> None:
    shown = result(3, pts=0)
    message = of(payload(regions=(REGION,)), shown)
    ids = [d["id"] for d in message["inferences"][0]["detections"]]
    assert len({*ids}) == 2
    assert all(len(text) == 36 for text in ids)
    for detection in message["inferences"][0]["detections"]:
        detection["id"] = ""
    assert json.dumps(message) == json.dumps(twin(shown, "2018-04-11T04:59:59.828000"))
    assert ids == [d["id"] for d in of(payload(), result(3, pts=0))["inferences"][0]["detections"]]


def test_a_parsers_own_words_come_first_and_with_the_objects() -> None:
    shown = result(custom=[{"x": 1}])
    shown = replace(
        shown,
        prediction=replace(
            shown.prediction,
            detections=replace(shown.prediction.detections, columns={"custom": objects({"a": 1}, None)}),
        ),
    )
    first, second = of(payload(), shown)["inferences"]
    assert (first["type"], first["detections"]) == ("custom", [[{"x": 1}]])
    assert second["type"] == "detection"
    assert second["detections"][0]["customInfo"] == {"a": 1}
    assert "customInfo" not in second["detections"][1]


def test_what_secondaries_say_is_custom_info_and_what_they_find_is_a_detection() -> None:
    plate = Detections(
        np.array([[64, 48, 128, 96]], np.float32),
        np.array([0.75], np.float32),
        np.zeros(1, np.int32),
        ("plate",),
        "plates",
    )
    shown = result(attributes=objects((attribute("color", "blue"),), ()), inside=(Inside("model", plate),))
    car, person, found = of(payload(), shown)["inferences"][0]["detections"]
    assert car["customInfo"] == {
        "classification": [{"name": "color", "classId": 1, "confidence": 0.9, "label": "blue"}]
    }
    assert "customInfo" not in person
    assert (found["label"], found["unique_component_id"], found["tracking_id"]) == ("plate", 2, -1)
    assert found["rect"] == [0.1, 0.1, 0.1, 0.1]
    assert of(payload(components={"plates": 5}), shown)["inferences"][0]["detections"][2]["unique_component_id"] == 5


def test_documented_kinds_of_results() -> None:
    said = Prediction(
        attributes=(Attribute("class", "cat", 0.75, 2),),
        classmap=np.array([[0, 1], [1, 0]], np.uint8),
        map_names=("road", "car"),
    )
    inferences = of(payload(), replace(result(), prediction=said, tracks=result(tracks=()).tracks))["inferences"]
    assert [one["type"] for one in inferences] == ["classification", "segmentation", "detection"]
    assert inferences[0]["detections"] == [{"classId": 2, "confidence": 0.75, "label": "cat"}]
    assert inferences[1]["detections"] == [
        {"nClasses": 2, "height": 2, "width": 2, "classMap": [0, 1, 1, 0], "labels": ["road", "car"]}
    ]


def test_every_thirtieth_frame_and_whenever_something_happens() -> None:
    made = payload(every=30)
    sent = [i for i in range(65) if made.messages(result(i, events=(event("line.crossed"),) if i == 7 else ()))]
    assert sent == [0, 7, 30, 60]
    message = of(payload(), result(events=(event("zone.entered"),)))
    assert message["events"] == [
        {
            "id": "id1",
            "type": "zone.entered",
            "zone": "yard",
            "userDefinedData": {"track": 7, "label": "car"},
            "frameId": 0,
            "camera": "cam",
            "timestamp": "2018-04-11T04:59:59.828000",
        }
    ]


def test_several_messages_as_one() -> None:
    made = payload(regions=(REGION,))
    lines = [line for i in range(3) for line in made.messages(result(i))]
    whole = json.loads(made.joined(lines))
    assert [one["sourceInfo"]["frameId"] for one in whole["inferences"]] == [0, 1, 2]
    assert list(whole) == ["schemaVersion", "events", "regionsOfInterest", "inferences"]
    assert len(whole["regionsOfInterest"]) == 1


def test_times_are_local_and_of_the_frame() -> None:
    live = replace(STREAM, live=True)
    wall_ns = 1_523_422_799_828_123_456
    message = of(AcceleratorPayload(every=1), result(stream=live, wall_ns=wall_ns))
    stamp = message["inferences"][0]["sourceInfo"]["timestamp"]
    assert stamp == "2018-04-11T04:59:59.828123"
    assert datetime.fromisoformat(stamp).tzinfo is None
