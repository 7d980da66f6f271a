"""Class maps: what is in the files, where they lie, and that they are there before the results name them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

import sightline
from sightline.config import ModelConfig, PipelineConfig, StreamConfig
from sightline.errors import OutputError, UsageError
from sightline.models.infer import Model
from sightline.outputs import check_outputs, inputs_of, map_folders
from sightline.pipeline.build import build
from sightline.pipeline.lane import Lane
from sightline.pipeline.run import Pipeline
from sightline.protocols import Outputs
from sightline.sinks.jsonl import JsonlSink
from sightline.sinks.maps import MapFolder
from sightline.testing import FakeRuntime, MemorySink, MovingBoxes, spec_of
from sightline.types import Frame, FrameResult, Instant, ModelSpec, Picture, Prediction, StreamInfo, View


def frame_of(stream_id: str, index: int) -> Frame:
    stream = StreamInfo(stream_id, 31, 20, Fraction(1, 25))
    return Frame(stream, index, Instant(index, stream.base), None, 31, 20)


@pytest.mark.parametrize(
    ("stream_id", "name"),
    [
        ("video.mp4", "video.mp4/000012.png"),
        ("video.mp4#2", "video.mp4#2/000012.png"),
        ("rtsp://host/cam", "rtsp_host_cam/000012.png"),
        ("../..", "_/000012.png"),
        ("..", "stream/000012.png"),
    ],
)
def test_a_map_is_read_back_as_it_was(tmp_path: Path, stream_id: str, name: str) -> None:
    classes = np.random.default_rng(1).integers(0, 256, (20, 31), np.uint8)
    assert MapFolder(str(tmp_path / "maps")).write(frame_of(stream_id, 12), classes) == name
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert file == tmp_path / "maps" / name
    found = cv2.imread(str(file), cv2.IMREAD_UNCHANGED)
    assert found is not None
    assert found.dtype == np.uint8
    assert np.array_equal(found, classes)


def test_a_folder_that_cannot_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="file is not a folder"):
        MapFolder(str(tmp_path / "file")).check("a.mp4")
    with pytest.raises(OutputError, match=r"000000.png"):
        MapFolder(str(tmp_path / "file")).write(frame_of("a.mp4", 0), np.zeros((2, 2), np.uint8))


# -- in a run ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class HalvesHead:
    """Left half class 3, right half class 7."""

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        return [Prediction(classmap=np.array([[3, 7]], np.uint8), map_names=spec.labels) for _ in views]


@dataclass
class LookingSink(MemorySink):
    """Notes whether the file that a result names is there when the result comes."""

    folder: Path = Path()
    found: list[bool] = field(default_factory=list[bool])

    def write(self, result: FrameResult, picture: Picture | None) -> None:
        self.found.append((self.folder / result.map).is_file())
        super().write(result, picture)


def test_maps_are_there_before_the_results_that_name_them(tmp_path: Path) -> None:
    model = Model("model", replace(spec_of(), task="semantic"), Path("none"), HalvesHead(), FakeRuntime())
    looking = LookingSink(folder=tmp_path / "maps")
    lanes = [
        Lane(MovingBoxes("a.mp4", count=4), maps=MapFolder(str(tmp_path / "maps")), interval=1),
        Lane(MovingBoxes("b", count=2), maps=MapFolder(str(tmp_path / "maps"))),
    ]
    list(Pipeline(model, lanes, shared_sinks=[looking, JsonlSink(str(tmp_path / "r.jsonl"))]).results())
    records = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    named = {(r["stream"], r["frame"]): r.get("map") for r in records if r["type"] == "frame"}
    assert named == {
        ("a.mp4", 0): "a.mp4/000000.png",
        ("a.mp4", 1): None,
        ("a.mp4", 2): "a.mp4/000002.png",
        ("a.mp4", 3): None,
        ("b", 0): "b/000000.png",
        ("b", 1): "b/000001.png",
    }
    assert [found for found, r in zip(looking.found, looking.results, strict=True) if r.map] == [True] * 4
    for name in filter(None, named.values()):
        pixels = cv2.imread(str(tmp_path / "maps" / name), cv2.IMREAD_UNCHANGED)
        assert pixels is not None
        assert pixels.shape == (48, 64)
        assert (pixels[:, :32] == 3).all()
        assert (pixels[:, 32:] == 7).all()


def test_without_a_folder_nothing_is_written_or_named() -> None:
    model = Model("model", replace(spec_of(), task="semantic"), Path("none"), HalvesHead(), FakeRuntime())
    results = list(Pipeline(model, [Lane(MovingBoxes(count=2))]).results())
    assert [r.map for r in results] == ["", ""]
    assert all(r.prediction.classmap is not None for r in results)


# -- what is judged before a run ---------------------------------------------------------------------------------------


def config_of(maps: Path, *streams: StreamConfig, model: str = "m.onnx") -> PipelineConfig:
    return PipelineConfig(streams=streams, model=ModelConfig(path=model), maps=str(maps))


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.zeros((4, 4, 3), np.uint8))
    return path


def test_maps_never_lie_among_the_inputs(tmp_path: Path) -> None:
    picture(tmp_path / "shots" / "000000.png")
    config = config_of(tmp_path, StreamConfig(url=str(tmp_path / "shots")))
    with pytest.raises(UsageError, match="holds an input"):
        check_outputs(config, inputs_of(config))
    other = config_of(tmp_path / "maps", StreamConfig(url=str(tmp_path / "shots")))
    check_outputs(other, inputs_of(other))
    assert map_folders(other, inputs_of(other)) == [tmp_path / "maps" / "shots"]


def test_two_streams_never_share_a_folder(tmp_path: Path) -> None:
    a, b = (str(picture(tmp_path / name)) for name in ("a.png", "b.png"))
    config = config_of(tmp_path / "maps", StreamConfig(url=a, id="x?y"), StreamConfig(url=b, id="x*y"))
    with pytest.raises(UsageError, match="two streams would write"):
        check_outputs(config, inputs_of(config))


def test_a_model_without_maps_is_refused(tmp_path: Path) -> None:
    demo = Path(sightline.__file__).parent / "assets" / "demo"
    config = config_of(tmp_path / "maps", StreamConfig(url="synthetic://street?seconds=1"), model=str(demo))
    with pytest.raises(UsageError, match="makes no class maps"):
        build(config)
    assert not (tmp_path / "maps").exists()
