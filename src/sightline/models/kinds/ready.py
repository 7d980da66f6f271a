"""Outputs that are objects already, or boxes and scores apart: suppressed in the graph, SSD, DETR."""

from __future__ import annotations

import re

from sightline.models.graphs.graph import Node
from sightline.models.kinds.evidence import Facts, first_conv, strands
from sightline.models.kinds.reading import Reading
from sightline.types import TensorSpec

__all__ = ["read_detection_output", "read_detr", "read_pairs", "read_ready", "read_rows"]


def read_detection_output(facts: Facts) -> Reading | None:
    """[1, 1, K, 7] rows of Caffe's and OpenVINO's DetectionOutput; also boxes [K, 5] with labels [K]."""
    if len(facts.outputs) == 1:
        output = facts.outputs[0]
        if len(output.shape) != 4 or output.shape[3] != 7 or output.shape[1] not in (1, None):
            return None
        node = next((n for n in facts.graph.nodes if n.op == "DetectionOutput"), None)
        why = [f"output {output.name} holds rows of image id, label, score and four fractions"]
        classes, background = None, 0
        if node is not None:
            classes = _int(node, "num_classes") or _classes_behind(facts, node)
            background = _int(node, "background_label_id", 0)
            if background > 0 and classes:
                # the last class is none: the others count from 0
                classes -= 1
            why.append(
                f"made by DetectionOutput{f' with {classes} classes' if classes else ''}, background {background}"
            )
        options: dict[str, object] = {"background": background}
        family = _ssd_family(facts)
        names = _zoo_names(facts.hints)
        names = names if background == 0 else names[1:]
        if classes and len(names) != classes:
            names = ()
        if names:
            why.append("its name is one of Open Model Zoo's, whose labels are known")
        return Reading(
            "detection-output",
            family,
            0.95,
            tuple(why),
            options,
            classes=classes or None,
            background=background == 0,
            names=names,
        )
    return _boxes_labels(facts)


# Open Model Zoo's own detectors state no labels; ids as its documentation gives them.
_ZOO = (
    ("pedestrian-and-vehicle", ("background", "vehicle", "pedestrian")),
    ("vehicle-license-plate", ("background", "vehicle", "license plate")),
    ("face-person", ("background", "face")),
    ("person-vehicle-bike", ()),
    ("face", ("background", "face")),
    ("pedestrian", ("background", "pedestrian")),
    ("person", ("background", "person")),
    ("vehicle", ("background", "vehicle")),
    ("product", ()),
)


def _zoo_names(hints: str) -> tuple[str, ...]:
    return next((names for word, names in _ZOO if word in hints), ())


def _classes_behind(facts: Facts, node: Node) -> int:
    """The class count where the op's later version no longer states it: scores over boxes, four numbers a box."""
    boxes, scores = (facts.graph.dims.get(name, ()) for name in node.inputs[:2])
    if len(boxes) != 2 or len(scores) != 2 or min(*boxes, *scores) < 1:
        return 0
    return scores[1] * 4 // boxes[1]


def _int(node: Node, key: str, default: int = 0) -> int:
    value = str(node.attributes.get(key, default))
    return int(value) if value.removeprefix("-").isdecimal() and len(value) < 20 else default


def _ssd_family(facts: Facts) -> str:
    meta = facts.graph.metadata
    framework = next((v.lower() for k, v in meta.items() if k.endswith("framework")), "")
    turned = next((v.lower() for k, v in meta.items() if "reverse_input_channels" in k and "model_info" not in k), "")
    pipeline = any("tensorflow_object_detection" in k and v.lower() not in ("none", "") for k, v in meta.items())
    if _zoo_names(facts.hints):
        return "caffe-ssd"
    if (framework in ("tf", "tensorflow") or pipeline) and turned not in ("true", "1", "yes"):
        return "tf-detection"
    return "caffe-ssd"


