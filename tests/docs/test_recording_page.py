"""docs/recording.md: its pipeline records what it says, and its options are those that exist."""

from __future__ import annotations

import json
import re
import shlex
from importlib.resources import files
from pathlib import Path

import av
import pytest
import yaml

from sightline.cli import main
from sightline.parts import options_of
from sightline.pictures import rgb
from sightline.sources.synthetic import SyntheticSource

PAGE = (Path(__file__).parents[2] / "docs" / "recording.md").read_text("utf-8")


def street(path: Path, seconds: float = 10) -> Path:
    """The demo's scene as a camera would send it: a key picture a second."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 960, 540, "yuv420p"
        stream.codec_context.gop_size = 25
        stream.options = {"preset": "ultrafast"}
        for frame in SyntheticSource("street", seed=5, seconds=seconds).frames():
            assert frame.picture is not None
            out.mux(stream.encode(av.VideoFrame.from_ndarray(rgb(frame.picture), "rgb24")))
        out.mux(stream.encode(None))
    return path


def test_the_pipeline_of_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "street").symlink_to(Path(str(files("sightline") / "assets" / "demo")), target_is_directory=True)
    (text,) = re.findall(r"```yaml\n(.*?)\n```", PAGE, re.S)
    (tmp_path / "yard.yaml").write_text(text)
    source = street(tmp_path / "yard.mp4")
    before = source.read_bytes()
    (command,) = re.findall(r"```sh\n(.*?)\n```", PAGE, re.S)
    assert main(shlex.split(command)[1:]) == 0
    assert source.read_bytes() == before
    with av.open(str(source)) as whole:
        packets = {bytes(packet) for packet in whole.demux(video=0) if packet.size}
    for folder in ("clips", "gate"):
        videos = sorted((tmp_path / folder).glob("*.mp4"))
        assert videos
        for video in videos:
            assert re.fullmatch(r"yard-\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d(-\d+)?\.mp4", video.name)
            told = json.loads(video.with_suffix(".json").read_text())
            frames = [line for line in told["results"] if line["type"] == "frame"]
            with av.open(str(video)) as made:
                copied = [packet for packet in made.demux(video=0) if packet.size]
                assert {bytes(packet) for packet in copied} <= packets
            assert len(frames) == len(copied)
            assert frames[0]["time_s"] == told["begins_s"]
            if folder == "gate":
                assert any(line["type"] == "event" and line["kind"] == "line.crossed" for line in told["results"])


def test_every_option_is_on_the_page() -> None:
    for option in options_of("sink", "record"):
        assert f"`{option.name}`" in PAGE, option.name
    assert yaml.safe_load(re.findall(r"```yaml\n(.*?)\n```", PAGE, re.S)[0])["sinks"][0]["kind"] == "record"
