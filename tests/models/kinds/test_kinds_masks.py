"""Files with masks, oriented boxes, grids and decoded rows are known by their names, shapes and operations."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from networks import Network, cells, outputs_only

from sightline.config import ModelConfig
from sightline.models.identify import Identified, identify
from sightline.parts import judge

A = cells((640, 640))
IMAGENET = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))


def told(network: Network, folder: Path, name: str = "net", metadata: dict[str, str] | None = None, **flags: object):
    path = network.save(folder / f"{name}.onnx", metadata)
    return identify(ModelConfig.model_validate({"path": str(path), **flags}))


def fed(identified: Identified) -> tuple[object, ...]:
    steps = identified.spec.inputs[0].preprocess
    return steps.color.value, steps.mean, steps.scale, steps.resize.value


def yolo(
    classes: int = 80,
    extra: int = 0,
    angle: str = "",
    protos: str = "first",
    turned: bool = False,
    strength: float = 1.0,
) -> Network:
    """YOLOv8's end: boxes, classes by a sigmoid, `extra` plain channels or an angle, and prototypes."""
    net = Network((640, 640))
    features = net.stem()
    boxes = net.mul(net.op("Div", net.add(net.conv(features, 4), 0.5), net.hold(np.float32(2))), 8.0)
    parts = [boxes, net.op("Sigmoid", net.conv(features, classes))]
    if extra:
        parts.append(net.conv(features, extra))
    if angle:
        turn = net.conv(features, 1)
        parts.append(net.mul(net.add(net.op("Sigmoid", turn), -0.25), np.pi) if angle == "sigmoid" else turn)
    columns = 4 + classes + extra + bool(angle)
    joined = net.join(*parts)
    if turned:
        net.output(net.op("Transpose", joined, perm=[0, 2, 1]), "output0", (1, A, columns))
    else:
        net.output(joined, "output0", (1, columns, A))
    if protos:
        shape = (1, extra, 160, 160) if protos == "first" else (1, 160, 160, extra)
        net.output(net.conv(features, extra), "output1", shape)
    return net


