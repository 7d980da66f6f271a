"""Outputs of face detectors: boxes with landmarks, on priors, cells or heat maps."""

from __future__ import annotations

from sightline.models.kinds.evidence import Facts, cells, strands
from sightline.models.kinds.reading import Reading
from sightline.types import TensorSpec

__all__ = ["read_blazeface", "read_heatmaps", "read_retinaface", "read_scrfd", "read_ultraface", "read_yunet"]

FACE = ("face",)
BACKGROUND_FACE = ("background", "face")
# What decoding an offset from a prior needs: an exponential for the size, or arithmetic with the priors.
_ARITHMETIC = {"Exp", "Mul", "Add", "Sub", "Div"}


def _width(output: TensorSpec) -> int:
    return (output.shape[-1] or 0) if output.shape else 0


def read_yunet(facts: Facts) -> Reading | None:
    """cls, obj, bbox, kps at three strides, or the 2022 layout loc, conf, iou."""
    widths = sorted(_width(o) for o in facts.outputs)
    if widths == sorted([1, 1, 4, 10] * 3) and facts.named("obj") is not None:
        why = "twelve outputs: class, objectness, box and five landmarks at three strides"
        return Reading("yunet", "yunet", 0.95, (why,), classes=1, names=FACE)
    names = {o.name.lower() for o in facts.outputs}
    if names == {"loc", "conf", "iou"} and widths == [1, 2, 14]:
        why = "outputs loc (14), conf (2) and iou (1) on priors: YuNet of 2022"
        return Reading("yunet", "yunet", 0.9, (why,), classes=1, names=FACE)
    return None


def read_scrfd(facts: Facts) -> Reading | None:
    """Scores, distances and landmarks at three (or five) strides: 6, 9, 10 or 15 outputs."""
    if len(facts.outputs) not in (6, 9, 10, 15):
        return None
    widths = sorted(_width(o) for o in facts.outputs)
    levels = next((n for n in (3, 5) if widths in ([1] * n + [4] * n, [1] * n + [4] * n + [10] * n)), 0)
    if not levels:
        return None
    strides = (8, 16, 32) if levels == 3 else (8, 16, 32, 64, 128)
    scores = [o for o in facts.outputs if _width(o) == 1]
    rows = [o.shape[-2] for o in scores if len(o.shape) >= 2]
    anchors = 2
    if 0 not in facts.size_wh and rows and rows[0] is not None:
        fitting = [n for n in (1, 2, 3) if sorted(r or 0 for r in rows) == _levels(facts.size_wh, strides, n)]
        if not fitting:
            return None
        anchors = fitting[0]
    elif levels == 5:
        anchors = 1
    points = 10 in widths
    why = f"scores, distances{' and five landmarks' if points else ''} at {levels} strides, {anchors} a cell: SCRFD"
    options: dict[str, object] = {"strides": strides, "anchors": anchors}
    return Reading("scrfd", "scrfd", 0.9, (why,), options, classes=1, names=FACE)


def _levels(size_wh: tuple[int, int], strides: tuple[int, ...], anchors: int) -> list[int]:
    return sorted(cells(size_wh, (s,)) * anchors for s in strides)


def read_retinaface(facts: Facts) -> Reading | None:
    """boxes 4, scores 2 and landmarks 10 over the same priors."""
    if len(facts.outputs) != 3 or sorted(_width(o) for o in facts.outputs) != [2, 4, 10]:
        return None
    rows = {o.shape[-2] for o in facts.outputs if len(o.shape) >= 2}
    if 0 not in facts.size_wh and None not in rows and rows != {2 * cells(facts.size_wh, (8, 16, 32))}:
        return None
    why = "boxes, background and face scores, and five landmarks on two priors a cell of strides 8, 16, 32"
    doubts = ("RetinaFace's own code keeps the picture's size; a fixed input is taken as stretched",)
    return Reading(
        "retinaface", "retinaface", 0.85, (why,), classes=2, background=True, names=BACKGROUND_FACE, doubts=doubts
    )


def read_ultraface(facts: Facts) -> Reading | None:
    """Two scores and four box numbers over UltraFace's priors; decoded or not is seen from the graph."""
    if len(facts.outputs) != 2:
        return None
    scores, boxes = facts.last(2), facts.last(4)
    if len(scores) != 1 or len(boxes) != 1:
        return None
    rows = boxes[0].shape[1]
    expected = _ultraface_rows(facts.size_wh)
    if 0 not in facts.size_wh and rows is not None and rows != expected:
        return None
    if rows is None and "face" not in facts.hints and "rfb" not in facts.hints and "slim" not in facts.hints:
        return None
    made = {part.op for part in strands(facts.graph, facts.graph.tensor(boxes[0].name))}
    decoded = bool(made & _ARITHMETIC)
    options: dict[str, object] = {"priors": not decoded, "activated": _activated(facts, scores[0])}
    state = "decoded in the graph (its last steps are arithmetic with the priors)"
    if not decoded:
        state = "offsets from priors (they leave a convolution as they are)"
    why = (f"scores [{rows}, 2] and boxes [{rows}, 4] on UltraFace's priors", f"boxes are {state}")
    return Reading("ultraface", "ultraface", 0.93, why, options, classes=2, background=True, names=BACKGROUND_FACE)


