"""Several pipelines at once: all of each one's frames, in order; one that fails leaves the others alone."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from sightline.config import PipelineConfig
from sightline.deployment import Deployment
from sightline.errors import StreamError, UsageError
from sightline.models.infer import Model
from sightline.pipeline.lane import Lane
from sightline.pipeline.run import Pipeline
from sightline.pipeline.several import Several, build_all
from sightline.protocols import Source
from sightline.testing import BrightBoxHead, FakeRuntime, MemorySink, MovingBoxes, spec_of
from sightline.types import Frame


def pipeline(*sources: Source, sink: MemorySink | None = None) -> Pipeline:
    model = Model("model", spec_of(), Path("none"), BrightBoxHead(), FakeRuntime())
    return Pipeline(model, [Lane(source) for source in sources], shared_sinks=[sink] if sink else [])


@dataclass
class Breaking:
    """A source that is lost, or broken, after so many frames."""

    id: str
    after: int
    error: Exception
    live: bool = False

    def frames(self, tap: object = None) -> Iterator[Frame]:
        for frame in MovingBoxes(self.id, count=99).frames():
            if frame.index == self.after:
                raise self.error
            yield frame


def drained(several: Several) -> dict[tuple[str, str], list[int]]:
    seen: dict[tuple[str, str], list[int]] = defaultdict(list)
    for name, result in several.results():
        seen[name, result.frame.stream.id].append(result.frame.index)
    return dict(seen)


def test_every_frame_of_every_pipeline_in_its_order() -> None:
    sinks = MemorySink(), MemorySink()
    several = Several(
        {
            "a": pipeline(MovingBoxes("x", count=130), MovingBoxes("y", count=7), sink=sinks[0]),
            "b": pipeline(MovingBoxes("x", count=90), sink=sinks[1]),
        }
    )
    assert drained(several) == {("a", "x"): list(range(130)), ("a", "y"): list(range(7)), ("b", "x"): list(range(90))}
    assert [len(sink.results) for sink in sinks] == [137, 90]
    assert [sink.closed for sink in sinks] == [1, 1]
    assert not several.failed


@pytest.mark.parametrize("error", [StreamError("the camera is gone"), ZeroDivisionError("a mistake of ours")])
def test_one_that_fails_is_told_and_the_others_go_on(error: Exception) -> None:
    several = Several({"bad": pipeline(Breaking("x", 3, error)), "good": pipeline(MovingBoxes("x", count=40))})
    seen = drained(several)
    assert seen["good", "x"] == list(range(40))
    assert several.failed == {"bad": error}


def test_stop_ends_them_all_and_finishes_the_sinks() -> None:
    sinks = MemorySink(), MemorySink()
    several = Several({n: pipeline(MovingBoxes("x", count=10**9), sink=s) for n, s in zip("ab", sinks, strict=True)})
    seen = 0
    for _ in several.results():
        seen += 1
        if seen == 10:
            several.stop()
    assert seen >= 10
    assert [sink.closed for sink in sinks] == [1, 1]
    assert not several.failed


def test_leaving_the_loop_ends_every_thread() -> None:
    before = threading.active_count()
    sinks = MemorySink(), MemorySink()
    several = Several({n: pipeline(MovingBoxes("x", count=10**9), sink=s) for n, s in zip("ab", sinks, strict=True)})
    for _ in several.results():
        break
    several.close()
    assert threading.active_count() == before
    assert [sink.closed for sink in sinks] == [1, 1]


def test_nothing_to_run_ends_at_once() -> None:
    assert drained(Several({})) == {}


def test_what_cannot_be_built_is_told_and_the_others_are_built(tmp_path: Path) -> None:
    def config(model: str) -> PipelineConfig:
        return PipelineConfig.model_validate({"streams": ["synthetic://street?seconds=1"], "model": model})

    demo = str(Path(__file__).parents[2] / "src" / "sightline" / "assets" / "demo")
    absent = str(tmp_path / "absent.onnx")

    def refuse(name: str, config: PipelineConfig) -> None:
        if name == "refused":
            raise UsageError("not this one")

    several = build_all(Deployment({"good": config(demo), "bad": config(absent), "refused": config(demo)}), refuse)
    with several:
        assert list(several.pipelines) == ["good"]
        assert "absent.onnx" in str(several.failed["bad"])
        assert "not this one" in str(several.failed["refused"])
