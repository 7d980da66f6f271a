"""Outputs with a mask for each object: Mask R-CNN, YOLACT, and queries with masks."""

from __future__ import annotations

from sightline.models.coco import COCO_80
from sightline.models.kinds.evidence import Facts
from sightline.models.kinds.reading import Reading
from sightline.types import TensorSpec

__all__ = ["read_mask_queries", "read_mask_rcnn", "read_yolact"]


def _plain(output: TensorSpec) -> str:
    return output.name.rsplit("/", 1)[-1].removesuffix(":0").lower()


# -- Mask R-CNN ------------------------------------------------------------------------------------------------------


def read_mask_rcnn(facts: Facts) -> Reading | None:
    """Boxes chosen in the graph, and masks of their own."""
    masks = facts.named("detection_masks", "mask_fcn_logits", "mask_head", "raw_masks", "masks", "mask")
    if masks is None or len(masks.shape) < 3 or masks.name.lower().startswith(("masks_queries", "pred_masks")):
        return None
    return _tao(facts, masks) or _tensorflow(facts, masks) or _apart(facts, masks) or _five(facts, masks)


def _tao(facts: Facts, masks: TensorSpec) -> Reading | None:
    rows = facts.named("generate_detections")
    if rows is None or len(masks.shape) < 4:
        return None
    why = f"{rows.name} (y1, x1, y2, x2, class, score) and {masks.name}: TAO's Mask R-CNN"
    options: dict[str, object] = {"rows": rows.name, "masks": masks.name, "activated": False}
    return Reading("mask-rcnn", "tao-mask-rcnn", 0.93, (why,), options, classes=masks.shape[-3], task="segment")


def _tensorflow(facts: Facts, masks: TensorSpec) -> Reading | None:
    boxes, scores = facts.named("detection_boxes"), facts.named("detection_scores")
    classes, count = facts.named("detection_classes"), facts.named("num_detections")
    if boxes is None or scores is None or classes is None or "detection_masks" not in masks.name.lower():
        return None
    why = f"{boxes.name}, {scores.name}, {classes.name} and {masks.name}: Mask R-CNN of TensorFlow's detection API"
    options: dict[str, object] = {"boxes": boxes.name, "scores": scores.name, "classes": classes.name}
    options |= {} if count is None else {"count": count.name}
    options |= {"masks": masks.name, "order": "yxyx", "normalized": True}
    return Reading("mask-rcnn", "tf-detection", 0.9, (why,), options, one_based=True, task="segment")


def _apart(facts: Facts, masks: TensorSpec) -> Reading | None:
    """boxes [K, 4], labels [K], scores [K], masks: torchvision, and Detectron's line by types and shapes."""
    boxes = next((o for o in facts.outputs if _plain(o) in ("boxes", "box") and o.shape[-1:] == (4,)), None)
    labels = next((o for o in facts.outputs if _plain(o) in ("labels", "classes")), None)
    scores = next((o for o in facts.outputs if _plain(o) == "scores"), None)
    if boxes is None or labels is None or scores is None or len(facts.outputs) != 4 or len(boxes.shape) != 2:
        return None
    why = f"boxes [K, 4], labels, scores and {masks.name}: torchvision's Mask R-CNN"
    options: dict[str, object] = {"boxes": boxes.name, "scores": scores.name, "classes": labels.name}
    options |= {"masks": masks.name, "activated": True}
    doubts = ("resizing again inside the graph is the model's own",)
    return Reading("mask-rcnn", "torchvision", 0.8, (why,), options, one_based=True, task="segment", doubts=doubts)


def _five(facts: Facts, masks: TensorSpec) -> Reading | None:
    """Boxes with scores [K, 5] and labels: Open Model Zoo's, and MMDetection's with a batch axis."""
    boxes = next((o for o in facts.outputs if o.shape[-1:] == (5,) and len(o.shape) in (2, 3)), None)
    labels = facts.named("labels", "classes")
    if boxes is None or labels is None or len(facts.outputs) != 3 or labels in (boxes, masks):
        return None
    batch = len(boxes.shape) == 3
    options: dict[str, object] = {"boxes": boxes.name, "classes": labels.name, "masks": masks.name}
    why = f"{boxes.name} {'[N, K, 5]' if batch else '[K, 5]'} (box and score), {labels.name} and {masks.name}"
    if batch or facts.graph.format != "openvino":
        return Reading("mask-rcnn", "mmdetection", 0.75, (why, "MMDetection's names"), options, task="segment")
    told = "Open Model Zoo's instance segmentation"
    doubts = ("whether label 0 is the first name is taken as given",)
    return Reading("mask-rcnn", "caffe-ssd", 0.75, (why, told), options, task="segment", doubts=doubts)


# -- YOLACT ----------------------------------------------------------------------------------------------------------