def _activated(facts: Facts, scores: TensorSpec) -> bool | None:
    made = {part.op for part in strands(facts.graph, facts.graph.tensor(scores.name))}
    if made <= {"Softmax", "Sigmoid"}:
        return True
    return False if made == {"Conv"} else None


def _ultraface_rows(size_wh: tuple[int, int]) -> int:
    return sum(cells(size_wh, (stride,)) * n for stride, n in ((8, 3), (16, 2), (32, 2), (64, 3)))


# anchors -> (strides, anchors a cell) of faces, of palms and of bodies
_FACES = {896: ((8, 16, 16, 16), 2), 2304: ((4,), 1)}
_PALMS = {2016: ((8, 16, 16, 16), 2), 2944: ((8, 16, 32, 32, 32), 2)}
_BODIES = {896: ((8, 16, 16, 16), 2), 2254: ((8, 16, 32, 32, 32), 2)}


def read_blazeface(facts: Facts) -> Reading | None:
    """Regressors [N, A, 16] and logits [N, A, 1]; also split by layer. Palms have 18 numbers, bodies 12."""
    scores = facts.last(1)
    rows = sum(o.shape[1] or 0 for o in scores)
    for width, layouts, family, names, what in (
        (16, _FACES, "blazeface", FACE, "six points): BlazeFace"),
        (18, _PALMS, "palm", ("palm",), "seven points): BlazeFace's palms"),
        (12, _BODIES, "pose-detector", ("person",), "four points): BlazePose's detector"),
    ):
        boxes = facts.last(width)
        if not scores or len(scores) != len(boxes) or len(scores) + len(boxes) != len(facts.outputs):
            continue
        if rows not in layouts:
            return None
        strides, anchors = layouts[rows]
        if width == 16 and rows == 896 and facts.size_wh[0] == 256:
            strides = (16, 32, 32, 32)
        options: dict[str, object] = {"strides": strides, "anchors": anchors}
        activated = _activated(facts, scores[0])
        if activated is not None:
            options["activated"] = activated
        why = f"{width} numbers (box and {what}, and one score for {rows} unit anchors"
        return Reading("blazeface", family, 0.93, (why,), options, classes=1, names=names)
    return None


# -- heat maps -------------------------------------------------------------------------------------------------------


def read_heatmaps(facts: Facts) -> Reading | None:
    """CenterNet (heat, size, offset), CenterFace (1, 2, 2, 10) and DBFace (1, 4, 10)."""
    maps = [o for o in facts.outputs if len(o.shape) == 4]
    if len(maps) != len(facts.outputs) or len(maps) not in (2, 3, 4):
        return None
    depths = [o.shape[1] for o in maps]
    if sorted(d or 0 for d in depths) == [1, 2, 2, 10]:
        return _centerface(facts, maps)
    if sorted(d or 0 for d in depths) == [1, 4, 10] or sorted(o.shape[3] or 0 for o in maps) == [1, 4, 10]:
        why = "heat map, box sides (4) and five landmarks (10): DBFace"
        family = "dbface-keras" if facts.graph.producer == "tflite" and facts.picture.layout == "NHWC" else "dbface"
        return Reading("dbface", family, 0.9, (why,), classes=1, names=FACE)
    if None in depths or sorted(d or 0 for d in depths)[:2] != [2, 2] or len(maps) != 3:
        return None
    heat = next((o for o in maps if o.shape[1] != 2), None)
    size = facts.named("wh", "size")
    offset = facts.named("reg", "off")
    if heat is None or size is None or offset is None:
        return None
    why = f"heat map {heat.name} of {heat.shape[1]} classes, sizes {size.name}, offsets {offset.name}: CenterNet"
    options: dict[str, object] = {"heat": heat.name, "size": size.name, "offset": offset.name}
    return Reading("centernet", "centernet", 0.85, (why,), options, classes=heat.shape[1])


def _centerface(facts: Facts, maps: list[TensorSpec]) -> Reading:
    heat = next(o for o in maps if o.shape[1] == 1)
    landmarks = next(o for o in maps if o.shape[1] == 10)
    two = [o for o in maps if o.shape[1] == 2]
    # the published file gives heat map, scale, offset, landmarks in this order
    size, offset = two[0], two[1]
    named_offset = next((o for o in two if "off" in o.name.lower() or "reg" in o.name.lower()), None)
    if named_offset is not None:
        offset = named_offset
        size = next(o for o in two if o is not offset)
    options: dict[str, object] = {
        "heat": heat.name,
        "size": size.name,
        "offset": offset.name,
        "landmarks": landmarks.name,
    }
    why = "heat map, scale (2), offset (2) and five landmarks (10): CenterFace"
    return Reading("centerface", "centerface", 0.9, (why,), options, classes=1, names=FACE)
