"""docs/oak.md: its pipeline runs on a real face detector, with a classifier that is made here."""

from __future__ import annotations

import json
import os
import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from sightline.cli import main
from sightline.models.graphs.graph_writer import GraphWriter

PAGE = Path(__file__).parents[2] / "docs" / "oak.md"
TEXT = PAGE.read_text()


def masks(path: Path) -> None:
    """Two classes by whether blue is stronger than red, as log probabilities: BGR comes first to last."""
    net = GraphWriter("sbd_mask")
    pooled = net.node("GlobalAveragePool", [net.input("data", (1, 3, 64, 64))])
    three = net.node("Reshape", [pooled, net.constant(np.array([1, 3], np.int64))])
    weights = net.constant(np.array([[0, 9], [0, 0], [9, 0]], np.float32))
    net.output(net.named(net.node("LogSoftmax", [net.node("MatMul", [three, weights])], axis=1), "prob"), (1, 2))
    path.write_bytes(net.finish().SerializeToString())


@pytest.mark.skipif("SIGHTLINE_ASSETS" not in os.environ, reason="SIGHTLINE_ASSETS names no folder of real models")
def test_the_pipeline_runs_as_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assets = Path(os.environ["SIGHTLINE_ASSETS"])
    (tmp_path / "face-detection-retail-0004").symlink_to(assets / "models" / "face-detection-retail-0004")
    (tmp_path / "door.mp4").symlink_to(assets / "videos" / "selfie_1080x720.mp4")
    masks(tmp_path / "sbd_mask.onnx")
    (config,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.S)
    (tmp_path / "masks.yaml").write_text(config)
    (block,) = re.findall(r"```sh\n(.*?)```", TEXT, re.S)
    for line in block.strip().splitlines():
        assert main([*shlex.split(line)[1:]]) == 0
    frames = [json.loads(line) for line in (tmp_path / "masks.jsonl").read_text().splitlines()][1:]
    faces = [thing for frame in frames for thing in frame.get("objects", ())]
    assert len(faces) >= len(frames) - 2
    said = [face["attributes"][0] for face in faces]
    assert {one["name"] for one in said} == {"mask"}
    # skin is red, so with BGR the last channel is the strongest
    assert {one["label"] for one in said} == {"no mask"}
    assert all(0.5 < one["score"] <= 1 for one in said)
    assert (tmp_path / "seen.mp4").stat().st_size > 10_000
