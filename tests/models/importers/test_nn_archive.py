"""NN Archives: what config.json says, and what is wrong with it."""

from __future__ import annotations

import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from networks import Network, yolov8

from sightline.config import ModelConfig
from sightline.errors import ModelError
from sightline.models.identify import identify
from sightline.models.importers.nn_archive import read
from sightline.models.importers.seam import Foreign, Imported
from sightline.types import ChannelOrder, Resize


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def detection(**keys: object) -> dict[str, Any]:
    told: dict[str, Any] = {
        "postprocessor_path": None,
        "classes": ["car", "bus"],
        "n_classes": 2,
        "iou_threshold": 0.4,
        "conf_threshold": 0.3,
        "max_det": 50,
        "anchors": None,
        "subtype": "yolov8",
        "yolo_outputs": ["grid8", "grid16"],
    }
    return told | keys


def config(head: dict[str, object] | None, **steps: object) -> dict[str, Any]:
    return {
        "config_version": "1.0",
        "model": {
            "metadata": {"name": "net", "path": "net.onnx", "precision": "float32"},
            "inputs": [
                {
                    "name": "images",
                    "dtype": "float32",
                    "input_type": "image",
                    "shape": [1, 3, 32, 64],
                    "layout": "NCHW",
                    "preprocessing": steps,
                }
            ],
            "outputs": [{"name": "grid8", "dtype": "float32"}],
            "heads": None if head is None else [head],
        },
    }


