"""DeepStream's nvinfer files: the model that they name, what they say of it, and what they get wrong."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from networks import Network, yolov8
from onnx import numpy_helper

from sightline.config import ModelConfig
from sightline.errors import ModelError, UsageError
from sightline.models.arrival import arrive
from sightline.models.identify import Identified, identify
from sightline.models.importers.nvinfer import keys_of, read
from sightline.models.importers.nvinfer_functions import likely, reads
from sightline.models.importers.seam import Foreign
from sightline.models.locate import meant
from sightline.plugins import known as known_parts
from sightline.types import Bounds, ChannelOrder, Resize

BASE = """
[property]
gpu-id=0
net-scale-factor=0.00392156862745098
onnx-file=model.onnx
model-engine-file=model.onnx_b1_gpu0_fp16.engine
labelfile-path=labels.txt
batch-size=1
network-mode=2
num-detected-classes=2
gie-unique-id=1
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def detectnet(classes: int = 2) -> Network:
    """Grids of 4 by 6 cells."""
    net = Network((96, 64))
    small = net.op("AveragePool", net.stem(), kernel_shape=[16, 16], strides=[16, 16])
    cov = net.op("Sigmoid", net.conv(small, classes))
    net.output(cov, "output_cov/Sigmoid:0", (1, classes, 4, 6))
    net.output(net.conv(small, 4 * classes), "output_bbox/BiasAdd:0", (1, 4 * classes, 4, 6))
    return net


def scores(*counts: int) -> Network:
    """A row of class scores for each of `counts`."""
    net = Network((32, 32))
    pooled = net.op("GlobalAveragePool", net.stem())
    for i, count in enumerate(counts):
        row = net.op("Softmax", net.op("Flatten", net.conv(pooled, count)))
        net.output(row, f"answer{i}", (1, count))
    return net


