"""Models of a Triton repository: which file is served, what config.pbtxt says of it, and what does not fit."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from networks import yolov8

from sightline.config import ModelConfig
from sightline.errors import ModelError, UsageError
from sightline.foreign.protobuf_text import parse_message
from sightline.models.identify import identify
from sightline.models.importers.contents import text_of
from sightline.models.importers.seam import Foreign, Imported
from sightline.models.importers.triton import read

CONFIG = """
name: "street"
platform: "onnxruntime_onnx"
max_batch_size: 0
input [ { name: "images" data_type: TYPE_FP32 format: FORMAT_NONE dims: [1, 3, 640, 640] } ]
output { name: "output0" data_type: TYPE_FP32 dims: 1 dims: 6 dims: -1 label_filename: "names.txt" }
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def model(folder: Path, config: str = CONFIG, versions: tuple[str, ...] = ("1",), file: str = "model.onnx") -> Path:
    folder.mkdir(parents=True)
    (folder / "config.pbtxt").write_text(config)
    (folder / "names.txt").write_text("car\nbus\n")
    for version in versions:
        (folder / version).mkdir()
        yolov8(2).save(folder / version / file)
    return folder


def imported(folder: Path, tmp_path: Path) -> Imported:
    work = tmp_path / "work"
    work.mkdir(exist_ok=True)
    return read(Foreign("triton", folder, folder, work, whole=True))


def refusal(path: Path) -> str:
    """What the reader has against the file; "" for nothing."""
    try:
        parse_message(text_of(path), path)
    except ModelError as error:
        return str(error)
    return ""


def test_a_model_with_its_labels(tmp_path: Path) -> None:
    folder = model(tmp_path / "street", versions=("1", "3", "20"))
    made = imported(folder, tmp_path)
    assert made.weights == folder / "20" / "model.onnx"
    assert (made.manifest.name, made.manifest.version, made.manifest.labels) == ("street", "20", ("car", "bus"))
    found = identify(ModelConfig(path=str(folder)))
    assert (found.spec.head, found.decided, found.spec.labels) == ("yolov8", True, ("car", "bus"))


def test_a_version_policy_is_kept(tmp_path: Path) -> None:
    config = CONFIG + "version_policy: { specific: { versions: [1, 3] } }"
    folder = model(tmp_path / "street", config, versions=("1", "3", "20"))
    assert imported(folder, tmp_path).manifest.version == "3"
    (tmp_path / "b").mkdir()
    gone = model(tmp_path / "b" / "street", config, versions=("20",))
    with pytest.raises(ModelError, match="asks for 1, 3; there are 20"):
        imported(gone, tmp_path)


def test_a_batch_axis_that_the_config_leaves_out(tmp_path: Path) -> None:
    config = (
        CONFIG.replace("max_batch_size: 0", "max_batch_size: 8")
        .replace("[1, 3, 640", "[3, 640")
        .replace("dims: 1 ", "")
    )
    assert imported(model(tmp_path / "street", config), tmp_path).manifest.input.size == (640, 640)


def test_the_onnx_file_beside_an_engine_is_read(tmp_path: Path) -> None:
    folder = model(tmp_path / "street", CONFIG.replace("onnxruntime_onnx", "tensorrt_plan"), file="street.onnx")
    (folder / "1" / "model.plan").write_bytes(b"engine")
    made = imported(folder, tmp_path)
    assert made.weights.name == "street.onnx"
    assert made.warnings == ("street: model.plan does not run here; street.onnx is read",)


