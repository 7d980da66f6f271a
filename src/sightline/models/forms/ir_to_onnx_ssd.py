"""OpenVINO's DetectionOutput in ONNX's operations: boxes decoded from priors, suppressed by class, the best rows kept.

Semantics: Caffe's SSD, as OpenVINO's DetectionOutput versions 1 and 8 have it, for one picture at a time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import openvino as ov

from sightline.models.forms.ir_translation import Rule, Translation

__all__ = ["SSD_RULES"]

_ALL = np.iinfo(np.int64).max


def _detection_output(t: Translation, node: ov.Node) -> str:
    """Rows [1, 1, K, 7] of picture, class, score and corners; a row with picture -1 ends them, as in OpenVINO."""
    given = node.get_attributes()
    _check(t, node, given)
    priors = t.shape(node, 2)[2] // 4
    classes = t.shape(node, 1)[1] // priors
    boxes = _decoded(t, node, given, priors)
    scores = t.node("Reshape", [t.floats(node, 1), t.writer.constant([1, priors, classes])])
    scores = t.node("Transpose", [scores], perm=[0, 2, 1])
    background = int(given["background_label_id"])
    if 0 <= background < classes:
        silent = np.zeros((1, classes, 1), np.float32)
        silent[0, background] = -10.0  # below every threshold
        scores = t.node("Add", [scores, t.writer.constant(silent)])
    most = min(int(given["top_k"]), priors) if int(given["top_k"]) > 0 else priors
    scores = _best(t, scores, most) if most < priors else scores
    limits = (float(given["nms_threshold"]), float(given["confidence_threshold"]))
    found = t.node(
        "NonMaxSuppression",
        [boxes, scores, t.writer.constant([most]), *(t.writer.constant(np.array([v], np.float32)) for v in limits)],
    )
    rows = _rows(t, boxes, scores, found, _kept(t, node), bool(given.get("decrease_label_id")))
    return t.as_made(rows, node)


def _best(t: Translation, scores: str, most: int) -> str:
    """Scores [1, C, A] with all but the `most` best of each class put below every threshold."""
    best, _ = t.writer.nodes("TopK", [scores, t.writer.constant([most])], 2, axis=2)
    last = _part(t, best, most - 1, most, 2)
    silent = t.writer.constant(np.array(-10, np.float32))
    return t.node("Where", [t.node("GreaterOrEqual", [scores, last]), scores, silent])


def _check(t: Translation, node: ov.Node, given: dict[str, Any]) -> None:
    if node.get_input_size() > 3:
        raise t.refuse(node, "it refines boxes of an earlier stage (five inputs)")
    if not given["share_location"]:
        raise t.refuse(node, "each class has its own boxes (share_location is false)")
    if not given["normalized"]:
        raise t.refuse(node, "its priors are in pixels (normalized is false)")
    if t.shape(node, 0)[0] not in (1, -1) or -1 in t.shape(node, 2):
        raise t.refuse(node, "it takes several pictures at once, or the number of its priors is open")


def _kept(t: Translation, node: ov.Node) -> int:
    rows = t.made(node)[2]
    if rows < 0:
        raise t.refuse(node, "the number of its rows is open")
    return rows


def _part(t: Translation, tensor: str, first: int, last: int, axis: int) -> str:
    return t.node("Slice", [tensor, *(t.writer.constant([v]) for v in (first, last, axis))])


def _decoded(t: Translation, node: ov.Node, given: dict[str, Any], priors: int) -> str:
    """Boxes [1, priors, 4] as corners x1, y1, x2, y2, fractions of the picture."""
    offsets = t.node("Reshape", [t.floats(node, 0), t.writer.constant([1, priors, 4])])
    sets = t.node("Reshape", [t.floats(node, 2), t.writer.constant([1, -1, priors, 4])])
    place = t.node("Squeeze", [_part(t, sets, 0, 1, 1), t.writer.constant([1])])
    if not given["variance_encoded_in_target"]:
        offsets = t.node("Mul", [offsets, t.node("Squeeze", [_part(t, sets, 1, 2, 1), t.writer.constant([1])])])
    if str(given["code_type"]).upper().endswith("CORNER"):
        boxes = t.node("Add", [place, offsets])
    else:
        low, high = _part(t, place, 0, 2, 2), _part(t, place, 2, _ALL, 2)
        size = t.node("Sub", [high, low])
        half = t.writer.constant(np.array(0.5, np.float32))
        middle = t.node("Mul", [t.node("Add", [low, high]), half])
        middle = t.node("Add", [middle, t.node("Mul", [_part(t, offsets, 0, 2, 2), size])])
        reach = t.node("Mul", [t.node("Mul", [t.node("Exp", [_part(t, offsets, 2, _ALL, 2)]), size]), half])
        boxes = t.node("Concat", [t.node("Sub", [middle, reach]), t.node("Add", [middle, reach])], axis=2)
    if given["clip_before_nms"] or given["clip_after_nms"]:
        boxes = t.node("Clip", [boxes, *(t.writer.constant(np.array(v, np.float32)) for v in (0, 1))])
    return boxes


def _rows(t: Translation, boxes: str, scores: str, found: str, rows: int, decrease: bool) -> str:
    """The `rows` best of all classes, filled up with rows of picture -1."""
    one = t.writer.constant([1])
    filled = t.node("Pad", [found, t.writer.constant([0, 0, rows, 0])])
    score = t.node("GatherND", [scores, found])
    score = t.node("Pad", [score, t.writer.constant([0, rows]), t.writer.constant(np.array(-1, np.float32))])
    best, order = t.writer.nodes("TopK", [score, t.writer.constant([rows])], 2, axis=0)
    chosen = t.node("Gather", [filled, order], axis=0)
    there = t.node("GreaterOrEqual", [best, t.writer.constant(np.array(0, np.float32))])
    there = t.node("Unsqueeze", [there, t.writer.constant([1])])
    label = t.cast(_part(t, chosen, 1, 2, 1), "f32")
    if decrease:
        label = t.node("Sub", [label, t.writer.constant(np.array(1, np.float32))])
    index = t.node("Squeeze", [_part(t, chosen, 2, 3, 1), t.writer.constant([1])])
    corners = t.node("Gather", [t.node("Squeeze", [boxes, t.writer.constant([0])]), index], axis=0)
    picture = t.writer.constant(np.zeros((rows, 1), np.float32))
    row = t.node("Concat", [picture, label, t.node("Unsqueeze", [best, t.writer.constant([1])]), corners], axis=1)
    nothing = np.zeros((1, 7), np.float32)
    nothing[0, 0] = -1
    row = t.node("Where", [there, row, t.writer.constant(nothing)])
    # class after class, the best of each first, as Caffe lists them
    rank = t.node(
        "Sub", [t.cast(best, "f64"), t.node("Mul", [t.node("Squeeze", [t.cast(label, "f64"), one]), _f64(t, 4)])]
    )
    rank = t.node("Where", [t.node("Squeeze", [there, one]), rank, _f64(t, -1e9)])
    _, order = t.writer.nodes("TopK", [rank, t.writer.constant([rows])], 2, axis=0)
    row = t.node("Gather", [row, order], axis=0)
    return t.node("Reshape", [row, t.writer.constant([1, 1, rows, 7])])


def _f64(t: Translation, value: float) -> str:
    return t.writer.constant(np.array(value, np.float64))


SSD_RULES: dict[str, Rule] = {"DetectionOutput": _detection_output}