def archive(folder: Path, told: dict[str, Any], channels: int = 7) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(told))
    net = Network((64, 32))
    for name, stride in (("grid8", 8), ("grid16", 16)):
        small = net.op("MaxPool", net.conv(net.stem(), channels), kernel_shape=[stride] * 2, strides=[stride] * 2)
        net.output(small, name, (1, channels, 32 // stride, 64 // stride))
    net.save(folder / "net.onnx")
    return folder


def imported(folder: Path, tmp_path: Path) -> Imported:
    work = tmp_path / "work"
    work.mkdir(exist_ok=True)
    return read(Foreign("nn-archive", folder, folder, work, whole=True))


def refusal(folder: Path, tmp_path: Path) -> str:
    """What the importer has against the archive; "" for nothing."""
    try:
        imported(folder, tmp_path)
    except ModelError as error:
        return str(error)
    return ""


def head(parser: str = "YOLO", **metadata: object) -> dict[str, object]:
    return {"name": None, "parser": parser, "metadata": metadata, "outputs": ["grid8", "grid16"]}


def test_a_detector_of_the_oak_tools(tmp_path: Path) -> None:
    told = config(
        head(**detection()), mean=[0, 0, 0], scale=[255, 255, 255], dai_type="RGB888p", resize_mode="LETTERBOX"
    )
    said = imported(archive(tmp_path / "a", told), tmp_path).manifest
    assert (said.name, said.head, said.task, said.labels) == ("net", "yolo-grids", "detect", ("car", "bus"))
    assert said.head_options == {}
    assert (said.thresholds.score, said.thresholds.nms, said.thresholds.top) == (0.3, 0.4, 50)
    assert (said.input.color, said.input.mean, said.input.scale) == (ChannelOrder.RGB, (0.0,), (255.0,))
    assert (said.input.size, said.input.resize) == ((64, 32), Resize.LETTERBOX)
    found = identify(ModelConfig(path=str(tmp_path / "a")))
    assert found.decided
    assert found.spec.head == "yolo-grids"


@pytest.mark.parametrize(
    ("steps", "color", "mean", "scale"),
    [
        ({"dai_type": "BGR888p", "mean": [1, 2, 3], "scale": [4, 5, 6]}, "bgr", (1.0, 2.0, 3.0), (4.0, 5.0, 6.0)),
        ({"reverse_channels": True}, "rgb", None, None),
        ({"reverse_channels": False}, "bgr", None, None),
        # where both are given the newer one counts
        ({"reverse_channels": False, "dai_type": "RGB888i"}, "rgb", None, None),
        ({"dai_type": "RGBF16F16F16p"}, "rgb", None, None),
        ({}, None, None, None),
    ],
)
def test_how_pictures_go_in(
    tmp_path: Path, steps: dict[str, object], color: str | None, mean: object, scale: object
) -> None:
    said = imported(archive(tmp_path / "a", config(None, **steps)), tmp_path).manifest.input
    assert said.color == (None if color is None else ChannelOrder(color))
    assert (said.mean, said.scale) == (mean, scale)


@pytest.mark.parametrize(("subtype", "box"), [("yolov6r1", "centre"), ("yolov6r2", None), ("yolov11", None)])
def test_subtypes_without_anchors(tmp_path: Path, subtype: str, box: str | None) -> None:
    told = config(head(**detection(subtype=subtype)))
    assert imported(archive(tmp_path / "a", told), tmp_path).manifest.head_options.get("box") == box


@pytest.mark.parametrize(("subtype", "exponential"), [("yolov5", None), ("yolov7", None), ("yolov3", True)])
def test_anchors_go_to_the_finest_grid_first(tmp_path: Path, subtype: str, exponential: bool | None) -> None:
    anchors = [[[90, 80], [70, 60]], [[10, 20], [30, 40]]]
    told = config(head("YOLOExtendedParser", **detection(subtype=subtype, anchors=anchors)))
    said = imported(archive(tmp_path / "a", told, channels=14), tmp_path).manifest
    assert said.head == "yolov5"
    assert said.head_options["anchors"] == ((10.0, 20.0, 30.0, 40.0), (90.0, 80.0, 70.0, 60.0))
    assert said.head_options.get("wh_exp") == exponential


def test_keypoints_and_masks_beside_the_grids(tmp_path: Path) -> None:
    folder = archive(tmp_path / "a", config(head(**detection(yolo_outputs=["grid8"], keypoints_outputs=["grid16"]))))
    said = imported(folder, tmp_path).manifest
    assert (said.task, said.head_options) == ("pose", {"grids": ("grid8",), "keypoints": ("grid16",)})
    metadata = detection(yolo_outputs=["grid8"], mask_outputs=["m8"], protos_outputs="grid16", n_prototypes=7)
    said = imported(archive(tmp_path / "b", config(head(**metadata))), tmp_path).manifest
    assert said.task == "segment"
    assert said.head_options == {"grids": ("grid8",), "masks": ("m8",), "prototypes": "grid16"}


@pytest.mark.parametrize(
    ("parser", "metadata", "name", "task"),
    [
        ("ClassificationParser", {"classes": ["a"], "n_classes": 1, "is_softmax": False}, "classify", "classify"),
        ("SegmentationParser", {"classes": ["a"], "n_classes": 1}, "semantic", "semantic"),
        ("EmbeddingsParser", {}, "embed", "embed"),
        ("SCRFDParser", {"conf_threshold": 0.5}, "scrfd", "detect"),
    ],
)
def test_other_parsers(tmp_path: Path, parser: str, metadata: dict[str, object], name: str, task: str) -> None:
    said = imported(archive(tmp_path / "a", config(head(parser, **metadata))), tmp_path).manifest
    assert (said.head, said.task) == (name, task)


def test_parsers_without_a_counterpart_are_named(tmp_path: Path) -> None:
    told = config(head("XFeatMonoParser"))
    told["model"]["heads"].append(head(**detection()))
    made = imported(archive(tmp_path / "a", told), tmp_path)
    assert made.manifest.head == "yolo-grids"
    assert any("not XFeatMonoParser" in line for line in made.warnings)
    made = imported(archive(tmp_path / "b", config(head("ImageOutputParser"))), tmp_path)
    assert made.manifest.head is None
    assert any("ImageOutputParser has no counterpart" in line for line in made.warnings)


@pytest.mark.parametrize("heads", [None, []])
def test_an_archive_without_heads_is_told_by_its_graph(tmp_path: Path, heads: object) -> None:
    told = config(None, dai_type="RGB888p")
    told["model"]["heads"] = heads
    told["model"]["inputs"][0]["shape"] = [1, 3, 640, 640]
    folder = tmp_path / "a"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(told))
    yolov8(3).save(folder / "net.onnx")
    found = identify(ModelConfig(path=str(folder), labels=("a", "b", "c")))
    assert (found.spec.head, found.decided) == ("yolov8", True)


def test_a_plain_tar_in_spite_of_its_name(tmp_path: Path) -> None:
    folder = archive(tmp_path / "a", config(head(**detection())))
    packed = tmp_path / "net.rvc2.tar.xz"
    with tarfile.open(packed, "w:") as file:
        for name in ("config.json", "net.onnx"):
            file.add(folder / name, name)
    assert identify(ModelConfig(path=str(packed))).spec.labels == ("car", "bus")


def test_the_older_json_beside_a_model(tmp_path: Path) -> None:
    folder = archive(tmp_path / "a", {}, channels=14)
    (folder / "config.json").unlink()
    told = {
        "nn_config": {
            "output_format": "detection",
            "NN_family": "YOLO",
            "input_size": "64x32",
            "NN_specific_metadata": {
                "classes": 2,
                "coordinates": 4,
                "anchors": [10, 20, 30, 40, 90, 80, 70, 60],
                "anchor_masks": {"side8": [0, 1], "side4": [2, 3]},
                "iou_threshold": 0.5,
                "confidence_threshold": 0.6,
            },
        },
        "mappings": {"labels": ["x", "y"]},
    }
    path = folder / "net.json"
    path.write_text(json.dumps(told))
    work = tmp_path / "work"
    work.mkdir()
    said = read(Foreign("nn-archive", path, folder, work)).manifest
    assert (said.head, said.labels, said.thresholds.score) == ("yolov5", ("x", "y"), 0.6)
    assert said.head_options["anchors"] == ((10.0, 20.0, 30.0, 40.0), (90.0, 80.0, 70.0, 60.0))
    assert said.input.size == (64, 32)
    assert identify(ModelConfig(path=str(path))).spec.head == "yolov5"


def change(told: dict[str, Any], where: str, value: object) -> dict[str, Any]:
    held: Any = told
    *steps, last = where.split("/")
    for step in steps:
        held = held[int(step) if step.isdigit() else step]
    held[int(last) if last.isdigit() else last] = value
    return told


@pytest.mark.parametrize(
    ("where", "value", "words"),
    [
        ("model/metadata/path", "net.superblob", "compiled for one device.*ONNX"),
        ("model/metadata/path", "net.dlc", "compiled for one device"),
        ("model/metadata/path", "../../etc/passwd", "outside its folder"),
        ("model/metadata/path", "gone.onnx", "missing"),
        ("model/metadata", None, "metadata is missing"),
        ("model/inputs", [], "model.inputs is missing"),
        ("model/inputs/0/name", "data", "belongs to another model"),
        ("model/inputs/0/shape", [1, 3, 99, 64], "the model's is"),
        ("model/inputs/0/input_type", "raw", "none of input_type image"),
        ("model/inputs/0/preprocessing", {"scale": [0, 0, 0]}, "scale holds 0"),
        ("model/inputs/0/preprocessing", {"dai_type": "YUV"}, "dai_type 'YUV'"),
        ("model/inputs/0/preprocessing", {"mean": ["a"]}, "preprocessing.mean"),
        ("model/inputs/0/preprocessing", {"resize_mode": "SQUEEZE"}, "resize_mode"),
        ("model/heads/0/outputs", ["other"], "reads output 'other'"),
        ("model/heads/0/metadata/conf_threshold", 7, "from 0 to 1"),
        ("model/heads/0/metadata/anchors", [[[1, 2, 3]]], "anchors"),
        ("model/heads/0/metadata/classes", ["a", "b", "c"], "3 classes and 1 boxes a cell make 8 channels"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, where: str, value: object, words: str) -> None:
    folder = archive(tmp_path / "a", change(config(head(**detection())), where, value))
    with pytest.raises(ModelError, match=words):
        imported(folder, tmp_path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    where=st.sampled_from(
        [
            "model", "model/metadata", "model/metadata/path", "model/inputs", "model/inputs/0", "model/inputs/0/shape",
            "model/inputs/0/layout", "model/inputs/0/preprocessing", "model/heads", "model/heads/0",
            "model/heads/0/parser", "model/heads/0/outputs", "model/heads/0/metadata", "model/heads/0/metadata/anchors",
            "model/heads/0/metadata/yolo_outputs", "model/heads/0/metadata/subtype", "model/heads/0/metadata/classes",
        ]
    ),
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
        max_leaves=6,
    ),
)  # fmt: skip
def test_anything_in_the_description_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, where: str, value: object
) -> None:
    tmp_path = tmp_path_factory.mktemp("fuzz")
    folder = archive(tmp_path / "a", change(config(head(**detection())), where, value))
    said = refusal(folder, tmp_path)
    assert not said or "config.json" in said or "net.onnx" in said


ASSETS = os.environ.get("SIGHTLINE_ASSETS", "")


@pytest.mark.skipif(not ASSETS, reason="SIGHTLINE_ASSETS names no folder of real models")
@pytest.mark.parametrize("name", ["nn-archive-edge/edge.rvc2.tar.xz", "nn-archive-edge/edge.rvc4.tar.xz",
                                  "nn-archive-person-0013/person-detection-retail-0013.rvc2.tar.xz"])  # fmt: skip
def test_real_archives_of_compiled_networks_are_refused_with_what_to_take(name: str) -> None:
    with pytest.raises(ModelError, match=r"compiled for one device; take the ONNX variant"):
        identify(ModelConfig(path=str(Path(ASSETS) / "models" / name)))
