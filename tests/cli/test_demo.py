"""The demo end to end: what it writes, what it says, and that it counts about as often as things truly crossed."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import av
import pytest

from sightline.cli import main
from sightline.cli.demo import SECONDS, Tally, configuration, tally
from sightline.config_text import dump_config, load_config
from sightline.sources.scene import Crossing
from sightline.sources.synthetic import Scene


@pytest.fixture(autouse=True)
def _cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_writes_a_video_and_results_and_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "made"
    assert main(["demo", "--seconds", "6", "--json", "-o", str(out)]) == 0
    printed = capsys.readouterr()
    said = json.loads(printed.out)
    assert said["frames"] == 150
    assert said["written"] == [str(out / "street.mp4"), str(out / "street.jsonl")]
    assert "counted" in printed.err
    with av.open(str(out / "street.mp4")) as video:
        frames = list(video.decode(video=0))
    assert len(frames) == 150
    assert (frames[0].width, frames[0].height) == (960, 540)
    last = frames[-1]
    assert last.pts is not None
    assert last.time_base is not None
    assert last.pts * last.time_base == Fraction(149, 25)
    lines = [json.loads(line) for line in (out / "street.jsonl").read_text().splitlines()]
    assert sum(line["type"] == "frame" for line in lines) == 150
    events = [line for line in lines if line["type"] == "event"]
    counted = sum(row["counted"] for row in said["crossings"])
    true = sum(row["true"] for row in said["crossings"])
    assert len(events) == counted
    assert true >= 4
    assert abs(counted - true) <= 2


def test_the_table_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", "--seconds", "1", "-o", str(tmp_path / "made")]) == 0
    text = capsys.readouterr().out
    assert "25 frames in" in text
    assert "to the right" in text
    assert str(tmp_path / "made" / "street.mp4") in text


@pytest.mark.parametrize("words", [["--seconds", "0"], ["--seconds", "nan"], ["--seed", "-1"], ["--seconds", "1e6"]])
def test_wrong_numbers_are_usage_errors(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo", *words, "-o", str(tmp_path / "made")]) == 2
    assert capsys.readouterr().err.startswith("sightline: error: ")
    assert not (tmp_path / "made").exists()


def test_tally_sets_the_counts_beside_the_truth() -> None:
    truth = [Crossing(1.0, 1, 0, "in"), Crossing(2.0, 2, 0, "in"), Crossing(3.0, 3, 2, "out")]
    rows = tally({"in": {"person": 1}, "out": {"car": 4}}, truth)
    assert Tally("person", "in", 1, 2) in rows
    assert Tally("car", "out", 4, 0) in rows
    assert Tally("bike", "out", 0, 1) in rows
    assert len(rows) == 6


def test_the_demo_is_an_ordinary_pipeline_file(tmp_path: Path) -> None:
    config = configuration(Scene(seed=3), SECONDS, tmp_path)
    path = tmp_path / "pipeline.yaml"
    path.write_text(dump_config(config))
    assert load_config(str(path)) == config
