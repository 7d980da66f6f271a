"""Videos of single streams: who gets one, what it is called, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from sightline.config import PipelineConfig
from sightline.errors import UsageError
from sightline.outputs import inputs_of, written
from sightline.pipeline.build import build
from tests.cli.commands import write_clip


def config(folder: Path, **sink: object) -> PipelineConfig:
    return PipelineConfig.model_validate(
        {
            "streams": [str(write_clip(folder / name, frames=4, size_wh=(64, 48))) for name in ("a.mp4", "b.mp4")],
            "model": "builtin:nothing",
            "overlay": {},
            "sinks": [{"kind": "video", "path": str(folder / "out.mp4"), **sink}],
        }
    )


def test_one_of_several_streams_needs_no_folder(tmp_path: Path) -> None:
    asked = config(tmp_path, streams=["b.mp4"])
    assert written(asked, inputs_of(asked)) == [tmp_path / "out.mp4"]
    pipeline = build(asked)
    assert [len(lane.own_sinks) for lane in pipeline.lanes] == [0, 1]
    assert sum(1 for _ in pipeline.results()) == 8
    assert (tmp_path / "out.mp4").is_file()


@pytest.mark.parametrize(
    ("sink", "words"),
    [
        ({}, "2 streams cannot share"),
        ({"streams": ["a.mp4", "b.mp4"]}, "2 streams cannot share"),
        ({"streams": ["c.mp4"]}, "streams: none of these is a stream; there are: a.mp4, b.mp4"),
    ],
)
def test_streams_that_cannot_be_so(tmp_path: Path, sink: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        build(config(tmp_path, **sink))
