"""docs/counting.md: its pipeline file is sound, and every rule in it tells what the tables say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from benchmarks.analytics import scene
from sightline.analytics.rollup_rows import summarised
from sightline.cli import main
from sightline.models.graphs.graph_writer import GraphWriter
from sightline.parts import construct
from sightline.plugins import known
from sightline.protocols import Analytic
from sightline.types import Report

PAGE = (Path(__file__).parents[2] / "docs" / "counting.md").read_text()


def block(kind: str) -> str:
    found = re.search(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found.group(1)


def table() -> dict[str, list[str]]:
    """part -> the cells of its row."""
    rows = re.findall(r"^\| `(\w+)` \|(.*)\|$", PAGE, re.MULTILINE)
    return {part: cells.split("|") for part, cells in rows if part in known("analytic")}


def test_the_file_is_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    net = GraphWriter("net")
    pooled = net.node("GlobalAveragePool", [net.input("images", (1, 3, 8, 8))])
    net.output(net.named(pooled, "out"), (1, 3, 1, 1))
    (tmp_path / "yolox").mkdir()
    (tmp_path / "yolox" / "yolox.onnx").write_bytes(net.finish().SerializeToString())
    (tmp_path / "video.mp4").touch()
    (tmp_path / "pipeline.yaml").write_text(block("yaml"))
    monkeypatch.chdir(tmp_path)
    command = block("sh").split()
    assert command[0] == "sightline"
    assert main(command[1:]) == 0, capsys.readouterr().err


def test_every_part_is_told_of() -> None:
    parts = [part["kind"] for part in yaml.safe_load(block("yaml"))["analytics"]]
    assert sorted(parts) == sorted(table()) == sorted(known("analytic"))


@pytest.mark.parametrize("part", yaml.safe_load(block("yaml"))["analytics"], ids=lambda part: part["kind"])
def test_a_rule_tells_what_the_table_says(part: dict[str, Any]) -> None:
    counts, events, columns = (set(re.findall(r"`([\w.]+)`", cell)) for cell in table()[part["kind"]])
    options = {k: v for k, v in part.items() if k != "kind"}
    if part["kind"] == "rollup":
        options["window_s"] = 1
    if part["kind"] == "zone":
        options["dwell_s"] = 0.5
    if part["kind"] == "crowd":
        options |= {"objects": 4, "after_s": 0.1}
    rule = cast(Analytic, construct("analytic", part["kind"], options))
    reports: list[Report] = [rule.update(shown) for shown in scene(20, 600)]
    assert {key for report in reports for key in report.counts} == counts
    assert {event.kind for report in reports for event in report.events} == events
    assert {name for report in reports for name in report.columns} == columns


def test_the_roll_up_of_rows() -> None:
    rows = [{"sensorId": "a", "@timestamp": "2020-05-03T20:47:15.000Z", "objects": ["1|0|0|1|1|Car"]}]
    said: list[str] = []
    exec(block("python"), {"rows": rows, "print": lambda message: said.append(json.dumps(message))})  # type: ignore[misc]
    assert said == [json.dumps(s.message) for s in summarised(rows)]
    assert "20:47:15" in said[0]
