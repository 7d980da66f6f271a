"""docs/dewarp.md: its pipeline runs, its kinds, surfaces and options are those that exist."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import av
import pytest

from sightline.cli import main
from sightline.parts import options_of
from sightline.plugins import known
from sightline.sources.dewarp_surfaces import SURFACES
from tests.cli.commands import write_clip

PAGE = (Path(__file__).parents[2] / "docs" / "dewarp.md").read_text("utf-8")


def test_the_pipeline_of_the_page_flattens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (text,) = re.findall(r"```yaml\n(.*?)\n```", PAGE, re.S)
    (tmp_path / "flat.yaml").write_text(text)
    write_clip(tmp_path / "ceiling.mp4", frames=8, size_wh=(240, 240))
    monkeypatch.chdir(tmp_path)
    commands = re.findall(r"```sh\n(.*?)\n```", PAGE, re.S)[0].splitlines()
    assert [main(shlex.split(command)[1:]) for command in commands] == [0, 0]
    with av.open("flat.mp4") as container:
        frames = list(container.decode(video=0))
    assert (len(frames), frames[0].width, frames[0].height) == (8, 640, 360)


def test_every_kind_surface_and_option_is_on_the_page() -> None:
    for name in (*known("dewarp"), *SURFACES, *(option.name for option in options_of("dewarp", "fisheye"))):
        assert f"`{name}`" in PAGE
    assert {option.name for kind in known("dewarp") for option in options_of("dewarp", kind)} == {
        option.name for option in options_of("dewarp", "fisheye")
    }