def end2end(columns: int, angle: bool = False, size: tuple[int, int] = (640, 640)) -> Network:
    """Rows that TopK chose, made of boxes, scores and (columns - 6) plain channels."""
    net = Network(size)
    features = net.stem()
    scores = net.op("Sigmoid", net.conv(features, 15))
    count = net.hold([300])
    top, at = (f"top{k}" for k in range(2))
    from onnx import helper

    net.nodes.append(helper.make_node("TopK", [net.op("Flatten", scores), count], [top, at], name="top"))
    parts = [net.mul(net.conv(features, 4), 8.0), top, net.op("Cast", net.op("Mod", at, net.hold([15])), to=1)]
    parts.append(net.conv(features, columns - 6))
    net.output(net.join(*parts, axis=-1), "output0", (1, 300, columns))
    if columns > 7:
        net.output(net.conv(features, columns - 6), "output1", (1, columns - 6, size[1] // 4, size[0] // 4))
    return net


def deepstream(order: str = "corners", three: bool = False) -> Network:
    """Boxes, the best score and its class, for every cell."""
    net = Network((640, 640))
    features = net.stem()
    low, high = net.op("Sub", "points", net.conv(features, 2)), net.op("Add", "points", net.conv(features, 2))
    net.hold(np.zeros((1, 2, 3, 3), np.float32), "points")
    if order == "centres":
        low, high = net.op("Div", net.op("Add", low, high), net.hold(np.float32(2))), net.op("Sub", high, low)
    boxes = net.mul(net.join(low, high) if order != "unknown" else net.conv(features, 4), 8.0)
    if order == "turned":
        boxes = net.op("MatMul", boxes, net.hold(np.eye(4, dtype=np.float32)))
    scores = net.op("Sigmoid", net.conv(features, 80))
    best, kind = net.op("ReduceMax", scores), net.op("Cast", net.op("ArgMax", scores), to=1)
    if three:
        for name, tensor, n in (("boxes", boxes, 4), ("scores", best, 1), ("classes", kind, 1)):
            net.output(tensor, name, (1, A, n))
    else:
        net.output(net.join(boxes, best, kind, axis=-1), "output", (1, A, 6))
    return net


def fomo(size: int = 96, layout: str = "NHWC", classes: int = 3) -> Network:
    net = Network((size, size))
    shares = net.op("Softmax", net.conv(net.stem(), classes))
    cell = size // 8
    shape = (1, cell, cell, classes) if layout == "NHWC" else (1, classes, cell, cell)
    net.output(shares, "output", shape)
    return net


def detectnet() -> Network:
    return outputs_only({"output_bbox/BiasAdd:0": (1, 12, 34, 60), "output_cov/Sigmoid:0": (1, 3, 34, 60)}, (960, 544))


SEG: dict[str, Any] = {"activated": True, "prototypes": "output1"}
ULTRALYTICS = ("rgb", (0.0,), (255.0,), "letterbox")
TORCHVISION = {"boxes": (20, 4), "labels": (20,), "scores": (20,), "masks": (20, 1, 28, 28)}
DECIDED: dict[str, tuple[Callable[[], Network], str, str, dict[str, Any], tuple[object, ...] | None]] = {
    "yolov8-seg": (lambda: yolo(extra=32), "yolov8-seg", "segment", SEG, ULTRALYTICS),
    "yolov8-seg turned, channels last": (
        lambda: yolo(extra=32, protos="last", turned=True),
        "yolov8-seg",
        "segment",
        {**SEG, "channels_last": True},
        ULTRALYTICS,
    ),
    "yolov8-obb": (
        lambda: yolo(15, angle="sigmoid", protos=""), "yolov8-obb", "obb", {"activated": True}, ULTRALYTICS
    ),
    "yolo26-obb": (lambda: yolo(15, angle="plain", protos=""), "yolov8-obb", "obb", {"activated": True}, ULTRALYTICS),
    "yolo26-obb rows": (lambda: end2end(7, True), "yolo-end2end-obb", "obb", {}, ULTRALYTICS),
    "yolo26-seg rows": (
        lambda: end2end(38), "yolo-end2end-seg", "segment", {"prototypes": "output1"}, ULTRALYTICS
    ),
    # 300 rows are the cells of one grid of 320 pixels too
    "yolo26-seg rows, small": (
        lambda: end2end(38, size=(320, 320)), "yolo-end2end-seg", "segment", {"prototypes": "output1"}, ULTRALYTICS
    ),
    "yolact": (
        lambda: outputs_only(
            {"loc": (1, 19248, 4), "conf": (1, 19248, 81), "mask": (1, 19248, 32), "proto": (1, 138, 138, 32)},
            (550, 550),
            strength=1 / 58,
        ),
        "yolact",
        "segment",
        {"boxes": "loc", "scores": "conf", "coefficients": "mask", "prototypes": "proto"},
        ("rgb", (123.68, 116.78, 103.94), (58.4, 57.12, 57.38), "stretch"),
    ),
    "peoplesegnet": (
        lambda: outputs_only(
            {"generate_detections": (1, 100, 6), "mask_fcn_logits/BiasAdd": (1, 100, 2, 28, 28)},
            (960, 576),
            strength=1 / 58,
        ),
        "mask-rcnn",
        "segment",
        {"rows": "generate_detections", "masks": "mask_fcn_logits/BiasAdd", "activated": False},
        ("rgb", *IMAGENET, "stretch"),
    ),
    "tensorflow masks": (
        lambda: outputs_only(
            {
                "num_detections": (1,),
                "detection_boxes": (1, 100, 4),
                "detection_scores": (1, 100),
                "detection_classes": (1, 100),
                "detection_masks": (1, 100, 15, 15),
            },
            strength=1 / 255,
        ),
        "mask-rcnn",
        "segment",
        {
            "boxes": "detection_boxes",
            "scores": "detection_scores",
            "classes": "detection_classes",
            "count": "num_detections",
            "masks": "detection_masks",
            "order": "yxyx",
            "normalized": True,
        },
        ("rgb", (0.0,), (1.0,), "stretch"),
    ),
    "tao mask2former": (
        lambda: outputs_only(
            {"pred_masks": (1, 100, 640, 640), "pred_scores": (1, 100), "pred_classes": (1, 100)}, strength=1 / 58
        ),
        "mask-queries",
        "segment",
        {"masks": "pred_masks", "scores": "pred_scores", "classes": "pred_classes"},
        ("rgb", *IMAGENET, "stretch"),
    ),
    "detectnet": (
        detectnet,
        "detectnet",
        "detect",
        {"cov": "output_cov/Sigmoid:0", "bbox": "output_bbox/BiasAdd:0"},
        ("rgb", (0.0,), (255.0,), "stretch"),
    ),
    "deepstream-yolo": (deepstream, "decoded-rows", "detect", {"order": "xyxy"}, ULTRALYTICS),
    "deepstream-yolo, centres turned to corners": (
        lambda: deepstream("turned"), "decoded-rows", "detect", {"order": "xyxy"}, ULTRALYTICS
    ),
    "deepstream-yolo of three": (
        lambda: deepstream("centres", three=True),
        "decoded-rows",
        "detect",
        {"boxes": "boxes", "scores": "scores", "classes": "classes", "order": "cxcywh"},
        ULTRALYTICS,
    ),
    "tao yolo": (
        lambda: outputs_only(
            {
                "BatchedNMS": (1, 1),
                "BatchedNMS_1": (1, 200, 4),
                "BatchedNMS_2": (1, 200),
                "BatchedNMS_3": (1, 200),
            },
            strength=1 / 100,
        ),
        "batched-nms",
        "detect",
        {
            "count": "BatchedNMS",
            "boxes": "BatchedNMS_1",
            "scores": "BatchedNMS_2",
            "classes": "BatchedNMS_3",
            "normalized": True,
        },
        None,
    ),
    "tao ssd": (
        lambda: outputs_only({"NMS": (1, 1, 200, 7), "NMS_1": (1, 1, 1, 1)}, strength=1 / 100),
        "detection-output",
        "detect",
        {"count": "NMS_1"},
        None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", list(DECIDED))
def test_outputs_are_recognised(kind: str, tmp_path: Path) -> None:
    make, head, task, options, way = DECIDED[kind]
    identified = told(make(), tmp_path)
    assert (identified.spec.head, identified.spec.task) == (head, task)
    assert dict(identified.spec.head_options) == options
    assert judge("head", head, options)[1] == []
    assert identified.confidence >= 0.8
    if way is None:
        # TAO's own networks are fed in two ways
        assert "--resize" in identified.question
    else:
        assert identified.decided, identified.question
        assert fed(identified) == way


def test_coco_s_names_are_those_of_masks_too(tmp_path: Path) -> None:
    assert told(yolo(extra=32), tmp_path).spec.labels[:2] == ("person", "bicycle")
    assert told(DECIDED["yolact"][0](), tmp_path).spec.labels[:2] == ("background", "person")


ASKED: dict[str, tuple[Callable[[], Network], list[str]]] = {
    "torchvision masks": (lambda: outputs_only(TORCHVISION), ["--resize stretch", "--resize letterbox-topleft"]),
    "queries": (
        lambda: outputs_only(
            {"class_queries_logits": (1, 100, 134), "masks_queries_logits": (1, 100, 96, 96)}, strength=1 / 58
        ),
        ["mask-queries:mode=instance", "mask-queries:mode=semantic"],
    ),
    "yolact of other priors": (
        lambda: outputs_only(
            {"a": (1, 999, 4), "b": (1, 999, 3), "c": (1, 999, 16), "d": (1, 16, 80, 80)}, strength=1 / 58
        ),
        ["--head yolact:strides"],
    ),
    "yolact of 544 pixels": (
        lambda: outputs_only(
            {"a": (1, 18525, 4), "b": (1, 18525, 3), "c": (1, 18525, 32), "d": (1, 136, 136, 32)},
            (544, 544),
            strength=1 / 58,
        ),
        ["--head yolact or --head yolact:square=false,base=544"],
    ),
    "fomo without a name": (fomo, ["--head fomo", "--head semantic", "--resize crop", "--resize stretch"]),
    "coarse map of a large network": (lambda: fomo(640, "NCHW"), ["--head fomo", "--head semantic"]),
    "rows of unknown order": (lambda: deepstream("unknown"), ["order=xyxy", "order=cxcywh"]),
    "seven columns": (
        lambda: outputs_only({"o": (1, 300, 7)}, chosen="TopK"), ["yolo-end2end-obb", "nms-rows:columns"]
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", list(ASKED))
def test_what_the_file_leaves_open_is_asked(kind: str, tmp_path: Path) -> None:
    make, words = ASKED[kind]
    identified = told(make(), tmp_path)
    assert not identified.decided
    assert len(identified.question.splitlines()) <= 2
    for word in words:
        assert word in identified.question


@pytest.mark.parametrize("mode", ["panoptic", "semantic", "instance"])
def test_a_name_tells_what_queries_are_for(mode: str, tmp_path: Path) -> None:
    net = outputs_only(
        {"class_queries_logits": (1, 100, 134), "masks_queries_logits": (1, 100, 96, 96)}, strength=1 / 58
    )
    identified = told(net, tmp_path, f"mask2former-swin-tiny-coco-{mode}", resize="stretch")
    assert identified.decided
    assert identified.spec.head_options["mode"] == mode
    assert identified.spec.task == ("semantic" if mode == "semantic" else "segment")


def test_metadata_and_names_tell_angles(tmp_path: Path) -> None:
    metadata = {"task": "obb", "names": "{0: 'plane', 1: 'ship'}"}
    spec = told(outputs_only({"output0": (1, 7, A)}), tmp_path, metadata=metadata).spec
    assert (spec.head, spec.labels) == ("yolov8-obb", ("plane", "ship"))
    spec = told(outputs_only({"output0": (1, 300, 7)}, chosen="TopK"), tmp_path, metadata=metadata).spec
    assert spec.head == "yolo-end2end-obb"


@pytest.mark.parametrize(("kernel", "name", "scale"), [(7, "net", 58.395), (3, "net", 255.0), (3, "dino", 58.395)])
def test_queries_are_fed_as_their_backbones_are(kernel: int, name: str, scale: float, tmp_path: Path) -> None:
    net = Network((640, 640))
    weights = np.full((8, 3, kernel, kernel), 1 / kernel**2, np.float32)
    features = net.op("Conv", "images", net.hold(weights))
    net.output(net.conv(features, 11), "pred_logits", (1, 300, 11))
    net.output(net.conv(features, 4), "pred_boxes", (1, 300, 4))
    identified = told(net, tmp_path, name, resize="stretch")
    assert identified.spec.head == "detr"
    assert fed(identified)[2][0] == scale  # type: ignore[index]


def test_raw_grids_of_older_yolos_are_asked_for_theirs(tmp_path: Path) -> None:
    grids = outputs_only({c: (1, 3, n, n, 85) for c, n in (("a", 80), ("b", 40), ("c", 20))})
    assert "--head darknet-yolo:anchors" in told(grids, tmp_path, "yolov3-spp").question
    assert "--head yolov5:anchors" in told(grids, tmp_path, "mine").question


def test_fomo_by_name_and_size(tmp_path: Path) -> None:
    identified = told(fomo(), tmp_path, "ei-bottles-fomo", resize="crop")
    assert identified.decided
    assert identified.confidence >= 0.9
    assert dict(identified.spec.head_options) == {"activated": True, "channels_last": True}
    assert told(fomo(layout="NCHW"), tmp_path, resize="crop").spec.head_options["channels_last"] is False
    (tmp_path / "labels.txt").write_text("bottle\ncup\n")
    identified = told(fomo(), tmp_path, resize="crop")
    assert identified.decided
    assert identified.spec.labels == ("background", "bottle", "cup")
