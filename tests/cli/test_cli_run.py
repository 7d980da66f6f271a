"""`sightline run`: what is written and under which name, and that flags and files say the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from commands import MODEL, write_clip

from sightline.cli import main
from sightline.cli.progress import expected_frames
from sightline.config_text import load_config
from sightline.types import StreamInfo

SCENE = "synthetic://street?seconds=1&width=480&height=270&seed=3"


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(text) for text in path.read_text().splitlines()]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_without_outputs_both_lie_beside_you(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "in").mkdir()
    write_clip(here / "in" / "a.b.mp4")
    assert main(["run", str(MODEL), "in/a.b.mp4", "--json"]) == 0
    assert names(here) == ["a.b.sightline.jsonl", "a.b.sightline.mp4", "in/a.b.mp4"]
    found = lines_of(here / "a.b.sightline.jsonl")
    assert [line["type"] for line in found] == ["run"] + ["frame"] * 12
    with av.open("a.b.sightline.mp4") as video:
        times = [round(float(frame.time or 0), 4) for frame in video.decode(video=0)]
    assert times == [line["time_s"] for line in found[1:]]
    told = capsys.readouterr()
    summary = json.loads(told.out)
    assert summary["frames"] == 12
    assert summary["streams"]["a.b.mp4"]["frames"] == 12
    assert summary["written"] == ["a.b.sightline.mp4", "a.b.sightline.jsonl"]
    assert "12 frames" in told.err


def test_one_output_flag_writes_only_that(here: Path) -> None:
    write_clip(here / "a.mp4")
    assert main(["run", str(MODEL), "a.mp4", "-o", "o.mkv", "-q"]) == 0
    assert main(["run", str(MODEL), "a.mp4", "--results", "deep/r.jsonl", "-q"]) == 0
    assert names(here) == ["a.mp4", "deep/r.jsonl", "o.mkv"]


def test_several_inputs_share_the_results(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_clip(here / "a.mp4")
    assert main(["run", str(MODEL), "a.mp4", "a.mp4", SCENE, "-o", "out", "--results", "r.jsonl"]) == 0
    assert names(here) == ["a.mp4", "out/a#2.mp4", "out/a.mp4", "out/street.mp4", "r.jsonl"]
    found = lines_of(here / "r.jsonl")
    assert [stream["id"] for stream in found[0]["streams"]] == ["a.mp4", "a.mp4#2", "street"]
    assert "a.mp4#2: 12 frames" in capsys.readouterr().err


def test_pictures_in_give_pictures_out(here: Path) -> None:
    (here / "in").mkdir()
    for name in ("one.jpg", "two.png"):
        cv2.imwrite(str(here / "in" / name), np.full((60, 80, 3), 128, np.uint8))
    assert main(["run", str(MODEL), "in/one.jpg", "-o", "o.png", "-q"]) == 0
    assert main(["run", str(MODEL), "in", "-o", "out", "-q"]) == 0
    assert main(["run", str(MODEL), "in/two.png", "-q"]) == 0
    assert {"o.png", "two.sightline.png", "two.sightline.jsonl"} <= set(names(here))
    assert len([name for name in names(here) if name.startswith("out/")]) == 2
    assert main(["run", str(MODEL), "in", "-o", "in", "-q"]) == 2


def test_results_on_standard_output_are_alone_there(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(MODEL), SCENE, "--results", "-", "--limit", "5f"]) == 0
    out, err = capfd.readouterr()
    assert [json.loads(text)["type"] for text in out.splitlines()][:6] == ["run"] + ["frame"] * 5
    assert "5 frames" in err


def test_flags_and_the_saved_file_give_the_same_results(here: Path) -> None:
    flags = ["--line", "gate=0.1,0.5,0.9,0.5", "--zone", "yard=px:10,10,200,10,200,200", "--classes", "person,car"]
    flags += ["--score", "0.3", "--crop", "px:0,20,480,270", "--limit", "20f", "--interval", "1", "--video", "crf=30"]
    assert main(["run", str(MODEL), SCENE, "--results", "r.jsonl", *flags, "--save-config", "sub.yaml", "-q"]) == 0
    first = (here / "r.jsonl").read_bytes()
    (here / "r.jsonl").unlink()
    assert main(["check", "sub.yaml"]) == 0
    assert main(["run", "sub.yaml", "-q"]) == 0
    assert (here / "r.jsonl").read_bytes() == first
    config = load_config("sub.yaml")
    assert config.tracker is not None
    assert (config.tracker.kind, config.limits.frames, config.limits.interval) == ("bytetrack", 20, 1)
    frames = [line for line in lines_of(here / "r.jsonl") if line["type"] == "frame"]
    assert len(frames) == 20
    assert set(frames[-1]["counts"]) == {"gate", "yard"}
    assert {o["label"] for frame in frames for o in frame["objects"]} <= {"person", "car"}
    assert min((o["box"][1] for frame in frames for o in frame["objects"]), default=20) >= 20


def test_a_run_that_found_nothing_says_so(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_clip(here / "a.mp4")
    assert main(["run", str(MODEL), "a.mp4", "--results", "r.jsonl", "--score", "0.999"]) == 0
    assert "nothing was found: the best score was" in capsys.readouterr().err


def test_quiet_is_quiet(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(MODEL), SCENE, "--results", "r.jsonl", "--limit", "3f", "-q"]) == 0
    assert capfd.readouterr() == ("", "")


def test_expected_frames_are_bounded_by_the_limits() -> None:
    from fractions import Fraction

    info = StreamInfo("a", 8, 8, Fraction(1, 25), Fraction(25), frames=100, duration_s=4.0)
    assert expected_frames(info, None, None) == 100
    assert expected_frames(info, 2.0, None) == 50
    assert expected_frames(info, None, 30) == 30
    assert expected_frames(StreamInfo("a", 8, 8, Fraction(1), live=True), None, None) is None
    assert expected_frames(StreamInfo("a", 8, 8, Fraction(1), frames=-5), None, None) is None
