"""The wire, version 1: every line fits the shipped schema, and says what the records say."""

import json
import math
from dataclasses import replace
from fractions import Fraction

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sightline import __version__, rle, wire, wire_schema
from sightline.errors import InputError
from sightline.protocols import RunInfo, StageInfo
from sightline.types import (
    Attribute,
    Detections,
    Event,
    Frame,
    FrameResult,
    Instant,
    Masks,
    Prediction,
    StreamInfo,
    Tracks,
)

STREAM = StreamInfo("video.mp4", 1920, 1080, Fraction(1, 12800), Fraction(25))
VALIDATOR = jsonschema.Draft202012Validator(wire_schema.schema())


def result_of(found: Detections, *, stream: StreamInfo = STREAM, at: Instant | None = None, **fields) -> FrameResult:
    at = at if at is not None else Instant(6144, stream.base)
    frame = Frame(stream, 12, at, None, stream.width, stream.height, wall_ns=1_700_000_000_123_456_789)
    return FrameResult(frame, Prediction(found), **fields)


def read(line: str) -> dict:
    """The line through a strict JSON parser and the schema."""

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    record = json.loads(line, parse_constant=refuse)
    VALIDATOR.validate(record)
    assert "\n" not in line
    return record


def boxes(*rows: tuple[float, ...]) -> np.ndarray:
    return np.array(rows, np.float32).reshape(-1, 4)


def test_a_frame_as_the_format_has_it() -> None:
    found = Detections(
        boxes((10.126, 20.0, 110.5, 220.25), (0, 0, 5, 5)),
        np.array([0.93124, 0.5], np.float32),
        np.array([0, 2], np.int32),
        ("person", "bicycle", "car"),
        keypoints=np.array([[[12.346, 1, 0.98767]], [[3, 4, 0]]], np.float32),
    )
    counts = {"gate": {"in": {"person": 1}, "out": {}}}
    line = wire.frame_line(result_of(found, tracks=Tracks(np.array([7]), np.array([0])), counts=counts))
    assert read(line) == {
        "v": 1,
        "type": "frame",
        "stream": "video.mp4",
        "frame": 12,
        "pts": 6144,
        "time_base": "1/12800",
        "time_s": 0.48,
        "width": 1920,
        "height": 1080,
        "objects": [
            {
                "label": "person",
                "class": 0,
                "score": 0.9312,
                "box": [10.13, 20.0, 110.5, 220.25],
                "track": 7,
                "keypoints": [[12.35, 1.0, 0.9877]],
            },
            {"label": "car", "class": 2, "score": 0.5, "box": [0, 0, 5, 5], "keypoints": [[3, 4, 0]]},
        ],
        "counts": {"gate": {"in": {"person": 1}, "out": {}}},
    }
    assert list(json.loads(line))[:7] == ["v", "type", "stream", "frame", "pts", "time_base", "time_s"]


def test_the_header() -> None:
    stage = StageInfo("model", "yolo", "ab" * 32, "openvino", "bf16", 0.25, 0.45, ("person", "Zürich"), "yolov8")
    record = read(wire.header_line(RunInfo((stage,), (STREAM, replace(STREAM, id="rtsp #2", live=True)))))
    assert record["sightline"] == __version__
    assert record["models"] == [
        {
            "stage": "model",
            "name": "yolo",
            "sha256": "ab" * 32,
            "runtime": "openvino",
            "precision": "bf16",
            "score": 0.25,
            "nms": 0.45,
            "labels": ["person", "Zürich"],
            "head": "yolov8",
        }
    ]
    assert [s["live"] for s in record["streams"]] == [False, True]
    assert record["streams"][0] == {
        "id": "video.mp4",
        "width": 1920,
        "height": 1080,
        "time_base": "1/12800",
        "timed": True,
        "live": False,
    }


def test_times_of_stills_untimed_and_live_streams() -> None:
    still = replace(STREAM, base=Fraction(1), timed=False, still=True)
    record = read(wire.frame_line(result_of(Detections(), stream=still, at=Instant(None, still.base))))
    assert (record["pts"], record["time_s"], "timed" in record, "utc" in record) == (None, None, False, False)

    raw = replace(STREAM, timed=False)
    untimed = result_of(Detections(), stream=raw, at=Instant(None, raw.base, offset_s=12 / 25))
    record = read(wire.frame_line(untimed))
    assert (record["pts"], record["time_s"], record["timed"]) == (None, 0.48, False)

    live = replace(STREAM, live=True)
    record = read(wire.frame_line(result_of(Detections(), stream=live)))
    assert record["utc"] == "2023-11-14T22:13:20.123Z"
    assert "timed" not in record

    negative = result_of(Detections(), at=Instant(-379_593, Fraction(1, 90_000)))
    assert read(wire.frame_line(negative))["time_s"] == -4.217700