def _boxes_labels(facts: Facts) -> Reading | None:
    """boxes [K, 5] and labels [K]: Open Model Zoo's newer detectors, and MMDetection's with a batch axis."""
    if len(facts.outputs) != 2:
        return None
    boxes = next((o for o in facts.outputs if o.shape and o.shape[-1] == 5), None)
    labels = next((o for o in facts.outputs if o is not boxes and o.name.lower().startswith("label")), None)
    if boxes is None or labels is None:
        return None
    if len(boxes.shape) == 3:
        why = f"{boxes.name} [N, K, 5] and {labels.name} [N, K]: MMDetection's export"
        return Reading("detection-output", "mmdetection", 0.7, (why,), {"normalized": False})
    why = f"{boxes.name} [K, 5] (box and score) and {labels.name} [K]"
    family = "caffe-ssd" if facts.graph.format == "openvino" else "mmdetection"
    doubts = ("whether label 0 is the first name is taken as given",)
    names = _zoo_names(facts.hints)[1:]
    return Reading("detection-output", family, 0.75, (why,), {"normalized": False}, names=names, doubts=doubts)


# -- rows ------------------------------------------------------------------------------------------------------------


def read_rows(facts: Facts) -> Reading | None:
    """[M, 7] or [M, 6]: one row an object; the order of columns from the output's name or the last nodes."""
    if len(facts.outputs) != 1 or len(facts.outputs[0].shape) not in (2, 3):
        return None
    output = facts.outputs[0]
    width = output.shape[-1]
    if width not in (6, 7) or not facts.graph.has("NonMaxSuppression", "MulticlassNms", "MatrixNms"):
        return None
    if len(output.shape) == 3 and output.shape[0] != 1:
        return None
    columns = _columns_by_name(output.name) or _columns_by_parts(facts, output)
    family = _yolo_family(facts)
    why = f"output {output.name}: one row an object, suppressed in the graph"
    classes = _classes_before_nms(facts)
    if columns is None:
        options = {"columns": "batch,class,score,x1,y1,x2,y2" if width == 7 else "x1,y1,x2,y2,score,class"}
        asked = ("--head", (f"nms-rows:columns={options['columns']}",), "the order of its columns stands nowhere")
        return Reading("nms-rows", family, 0.4, (why,), options, classes=classes, open=(asked,))
    told = f"its columns are {columns}"
    return Reading("nms-rows", family, 0.9, (why, told), {"columns": columns}, classes=classes)


_TOKENS = {
    "batchno": "batch",
    "batchid": "batch",
    "batch": "batch",
    "classid": "class",
    "classno": "class",
    "class": "class",
    "label": "class",
    "score": "score",
    "conf": "score",
    "x1y1x2y2": "x1,y1,x2,y2",
    "y1x1y2x2": "y1,x1,y2,x2",
    "xyxy": "x1,y1,x2,y2",
    "cxcywh": "cx,cy,w,h",
}


def _columns_by_name(name: str) -> str | None:
    words = [w for w in re.split(r"[^a-z0-9]+", name.lower()) if w]
    columns = [_TOKENS[w] for w in words if w in _TOKENS]
    joined = ",".join(columns)
    return joined if "score" in joined and ("x1" in joined or "cx" in joined) else None


def _columns_by_parts(facts: Facts, output: TensorSpec) -> str | None:
    """The order of columns from what the four joined parts are made of; None where a part does not tell."""
    tensor = facts.graph.tensor(output.name)
    node = facts.graph.maker.get(tensor)
    while node is not None and node.op in ("Identity", "Cast"):
        node = facts.graph.maker.get(node.inputs[0])
    if node is None or node.op != "Concat" or len(node.inputs) != (output.shape[-1] or 0) - 3:
        return None
    found = [_part_of_row(facts, part) for part in node.inputs]
    if found.count("index") == 2:
        # a suppression's own indices: view first, then class
        found[found.index("index")] = "batch"
        found[found.index("index")] = "class"
    words = ["batch" if word == "index" else word for word in found]
    wanted = {"batch", "class", "score", "x1,y1,x2,y2"} if len(words) == 4 else {"class", "score", "x1,y1,x2,y2"}
    return ",".join(words) if set(words) == wanted else None


