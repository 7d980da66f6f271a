"""Triton folders that are written: what the server's own schema makes of them, and what comes back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import onnx
import pytest
from networks import yolov8

from sightline.config import ModelConfig
from sightline.errors import ModelError, OutputError
from sightline.foreign.protobuf_text import parse_message
from sightline.models.forms.write_triton import write_triton
from sightline.models.identify import Identified, identify
from sightline.models.importers.contents import text_of


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def a_model(tmp_path: Path) -> Identified:
    path = yolov8(2).save(tmp_path / "net.onnx")
    return identify(ModelConfig(path=str(path), labels=('a "b"', "c\nd"), score=0.3, resize="stretch"))


def test_what_is_written_comes_back_as_it_was(tmp_path: Path) -> None:
    found = a_model(tmp_path)
    target = tmp_path / "repo" / "street"
    (note,) = write_triton(found.spec, found.weights, target)
    assert "images takes RGB" in note
    assert {p.relative_to(target).as_posix() for p in target.rglob("*") if p.is_file()} == {
        "1/model.onnx",
        "config.pbtxt",
        "labels.txt",
        "model.yaml",
    }
    assert (target / "labels.txt").read_text() == 'a "b"\nc d\n'
    said = parse_message(text_of(target / "config.pbtxt"), target / "config.pbtxt")
    assert (said.text("name"), said.text("platform"), said.whole("max_batch_size")) == ("street", "onnxruntime_onnx", 0)
    assert said.message("input").wholes("dims") == (1, 3, 640, 640)
    again = identify(ModelConfig(path=str(target)))
    for key in ("name", "task", "head", "head_options", "thresholds", "labels", "inputs", "outputs"):
        assert getattr(again.spec, key) == getattr(found.spec, key), key


def test_the_config_alone_is_enough_for_the_rest(tmp_path: Path) -> None:
    found = a_model(tmp_path)
    target = tmp_path / "street"
    write_triton(found.spec, found.weights, target)
    (target / "model.yaml").unlink()
    again = identify(ModelConfig(path=str(target)))
    assert (again.spec.name, again.spec.labels) == ("street", ('a "b"', "c d"))


def test_the_servers_own_schema_reads_the_config(tmp_path: Path) -> None:
    schema = pytest.importorskip("tritonclient.grpc.model_config_pb2", reason="tritonclient is not installed")
    from google.protobuf import text_format

    found = a_model(tmp_path)
    target = tmp_path / "street"
    write_triton(found.spec, found.weights, target)
    said = text_format.Parse((target / "config.pbtxt").read_text(), schema.ModelConfig())
    assert list(said.input[0].dims) == [1, 3, 640, 640]


def test_weights_in_other_files_go_with_the_model(tmp_path: Path) -> None:
    path = yolov8(2).save(tmp_path / "net.onnx")
    model = onnx.load(str(path))
    onnx.save(model, str(path), save_as_external_data=True, location="net.data", size_threshold=0)
    found = identify(ModelConfig(path=str(path), labels=("a", "b")))
    target = tmp_path / "street"
    write_triton(found.spec, found.weights, target)
    assert (target / "1" / "net.data").is_file()
    assert identify(ModelConfig(path=str(target))).spec.head == "yolov8"


def test_open_axes_stay_open(tmp_path: Path) -> None:
    found = a_model(tmp_path)
    picture = found.spec.inputs[0]
    open_sided = replace(picture, tensor=replace(picture.tensor, shape=(None, 3, None, 640)))
    target = tmp_path / "street"
    write_triton(replace(found.spec, inputs=(open_sided,)), found.weights, target)
    said = parse_message(text_of(target / "config.pbtxt"), target / "config.pbtxt")
    assert said.message("input").wholes("dims") == (-1, 3, -1, 640)


def test_what_cannot_be_written_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    found = a_model(tmp_path)
    (tmp_path / "there").mkdir()
    with pytest.raises(OutputError, match="exists already"):
        write_triton(found.spec, found.weights, tmp_path / "there")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be made"):
        write_triton(found.spec, found.weights, tmp_path / "file" / "street")
    odd = replace(found.spec, outputs=(replace(found.spec.outputs[0], dtype="complex64"),))
    with pytest.raises(ModelError, match="no type complex64"):
        write_triton(odd, found.weights, tmp_path / "street")
    assert not (tmp_path / "street").exists()
    assert not list(tmp_path.glob(".street*"))
