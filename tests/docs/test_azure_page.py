"""docs/azure.md: its table is that of the code, its twin and its commands run."""

from __future__ import annotations

import json
import re
import shlex
import zipfile
from pathlib import Path

import pytest

import sightline
from sightline.cli import main
from sightline.config_text import load_config
from sightline.foreign.twin import PARSERS
from sightline.foreign.twin_page import twin_table
from tests.cli.commands import write_clip

PAGE = (Path(__file__).parents[2] / "docs" / "azure.md").read_text("utf-8")
DEMO = Path(sightline.__file__).parent / "assets" / "demo"
COMMANDS = [line for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.M | re.S) for line in block.splitlines()]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (text,) = re.findall(r"^```json\n(.*?)^```", PAGE, re.M | re.S)
    (tmp_path / "twin.json").write_text(text)
    (tmp_path / "videos").mkdir()
    write_clip(tmp_path / "videos" / "shop.mkv")
    with zipfile.ZipFile(tmp_path / "people.zip", "w") as archive:
        archive.write(DEMO / "street.onnx", "people/street.onnx")
        archive.write(DEMO / "labels.txt", "people/labels.txt")
        archive.writestr(
            "people/config_infer.txt",
            "[property]\ngie-unique-id=1\nnetwork-type=0\nonnx-file=street.onnx\nlabelfile-path=labels.txt\n",
        )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def test_the_table_is_that_of_the_code() -> None:
    assert PAGE.endswith(twin_table()), "print it with python -m sightline.foreign.twin_page"


def test_the_parsers_are_those_of_the_code() -> None:
    for name, head in PARSERS.items():
        assert f"`{name}`" in PAGE
        assert f"`{head}`" in PAGE


@pytest.mark.parametrize("line", COMMANDS)
def test_a_command_runs(line: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(shlex.split(line)[1:]) == 0, capsys.readouterr().err
    if line.startswith("sightline run"):
        assert {p.name for p in (here / "out").iterdir()} >= {
            "People.jsonl",
            "People.messages.jsonl",
            "People-shop.mp4",
        }
        lines = (here / "out" / "People.messages.jsonl").read_text().splitlines()
        assert json.loads(lines[0])["regionsOfInterest"][0]["label"] == "till"
    if line.startswith("sightline migrate"):
        config = load_config(here / "pipelines" / "People.yaml")
        assert config.tracker is not None
        assert config.tracker.kind == "sort"
        assert [part.kind for part in config.sinks] == ["jsonl", "jsonl", "video", "record"]
        assert main(["check", "pipelines/People.yaml"]) == 0
