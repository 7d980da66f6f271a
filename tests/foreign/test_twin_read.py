"""Twins as text: what is read, in every form that is about, and what is wrong, with its line."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twins import changed, plain_twin

from sightline.errors import ConfigError, ModelError
from sightline.foreign.json_text import parse_json
from sightline.foreign.twin import Twin, components_of, components_path
from sightline.foreign.twin_read import parse_twin

PATH = Path("twin.json")


def read(twin: object) -> Twin:
    return parse_twin(json.dumps(twin, indent=1), PATH)


def line_of(twin: object, text: str) -> int:
    lines = json.dumps(twin, indent=1).splitlines()
    return next(i for i, line in enumerate(lines, 1) if text in line)


def test_everything_that_a_twin_says() -> None:
    twin = read(plain_twin())
    assert (twin.enabled, twin.faults, twin.notes) == (True, {}, ())
    assert [(s.name, s.subtype, s.endpoint.text) for s in twin.sensors.values()] == [
        ("door", "file", "file:///clips/door.mp4"),
        ("yard", "rtsp", "rtsp://camera:554/live"),
    ]
    (region,) = twin.sensors["door"].regions
    assert (region.label, region.color, region.points[2]) == ("mat", "#ff0000", (0.6, 0.6))
    people, cars = twin.pipelines.values()
    assert (people.id, people.osd, people.crop, people.dewarp) == ("People", True, None, None)
    assert [m.config.text for m in people.secondaries] == ["cfg/second.txt"]
    assert cars.primary is not None
    assert (cars.primary.parser, cars.secondaries, bool(cars.tracker)) == ("yolov4", (), False)
    assert [(s.name, s.pipeline, s.user) for s in twin.streams] == [("door", "People", ""), ("yard", "Cars", "me")]


def wrapped(kind: str) -> object:
    """The same twin at another level of another file."""
    twin = plain_twin()
    components = twin["azdaConfiguration"]["components"]
    return {
        "message": components,
        "components": {"components": components},
        "module": {"properties.desired": twin},
        "layered": {"content": {"m": {"properties.desired.azdaConfiguration": twin["azdaConfiguration"]}}},
        "docs": {"other": 1, "properties": {"twinProperties": {"desired": twin}}},
        "template": {"modulesContent": {"$edgeAgent": {"a": [1]}, "controllermodule": {"properties.desired": twin}}},
        "inner": {"azdaConfiguration": components},
    }[kind]


@pytest.mark.parametrize("kind", ["message", "components", "module", "layered", "docs", "template", "inner"])
def test_it_is_found_wherever_it_is(kind: str) -> None:
    found, plain = read(wrapped(kind)), read(plain_twin())
    assert list(found.pipelines) == list(plain.pipelines)
    assert found.sensors["door"].regions == plain.sensors["door"].regions
    root = parse_json(json.dumps(wrapped(kind)), PATH)
    assert components_of(root) is not None
    assert components_path(root) is not None


@pytest.mark.parametrize("other", [{}, [], 3, {"streams": ["a"], "model": "b"}, {"sensors": []}, {"deepStream": {}}])
def test_what_is_no_twin(other: object) -> None:
    assert components_of(parse_json(json.dumps(other), PATH)) is None
    with pytest.raises(ConfigError, match="no azdaConfiguration"):
        read(other)


def test_a_business_logics_twin_alone_is_told() -> None:
    with pytest.raises(ConfigError, match="name the controller's"):
        read({"startRecording": [{"configId": "x", "state": True}]})


def test_the_modules_around_it_are_read() -> None:
    twin = read(
        {
            "modulesContent": {
                "c": {"properties.desired": plain_twin()},
                "ai-pipeline": {"properties.desired": {"outputVideoLength": 12}},
                "BusinessLogicModule": {
                    "properties.desired": {
                        "startRecording": [
                            {"configId": "People", "state": True},
                            {"configId": "Cars", "state": False},
                            {"configId": 3},
                        ]
                    }
                },
            }
        }
    )
    assert twin.snippet_s == 12
    assert twin.recording == (("People", True), ("Cars", False))
    assert any("startRecording" in note for note in twin.notes)


def test_switched_off_nothing_is_judged() -> None:
    twin = read(changed(changed(plain_twin(), "deepStream.enable", False), "deepStream.streams", "nonsense"))
    assert not twin.enabled
    assert not twin.faults
    assert "deepStream.enable is false" in twin.notes[0]


DOCUMENTED = ("unsecureZipUrl", "secondaryModelConfigPaths", "trackerConfigPath", "deepstreamPassthrough")


@pytest.mark.parametrize("key", [*DOCUMENTED, "pipelineOptions"])
def test_what_the_documents_call_optional_may_be_missing(key: str) -> None:
    twin = read(changed(plain_twin(), f"deepStream.pipelineConfigs.1.{key}", None))
    assert not twin.faults
    assert "Cars" in twin.pipelines


@pytest.mark.parametrize(
    ("way", "value", "called", "why"),
    [
        ("sensors.0.name", None, "sensors[0]", "sensors[0].name is missing"),
        ("sensors.0.name", 3, "sensors[0]", "expected text, got a number"),
        ("sensors.0.endpoint", None, "door", "sensors[0].endpoint is missing"),
        ("sensors.0.kind.type", "audio", "door", "only vision is known"),
        ("sensors.0", "x", "sensors[0]", "expected an object, got text"),
        ("sensors", None, "sensors", "expected a list; it is missing"),
        ("sensors", {}, "sensors", "expected a list; it is an object"),
        ("sensors.0.regionsOfInterest.0.coordinates", [[0, 0], [1, 1]], "door: regionsOfInterest[0]", "three or more"),
        ("sensors.0.regionsOfInterest.0.coordinates.1", [2, 0], "door: regionsOfInterest[0]", "numbers from 0 to 1"),
        ("sensors.0.regionsOfInterest.0.coordinates.1", "x", "door: regionsOfInterest[0]", "numbers from 0 to 1"),
        ("sensors.0.regionsOfInterest.0.coordinates", None, "door: regionsOfInterest[0]", "three or more"),
        ("sensors.0.regionsOfInterest.0.coordinates", [[0.1, 0.1]] * 4, "door: regionsOfInterest[0]", "nothing"),
        ("deepStream.streams.0.name", None, "deepStream.streams[0]", "name is missing"),
        ("deepStream.streams.0.configId", None, "door", "configId is missing"),
        ("deepStream.streams.0.password", 5, "door", "expected text, got a number"),
        ("deepStream.pipelineConfigs.0.id", None, "deepStream.pipelineConfigs[0]", "id is missing"),
        ("deepStream.pipelineConfigs.0.primaryModelConfigPath", None, "People", "primaryModelConfigPath is missing"),
        ("deepStream.pipelineConfigs.0.primaryModelConfigPath", 7, "People", "expected a path or an object"),
        ("deepStream.pipelineConfigs.0.primaryModelConfigPath", {"pyFile": "a"}, "People", "configFile is missing"),
        ("deepStream.pipelineConfigs.0.secondaryModelConfigPaths", [True], "People", "expected a path or an object"),
        ("deepStream.pipelineConfigs.1.primaryModelConfigPath.parser", "yolo9", "Cars", "no parser 'yolo9'; there are"),
        ("deepStream.pipelineConfigs.0.trackerConfigPath", [], "People", "expected text, got a list"),
        ("deepStream.pipelineConfigs.0.pipelineOptions", [], "People", "expected an object, got a list"),
        ("deepStream.pipelineConfigs.0.pipelineOptions.crop", {"enable": True}, "People", "crop.x0: expected a pixel"),
        ("deepStream.pipelineConfigs.0.pipelineOptions.crop", {"enable": True, "x0": 5, "x1": 5, "y0": 0, "y1": 9},
         "People", "encloses nothing"),
        ("deepStream.pipelineConfigs.0.pipelineOptions.dewarp", {"enable": True}, "People", "config_file is missing"),
        ("deepStream.pipelineConfigs.0.pipelineOptions.osd", "on", "People", "expected an object with enable"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_and_the_rest_is_read(way: str, value: object, called: str, why: str) -> None:
    twin = read(changed(plain_twin(), way, value))
    assert list(twin.faults) == [called]
    assert twin.faults[called].startswith("twin.json:")
    assert why in twin.faults[called]
    other = "Cars" if called == "People" or "pipelineConfigs[0]" in called else "People"
    assert other in twin.pipelines


def test_the_line_is_that_of_the_value() -> None:
    bad = changed(plain_twin(), "deepStream.pipelineConfigs.1.primaryModelConfigPath.parser", "yolo9")
    assert read(bad).faults["Cars"].startswith(f"twin.json:{line_of(bad, 'yolo9')}: ")


def test_names_that_are_there_twice() -> None:
    twin = plain_twin()
    deep = twin["azdaConfiguration"]["components"]["deepStream"]
    deep["pipelineConfigs"].append({**deep["pipelineConfigs"][0], "primaryModelConfigPath": "other.txt"})
    deep["streams"].append(dict(deep["streams"][0]))
    sensors = twin["azdaConfiguration"]["components"]["sensors"]
    sensors.append({**sensors[0], "endpoint": "rtsp://other"})
    found = read(twin)
    assert len(found.notes) == 3
    assert all("is there twice; the last one counts" in note for note in found.notes)
    primary = found.pipelines["People"].primary
    assert primary is not None
    assert primary.config.text == "other.txt"
    assert found.sensors["door"].endpoint.text == "rtsp://other"
    assert len(found.streams) == 2


def test_one_camera_for_two_pipelines_is_no_repetition() -> None:
    twin = plain_twin()
    twin["azdaConfiguration"]["components"]["deepStream"]["streams"].append(
        {"name": "door", "uname": "", "password": "", "configId": "Cars"}
    )
    found = read(twin)
    assert not found.notes
    assert [(s.name, s.pipeline) for s in found.streams] == [("door", "People"), ("yard", "Cars"), ("door", "Cars")]


def test_regions_beside_the_sensors_as_the_documents_have_them() -> None:
    twin = plain_twin()
    components = twin["azdaConfiguration"]["components"]
    (region,) = components["sensors"][0].pop("regionsOfInterest")
    components["regionsOfInterest"] = [region | {"sensor": "door"}, region | {"sensor": "gone"}, dict(region)]
    found = read(twin)
    assert [r.label for r in found.sensors["door"].regions] == ["mat"]
    assert any("'gone'" in note for note in found.notes)
    assert any("sensor is missing" in note for note in found.notes)


@pytest.mark.parametrize(
    "value", ["cfg/a.txt", {"configFile": "cfg/a.txt"}, ["cfg/a.txt"], [{"configFile": "cfg/a.txt"}]]
)
def test_secondaries_in_all_their_forms(value: object) -> None:
    twin = read(changed(plain_twin(), "deepStream.pipelineConfigs.0.secondaryModelConfigPaths", value))
    assert [m.config.text for m in twin.pipelines["People"].secondaries] == ["cfg/a.txt"]


def test_a_parser_that_is_a_file_and_words_for_true() -> None:
    twin = changed(plain_twin(), "deepStream.pipelineConfigs.1.primaryModelConfigPath.parser", "/p/my.py")
    twin = changed(twin, "deepStream.pipelineConfigs.0.pipelineOptions.osd.enable", "false")
    found = read(twin)
    model = found.pipelines["Cars"].primary
    assert model is not None
    assert model.python is not None
    assert (model.python.text, model.parser) == ("/p/my.py", "")
    assert not found.pipelines["People"].osd
    assert any("taken as pyFile" in note for note in found.notes)


def test_another_platform_is_refused() -> None:
    twin = plain_twin()
    twin["azdaConfiguration"]["platform"] = "Vision"
    with pytest.raises(ConfigError, match="only DeepStream"):
        read(twin)


# -- whatever is thrown at it ------------------------------------------------------------------------------------------

ODD = st.sampled_from([None, True, 0, -1, 1e300, "", "x", "REPLACE-ME", [], {}, [[]], [{}], {"enable": "maybe"}])


def ways(value: Any, way: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    found = [way] if way else []
    if isinstance(value, dict):
        return found + [w for key, below in value.items() for w in ways(below, (*way, key))]
    if isinstance(value, list):
        return found + [w for i, below in enumerate(value) for w in ways(below, (*way, i))]
    return found


WAYS = ways(plain_twin())


@given(st.lists(st.tuples(st.sampled_from(WAYS), ODD), min_size=1, max_size=3))
def test_a_twin_with_anything_in_any_place(changes: list[tuple[tuple[str | int, ...], object]]) -> None:
    twin: Any = plain_twin()
    for way, value in changes:
        at: Any = twin
        try:
            for step in way[:-1]:
                at = at[step]
            at[way[-1]] = copy.deepcopy(value)
        except (KeyError, IndexError, TypeError):
            continue
    try:
        found = read(twin)
    except (ConfigError, ModelError):
        return
    assert all(fault.startswith("twin.json:") for fault in found.faults.values())


@given(st.text(max_size=80) | st.binary(max_size=80).map(lambda b: b.decode("latin-1")))
def test_any_text_is_read_or_refused(text: str) -> None:
    with pytest.raises((ConfigError, ModelError)):
        parse_twin(text, PATH)
