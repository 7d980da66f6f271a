"""What README shows is what works: its commands are run here, but for the two that set up an environment."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from jsonschema import Draft202012Validator

from sightline.cli import COMMANDS
from sightline.config_text import parse_config

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
MODEL = ROOT / "src" / "sightline" / "assets" / "demo"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def commands() -> list[str]:
    return [line.split("#")[0].strip() for block in blocks("sh")[2:] for line in block.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readme")
    (folder / "pictures").mkdir()
    for name in ("picture.jpg", "pictures/a.jpg", "pictures/b.jpg"):
        cv2.imwrite(str(folder / name), np.full((120, 160, 3), 100, np.uint8))
    done = subprocess.run(
        [sys.executable, "-m", "sightline", "demo", "--seconds", "2", "-o", "demo", "-q"], cwd=folder, check=False
    )
    assert done.returncode == 0
    next((folder / "demo").glob("*.mp4")).rename(folder / "video.mp4")
    for file in MODEL.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    (folder / "street.onnx").rename(folder / "model.onnx")
    (folder / "model.yaml").write_text((folder / "model.yaml").read_text().replace("street.onnx", "model.onnx"))
    return folder


def test_the_first_two_blocks_set_up_and_test() -> None:
    demo, tests = blocks("sh")[:2]
    assert "-m venv" in demo
    assert demo.strip().endswith("sightline demo")
    assert "-m venv" in tests
    assert tests.strip().endswith("-m pytest")
    for block in (demo, tests):
        assert "-c constraints.txt" in block
        assert not {"cd", "git", "sudo"} & set(shlex.split(block))


@pytest.mark.parametrize("line", commands())
def test_a_command_of_the_readme_works(line: str, here: Path) -> None:
    words = shlex.split(line)
    assert words[0] == "sightline"
    assert words[1] in COMMANDS
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=here, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr


def test_the_python_of_the_readme_works(here: Path) -> None:
    (code,) = blocks("python")
    script = f"import numpy\nrgb_array = numpy.zeros((90, 160, 3), numpy.uint8)\n{code}"
    environment = {**os.environ, "PYTHONWARNINGS": "error"}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=here, capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) >= 40


def test_every_link_leads_somewhere() -> None:
    for page in [README, *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_command_in_the_pages_exists() -> None:
    for page in [README, *(ROOT / "docs").glob("*.md")]:
        for name in re.findall(r"^sightline (?!COMMAND)([a-z]+)", page.read_text(encoding="utf-8"), re.MULTILINE):
            assert name in COMMANDS, f"{page.name}: {name}"


def test_the_pipeline_file_of_the_docs_is_one() -> None:
    page = (ROOT / "docs" / "pipeline.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    config = parse_config(text, "docs/pipeline.md")
    assert [part.kind for part in config.analytics] == ["line", "zone"]
    schema = json.loads(files("sightline").joinpath("pipeline.schema.json").read_text())
    Draft202012Validator(schema).validate(yaml.safe_load(text))


def test_the_results_of_the_docs_are_valid() -> None:
    page = (ROOT / "docs" / "wire.md").read_text(encoding="utf-8")
    lines = re.findall(r"^```json\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    schema = json.loads(files("sightline").joinpath("wire.schema.json").read_text())
    for line in lines:
        Draft202012Validator(schema).validate(json.loads(line))
    assert [json.loads(line)["type"] for line in lines] == ["run", "frame", "frame", "event"]
