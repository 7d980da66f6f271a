"""A device twin on the command line: run, judged, explained, made ours; nothing secret is said."""

from __future__ import annotations

import json
import os
import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest
from commands import MODEL, sightline_command, write_clip

from sightline.cli import main
from sightline.config_text import load_config

SECRET = "w0rd-of-the-camera"
SQUARE = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]]


def pipeline(id: str, model: str, **more: object) -> dict[str, Any]:
    return {
        "id": id,
        "unsecureZipUrl": "",
        "primaryModelConfigPath": model,
        "secondaryModelConfigPaths": "",
        "trackerConfigPath": "",
        "deepstreamPassthrough": "",
        "pipelineOptions": {},
        **more,
    }


def sensor(name: str, endpoint: str, subtype: str = "File") -> dict[str, Any]:
    return {"name": name, "kind": {"type": "vision", "subtype": subtype}, "endpoint": endpoint}


@pytest.fixture
def twin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A good pipeline of a mapped clip, one whose model comes in a zip, one of launch text; one bad of each sort."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    weights = next(MODEL.glob("*.onnx"))
    config = f"[property]\ngie-unique-id=1\nnetwork-type=0\nlabelfile-path=labels.txt\nonnx-file={weights}\n"
    (tmp_path / "labels.txt").write_text("person\ncar\n")
    (tmp_path / "first.txt").write_text(config)
    with zipfile.ZipFile(tmp_path / "here.zip", "w") as archive:
        archive.writestr("top/zipped.txt", config)
        archive.writestr("top/labels.txt", "person\ncar\n")
    write_clip(tmp_path / "clip.mp4")
    sensors = [sensor("door", "rtsp://rtspsim:554/media/door.mkv", "RTSP") | {
        "regionsOfInterest": [{"color": "#ff0000", "label": "all", "coordinates": SQUARE}]
    }]  # fmt: skip
    sensors += [sensor("side", "clip.mp4"), sensor("launch", ""), sensor("gone", "no/such.mp4")]
    launch = "filesrc location=clip.mp4 ! decodebin ! nvdsosd ! x264enc ! mp4mux ! filesink location=launch.mp4"
    pipelines = [
        pipeline("Good", "first.txt", pipelineOptions={"osd": {"enable": True}}),
        pipeline("Zipped", "zipped.txt", unsecureZipUrl="https://host/models/old.zip?sig=S1GNED"),
        pipeline("Launch", "", deepstreamPassthrough=launch),
        pipeline("Bad", "INCORRECT_VALUE"),
    ]
    streams = [("door", "Good"), ("side", "Zipped"), ("launch", "Launch"), ("gone", "Good"), ("side", "Bad")]
    streams += [("side", "NOWHERE")]
    path = tmp_path / "twin.json"
    path.write_text(
        json.dumps(
            {
                "azdaConfiguration": {
                    "platform": "DeepStream",
                    "components": {
                        "sensors": sensors,
                        "deepStream": {
                            "enable": True,
                            "pipelineConfigs": pipelines,
                            "streams": [
                                {"name": name, "uname": "me", "password": SECRET, "configId": config}
                                for name, config in streams
                            ],
                        },
                    },
                }
            },
            indent=1,
        )
    )
    return path


MAPS = ("--map", "rtsp://rtspsim:554/media/door.mkv=clip.mp4", "--map", "https://host/models/old.zip=here.zip")


def test_it_runs_what_is_good_and_tells_what_is_not(twin: Path) -> None:
    said = sightline_command("run", twin.name, *MAPS, "-o", "out", "--json", cwd=twin.parent)
    assert said.code == 1, said.text
    told = json.loads(said.out)
    assert {name: one["frames"] for name, one in told["pipelines"].items()} == {"Good": 12, "Zipped": 12, "Launch": 12}
    assert set(told["failed"]) == {"gone", "Bad", "side"}
    assert "twin.json:" in told["failed"]["Bad"]
    assert "INCORRECT_VALUE" in told["failed"]["Bad"]
    for name in ("Good.jsonl", "Good.messages.jsonl", "Good-door.mp4", "Zipped.jsonl", "launch.mp4", "Launch.jsonl"):
        assert (twin.parent / "out" / name).stat().st_size > 0, name
    message = json.loads((twin.parent / "out" / "Good.messages.jsonl").read_text().splitlines()[0])
    assert message["regionsOfInterest"][0]["sensor"] == "door"
    assert message["inferences"][0]["id"] == "Good"
    assert SECRET not in said.text
    assert "S1GNED" not in said.text


def test_it_is_judged_without_the_net(twin: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(twin), "--json"]) == 2
    said = capsys.readouterr()
    faults = json.loads(said.out)["faults"]
    assert any(fault.startswith("Zipped: ") and "is on the net" in fault for fault in faults)
    assert any(fault.startswith("Bad: ") for fault in faults)
    assert SECRET not in said.out + said.err
    assert "S1GNED" not in said.out + said.err


def test_it_becomes_files_of_our_own(twin: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["migrate", str(twin), "-o", "ours", *MAPS]) == 1
    assert SECRET not in "".join(capsys.readouterr())
    files = sorted(Path("ours").iterdir())
    assert [file.name for file in files] == ["Good.yaml", "Launch.yaml", "Zipped.yaml"]
    good = load_config("ours/Good.yaml")
    assert good.streams[0].id == "door"
    assert good.sinks[0].options["path"] == "ours/Good.jsonl"
    if os.name == "posix":
        assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert main(["migrate", str(twin), "-o", "one.yaml"]) == 2
    assert "name a folder" in capsys.readouterr().err


def test_every_key_is_explained(twin: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", str(twin), "--json", *MAPS]) == 0
    said = capsys.readouterr().out
    found = json.loads(said)
    assert not [key for key in found["keys"] if key["status"] == "unknown"]
    names = [Path(file).name for file in found["files"]]
    assert {"first.txt", "zipped.txt"} <= set(names)
    assert [Path(item["path"]).name for item in found["missing"]] == ["INCORRECT_VALUE"]
    assert SECRET not in said
    assert "S1GNED" not in said


def test_flags_that_do_nothing_beside_it(twin: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(twin), "--score", "0.5"]) == 2
    assert "--score" in capsys.readouterr().err


def test_other_files_and_inputs_beside_it(twin: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(twin), "clip.mp4"]) == 2
    assert "--map ENDPOINT=clip.mp4" in capsys.readouterr().err
    assert main(["run", "-c", str(twin), "-c", "other.txt"]) == 2
    assert "a twin runs alone; leave other.txt out" in capsys.readouterr().err


def test_switched_off_it_does_nothing(twin: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = twin.read_text().replace('"enable": true,\n    "pipelineConfigs"', '"enable": false,\n    "pipelineConfigs"')
    twin.write_text(text)
    assert main(["run", str(twin)]) == 0
    assert "nothing is run" in capsys.readouterr().err


def test_text_that_is_no_twin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "broken.json"
    path.write_text('{"azdaConfiguration": {\n "components": oops}}')
    assert main(["run", str(path)]) == 2
    assert "broken.json:2" in capsys.readouterr().err
