"""Every key of nvinfer and nvinferserver files that is called honoured or translated changes the model, or what is said
of it, when its value changes; none is called so without a case.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from networks import Network, yolov8

from sightline.config import ModelConfig
from sightline.errors import ModelError
from sightline.foreign.fates import Known
from sightline.foreign.nvinfer_keys import CLASS_ATTRS, PROPERTY
from sightline.foreign.nvinferserver_keys import GROUPS
from sightline.models.identify import identify
from tests.models.importers.caffe_files import caffemodel, prototxt
from tests.models.importers.test_nvinfer import DARKNET, detectnet, scores

TOLD = ("honoured", "translated")
# what only an application's file makes something of: see tests/foreign
OF_A_CHAIN = ("then", "limits")


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def open_sized() -> Network:
    net = Network((0, 0))
    small = net.op("AveragePool", net.stem(), kernel_shape=[16, 16], strides=[16, 16])
    net.output(net.op("Sigmoid", net.conv(small, 2)), "output_cov", (1, 2, "h", "w"))
    net.output(net.conv(small, 8), "output_bbox", (1, 8, "h", "w"))
    return net


def class_map(layout: str = "NCHW") -> Network:
    """Four planes; one of them a probability where `layout` is "one"."""
    net = Network((64, 32))
    planes = 1 if layout == "one" else 4
    net.output(net.op("Sigmoid", net.conv(net.stem(), planes)), "seg", (1, planes, 32, 64))
    return net


def characters() -> Network:
    """Rows of 37 scores along a line of text."""
    net = Network((96, 48))
    line = net.op("AveragePool", net.conv(net.stem(), 37), kernel_shape=[48, 4], strides=[48, 4])
    net.output(net.op("Transpose", net.op("Reshape", line, net.hold(np.array([1, 37, 24]))), perm=[0, 2, 1]), "rows",
               (1, 24, 37))  # fmt: skip
    return net


@dataclass(frozen=True, slots=True)
class Case:
    """Two values of a key. base: what else [property] says. attrs: what else [class-attrs-all] says."""

    one: str
    other: str
    net: Callable[[], Network] = detectnet
    base: str = ""
    attrs: str = ""


_MAP = "network-type=2\n"
_ANSWERS = "network-type=1\n"
CASES = {
    "onnx-file": Case("model.onnx", "other.onnx"),
    "custom-network-config": Case("net.cfg", "other.cfg", base="onnx-file=\nmodel-file=net.weights\n"),
    "model-file": Case("net.weights", "other.weights", base="onnx-file=\ncustom-network-config=net.cfg\n"),
    "proto-file": Case("a.prototxt", "b.prototxt", base="onnx-file=\nmodel-file=net.caffemodel\n"),
    "net-scale-factor": Case("1", "0.5"),
    "offsets": Case("1;2;3", "4;5;6"),
    "mean-file": Case("a.ppm", "b.ppm"),
    "model-color-format": Case("0", "1"),
    "infer-dims": Case("3;64;64", "3;32;64", open_sized),
    "input-dims": Case("3;64;64;0", "3;32;64;0", open_sized),
    "uff-input-dims": Case("3;64;64;0", "3;32;64;0", open_sized),
    "uff-input-order": Case("0", "1"),
    "network-input-order": Case("0", "1"),
    "maintain-aspect-ratio": Case("0", "1"),
    "symmetric-padding": Case("0", "1", base="maintain-aspect-ratio=1\n"),
    "network-type": Case("0", "1", lambda: scores(3)),
    "is-classifier": Case("0", "1", lambda: scores(3)),
    "num-detected-classes": Case("2", "3"),
    "labelfile-path": Case("labels.txt", "other.txt"),
    "output-blob-names": Case("answer0;answer1", "answer1;answer0", lambda: scores(3, 2), _ANSWERS),
    "parse-bbox-func-name": Case("NvDsInferParseYolo", "NvDsInferParseCustomYoloV8", lambda: yolov8(2, (64, 64))),
    "parse-bbox-instance-mask-func-name": Case(
        "NvDsInferParseCustomMrcnnTLT", "NvDsInferParseCustomYoloV8", lambda: yolov8(2, (64, 64)), "network-type=3\n"
    ),
    "parse-classifier-func-name": Case("NvDsInferParseCustomNVPlate", "ourOwn", characters, _ANSWERS),
    "parse-segmentation-func-name": Case("NvDsInferParseCustomSegformerTAO", "ourOwn", class_map, _MAP),
    "cluster-mode": Case("2", "4"),
    "enable-dbscan": Case("0", "1"),
    "classifier-threshold": Case("0.2", "0.7", lambda: scores(3), _ANSWERS),
    "classifier-type": Case("colour", "make", lambda: scores(3), _ANSWERS),
    "segmentation-threshold": Case("0.2", "0.7", lambda: class_map("one"), _MAP),
    "segmentation-output-order": Case("0", "1", class_map, _MAP),
    "filter-out-class-ids": Case("0", "1"),
    "crop-objects-to-roi-boundary": Case("0", "1", attrs="roi-top-offset=10\n"),
}
ATTRS = {
    "pre-cluster-threshold": Case("0.2", "0.6"),
    "threshold": Case("0.2", "0.6"),
    "post-cluster-threshold": Case("0.5", "0.6"),
    "nms-iou-threshold": Case("0.4", "0.6", base="cluster-mode=2\n"),
    "topk": Case("5", "9", base="cluster-mode=2\n"),
    "eps": Case("0.2", "0.6", base="cluster-mode=1\n"),
    "minBoxes": Case("2", "3", base="cluster-mode=1\n"),
    "group-threshold": Case("1", "2", base="cluster-mode=0\n"),
    "dbscan-min-score": Case("0.2", "0.6", base="cluster-mode=1\n"),
    **dict.fromkeys(
        ("detected-min-w", "detected-min-h", "detected-max-w", "detected-max-h", "roi-top-offset", "roi-bottom-offset"),
        Case("10", "20"),
    ),
}


def outcome(path: Path) -> str:
    """All that a model is: how it is fed and read, its file, and what is said of it; an error where there is none."""
    try:
        found = identify(ModelConfig(path=str(path)))
    except ModelError as error:
        return str(error)
    warnings = [re.sub(r"config\.\w+:\d+: [\w-]+", "", warning) for warning in found.warnings]
    return repr((found.spec, found.weights.read_bytes()[-512:], warnings))


def write(folder: Path, case: Case) -> None:
    case.net().save(folder / "model.onnx")
    detectnet(3).save(folder / "other.onnx")
    (folder / "labels.txt").write_text("car\nperson\n")
    (folder / "other.txt").write_text("lorry\nbus\n")
    (folder / "a.ppm").write_bytes(b"P6\n1 1\n255\n" + bytes([1, 2, 3]))
    (folder / "b.ppm").write_bytes(b"P6\n1 1\n255\n" + bytes([7, 8, 9]))
    for name, classes, value in (("net", 2, 0.0), ("other", 3, 0.5)):
        (folder / f"{name}.cfg").write_text(DARKNET.replace("filters=21", f"filters={3 * (classes + 5)}")
                                            .replace("classes=2", f"classes={classes}"))  # fmt: skip
        held = np.full(21 + 21 * 3, value, np.float32)
        (folder / f"{name}.weights").write_bytes(struct.pack("<iiiq", 0, 2, 0, 0) + held.tobytes())
    for name in ("a", "b"):
        layer = f'layer {{ name: "{name}" type: "Softmax" bottom: "data" top: "{name}" }}'
        (folder / f"{name}.prototxt").write_text(prototxt((1, 3, 8, 8), layer))
    (folder / "net.caffemodel").write_bytes(caffemodel({"a": (), "b": ()}))


def plain(case: Case, key: str, value: str, attrs: bool) -> str:
    base = {"onnx-file": "model.onnx", "labelfile-path": "labels.txt", "gie-unique-id": "1"}
    base |= dict(line.split("=", 1) for line in case.base.splitlines())
    if not attrs:
        base[key] = value
    own = f"{key}={value}\n" if attrs else ""
    lines = "".join(f"{k}={v}\n" for k, v in base.items() if v)
    return f"[property]\n{lines}[class-attrs-all]\n{case.attrs}{own}"


def needed(table: Mapping[str, Known]) -> set[str]:
    return {key for key, known in table.items() if known.status in TOLD and not known.as_.startswith(OF_A_CHAIN)}


def test_every_told_key_has_a_case() -> None:
    assert needed(PROPERTY) == set(CASES)
    assert needed(CLASS_ATTRS) == set(ATTRS)


@pytest.mark.parametrize("key", [*CASES, *(f"[class-attrs-all] {key}" for key in ATTRS)])
def test_a_key_of_nvinfer_changes_the_model(key: str, tmp_path: Path) -> None:
    attrs = key.startswith("[")
    name = key.split()[-1]
    case = ATTRS[name] if attrs else CASES[name]
    write(tmp_path, case)
    found: list[str] = []
    for value in (case.one, case.other):
        (tmp_path / "config.txt").write_text(plain(case, name, value, attrs))
        found.append(outcome(tmp_path / "config.txt"))
    assert found[0] != found[1]


# -- nvinferserver ---------------------------------------------------------------------------------------------------

_DETECT = "detection {{ {0} }}"
_POST = "infer_config.postprocess"
_BACK = "infer_config.backend"


@dataclass(frozen=True, slots=True)
class Field:
    """Two writings of a field. within: the block that it stands in, {0} for the field; net: of the model "street"."""

    one: str
    other: str
    within: str
    net: Callable[[], Network] = detectnet


def _pre(one: str, other: str, within: str = "{0}") -> Field:
    return Field(one, other, "preprocess { " + within + " }")


def _post(one: str, other: str, within: str, net: Callable[[], Network] = detectnet) -> Field:
    return Field(one, other, "postprocess { " + within + " }", net)


def _nms(one: str, other: str, kind: str = "nms") -> Field:
    return _post(one, other, "detection { " + kind + " { {0} } }")


_LABELLED = 'labelfile_path: "labels.txt" detection { {0} nms { topk: 5 } }'
_ONE_CLASS = "detection { per_class_params { key: 0 value { {0} } } nms { topk: 5 } }"
_REPO = 'model_repo { root: "./repo" }'
_BACKEND = f'backend {{ triton {{ model_name: "street" {_REPO} }} }}'
FIELDS = {
    f"{_BACK}.inputs.dims": Field(
        "dims: [3, 64, 64]", "dims: [3, 32, 64]",
        f'backend {{ inputs {{ name: "x" {{0}} }} triton {{ model_name: "street" {_REPO} }} }}', open_sized,
    ),
    f"{_BACK}.outputs.name": Field(
        'name: "answer0"', 'name: "answer9"',
        f'backend {{ outputs {{ {{0}} }} triton {{ model_name: "street" {_REPO} }} }} '
        "postprocess { classification { threshold: 0.1 } }", lambda: scores(3),
    ),
    f"{_BACK}.triton.model_name": Field(
        'model_name: "street"', 'model_name: "other"', f"backend {{ triton {{ {{0}} {_REPO} }} }}"
    ),
    f"{_BACK}.triton.version": Field(
        "version: 1", "version: 2", f'backend {{ triton {{ model_name: "street" {{0}} {_REPO} }} }}'
    ),
    f"{_BACK}.triton.model_repo.root": Field(
        'root: "./repo"', 'root: "./second"', 'backend { triton { model_name: "street" model_repo { {0} } } }'
    ),
    "infer_config.preprocess.network_format": _pre(
        "network_format: IMAGE_FORMAT_RGB", "network_format: IMAGE_FORMAT_BGR"
    ),
    "infer_config.preprocess.tensor_order": _pre(
        "tensor_order: TENSOR_ORDER_LINEAR", "tensor_order: TENSOR_ORDER_NHWC"
    ),
    "infer_config.preprocess.maintain_aspect_ratio": _pre("maintain_aspect_ratio: 0", "maintain_aspect_ratio: 1"),
    "infer_config.preprocess.symmetric_padding": _pre(
        "symmetric_padding: 0", "symmetric_padding: 1", "maintain_aspect_ratio: 1 {0}"
    ),
    "infer_config.preprocess.normalize.scale_factor": _pre("scale_factor: 1", "scale_factor: 0.5", "normalize { {0} }"),
    "infer_config.preprocess.normalize.channel_offsets": _pre(
        "channel_offsets: [1, 2, 3]", "channel_offsets: [4, 5, 6]", "normalize { {0} }"
    ),
    "infer_config.preprocess.normalize.mean_file": _pre(
        'mean_file: "a.ppm"', 'mean_file: "b.ppm"', "normalize { {0} }"
    ),
    f"{_POST}.labelfile_path": _post('labelfile_path: "labels.txt"', 'labelfile_path: "other.txt"', "{0}"),
    f"{_POST}.detection.num_detected_classes": _post(
        "num_detected_classes: 2", "num_detected_classes: 5", _LABELLED
    ),
    f"{_POST}.detection.custom_parse_bbox_func": _post(
        'custom_parse_bbox_func: "NvDsInferParseYolo"', 'custom_parse_bbox_func: "NvDsInferParseCustomYoloV8"',
        "detection { {0} }", lambda: yolov8(2, (64, 64)),
    ),
    f"{_POST}.detection.per_class_params.key": _post(
        "key: 0", "key: 1", "detection { per_class_params { {0} value { pre_threshold: 0.4 } } nms { topk: 5 } }"
    ),
    f"{_POST}.detection.per_class_params.value.pre_threshold": _post(
        "pre_threshold: 0.4", "pre_threshold: 0.6", _ONE_CLASS
    ),
    f"{_POST}.detection.nms.confidence_threshold": _nms("confidence_threshold: 0.3", "confidence_threshold: 0.6"),
    f"{_POST}.detection.nms.iou_threshold": _nms("iou_threshold: 0.3", "iou_threshold: 0.6"),
    f"{_POST}.detection.nms.topk": _nms("topk: 5", "topk: 9"),
    f"{_POST}.detection.dbscan.pre_threshold": _nms("pre_threshold: 0.3", "pre_threshold: 0.6", "dbscan"),
    f"{_POST}.detection.dbscan.eps": _nms("eps: 0.3", "eps: 0.6", "dbscan"),
    f"{_POST}.detection.dbscan.min_boxes": _nms("min_boxes: 2", "min_boxes: 3", "dbscan"),
    f"{_POST}.detection.dbscan.min_score": _nms("min_score: 0.3", "min_score: 0.6", "dbscan"),
    f"{_POST}.detection.group_rectangle.confidence_threshold": _nms(
        "confidence_threshold: 0.3", "confidence_threshold: 0.6", "group_rectangle"
    ),
    f"{_POST}.detection.group_rectangle.group_threshold": _nms(
        "group_threshold: 1", "group_threshold: 2", "group_rectangle"
    ),
    f"{_POST}.detection.group_rectangle.eps": _post(
        "eps: 0.3", "eps: 0.6", "detection { group_rectangle { group_threshold: 1 {0} } }"
    ),
    f"{_POST}.detection.simple_cluster.threshold": _nms("threshold: 0.3", "threshold: 0.6", "simple_cluster"),
    f"{_POST}.classification.threshold": _post(
        "threshold: 0.3", "threshold: 0.6", "classification { {0} }", lambda: scores(3)
    ),
    f"{_POST}.classification.custom_parse_classifier_func": _post(
        'custom_parse_classifier_func: "NvDsInferParseCustomNVPlate"', 'custom_parse_classifier_func: "ourOwn"',
        "classification { {0} }", characters,
    ),
    f"{_POST}.segmentation.threshold": _post(
        "threshold: 0.3", "threshold: 0.6", "segmentation { {0} }", lambda: class_map("one")
    ),
    f"{_POST}.segmentation.num_segmentation_classes": _post(
        "num_segmentation_classes: 2", "num_segmentation_classes: 7",
        'labelfile_path: "labels.txt" segmentation { {0} }', class_map,
    ),
    f"{_POST}.segmentation.custom_parse_segmentation_func": _post(
        'custom_parse_segmentation_func: "NvDsInferParseCustomSegformerTAO"',
        'custom_parse_segmentation_func: "ourOwn"',
        "segmentation { {0} }", class_map,
    ),
    "output_control.classifier_type": Field(
        'classifier_type: "colour"', 'classifier_type: "make"', "postprocess { classification { threshold: 0.1 } }",
        lambda: scores(3),
    ),
    "output_control.detect_control.filter_out_class_ids": Field(
        "filter_out_class_ids: [0]", "filter_out_class_ids: [1]", ""
    ),
    "output_control.detect_control.specific_class_filters.key": Field(
        "specific_class_filters { key: 0 value { roi_top_offset: 5 } }",
        "specific_class_filters { key: 1 value { roi_top_offset: 5 } }", "",
    ),
}  # fmt: skip
for place, around in (
    ("default_filter", "default_filter { {0} }"),
    ("specific_class_filters.value", "specific_class_filters { key: 0 value { {0} } }"),
):
    for key in ("roi_top_offset", "roi_bottom_offset"):
        FIELDS[f"output_control.detect_control.{place}.{key}"] = Field(
            around.replace("{0}", f"{key}: 5"), around.replace("{0}", f"{key}: 9"), ""
        )
    for key in ("min_width", "min_height", "max_width", "max_height"):
        sides = around.replace("{0}", "bbox_filter { " + key + ": {0} }")
        FIELDS[f"output_control.detect_control.{place}.bbox_filter.{key}"] = Field(
            sides.replace("{0}", "5"), sides.replace("{0}", "9"), ""
        )
FIELDS |= {
    key.replace(".triton", ".trt_is"): Field(
        field.one, field.other, field.within.replace("triton", "trt_is"), field.net
    )
    for key, field in FIELDS.items()
    if ".triton." in key
}


def server_text(key: str, field: Field, written: str) -> str:
    held = field.within.replace("{{", "{").replace("}}", "}").replace("{0}", written)
    parts = [held] if held.startswith("backend") else [_BACKEND, held]
    if "postprocess" not in held:
        parts.append('postprocess { labelfile_path: "labels.txt" detection { nms { topk: 5 } } }')
    text = f"infer_config {{ unique_id: 1 {' '.join(parts)} }}\n"
    if key.startswith("output_control.detect"):
        text += f"output_control {{ detect_control {{ {written} }} }}\n"
    elif key.startswith("output_control"):
        text += f"output_control {{ {written} }}\n"
    return text


def test_every_told_field_has_a_case() -> None:
    told = {f"{group}.{key}" for group, table in GROUPS.items() for key in needed(table)}
    assert told == set(FIELDS)


@pytest.mark.parametrize("key", list(FIELDS))
def test_a_field_of_nvinferserver_changes_the_model(key: str, tmp_path: Path) -> None:
    field = FIELDS[key]
    write(tmp_path, Case("", "", field.net))
    for repo, name, versions in (("repo", "street", (1, 2)), ("repo", "other", (1,)), ("second", "street", (1,))):
        for version in versions:
            folder = tmp_path / repo / name / str(version)
            folder.mkdir(parents=True)
            net = field.net() if (repo, name, version) == ("repo", "street", 2) else detectnet(3)
            (field.net() if len(versions) > 1 and version == 1 else net).save(folder / "model.onnx")
        (tmp_path / repo / name / "config.pbtxt").write_text(f'name: "{name}"\nplatform: "onnxruntime_onnx"\n')
    found: list[str] = []
    for written in (field.one, field.other):
        (tmp_path / "config.txt").write_text(server_text(key, field, written))
        found.append(outcome(tmp_path / "config.txt"))
    assert found[0] != found[1], found[0][:300]
