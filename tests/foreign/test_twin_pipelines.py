"""Twins as pipelines: what every key makes of them, and that one bad thing stops only itself."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from twins import SECRET, changed, plain_twin, write_files, write_twin

from sightline.config import CodeConfig, PipelineConfig
from sightline.config_text import dump_config, parse_config
from sightline.deployment import Deployment
from sightline.foreign.mapping import Mapping
from sightline.foreign.twin_fates import COMPONENT_KEYS, fates_of_twin
from sightline.foreign.twin_pipelines import TwinFiles, deployment_of, zips_of
from sightline.foreign.twin_read import read_twin
from sightline.foreign.written import read_written

CLIPS = "file:///clips/="


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_files(tmp_path)
    return tmp_path


def deploy(folder: Path, twin: object, *pairs: str, files: TwinFiles | None = None) -> Deployment:
    mapping = Mapping.parsed([f"{CLIPS}{folder}/clips", *pairs])
    files = files or TwinFiles()
    return deployment_of(read_twin(write_twin(folder, twin)), TwinFiles(mapping, files.packages, files.lost, files.out))


def plain(deployment: Deployment) -> dict[str, Any]:
    return {name: json.loads(config.model_dump_json(by_alias=True)) for name, config in deployment.pipelines.items()}


def test_the_plain_twin(folder: Path) -> None:
    made = deploy(folder, plain_twin())
    assert not made.faults
    people, cars = made.pipelines["People"], made.pipelines["Cars"]
    (door,) = people.streams
    assert (door.id, door.url) == ("door", str(folder / "clips" / "door.mp4"))
    (region,) = door.analytics
    assert (region.kind, region.options["name"], region.options["anchor"]) == ("roi", "mat", "center")
    assert people.model.path == str(folder / "cfg" / "first.txt")
    assert [(s.path, s.objects) for s in people.then] == [(str(folder / "cfg" / "second.txt"), ("car",))]
    assert people.tracker is not None
    assert people.overlay is not None
    assert [s.options["path"] for s in people.sinks][:3] == [
        "People.jsonl",
        "People.messages.jsonl",
        "People-{stream}.mp4",
    ]
    (yard,) = cars.streams
    assert yard.url == "rtsp://me:s3cr3t%2F%40%3Aword@camera:554/live"
    assert (cars.model.head, cars.tracker, cars.overlay) == ("yolo-cells", None, None)
    assert cars.then == ()


def test_each_pipeline_can_be_written_and_read_again(folder: Path) -> None:
    for config in deploy(folder, plain_twin()).pipelines.values():
        assert parse_config(dump_config(config)) == config


ONE, TWO = "deepStream.pipelineConfigs.0", "deepStream.pipelineConfigs.1"
CROP = {"enable": True, "x0": 10, "x1": 109, "y0": 20, "y1": 79}
LAUNCH = "filesrc location=clips/door.mp4 ! fakesink"
# key: (where in the twin, another value, first the twin to compare with, as changes of the plain one)
CHANGES: dict[str, tuple[str, object, list[tuple[str, object]]]] = {
    "sensors.name": ("sensors.0.name", "gate", [("deepStream.streams.0.name", "gate"), ("sensors.1.name", "door")]),
    "sensors.kind.type": ("sensors.0.kind.type", "audio", []),
    "sensors.kind.subtype": ("sensors.1.kind.subtype", "USB", [("sensors.1.endpoint", "7")]),
    "sensors.endpoint": ("sensors.1.endpoint", "rtsp://other/live", []),
    "sensors.regionsOfInterest.label": ("sensors.0.regionsOfInterest.0.label", "step", []),
    "sensors.regionsOfInterest.color": ("sensors.0.regionsOfInterest.0.color", "#00ff00", []),
    "sensors.regionsOfInterest.coordinates": (
        "sensors.0.regionsOfInterest.0.coordinates",
        [[0, 0], [1, 0], [1, 1]],
        [],
    ),
    "deepStream.enable": ("deepStream.enable", False, []),
    "deepStream.pipelineConfigs.id": (f"{ONE}.id", "Persons", [("deepStream.streams.0.configId", "Persons")]),
    "deepStream.pipelineConfigs.unsecureZipUrl": (f"{ONE}.unsecureZipUrl", "https://h/p.zip", []),
    "deepStream.pipelineConfigs.primaryModelConfigPath": (f"{ONE}.primaryModelConfigPath", "cfg/third.txt", []),
    "deepStream.pipelineConfigs.primaryModelConfigPath.configFile": (
        f"{TWO}.primaryModelConfigPath.configFile",
        "cfg/third.txt",
        [],
    ),
    "deepStream.pipelineConfigs.primaryModelConfigPath.pyFile": (
        f"{TWO}.primaryModelConfigPath.pyFile",
        "cfg/parser.py",
        [],
    ),
    "deepStream.pipelineConfigs.primaryModelConfigPath.parser": (
        f"{TWO}.primaryModelConfigPath.parser",
        "tiny-yolov3",
        [],
    ),
    "deepStream.pipelineConfigs.secondaryModelConfigPaths": (f"{ONE}.secondaryModelConfigPaths", "", []),
    "deepStream.pipelineConfigs.secondaryModelConfigPaths.configFile": (
        f"{ONE}.secondaryModelConfigPaths.0.configFile",
        "cfg/third.txt",
        [(f"{ONE}.secondaryModelConfigPaths", [{"configFile": "cfg/second.txt"}])],
    ),
    "deepStream.pipelineConfigs.secondaryModelConfigPaths.pyFile": (
        f"{ONE}.secondaryModelConfigPaths.0.pyFile",
        "cfg/parser.py",
        [(f"{ONE}.secondaryModelConfigPaths", [{"configFile": "cfg/second.txt"}])],
    ),
    "deepStream.pipelineConfigs.secondaryModelConfigPaths.parser": (
        f"{ONE}.secondaryModelConfigPaths.0.parser",
        "ssd_mobilenet_v1",
        [(f"{ONE}.secondaryModelConfigPaths", [{"configFile": "cfg/second.txt"}])],
    ),
    "deepStream.pipelineConfigs.trackerConfigPath": (f"{ONE}.trackerConfigPath", "cfg/tracker.txt", []),
    "deepStream.pipelineConfigs.deepstreamPassthrough": (f"{ONE}.deepstreamPassthrough", LAUNCH, []),
    "deepStream.pipelineConfigs.pipelineOptions.dewarp.enable": (f"{ONE}.pipelineOptions.dewarp.enable", True, []),
    "deepStream.pipelineConfigs.pipelineOptions.dewarp.config_file": (
        f"{ONE}.pipelineOptions.dewarp.config_file",
        "cfg/none.txt",
        [(f"{ONE}.pipelineOptions.dewarp.enable", True)],
    ),
    "deepStream.pipelineConfigs.pipelineOptions.crop.enable": (f"{ONE}.pipelineOptions.crop.enable", True, []),
    **{
        f"deepStream.pipelineConfigs.pipelineOptions.crop.{key}": (
            f"{ONE}.pipelineOptions.crop.{key}",
            value,
            [(f"{ONE}.pipelineOptions.crop", CROP)],
        )
        for key, value in (("x0", 12), ("x1", 99), ("y0", 22), ("y1", 66))
    },
    "deepStream.pipelineConfigs.pipelineOptions.osd.enable": (f"{ONE}.pipelineOptions.osd.enable", False, []),
    "deepStream.streams.name": ("deepStream.streams.1.name", "door", []),
    "deepStream.streams.uname": ("deepStream.streams.1.uname", "you", []),
    "deepStream.streams.password": ("deepStream.streams.1.password", "other", []),
    "deepStream.streams.configId": ("deepStream.streams.0.configId", "Cars", []),
}
BESIDE = [(f"regionsOfInterest.{key}") for key in ("label", "color", "sensor", "coordinates")]


def test_every_key_that_counts_is_in_the_table() -> None:
    counting = {key for key, known in COMPONENT_KEYS.items() if known.status in ("honoured", "translated")}
    assert counting == set(CHANGES) | set(BESIDE)


@pytest.mark.parametrize("key", CHANGES)
def test_another_value_makes_another_deployment(key: str, folder: Path) -> None:
    where, value, before = CHANGES[key]
    base = plain_twin()
    for way, first in before:
        base = changed(base, way, first)
    other = changed(base, where, value)
    made = [deploy(folder, twin) for twin in (base, other)]
    wanted = [zips_of(read_twin(write_twin(folder, twin))) for twin in (base, other)]
    one, two = [(plain(one), one.faults, one.idle, zips) for one, zips in zip(made, wanted, strict=True)]
    assert one != two


@pytest.mark.parametrize("key", [key.rpartition(".")[2] for key in BESIDE])
def test_regions_beside_the_sensors(key: str, folder: Path) -> None:
    twin = plain_twin()
    components = twin["azdaConfiguration"]["components"]
    components["regionsOfInterest"] = [components["sensors"][0].pop("regionsOfInterest")[0] | {"sensor": "door"}]
    other = {"label": "x", "color": "#000000", "sensor": "yard", "coordinates": [[0, 0], [1, 0], [0, 1]]}[key]
    again = changed(twin, f"regionsOfInterest.0.{key}", other)
    assert plain(deploy(folder, twin)) == plain(deploy(folder, plain_twin()))
    assert plain(deploy(folder, again)) != plain(deploy(folder, twin))


def test_every_region_of_every_stream_starts_recordings(folder: Path) -> None:
    twin = plain_twin()
    sensors = twin["azdaConfiguration"]["components"]["sensors"]
    (mat,) = sensors[0]["regionsOfInterest"]
    sensors[0]["regionsOfInterest"] = [mat, mat]
    sensors.append({**sensors[0], "name": "gate", "regionsOfInterest": [{**mat, "label": "step"}]})
    sensors.append({**sensors[0], "name": "hall", "regionsOfInterest": []})
    streams = twin["azdaConfiguration"]["components"]["deepStream"]["streams"]
    first = next(stream for stream in streams if stream["name"] == "door")
    streams += [{**first, "name": "gate"}, {**first, "name": "hall"}]
    made = deploy(folder, twin).pipelines[first["configId"]]
    assert [stream.id for stream in made.streams if stream.id != "yard"] == ["door", "gate", "hall"]
    (record,) = (sink for sink in made.sinks if sink.kind == "record")
    assert record.options["zones"] == ["mat", "mat (2)", "step"]
    assert record.options["streams"] == ["door", "gate"]
    rules = [[part.options["name"] for part in stream.analytics] for stream in made.streams if stream.id != "yard"]
    assert rules == [["mat", "mat (2)"], ["step"], []]


def test_the_crop_has_its_last_pixels_and_regions_are_of_what_is_left(folder: Path) -> None:
    made = deploy(folder, changed(plain_twin(), f"{ONE}.pipelineOptions.crop", CROP)).pipelines["People"]
    assert made.limits.crop == (10, 20, 110, 80)
    assert made.limits.crop_px
    (region,) = made.streams[0].analytics
    assert region.options["px"] is True
    assert region.options["points"] == [[30, 32], [70, 32], [70, 56], [30, 56]]


def test_a_pipeline_without_a_model(folder: Path) -> None:
    twin = changed(plain_twin(), f"{ONE}.primaryModelConfigPath", "")
    twin = changed(twin, f"{ONE}.pipelineOptions.dewarp.enable", True)
    bare = changed(changed(twin, f"{ONE}.secondaryModelConfigPaths", ""), f"{ONE}.trackerConfigPath", "")
    made = deploy(folder, bare).pipelines["People"]
    assert made.model.path == "builtin:nothing"
    assert made.streams[0].dewarp is not None
    assert "secondary models without a primary" in deploy(folder, twin).faults["People"]


def test_a_device(folder: Path) -> None:
    twin = changed(
        plain_twin(), "sensors.1", {"name": "yard", "kind": {"type": "vision", "subtype": "USB"}, "endpoint": "0"}
    )
    assert "no such device" in deploy(folder, twin).faults["yard"]
    made = deploy(folder, twin, f"0={folder}/clips/door.mp4")
    assert made.pipelines["Cars"].streams[0].url == f"{folder}/clips/door.mp4"


# -- one bad thing stops only itself -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("way", "value", "lost", "why"),
    [
        (f"{ONE}.primaryModelConfigPath", "gone.txt", "People", "'gone.txt': no such file"),
        (f"{ONE}.primaryModelConfigPath", "cfg/frst.txt", "People", "did you mean first.txt?"),
        (f"{ONE}.secondaryModelConfigPaths", "gone.txt", "People", "a secondary model: 'gone.txt': no such file"),
        (f"{ONE}.trackerConfigPath", "gone.txt", "People", "trackerConfigPath: 'gone.txt': no such file"),
        (f"{ONE}.primaryModelConfigPath", "REPLACE-ME", "People", "is a placeholder"),
        (f"{ONE}.unsecureZipUrl", "https://h/p.zip", "", ""),
        ("deepStream.streams.0.configId", "Dogs", "door", "there is no pipeline 'Dogs'; there are: People, Cars"),
        ("deepStream.streams.0.name", "cellar", "cellar", "there is no sensor 'cellar'; there are: door, yard"),
        ("sensors.0.endpoint", "REPLACE-WITH-URI", "door", "is a placeholder"),
        ("sensors.0.endpoint", "", "door", "has no endpoint"),
        ("sensors.0.endpoint", "/no/such.mp4", "door", "no such file"),
        (f"{ONE}.deepstreamPassthrough", "a ! ! b", "People", "launch text"),
        (f"{ONE}.secondaryModelConfigPaths", ["cfg/third.txt"], "People", "gie-unique-id 1 is that of"),
    ],
)  # fmt: skip
def test_the_other_pipeline_runs(way: str, value: object, lost: str, why: str, folder: Path) -> None:
    made = deploy(folder, changed(plain_twin(), way, value))
    assert "Cars" in made.pipelines
    if lost:
        assert "People" not in made.pipelines
        assert why in made.faults[lost]
        assert made.faults[lost].startswith(f"{folder}/twin.json:")
        assert "#0" not in made.faults[lost]


def test_two_streams_of_one_pipeline_one_of_them_bad(folder: Path) -> None:
    twin = changed(plain_twin(), "deepStream.streams.1.configId", "People")
    twin = changed(twin, "sensors.0.endpoint", "gone.mp4")
    made = deploy(folder, twin)
    assert [s.id for s in made.pipelines["People"].streams] == ["yard"]
    assert "gone.mp4" in made.faults["door"]
    assert any("'Cars' is used by no stream" in note for note in made.notes)


def test_a_camera_of_two_pipelines_and_names_that_are_shared(folder: Path) -> None:
    twin = changed(plain_twin(), "sensors.0.endpoint", "gone.mp4")
    twin["azdaConfiguration"]["components"]["deepStream"]["streams"].append(
        {"name": "door", "uname": "", "password": "", "configId": "Cars"}
    )
    made = deploy(folder, twin)
    assert set(made.faults) == {"door", "door (Cars)", "People"}
    assert list(made.pipelines) == ["Cars"]
    same = changed(changed(plain_twin(), f"{ONE}.id", "yard"), "deepStream.streams.0.configId", "yard")
    assert list(deploy(folder, same).pipelines) == ["yard", "Cars"]
    bad = changed(same, "sensors.1.endpoint", 3)
    assert list(deploy(folder, bad).pipelines) == ["yard"]


def test_all_files_that_are_missing_are_told_at_once(folder: Path) -> None:
    twin = changed(plain_twin(), f"{ONE}.secondaryModelConfigPaths", ["gone.txt", "cfg/second.txt"])
    twin = changed(twin, f"{ONE}.trackerConfigPath", "lost.txt")
    twin = changed(twin, f"{ONE}.primaryModelConfigPath", {"configFile": "none.txt", "pyFile": "cfg/parser.py"})
    fault = deploy(folder, twin).faults["People"]
    assert "'none.txt': no such file; missing as well: gone.txt, lost.txt" in fault
    assert len(fault.splitlines()) == 2


def test_a_file_that_is_mapped_to_nothing(folder: Path) -> None:
    made = deploy(folder, plain_twin(), f"file:///clips/door.mp4={folder}/none.mp4")
    assert f"is mapped to {folder}/none.mp4: no such file" in made.faults["door"]


def test_a_zip_that_could_not_be_had_and_one_that_could(folder: Path) -> None:
    twin = changed(plain_twin(), f"{ONE}.unsecureZipUrl", "https://h/p.zip?sig=abc")
    assert zips_of(read_twin(write_twin(folder, twin))) == ("https://h/p.zip?sig=abc",)
    lost = TwinFiles(lost={"https://h/p.zip?sig=abc": "the server answers 404"})
    made = deploy(folder, twin, files=lost)
    assert "unsecureZipUrl: the server answers 404" in made.faults["People"]
    package = folder / "unpacked" / "top"
    write_files(package)
    for text in ("cfg/first.txt", "top/cfg/first.txt"):
        asked = changed(twin, f"{ONE}.primaryModelConfigPath", text)
        found = deploy(folder, asked, files=TwinFiles(packages={"https://h/p.zip?sig=abc": package}))
        assert Path(found.pipelines["People"].model.path) == package / "cfg" / "first.txt"


def test_a_mapped_file_wins(folder: Path) -> None:
    made = deploy(folder, plain_twin(), f"cfg/first.txt={folder}/cfg/third.txt")
    assert {p.model.path for p in made.pipelines.values()} == {f"{folder}/cfg/third.txt"}


def test_results_go_where_the_user_says_and_names_are_safe(folder: Path) -> None:
    twin = changed(plain_twin(), f"{ONE}.id", "../a b/c")
    twin = changed(twin, "deepStream.streams.0.configId", "../a b/c")
    made = deploy(folder, twin, files=TwinFiles(out="out/"))
    paths = [str(sink.options["path"]) for config in made.pipelines.values() for sink in config.sinks]
    assert all(os.path.normpath(path).startswith("out/") for path in paths)
    assert "out/_a_b_c.jsonl" in paths


def test_messages_hold_the_regions(folder: Path) -> None:
    made = deploy(folder, plain_twin()).pipelines["People"]
    payload = next(s.options["payload"] for s in made.sinks if "payload" in s.options)
    assert isinstance(payload, dict)
    assert payload["config_id"] == "People"
    assert payload["every"] == 30
    assert payload["regions"][0]["sensor"] == "door"


# -- secrets -----------------------------------------------------------------------------------------------------------

SAS = "https://store/models/p.zip?sv=2021&sig=S1GNATURE%3D"


def test_no_secret_is_in_what_is_told(folder: Path) -> None:
    twin = plain_twin()
    twin = changed(twin, "sensors.1.endpoint", "rtsp://old:0LDWORD@camera/live")
    twin = changed(twin, f"{ONE}.unsecureZipUrl", SAS)
    twin = changed(twin, f"{TWO}.deepstreamPassthrough", "rtspsrc user-id=a user-pw='P4SSWORD ! ! x")
    twin = changed(twin, "deepStream.streams.0.configId", f"{SAS} is none")
    made = deploy(folder, twin, files=TwinFiles(lost={SAS: f"{SAS}: the server answers 403"}))
    fates = fates_of_twin(read_written(folder / "twin.json"))
    told = [*made.faults.values(), *made.notes, *(str(fate.plain()) for fate in fates)]
    assert any(fate.value == "***" for fate in fates if fate.key == "password")
    for secret in ("0LDWORD", "S1GNATURE", "P4SSWORD", SECRET, "s3cr3t"):
        assert not any(secret in text for text in told), secret


def test_rules_find_what_the_twin_holds_for_business_logic(folder: Path) -> None:
    twin = changed(plain_twin(), "businessLogicConfig", {"most": 3, "where": ["a"]})
    logic = CodeConfig(path="rules.py", options={"most": 5})
    read = read_twin(write_twin(folder, twin))
    mapping = Mapping.parsed([f"{CLIPS}{folder}/clips"])
    made = deployment_of(read, TwinFiles(mapping, logic=logic))
    assert [sum(s.kind == "record" for s in p.sinks) for p in made.pipelines.values()] == [1, 1]
    assert [p.logic and p.logic.options for p in made.pipelines.values()] == [{"most": 5, "where": ["a"]}] * 2
    assert all(p.logic is None for p in deployment_of(read, TwinFiles(mapping)).pipelines.values())


def test_a_twin_of_nothing_but_faults(folder: Path) -> None:
    made = deploy(folder, changed(plain_twin(), "sensors", []))
    assert not made.pipelines
    assert set(made.faults) == {"door", "yard", "People", "Cars"}


def test_configs_are_judged_as_any_other(folder: Path) -> None:
    for config in deploy(folder, plain_twin()).pipelines.values():
        assert isinstance(config, PipelineConfig)
        assert parse_config(dump_config(config)).sinks == config.sinks
