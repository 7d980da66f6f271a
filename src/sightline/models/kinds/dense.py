"""Dense outputs beside the YOLO line's own: DetectNet_v2 grids, FOMO cells, decoded rows, TAO's named outputs."""

from __future__ import annotations

from sightline.models.kinds.evidence import Facts, cells, strands
from sightline.models.kinds.reading import Reading
from sightline.types import TensorSpec

__all__ = ["read_decoded_rows", "read_detectnet", "read_fomo", "read_tao"]


def read_detectnet(facts: Facts) -> Reading | None:
    """Coverage [N, C, h, w] and sides [N, 4*C, h, w]."""
    cov, bbox = facts.named("output_cov", "cov"), facts.named("output_bbox", "bbox")
    if len(facts.outputs) != 2 or cov is None or bbox is None or cov is bbox:
        return None
    if len(cov.shape) != 4 or len(bbox.shape) != 4 or cov.shape[2:] != bbox.shape[2:]:
        return None
    classes = cov.shape[1]
    if classes is None or bbox.shape[1] != 4 * classes:
        return None
    why = f"{cov.name} [{classes}, h, w] and {bbox.name} [{4 * classes}, h, w]: DetectNet_v2"
    options: dict[str, object] = {"cov": cov.name, "bbox": bbox.name}
    return Reading("detectnet", "detectnet", 0.95, (why,), options, classes=classes)


# -- FOMO ------------------------------------------------------------------------------------------------------------

_MOST_CONVOLUTIONS = 40  # FOMO is the first third of a MobileNetV2 and two layers more
_MOST_CLASSES = 32


