"""docs/tracking.md: its commands run, its pipeline is sound, and it tells of every tracker and option."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from sightline.cli import main
from sightline.config_text import parse_config
from sightline.options import parse_part
from sightline.parts import construct, options_of
from sightline.plugins import known

PAGE = (Path(__file__).parents[2] / "docs" / "tracking.md").read_text("utf-8")
TRACKERS = ("bytetrack", "sort", "ocsort", "botsort", "iou")


def test_the_command_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [f"{i},-1,{100 + 4 * i},{50 + 200 * k},40,80,0.9,-1,-1,-1\n" for i in range(1, 40) for k in range(2)]
    (tmp_path / "det.txt").write_text("".join(lines))
    monkeypatch.chdir(tmp_path)
    (command,) = re.findall(r"```sh\n(.*?)\n```", PAGE, re.S)
    assert main(shlex.split(command)[1:]) == 0
    rows = [line.split(",") for line in (tmp_path / "tracks.txt").read_text().splitlines()]
    assert {row[1] for row in rows} == {"1", "2"}
    assert len(rows) == 2 * 38  # named with the second sighting


def test_the_longer_command_names_options_that_exist() -> None:
    (part,) = re.findall(r"^sightline track MOT15.* --track (\S+)$", PAGE, re.M)
    chosen = parse_part(part)
    construct("tracker", chosen.kind, chosen.options)


def test_the_pipeline_of_the_page_is_sound() -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.S)
    config = parse_config(text)
    assert config.tracker is not None
    assert config.tracker.options["appearance"] == config.then[0].name


def test_the_page_tells_of_every_tracker_and_every_option_of_it() -> None:
    assert set(known("tracker")) == set(TRACKERS)
    told = dict(re.findall(r"^\| `(\w+)` \| (.*)\|$", PAGE, re.M))
    for tracker in TRACKERS:
        assert tracker in told
        for option in options_of("tracker", tracker):
            assert option.name in told, (tracker, option.name)
            if option.default not in (None, "", True, False):
                assert str(option.default) in told[option.name], (tracker, option)