def _part_of_row(facts: Facts, tensor: str) -> str:
    made = {node.op for node in facts.graph.makers(tensor)}
    if made == {"NonMaxSuppression"}:
        return "index"
    if made == {"ArgMax"}:
        return "class"
    if made <= {"ReduceMax", "Sqrt", "Sigmoid", "TopK", "Max"} and made:
        return "score"
    return "x1,y1,x2,y2" if made & {"MatMul", "Sub", "Add"} else ""


def _classes_before_nms(facts: Facts) -> int | None:
    """Class channels of the convolutions behind the suppression's scores."""
    node = next((n for n in facts.graph.nodes if n.op == "NonMaxSuppression"), None)
    if node is None or len(node.inputs) < 2:
        return None
    stack, counts, seen = [node.inputs[1]], set[int](), set[str]()
    while stack and len(seen) < 400:
        name = stack.pop()
        maker = facts.graph.maker.get(name)
        if maker is None or name in seen:
            continue
        seen.add(name)
        if maker.op == "Conv":
            counts.add(int((facts.graph.shapes.get(maker.inputs[1]) or (0,))[0]))
            continue
        stack.extend(maker.inputs if maker.op in ("Concat", "Mul") else maker.inputs[:1])
    counts -= {0, 1, 4}
    return counts.pop() if len(counts) == 1 else None


def _yolo_family(facts: Facts) -> str:
    """YOLOX by its name or by objectness and raw range; other YOLOs are trained alike."""
    hints = facts.hints
    if "yolox" in hints:
        return "yolox"
    if "nanodet" in hints:
        return "nanodet"
    if re.search(r"yolo_?v?(5|6|7|8|9|10|11|12)", hints) or facts.graph.metadata.get("author") == "Ultralytics":
        return "ultralytics"
    names = " ".join(list(facts.graph.shapes)[:4000])
    if "backbone.backbone.stem" in names or "head.obj_preds" in names:
        return "yolox"
    if re.search(r"\bmodel\.\d+\.", names):
        return "ultralytics"
    return "unknown"


# -- several outputs -------------------------------------------------------------------------------------------------


def read_ready(facts: Facts) -> Reading | None:
    """boxes, scores, classes and a count: TensorFlow's, TensorRT's and torchvision's namings."""
    boxes = facts.named("detection_boxes", "nmsed_boxes", "det_boxes", "bboxes", "boxes", "postprocess")
    count = facts.named("num_det", "num_detections", "num", "valid")
    scores = facts.named("detection_scores", "nmsed_scores", "det_scores", "scores", "conf")
    classes = facts.named("detection_classes", "nmsed_classes", "det_classes", "labels", "classes")
    if facts.named("tflite_detection_postprocess") is not None and len(facts.outputs) == 4:
        why = "four outputs of TFLite's detection post-process"
        return Reading("tf-detection", "tf-detection", 0.9, (why,))
    if boxes is None or scores is None or classes is None or len({boxes.name, scores.name, classes.name}) < 3:
        return None
    if len(scores.shape) == 3 and scores.shape[-1] not in (1, None):
        return None
    names = f"{boxes.name}, {scores.name}, {classes.name}"
    options: dict[str, object]
    if boxes.name.lower().startswith("detection_boxes"):
        why = f"outputs {names}: TensorFlow's detection API"
        options = {"boxes": boxes.name, "scores": scores.name, "classes": classes.name}
        options |= {} if count is None else {"count": count.name}
        return Reading("tf-detection", "tf-detection", 0.93, (why,), options, one_based=True)
    if count is None:
        return _labels_boxes_scores(facts, boxes, scores, classes)
    why = f"outputs {names} and {count.name}: suppressed in the graph"
    family = "yolo-nas" if "pred_boxes" in names else _yolo_family(facts)
    options = {
        "boxes": boxes.name,
        "scores": scores.name,
        "classes": classes.name,
        "count": count.name,
    }
    return Reading("batched-nms", family if family != "unknown" else "ultralytics", 0.85, (why,), options)


