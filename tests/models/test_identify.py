"""Families that are known from structure, names and shapes; what users say above what files say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from networks import Network, cells, nanodet_plus, outputs_only, ultraface, yolov5, yolov8, yolox

from sightline.config import ModelConfig
from sightline.errors import ModelError, UndecidedError, UsageError
from sightline.models.describe import describe
from sightline.models.identify import Identified, identify, require
from sightline.parts import judge

A = cells((640, 640))
IMAGENET = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))


def told(network: Network, folder: Path, metadata: dict[str, str] | None = None, **flags: object) -> Identified:
    path = network.save(folder / "net.onnx", metadata)
    return identify(ModelConfig.model_validate({"path": str(path), **flags}))


def fed(identified: Identified) -> tuple[str, tuple[float, ...], tuple[float, ...], str]:
    steps = identified.spec.inputs[0].preprocess
    return steps.color.value, steps.mean, steps.scale, steps.resize.value


ULTRALYTICS = ("rgb", (0.0,), (255.0,), "letterbox")
YOLOX = ("bgr", (0.0,), (1.0,), "letterbox-topleft")


def fastestv2(classes: int = 80) -> Network:
    net = Network((352, 352))
    features = net.stem()
    for name, side in (("a", 22), ("b", 11)):
        parts = [net.op("Sigmoid", net.conv(features, n)) for n in (12, 3)]
        grid = net.join(*parts, net.op("Softmax", net.conv(features, classes)))
        net.output(net.op("Transpose", grid, perm=[0, 2, 3, 1]), name, (1, side, side, 15 + classes))
    return net


def scrfd() -> Network:
    rows = {8: 12800, 16: 3200, 32: 800}
    return outputs_only({f"{k}{s}": (n, w) for w, k in ((1, "a"), (4, "b"), (10, "c")) for s, n in rows.items()})


SURE: dict[str, object] = {"activated": True}
DECIDED: dict[str, tuple[Callable[[], Network], str, dict[str, object], tuple[object, ...]]] = {
    "yolov8": (yolov8, "yolov8", SURE, ULTRALYTICS),
    "faces with points of the YOLOv5 line": (
        lambda: outputs_only({c: (1, 3, n, n, 16) for c, n in (("a", 80), ("b", 40), ("c", 20))}),
        "yolov5-face",
        {},
        ULTRALYTICS,
    ),
    "yolov8 turned": (lambda: yolov8(turned=True), "yolov8", {**SURE, "channels_last": True}, ULTRALYTICS),
    "yolov8 open": (lambda: yolov8(size=(-1, -1)), "yolov8", SURE, ULTRALYTICS),
    "yolov5": (yolov5, "yolov5", SURE, ULTRALYTICS),
    "yolox": (yolox, "yolox", SURE, YOLOX),
    "yolox of one class": (lambda: yolox(1), "yolox", SURE, YOLOX),
    "yolox decoded": (lambda: yolox(decoded=True), "yolox", {**SURE, "decoded": True}, YOLOX),
    "nanodet-plus": (
        nanodet_plus,
        "nanodet",
        {"bins": 8, "centre": "corner", "strides": (8, 16, 32, 64)},
        ("bgr", IMAGENET[0][::-1], IMAGENET[1][::-1], "stretch"),
    ),
    "ultraface": (
        lambda: ultraface(decoded=True),
        "ultraface",
        {"priors": False, "activated": True},
        ("rgb", (127.0,), (128.0,), "stretch"),
    ),
    "ultraface priors": (
        lambda: ultraface((640, 480), decoded=False),
        "ultraface",
        {"priors": True, "activated": True},
        ("rgb", (127.0,), (128.0,), "stretch"),
    ),
    "yolov10": (lambda: outputs_only({"output0": (1, 300, 6)}, chosen="TopK"), "yolo-end2end", {}, ULTRALYTICS),
    "scrfd": (scrfd, "scrfd", {"strides": (8, 16, 32), "anchors": 2}, ("rgb", (127.5,), (128.0,), "letterbox-topleft")),
    "retinaface": (
        lambda: outputs_only({"loc": (1, 2 * A, 4), "conf": (1, 2 * A, 2), "landms": (1, 2 * A, 10)}, strength=1 / 255),
        "retinaface",
        {},
        ("bgr", (104.0, 117.0, 123.0), (1.0,), "stretch"),
    ),
    "centerface": (
        lambda: outputs_only({str(537 + i): (1, n, 160, 160) for i, n in enumerate((1, 2, 2, 10))}, strength=1 / 255),
        "centerface",
        {"heat": "537", "size": "538", "offset": "539", "landmarks": "540"},
        ("rgb", (0.0,), (1.0,), "stretch"),
    ),
    "rt-detr": (
        lambda: outputs_only({"logits": (1, 300, 80), "pred_boxes": (1, 300, 4)}),
        "detr",
        {"boxes": "pred_boxes", "logits": "logits", "activation": "sigmoid"},
        ("rgb", (0.0,), (255.0,), "stretch"),
    ),
    "rf-detr": (
        lambda: outputs_only({"dets": (1, 300, 4), "labels": (1, 300, 91)}, (560, 560), strength=1 / 57),
        "detr",
        {"boxes": "dets", "logits": "labels", "activation": "sigmoid"},
        ("rgb", *IMAGENET, "stretch"),
    ),
    "batched": (
        lambda: outputs_only(
            {"num_dets": (1, 1), "det_boxes": (1, 100, 4), "det_scores": (1, 100), "det_classes": (1, 100)}
        ),
        "batched-nms",
        {"boxes": "det_boxes", "scores": "det_scores", "classes": "det_classes", "count": "num_dets"},
        ULTRALYTICS,
    ),
    "tensorflow": (
        lambda: outputs_only(
            {
                "detection_boxes:0": (1, 100, 4),
                "detection_classes:0": (1, 100),
                "detection_scores:0": (1, 100),
                "num_detections:0": (1,),
            },
            (-1, -1),
            layout="NHWC",
            dtype="uint8",
        ),
        "tf-detection",
        {
            "boxes": "detection_boxes:0",
            "scores": "detection_scores:0",
            "classes": "detection_classes:0",
            "count": "num_detections:0",
        },
        ("rgb", (0.0,), (1.0,), "stretch"),
    ),
    "yolov4": (
        lambda: outputs_only({"boxes": (1, 10647, 1, 4), "confs": (1, 10647, 80)}, (416, 416)),
        "boxes-scores",
        {"boxes": "boxes", "scores": "confs", "normalized": True, "activation": "none"},
        ("rgb", (0.0,), (255.0,), "stretch"),
    ),
    "blazeface": (
        lambda: outputs_only({"r": (1, 896, 16), "c": (1, 896, 1)}, (128, 128), strength=1 / 127),
        "blazeface",
        {"strides": (8, 16, 16, 16), "anchors": 2, "activated": False},
        ("rgb", (127.5,), (127.5,), "letterbox"),
    ),
    "yolo-fastestv2": (fastestv2, "yolo-fastestv2", {}, ("bgr", (0.0,), (255.0,), "stretch")),
    "palms": (
        lambda: outputs_only({"r": (1, 2016, 18), "c": (1, 2016, 1)}, (192, 192)),
        "blazeface",
        {"strides": (8, 16, 16, 16), "anchors": 2, "activated": False},
        ("rgb", (0.0,), (255.0,), "letterbox"),
    ),
}


@pytest.mark.parametrize("kind", DECIDED)
def test_families_are_decided(kind: str, tmp_path: Path) -> None:
    make, head, options, feeding = DECIDED[kind]
    identified = told(make(), tmp_path)
    assert identified.question == ""
    assert identified.spec.head == head
    assert dict(identified.spec.head_options) == options
    assert fed(identified) == feeding
    assert identified.reasons
    assert judge("head", head, identified.spec.head_options)[1] == []


ASKS: dict[str, tuple[Callable[[], Network], list[str]]] = {
    "nanodet": (
        lambda: outputs_only(
            {f"{k}{s}": (1, n, w) for k, w in (("c", 80), ("d", 32)) for s, n in ((8, 1600), (16, 400), (32, 100))},
            (320, 320),
            strength=1 / 57,
        ),
        ["--resize stretch", "--resize letterbox"],
    ),
    "nanodet without a batch": (
        lambda: outputs_only(
            {f"{k}{s}": (n, w) for k, w in (("c", 80), ("d", 32)) for s, n in ((8, 1600), (16, 400), (32, 100))},
            (320, 320),
            strength=1 / 57,
        ),
        ["--resize stretch", "--resize letterbox"],
    ),
    "rows without a batch": (lambda: outputs_only({"out": (605, 95)}, (352, 352)), ["no known kind", "--head"]),
    "yolo-fastestv2 of other classes": (lambda: fastestv2(3), ["--head yolo-fastestv2:anchors"]),
    "mmdetection": (lambda: outputs_only({"dets": (1, 100, 5), "labels": (1, 100)}), ["--color rgb", "--resize"]),
    "raw anchors": (
        lambda: outputs_only({c: (1, 3, n, n, 85) for c, n in (("a", 80), ("b", 40), ("c", 20))}),
        ["--head yolov5:anchors"],
    ),
    "nobody's": (lambda: outputs_only({"x": (1, 7, 11, 13, 2)}), ["--head"]),
    "ssd without priors": (
        lambda: outputs_only({"scores": (1, 3000, 21), "boxes": (1, 3000, 4)}, (300, 300)),
        ["--head"],
    ),
    "rows of unknown order": (
        lambda: outputs_only({"output": ("n", 6)}, chosen="NonMaxSuppression"),
        ["--head nms-rows:columns="],
    ),
    "classification": (lambda: outputs_only({"out": (1, 1000)}, (224, 224)), ["classifiers differ", "--scale"]),
    "yolox fed otherwise": (lambda: yolox(strength=2.0), ["--scale"]),
}


@pytest.mark.parametrize("kind", ASKS)
def test_what_cannot_be_known_is_asked(kind: str, tmp_path: Path) -> None:
    make, words = ASKS[kind]
    identified = told(make(), tmp_path)
    assert not identified.decided
    assert len(identified.question.splitlines()) <= 2
    for word in words:
        assert word in identified.question
    with pytest.raises(UndecidedError, match="--"):
        require(identified)


def test_the_answer_decides(tmp_path: Path) -> None:
    make, _ = ASKS["nanodet"]
    identified = told(make(), tmp_path, resize="stretch")
    assert require(identified).inputs[0].preprocess.resize == "stretch"
    identified = told(outputs_only({"x": (1, 7, 11, 13, 2)}), tmp_path, head="yolov8")
    assert identified.decided
    assert fed(identified) == ULTRALYTICS


def test_flags_win_over_everything(tmp_path: Path) -> None:
    (tmp_path / "model.yaml").write_text(
        "head: yolov8\ninput: {color: bgr, resize: crop, pad: 3}\nthresholds: {score: 0.6}\n"
    )
    identified = told(yolov8(), tmp_path)
    assert fed(identified) == ("bgr", (0.0,), (255.0,), "crop")
    assert identified.spec.thresholds.score == 0.6
    identified = told(yolov8(), tmp_path, color="rgb", resize="stretch", mean=(1.0,), scale=(2.0,), pad=9.0, score=0.1)
    assert fed(identified) == ("rgb", (1.0,), (2.0,), "stretch")
    assert identified.spec.inputs[0].preprocess.pad == 9
    assert identified.spec.thresholds.score == 0.1


def test_ultralytics_metadata(tmp_path: Path) -> None:
    metadata = {"task": "detect", "names": "{0: 'cat', 1: 'dog'}", "imgsz": "[320, 480]", "author": "Ultralytics"}
    spec = require(told(yolov8(2, (-1, -1)), tmp_path, metadata))
    assert spec.labels == ("cat", "dog")
    assert spec.inputs[0].size_wh == (480, 320)
    pose = {"task": "pose", "kpt_shape": "[5, 3]", "names": "{0: 'face'}"}
    spec = require(told(outputs_only({"output0": (1, 20, A)}), tmp_path, pose))
    assert spec.head == "yolov8-pose"
    assert spec.head_options == {"classes": 1, "dims": 3}


def test_a_segmentation_model_says_so(tmp_path: Path) -> None:
    identified = told(outputs_only({"output0": (1, 116, A), "output1": (1, 32, 160, 160)}), tmp_path)
    assert identified.spec.task == "segment"
    assert identified.spec.head == "yolov8-seg"
    assert identified.spec.head_options == {"prototypes": "output1"}
    assert identified.decided


def test_rows_are_read_by_what_they_are_made_of(tmp_path: Path) -> None:
    net = Network((640, 640))
    scores = net.op("Sigmoid", net.conv(net.stem(), 80, name="model.105.m.0.weight"))
    boxes = net.op("MatMul", net.conv("images", 4, 3), net.hold(np.eye(4, dtype=np.float32)))
    chosen = net.op("NonMaxSuppression", boxes, scores)
    view = net.op("Cast", net.op("Gather", chosen, net.hold([0]), axis=1), to=1)
    kind = net.op("Cast", net.op("GatherND", net.op("ArgMax", scores), chosen), to=1)
    best = net.op("GatherND", net.op("ReduceMax", scores), chosen)
    net.output(net.join(view, net.op("GatherND", boxes, chosen), kind, best), "output", ("n", 7))
    spec = require(told(net, tmp_path))
    assert spec.head == "nms-rows"
    assert spec.head_options == {"columns": "batch,x1,y1,x2,y2,class,score"}


def test_preprocessing_inside_the_graph_is_not_repeated(tmp_path: Path) -> None:
    net = yolov8()
    scaled = Network((640, 640))
    scaled.nodes = list(net.nodes)
    scaled.held, scaled.outputs, scaled.count = net.held, net.outputs, 1000
    turned = scaled.op("Gather", "images", scaled.hold([2, 1, 0]), axis=1)
    unit = scaled.op("Div", turned, scaled.hold(np.float32(255)))
    scaled.nodes = [scaled.nodes[-2], scaled.nodes[-1], *scaled.nodes[:-2]]
    scaled.nodes[2].input[0] = unit
    identified = told(scaled, tmp_path)
    assert fed(identified) == ("bgr", (0.0,), (1.0,), "letterbox")


@pytest.mark.parametrize(("means", "order"), [((123.675, 116.28, 103.53), "rgb"), ((103.53, 116.28, 123.675), "bgr")])
def test_means_in_the_graph_tell_the_channel_order(means: tuple[float, ...], order: str, tmp_path: Path) -> None:
    net = Network((640, 640))
    shape = (1, 3, 1, 1)
    away = net.op("Sub", "images", net.hold(np.array(means, np.float32).reshape(shape)))
    features = net.stem(net.op("Div", away, net.hold(np.full(shape, 58, np.float32))))
    box = net.mul(net.conv(features, 4), 8.0)
    out = net.join(box, net.op("Sigmoid", net.conv(features, 80)))
    net.output(out, "output0", (1, 84, 8400))
    assert fed(told(net, tmp_path))[0] == order


def test_a_bias_in_its_own_node_is_no_decoding(tmp_path: Path) -> None:
    """As converters write it: packed weights, a bias added behind the convolution."""
    net = Network((320, 240))
    features = net.stem(strength=1 / 128)
    boxes = net.op("Conv", features, net.op("Cast", net.hold(np.full((12, 8, 1, 1), 0.01, np.float16)), to=1))
    boxes = net.op("Add", boxes, net.op("Cast", net.hold(np.ones((1, 12, 1, 1), np.float16)), to=1))
    net.output(net.op("Softmax", net.conv(features, 6)), "scores", (1, 4420, 2))
    net.output(net.op("Reshape", boxes, net.hold([1, 4420, 4])), "boxes", (1, 4420, 4))
    identified = told(net, tmp_path)
    assert identified.spec.head == "ultraface"
    assert identified.spec.head_options["priors"] is True


def test_who_asks_for_the_size_does_not_hide_the_first_step(tmp_path: Path) -> None:
    net = Network((320, 240))
    net.op("Shape", "images")
    features = net.stem(net.mul("images", 1 / 128))
    net.output(net.op("Softmax", net.conv(features, 6)), "scores", (1, 4420, 2))
    net.output(net.conv(features, 12), "boxes", (1, 4420, 4))
    identified = told(net, tmp_path)
    assert identified.decided
    assert fed(identified)[1:3] == ((0.0,), (1.0,))


def test_a_size_that_only_served_to_write_the_file(tmp_path: Path) -> None:
    """Networks that take any size are published with the few pixels that were at hand when they were written."""
    net = outputs_only({str(537 + i): (1, n, 8, 8) for i, n in enumerate((1, 2, 2, 10))}, (32, 32), strength=1 / 255)
    identified = told(net, tmp_path)
    assert identified.decided
    assert identified.spec.inputs[0].tensor.shape == (None, 3, 640, 640)
    assert any("32x32" in doubt for doubt in identified.doubts)
    (tmp_path / "model.yaml").write_text("input: {size: [640, 480]}")
    assert told(net, tmp_path).spec.inputs[0].size_wh == (640, 480)


def test_labels_decide_nothing_but_must_fit(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("a\nb\nc\n")
    assert told(yolov8(3), tmp_path).spec.labels == ("a", "b", "c")
    with pytest.raises(ModelError, match=r"labels\.txt: 3 labels, but the model has 4 classes"):
        told(yolov8(4), tmp_path)
    assert told(yolov8(4), tmp_path, labels=("w", "x", "y", "z")).spec.labels == ("w", "x", "y", "z")
    surplus = told(yolov8(2), tmp_path)
    assert surplus.spec.labels == ("a", "b")
    assert "labels.txt" in surplus.warnings[0]


def test_coco_names_are_a_doubt(tmp_path: Path) -> None:
    identified = told(yolov8(80), tmp_path)
    assert identified.spec.labels[:3] == ("person", "bicycle", "car")
    assert any("COCO" in doubt for doubt in identified.doubts)


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"head": "yollo"}, "yolo"),
        ({"head": "yolov8", "head_options": {"regmax": 8}}, "reg_max"),
        ({"classes": ["persn"]}, "person"),
        ({"per_class": {"dgo": 0.5}}, "dog"),
        ({"mean": [1, 2]}, "--mean"),
        ({"scale": [0]}, "--scale"),
    ],
)
def test_wrong_flags_name_themselves(flags: dict[str, object], words: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=words):
        told(yolov8(), tmp_path, None, **flags)


def test_classes_are_found_in_any_case(tmp_path: Path) -> None:
    assert told(yolov8(), tmp_path, classes=("Person",)).decided


def test_a_second_input_is_fed_or_refused(tmp_path: Path) -> None:
    net = outputs_only({"labels": (1, 300), "boxes": (1, 300, 4), "scores": (1, 300)}, dtypes={"labels": "int64"})
    net.input("orig_target_sizes", (1, 2), "int64")
    spec = require(told(net, tmp_path))
    assert spec.head == "detr"
    assert [item.source for item in spec.inputs] == ["view", "size_wh"]
    net = yolov8()
    net.input("temperature", (1,))
    assert "temperature" in told(net, tmp_path).question


def test_preprocessor_config_of_a_transformer(tmp_path: Path) -> None:
    (tmp_path / "preprocessor_config.json").write_text(
        json.dumps(
            {
                "do_normalize": False,
                "do_rescale": True,
                "rescale_factor": 1 / 255,
                "size": {"height": 512, "width": 640},
            }
        )
    )
    net = outputs_only({"logits": (1, 100, 92), "pred_boxes": (1, 100, 4)}, (-1, -1))
    identified = told(net, tmp_path)
    assert identified.decided
    color, mean, scale, resize = fed(identified)
    assert (color, mean, resize) == ("rgb", (0.0,), "stretch")
    assert scale == pytest.approx((255.0,))
    assert identified.spec.inputs[0].size_wh == (640, 512)


def test_the_report_is_json(tmp_path: Path) -> None:
    report = describe(told(ultraface(decoded=True), tmp_path))
    assert json.loads(json.dumps(report)) == report
    for key in ("task", "head", "head_options", "confidence", "decided", "inputs", "outputs", "preprocess", "labels"):
        assert key in report
    assert report["decided"] is True
    assert report["labels"] == ["background", "face"]


def test_the_hash_is_of_the_weights(tmp_path: Path) -> None:
    import hashlib

    identified = told(yolov8(), tmp_path)
    assert identified.spec.sha256 == hashlib.sha256(identified.weights.read_bytes()).hexdigest()
