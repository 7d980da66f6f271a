"""The clip and its repeats: one picture for every packet, times that go on."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import av
import pytest

from benchmarks.clip import draw, frames_of, repeat
from benchmarks.slow import one_by_one
from sightline.models.infer import Model
from sightline.sources.planes import picture_of
from sightline.testing import BrightBoxHead, FakeRuntime, spec_of
from sightline.types import ColorMatrix


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "street.mp4"
    draw(path, 12, (320, 180))
    return path


def test_the_clip_is_h264_at_25_frames_a_second(clip: Path) -> None:
    with av.open(str(clip)) as container:
        video = container.streams.video[0]
        assert video.codec_context.name == "h264"
        assert (video.width, video.height, video.average_rate) == (320, 180, 25)
        assert picture_of(next(container.decode(video))).matrix is ColorMatrix.BT601  # as the scene is drawn
    assert frames_of(clip) == 12


def test_a_repeat_has_all_pictures_and_rising_times(clip: Path, tmp_path: Path) -> None:
    thrice = tmp_path / "thrice.mp4"
    assert repeat(clip, 3, thrice) == 36
    with av.open(str(thrice)) as container:
        pts = [frame.pts for frame in container.decode(video=0)]
    assert len(pts) == 36
    steps = {b - a for a, b in pairwise(pts) if a is not None and b is not None}
    assert len(steps) == 1
    assert steps.pop() > 0


def test_the_slow_run_writes_a_line_a_frame(clip: Path, tmp_path: Path) -> None:
    out = tmp_path / "slow.jsonl"
    model = Model("model", spec_of(), Path("none"), BrightBoxHead(), FakeRuntime())
    assert one_by_one(model, clip, out) == 12
    assert len(out.read_text().splitlines()) == 12
