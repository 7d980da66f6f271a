"""`inspect --video`, `--probe` and `import --video`: an open question put to pictures, and `run`, which never does."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from benchmarks.seeing import Feed, pictures, saved
from sightline.cli import main

UNUSUAL = Feed("bgr", (0.0,), (1.0,))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """net.onnx, which no file says how to feed, and clip/ with pictures of what it sees."""
    monkeypatch.chdir(tmp_path)
    saved("yolov8", UNUSUAL, tmp_path / "net.onnx")
    (tmp_path / "clip").mkdir()
    for i, (pixels, _) in enumerate(pictures()):
        cv2.imwrite(f"clip/{i}.png", np.ascontiguousarray(pixels[:, :, ::-1]))
    return tmp_path


def test_inspect_ranks_and_decides(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "net.onnx", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["decided"] is False
    assert main(["inspect", "net.onnx", "--video", "clip", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["decided"] is True
    assert report["confidence"] < 1
    assert (report["preprocess"]["color"], report["preprocess"]["scale"]) == ("bgr", [1.0])
    best, *others = report["probe"]
    assert best["flags"] == "--scale 1 --color bgr"
    assert best.keys() >= {"flags", "score", "consistency", "strength", "evidence"}
    assert all(other["score"] < best["score"] / 2 for other in others)
    assert report["probe_frames"] == 6
    assert main(["inspect", "net.onnx", "clip/0.png", "--video", "clip"]) == 0
    said = capsys.readouterr().out
    assert "probed on 6 frames: --scale 1 --color bgr" in said
    assert "found" in said


def test_without_a_clip_nothing_is_decided(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["inspect", "net.onnx", "--probe", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["decided"] is False
    assert "drawn street scene" in report["probe_note"]
    assert report["probe"]


def test_import_packs_what_the_pictures_told(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "net.onnx", "-o", "packed"]) != 0
    assert not (here / "packed").exists()
    capsys.readouterr()
    assert main(["import", "net.onnx", "-o", "packed", "--video", "clip"]) == 0
    packed = yaml.safe_load((here / "packed" / "model.yaml").read_text())
    assert (packed["input"]["color"], packed["input"]["scale"]) == ("bgr", [1.0])
    capsys.readouterr()
    assert main(["inspect", "packed", "clip/0.png", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["decided"] is True
    assert len(report["tried"]["objects"]) == 1


def test_import_asks_with_the_ranking_where_pictures_tell_nothing(
    here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    cv2.imwrite("grey.png", np.full((240, 320, 3), 90, np.uint8))
    assert main(["import", "net.onnx", "-o", "packed", "--video", "grey.png"]) == 2
    said = capfd.readouterr().err
    assert "--scale 255 or --scale 1" in said
    assert "undecided" in said
    assert not (here / "packed").exists()


def test_run_never_probes(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "net.onnx", "clip", "--results", "r.jsonl"]) == 2
    assert "--scale 255 or --scale 1" in capfd.readouterr().err
