"""docs/parsers.md: its parser, its rules and its command run; its tables name what there is."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from benchmarks.parsers import BODY, FAULTS, HEAD, cost, lost
from sightline.cli import main
from sightline.config import CodeConfig
from sightline.models.graphs.graph_writer import GraphWriter
from sightline.parsers.adapters import FUNCTIONS

PAGE = (Path(__file__).parents[2] / "docs" / "parsers.md").read_text("utf-8")
PARSER, RULES = re.findall(r"```python\n(.*?)```", PAGE, re.S)


def rows_network(path: Path) -> None:
    """A network that answers every picture with the same two rows, one of them unsure."""
    net = GraphWriter("net")
    picture = net.input("images", (1, 3, 32, 32), "float32")
    mean = net.node("ReduceMean", [picture], axes=[1, 2, 3], keepdims=0)
    none = net.node("Mul", [mean, net.constant(np.zeros(1, np.float32))])
    rows = np.array([[[8, 4, 16, 24, 0.9, 1], [0, 0, 9, 9, 0.3, 0]]], np.float32)
    net.output(net.named(net.node("Add", [none, net.constant(rows)]), "rows"), (1, 2, 6))
    path.write_bytes(net.finish().SerializeToString())


def test_the_command_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows_network(tmp_path / "model.onnx")
    Image.new("RGB", (64, 64), (90, 120, 60)).save(tmp_path / "street.png")
    (tmp_path / "my_parser.py").write_text(PARSER)
    (tmp_path / "rules.py").write_text(RULES.replace('if "door" in', 'if "door" not in'))
    monkeypatch.chdir(tmp_path)
    (command,) = re.findall(r"```sh\n(.*?)\n```", PAGE, re.S)
    assert main(shlex.split(command.replace("street.mp4", "street.png").replace("\\\n", ""))[1:]) == 0
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    (thing,) = next(line for line in lines if line["type"] == "frame")["objects"]
    assert (thing["label"], thing["box"]) == ("person", [16, 8, 32, 48])
    assert [line["kind"] for line in lines if line["type"] == "event"] == ["record.start", "user.visit"]


def test_a_parser_that_finds_nothing_ends_the_run_as_any(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows_network(tmp_path / "model.onnx")
    Image.new("RGB", (64, 64), (90, 120, 60)).save(tmp_path / "street.png")
    (tmp_path / "my_parser.py").write_text("def parse(outputs, spec, view): pass\n")
    monkeypatch.chdir(tmp_path)
    feed = "--color rgb --scale 255 --resize stretch"
    assert main(shlex.split(f"run model.onnx street.png {feed} --parser my_parser.py --results out.jsonl")) == 0


def test_the_pipeline_file_and_the_tables_name_what_there_is() -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
    said = yaml.safe_load(text)["model"]["parser"]
    CodeConfig.model_validate(said)
    for name in FUNCTIONS:
        assert f"{name}(" in PAGE
    for name in FAULTS:
        assert f"| {name} |" in PAGE


def test_the_figures_of_the_page_are_made_by_the_benchmark() -> None:
    found = lost(HEAD + BODY.format(line="1 / 0"), 10)
    assert (found.lost, found.others, found.starts, found.left) == (1, 0, 1, 0)
    assert found.said.startswith("my_parser.py:6: ZeroDivisionError")
    assert lost("def prase(): pass\n").frames == 0
    measured = cost(10, 1)
    assert min(measured.here_ms, measured.parent_ms, measured.child_ms, measured.ratio) > 0
