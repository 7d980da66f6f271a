"""docs/show.md: its commands run, the address it speaks of answers, and its options are those that exist."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import urllib.request
from pathlib import Path

import av
import pytest
import yaml

from sightline.cli import main
from sightline.parts import options_of
from tests.cli.commands import MODEL, write_clip

PAGE = (Path(__file__).parents[2] / "docs" / "show.md").read_text("utf-8")
COMMANDS = [shlex.split(line)[1:] for line in "\n".join(re.findall(r"```sh\n(.*?)\n```", PAGE, re.S)).splitlines()]


def test_a_run_can_be_watched(tmp_path: Path) -> None:
    shutil.copytree(MODEL, tmp_path / "model")
    write_clip(tmp_path / "video.mp4", frames=60)
    command = next(words for words in COMMANDS if "--show" in words)
    run = subprocess.Popen(
        [sys.executable, "-m", "sightline", *command], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    try:
        assert run.stderr is not None
        said = run.stderr.readline()
        found = re.fullmatch(r"watch at (http://127\.0\.0\.1:\d+)/\?token=(\w+)\n", said)
        assert found is not None, said
        request = urllib.request.Request(f"{found[1]}/facts", headers={"Authorization": f"Bearer {found[2]}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            facts = json.load(answer)
        assert [stream["id"] for stream in facts["streams"]] == ["video.mp4"]
        with urllib.request.urlopen(f"{found[1]}/stream/0.jpg?token={found[2]}", timeout=10) as answer:
            assert answer.read(2) == b"\xff\xd8"
        assert run.wait(60) == 0
    finally:
        run.kill()
        run.communicate()
    assert {path.name for path in tmp_path.iterdir()} == {"model", "video.mp4"}


def test_the_mosaic_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(MODEL, tmp_path / "model")
    text = re.findall(r"```yaml\n(streams:.*?)\n```", PAGE, re.S)[0]
    (tmp_path / "all.yaml").write_text(text)
    for name in yaml.safe_load(text)["streams"]:
        write_clip(tmp_path / name, frames=15)
    monkeypatch.chdir(tmp_path)
    assert main(next(words for words in COMMANDS if "all.yaml" in words)) == 0
    with av.open("all.mp4") as container:
        frames = list(container.decode(video=0))
    assert len(frames) == 15
    assert (frames[0].width, frames[0].height) == (640, 360)


@pytest.mark.parametrize("kind", ["show", "mosaic"])
def test_every_option_is_on_the_page(kind: str) -> None:
    for option in options_of("sink", kind):
        assert f"`{option.name}`" in PAGE or option.name == "path"