def test_a_repository_with_one_model_that_runs(tmp_path: Path) -> None:
    folder = model(tmp_path / "repo" / "street").parent
    (folder / "all").mkdir()
    step = 'ensemble_scheduling { step [ { model_name: "pre" model_version: -1 }, { model_name: "street" } ] }'
    (folder / "all" / "config.pbtxt").write_text(f'name: "all" platform: "ensemble" {step}')
    made = imported(folder, tmp_path)
    assert made.weights == folder / "street" / "1" / "model.onnx"
    assert any("passed over: all" in line for line in made.warnings)
    with pytest.raises(ModelError, match="an ensemble of pre, street"):
        imported(folder / "all", tmp_path)
    model(folder / "other")
    with pytest.raises(UsageError, match=r"holds 2 models \(other, street\)"):
        imported(folder, tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("onnxruntime_onnx", "tensorrt_plan", "TensorRT engine runs on the GPU"),
        ("onnxruntime_onnx", "tensorflow_savedmodel", "tf2onnx"),
        ("onnxruntime_onnx", "python", "a program, which is not run"),
        ("onnxruntime_onnx", "pytorch_libtorch", "torch.onnx.export"),
    ],
)
def test_what_does_not_run_here_is_said_with_its_cure(tmp_path: Path, old: str, new: str, words: str) -> None:
    folder = model(tmp_path / "street", CONFIG.replace(old, new))
    (folder / "1" / "model.onnx").unlink()
    (folder / "1" / "model.x").write_bytes(b"?")
    with pytest.raises(ModelError, match=words):
        imported(folder, tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"images"', '"data"', "input 'data' is none of the model's: images"),
        ("640, 640", "640, 320", r"has dims \[1, 3, 640, 320\], the model's are \[1, 3, 640, 640\]"),
        ('"names.txt"', '"../../etc/passwd"', "outside its folder"),
        ('"names.txt"', '"gone.txt"', "missing"),
        ("dims: [1, 3", "dims: [1 3 {", "expected a value|expected the name"),
        ("max_batch_size: 0", "max_batch_size: many", "should hold whole numbers"),
        ("output {", "output: 7 x {", "should be a block"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, old: str, new: str, words: str) -> None:
    with pytest.raises(ModelError, match=words) as caught:
        imported(model(tmp_path / "street", CONFIG.replace(old, new)), tmp_path)
    assert "config.pbtxt" in str(caught.value)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_configs_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    text = CONFIG
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(at, min(len(text), at + 12)))
        text = text[:at] + data.draw(st.text(alphabet='{}[]<>:,;"\\#x0-9. \n', max_size=6)) + text[end:]
    path = tmp_path_factory.mktemp("fuzz") / "config.pbtxt"
    path.write_text(text)
    assert refusal(path).startswith(str(path)) or not refusal(path)


def test_every_way_of_writing_values(tmp_path: Path) -> None:
    path = tmp_path / "t"
    text = """# a remark
    a: 1, b: -2.5e3f; c: 0x1F d: "one" 'two' e: TRUE f [ 1, 2, ] g < h: 'it\\'s \\x41\\101' > g { i: inf j: -3 }
    [ext.name]: 4 k: [ "x", "y" ] l: "\\303\\244"
    """
    said = parse_message(text, path)
    assert (said.whole("a"), said.number("b"), said.whole("c"), said.text("d")) == (1, -2500.0, 31, "onetwo")
    assert (said.flag("e"), said.wholes("f"), said.texts("k")) == (True, (1, 2), ("x", "y"))
    first, last = said.messages("g")
    assert (first.text("h"), last.number("i"), last.whole("j")) == ("it's AA", float("inf"), -3)
    assert said.text("l") == "\u00e4"
    assert last.where == f"{path}:2"


def test_blocks_nested_without_end_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nested deeper"):
        parse_message("a {" * 5000, tmp_path / "t")


ASSETS = os.environ.get("SIGHTLINE_ASSETS", "")


@pytest.mark.skipif(not ASSETS, reason="SIGHTLINE_ASSETS names no folder of real files")
def test_every_real_config_parses() -> None:
    found = sorted((Path(ASSETS) / "deepstream-configs").rglob("*config.pbtxt"))
    assert len(found) > 30
    for path in found:
        said = parse_message(text_of(path), path)
        assert said.text("name")
        assert said.messages("input")[0].wholes("dims")


def test_a_folder_of_versions_alone_is_a_model_whose_file_says_it_all(tmp_path: Path) -> None:
    folder = model(tmp_path / "street", versions=("1", "2"))
    (folder / "config.pbtxt").unlink()
    made = imported(folder, tmp_path)
    assert made.weights == folder / "2" / "model.onnx"
    assert made.manifest.name == "street"
    assert all(source.is_file() for source in made.sources)
    with pytest.raises(ModelError, match=r"no config\.pbtxt"):
        imported(folder / "2", tmp_path)
