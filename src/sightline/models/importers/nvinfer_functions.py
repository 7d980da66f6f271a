"""DeepStream's parse functions by name -> the heads that read what they read; nothing of their code is loaded."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

__all__ = ["Reads", "likely", "reads"]


@dataclass(frozen=True, slots=True)
class Reads:
    """heads: the one to be sure of first, then others that such a function is used with. what: its outputs, in words.

    options: of the first head.
    """

    heads: tuple[str, ...]
    what: str
    options: dict[str, object] = field(default_factory=dict[str, object])


_DARKNET = ("darknet-yolo", "darknet-region")
_RAW = ("yolov8", "yolov5", "yolox", "yolo-end2end")
_DECODED = Reads(
    ("decoded-rows", *_DARKNET, "nms-rows", "yolo-end2end", "yolov8-obb", "yolo-end2end-obb"),
    "rows of a box, its best score and its class",
)
_YOLOV8 = Reads(("yolov8", "yolo-end2end", "decoded-rows"), "boxes and class scores, [4+C, A]")
_YOLOV5 = Reads(("yolov5", "decoded-rows", "yolov8"), "boxes, objectness and class scores, [A, 5+C]")
_REGION = Reads(("darknet-region",), "a region layer's grid")
_YOLO = Reads(("darknet-yolo",), "yolo layers' grids")
_NMS = Reads(("detection-output",), "rows of 7 and their count")
_DETR = Reads(("detr",), "logits and boxes of queries")
_BATCHED = Reads(("batched-nms",), "count, boxes, scores and classes")
_MASK_RCNN = Reads(("mask-rcnn",), "objects and a mask for each")
_MAP = Reads(("semantic",), "a class for every pixel")
_TF = Reads(("tf-detection",), "detection_boxes, detection_scores, detection_classes, num_detections")
_PLATE = Reads(("ctc",), "characters at every step of a line")
_FACE = Reads(("yolov7-pose", "yolov8-pose", "yolo-end2end-pose"), "faces and their landmarks")

# the name without NvDsInfer, Parse, Custom, and what says how it is compiled; in lower case
_READS: dict[str, Reads] = {
    "yolo": _DECODED,
    "yoloe": Reads(_DECODED.heads, _DECODED.what, {"order": "xyxy"}),
    "yolooriginal": Reads(("yolov5", "yolov8", "darknet-yolo", "decoded-rows"), "YOLO's candidates"),
    "yolov2": _REGION,
    "yolov2tiny": _REGION,
    "yolov3": _YOLO,
    "yolov3tiny": _YOLO,
    "yolov4": Reads(("boxes-scores", "darknet-yolo"), "boxes and class scores of YOLOv4"),
    "yolov5": _YOLOV5,
    "yolov6": Reads(("yolox", "yolov5", "yolov8"), "boxes, objectness and class scores"),
    "yolov7": _YOLOV5,
    "yolov8": _YOLOV8,
    "yolov9": _YOLOV8,
    "yolov10": Reads(("yolo-end2end", "yolov8"), "rows of a box, its score and its class"),
    "yolov11": _YOLOV8,
    "yolov12": _YOLOV8,
    "yolox": Reads(("yolox",), "boxes with grid offsets"),
    "yolov8obb": Reads(("yolov8-obb", "yolo-end2end-obb"), "oriented boxes"),
    "yolov11obb": Reads(("yolov8-obb", "yolo-end2end-obb"), "oriented boxes"),
    "yoloface": _FACE,
    "yolov8face": Reads(("yolov8-pose",), "faces and their landmarks"),
    "yolopose": Reads(("yolov8-pose", "yolov7-pose", "yolo-end2end-pose"), "people and their key points"),
    "yoloseg": Reads(("yolov8-seg", "yolov5-seg", "yolo-end2end-seg"), "objects, coefficients and prototypes"),
    "yolov8seg": Reads(("yolov8-seg", "yolo-end2end-seg"), "objects, coefficients and prototypes"),
    "yolov5seg": Reads(("yolov5-seg",), "objects, coefficients and prototypes"),
    "batchednmstlt": _BATCHED,
    "batchedyolov5nmstlt": Reads(("batched-nms",), "count, boxes, scores and classes", {"normalized": False}),
    "yolov5batchednmstlt": Reads(("batched-nms",), "count, boxes, scores and classes", {"normalized": False}),
    "nmstlt": _NMS,
    "efficientnms": _BATCHED,
    "efficientdettao": _TF,
    "tfssd": _TF,
    "ssd": Reads(("detection-output", "tf-detection", "ssd"), "SSD's objects"),
    "ddetrtao": _DETR,
    "rtdetrtao": _DETR,
    "rtdetr": _DETR,
    "detr": _DETR,
    "resnet": Reads(("detectnet",), "DetectNet_v2's coverage and sides"),
    "retinaface": Reads(("retinaface",), "faces and their landmarks"),
    "retinanet": Reads(("detection-output", "boxes-scores"), "RetinaNet's objects"),
    "mrcnntlt": _MASK_RCNN,
    "mrcnntltv2": _MASK_RCNN,
    "mask2former": Reads(("mask-queries",), "classes and masks of queries"),
    "segformertao": _MAP,
    "segformertao2": _MAP,
    "peoplesemsegnet": _MAP,
    "changenet": _MAP,
    "nvplate": _PLATE,
    "softmax": Reads(("classify",), "a row of logits", {"activation": "softmax"}),
    "nonsoftmax": Reads(("classify",), "a row of scores"),
    "poseclassification": Reads(("classify",), "a row of scores for a window of skeletons"),
}
_AROUND = re.compile(r"^(nvds(infer)?)?(classiferparse|classifierparse|parse)?(custom)?(bbox)?", re.I)
_COMPILED = re.compile(r"(_cuda|_gpu|_cpu|_trt)$", re.I)
# words in a name that nobody knows -> what it likely reads
_WORDS = (
    ("obb", "yolov8-obb"), ("pose", "yolov8-pose"), ("seg", "yolov8-seg or semantic"), ("plate", "ctc"), ("lpr", "ctc"),
    ("ocr", "ctc"), ("yolov8", "yolov8"), ("yolov11", "yolov8"), ("yolov12", "yolov8"), ("yolov9", "yolov8"),
    ("yolov10", "yolo-end2end"), ("yolox", "yolox"), ("yolov2", "darknet-region"), ("yolov3", "darknet-yolo"),
    ("yolo", "yolov5, yolov8 or decoded-rows"), ("nanodet", "nanodet"), ("retinaface", "retinaface"),
    ("scrfd", "scrfd"), ("centerface", "centerface"), ("centernet", "centernet"), ("face", "retinaface or scrfd"),
    ("detr", "detr"), ("efficientdet", "tf-detection"), ("ssd", "tf-detection or ssd"), ("nms", "batched-nms"),
    ("mask", "mask-rcnn"), ("rcnn", "detection-output"), ("class", "classify"), ("softmax", "classify"),
)  # fmt: skip


def reads(function: str) -> Reads | None:
    """What the function of that name reads; None for one that nobody knows."""
    bare = _COMPILED.sub("", function.strip())
    bare = _AROUND.sub("", bare).lower().replace("_", "")
    return _READS.get(bare) or _READS.get(bare.replace("custom", ""))


def likely(function: str) -> str:
    """The heads that a function of an unknown name may stand for, by the words in it; "" where none tells."""
    bare = function.lower()
    return next((head for word, head in _WORDS if word in bare), "")
