"""What is said of every key of a twin."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from twins import changed, plain_twin, write_files, write_twin

from sightline.foreign.explaining import explain
from sightline.foreign.fates import KeyFate
from sightline.foreign.json_text import entries_of_json, parse_json
from sightline.foreign.mapping import Mapping
from sightline.foreign.places import Places
from sightline.foreign.twin_fates import fates_of_twin, is_twin
from sightline.foreign.written import read_written


def fates(folder: Path, twin: object) -> list[KeyFate]:
    return list(fates_of_twin(read_written(write_twin(folder, twin))))


def test_every_key_has_one_fate_at_its_line(tmp_path: Path) -> None:
    twin = plain_twin()
    found = fates(tmp_path, twin)
    path = tmp_path / "twin.json"
    entries = entries_of_json(parse_json(path.read_text(), path), str(path))
    assert [(f.line, f.group, f.key) for f in found] == [(e.line, e.group, e.key) for e in entries]
    assert {f.status for f in found} <= {"honoured", "translated", "ignored"}
    lines = path.read_text().splitlines()
    assert all(f'"{f.key}"' in lines[f.line - 1] for f in found if not f.key.startswith("["))


def test_a_key_that_is_misspelt_and_one_at_home_elsewhere(tmp_path: Path) -> None:
    twin: dict[str, Any] = changed(plain_twin(), "deepStream.pipelineConfigs.0.trackerConfigPth", "x")
    twin = changed(twin, "deepStream.streams.0.endpoint", "rtsp://x")
    said = {f.key: f.why for f in fates(tmp_path, twin) if f.status == "unknown"}
    assert said["trackerConfigPth"] == "a twin has no such key; did you mean trackerConfigPath?"
    assert "it belongs in sensors" in said["endpoint"]


def test_a_template_around_it_is_ignored_with_a_reason(tmp_path: Path) -> None:
    template = {
        "modulesContent": {
            "$edgeAgent": {"env": {"HUB_CONNECTION_STRING": {"value": "HostName=h;SharedAccessKey=k3y"}}},
            "c": {"properties.desired": plain_twin()},
            "b": {"properties.desired": {"startRecording": [{"configId": "People", "state": True}]}},
            "a": {"properties.desired": {"outputVideoLength": 10, "autoStopRecordingTime": 60}},
        }
    }
    found = fates(tmp_path, template)
    assert not [f for f in found if f.status == "unknown"]
    by_key = {f.key: f for f in found}
    assert by_key["value"].value == "***"
    assert by_key["value"].status == "ignored"
    assert by_key["state"].status == "translated"
    assert by_key["outputVideoLength"].status == "translated"
    assert by_key["autoStopRecordingTime"].status == "ignored"
    assert all(f.why for f in found if f.status == "ignored")


def test_beside_launch_text_nothing_else_counts(tmp_path: Path) -> None:
    launch = (
        "uridecodebin uri=rtsp://u:w0rd@h/x ! m.sink_0 nvstreammux name=m batch-size=1 ! odd-element a=1 ! fakesink"
    )
    twin = changed(plain_twin(), "deepStream.pipelineConfigs.0.deepstreamPassthrough", launch)
    found = fates(tmp_path, twin)
    one = [f for f in found if "pipelineConfigs[0]" in f.group]
    by_key = {(f.group.rpartition(".")[2], f.key): f for f in one}
    assert by_key["pipelineConfigs[0]", "primaryModelConfigPath"].status == "ignored"
    assert by_key["deepstreamPassthrough", "uridecodebin0"].as_ == "streams"
    assert by_key["uridecodebin0", "uri"].value == "rtsp://***@h/x"
    assert by_key["m", "batch-size"].status == "ignored"
    assert by_key["deepstreamPassthrough", "odd-element0"].status == "unknown"
    assert "w0rd" not in json.dumps([f.plain() for f in found])


def test_explain_follows_the_files_that_it_names(tmp_path: Path) -> None:
    write_files(tmp_path)
    twin = changed(plain_twin(), "deepStream.pipelineConfigs.0.trackerConfigPath", "cfg/gone.txt")
    found = explain(write_twin(tmp_path, twin), Places(Mapping()))
    names = [Path(file.path).name for file in found.files]
    assert names[0] == "twin.json"
    assert {"first.txt", "second.txt"} <= set(names)
    missing = {Path(item.path).name: item for item in found.missing}
    assert missing["gone.txt"].key == "trackerConfigPath"
    assert "s3cr3t" not in json.dumps(found.plain())


def test_a_twin_may_begin_with_a_comment(tmp_path: Path) -> None:
    path = write_twin(tmp_path, plain_twin())
    for comment in ("// mine\n", "/* mine\n   too */\n"):
        commented = tmp_path / "commented.json"
        commented.write_text(comment + path.read_text().replace('"platform"', '/* the only one */ "platform"'))
        assert is_twin(read_written(commented))
