"""docs/cascades.md: its commands run, on the demo's scene, and its other pipelines are sound."""

from __future__ import annotations

import json
import re
import shlex
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import yaml

from sightline.cli import main
from sightline.config_text import parse_config
from sightline.models.graphs.graph_writer import GraphWriter

PAGE = Path(__file__).parents[2] / "docs" / "cascades.md"
TEXT = PAGE.read_text()
YAML = re.findall(r"```yaml\n(.*?)```", TEXT, re.S)
FED = "input: {color: rgb, mean: [0], scale: [255], resize: stretch}\n"


def classifier(folder: Path) -> None:
    """Which of red, green and blue is strongest."""
    folder.mkdir()
    net = GraphWriter("net")
    pooled = net.node("GlobalAveragePool", [net.input("images", (1, 3, 16, 16))])
    means = net.node("Reshape", [pooled, net.constant(np.array([1, 3], np.int64))])
    shares = net.node("Softmax", [net.node("Mul", [means, net.constant(np.array([9], np.float32))])], axis=1)
    net.output(net.named(shares, "out"), (1, 3))
    (folder / "color.onnx").write_bytes(net.finish().SerializeToString())
    (folder / "model.yaml").write_text(f"format: 1\nweights: color.onnx\n{FED}")
    (folder / "labels.txt").write_text("red\ngreen\nblue\n")


def detector(folder: Path) -> None:
    """One object in the middle of whatever it is shown: rows of x1, y1, x2, y2, score, class."""
    folder.mkdir()
    net = GraphWriter("net")
    pooled = net.node("GlobalAveragePool", [net.input("images", (1, 3, 32, 32))])
    zero = net.node("Mul", [pooled, net.constant(np.array([0], np.float32))])
    flat = net.node("Reshape", [zero, net.constant(np.array([1, 1, 3], np.int64))])
    six = net.node("Concat", [flat, flat], axis=2)
    row = net.node("Add", [six, net.constant(np.array([[[8, 8, 24, 24, 0.8, 0]]], np.float32))])
    net.output(net.named(row, "out"), (1, 1, 6))
    (folder / "spot.onnx").write_bytes(net.finish().SerializeToString())
    said = "head: nms-rows\nlabels: [spot]\n"
    (folder / "model.yaml").write_text(f"format: 1\nweights: spot.onnx\n{FED}{said}")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    demo = Path(str(files("sightline") / "assets" / "demo"))
    (tmp_path / "street").symlink_to(demo, target_is_directory=True)
    classifier(tmp_path / "color")
    detector(tmp_path / "spot")
    config = yaml.safe_load(YAML[0])
    config["streams"] = ["synthetic://street?seed=3&seconds=3"]
    (tmp_path / "cars.yaml").write_text(yaml.safe_dump(config))
    return tmp_path


def test_the_commands_say_what_the_page_shows(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (block,) = re.findall(r"```sh\n(.*?)```", TEXT, re.S)
    for line in block.strip().splitlines():
        words = shlex.split(line)
        assert words[0] == "sightline"
        assert main(words[1:]) == 0, capsys.readouterr().err
    lines = [json.loads(line) for line in (here / "cars.jsonl").read_text().splitlines()]
    assert [(m["stage"], m.get("of")) for m in lines[0]["models"]] == [
        ("things", None),
        ("color", "things"),
        ("spot", "things"),
        ("shade", "spot"),
    ]
    things = [o for line in lines[1:] for o in line.get("objects", ())]
    cars = [o for o in things if o["label"] == "car"]
    people = [o for o in things if o["label"] == "person"]
    assert cars
    assert people
    large = [o for o in cars if min(o["box"][2] - o["box"][0], o["box"][3] - o["box"][1]) > 30]
    assert all(o["attributes"][0]["name"] == "color" for o in large)
    for one in people:
        assert "attributes" not in one
        (spot,) = one["objects"]
        assert spot["stage"] == "spot"
        assert spot["attributes"][0]["name"] == "shade"
        inner, outer = spot["box"], one["box"]
        assert outer[0] <= inner[0] < inner[2] <= outer[2]
    assert (here / "cars.mp4").stat().st_size > 10_000


@pytest.mark.parametrize("text", YAML[1:])
def test_the_other_pipelines_can_be_read(text: str) -> None:
    parse_config("streams: [a.mp4]\n" + text)


def test_every_key_of_a_stage_is_on_the_page() -> None:
    from sightline.config import ModelConfig, StageConfig

    own = {name.rstrip("_") for name in StageConfig.model_fields} - set(ModelConfig.model_fields)
    assert {key for key in own if f"`{key}`" not in TEXT} == set()


@pytest.mark.parametrize(
    ("then", "fault"),
    [
        ("{model: color/, tiles: true}", "stage 'color': tiles are for the first model"),
        ("{model: color/, objects: [carr]}", "unknown label 'carr'; did you mean 'car'?"),
        ("{model: colour/}", "no such model file; did you mean color?"),
        ("{model: open/}", "stage 'open': "),
    ],
)
def test_run_says_of_a_bad_stage_what_check_says(
    here: Path, then: str, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "open").mkdir()
    (here / "open" / "net.onnx").write_bytes((here / "color" / "color.onnx").read_bytes())
    (here / "bad.yaml").write_text(f"streams: ['synthetic://street?seconds=1']\nmodel: street/\nthen:\n  - {then}\n")
    said = []
    for word in ("check", "run"):
        assert main([word, "bad.yaml"]) == 2
        said.append(capsys.readouterr().err)
    assert said[0] == said[1]
    assert "bad.yaml:4: " in said[0] or "bad.yaml:3: " in said[0]
    assert fault in said[0]
    assert "--" not in said[0].replace("--debug", "")
