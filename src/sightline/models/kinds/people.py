"""Outputs that hold one person with keypoints a row: YOLOv7-pose, YOLO-pose without suppression, RTMO."""

from __future__ import annotations

import re

from sightline.models.kinds.evidence import Facts, cells, strands
from sightline.models.kinds.reading import Reading

__all__ = ["read_people_rows", "read_rtmo"]

PERSON = ("person",)
_POSES = re.compile(r"pose|keypoint|kpt")


def read_rtmo(facts: Facts) -> Reading | None:
    """dets [N, R, 5] and keypoints [N, R, K, 3]."""
    if len(facts.outputs) != 2:
        return None
    boxes, points = facts.last(5), facts.last(3, 4)
    if len(boxes) != 1 or len(points) != 1 or boxes[0].shape[1] != points[0].shape[1]:
        return None
    why = f"boxes {boxes[0].name} with their scores and keypoints {points[0].name}: RTMO"
    return Reading("rtmo", "rtmo", 0.9, (why,), classes=1, names=PERSON, task="pose")


def read_people_rows(facts: Facts) -> Reading | None:
    """[N, A, 6+3K]: rows of all anchors (YOLOv7-pose), or of the few people that the graph chose."""
    if len(facts.outputs) != 1 or len(facts.outputs[0].shape) != 3:
        return None
    output = facts.outputs[0]
    rows, columns = output.shape[1:]
    if columns is None or columns < 9 or columns % 3 or columns > 6 + 3 * 150:
        return None
    points = (columns - 6) // 3
    said = facts.graph.metadata.get("task", "") == "pose" or _POSES.search(facts.hints) is not None
    anchors = [3 * cells(facts.size_wh, s) for s in ((8, 16, 32), (8, 16, 32, 64))] if 0 not in facts.size_wh else []
    made = {part.channels for part in strands(facts.graph, facts.graph.tensor(output.name))}
    if rows in anchors and points == 17 and (said or 153 in made or 459 in made):
        why = f"output {output.name}: box, objectness, class and {points} keypoints for {rows} anchors: YOLOv7-pose"
        return Reading("yolov7-pose", "yolov7", 0.85, (why,), classes=1, names=PERSON, task="pose")
    chosen = facts.graph.has("TopK", "NonMaxSuppression")
    if said and rows not in anchors and (chosen or (rows is not None and rows <= 300)):
        why = f"output {output.name}: box, score, class and {points} keypoints of {rows or 'K'} objects"
        return Reading("yolo-end2end-pose", "ultralytics", 0.9, (why,), task="pose")
    return None
