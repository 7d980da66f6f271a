"""The pages of bundles and of conversions: every command in their sh blocks is run here, in order."""

from __future__ import annotations

import json
import re
import shlex
import zipfile
from pathlib import Path

import av
import pytest
import yaml
from jsonschema import Draft202012Validator

import sightline
from sightline.cli import main
from sightline.models.manifest import Manifest

DOCS = Path(__file__).parents[2] / "docs"
PACKAGE = Path(sightline.__file__).parent
DEMO = PACKAGE / "assets" / "demo"


def commands(page: str) -> list[list[str]]:
    blocks = re.findall(r"^```sh\n(.*?)^```", (DOCS / page).read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return [shlex.split(line) for block in blocks for line in block.splitlines() if line.strip()]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["demo", "--seconds", "2", "-o", "demo", "-q"]) == 0
    clip = next((folder / "demo").glob("*.mp4"))
    for name in ("video.mp4", "clip.mp4"):
        (folder / name).write_bytes(clip.read_bytes())
    with av.open(str(clip)) as opened:
        next(iter(opened.decode(video=0))).to_image().save(folder / "picture.jpg")
    with zipfile.ZipFile(folder / "model.zip", "w") as archive:
        for file in DEMO.iterdir():
            archive.write(file, f"export/{file.name}")
    return folder


def test_the_commands_of_both_pages(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(here)
    for words in commands("bundles.md"):
        assert words[0] == "sightline"
        assert main(words[1:]) == 0, words
    assert yaml.safe_load((here / "person" / "model.yaml").read_text("utf-8"))["licence"] == "MIT"
    assert (here / "out.mp4").is_file()
    packed = zipfile.ZipFile(here / "person.sightline")
    assert {"samples/picture.jpg", "samples/picture.jpg.json"} <= set(packed.namelist())
    assert json.loads(packed.read("samples/picture.jpg.json"))["objects"]
    # a second form to compare with, which the page takes for granted
    assert main(["convert", "person", "--to", "fp16", "--calibrate", "clip.mp4", "--frames", "6", "-o", "smaller"]) == 0
    for words in commands("convert.md"):
        assert main([*words[1:], "--frames", "6"]) == 0, words
    for name in ("worst.jpg", "half/model.yaml", "small.sightline", "fast/model.yaml", "person.tar.xz"):
        assert (here / name).is_file(), name


def test_the_commands_of_the_onnx_page(tmp_path: Path, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.onnx").write_bytes(next(DEMO.glob("*.onnx")).read_bytes())
    (tmp_path / "labels.txt").write_text("one\ntwo\nthree\n")
    (tmp_path / "video.mp4").write_bytes((here / "video.mp4").read_bytes())
    for words in commands("onnx.md"):
        assert main(words[1:]) == 0, words
    assert yaml.safe_load((tmp_path / "mine" / "model.yaml").read_text("utf-8"))["labels"] == ["one", "two", "three"]
    assert (tmp_path / "seen.mp4").is_file()


def test_the_schema_is_that_of_the_manifest_and_bundles_follow_it(here: Path) -> None:
    shipped = json.loads((PACKAGE / "model.schema.json").read_text("utf-8"))
    made = Manifest.model_json_schema()
    assert {key: value for key, value in shipped.items() if key not in ("$schema", "$id", "title")} == {
        key: value for key, value in made.items() if key != "title"
    }
    for file in (DEMO / "model.yaml", here / "person" / "model.yaml", here / "fast" / "model.yaml"):
        if file.is_file():
            Draft202012Validator(shipped).validate(yaml.safe_load(file.read_text("utf-8")))
    assert not Draft202012Validator(shipped).is_valid({"thresholds": {"socre": 1}})


def test_every_key_of_a_manifest_is_on_the_page() -> None:
    page = (DOCS / "bundles.md").read_text("utf-8")
    table = page[page.index("## What is in it") :]
    missing = [name for name in Manifest.model_fields if f"`{name}`" not in table and name != "sha256"]
    assert missing == []