def read_yolact(facts: Facts) -> Reading | None:
    """Boxes [N, A, 4], classes [N, A, C+1] and coefficients [N, A, P] beside prototypes with P channels."""
    rows = [o for o in facts.outputs if len(o.shape) == 3]
    grids = [o for o in facts.outputs if len(o.shape) == 4 and o.shape[-1] != 4]
    if len(rows) != 3 or len(grids) != 1 or len({o.shape[1] for o in rows}) != 1:
        return None
    boxes = [o for o in rows if o.shape[2] == 4]
    counts = {grids[0].shape[1], grids[0].shape[3]} - {None}
    masks = [o for o in rows if o.shape[2] in counts and o.shape[2] != 4]
    scores = [o for o in rows if o not in boxes and o not in masks]
    if len(boxes) != 1 or len(masks) != 1 or len(scores) != 1:
        return None
    given = next((o for o in facts.outputs if len(o.shape) == 2 and o.shape[1] == 4), None)
    options: dict[str, object] = {"boxes": boxes[0].name, "scores": scores[0].name, "coefficients": masks[0].name}
    options["prototypes"] = grids[0].name
    if given is not None:
        options["priors"] = given.name
    why = (
        f"{boxes[0].name} [A, 4], {scores[0].name} [A, {scores[0].shape[2]}], {masks[0].name} [A, {masks[0].shape[2]}]"
    )
    told = f"and prototypes {grids[0].name}: YOLACT"
    asked = () if given is not None else _priors_asked(facts, rows[0].shape[1])
    return Reading(
        "yolact",
        "yolact",
        0.4 if asked else 0.9,
        (why, told),
        options,
        classes=scores[0].shape[2],
        background=True,
        names=("background", *COCO_80) if scores[0].shape[2] == 81 else (),
        task="segment",
        open=asked,
    )


def _priors_asked(facts: Facts, rows: int | None) -> tuple[tuple[str, tuple[str, ...], str], ...]:
    """What to ask where the priors are not among the outputs; nothing for the published networks of 550 pixels."""
    if rows != _yolact_priors(facts.size_wh):
        why = "its priors are not among its outputs, and are not YOLACT's own"
        return (("--head", ("yolact:strides=..,scales=..",), why),)
    if facts.size_wh == (550, 550):
        return ()
    values = ("yolact", f"yolact:square=false,base={facts.size_wh[0]}")
    return (("--head", values, "its priors are not among its outputs: squares, or of each ratio (Yolact_minimal)"),)


def _yolact_priors(size_wh: tuple[int, int]) -> int:
    return sum(3 * -(-size_wh[0] // s) * -(-size_wh[1] // s) for s in (8, 16, 32, 64, 128)) if all(size_wh) else 0


# -- queries ---------------------------------------------------------------------------------------------------------


def read_mask_queries(facts: Facts) -> Reading | None:
    """A class and a mask a query, with or without boxes; or what the graph chose of them."""
    masks = next((o for o in facts.outputs if _plain(o) in ("pred_masks", "masks_queries_logits", "mask_logits")), None)
    if masks is None or len(masks.shape) != 4:
        return None
    scores, classes = facts.named("pred_scores"), facts.named("pred_classes")
    if scores is not None and classes is not None:
        why = f"{classes.name}, {scores.name} and {masks.name}: TAO's Mask2Former"
        options: dict[str, object] = {"masks": masks.name, "scores": scores.name, "classes": classes.name}
        return Reading("mask-queries", "tao-mask2former", 0.9, (why,), options, task="segment")
    names = ("class_queries_logits", "pred_logits", "class_logits", "logits")
    logits = next((o for o in facts.outputs if _plain(o) in names and len(o.shape) == 3), None)
    if logits is None:
        return None
    boxes = next((o for o in facts.outputs if _plain(o) in ("pred_boxes", "boxes") and o.shape[-1:] == (4,)), None)
    options = {"logits": logits.name, "masks": masks.name}
    options |= {} if boxes is None else {"boxes": boxes.name}
    classes_count = None if logits.shape[2] is None else logits.shape[2] - 1
    why = f"{logits.name} [Q, {logits.shape[2]}] and {masks.name} [Q, h, w]: a class and a mask a query"
    mode, told = _mode(facts, boxes is not None)
    family = "detr" if boxes is not None else "mask-queries"
    task = "semantic" if mode == "semantic" else "segment"
    if mode:
        options["mode"] = mode
        return Reading("mask-queries", family, 0.85, (why, told), options, classes=classes_count, task=task)
    asked = ("--head", tuple(f"mask-queries:mode={m}" for m in ("instance", "panoptic", "semantic")), told)
    return Reading("mask-queries", family, 0.4, (why,), options, classes=classes_count, task=task, open=(asked,))


def _mode(facts: Facts, boxes: bool) -> tuple[str, str]:
    """What the queries were trained for, and what tells it; "" and why it cannot be told."""
    hints = " ".join((facts.hints, *facts.graph.metadata.values())).lower()
    for mode in ("panoptic", "semantic", "instance"):
        if mode in hints:
            return mode, f"its name or metadata says {mode}"
    if "ade" in hints.replace("-", " ").replace("_", " ").split() or "cityscapes-s" in hints:
        return "semantic", "its name says ADE20K, whose classes cover the whole picture"
    if boxes:
        return "panoptic", "boxes beside the masks: DETR's panoptic head"
    return "", "no file tells whether its queries are instances, panoptic or semantic regions"