def _labels_boxes_scores(facts: Facts, boxes: TensorSpec, scores: TensorSpec, classes: TensorSpec) -> Reading | None:
    names = {o.name.lower() for o in facts.outputs}
    if len(facts.outputs) != 3:
        return None
    if any("orig" in other.name.lower() and "size" in other.name.lower() for other in facts.others):
        why = "labels, boxes and scores, with the picture's size as a second input: RT-DETR's and D-FINE's own export"
        options: dict[str, object] = {"labels": classes.name, "boxes": boxes.name, "logits": scores.name}
        return Reading("detr", "rt-detr", 0.93, (why,), {**options, "normalized": False, "activation": "none"})
    if names == {"boxes", "labels", "scores"} and len(boxes.shape) == 2:
        why = "boxes [K, 4], labels and scores [K]: torchvision's detectors"
        options = {"boxes": boxes.name, "scores": scores.name, "classes": classes.name, "normalized": False}
        options["order"] = "xyxy"
        doubts = ("resizing again inside the graph is the model's own",)
        return Reading("batched-nms", "torchvision", 0.6, (why,), options, one_based=True, doubts=doubts)
    return None


def read_detr(facts: Facts) -> Reading | None:
    """Logits over queries and boxes as fractions."""
    logits = facts.named("pred_logits", "logits", "labels", "class")
    boxes = facts.named("pred_boxes", "dets", "boxes")
    if logits is None or boxes is None or len(logits.shape) != 3 or len(boxes.shape) != 3 or boxes.shape[2] != 4:
        return None
    plain = "logit" in logits.name.lower() or (boxes.name.lower() == "dets" and logits.name.lower() == "labels")
    if not plain:
        return None
    columns, queries = logits.shape[2], logits.shape[1]
    options: dict[str, object] = {"boxes": boxes.name, "logits": logits.name}
    why = f"{logits.name} [{queries}, {columns}] and {boxes.name} [{queries}, 4]: the DETR family"
    if boxes.name.lower() == "dets":
        return Reading(
            "detr",
            "rf-detr",
            0.9,
            (why, "named as RF-DETR's export"),
            {**options, "activation": "sigmoid"},
            classes=columns,
        )
    if queries == 100 or "detr-resnet" in facts.hints:
        told = "100 queries: DETR, with one class for no object"
        count = None if columns is None else columns - 1
        return Reading("detr", "detr", 0.85, (why, told), {**options, "activation": "softmax"}, classes=count)
    told = "other than 100 queries: scores by sigmoid"
    family, seen = _sigmoid_family(facts)
    options["activation"] = "sigmoid"
    return Reading("detr", family, 0.8, (why, told, *seen), options, classes=columns)


_IMAGENET_STEMS = (
    4,
    7,
    14,
    16,
)  # kernels of a ResNet's, Swin's and ViT's first layer; RT-DETR's backbones begin with 3


def _sigmoid_family(facts: Facts) -> tuple[str, tuple[str, ...]]:
    """Of Deformable DETR's descendants: by name, else by the first layer of the backbone."""
    hints = facts.hints.replace("-", "").replace("_", "")
    if "rfdetr" in hints:
        return "rf-detr", ()
    if any(word in hints for word in ("rtdetr", "dfine", "deim")):
        return "rt-detr", ()
    stem = first_conv(facts.graph, facts.picture)
    kernel = facts.graph.shapes.get(stem.inputs[1], ())[2:] if stem is not None else ()
    if any(word in hints for word in ("ddetr", "deformable", "dino", "peoplenettransformer")):
        return "dino", ("its name is that of Deformable DETR's line",)
    if kernel and kernel[0] in _IMAGENET_STEMS:
        return "dino", (
            f"its first layer is {kernel[0]}x{kernel[0]}, as of the backbones that DETRs take from ImageNet",
        )
    return "rt-detr", ()


