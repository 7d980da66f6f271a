"""NN Archives that are written: their schema, their bytes, and what comes back."""

from __future__ import annotations

import json
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from networks import Network, yolov5, yolov8

from sightline.config import ModelConfig
from sightline.errors import ModelError, OutputError
from sightline.models.forms.write_nn_archive import write_nn_archive
from sightline.models.identify import Identified, identify
from sightline.types import Resize


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def known(path: Path, **flags: Any) -> Identified:
    return identify(ModelConfig(path=str(path), **flags))


def grids(folder: Path, channels: int) -> Path:
    net = Network((64, 32))
    for name, stride in (("grid8", 8), ("grid16", 16)):
        small = net.op("MaxPool", net.conv(net.stem(), channels), kernel_shape=[stride] * 2, strides=[stride] * 2)
        net.output(small, name, (1, channels, 32 // stride, 64 // stride))
    return net.save(folder / "net.onnx")


def config_of(path: Path) -> dict[str, Any]:
    with tarfile.open(path) as archive:
        file = archive.extractfile("config.json")
        assert file is not None
        return json.loads(file.read())


CASES = ["yolov8", "yolov5", "grids", "anchors", "classify"]


def written(tmp_path: Path, case: str) -> tuple[Identified, Path, tuple[str, ...]]:
    flags: dict[str, Any] = {"labels": ("a", "b"), "score": 0.3, "nms": 0.6, "resize": "stretch", "color": "bgr"}
    if case == "yolov8":
        path = yolov8(2).save(tmp_path / "net.onnx")
    elif case == "yolov5":
        path = yolov5(2).save(tmp_path / "net.onnx")
    elif case == "classify":
        net = Network((32, 32))
        pooled = net.op("GlobalAveragePool", net.conv(net.stem(), 2))
        net.output(net.op("Softmax", net.op("Flatten", pooled), axis=1), "prob", (1, 2))
        path = net.save(tmp_path / "net.onnx")
        flags |= {"head": "classify", "scale": (255.0,)}
    else:
        path = grids(tmp_path, 7 if case == "grids" else 14)
        flags["head"] = "yolo-grids" if case == "grids" else "yolov5"
        options = {"anchors": ((10, 20, 30, 40), (50, 60, 70, 80)), "activated": True}
        flags["head_options"] = {} if case == "grids" else options
    found = known(path, **flags)
    target = tmp_path / "out.tar.xz"
    return found, target, write_nn_archive(found.spec, found.weights, target)


@pytest.mark.parametrize("case", CASES)
def test_what_is_written_comes_back_as_it_was(tmp_path: Path, case: str) -> None:
    found, target, _ = written(tmp_path, case)
    again = known(target)
    assert again.decided
    for key in ("name", "task", "head", "head_options", "thresholds", "labels", "inputs", "outputs"):
        assert getattr(again.spec, key) == getattr(found.spec, key), key
    second = tmp_path / "again.tar.xz"
    write_nn_archive(again.spec, again.weights, second)
    assert config_of(second) == config_of(target)


@pytest.mark.parametrize("case", CASES)
def test_the_description_alone_tells_what_the_format_can_say(tmp_path: Path, case: str) -> None:
    found, target, notes = written(tmp_path, case)
    folder = tmp_path / "unpacked"
    with tarfile.open(target) as archive:
        archive.extractall(folder, filter="data")
    (folder / "model.yaml").unlink()
    again = known(folder)
    steps, mine = again.spec.inputs[0].preprocess, found.spec.inputs[0].preprocess
    assert (steps.color, steps.mean, steps.scale, steps.resize) == (mine.color, mine.mean, mine.scale, mine.resize)
    assert again.spec.head == found.spec.head
    if case in ("yolov8", "yolov5"):
        assert notes == (f"head {case}: no parser of depthai-nodes is known to read it; it stands in model.yaml only",)
    else:
        assert again.spec.labels == ("a", "b")
        assert notes == ()


@pytest.mark.parametrize("case", CASES)
def test_the_publisher_accepts_the_description(tmp_path: Path, case: str) -> None:
    reader = pytest.importorskip("luxonis_ml.nn_archive.config", reason="luxonis-ml is not installed")
    _, target, _ = written(tmp_path, case)
    assert reader.Config(**config_of(target)).model.metadata.path == "net.onnx"


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    found, target, _ = written(tmp_path, "yolov8")
    again = tmp_path / "again.tar.xz"
    found.weights.touch()
    write_nn_archive(found.spec, found.weights, again)
    assert again.read_bytes() == target.read_bytes()
    with tarfile.open(target) as archive:
        assert archive.getnames() == ["config.json", "model.yaml", "net.onnx"]
        assert {(m.mtime, m.uid, m.uname, m.mode) for m in archive} == {(0, 0, "", 0o644)}


def test_how_pictures_go_in_is_written_a_channel_at_a_time(tmp_path: Path) -> None:
    found, target, _ = written(tmp_path, "grids")
    (entry,) = config_of(target)["model"]["inputs"]
    assert entry["preprocessing"] == {
        "mean": [0.0] * 3,
        "scale": [255.0] * 3,
        "dai_type": "BGR888p",
        "resize_mode": "STRETCH",
    }
    picture = found.spec.inputs[0]
    topleft = replace(picture, preprocess=replace(picture.preprocess, resize=Resize.LETTERBOX_TOPLEFT))
    write_nn_archive(replace(found.spec, inputs=(topleft,)), found.weights, target)
    assert config_of(target)["model"]["inputs"][0]["preprocessing"]["resize_mode"] is None
    assert known(target).spec.inputs[0].preprocess.resize is Resize.LETTERBOX_TOPLEFT


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    found, _, _ = written(tmp_path, "yolov8")
    picture = found.spec.inputs[0]
    open_sided = replace(picture, tensor=replace(picture.tensor, shape=(1, 3, None, None)))
    with pytest.raises(ModelError, match="open size"):
        write_nn_archive(replace(found.spec, inputs=(open_sided,)), found.weights, tmp_path / "x.tar.xz")
    with pytest.raises(OutputError, match="cannot be written"):
        write_nn_archive(found.spec, found.weights, tmp_path / "gone" / "x.tar.xz")
    assert not list(tmp_path.glob("*.part"))
