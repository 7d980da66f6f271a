"""docs/points.md: its command runs and its results have the form that the page shows."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sightline.cli import main
from sightline.heads.points import Points
from sightline.models.graphs.graph_writer import GraphWriter
from sightline.plugins import known

PAGE = (Path(__file__).parents[2] / "docs" / "points.md").read_text("utf-8")


def movenet(path: Path) -> None:
    """A network that answers every picture with the same 17 keypoints."""
    net = GraphWriter("net")
    picture = net.input("images", (1, 32, 32, 3), "uint8")
    mean = net.node("ReduceMean", [net.node("Cast", [picture], to=1)], axes=[1, 2, 3], keepdims=1)
    answer = np.tile(np.array([0.25, 0.5, 0.75], np.float32), (1, 1, 17, 1))
    none = net.node("Mul", [mean, net.constant(np.zeros((1, 1, 1, 1), np.float32))])
    net.output(net.named(net.node("Add", [none, net.constant(answer)]), "keypoints"), (1, 1, 17, 3))
    path.write_bytes(net.finish().SerializeToString())


def test_the_command_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    movenet(tmp_path / "movenet.onnx")
    Image.new("RGB", (80, 40), (90, 120, 60)).save(tmp_path / "picture.jpg")
    monkeypatch.chdir(tmp_path)
    (command,) = re.findall(r"```sh\n(.*?)\n```", PAGE, re.S)
    assert main(shlex.split(command)[1:]) == 0
    lines = [json.loads(line) for line in (tmp_path / "points.jsonl").read_text().splitlines()]
    (thing,) = next(line for line in lines if line["type"] == "frame")["objects"]
    assert thing["box"] == [0, 0, 80, 40]
    assert thing["keypoints"] == [[40, 10, 0.75]] * 17
    shown = re.findall(r'"(\w+)":', re.findall(r"```json\n(.*?)\n```", PAGE, re.S)[0])
    assert set(shown) <= thing.keys()


def test_the_page_speaks_of_heads_and_units_that_exist() -> None:
    assert set(re.findall(r"--head ([a-z0-9-]+):", PAGE)) <= set(known("head"))
    for unit in ("fractions", "pixels", "signed", "half"):
        assert f"`{unit}`" in PAGE or f"unit={unit}`" in PAGE
        Points(unit=unit)
