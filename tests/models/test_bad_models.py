"""Damaged and hostile files of every format: one error that names the file, nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import yaml
from onnx import TensorProto, helper, numpy_helper

from sightline.config import ModelConfig
from sightline.errors import ConfigError, ModelError, SightlineError
from sightline.models.arrival import arrive
from sightline.models.identify import identify_arrived
from sightline.models.labels import parse_labels
from sightline.models.manifest import load_manifest
from sightline.models.sidefiles import read_label_file


def _classifier() -> onnx.ModelProto:
    weights = numpy_helper.from_array(np.ones((4, 3, 3, 3), np.float32), "weights")
    graph = helper.make_graph(
        [
            helper.make_node("Conv", ["x", "weights"], ["c"], "conv"),
            helper.make_node("GlobalAveragePool", ["c"], ["p"], "pool"),
            helper.make_node("Flatten", ["p"], ["y"], "flat"),
        ],
        "net",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 32, 32])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])],
        [weights],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def _outside(model: onnx.ModelProto) -> None:
    tensor = TensorProto(name="k", data_type=TensorProto.FLOAT, dims=[1], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="../secret.bin")
    model.graph.node.insert(0, helper.make_node("Constant", [], ["k"], value=tensor))


def _opset(model: onnx.ModelProto) -> None:
    model.opset_import[0].version = 2**40  # OpenVINO counts up to it


def _negative(model: onnx.ModelProto) -> None:
    model.graph.initializer[0].dims[0] = -4


@pytest.mark.parametrize(
    ("damage", "said"), [(_outside, "outside its folder"), (_opset, "opset"), (_negative, "'weights'")]
)
def test_onnx_fields_beyond_sense(damage: Callable[[onnx.ModelProto], None], said: str, tmp_path: Path) -> None:
    model = _classifier()
    damage(model)
    path = tmp_path / "m.onnx"
    path.write_bytes(model.SerializeToString())
    _refused(path, said)


@pytest.mark.parametrize("word", [b"conv", b"weights", b"Flatten"])
def test_onnx_names_that_are_no_text(word: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(_classifier().SerializeToString().replace(word, b"\xff" * len(word)))
    _refused(path, "no text")


def _refused(path: Path, said: str) -> None:
    with pytest.raises(SightlineError, match="(?s)" + said) as caught:
        identify_arrived(arrive(path), ModelConfig(path=str(path)))
    assert path.name in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 2
    assert caught.value.exit_code == 2


_BEYOND = [
    ("l.json", b"[" * 100_000, "nested"),
    ("l.json", b"[" + b"9" * 10_000 + b"]", "numbered"),
    ("l.yaml", b"[" * 5_000, "nested"),
    ("l.yaml", b"names: [2020-99-99]", "beyond"),
    ("l.yaml", b"&a {names: *a}", "nested"),
    ("l.csv", b'"' + b"x" * 300_000 + b'"\n', "not CSV"),
    ("l.txt", b"name\n" * 900_000, "more than 4 MB"),
]


@pytest.mark.parametrize(("name", "data", "said"), _BEYOND, ids=range(len(_BEYOND)))
def test_label_files_beyond_limits(name: str, data: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ModelError, match=said) as caught:
        read_label_file(tmp_path / name)
    assert name in str(caught.value)


def test_a_label_file_is_a_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="a device"):
        read_label_file(Path("/dev/zero"))
    with pytest.raises(ModelError, match="a folder"):
        read_label_file(tmp_path)


def test_digits_of_other_kinds_are_no_ids() -> None:
    assert parse_labels('{"\u00b2": "x"}', "l.json").names == ()


def _bomb() -> str:
    rows = ["metrics:", "  a: &a [x, x, x, x, x, x, x, x, x]"]
    for mine, other in zip("bcdefgh", "abcdefg", strict=True):
        rows.append(f"  {mine}: &{mine} [{', '.join([f'*{other}'] * 9)}]")
    return "\n".join(rows)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (_bomb(), "aliases of aliases"),
        ("metrics: &a {a: *a}", "circling"),
        ("labels: " + "[" * 3000, "nested"),
        ("name: 2020-99-99", "month"),
        ("version: " + "9" * 10_000, "4300 digits"),
    ],
    ids=["bomb", "circle", "deep", "date", "number"],
)
def test_manifests_beyond_limits(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "model.yaml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=said) as caught:
        load_manifest(path)
    assert "model.yaml" in str(caught.value)


def _bundle(folder: Path, **said: object) -> Path:
    folder.mkdir()
    onnx.save(_classifier(), str(folder / "m.onnx"))
    (folder / "model.yaml").write_text(yaml.safe_dump({"weights": "m.onnx", **said}), "utf-8")
    return folder / "model.yaml"


@pytest.mark.parametrize(
    "said",
    [
        {"weights": "a\0b"},
        {"files": {"a\0b": "0"}},
        {"files": {"a" * 5000: "0"}},
        {"weights": "../m.onnx"},
        {"samples": ["../../escaped.png"]},
        {"samples": ["samples/ghost.png"]},
        {"input": {"size": [-3, 4]}},
        {"input": {"size": [999_999_999, 4]}},
    ],
    ids=range(8),
)
def test_bundles_that_name_what_they_may_not(said: dict[str, object], tmp_path: Path) -> None:
    _refused(_bundle(tmp_path / "bundle", **said), "model.yaml")


@pytest.mark.parametrize("location", ["a\0b", "x" * 3000], ids=["zero", "long"])
def test_external_weights_of_impossible_names(location: str, tmp_path: Path) -> None:
    model = _classifier()
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    path = tmp_path / "m.onnx"
    path.write_bytes(model.SerializeToString())
    _refused(path, "damaged")


def test_a_pipe_is_no_model(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "m.onnx")
    _refused(tmp_path / "m.onnx", "a pipe")


def test_a_damaged_archive_description_is_not_passed_over(tmp_path: Path) -> None:
    onnx.save(_classifier(), str(tmp_path / "m.onnx"))
    (tmp_path / "config.json").write_text('{"config_version": "1.0", "model": {"metadata": {"name"', "utf-8")
    with pytest.raises(ModelError, match=r"config\.json"):
        arrive(tmp_path)


def test_a_cache_entry_that_was_changed_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    cfg = tmp_path / "n.cfg"
    cfg.write_text(
        "[net]\nwidth=32\nheight=32\nchannels=3\n[convolutional]\nfilters=18\nsize=3\nstride=16\npad=1\n"
        "activation=linear\n[yolo]\nmask=0,1,2\nanchors=1,1,2,2,3,3\nclasses=1\nnum=3\n"
    )
    weights = np.ones(18 + 18 * 27, np.float32)
    (tmp_path / "n.weights").write_bytes(np.array([0, 2, 0, 0, 0], np.int32).tobytes() + weights.tobytes())
    made = arrive(cfg).located.weights
    whole = made.read_bytes()
    made.write_bytes(whole[:-9])
    assert arrive(cfg).located.weights.read_bytes() == whole


@pytest.mark.parametrize("said", [{"mean": [float("nan")]}, {"scale": [float("inf")]}])
def test_manifests_of_numbers_that_are_none(said: dict[str, object], tmp_path: Path) -> None:
    _refused(_bundle(tmp_path / "bundle", input=said), "finite")