def put(folder: Path, text: str, net: Network | None = None, labels: bytes = b"car\r\nperson\r\n") -> Path:
    """The configuration `config.txt`, its model and its labels."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / ("config.yml" if text.lstrip().startswith(("property:", "%YAML")) else "config.txt")
    config.write_text(text)
    (folder / "labels.txt").write_bytes(labels)
    (net or detectnet()).save(folder / "model.onnx")
    return config


def known(path: Path) -> Identified:
    return identify(ModelConfig(path=str(path)))


def refused(path: Path) -> str:
    with pytest.raises(ModelError) as caught:
        known(path)
    return str(caught.value)


# -- detectors -------------------------------------------------------------------------------------------------------


def test_a_detector_of_grids_with_all_it_says(tmp_path: Path) -> None:
    text = BASE + (
        "model-color-format=1\noffsets=10;20;30\nmaintain-aspect-ratio=1\nsymmetric-padding=1\ncluster-mode=1\n"
        "output-blob-names=output_cov/Sigmoid;output_bbox/BiasAdd\ninfer-dims=3;64;96\n"
        "[class-attrs-all]\npre-cluster-threshold=0.3\neps=0.4\nminBoxes=3\ndbscan-min-score=0.7\ntopk=20\n"
        "[class-attrs-1]\npre-cluster-threshold=0.2\npost-cluster-threshold=0.6\n"
    )
    found = known(put(tmp_path, text))
    spec, steps = found.spec, found.spec.inputs[0].preprocess
    assert found.decided
    assert spec.head == "detectnet"
    assert dict(spec.head_options) == {
        "cov": "output_cov/Sigmoid:0",
        "bbox": "output_bbox/BiasAdd:0",
        "cluster": "dbscan",
        "eps": 0.4,
        "min_boxes": 3,
        "min_score": 0.7,
    }
    assert spec.labels == ("car", "person")
    assert (steps.color, steps.mean, steps.resize, steps.pad) == (ChannelOrder.BGR, (10, 20, 30), Resize.LETTERBOX, 0)
    assert steps.scale == pytest.approx((255.0,))
    limits = spec.thresholds
    assert (limits.score, limits.each, limits.top) == (0.3, 20, 40)
    assert limits.per_class == {"person": 0.6}
    assert found.warnings == ()
    assert "the nvinfer file says detectnet" in found.reasons[0]


def test_what_the_file_leaves_open_is_what_deepstream_takes(tmp_path: Path) -> None:
    text = "[property]\nonnx-file=model.onnx\ncluster-mode=2\n"
    spec = known(put(tmp_path, text)).spec
    steps = spec.inputs[0].preprocess
    assert (steps.color, steps.mean, steps.scale, steps.resize) == (ChannelOrder.RGB, (0,), (1,), Resize.STRETCH)
    assert (spec.thresholds.score, spec.thresholds.nms, spec.thresholds.each) == (0.2, 0.3, None)
    assert spec.head_options["cluster"] == "nms"


def test_padding_at_the_bottom_and_right(tmp_path: Path) -> None:
    spec = known(put(tmp_path, BASE + "maintain-aspect-ratio=1\n")).spec
    assert spec.inputs[0].preprocess.resize is Resize.LETTERBOX_TOPLEFT


@pytest.mark.parametrize(
    ("mode", "attrs", "options", "nms"),
    [
        (0, "group-threshold=1\neps=0.2\n", {"cluster": "group-rectangles", "min_boxes": 1, "eps": 0.2}, 0.3),
        (0, "eps=0.2\nnms-iou-threshold=0.9\n", {"cluster": "nms"}, 0.5),
        (2, "nms-iou-threshold=0.45\n", {"cluster": "nms"}, 0.45),
        (3, "eps=0.3\nminBoxes=2\n", {"cluster": "hybrid", "min_boxes": 2, "eps": 0.3, "min_score": 0.0}, 0.3),
        (4, "nms-iou-threshold=0.45\n", {"cluster": "none"}, 1.0),
    ],
)
def test_clustering(mode: int, attrs: str, options: dict[str, object], nms: float, tmp_path: Path) -> None:
    found = known(put(tmp_path, f"{BASE}cluster-mode={mode}\n[class-attrs-all]\n{attrs}"))
    said = {key: value for key, value in found.spec.head_options.items() if key not in ("cov", "bbox")}
    assert said == options
    assert found.spec.thresholds.nms == nms
    assert any("as DeepStream does now" in w for w in found.warnings) == (mode == 0 and "group" not in attrs)


def test_classes_that_are_left_out(tmp_path: Path) -> None:
    text = BASE + "filter-out-class-ids=0\n[class-attrs-all]\npre-cluster-threshold=0.4\n"
    assert known(put(tmp_path / "a", text)).spec.thresholds.per_class == {"car": 2.0}
    text = BASE + "[class-attrs-all]\nthreshold=1.4\n[class-attrs-1]\nthreshold=0.5\n"
    limits = known(put(tmp_path / "b", text)).spec.thresholds
    assert (limits.score, limits.per_class) == (1.0, {"car": 1.4, "person": 0.5})


def test_a_known_function_says_the_head_and_the_library_is_left_alone(tmp_path: Path) -> None:
    net = yolov8(2, (64, 64))
    text = BASE + "parse-bbox-func-name=NvDsInferParseCustomYoloV8_cuda\ncustom-lib-path=/none.so\ncluster-mode=2\n"
    found = known(put(tmp_path, text, net))
    assert (found.spec.head, found.spec.task) == ("yolov8", "detect")
    assert found.warnings == ()
    fate = next(f for f in found.arrived.keys if f.key == "custom-lib-path")
    assert (fate.status, fate.why) == (
        "ignored",
        "compiled code is never loaded; what it decodes is told by the name of the function",
    )


def test_functions_that_do_not_fit_or_that_nobody_knows(tmp_path: Path) -> None:
    net = yolov8(2, (64, 64))
    config = put(tmp_path / "a", BASE + "parse-bbox-func-name=NvDsInferParseCustomNMSTLT\n", net)
    found = known(config)
    assert found.spec.head == "yolov8"
    assert f"{config}:12: parse-bbox-func-name=NvDsInferParseCustomNMSTLT reads rows of 7" in found.warnings[0]
    found = known(put(tmp_path / "b", BASE + "parse-bbox-func-name=ourYoloThing\n", net))
    assert found.spec.head == "yolov8"
    assert "ourYoloThing: a function of a library, which is never loaded; by its name it may read" in found.warnings[0]
    assert "outputs are those of head yolov8" in found.warnings[0]


def test_deepstream_yolo_rows(tmp_path: Path) -> None:
    net = Network((64, 64))
    flat = net.op("Reshape", net.conv(net.op("MaxPool", net.stem(), kernel_shape=[8, 8], strides=[8, 8]), 6),
                  net.hold(np.array([1, 6, 64])))  # fmt: skip
    net.output(net.op("Transpose", flat, perm=[0, 2, 1]), "output", (1, 64, 6))
    found = known(put(tmp_path, BASE + "parse-bbox-func-name=NvDsInferParseYolo\ncluster-mode=4\n", net))
    assert found.spec.head in ("decoded-rows", "nms-rows", "yolo-end2end")
    assert found.decided
    assert found.spec.thresholds.nms == 1.0


def test_every_function_of_the_table_names_heads_that_exist() -> None:
    heads = set(known_parts("head"))
    names = (
        "NvDsInferParseYolo NvDsInferParseCustomDDETRTAO NvDsInferParseCustomNMSTLT "
        "NvDsInferParseCustomEfficientDetTAO "
        "NvDsInferParseCustomBatchedNMSTLT NvDsInferParseCustomYoloV8_cuda NvDsInferParseCustomYoloV4 "
        "NvDsInferParseCustomYoloV2Tiny NvDsInferParseCustomYoloV11OBB NvDsInferParseCustomYoloV7_cuda "
        "NvDsInferParseCustomBatchedYoloV5NMSTLT NvDsInferParseCustomYoloV3 NvDsInferParseCustomYoloV3Tiny "
        "NvDsInferParseCustomYoloOriginal NvDsInferParseYoloV11 NvDsInferParseCustomYoloV11_cuda "
        "NvDsInferParseCustomNVPlate NvDsParseCustomPoseClassification NvDsInferParseCustomMrcnnTLTV2 "
        "NvDsInferParseCustomMask2Former NvDsInferParseYoloFace NvDsInferParseCustomSegformerTAO "
        "NvDsInferParseCustomTfSSD NvDsInferParseCustomResnet NvDsInferParseCustomMrcnnTLT "
        "NvDsInferParseCustomRTDETRTAO NvDsInferParseCustomChangeNet NvDsInferParseCustomPeopleSemSegNet "
        "NvDsInferYoloV5CustomBatchedNMSTLT NvDsInferClassiferParseCustomSoftmax NvDsInferClassiferParseNonSoftmax "
        "NvDsInferParseYoloE NvDsInferParseYolo_cuda NvDsInferParseCustomRetinaface"
    )
    for name in names.split():
        found = reads(name)
        assert found is not None, name
        assert set(found.heads) <= heads, name
    assert reads("system") is None
    assert likely("ParseMyScrfd") == "scrfd"
    assert likely("system") == ""


# -- classifiers, maps -----------------------------------------------------------------------------------------------


def test_a_classifier_of_one_question(tmp_path: Path) -> None:
    text = (
        "[property]\nonnx-file=model.onnx\nlabelfile-path=labels.txt\nnetwork-type=1\nclassifier-type=colour\n"
        "classifier-threshold=0.51\nnet-scale-factor=1\n"
    )
    found = known(put(tmp_path, text, scores(3), b"red;green; blue\n"))
    assert (found.spec.head, found.spec.task) == ("classify", "classify")
    assert found.spec.labels == ("red", "green", "blue")
    assert found.spec.head_options["names"] == ("colour",)
    assert found.spec.head_options["least"] == 0.51


def test_a_classifier_of_two_questions_in_its_own_order(tmp_path: Path) -> None:
    text = (
        "[property]\nonnx-file=model.onnx\nlabelfile-path=labels.txt\nis-classifier=1\n"
        "output-blob-names=answer1;answer0\n"
    )
    found = known(put(tmp_path, text, scores(3, 2), b"yes;no;\r\nred;green;blue\r\n"))
    assert found.spec.head_options["outputs"] == ("answer1", "answer0")
    assert found.spec.labels == ("yes; no", "red; green; blue")


def test_a_map_of_classes(tmp_path: Path) -> None:
    net = Network((64, 32), layout="NHWC")
    planes = net.op("Transpose", "images", perm=[0, 3, 1, 2])
    net.output(net.op("Transpose", net.conv(net.stem(planes), 4), perm=[0, 2, 3, 1]), "seg", (1, 32, 64, 4))
    text = BASE + "network-type=2\nsegmentation-output-order=1\nsegmentation-threshold=0.4\n"
    for line in ("network-input-order=1\n", "uff-input-order=1\n", "uff-input-dims=3;32;64;1\n"):
        assert known(put(tmp_path / line[:5], text + line, net)).warnings == ()
    assert "says NCHW" in known(put(tmp_path, text + "uff-input-dims=3;32;64;0\n", net)).warnings[0]
    found = known(put(tmp_path, text + "network-input-order=1\n", net))
    assert (found.spec.head, found.spec.task) == ("semantic", "semantic")
    assert found.spec.head_options["channels_last"] is True
    assert found.spec.thresholds.score == 0.4
    assert found.spec.inputs[0].tensor.layout == "NHWC"


# -- feeding ---------------------------------------------------------------------------------------------------------


def test_a_mean_picture_becomes_its_means(tmp_path: Path) -> None:
    config = put(tmp_path, BASE + "mean-file=mean.ppm\n")
    pixels = bytes([10, 20, 30, 30, 40, 50])
    (tmp_path / "mean.ppm").write_bytes(b"P6\n# a remark\n2 1\n255\n" + pixels)
    found = known(config)
    assert found.spec.inputs[0].preprocess.mean == (20.0, 30.0, 40.0)
    assert "is subtracted as its means, 20, 30, 40" in found.warnings[0]
    (tmp_path / "mean.ppm").write_bytes(b"P6\n2000 1\n255\n" + pixels)
    assert "a picture of 2000x1 with 6 bytes" in refused(config)
    (tmp_path / "mean.ppm").unlink()
    assert "mean-file names mean.ppm, which is missing" in refused(config)


def test_an_input_of_open_size_gets_the_stated_one(tmp_path: Path) -> None:
    net = Network((0, 0))
    small = net.op("AveragePool", net.stem(), kernel_shape=[16, 16], strides=[16, 16])
    net.output(net.op("Sigmoid", net.conv(small, 2)), "output_cov", (1, 2, "h", "w"))
    net.output(net.conv(small, 8), "output_bbox", (1, 8, "h", "w"))
    found = known(put(tmp_path / "a", BASE + "infer-dims=3;544;960\n", net))
    assert found.spec.inputs[0].size_wh == (960, 544)
    found = known(put(tmp_path / "b", BASE + "input-dims=3;544;960;0\n", net))
    assert found.spec.inputs[0].size_wh == (960, 544)
    found = known(put(tmp_path / "c", BASE + "infer-dims=3;544;960\n"))
    assert found.spec.inputs[0].size_wh == (96, 64)
    assert "infer-dims say 960x544, the model takes 96x64" in found.warnings[0]


def test_what_contradicts_the_model_is_said(tmp_path: Path) -> None:
    text = BASE.replace("num-detected-classes=2", "num-detected-classes=1")
    found = known(put(tmp_path, text + "model-color-format=2\nnetwork-input-order=1\noutput-blob-names=a;b\n"))
    said = "\n".join(found.warnings)
    assert "model-color-format says grey, the model takes 3 channels: RGB" in said
    assert "network-input-order says NHWC, but the input is [1, 3, 64, 96]" in said
    assert "output-blob-names: the model has no a, b" in said
    assert "num-detected-classes=1, but the model has 2 classes" in said
    assert "2 labels for num-detected-classes=1" in said


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("net-scale-factor=abc", ":12: net-scale-factor=abc: net-scale-factor should be a number"),
        ("net-scale-factor=0", "would make every pixel 0"),
        ("model-color-format=7", "model-color-format is 0 to 2"),
        ("network-type=9", "network-type is one of 0, 1, 2, 3, 100"),
        ("infer-dims=3;0;5", "should hold channels;height;width"),
        ("offsets=1;x;3", "should hold numbers, not 'x'"),
        ("offsets=1;2", "2 numbers for a model of 3 channels"),
        ("maintain-aspect-ratio=maybe", "should be 0 or 1"),
        ("cluster-mode=1.5", "should be a whole number"),
        ("net-scale-factor=nan", "should be a number"),
    ],
)
def test_values_that_mean_nothing(line: str, words: str, tmp_path: Path) -> None:
    assert words in refused(put(tmp_path, f"{BASE}{line}\n"))


# -- which model -----------------------------------------------------------------------------------------------------


def test_the_yaml_form_means_the_same(tmp_path: Path) -> None:
    lines = [line for line in BASE.splitlines() if "=" in line]
    body = "".join(f"  {line.replace('=', ': ', 1)}\n" for line in lines)
    text = f"%YAML:1.0\nproperty:\n{body}  cluster-mode: 2\nclass-attrs-all:\n  pre-cluster-threshold: 0.35\n"
    spec = known(put(tmp_path, text)).spec
    assert spec.head == "detectnet"
    assert spec.labels == ("car", "person")
    assert spec.thresholds.score == 0.35


def test_an_engine_whose_onnx_lies_beside_it(tmp_path: Path) -> None:
    text = BASE.replace("onnx-file=model.onnx\n", "")
    found = known(put(tmp_path, text))
    assert found.spec.head == "detectnet"
    assert "names model.onnx_b1_gpu0_fp16.engine, which is not read; model.onnx beside it is" in found.warnings[0]


def test_paths_of_the_installation_are_looked_for_by_name(tmp_path: Path) -> None:
    text = BASE.replace("=labels.txt", "=/opt/nvidia/deepstream/deepstream/samples/models/Primary_Detector/labels.txt")
    text = text.replace("onnx-file=model.onnx", "onnx-file=../../elsewhere/model.onnx")
    assert known(put(tmp_path, text)).spec.labels == ("car", "person")


def test_a_missing_model_is_named_with_its_line_and_where_it_was_looked_for(tmp_path: Path) -> None:
    config = put(tmp_path, BASE)
    (tmp_path / "model.onnx").unlink()
    said = refused(config)
    assert f"{config}:5: onnx-file names model.onnx, which is missing: looked for {tmp_path}/model.onnx" in said


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (
            "tlt-encoded-model=a/b.etlt",
            "config.txt:3: tlt-encoded-model names a/b.etlt: this is a TAO model, encrypted",
        ),
        ("uff-file=b.uff", "this is a UFF graph"),
        ("model-engine-file=b.engine", "this is a TensorRT engine"),
        ("gpu-id=0", "names no model"),
    ],
)
def test_what_nobody_can_read_is_refused_with_what_to_do(line: str, words: str, tmp_path: Path) -> None:
    config = tmp_path / "config.txt"
    config.write_text(f"[property]\ngie-unique-id=1\n{line}\n")
    assert words in refused(config)


def test_an_encrypted_model_whose_onnx_lies_beside_it(tmp_path: Path) -> None:
    text = "[property]\ntlt-encoded-model=models/model.etlt\ntlt-model-key=secret\nlabelfile-path=labels.txt\n"
    assert known(put(tmp_path, text)).spec.head == "detectnet"


def test_other_files_of_deepstream_are_told_apart(tmp_path: Path) -> None:
    config = tmp_path / "config.txt"
    config.write_text("[property]\nenable=1\nconfig-width=1920\n[roi-filtering-stream-0]\nenable=1\n")
    assert "no configuration of nvinfer" in refused(config)


def test_an_error_names_the_keys_that_are_wrong_as_well(tmp_path: Path) -> None:
    config = put(tmp_path, BASE.replace("onnx-file", "onx-file").replace("model-engine-file", "gpu-id"))
    first, second = refused(config).splitlines()
    assert "names no model" in first
    assert second.endswith(
        "; wrong in it, by lines: 3: gpu-id=0: said again in line 6, which wins; "
        "5: onx-file=model.onnx: unknown key; did you mean onnx-file?"
    )


def test_a_missing_label_file_stops_nothing(tmp_path: Path) -> None:
    config = put(tmp_path, BASE.replace("labels.txt", "names.list"))
    (tmp_path / "labels.txt").unlink()
    found = known(config)
    assert found.spec.labels == ()
    assert "names names.list, which is missing" in found.warnings[0]
    (tmp_path / "names.list").write_text("car\nperson\n")
    assert known(config).spec.labels == ("car", "person")


DARKNET = (
    "[net]\nwidth=32\nheight=32\nchannels=3\n[convolutional]\nfilters=21\nsize=1\nstride=8\nactivation=linear\n"
    "[yolo]\nmask=0,1,2\nanchors=1,1,2,2,3,3\nclasses=2\nnum=3\n"
)


def test_a_darknet_model(tmp_path: Path) -> None:
    (tmp_path / "net.cfg").write_text(DARKNET)
    values = np.zeros(21 + 21 * 3, np.float32)
    (tmp_path / "net.weights").write_bytes(struct.pack("<iiiq", 0, 2, 0, 0) + values.tobytes())
    (tmp_path / "labels.txt").write_text("car\nperson\n")
    text = (
        "[property]\nnet-scale-factor=0.0039215697906911373\ncustom-network-config=net.cfg\nmodel-file=net.weights\n"
        "labelfile-path=labels.txt\nnum-detected-classes=2\ncluster-mode=2\nparse-bbox-func-name=NvDsInferParseYolo\n"
        "engine-create-func-name=NvDsInferYoloCudaEngineGet\n[class-attrs-all]\nnms-iou-threshold=0.45\n"
        "pre-cluster-threshold=0.25\ntopk=300\n"
    )
    (tmp_path / "config.txt").write_text(text)
    found = known(tmp_path / "config.txt")
    assert found.spec.head == "darknet-yolo"
    assert found.spec.head_options["anchors"]
    assert found.spec.labels == ("car", "person")
    assert (found.spec.thresholds.score, found.spec.thresholds.nms) == (0.25, 0.45)
    assert found.spec.inputs[0].preprocess.scale == pytest.approx((255.0,), rel=1e-5)
    assert found.warnings == ()
    (tmp_path / "net.weights").unlink()
    assert "model-file names net.weights, which is missing" in refused(tmp_path / "config.txt")


def test_a_folder_with_one_configuration_and_its_model(tmp_path: Path) -> None:
    config = put(tmp_path, BASE)
    assert meant(tmp_path).path == config
    other = tmp_path / "second.txt"
    other.write_text(config.read_text())
    assert meant(tmp_path).path == tmp_path / "model.onnx"
    other.unlink()
    config.write_text(BASE.replace("model.onnx", "another.onnx"))
    assert meant(tmp_path).path == tmp_path / "model.onnx"


def test_a_configuration_is_no_label_file(tmp_path: Path) -> None:
    config = put(tmp_path, BASE.replace("labelfile-path=labels.txt\n", ""))
    (tmp_path / "labels.txt").unlink()
    assert known(config.rename(tmp_path / "model.txt")).spec.labels == ()
    assert known(tmp_path).spec.labels == ()


def test_bounds_of_boxes_by_class(tmp_path: Path) -> None:
    text = (
        "crop-objects-to-roi-boundary=1\n[class-attrs-all]\ndetected-min-w=4\ndetected-max-h=90\nroi-top-offset=10\n"
        "[class-attrs-1]\ndetected-min-w=8\nroi-top-offset=0\n[class-attrs-0]\npre-cluster-threshold=0.4\n"
    )
    found = known(put(tmp_path, BASE + text))
    assert found.warnings == ()
    assert found.spec.thresholds.bounds == {
        "": Bounds((4, 0), (0, 90), 10, 0, True),
        "person": Bounds((8, 0), (0, 90), 0, 0, False),
    }


def test_bounds_are_counted_in_the_frame_that_is_said(tmp_path: Path) -> None:
    config = put(tmp_path, BASE + "[class-attrs-all]\ndetected-min-w=4\n")
    found = identify(ModelConfig(path=str(config), bounds_wh=(1920, 1080))).spec.thresholds
    assert found.bounds == {"": Bounds((4, 0), of_wh=(1920, 1080))}


def test_single_classes_are_suppressed_and_counted_their_own_way(tmp_path: Path) -> None:
    text = "cluster-mode=2\n[class-attrs-all]\nnms-iou-threshold=0.5\ntopk=20\n"
    own = "[class-attrs-1]\nnms-iou-threshold=0.7\ntopk=3\n[class-attrs-0]\ntopk=20\n"
    found = known(put(tmp_path, BASE + text + own))
    assert found.warnings == ()
    assert (found.spec.thresholds.nms, found.spec.thresholds.nms_of) == (0.5, {"person": 0.7})
    assert (found.spec.thresholds.each, found.spec.thresholds.each_of) == (20, {"person": 3})


@pytest.mark.parametrize("value", ["-1", "1e9", "wide"])
def test_a_bound_that_is_no_size_is_refused(value: str, tmp_path: Path) -> None:
    config = put(tmp_path, BASE + f"[class-attrs-all]\ndetected-min-w={value}\n")
    assert f"config.txt:13: detected-min-w={value}" in refused(config)


def test_a_model_that_is_named_with_the_file(tmp_path: Path) -> None:
    config = put(tmp_path, BASE.replace("onnx-file=model.onnx", "onnx-file=gone.onnx"))
    (tmp_path / "model.onnx").rename(tmp_path / "own.onnx")
    found = arrive(config, (tmp_path / "own.onnx",))
    assert found.located.weights == tmp_path / "own.onnx"
    assert found.stated.head == "detectnet"


def test_keys_come_along_and_from_the_cache_too(tmp_path: Path) -> None:
    (tmp_path / "net.cfg").write_text(DARKNET)
    (tmp_path / "net.weights").write_bytes(struct.pack("<iiiq", 0, 2, 0, 0) + bytes(84 * 4))
    config = tmp_path / "config.txt"
    config.write_text(
        "[property]\ncustom-network-config=net.cfg\nmodel-file=net.weights\nnetwrok-mode=1\nmodel-color-format=1\n"
        "gpu-id=0\ngpu-id=1\nbroken\n"
    )
    first, again = arrive(config), arrive(config)
    assert first.keys == again.keys
    assert [(k.line, k.status) for k in first.keys] == [
        (2, "honoured"), (3, "honoured"), (4, "unknown"), (5, "honoured"), (6, "ignored"), (7, "ignored"),
        (8, "unknown"),
    ]  # fmt: skip
    assert first.keys[3].as_ == "input.color = bgr"
    assert [w.removeprefix(f"{config}:")[:2] for w in first.warnings[:3]] == ["4:", "6:", "8:"]


# -- nvinferserver ---------------------------------------------------------------------------------------------------

SERVER = """
infer_config {
  unique_id: 5
  gpu_ids: [0]
  max_batch_size: 4
  backend { triton { model_name: "street" version: -1 model_repo { root: "./repo" strict_model_config: true } } }
  preprocess {
    network_format: IMAGE_FORMAT_BGR
    tensor_order: TENSOR_ORDER_LINEAR
    maintain_aspect_ratio: 1
    normalize { scale_factor: 0.5 channel_offsets: [1, 2, 3] }
  }
  postprocess {
    labelfile_path: "labels.txt"
    detection {
      num_detected_classes: 2
      per_class_params { key: 0 value { pre_threshold: 0.4 } }
      per_class_params { key: 1 value { pre_threshold: 0.7 } }
      nms { confidence_threshold: 0.2 topk: 20 iou_threshold: 0.5 }
    }
  }
  extra { copy_input_to_host_buffers: false }
}
input_control { process_mode: PROCESS_MODE_FULL_FRAME interval: 0 }
"""


def served(folder: Path, text: str = SERVER) -> Path:
    version = folder / "repo" / "street" / "1"
    version.mkdir(parents=True)
    detectnet().save(version / "model.onnx")
    (version.parent / "config.pbtxt").write_text('name: "street"\nplatform: "onnxruntime_onnx"\n')
    (folder / "labels.txt").write_text("car\nperson\n")
    (folder / "config.txt").write_text(text)
    return folder / "config.txt"


def test_nvinferserver_reads_the_repository(tmp_path: Path) -> None:
    found = known(served(tmp_path))
    spec, steps = found.spec, found.spec.inputs[0].preprocess
    assert spec.head == "detectnet"
    assert (steps.color, steps.mean, steps.scale) == (ChannelOrder.BGR, (1, 2, 3), (2,))
    assert steps.resize is Resize.LETTERBOX_TOPLEFT
    limits = spec.thresholds
    assert (limits.score, limits.nms, limits.top, limits.each) == (0.2, 0.5, 20, None)
    assert limits.per_class == {"car": 0.4, "person": 0.7}
    assert spec.labels == ("car", "person")
    keys = found.arrived.keys
    assert len(keys) == 24
    assert not [k for k in keys if k.status == "unknown"]
    offsets = next(k for k in keys if k.key == "channel_offsets")
    assert (offsets.line, offsets.group, offsets.value, offsets.as_) == (
        11,
        "infer_config.preprocess.normalize",
        "1; 2; 3",
        "input.mean = 1, 2, 3",
    )


def test_misspelt_and_repeated_fields_of_nvinferserver(tmp_path: Path) -> None:
    text = SERVER.replace("unique_id: 5", "unique_id: 5\n  unique_id: 6\n  max_bach_size: 3")
    warnings = known(served(tmp_path, text)).warnings
    assert [w.split("config.txt:")[1] for w in warnings] == [
        "3: unique_id=5: said again in line 4, which wins",
        "5: max_bach_size=3: unknown key; did you mean max_batch_size?",
    ]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('root: "./repo"', 'root: "./gone"', "names the model street, which is missing: looked for"),
        (
            'model_repo { root: "./repo" strict_model_config: true }',
            'grpc { url: "host:8001" }',
            "the server at host:8001",
        ),
        ('model_name: "street"', 'model_name: "../street"', "is no name of a folder"),
        ("triton {", "tensorflow {", "it names no model"),
        ("scale_factor: 0.5", 'scale_factor: "x"', "scale_factor should hold numbers"),
        ("iou_threshold: 0.5", "iou_threshold: 5", "iou_threshold 5 is not 0 to 1"),
    ],
)
def test_what_nvinferserver_gets_wrong(old: str, new: str, words: str, tmp_path: Path) -> None:
    assert words in refused(served(tmp_path, SERVER.replace(old, new)))


# -- damaged files ---------------------------------------------------------------------------------------------------


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), server=st.booleans())
def test_damaged_files_are_read_or_refused(tmp_path: Path, data: st.DataObject, server: bool) -> None:
    whole = (SERVER if server else BASE + "[class-attrs-all]\ntopk=20\neps=0.5\n").encode()
    at = data.draw(st.integers(0, len(whole)))
    cut = data.draw(st.integers(0, 12))
    new = data.draw(st.binary(max_size=6) | st.sampled_from([b"-1", b"1e99", b"{", b"}", b"=", b"\n[", b"nan", b";;"]))
    folder = tmp_path / "f"
    if not folder.is_dir():
        folder.mkdir()
        served(folder)
        detectnet().save(folder / "model.onnx")
    config = folder / "config.txt"
    config.write_bytes(whole[:at] + new + whole[at + cut :])
    for look in (lambda: read(Foreign("nvinfer", config, folder, tmp_path)), lambda: keys_of(config)):
        try:
            look()
        except (ModelError, UsageError) as error:
            assert str(error)  # noqa: PT017


# -- the real files --------------------------------------------------------------------------------------------------


def published() -> list[Path]:
    root = os.environ.get("SIGHTLINE_ASSETS")
    if not root:
        pytest.skip("SIGHTLINE_ASSETS does not name the folder of test assets")
    return [path for path in sorted((Path(root) / "deepstream-configs").rglob("*")) if path.is_file()]


def test_nothing_but_missing_models_stops_the_published_files(tmp_path: Path) -> None:
    """All are read; with a model in place of the one that is missing, all are translated."""
    model = tmp_path / "model.onnx"
    detectnet().save(model)
    stopped, translated = 0, 0
    for path in published():
        text = path.read_bytes()
        plain = b"infer_config" not in text
        if path.suffix not in (".txt", ".yml") or not (plain or b"backend" in text):
            continue
        keys = []
        try:
            keys = keys_of(path)
        except ModelError:
            assert plain, path
        if not plain:
            assert not [k for k in keys if k.status == "unknown"], path
        foreign = Foreign("nvinfer", path, path.parent, tmp_path)
        if not any(k.group in ("property", "infer_config") and k.key in ("gie-unique-id", "unique_id") for k in keys):
            continue
        with pytest.raises(
            ModelError, match=r"missing|names no model|encrypted|TensorRT engine|UFF|tensorflow_graphdef"
        ):
            read(foreign)
        stopped += 1
        if plain and b"nvdspostprocess" not in bytes(path):
            try:
                read(Foreign("nvinfer", path, path.parent, tmp_path, given=(model,)))
                translated += 1
            except ModelError as error:
                assert "mean-file" in str(error)  # noqa: PT017
                assert "missing" in str(error)  # noqa: PT017
    assert stopped >= 280
    assert translated >= 165


def test_the_weights_are_the_file_itself(tmp_path: Path) -> None:
    config = put(tmp_path, BASE)
    found = arrive(config)
    assert found.located.weights == tmp_path / "model.onnx"
    assert numpy_helper.to_array(onnx.load(found.located.weights).graph.initializer[0]).size
    assert {path.name for path in found.sources} == {"config.txt", "model.onnx", "labels.txt"}


@pytest.mark.parametrize(
    "name", ["..", ".", "/", "a.", "\x01", "x" * 5000, "http://host/m.onnx", "a\0b", "*", "~/m", "m.onnx/"]
)
@pytest.mark.parametrize(
    "key", ["onnx-file", "model-engine-file", "custom-network-config", "labelfile-path", "uff-file"]
)
def test_names_of_files_that_are_none(key: str, name: str, tmp_path: Path) -> None:
    config = tmp_path / "c.txt"
    config.write_text(f"[property]\ngie-unique-id=1\n{key}={name}\n")
    with pytest.raises(ModelError):
        read(Foreign("nvinfer", config, tmp_path, tmp_path))


def test_labels_of_another_model_beside_the_file_are_not_taken(tmp_path: Path) -> None:
    net = Network((64, 32))
    net.output(net.op("Softmax", net.conv(net.stem("images"), 7), axis=1), "prob", (1, 7, 32, 64))
    text = "[property]\nonnx-file=model.onnx\nnetwork-type=2\ngie-unique-id=1\n"
    found = known(put(tmp_path, text, net))
    assert found.spec.labels == ()
    assert any("2 labels beside a model of 7 classes: not taken" in warning for warning in found.warnings)


# -- files that lie elsewhere than the file says -----------------------------------------------------------------------


def test_what_the_user_says_where_it_is_is_read_there(tmp_path: Path) -> None:
    far = "/opt/nvidia/deepstream/deepstream/samples/models/Cars"
    text = BASE.replace("onnx-file=model.onnx", f"onnx-file={far}/model.onnx")
    config = put(tmp_path / "cfg", text.replace("labels.txt", f"{far}/labels.txt"))
    for name in ("model.onnx", "labels.txt"):
        (config.parent / name).rename(tmp_path / name)
    with pytest.raises(ModelError, match="onnx-file names"):
        identify(ModelConfig(path=str(config)))
    files = {f"{far}/{name}": str(tmp_path / name) for name in ("model.onnx", "labels.txt")}
    found = identify(ModelConfig(path=str(config), files=files))
    assert found.spec.labels == ("car", "person")
    assert found.arrived.located.weights == tmp_path / "model.onnx"


def test_weights_of_caffe_that_are_onnx_here_need_no_prototxt(tmp_path: Path) -> None:
    text = BASE.replace("onnx-file=model.onnx", "model-file=/far/net.caffemodel\nproto-file=/far/net.prototxt")
    config = put(tmp_path, text)
    moved = {"/far/net.caffemodel": str(tmp_path / "model.onnx")}
    assert identify(ModelConfig(path=str(config), files=moved)).spec.labels == ("car", "person")


def test_a_server_s_repository_may_lie_elsewhere(tmp_path: Path) -> None:
    place = tmp_path / "mine" / "street" / "1"
    place.mkdir(parents=True)
    yolov8(2).save(place / "model.onnx")
    config = tmp_path / "server.txt"
    config.write_text(
        'infer_config { backend { triton { model_name: "street" model_repo { root: "/far/repo" } } }\n'
        "  preprocess { network_format: IMAGE_FORMAT_RGB }\n"
        "  postprocess { detection { num_detected_classes: 2 } } }\n"
    )
    found = identify(ModelConfig(path=str(config), files={"/far/repo": str(tmp_path / "mine")}))
    assert found.arrived.located.weights == place / "model.onnx"
