"""docs/nvinfer.md: its tables are those of the code, the functions it names are known, its commands run."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from sightline.cli import main
from sightline.foreign.key_page import key_tables
from sightline.models.importers.nvinfer_functions import reads

sys.path.insert(0, str(Path(__file__).parents[1] / "models"))
from networks import Network  # type: ignore[import-not-found]

PAGE = (Path(__file__).parents[2] / "docs" / "nvinfer.md").read_text("utf-8")


def test_the_tables_are_those_of_the_code() -> None:
    assert PAGE.endswith(key_tables()), "print them with python -m sightline.foreign.key_page"


def test_the_functions_have_the_heads_that_the_page_says() -> None:
    rows = re.findall(r"^\| (.*(?:Yolo|Custom).*) \| (.*) \|$", PAGE, re.M)
    checked = 0
    for functions, heads in rows[1:]:
        for some, head in zip(functions.split(" · "), heads.split(" · "), strict=True):
            for name in re.findall(r"`(\w+)`", some.split("(")[0]):
                bare = f"YoloV{name[1:]}" if re.match(r"V\d", name) else name
                found = reads(f"NvDsInferParse{bare}")
                assert found is not None, name
                assert head.split("`")[1] in found.heads, name
                checked += 1
    assert checked >= 25


def test_the_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    net = Network((96, 64))
    small = net.op("AveragePool", net.stem(), kernel_shape=[16, 16], strides=[16, 16])
    net.output(net.op("Sigmoid", net.conv(small, 2)), "output_cov/Sigmoid", (1, 2, 4, 6))
    net.output(net.conv(small, 8), "output_bbox/BiasAdd", (1, 8, 4, 6))
    net.save(tmp_path / "model.onnx")
    (tmp_path / "labels.txt").write_bytes(b"car\r\nperson")
    (tmp_path / "config_infer_primary.txt").write_text(
        "[property]\nonnx-file=model.onnx\nlabelfile-path=labels.txt\nnet-scale-factor=0.0039215697906911373\n"
        "num-detected-classes=2\ngpu-id=0\nnetwrok-mode=2\n[class-attrs-all]\npre-cluster-threshold=0.4\n"
    )
    cv2.imwrite(str(tmp_path / "street.jpg"), np.full((60, 80, 3), 90, np.uint8))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    commands = [line for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.M | re.S) for line in block.splitlines()]
    assert len(commands) == 3
    said: list[str] = []
    for line in commands:
        words = shlex.split(line)
        assert words[0] == "sightline"
        monkeypatch.setattr("sys.argv", words)
        assert main() == 0, line
        said.append(capsys.readouterr().out)
    assert "config_infer_primary.txt:7: netwrok-mode=2: unknown key; did you mean network-mode?" in said[0]
    assert "net-scale-factor=0.0039215697906911373 -> input.scale = 255" in said[0]
    assert "6: gpu-id=0 ignored" in said[1]
    assert (tmp_path / "traffic" / "model.yaml").is_file()
    assert (tmp_path / "seen.jpg").is_file()
