"""The page about tasks: its commands work, its pictures are those that are drawn today, small, and all there."""

from __future__ import annotations

import json
import re
import shlex
import sys
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import sightline
from sightline.cli import main

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tasks.md"
sys.path.insert(0, str(ROOT))  # the benchmarks are a folder beside the package

from benchmarks.task_pictures import PICTURES, draw  # noqa: E402

DEMO = Path(sightline.__file__).parent / "assets" / "demo"


def commands() -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line]


def areas_model(folder: Path) -> Path:
    """A network whose class of a pixel is the channel with the highest value: 0 red, 1 green, 2 blue."""
    folder.mkdir()
    nodes = [helper.make_node("Identity", ["images"], ["scores"])]
    ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 3, 24, 32]) for n in ("images", "scores")]
    graph = helper.make_graph(nodes, "segmentation", ends[:1], ends[1:])
    onnx.save(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder / "areas.onnx"
    )
    (folder / "model.yaml").write_text(
        "format: 1\nweights: areas.onnx\nhead: semantic\nlabels: [red, green, background]\n"
        "input: {color: rgb, mean: [0], scale: [255], resize: stretch}\n"
    )
    return folder


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    assert main(["demo", "--seconds", "1", "-o", "demo", "-q"]) == 0
    next((tmp_path / "demo").glob("*.mp4")).rename(tmp_path / "video.mp4")
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24, :, 2], picture[24:, :32, 1], picture[24:, 32:, 0] = 200, 200, 200  # OpenCV's order
    cv2.imwrite(str(tmp_path / "picture.jpg"), picture)
    areas_model(tmp_path / "areas")
    return tmp_path


def test_the_commands_of_the_page_work(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = commands()
    assert len(lines) == 4
    for line in lines:
        words = [{"MODEL": str(DEMO), "AREAS": "areas"}.get(word, word) for word in shlex.split(line)]
        if words[0] == "python":
            assert words[1:3] == ["-m", "benchmarks.task_pictures"]
            continue
        assert words[0] == "sightline"
        assert main(words[1:]) == 0, capsys.readouterr().err
    assert all((here / name).stat().st_size for name in ("faint.mp4", "part.mp4", "tinted.jpg"))
    frame = json.loads((here / "areas.jsonl").read_text().splitlines()[1])
    assert frame["map"] == "picture.jpg/000000.png"
    classes = cv2.imread(str(here / "maps" / frame["map"]), cv2.IMREAD_UNCHANGED)
    assert classes is not None
    assert classes.shape == (48, 64)
    want = np.zeros((48, 64), np.uint8)
    want[24:, :32], want[24:, 32:] = 1, 2
    assert (classes == want).mean() > 0.95  # compressed as JPEG, the borders are soft
    tinted, plain = cv2.imread("tinted.jpg"), cv2.imread("picture.jpg")
    assert tinted is not None
    assert plain is not None
    changed = np.abs(tinted.astype(int) - plain).max(2) > 25
    assert changed[4:20, 4:60].all()
    assert not changed[30:44, 40:60].any(), "the background stays clear"


def test_every_task_of_models_is_told_of() -> None:
    from sightline.types import ModelSpec

    told = set(re.findall(r'"([a-z-]+)"', (ModelSpec.__doc__ or "").split("task:")[1]))
    assert told == set(re.findall(r"^\| `([a-z-]+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert told - {"detect"} == set(PICTURES)


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_the_one_that_is_drawn_today(name: str) -> None:
    path = ROOT / "docs" / "tasks" / f"{name}.jpg"
    assert path.stat().st_size < 60_000
    assert f"](tasks/{name}.jpg)" in PAGE.read_text(encoding="utf-8")
    shipped = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    assert shipped is not None
    made = draw(name)
    assert made.shape == shipped.shape
    assert np.abs(made.astype(int) - shipped).mean() < 6
