"""DeepStream's messages, field by field: expected texts written by hand from what nvmsgconv's code does."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_results import BEGIN, INFO, STREAM, attribute, event, objects, result

from sightline.payloads.deepstream import DeepStreamFull
from sightline.payloads.deepstream_minimal import DeepStreamMinimal
from sightline.payloads.site import AnalyticsModule, Place, Sensor
from sightline.protocols import Payload
from sightline.types import Detections, FrameResult, Inside, Masks, Tracks

SITE = Place("1", "XYZ", "garage", (30.32, -40.55, 100.0), (1.0, 2.0, 3.0), ("walsh", "lane1", "P2"))
CAMERA = Sensor("CAMERA_ID", "Camera", "Entrance", (45.5, -75.5, 48.25), (5.2, 10.1, 11.2))
MODULE = AnalyticsModule("XYZ_1", "Plates", "OpenALR", "1.0")
UNTRACKED = "18446744073709551615"


def full(**options: Any) -> DeepStreamFull:
    made = DeepStreamFull(
        sensors={"cam": CAMERA}, places={"0": SITE}, analytics={"cam": MODULE}, begin=BEGIN, **options
    )
    assert isinstance(made, Payload)
    assert made.open(INFO) == []
    return made


def minimal(**options: Any) -> DeepStreamMinimal:
    made = DeepStreamMinimal(**{"begin": BEGIN, **options})
    assert isinstance(made, Payload)
    assert made.open(INFO) == []
    return made


def of(payload: Payload, shown: FrameResult) -> list[dict[str, Any]]:
    lines = payload.messages(shown)
    assert not any("\n" in line for line in lines)
    return [json.loads(line) for line in lines]


def texts(payload: Payload, shown: FrameResult) -> list[str]:
    (message,) = of(payload, shown)
    return message["objects"]


# -- full ------------------------------------------------------------------------------------------------------------


def test_the_new_full_message_has_every_field_in_order() -> None:
    shown = result(attributes=objects((attribute("color", "blue"), attribute("make", "vw")), None))
    car, person = of(full(), shown)
    assert list(car) == [
        *("messageid", "mdsversion", "@timestamp", "place", "sensor", "analyticsModule", "object", "event"),
        "videoPath",
    ]
    assert (car["mdsversion"], car["@timestamp"], car["videoPath"]) == ("1.0", BEGIN, "")
    assert json.dumps(car["place"]) == (
        '{"id": "1", "name": "XYZ", "type": "garage", "location": {"lat": 30.32, "lon": -40.55, "alt": 100.0}, '
        '"place-sub-field": {"id": "walsh", "name": "lane1", "level": "P2", '
        '"coordinate": {"x": 1.0, "y": 2.0, "z": 3.0}}}'
    )
    assert json.dumps(car["sensor"]) == (
        '{"id": "CAMERA_ID", "type": "Camera", "description": "Entrance", '
        '"location": {"lat": 45.5, "lon": -75.5, "alt": 48.25}, "coordinate": {"x": 5.2, "y": 10.1, "z": 11.2}}'
    )
    assert json.dumps(car["analyticsModule"]) == (
        '{"id": "XYZ_1", "description": "Plates", "source": "OpenALR", "version": "1.0"}'
    )
    assert json.dumps(car["object"]) == (
        '{"id": "7", "speed": 0.0, "direction": 0.0, "orientation": 0.0, '
        '"car": {"confidence": 0.5, "color": "blue", "make": "vw"}, '
        '"bbox": {"topleftx": 10, "toplefty": 20, "bottomrightx": 110, "bottomrighty": 70}, '
        '"location": {}, "coordinate": {}}'
    )
    assert person["object"]["id"] == UNTRACKED
    assert person["object"]["person"] == {"confidence": float(np.float32(0.92))}
    assert list(person["event"]) == ["id", "type"]
    assert person["event"]["type"] == ""


def test_the_old_full_message_has_fixed_fields_for_known_kinds() -> None:
    shown = result(
        labels=(0, 2),
        attributes=objects(
            (attribute("vehicle type", "sedan"), attribute("color", "blue")),
            (attribute("facialhair", "full"), attribute("age", "25-30")),
        ),
        embedding=np.array([[0.5, 0.25], [0.125, 1.0]], np.float32),
    )
    car, face = of(full(api="old", types={"car": "vehicle", "face": "face"}), shown)
    assert json.dumps(car["object"]) == (
        '{"id": "7", "speed": 0.0, "direction": 0.0, "orientation": 0.0, '
        '"vehicle": {"type": "sedan", "make": "", "model": "", "color": "blue", "licenseState": "", "license": "", '
        '"confidence": 0.5}, '
        '"bbox": {"topleftx": 10, "toplefty": 20, "bottomrightx": 110, "bottomrighty": 70}, '
        '"location": {"lat": 0.0, "lon": 0.0, "alt": 0.0}, "coordinate": {"x": 0.0, "y": 0.0, "z": 0.0}, '
        '"pose": {}, "embedding": {"embedding_length": 2, "embedding_vector": [0.5, 0.25]}}'
    )
    assert list(face["object"]["face"].items()) == [
        ("age", 25),
        ("gender", ""),
        ("hair", ""),
        ("cap", ""),
        ("glasses", ""),
        ("facialhair", "full"),
        ("name", ""),
        ("eyecolor", ""),
        ("confidence", float(np.float32(0.92))),
    ]
    (other, _) = of(full(api="old"), shown)
    assert other["object"]["car"] == {}  # what the event schema says of a kind that it does not know


@pytest.mark.parametrize(
    ("kind", "types", "event_type", "place", "words"),
    [
        ("line.crossed", {}, "moving", "aisle", ["id", "name", "level", "coordinate"]),
        ("zone.entered", {}, "entry", "entrance", ["name", "lane", "level", "coordinate"]),
        ("zone.left", {"car": "vehicle"}, "exit", "aisle", ["id", "name", "level", "coordinate"]),
    ],
)
def test_places_of_the_old_message_follow_the_event(
    kind: str, types: dict[str, str], event_type: str, place: str, words: list[str]
) -> None:
    car, person = of(full(api="old", types=types), result(events=(event(kind),)))
    assert car["event"]["type"] == event_type
    assert list(car["place"][place]) == words
    assert person["event"]["type"] == "moving"


def test_bodies_and_masks_of_the_old_message() -> None:
    body = np.arange(51, dtype=np.float32).reshape(1, 17, 3)
    body[..., 2] = 0.5
    body[0, 16, 2] = 0
    bits = np.zeros((6, 8), np.uint8)
    bits[1:5, 2:7] = 255
    masks = Masks(np.array([[100, 50, 108, 56]], np.float32), (bits,))
    (one,) = of(full(api="old"), result(boxes=((100, 50, 108, 56),), labels=(1,), keypoints=body, masks=masks))
    pose = one["object"]["pose"]
    assert pose["nose"] == {"x": 0, "y": 1, "confidence": 0.5}
    assert pose["neck"] == {"x": 16, "y": 17, "confidence": 0.5}  # halfway from 15, 16 to 18, 19
    assert pose["right-hand"] == {"x": 30, "y": 31, "confidence": 0.5}
    assert "right-foot" not in pose  # its confidence is 0
    assert one["object"]["maskoutline"] == [[102, 51, 102, 54, 106, 54, 106, 51]]
    assert list(one["object"])[5:7] == ["bbox", "maskoutline"]


def test_without_records_places_are_null_and_the_stream_is_the_sensor() -> None:
    payload = DeepStreamFull(begin=BEGIN)
    message = of(payload, result())[0]
    assert (message["place"], message["analyticsModule"]) == (None, None)
    assert (message["sensor"]["id"], message["sensor"]["type"]) == ("cam", "Camera")


def test_a_parsers_words_and_the_events_of_a_track_are_custom_messages() -> None:
    shown = result(custom={"risk": float("nan")}, events=(event("line.crossed"),))
    car, person = of(full(events=True), shown)
    assert car["customMessage"][0] == '{"risk":null}'
    assert json.loads(car["customMessage"][1])["kind"] == "line.crossed"
    assert person["customMessage"] == ['{"risk":null}']
    assert "customMessage" not in of(full(), result(events=(event("line.crossed"),)))[0]


def test_ids_follow_from_the_facts() -> None:
    def ids(shown: FrameResult) -> list[str]:
        return [i for m in of(full(), shown) for i in (m["messageid"], m["event"]["id"])]

    assert ids(result()) == ids(result())
    assert len({*ids(result()), *ids(result(1)), *ids(result(epoch=1))}) == 12
    live = replace(STREAM, live=True)
    assert ids(result(stream=live, wall_ns=1)) != ids(result(stream=live, wall_ns=2))
    assert ids(result(wall_ns=1)) == ids(result(wall_ns=2))


def test_every_other_frame_and_none_without_objects() -> None:
    payload = full(every=2)
    counts = [len(payload.messages(result(i))) for i in range(5)]
    assert counts == [2, 0, 2, 0, 2]
    assert full().messages(result(boxes=(), labels=(), tracks=())) == []


def test_what_is_not_finite_is_left_out_and_boxes_are_clipped() -> None:
    shown = result(boxes=((-5, -5, 700, 500), (np.nan, 0, 1, 1)), tracks=())
    (one,) = of(full(), shown)
    assert one["object"]["bbox"] == {"topleftx": 0, "toplefty": 0, "bottomrightx": 640, "bottomrighty": 480}


def test_objects_within_objects_follow_them_and_predictions_stand_in() -> None:
    plate = Detections(
        np.array([[20, 30, 60, 40]], np.float32),
        np.array([0.75], np.float32),
        np.zeros(1, np.int32),
        ("plate",),
        "plates",
        parent=np.zeros(1, np.int32),
        columns={"text": objects("AB 12")},
    )
    shown = result(inside=(Inside("model", plate),))
    assert texts(minimal(api="new"), shown)[2] == f"{UNTRACKED}|20|30|60|40|plate|#|AB 12|0.75"
    gone = result(boxes=(), labels=(), tracks=())
    coasting = Tracks(
        coasting=np.array([9]),
        coasting_xyxy=np.array([[1, 2, 3, 4]], np.float32),
        coasting_label=np.array([1], np.int32),
        coasting_score=np.array([0.5], np.float32),
    )
    assert texts(minimal(api="short"), replace(gone, tracks=coasting, inferred=False)) == ["9|1|2|3|4|person"]
    assert minimal(api="short").messages(replace(gone, tracks=coasting)) == []


# -- minimal ---------------------------------------------------------------------------------------------------------


def test_the_minimal_message_has_every_field_in_order() -> None:
    (message,) = minimal().messages(result(7, pts=0))
    assert message == (
        f'{{"version":"4.0","id":"7","@timestamp":"{BEGIN}","sensorId":"cam",'
        f'"objects":["7|10.25|20.5|110.75|70.5|car|#|||||||0.5","{UNTRACKED}|1|2|3.5|4|person|#|||||||0.92"]}}'
    )


def test_six_fields_and_a_number_as_in_2020() -> None:
    (message,) = minimal(api="short", sensors={"cam": Sensor("Yard")}, begin="2020-05-03T20:47:27.435Z").messages(
        result(26, boxes=((274.667, 137.647, 484, 324.706),), labels=(0,), tracks=((2, 0),), pts=0)
    )
    assert json.loads(message) == {
        "version": "4.0",
        "id": 26,
        "@timestamp": "2020-05-03T20:47:27.435Z",
        "sensorId": "Yard",
        "objects": ["2|274.667|137.647|484|324.706|car"],
    }


def test_classifiers_of_the_new_style() -> None:
    shown = result(attributes=objects((attribute("color", "blue"), attribute("make", "vw")), ()))
    assert texts(minimal(api="new"), shown) == [
        "7|10.25|20.5|110.75|70.5|car|#|blue|vw|0.5",
        f"{UNTRACKED}|1|2|3.5|4|person",
    ]


@pytest.mark.parametrize(
    ("label", "kind", "said", "expected"),
    [
        (0, "vehicle", ("type=sedan", "make=Bugatti", "model=M", "color=blue", "license=CA 444", "region=California"),
         "Vehicle|#|sedan|Bugatti|M|blue|CA 444|California|0.5"),
        (1, "person", ("age=45", "gender=male", "apparel=formal"), "Person|#|male|45|||formal|0.5"),
        (2, "face", ("eyecolor=green", "name=Ann"), "Face|#||0|||||Ann||green|0.5"),
        (0, "product", ("brand=x", "shape=box"), "Product|#|x||box|0.5"),
        (0, "roadsign", (), "RoadSign|#|||||||0.5"),
        (0, "vehicle", (), "Vehicle|#|||||||0.5"),
        (0, "", ("color=blue",), "car|#|blue|0.5"),
    ],
)  # fmt: skip
def test_kinds_of_the_old_style(label: int, kind: str, said: tuple[str, ...], expected: str) -> None:
    attributes = tuple(attribute(*one.split("=")) for one in said)
    shown = result(boxes=((1, 2, 3, 4),), labels=(label,), attributes=objects(attributes))
    names = {("car", "person", "face")[label]: kind} if kind else {}
    assert texts(minimal(types=names), shown) == [f"7|1|2|3|4|{expected}"]


def test_poses_embeddings_and_masks_of_the_old_style() -> None:
    body = np.tile(np.array([1.5, 2.25, 0.5], np.float32), (1, 18, 1))
    bits = np.full((4, 4), 255, np.uint8)
    bits[:, 1] = 0
    bits[:, 0] = 0
    shown = result(
        boxes=((8, 8, 12, 12),),
        labels=(1,),
        keypoints=body,
        masks=Masks(np.array([[8, 8, 12, 12]], np.float32), (bits,)),
        embedding=np.array([[0.1, -1e-7]], np.float32),
    )
    (message,) = of(minimal(), shown)
    (text,) = message["objects"]
    head, pose = text.split("|#|pose2D|")
    assert head == "7|8|8|12|12|person"
    joints, rest = pose.split("|0.5|#|embedding|")
    assert joints.split("|")[:2] == ["nose,1.500000,2.250000,0.500000", "neck,1.500000,2.250000,0.500000"]
    assert len(joints.split("|")) == 19  # a bar behind each of 18
    assert rest == "0.1,-1e-07|"
    assert message["masks"] == ["7|1|10|8|10|11|11|11|11|8"]


def test_frames_without_objects() -> None:
    nothing = result(boxes=(), labels=(), tracks=())
    assert minimal().messages(nothing) == []
    assert of(minimal(api="new"), nothing)[0]["objects"] == []
    assert minimal(api="new", empty=False).messages(nothing) == []
    assert of(minimal(empty=True), nothing)[0]["objects"] == []


def test_boxes_in_the_muxers_pixels() -> None:
    shown = result(boxes=((64, 48, 320, 240),), labels=(0,))
    assert texts(minimal(api="short", size_wh=(1280, 720)), shown) == ["7|128|72|640|360|car"]
    (message,) = of(full(size_wh=(1920, 1080)), shown)
    assert message["object"]["bbox"] == {"topleftx": 192, "toplefty": 108, "bottomrightx": 960, "bottomrighty": 540}


@given(
    st.lists(
        st.tuples(*[st.floats(0, 480, width=32)] * 4).map(lambda b: (min(b[0], b[2]), b[1], max(b[0], b[2]), b[3])),
        max_size=3,
    )
)
def test_numbers_are_those_of_a_c_stream(boxes: list[tuple[float, ...]]) -> None:
    """Twin: left + width in float32, six significant digits."""
    shown = result(boxes=boxes, labels=(0,) * len(boxes), tracks=())
    expected = []
    for x1, y1, x2, y2 in boxes:
        width, height = np.float32(x2) - np.float32(x1), np.float32(y2) - np.float32(y1)
        ends = [np.float32(x1), np.float32(y1), np.float32(x1) + width, np.float32(y1) + height]
        expected.append("|".join(["%g" % float(v) for v in ends]))  # noqa: UP031  C's own format
    got = [text.split("|", 1)[1].rsplit("|", 1)[0] for text in (texts(minimal(api="short", empty=True), shown))]
    assert got == expected


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: DeepStreamFull(api="newest"), "api 'newest'; known: new, old"),
        (lambda: DeepStreamMinimal(api="x"), "api 'x'; known: old, new, short"),
        (lambda: DeepStreamFull(every=0), "every 0: at least 1"),
        (lambda: DeepStreamFull(types={"car": "boat"}), "types: car: DeepStream knows vehicle"),
        (lambda: DeepStreamMinimal(begin="yesterday"), "begin: 'yesterday' is not a time"),
    ],
)
def test_wrong_options_are_said(make: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make()
