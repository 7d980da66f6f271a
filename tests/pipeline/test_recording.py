"""Recordings in a run: copied on the way past, told at the end, and their faults those of one stream."""

from __future__ import annotations

from pathlib import Path

import pytest

from sightline.errors import OutputError
from sightline.models.infer import Model
from sightline.pipeline.lane import Lane
from sightline.pipeline.run import Pipeline
from sightline.sinks.record import RecordSink
from sightline.sources.media import MediaSource
from sightline.testing import BrightBoxHead, FakeRuntime, MovingBoxes, spec_of
from tests.sinks.numbered import shown, write_numbered


def model() -> Model:
    return Model("model", spec_of(), Path("none"), BrightBoxHead(), FakeRuntime())


def test_every_stream_has_its_own_recordings(tmp_path: Path) -> None:
    clips = [write_numbered(tmp_path / f"{name}.mp4", 100) for name in "ab"]
    sinks = [RecordSink(str(tmp_path / "out"), labels=("box", "class0"), pre_s=0, post_s=0) for _ in clips]
    lanes = [Lane(MediaSource(str(clip)), own_sinks=[sink]) for clip, sink in zip(clips, sinks, strict=True)]
    results = list(Pipeline(model(), lanes).results())
    assert len(results) == 200
    for name, sink in zip("ab", sinks, strict=True):
        assert sink.written
        for video in sink.written:
            assert video.name.startswith(f"{name}-")
            numbers = [number for number, _ in shown(video)]
            assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))


def test_what_one_stream_cannot_record_ends_no_other(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    bad, good = (RecordSink(str(tmp_path / name), labels=("box", "class0")) for name in ("bad", "good"))
    lanes = [Lane(MovingBoxes("bad", count=20), own_sinks=[bad]), Lane(MovingBoxes("good", count=60), own_sinks=[good])]
    pipeline = Pipeline(model(), lanes)
    seen = []
    for result in pipeline.results():
        if not seen:
            (tmp_path / "bad").write_text("in the way")
        seen.append(result.frame.stream.id)
    assert seen.count("good") == 60
    assert list(pipeline.lost) == ["bad"]
    assert isinstance(pipeline.lost["bad"], OutputError)
    assert len(good.written) == 1


def test_a_recording_that_fails_ends_a_run_of_its_stream_alone_with_its_reason(tmp_path: Path) -> None:
    sink = RecordSink(str(tmp_path / "out"), labels=("box", "class0"))
    results = Pipeline(model(), [Lane(MovingBoxes(count=20), own_sinks=[sink])]).results()
    next(results)
    (tmp_path / "out").write_text("in the way")
    with pytest.raises(OutputError, match="out"):
        list(results)
