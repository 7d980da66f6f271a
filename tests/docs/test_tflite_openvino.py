"""The pages of TFLite and OpenVINO: every command in their sh blocks is run here, in order."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import openvino as ov
import pytest

from sightline.cli import main
from sightline.models.forms.ir_to_onnx import _RULES

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests" / "models" / "importers")]
from tflite_files import detector, with_files  # noqa: E402  # pyright: ignore[reportMissingImports]


def commands(page: str) -> list[list[str]]:
    text = (ROOT / "docs" / f"{page}.md").read_text("utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [shlex.split(line) for block in blocks for line in block.splitlines() if line.strip()]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "street.jpg").write_bytes((ROOT / "docs" / "street.jpg").read_bytes())
    return tmp_path


@pytest.mark.parametrize("page", ["tflite", "openvino"])
def test_the_commands_of_the_page_work(page: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if page == "tflite":
        made = detector({"nms_score_threshold": 0.01})
        data = made.save([0], list(range(len(made.tensors) - 4, len(made.tensors))))
        (here / "detect.tflite").write_bytes(with_files(data, {"labelmap.txt": "car\nbus\nbike\n"}))
    else:
        network = ROOT / "src" / "sightline" / "assets" / "demo" / "street.onnx"
        ov.save_model(ov.Core().read_model(str(network)), str(here / "model.xml"), compress_to_fp16=False)
    lines = commands(page)
    assert len(lines) == 3
    for words in lines:
        assert words[0] == "sightline"
        assert main(words[1:]) == 0, f"{words}: {capsys.readouterr().err}"
    assert (here / "seen.jpg").stat().st_size


def test_operations_on_the_page_are_written() -> None:
    text = (ROOT / "docs" / "openvino.md").read_text("utf-8")
    table = text[text.index("| kind | operations |") : text.index("Anything that depends")]
    told = set(re.findall(r"\b[A-Z][A-Za-z]*[a-z0-9]\w*\b|\bMVN\b|\bLRN\b", table))
    assert told - {"ReLU", "PReLU"} <= set(_RULES)
