"""Custom Vision exports in the shape that the service gives them, with made-up networks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from networks import Network
from onnx import TensorProto, helper

from sightline.config import ModelConfig
from sightline.errors import ModelError
from sightline.models.identify import identify
from sightline.models.importers.customvision import read
from sightline.models.importers.seam import Foreign, Imported
from sightline.types import ChannelOrder, Resize

ort.set_default_logger_severity(3)
BGR = {"Image.BitmapPixelFormat": "Bgr8", "Image.NominalPixelRange": "NominalRange_0_255"}
YOLO = {
    "CustomVision.Postprocess.Method": "Yolo",
    "CustomVision.Postprocess.Yolo.Biases": "[1.0, 2.0, 3.0, 4.0]",
    "CustomVision.Postprocess.Yolo.NmsThreshold": "0.35",
    "Image.BitmapPixelFormat": "Rgb8",
    "Image.NominalPixelRange": "Normalized_0_1",
}


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def described(folder: Path, labels: str | bytes = "apple\nbanana\n", **keys: object) -> Path:
    told = {"DomainType": "ObjectDetection", "Platform": "ONNX", "Flavor": None, "ModelFileName": "model.onnx"}
    told |= {"LabelFileName": "labels.txt", "SchemaVersion": "1.0"} | keys
    folder.mkdir(exist_ok=True)
    (folder / "cvexport.manifest").write_text(json.dumps(told))
    (folder / "labels.txt").write_bytes(labels if isinstance(labels, bytes) else labels.encode())
    return folder


def region(folder: Path, channels: int, metadata: dict[str, str] | None = None, strength: float = 1 / 255) -> None:
    net = Network((64, 64))
    net.output(net.conv(net.stem(strength=strength), channels), "model_outputs0", (1, channels, 64, 64))
    net.save(folder / "model.onnx", metadata)


def imported(folder: Path, tmp_path: Path) -> Imported:
    work = tmp_path / "work"
    work.mkdir(exist_ok=True)
    return read(Foreign("customvision", folder, folder, work, whole=True))


def test_a_detector_with_its_anchors_and_its_way_of_feeding(tmp_path: Path) -> None:
    folder = described(tmp_path / "export")
    (folder / "metadata_properties.json").write_text(json.dumps(YOLO))
    region(folder, 2 * 7, BGR)
    made = imported(folder, tmp_path)
    said = made.manifest
    assert made.weights == folder / "model.onnx"
    assert (said.head, said.task, said.labels) == ("darknet-region", "detect", ("apple", "banana"))
    assert said.head_options["anchors"] == (1.0, 2.0, 3.0, 4.0)
    # the properties file tells of the training; how the ONNX file is fed stands in itself
    assert (said.input.color, said.input.mean, said.input.scale) == (ChannelOrder.BGR, (0.0,), (1.0,))
    assert said.input.resize is Resize.STRETCH
    assert said.thresholds.nms == 0.35
    assert {p.name for p in made.sources} == {
        "cvexport.manifest",
        "metadata_properties.json",
        "labels.txt",
        "model.onnx",
    }


def test_an_older_export_without_properties_has_the_anchors_of_the_samples(tmp_path: Path) -> None:
    folder = described(tmp_path / "export")
    region(folder, 5 * 7, {"Image.BitmapPixelFormat": "Rgb8", "Image.NominalPixelRange": "Normalized_0_1"})
    made = imported(folder, tmp_path)
    assert made.manifest.head_options["anchors"] == (0.573, 0.677, 1.87, 2.06, 3.34, 5.47, 7.88, 3.53, 9.77, 9.17)
    assert (made.manifest.input.color, made.manifest.input.scale) == (ChannelOrder.RGB, (255.0,))
    assert made.warnings == ()
    found = identify(ModelConfig(path=str(folder)))
    assert found.decided
    assert (found.spec.head, found.spec.labels) == ("darknet-region", ("apple", "banana"))
    assert found.spec.inputs[0].preprocess.color is ChannelOrder.RGB


@pytest.mark.parametrize(("strength", "order", "scale"), [(1 / 255, "bgr", 1.0), (1.0, "rgb", 255.0)])
def test_lost_image_metadata_are_found_out_and_said(tmp_path: Path, strength: float, order: str, scale: float) -> None:
    folder = described(tmp_path / "export")
    region(folder, 5 * 7, strength=strength)
    made = imported(folder, tmp_path)
    assert (made.manifest.input.color, made.manifest.input.scale) == (ChannelOrder(order), (scale,))
    assert any("image metadata are gone" in line for line in made.warnings)


@pytest.mark.parametrize(
    ("labels", "kept", "words"),
    [
        ("a\nb\nc\n", ("a", "b"), "3 labels, but the model has 2 classes; the first 2"),
        ("a\n", ("a",), "1 labels, but the model has 2 classes; the last"),
        (b"\xef\xbb\xbf1 euro\r\n2 euro\r\n", ("1 euro", "2 euro"), ""),
        ("rot, gr\u00fcn\nblau\n".encode("utf-16"), ("rot, gr\u00fcn", "blau"), ""),
    ],
)
def test_labels_of_every_habit(tmp_path: Path, labels: str | bytes, kept: tuple[str, ...], words: str) -> None:
    folder = described(tmp_path / "export", labels)
    region(folder, 5 * 7, BGR)
    made = imported(folder, tmp_path)
    assert made.manifest.labels == kept
    assert any(words in line for line in made.warnings) if words else not made.warnings


def classifier(folder: Path, *, mapped: bool) -> None:
    """The scores of two classes; `mapped`: as the label and a map from name to score, as the older exports have it."""
    net = Network((32, 32))
    pooled = net.op("GlobalAveragePool", net.conv(net.stem(), 2, strength=0.5))
    scores = net.op("Softmax", net.op("Flatten", pooled), axis=1)
    if not mapped:
        net.output(scores, "model_output", (1, 2))
        net.save(folder / "model.onnx", BGR)
        return
    best = net.op("ArgMax", scores, axis=1, keepdims=0)
    names = helper.make_node("ArrayFeatureExtractor", ["names", best], ["classLabel"], domain="ai.onnx.ml")
    zipped = helper.make_node(
        "ZipMap", [scores], ["loss"], name="zip", domain="ai.onnx.ml", classlabels_strings=["dog", "cat"]
    )
    held = helper.make_tensor("names", TensorProto.STRING, [2], [b"dog", b"cat"])  # type: ignore[arg-type]
    kind = helper.make_map_type_proto(TensorProto.STRING, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
    graph = helper.make_graph(
        [*net.nodes, names, zipped],
        "old",
        net.inputs,
        [
            helper.make_tensor_value_info("classLabel", TensorProto.STRING, [1]),
            helper.make_value_info("loss", helper.make_sequence_type_proto(kind)),
        ],
        [*net.held, held],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    (folder / "model.onnx").write_bytes(model.SerializeToString())


def test_a_map_from_name_to_score_is_cut_back_to_the_scores(tmp_path: Path) -> None:
    folder = described(tmp_path / "export", DomainType="Classification", LabelFileName=None)
    (folder / "labels.txt").unlink()
    classifier(folder, mapped=True)
    made = imported(folder, tmp_path)
    assert made.weights.parent == tmp_path / "work"
    assert (made.manifest.head, made.manifest.task) == ("classify", "classify")
    assert made.manifest.labels == ("dog", "cat")
    assert "classLabel, loss" in made.changes[0]
    x = np.random.default_rng(2).random((1, 3, 32, 32), np.float32)
    before = ort.InferenceSession(str(folder / "model.onnx")).run(["loss"], {"images": x})[0]
    after = ort.InferenceSession(str(made.weights)).run(None, {"images": x})
    assert len(after) == 1
    scores = cast("list[dict[str, float]]", before)[0]
    assert np.asarray(after[0])[0].tolist() == pytest.approx([scores["dog"], scores["cat"]])
    model = onnx.load(str(made.weights))
    assert {node.op_type for node in model.graph.node}.isdisjoint({"ZipMap", "ArrayFeatureExtractor", "ArgMax"})
    assert not any(entry.domain == "ai.onnx.ml" for entry in model.opset_import)


def test_the_names_of_the_map_go_before_a_label_file_in_another_order(tmp_path: Path) -> None:
    folder = described(tmp_path / "export", "cat\ndog\n", DomainType="Classification")
    classifier(folder, mapped=True)
    assert imported(folder, tmp_path).manifest.labels == ("dog", "cat")


def test_several_labels_at_once_and_a_crop_that_the_samples_do_not_make(tmp_path: Path) -> None:
    folder = described(tmp_path / "export", DomainType="Classification")
    told = {
        "CustomVision.Postprocess.Method": "ClassificationMultiLabel",
        "CustomVision.Preprocess.CropMethod": "OneCropCenter",
    }
    (folder / "metadata_properties.json").write_text(json.dumps(told))
    classifier(folder, mapped=False)
    made = imported(folder, tmp_path)
    assert made.manifest.head_options == {"multi": True}
    assert made.manifest.input.resize is Resize.STRETCH
    assert any("OneCropCenter" in line and "--resize crop" in line for line in made.warnings)


def test_the_second_series_gives_ready_objects(tmp_path: Path) -> None:
    folder = described(tmp_path / "export")
    net = Network((64, 64))
    flat = net.op("Reshape", net.op("GlobalAveragePool", net.stem()), net.hold([1, 2, 4]))
    net.output(flat, "detected_boxes", (1, "n", 4))
    first = net.op("Gather", flat, net.hold(0), axis=2)
    net.output(net.op("Cast", first, to=TensorProto.INT64), "detected_classes", (1, "n"), "int64")
    net.output(first, "detected_scores", (1, "n"))
    net.save(folder / "model.onnx", BGR)
    said = imported(folder, tmp_path).manifest
    assert said.head == "batched-nms"
    assert said.head_options == {
        "normalized": True,
        "boxes": "detected_boxes",
        "scores": "detected_scores",
        "classes": "detected_classes",
    }
    assert identify(ModelConfig(path=str(folder))).decided


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"Platform": "CoreML", "ModelFileName": "model.mlmodel"}, "for CoreML only"),
        ({"Platform": "TensorFlow", "ModelFileName": "model.pb"}, "for TensorFlow only"),
        ({"Platform": "TensorFlow", "Flavor": "TensorFlowJs", "ModelFileName": "model.zip"}, "choose Export"),
        ({"ModelFileName": "../../etc/passwd"}, "outside its folder"),
        ({"ModelFileName": "gone.onnx"}, "missing"),
        ({"ModelFileName": "model.blob"}, "missing"),
        ({"LabelFileName": "/etc/passwd"}, "outside its folder"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_reason(tmp_path: Path, keys: dict[str, str], words: str) -> None:
    folder = described(tmp_path / "export", **keys)
    region(folder, 5 * 7, BGR)
    with pytest.raises(ModelError, match=words):
        imported(folder, tmp_path)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.one_of(st.binary(max_size=200), st.text(max_size=120).map(str.encode)), cut=st.integers(0, 300))
def test_damaged_descriptions_and_models_are_refused(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, cut: int
) -> None:
    tmp_path = tmp_path_factory.mktemp("fuzz")
    folder = described(tmp_path / "export")
    region(folder, 5 * 7, BGR)
    model = folder / "model.onnx"
    model.write_bytes(model.read_bytes()[:cut] + data)
    with pytest.raises(ModelError):
        imported(folder, tmp_path)
    (folder / "cvexport.manifest").write_bytes(b"{" + data)
    with pytest.raises(ModelError):
        imported(folder, tmp_path)


def test_the_model_inside_an_export_is_the_export(tmp_path: Path) -> None:
    folder = described(tmp_path / "export", "dog\ncat\n", DomainType="Classification")
    classifier(folder, mapped=True)
    for name in ("model.onnx", "cvexport.manifest"):
        found = identify(ModelConfig(path=str(folder / name)))
        assert (found.spec.head, found.spec.labels, found.arrived.format) == (
            "classify",
            ("dog", "cat"),
            "customvision",
        )


def test_a_bare_file_is_known_by_its_image_metadata(tmp_path: Path) -> None:
    folder = tmp_path / "bare"
    folder.mkdir()
    region(folder, 5 * 7, BGR)
    found = identify(ModelConfig(path=str(folder / "model.onnx")))
    steps = found.spec.inputs[0].preprocess
    assert (found.spec.head, found.decided) == ("darknet-region", True)
    assert (steps.color, steps.mean, steps.scale, steps.resize) == (ChannelOrder.BGR, (0.0,), (1.0,), Resize.STRETCH)


REGION = """<?xml version="1.0"?><net name="n" version="10"><layers>
<layer id="0" name="data" type="Parameter" version="opset1"><data shape="1,3,4,4" element_type="f32"/>
<output><port id="0" precision="FP32"><dim>1</dim><dim>3</dim><dim>4</dim><dim>4</dim></port></output></layer>
<layer id="1" name="w" type="Const" version="opset1"><data element_type="f32" shape="14,3,1,1" offset="0" size="168"/>
<output><port id="0" precision="FP32"><dim>14</dim><dim>3</dim><dim>1</dim><dim>1</dim></port></output></layer>
<layer id="2" name="conv" type="Convolution" version="opset1"><data strides="1,1" pads_begin="0,0" pads_end="0,0"
dilations="1,1" auto_pad="explicit"/><input><port id="0"><dim>1</dim><dim>3</dim><dim>4</dim><dim>4</dim></port>
<port id="1"><dim>14</dim><dim>3</dim><dim>1</dim><dim>1</dim></port></input>
<output><port id="2" precision="FP32"><dim>1</dim><dim>14</dim><dim>4</dim><dim>4</dim></port></output></layer>
<layer id="3" name="region" type="RegionYolo" version="opset1"><data anchors="1.0,2.0,3.0,4.0" axis="1" coords="4"
classes="2" num="2" do_softmax="1" end_axis="3" mask=""/><input><port id="0"><dim>1</dim><dim>14</dim><dim>4</dim>
<dim>4</dim></port></input><output><port id="1" precision="FP32"><dim>1</dim><dim>224</dim></port></output></layer>
<layer id="4" name="out" type="Result" version="opset1"><input><port id="0"><dim>1</dim><dim>224</dim></port></input>
</layer></layers><edges><edge from-layer="0" from-port="0" to-layer="2" to-port="0"/>
<edge from-layer="1" from-port="0" to-layer="2" to-port="1"/>
<edge from-layer="2" from-port="2" to-layer="3" to-port="0"/>
<edge from-layer="3" from-port="1" to-layer="4" to-port="0"/></edges></net>"""


def test_an_ir_is_cut_before_its_region(tmp_path: Path) -> None:
    folder = described(tmp_path / "export", Platform="OpenVino", ModelFileName="model.xml")
    weights = np.random.default_rng(3).normal(size=(14, 3)).astype(np.float32)
    (folder / "model.xml").write_text(REGION)
    (folder / "model.bin").write_bytes(weights.tobytes())
    made = imported(folder, tmp_path)
    assert made.manifest.head_options["anchors"] == (1.0, 2.0, 3.0, 4.0)
    assert (made.manifest.head, made.manifest.labels) == ("darknet-region", ("apple", "banana"))
    assert (made.manifest.input.color, made.manifest.input.scale) == (ChannelOrder.RGB, (255.0,))
    openvino = pytest.importorskip("openvino")
    core = openvino.Core()
    x = np.random.default_rng(4).random((1, 3, 4, 4), np.float32)
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    (found,) = core.compile_model(str(made.weights), "CPU", settings)(x).values()
    assert np.allclose(found[0], np.einsum("oc,chw->ohw", weights, x[0]), atol=1e-5)
    (folder / "model.xml").write_text(REGION.replace('to-layer="4"', 'to-layer="2"'))
    with pytest.raises(ModelError, match="not the last"):
        imported(folder, tmp_path)


def test_what_the_export_says_of_feeding_is_not_explained_by_another_training(tmp_path: Path) -> None:
    folder = described(tmp_path / "export")
    region(folder, 35, BGR)
    found = identify(ModelConfig(path=str(folder)))
    assert found.decided
    assert found.spec.inputs[0].preprocess.color is ChannelOrder.BGR
    assert not any("RGB" in reason for reason in found.reasons)
