"""docs/deepstream.md: its tables are those of the code, its application and its commands run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

import sightline
from sightline.cli import main
from sightline.config_text import load_config
from sightline.foreign.app_keys import APP_GROUPS
from sightline.foreign.app_page import app_tables, reasons
from sightline.foreign.element_keys import ELEMENTS
from sightline.foreign.reasons import REASONS
from sightline.foreign.side_reasons import SIDE_REASONS
from sightline.foreign.tao_keys import TAO_GROUPS
from tests.cli.commands import write_clip

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "deepstream.md").read_text("utf-8")
DEMO = Path(sightline.__file__).parent / "assets" / "demo"
COMMANDS = [line for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.M | re.S) for line in block.splitlines()]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (text,) = re.findall(r"^```ini\n(.*?)^```", PAGE, re.M | re.S)
    for name in ("deepstream_app_config.txt", "app.txt"):
        (tmp_path / name).write_text(text)
    gate = text.replace("file://street%d.mp4", "rtsp://gate:554/1").replace("topic=street", "topic=gate")
    (tmp_path / "other.txt").write_text(gate.replace("output-file=street", "output-file=gate"))
    (tmp_path / "config_infer_primary.txt").write_text(
        f"[property]\nonnx-file={DEMO / 'street.onnx'}\nlabelfile-path={DEMO / 'labels.txt'}\n"
        "gie-unique-id=1\nnetwork-type=0\ncluster-mode=2\ngpu-id=0\n"
    )
    for name in ("street0.mp4", "street1.mp4"):
        write_clip(tmp_path / name, frames=12, size_wh=(480, 270))
    (tmp_path / "samples").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_tables_are_those_of_the_code() -> None:
    assert PAGE.endswith(reasons()), "print them with python -m sightline.foreign.app_page"
    tables = (DOCS / "deepstream-apps.md").read_text("utf-8")
    assert tables.endswith(app_tables()), "print them with python -m sightline.foreign.app_page"


def test_every_key_that_is_passed_over_has_a_published_reason() -> None:
    """As `explain` says it: a reason of the page, alone or with a remark behind it."""
    known = [*REASONS.values(), *SIDE_REASONS.values()]
    for group in (*APP_GROUPS.values(), *TAO_GROUPS.values(), *ELEMENTS.values()):
        for key, fate in group.items():
            assert fate.status != "ignored" or any(fate.why.startswith(why) for why in known), key


@pytest.mark.parametrize("line", [line for line in COMMANDS if "other.txt" not in line and "-d" not in line])
def test_a_command_runs(line: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(shlex.split(line)[1:]) == 0, capsys.readouterr().err
    if line.startswith("sightline migrate"):
        assert main(["check", "pipeline.yaml"]) == 0
        config = load_config(here / "pipeline.yaml")
        assert [stream.id for stream in config.streams] == ["street0.mp4", "street1.mp4"]
        assert [sink.kind for sink in config.sinks] == ["mosaic", "jsonl"]
        assert config.tracker is not None
        assert config.overlay is not None


def test_an_application_that_fails_does_not_stop_the_other(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = [line for line in COMMANDS if "other.txt" in line]
    (here / "other.txt").write_text((here / "other.txt").read_text().replace("config_infer_primary", "missing"))
    assert main([*shlex.split(line)[1:], "-i", "street0.mp4"]) == 1
    assert (here / "street.mp4").is_file()
    said = capsys.readouterr().err
    assert "other" in said
    assert "no such file" in said


def test_the_application_writes_what_it_says(here: Path) -> None:
    assert main(["run", "app.txt", "-q"]) == 0
    assert (here / "street.mp4").stat().st_size > 0
    assert not (here / "other.mp4").exists()