def read_fomo(facts: Facts) -> Reading | None:
    """One map [N, H/8, W/8, 1+C] that ends in a softmax over its channels."""
    if len(facts.outputs) != 1 or 0 in facts.size_wh:
        return None
    output = facts.outputs[0]
    if len(output.shape) != 4:
        return None
    width, height = facts.size_wh
    grid = (height // 8, width // 8)
    last = output.shape[1:3] == grid
    if not last and output.shape[2:] != grid:
        return None
    channels = output.shape[3 if last else 1]
    made = {part.op for part in strands(facts.graph, facts.graph.tensor(output.name))}
    if channels is None or not 2 <= channels <= _MOST_CLASSES or made != {"Softmax"}:
        return None
    why = f"output {output.name}: a softmax of {channels} classes for every cell of 8 pixels"
    options: dict[str, object] = {"activated": True, "channels_last": last}
    words = facts.hints.replace("-", " ").replace("_", " ").replace(".", " ").split()
    said = "fomo" in facts.hints or "ei" in words or "edge impulse" in " ".join(words)
    named = facts.labels in (channels - 1, channels) and facts.labels > 0
    small = facts.graph.count("Conv") <= _MOST_CONVOLUTIONS
    if said or (named and small):
        told = "its name says so" if said else "a network cut after its first blocks, and a label for each class"
        sure = 0.95 if said else 0.8
        return Reading("fomo", "fomo", sure, (why, told), options, classes=channels, background=True)
    asked = ("--head", ("fomo", "semantic"), "a coarse map of classes may be FOMO's cells or a segmentation")
    return Reading("fomo", "fomo", 0.4, (why,), options, classes=channels, background=True, open=(asked,))


# -- decoded rows ----------------------------------------------------------------------------------------------------

_STRIDES = ((8, 16, 32), (8, 16, 32, 64), (16, 32), (4, 8, 16, 32))


def read_decoded_rows(facts: Facts) -> Reading | None:
    """[N, A, 6] of boxes, best score and class without suppression, or the three apart: DeepStream-Yolo's exports."""
    if len(facts.outputs) == 1:
        return _whole(facts, facts.outputs[0])
    if len(facts.outputs) == 3:
        return _three(facts)
    return None


def _whole(facts: Facts, output: TensorSpec) -> Reading | None:
    if len(output.shape) != 3 or output.shape[2] != 6 or facts.graph.has("NonMaxSuppression"):
        return None
    made = {part.op for part in strands(facts.graph, facts.graph.tensor(output.name))}
    if not _chose_class(made) or not _every_cell(facts, output.shape[1]):
        return None
    why = (
        f"output {output.name}: box, best score and class of every candidate, not suppressed: DeepStream-Yolo's export"
    )
    order, asked = _order(facts, output.name, made)
    return Reading(
        "decoded-rows", _family(facts), 0.9 if not asked else 0.4, (why,), {"order": order}, _classes(facts), open=asked
    )


def _three(facts: Facts) -> Reading | None:
    boxes = next((o for o in facts.outputs if o.name.lower() == "boxes" and o.shape[-1:] == (4,)), None)
    scores = next((o for o in facts.outputs if o.name.lower() == "scores"), None)
    classes = next((o for o in facts.outputs if o.name.lower() in ("classes", "labels")), None)
    if boxes is None or scores is None or classes is None or len(boxes.shape) != 3:
        return None
    if facts.graph.has("NonMaxSuppression") or not _every_cell(facts, boxes.shape[1]):
        return None
    if any(len(o.shape) not in (2, 3) or o.shape[1] != boxes.shape[1] for o in (scores, classes)):
        return None
    made = {part.op for part in strands(facts.graph, facts.graph.tensor(boxes.name))}
    order, asked = _order(facts, boxes.name, made)
    why = "boxes, best scores and classes of every candidate, not suppressed: DeepStream-Yolo's earlier export"
    options: dict[str, object] = {"boxes": boxes.name, "scores": scores.name, "classes": classes.name, "order": order}
    sure = 0.85 if not asked else 0.4
    return Reading("decoded-rows", _family(facts), sure, (why,), options, _classes(facts), open=asked)


def _chose_class(made: set[str]) -> bool:
    return bool(made & {"ArgMax", "TopK"})


def _every_cell(facts: Facts, rows: int | None) -> bool:
    """Whether there is a row for every cell of a network's grids (or their number is open)."""
    if rows is None:
        return True
    if 0 in facts.size_wh:
        return rows > 1000
    return any(rows == n * cells(facts.size_wh, s) for s in _STRIDES for n in (1, 3))


def _order(facts: Facts, name: str, made: set[str]) -> tuple[str, tuple[tuple[str, tuple[str, ...], str], ...]]:
    """How boxes are written, and the question where the graph does not show it."""
    if "MatMul" in made or _family(facts) == "yolo-nas":
        return "xyxy", ()
    behind = _before_stride(facts, facts.graph.tensor(name))
    if {"Sub", "Add"} <= behind:
        return "xyxy", ()
    if "Div" in behind or made & {"Pow", "Exp"}:
        return "cxcywh", ()
    values = ("decoded-rows:order=xyxy", "decoded-rows:order=cxcywh")
    return "xyxy", (("--head", values, f"the graph does not show whether {name} holds corners or centres"),)


def _before_stride(facts: Facts, tensor: str) -> set[str]:
    """The ops whose results are multiplied with the strides: point less and plus distances are corners, their half
    sum (Div) is a centre."""
    found: set[str] = set()
    for node in facts.graph.makers(tensor):
        if node.op == "Mul":
            for name in node.inputs:
                found |= {behind.op for behind in facts.graph.makers(name)}
    return found


def _family(facts: Facts) -> str:
    hints = facts.hints.replace("-", "").replace("_", "")
    if "yolox" in hints:
        return "yolox"
    if "yolonas" in hints:
        return "yolo-nas"
    return "rt-detr" if any(word in hints for word in ("rtdetr", "dfine", "deim")) else "ultralytics"


def _classes(facts: Facts) -> int | None:
    return facts.labels or None


# -- TAO -------------------------------------------------------------------------------------------------------------


def read_tao(facts: Facts) -> Reading | None:
    """Outputs that only TensorRT's own operations make, by TAO's names for them."""
    names = {o.name: o for o in facts.outputs}
    if {"BatchedNMS", "BatchedNMS_1", "BatchedNMS_2", "BatchedNMS_3"} <= set(names):
        why = "BatchedNMS and BatchedNMS_1 to _3: count, boxes, scores and classes of TAO's YOLO"
        options: dict[str, object] = {"count": "BatchedNMS", "boxes": "BatchedNMS_1", "scores": "BatchedNMS_2"}
        options |= {"classes": "BatchedNMS_3", "normalized": "yolov5" not in facts.hints}
        family = "ultralytics" if "yolov5" in facts.hints else "tao-caffe"
        return Reading("batched-nms", family, 0.85, (why,), options)
    if len(facts.outputs) == 2 and "NMS" in names and "NMS_1" in names and names["NMS"].shape[-1:] == (7,):
        why = "NMS (rows of 7) and NMS_1 (their count): TAO's SSD, DSSD, RetinaNet or FasterRCNN"
        return Reading("detection-output", "tao-caffe", 0.85, (why,), {"count": "NMS_1"})
    return None