def test_events_carry_the_flags_of_their_stream() -> None:
    event = Event(
        "e1",
        "line.crossed",
        "gate",
        "video.mp4",
        12,
        Instant(6144, STREAM.base),
        7,
        "person",
        {"direction": "in", "from": (np.float32(1.5), 2), "to": np.array([3.0, math.nan]), "dwell_s": math.inf},
    )
    record = read(wire.event_line(event))
    assert record["data"] == {"direction": "in", "from": [1.5, 2], "to": [3.0, None], "dwell_s": None}
    assert (record["pts"], record["time_s"], record["track"], record["label"]) == (6144, 0.48, 7, "person")
    frame = result_of(Detections(), stream=replace(STREAM, live=True, timed=False)).frame
    record = read(wire.event_line(replace(event, track=None, label=None), frame))
    assert record["timed"] is False
    assert record["utc"].endswith("Z")
    assert "track" not in record
    assert "label" not in record


def test_frames_that_no_model_saw_list_the_predicted_boxes() -> None:
    tracks = Tracks(
        coasting=np.array([4, 5]),
        coasting_xyxy=boxes((1, 2, 3, 4), (5, 6, 7, 8)),
        coasting_label=np.array([1, 0], np.int32),
        coasting_score=np.array([0.5, 0.25], np.float32),
    )
    record = read(wire.frame_line(result_of(Detections(), tracks=tracks, inferred=False), ("person", "car")))
    assert [(o["track"], o["label"], o["coasting"]) for o in record["objects"]] == [
        (4, "car", True),
        (5, "person", True),
    ]
    assert read(wire.frame_line(result_of(Detections(), tracks=tracks)))["objects"] == []


@given(
    hnp.arrays(np.float32, hnp.array_shapes(min_dims=1, max_dims=1, max_side=6).map(lambda s: (*s, 5))),
    st.lists(st.text(max_size=8), max_size=3),
    st.text(max_size=12),
)
def test_whatever_a_model_says_the_line_is_sound(rows: np.ndarray, names: list[str], stream: str) -> None:
    n = len(rows)
    found = Detections(
        rows[:, :4],
        rows[:, 4],
        np.arange(n, dtype=np.int32) - 1,
        tuple(names),
        keypoints=rows[:, None, :3],
    )
    record = read(wire.frame_line(result_of(found, stream=replace(STREAM, id=stream))))
    assert record["stream"] == stream
    sound = np.isfinite(rows).all(1)
    assert len(record["objects"]) == sound.sum()
    for thing, row in zip(record["objects"], rows[sound], strict=True):
        limit = (1920, 1080, 1920, 1080)
        want = [round(min(max(float(v), 0), top), 2) for v, top in zip(row[:4], limit, strict=True)]
        assert thing["box"] == pytest.approx(want, abs=0.0051)
        assert thing["box"] == [round(v, 2) for v in thing["box"]]


def test_the_shipped_schema_is_the_generated_one() -> None:
    jsonschema.Draft202012Validator.check_schema(wire_schema.schema())
    assert wire_schema.shipped() == wire_schema.schema_text(), "run: python -m sightline.wire_schema"


@pytest.mark.parametrize(
    "spoilt",
    [
        {"pts": 1.5},
        {"time_base": "0.04"},
        {"objects": [{"label": "a", "class": 0, "score": 1.2, "box": [0, 0, 1, 1]}]},
        {"objects": [{"label": "a", "class": 0, "score": 0.2, "box": [0, 0, 1]}]},
        {"frame": -1},
        {"counts": {"gate": {"in": {"car": "1"}}}},
        {"type": "event"},
    ],
)
def test_the_schema_refuses(spoilt: dict) -> None:
    record = json.loads(wire.frame_line(result_of(Detections())))
    VALIDATOR.validate(record)
    with pytest.raises(jsonschema.ValidationError):
        VALIDATOR.validate({**record, **spoilt})


def test_parse_gives_back_what_was_written() -> None:
    line = wire.frame_line(result_of(Detections(boxes((1, 2, 3, 4)), np.ones(1, np.float32), np.zeros(1, np.int32))))
    record = wire.parse(line)
    assert record["type"] == "frame"
    assert record["objects"][0]["label"] == "class0"
    assert wire.parse(wire.header_line(RunInfo((), ())).encode())["type"] == "run"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "not a line"),
        ("[1]", "JSON object"),
        ('{"v":2,"type":"frame"}', "version 2"),
        ('{"v":1,"type":"picture"}', "'picture'"),
        ('{"v":1,"type":["frame"]}', "unknown type"),
        ('{"v":1,"type":"event","id":"x"}', "without data"),
    ],
)
def test_parse_names_what_is_wrong(line: str, words: str) -> None:
    with pytest.raises(InputError, match=words.replace("(", r"\(")):
        wire.parse(line)


