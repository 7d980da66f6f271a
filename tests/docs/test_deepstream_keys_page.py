"""docs/deepstream-keys.md: its tables are those of the code, its commands run, what it says of trackers is so."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from sightline.cli import main
from sightline.foreign.nvmot import tracker_of_library
from sightline.foreign.side_page import key_tables

PAGE = (Path(__file__).parents[2] / "docs" / "deepstream-keys.md").read_text("utf-8")


def test_the_tables_are_those_of_the_code() -> None:
    assert PAGE.endswith(key_tables()), "print them with python -m sightline.foreign.side_page"


def test_libraries_become_what_the_page_says() -> None:
    (said,) = re.findall(r"A library without a file: (.*?)\. Ages", PAGE, re.S)
    found: list[str] = []
    for part in re.split(r"(?<=`iou`), |(?<=`sort`)\. ", " ".join(said.split())):
        *names, kind = re.findall(r"`([\w.-]+)`", part)
        for name in names:
            assert tracker_of_library(name).tracker.kind == kind, name
            found.append(name)
    assert len(found) == 5


def test_the_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "config_tracker_NvDCF_perf.yml").write_text(
        "%YAML:1.0\nBaseConfig:\n  minDetectorConfidence: 0.1 # least\nTargetManagement:\n  probationAge: 2\n"
        "  maxShadowTrackingAg: 51\n"
    )
    (tmp_path / "config_nvdsanalytics.txt").write_text(
        "[property]\nenable=1\nconfig-width=1920\nconfig-height=1080\n[roi-filtering-stream-0]\nenable=1\n"
        "roi-RF=0;0;10;0;10;10\nclass-id=-1\nclass-id=0\n"
    )
    monkeypatch.chdir(tmp_path)
    commands = [line for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.M | re.S) for line in block.splitlines()]
    assert len(commands) == 2
    said: list[str] = []
    for line in commands:
        assert main(shlex.split(line)[1:]) == 0
        said.append(capsys.readouterr().out)
    assert "did you mean maxShadowTrackingAge?" in said[0]
    keys = json.loads(said[1])["keys"]
    assert [(key["line"], key["status"]) for key in keys if key["key"] == "class-id"] == [
        (8, "ignored"),
        (9, "translated"),
    ]
