"""docs/heads.md names every head with its options, and its command runs."""

from __future__ import annotations

import re
import shlex
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sightline.cli import main
from sightline.models.graphs.graph_writer import GraphWriter
from sightline.plugins import known, resolve

PAGE = Path(__file__).parents[2] / "docs" / "heads.md"


def rows() -> dict[str, list[str]]:
    """head -> its options, of every row of the page's tables."""
    found: dict[str, list[str]] = {}
    for line in PAGE.read_text("utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        name = re.fullmatch(r"`([a-z0-9-]+)`", cells[0])
        if line.startswith("|") and name:
            assert len(cells) == 4, line
            assert name[1] not in found, f"{name[1]} stands there twice"
            found[name[1]] = re.findall(r"`(\w+)`", cells[3])
    return found


def test_every_head_has_its_row_and_its_options() -> None:
    page = rows()
    assert sorted(page) == sorted(known("head"))
    for name, options in page.items():
        kind: Any = resolve("head", name)
        assert options == [f.name for f in fields(kind) if not f.name.startswith("_")], name


def test_the_command_of_the_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    net = GraphWriter("net")
    picture = net.input("images", (1, 3, 64, 64))
    small = net.node("AveragePool", [picture], kernel_shape=[8, 8], strides=[8, 8])
    weights = net.constant(np.full((38, 3, 1, 1), 0.1, np.float32))
    rows = net.node("Reshape", [net.node("Conv", [small, weights]), net.constant([1, 38, 64])])
    protos = net.node("Conv", [picture, net.constant(np.full((32, 3, 4, 4), 0.1, np.float32))], strides=[4, 4])
    net.output(net.named(net.node("Sigmoid", [rows]), "output0"), (1, 38, 64))
    net.output(net.named(protos, "output1"), (1, 32, 16, 16))
    (tmp_path / "yolov8n-seg.onnx").write_bytes(net.finish().SerializeToString())
    monkeypatch.chdir(tmp_path)
    command = re.findall(r"```sh\n(.*?)\n```", PAGE.read_text("utf-8"), re.S)
    assert len(command) == 1
    words = shlex.split(command[0])
    assert words[0] == "sightline"
    assert main(words[1:]) == 0
    assert "yolov8-seg" in capsys.readouterr().out