def test_optional_fields_are_known_to_be_optional() -> None:
    said = {"attributes", "embedding", "text", "map", "custom", "marks"}
    assert wire.FrameRecord.__optional_keys__ == {"timed", "utc", "file"} | said
    assert wire.EventRecord.__optional_keys__ == {"timed", "utc", "track", "label"}


def column(*values: object) -> np.ndarray:
    out = np.empty(len(values), object)
    out[:] = values
    return out


def test_what_only_some_models_say_of_an_object() -> None:
    disc = np.array([[0, 255], [255, 255], [128, 127]], np.uint8)
    found = Detections(
        boxes((10, 20, 12, 23), (0, 0, 5, 5)),
        np.array([0.9, 0.5], np.float32),
        np.array([0, 0], np.int32),
        ("sign",),
        masks=Masks(boxes((10, 20, 12, 23), (0, 0, 0, 0)), (disc, np.zeros((0, 0), np.uint8))),
        columns={
            "obb": np.array([[11.126, 21.5, 2, 3, 0.123456], [np.nan, 0, 0, 0, 0]], np.float32),
            "attributes": column((Attribute("colour", "red", 0.98767, 3), Attribute("kind", "stop", 0.5)), ()),
            "embedding": np.array([[0.6, -0.12345678], [np.inf, 0]], np.float32),
            "text": column('Zürich "A"', None),
            "own": np.array([1, 2]),
        },
    )
    first, second = read(wire.frame_line(result_of(found)))["objects"]
    mask = first.pop("mask")
    assert first == {
        "label": "sign",
        "class": 0,
        "score": 0.9,
        "box": [10, 20, 12, 23],
        "obb": [11.13, 21.5, 2, 3, 0.1235],
        "attributes": [
            {"name": "colour", "label": "red", "class": 3, "score": 0.9877},
            {"name": "kind", "label": "stop", "score": 0.5},
        ],
        "embedding": [0.6, -0.123457],
        "text": 'Zürich "A"',
    }
    assert mask["size"] == [1080, 1920]
    full = rle.decode(mask["counts"], 1920, 1080)
    assert full[20:23, 10:12].tolist() == [[False, True], [True, True], [True, False]]
    assert full.sum() == 4
    assert not rle.decode(second["mask"].pop("counts"), 1920, 1080).any()
    assert second == {"label": "sign", "class": 0, "score": 0.5, "box": [0, 0, 5, 5], "mask": {"size": [1080, 1920]}}


def test_masks_belong_to_their_rows_also_where_one_is_left_out() -> None:
    found = Detections(
        boxes((0, 0, math.nan, 4), (3, 0, 4, 1)),
        np.ones(2, np.float32),
        np.zeros(2, np.int32),
        masks=Masks(boxes((0, 0, 1, 1), (3, 0, 4, 1)), (np.full((1, 1), 255, np.uint8),) * 2),
    )
    (only,) = read(wire.frame_line(result_of(found)))["objects"]
    assert np.argwhere(rle.decode(only["mask"]["counts"], 1920, 1080)).tolist() == [[0, 3]]


@given(hnp.arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_every_mask_survives_the_way_through_json(mask: np.ndarray) -> None:
    h, w = mask.shape
    stream = replace(STREAM, width=w, height=h)
    found = Detections(
        boxes((0, 0, w, h)),
        np.ones(1, np.float32),
        np.zeros(1, np.int32),
        masks=Masks(boxes((0, 0, w, h)), (mask.astype(np.uint8) * 255,)),
    )
    (only,) = read(wire.frame_line(result_of(found, stream=stream)))["objects"]
    assert (rle.decode(only["mask"]["counts"], w, h) == mask).all()


def test_what_a_model_says_of_the_whole_view() -> None:
    whole = Prediction(
        attributes=(Attribute("class", "tabby", 0.70004, 281), Attribute("class", "lynx", math.nan, 287)),
        embedding=np.array([1, 1e-9, -0.5], np.float32),
        text="AB 12",
    )
    result = replace(result_of(Detections()), prediction=whole, map="video.mp4/000012.png")
    record = read(wire.frame_line(result))
    assert record["attributes"] == [{"name": "class", "label": "tabby", "class": 281, "score": 0.7}]
    assert record["embedding"] == [1, 0, -0.5]
    assert (record["text"], record["map"]) == ("AB 12", "video.mp4/000012.png")
    plain = read(wire.frame_line(result_of(Detections())))
    assert not {"attributes", "embedding", "text", "map"} & plain.keys()