def read_pairs(facts: Facts) -> Reading | None:
    """Boxes [N, A, 4] and scores [N, A, C] apart: SSD with or without its priors, YOLOv4, indices of suppression."""
    indices = next((o for o in facts.outputs if o.dtype in ("int64", "int32") and o.shape and o.shape[-1] == 3), None)
    if indices is not None and len(facts.outputs) == 3:
        why = f"{indices.name} selects boxes and scores given beside it"
        family = "yolov4" if "yolo" in facts.hints else "unknown"
        return Reading("nms-indices", family, 0.7, (why,), {"indices": indices.name})
    if len(facts.outputs) not in (2, 3):
        return None
    boxes = [o for o in facts.outputs if o.shape and o.shape[-1] == 4 and len(o.shape) in (3, 4)]
    scores = [o for o in facts.outputs if len(o.shape) == 3 and o not in boxes]
    if len(boxes) != 1 or len(scores) != 1 or boxes[0].shape[1] != scores[0].shape[1]:
        return None
    if len(boxes[0].shape) == 4 and boxes[0].shape[2] == 1:
        return _v4(boxes[0], scores[0])
    return _ssd(facts, boxes[0], scores[0])


def _v4(boxes: TensorSpec, scores: TensorSpec) -> Reading:
    why = f"{boxes.name} [A, 1, 4] and {scores.name} [A, {scores.shape[2]}]: YOLOv4 of the PyTorch line, decoded"
    options: dict[str, object] = {"boxes": boxes.name, "scores": scores.name, "normalized": True, "activation": "none"}
    return Reading("boxes-scores", "yolov4", 0.85, (why,), options, classes=scores.shape[2])


def _ssd(facts: Facts, boxes: TensorSpec, scores: TensorSpec) -> Reading:
    graph = facts.graph
    made = {part.op for part in strands(graph, graph.tensor(boxes.name))}
    sure = {part.op for part in strands(graph, graph.tensor(scores.name))}
    columns = scores.shape[2] or 0
    why = f"{boxes.name} [A, 4] and {scores.name} [A, {columns}]"
    options: dict[str, object] = {"boxes": boxes.name, "scores": scores.name}
    decoded = bool(made & {"Sub", "Add"}) and any(
        node.op == "Exp" for node in graph.before(graph.tensor(boxes.name), 14)
    )
    if decoded and sure == {"Softmax"}:
        told = "boxes decoded in the graph with exp(), a softmax with background first: SSD of the PyTorch line"
        options |= {"normalized": True, "activation": "none", "background": 0}
        return Reading("boxes-scores", "pytorch-ssd", 0.8, (why, told), options, classes=columns, background=True)
    if "pred_" in boxes.name or "yolo_nas" in facts.hints or "yolonas" in facts.hints:
        options |= {"normalized": False, "activation": "none" if sure == {"Sigmoid"} else ""}
        told = "decoded boxes and sigmoid scores: YOLO-NAS"
        return Reading("boxes-scores", "yolo-nas", 0.8, (why, told), options, classes=columns)
    values = ("boxes-scores:normalized=true", "boxes-scores:normalized=false")
    if not made & {"Mul", "Add", "Sub", "Div"}:
        values = ("ssd:strides=..,sizes=..",)
    asked = ("--head", values, "no name or shape tells by what convention its boxes are given")
    return Reading("boxes-scores", "unknown", 0.4, (why,), options, classes=columns or None, open=(asked,))
