"""`sightline convert` as a user runs it: what is written runs and agrees; what does not agree is not written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from commands import MODEL, sightline_command

SCENE = "synthetic://street?seed=5&seconds=10"
FEW = ["--calibrate", SCENE, "--frames", "10"]


def manifest(bundle: Path) -> dict[str, object]:
    return yaml.safe_load((bundle / "model.yaml").read_text("utf-8"))


def objects(model: object, cwd: Path, *words: str) -> int:
    ran = sightline_command("run", model, SCENE, "--limit", "5f", "--results", "-", "-q", *words, cwd=cwd)
    assert ran.code == 0, ran.text
    return sum(len(line.get("objects", ())) for line in map(json.loads, ran.out.splitlines()))


@pytest.mark.parametrize("to", ["openvino", "fp16"])
def test_an_ir_that_runs_and_says_what_was_done(tmp_path: Path, to: str) -> None:
    said = sightline_command("convert", MODEL, "--to", to, "-o", "out", *FEW, "--json", cwd=tmp_path)
    assert said.code == 0, said.text
    report = json.loads(said.out)
    assert report["passed"]
    assert report["agreement"] >= 0.99
    assert report["written"] == "out"
    told = manifest(tmp_path / "out")
    assert told["changes"] == ["written as OpenVINO IR" + (" with 16-bit weights" if to == "fp16" else "")]
    assert told["licence"] == "Apache-2.0"
    assert isinstance(told["metrics"], dict)
    assert told["metrics"]["certificate"]["agreement"] == report["agreement"]
    assert told["metrics"]["map50"] == 0.945
    assert objects("out", tmp_path) == objects(MODEL, tmp_path) > 0
    weights = (tmp_path / "out" / "street.bin").stat().st_size
    assert weights < 1_000_000 if to == "fp16" else weights > 1_500_000


@pytest.mark.parametrize("by", ["onnx", "nncf"])
def test_eight_bits_by_either_quantiser(tmp_path: Path, by: str) -> None:
    if by == "nncf":
        pytest.importorskip("nncf", reason="sightline[quantize] is not installed")
    words = ["--to", "int8", "--by", by, "-o", "small.sightline", *FEW, "--demand", "0.7", "--json"]
    said = sightline_command("convert", MODEL, *words, cwd=tmp_path, timeout_s=120)
    assert said.code == 0, said.text
    assert json.loads(said.out)["agreement"] >= 0.7
    assert (tmp_path / "small.sightline").stat().st_size < 1_500_000
    assert "layers in 8 bits" in said.err
    assert objects("small.sightline", tmp_path) > 0


@pytest.mark.parametrize(
    ("to", "target"), [("nnarchive", "street.tar.xz"), ("triton", "repository"), ("onnx", "plain")]
)
def test_other_peoples_forms_come_back_in(tmp_path: Path, to: str, target: str) -> None:
    said = sightline_command("convert", MODEL, "--to", to, "-o", target, *FEW, cwd=tmp_path)
    assert said.code == 0, said.text
    assert f"written         {target}" in said.out
    assert [entry.name for entry in tmp_path.iterdir()] == [target]
    assert objects(target, tmp_path) == objects(MODEL, tmp_path) > 0


def test_preprocessing_goes_into_the_graph(tmp_path: Path) -> None:
    words = ["--to", "openvino", "--inside", "--reverse-input-channels", "--layout", "NHWC", "-o", "in"]
    said = sightline_command("convert", MODEL, *words, *FEW, cwd=tmp_path)
    assert said.code == 0, said.text
    told = manifest(tmp_path / "in")["input"]
    assert isinstance(told, dict)
    assert (told["color"], told["mean"], told["scale"]) == ("bgr", [0.0], [1.0])
    report = json.loads(sightline_command("inspect", "in", "--json", cwd=tmp_path).out)
    assert report["inputs"][0]["dtype"] == "uint8"
    assert report["inputs"][0]["layout"] == "NHWC"
    assert objects("in", tmp_path, "--precision", "f32") == objects(MODEL, tmp_path, "--precision", "f32")


def test_the_wrong_mean_and_scale_are_warned_of_and_refused(tmp_path: Path) -> None:
    words = ["--to", "openvino", "--mean-values", "127.5", "--scale-values", "255", "-o", "out"]
    said = sightline_command("convert", MODEL, *words, *FEW, cwd=tmp_path)
    assert said.code == 1, said.text
    assert "-0.5..0.5" in said.out
    assert "trained with mean 0 and scale 255" in said.out
    assert "not written: agreement" in said.err
    assert list(tmp_path.iterdir()) == []
    forced = sightline_command("convert", MODEL, *words, *FEW, "--force", cwd=tmp_path)
    assert forced.code == 0, forced.text
    assert (tmp_path / "out" / "model.yaml").is_file()


def test_the_best_form_is_remembered(tmp_path: Path) -> None:
    said = sightline_command("convert", MODEL, "--best", "-o", "best", *FEW, cwd=tmp_path, timeout_s=180)
    assert said.code == 0, said.text
    assert said.err.count("ms a frame") >= 4
    run = manifest(tmp_path / "best")["run"]
    assert isinstance(run, dict)
    assert run["runtime"] in ("openvino", "onnx")
    ran = sightline_command("run", "best", SCENE, "--limit", "2f", "--results", "-", "-q", cwd=tmp_path)
    used = json.loads(ran.out.splitlines()[0])["models"][0]["runtime"]
    assert used.startswith("onnxruntime" if run["runtime"] == "onnx" else "openvino")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "--to openvino|"),
        (["--to", "onnx", "--best"], "--to openvino|"),
        (["--to", "tflite"], "--to tflite"),
        (["--to", "int8", "--by", "me"], "--by me"),
        (["--to", "int8", "--calibrate", "none.mp4"], "none.mp4"),
        (["--to", "openvino", "--layout", "CHWN"], "--layout CHWN"),
        (["--to", "openvino", "--mean-values", "1,2"], "2 numbers"),
    ],
)
def test_bad_words(tmp_path: Path, words: list[str], told: str) -> None:
    said = sightline_command("convert", MODEL, *words, cwd=tmp_path)
    assert said.code == 2, said.text
    assert told in said.err
    assert list(tmp_path.iterdir()) == []
