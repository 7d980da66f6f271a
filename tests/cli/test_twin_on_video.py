"""Published twins run on a real model and real videos, mapped in."""

from __future__ import annotations

import json
import os
from pathlib import Path

import av
import pytest

from sightline.cli import main

ASSETS = os.environ.get("SIGHTLINE_ASSETS", "")
pytestmark = pytest.mark.skipif(not ASSETS, reason="SIGHTLINE_ASSETS names no folder with the test assets")
TWINS = Path(ASSETS or ".") / "ada" / "ds-ai-pipeline" / "src" / "ai-pipeline-tests"
VIDEOS, MODEL = Path(ASSETS or ".") / "videos", Path(ASSETS or ".") / "models" / "yolox-nano-coco"
SAMPLES = "file:///opt/nvidia/deepstream/deepstream/samples/streams"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "pgie_config.txt").write_text(
        f"[property]\nonnx-file={MODEL}/yolox_nano.onnx\nlabelfile-path={MODEL}/coco_classes.txt\ngie-unique-id=1\n"
        "network-type=0\nmodel-color-format=1\nnet-scale-factor=1\nmaintain-aspect-ratio=1\n"
        "parse-bbox-func-name=NvDsInferParseYolox\n[class-attrs-all]\npre-cluster-threshold=0.3\n"
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(name: str, *more: str) -> int:
    shop = f"{SAMPLES}/sample_720p.mp4={VIDEOS}/Retail02_short.mp4"
    words = ["--map", "config_examples/=./", "--map", shop, "-o", "out", "--limit", "12f", "-q", *more]
    return main(["run", str(TWINS / name), *words])


def test_the_simplest_one_finds_records_and_tells_who_is_in_its_region(here: Path) -> None:
    assert run("000-basic.json") == 0
    lines = [json.loads(line) for line in (here / "out" / "PeopleDetection.jsonl").read_text().splitlines()]
    frames = [line for line in lines if line["type"] == "frame"]
    assert len(frames) == 12
    people = [sum(o["label"] == "person" for o in frame["objects"]) for frame in frames]
    assert min(people) >= 4
    message = json.loads((here / "out" / "PeopleDetection.messages.jsonl").read_text().splitlines()[0])
    left, top, width, height = message["inferences"][0]["detections"][0]["rect"]
    assert 0 <= left <= left + width <= 1
    assert 0 <= top <= top + height <= 1
    with av.open(str(here / "out" / "PeopleDetection-rtspsim.mp4")) as video:
        assert sum(1 for _ in video.decode(video=0)) == 12


def test_a_stream_without_its_pipeline_fails_and_the_other_runs(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("017-failure-case-invalid-configuration.json") == 1
    assert "there is no pipeline 'INCORRECT_VALUE'" in capsys.readouterr().err
    header = json.loads((here / "out" / "PeopleDetection.jsonl").read_text().splitlines()[0])
    assert [stream["id"] for stream in header["streams"]] == ["stream-02"]


def test_a_model_that_is_missing_fails_with_a_clear_message(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("015-failure-case-model-not-found-001.json") == 2
    assert "the primary model: 'INCORRECT_VALUE': no such file" in capsys.readouterr().err
    assert not (here / "out").exists()


def test_launch_text_shows_what_it_is_given(here: Path) -> None:
    address = "https://www.freedesktop.org/software/gstreamer-sdk/data/media/sintel_trailer-480p.webm"
    clip = f"{VIDEOS}/bbb_960x540_60fps_vp8.webm"
    assert run("011-ds-passthrough-basic.json", "-f", "--map", f"{address}={clip}") == 0
