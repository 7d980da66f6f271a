"""The pages of Custom Vision, NN Archive, Triton and Caffe: every command in their sh blocks is run here, in order."""

from __future__ import annotations

import json
import re
import shlex
import sys
import zipfile
from pathlib import Path

import onnx
import pytest

from sightline.cli import main
from sightline.config import ModelConfig
from sightline.models.identify import identify
from sightline.models.importers.caffe import _LAYERS
from sightline.models.forms.write_nn_archive import write_nn_archive
from sightline.models.forms.write_triton import write_triton

ROOT = Path(__file__).parents[2]
PAGES = ("customvision", "nn-archive", "triton", "caffe")
sys.path[:0] = [str(ROOT / "tests" / "models"), str(ROOT / "tests" / "models" / "importers")]
from caffe_files import SSD, caffemodel, ssd_arrays  # noqa: E402  # pyright: ignore[reportMissingImports]
from networks import Network  # noqa: E402  # pyright: ignore[reportMissingImports]


def commands(page: str) -> list[list[str]]:
    text = (ROOT / "docs" / f"{page}.md").read_text("utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [shlex.split(line) for block in blocks for line in block.splitlines() if line.strip()]


def small(folder: Path) -> Path:
    """A network of one grid that says itself how it is fed."""
    net = Network((64, 64))
    grid = net.op("MaxPool", net.conv(net.stem(strength=1 / 255), 35), kernel_shape=[32, 32], strides=[32, 32])
    net.output(grid, "model_outputs0", (1, 35, 2, 2))
    metadata = {"Image.BitmapPixelFormat": "Bgr8", "Image.NominalPixelRange": "NominalRange_0_255"}
    path = net.save(folder / "model.onnx", metadata)
    model = onnx.load(str(path))
    model.ir_version = 10  # what ONNX Runtime reads
    onnx.save(model, str(path))
    return path


def customvision(folder: Path) -> None:
    model = small(folder)
    told = {"DomainType": "ObjectDetection", "Platform": "ONNX", "ModelFileName": "model.onnx"}
    with zipfile.ZipFile(folder / "customvision.zip", "w") as archive:
        archive.write(model, "model.onnx")
        archive.writestr("cvexport.manifest", json.dumps(told | {"LabelFileName": "labels.txt"}))
        archive.writestr("labels.txt", "apple\r\nbanana\r\n")
        archive.writestr("python/predict.py", "raise SystemExit('run')")


def caffe(folder: Path) -> None:
    data = 'layer { name: "data" type: "Input" top: "data" input_param { shape { dim: 1 dim: 3 dim: 48 dim: 64 } } '
    data += "transform_param { mean_value: [104, 117, 123] } }\n"
    (folder / "deploy.prototxt").write_text(data + SSD)
    (folder / "boxes.caffemodel").write_bytes(caffemodel(ssd_arrays()))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clip")
    assert main(["demo", "--seconds", "1", "-o", str(folder), "-q"]) == 0
    return next(folder.glob("*.mp4"))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clip: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "clip.mp4").write_bytes(clip.read_bytes())
    (tmp_path / "street.jpg").write_bytes((ROOT / "docs" / "street.jpg").read_bytes())
    return tmp_path


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_the_page_work(page: str, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "made").mkdir()
    found = identify(ModelConfig(path=str(small(here / "made")), labels=("car", "bus")))
    if page == "customvision":
        customvision(here)
        (here / "model.onnx").unlink()
    elif page == "caffe":
        caffe(here)
    elif page == "triton":
        write_triton(found.spec, found.weights, here / "repository" / "street")
    else:
        write_nn_archive(found.spec, found.weights, here / "street.tar.xz")
    lines = commands(page)
    assert len(lines) == 3
    for words in lines:
        assert words[0] == "sightline"
        assert main(words[1:]) == 0, f"{words}: {capsys.readouterr().err}"
    assert (here / "seen.jpg").stat().st_size
    made = {"nn-archive": here / "again.tar.xz", "triton": here / "copies" / "street"}.get(page)
    if made is not None:
        again = identify(ModelConfig(path=str(made))).spec
        assert (again.head, again.labels, again.inputs) == (found.spec.head, found.spec.labels, found.spec.inputs)


def test_every_layer_that_is_read_stands_on_the_page() -> None:
    text = (ROOT / "docs" / "caffe.md").read_text("utf-8")
    told = set(re.findall(r"`([A-Z]\w+)`", text))
    forks = {"ConvolutionDepthwise", "DepthwiseConvolution", "ConvolutionData"}
    assert set(_LAYERS) - forks <= told
