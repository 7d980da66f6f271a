"""docs/identification.md: its commands run on a network made here, and its figures are those in the code."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks.seeing import Feed, pictures, saved
from sightline.cli import main

PAGE = (Path(__file__).parents[2] / "docs" / "identification.md").read_text()


def test_the_commands_decide(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    saved("yolov8", Feed("bgr", (0.0,), (1.0,)), tmp_path / "net.onnx")
    (tmp_path / "clip").mkdir()
    for i, (pixels, _) in enumerate(pictures()):
        cv2.imwrite(f"clip/{i}.png", np.ascontiguousarray(pixels[:, :, ::-1]))
    commands = [line for block in re.findall(r"```sh\n(.*?)```", PAGE, re.S) for line in block.splitlines()]
    assert len(commands) == 2
    for command in commands:
        assert main(shlex.split(command)[1:]) == 0
        assert "probed on 6 frames" in capsys.readouterr().out
    assert main(["inspect", "packed", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["decided"] is True
