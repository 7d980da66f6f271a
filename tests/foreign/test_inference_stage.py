"""What a model's own file names, and where the user says that it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from sightline.foreign.inference_stage import inference_stage
from sightline.foreign.mapping import Mapping
from sightline.foreign.places import Places

INSTALLED = "/opt/nvidia/deepstream/deepstream-6.1/samples/models/Cars"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "cfg" / "pgie.txt"
    path.parent.mkdir()
    path.write_text(
        f"[property]\nonnx-file=../here.onnx\nmodel-file={INSTALLED}/net.caffemodel\n"
        f'labelfile-path="{INSTALLED}/labels.txt"\nint8-calib-file={INSTALLED}/cal.bin\ngie-unique-id=1\n'
    )
    (tmp_path / "here.onnx").touch()
    return path


def test_what_lies_below_the_root_is_found_and_its_labels_are_read(config: Path, tmp_path: Path) -> None:
    cars = tmp_path / "ds" / "samples" / "models" / "Cars"
    cars.mkdir(parents=True)
    (cars / "labels.txt").write_text("car\nbike\n")
    stage = inference_stage(config, Places(Mapping(root=str(tmp_path / "ds"))))
    assert stage.files == {f"{INSTALLED}/labels.txt": str(cars / "labels.txt")}
    assert stage.labels == ("car", "bike")


def test_a_pair_says_where_one_file_is(config: Path, tmp_path: Path) -> None:
    net = tmp_path / "net.onnx"
    net.touch()
    pairs = ((f"{INSTALLED}/net.caffemodel", str(net)), (f"{INSTALLED}/cal.bin", str(tmp_path / "missing")))
    assert inference_stage(config, Places(Mapping(pairs))).files == {f"{INSTALLED}/net.caffemodel": str(net)}


def test_what_is_where_the_file_says_is_left_alone(config: Path) -> None:
    assert inference_stage(config, Places()).files == {}
    assert inference_stage(config).files == {}


def test_the_user_s_words_count_from_where_the_user_is(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    cars = Path("ds", "samples", "models", "Cars")
    cars.mkdir(parents=True)
    (cars / "labels.txt").write_text("car\n")
    (cars / "net.onnx").touch()
    pair = (f"{INSTALLED}/net.caffemodel", str(cars / "net.onnx"))
    assert inference_stage(config, Places(Mapping((pair,), "ds"))).files == {
        f"{INSTALLED}/labels.txt": str(tmp_path / cars / "labels.txt"),
        f"{INSTALLED}/net.caffemodel": str(tmp_path / cars / "net.onnx"),
    }
