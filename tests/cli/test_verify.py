"""`sightline verify` as a user runs it: what agrees passes, what was broken on the way does not."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import yaml
from commands import MODEL, sightline_command
from onnx import numpy_helper

ONNX = next(MODEL.glob("*.onnx"))
SCENE = "synthetic://street?seed=5&seconds=8"


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped model with a tenth of its largest layer's weights gone."""
    folder = tmp_path_factory.mktemp("broken")
    model = onnx.load(str(ONNX))
    rng = np.random.default_rng(0)
    for tensor in model.graph.initializer:
        weights = numpy_helper.to_array(tensor)
        if weights.ndim == 4 and weights.dtype == np.float32 and weights.shape[2] == 3:
            noise = rng.standard_normal(weights.shape).astype(np.float32) * weights.std() * 0.6
            tensor.CopyFrom(numpy_helper.from_array(weights + noise, tensor.name))
    onnx.save(model, str(folder / "street.onnx"))
    for side in ("model.yaml", "labels.txt"):
        (folder / side).write_bytes((MODEL / side).read_bytes())
    return folder


def test_a_model_agrees_with_itself_in_another_runtime(tmp_path: Path) -> None:
    words = ["--video", SCENE, "--frames", "6", "--precision", "f32", "--exact", "--json"]
    said = sightline_command("verify", MODEL, *words, cwd=tmp_path)
    assert said.code == 0, said.text
    report = json.loads(said.out)
    assert report["passed"] is True
    assert report["agreement"] == 1
    assert report["metrics"]["objects"] > 5
    assert report["worst"] == []
    assert report["speed"]["reference"]["runtime"].startswith("onnxruntime")
    assert report["speed"]["other"]["runtime"].startswith("openvino")
    assert max(t["most"] / t["largest"] for t in report["metrics"]["tensors"]) < 1e-3


def test_a_broken_copy_fails_and_its_worst_frames_are_shown(tmp_path: Path, broken: Path) -> None:
    words = ["--video", SCENE, "--frames", "6", "-o", "worst.png"]
    said = sightline_command("verify", MODEL, broken, *words, cwd=tmp_path)
    assert said.code == 1, said.text
    assert said.out.startswith("verdict         FAILED")
    assert "worst " in said.out
    picture = cv2.imread(str(tmp_path / "worst.png"))
    assert picture is not None
    half = picture.shape[1] // 2
    assert np.abs(picture[:, :half].astype(int) - picture[:, half : 2 * half]).max() > 60
    lax = sightline_command("verify", MODEL, broken, "--video", SCENE, "--frames", "6", "--demand", "0", cwd=tmp_path)
    assert lax.code == 0


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--frames", "0"], "--frames 0"),
        (["--demand", "1.5"], "--demand 1.5"),
        (["--video", "none.mp4"], "none.mp4"),
        (["nothing.onnx"], "nothing.onnx"),
    ],
)
def test_bad_words(tmp_path: Path, words: list[str], told: str) -> None:
    said = sightline_command("verify", MODEL, *words, cwd=tmp_path)
    assert said.code == 2, said.text
    assert told in said.err


def test_a_bundle_knows_what_to_expect_of_its_pictures(tmp_path: Path) -> None:
    drawn = sightline_command("grid", SCENE, "-o", "street.png", cwd=tmp_path)
    assert drawn.code == 0, drawn.text
    made = sightline_command("import", MODEL, "--sample", "street.png", "-o", "kept", cwd=tmp_path)
    assert made.code == 0, made.text
    said = sightline_command("verify", "kept", "--json", cwd=tmp_path)
    assert said.code == 0, said.text
    report = json.loads(said.out)
    assert report["agreement"] == 1
    assert report["metrics"]["objects"] > 0
    assert "its 1 test pictures" in report["note"]
    # as if the model said something else today than when it was packed
    expected = tmp_path / "kept" / "samples" / "street.png.json"
    record = json.loads(expected.read_text("utf-8"))
    for item in record["objects"]:
        item["class"] = (item["class"] + 1) % 3
    expected.write_text(json.dumps(record), "utf-8")
    assert "changed since the bundle was made" in sightline_command("verify", "kept", cwd=tmp_path).err
    manifest = yaml.safe_load((tmp_path / "kept" / "model.yaml").read_text("utf-8"))
    del manifest["files"]["samples/street.png.json"]
    (tmp_path / "kept" / "model.yaml").write_text(yaml.safe_dump(manifest), "utf-8")
    assert sightline_command("verify", "kept", cwd=tmp_path).code == 1
