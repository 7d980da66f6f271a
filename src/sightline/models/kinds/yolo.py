"""Outputs of the YOLO line (and NanoDet, FastestDet): anchors or cells times (box, objectness, classes)."""

from __future__ import annotations

from sightline.models.kinds.evidence import Facts, Strand, cells, strands
from sightline.models.kinds.reading import Reading
from sightline.types import TensorSpec

__all__ = ["read_end2end", "read_fastestdet", "read_fastestv2", "read_grids", "read_nanodet", "read_yolo"]

_V5_ANCHORS = ((10, 13, 16, 30, 33, 23), (30, 61, 62, 45, 59, 119), (116, 90, 156, 198, 373, 326))
_V7_ANCHORS = ((12, 16, 19, 36, 40, 28), (36, 75, 76, 55, 72, 146), (142, 110, 192, 243, 459, 401))
_STRIDES = ((8, 16, 32), (8, 16, 32, 64), (4, 8, 16, 32), (16, 32), (8, 16), (32,), (16,), (8,))


def _parts(facts: Facts, output: TensorSpec) -> tuple[Strand, ...]:
    return strands(facts.graph, facts.graph.tensor(output.name))


def _main(facts: Facts) -> TensorSpec | None:
    """The one concatenated output: rank 3, alone or beside raw grids and prototypes."""
    flat = [o for o in facts.outputs if len(o.shape) == 3]
    rest = [o for o in facts.outputs if len(o.shape) in (4, 5) and o.shape[-2:] != (1, 4)]
    return flat[0] if len(flat) == 1 and len(flat) + len(rest) == len(facts.outputs) else None


def _strides_of(facts: Facts, rows: int | None, anchors: int) -> tuple[int, ...]:
    """The strides whose cells times `anchors` give `rows`; () where none do or sizes are open."""
    if rows is None or 0 in facts.size_wh:
        return ()
    return next((s for s in _STRIDES if cells(facts.size_wh, s) * anchors == rows), ())


def read_end2end(facts: Facts) -> Reading | None:
    """[N, K, 6]: YOLOv10, YOLO26, and exports with suppression in the graph; with coefficients or an angle behind."""
    output = _main(facts)
    if output is None or output.shape[2] is None or output.shape[2] < 6 or len(facts.outputs) > 2:
        return None
    rows, columns = output.shape[1], output.shape[2]
    chosen = facts.graph.has("TopK", "NonMaxSuppression")
    task, parts = facts.graph.metadata.get("task", ""), _parts(facts, output)
    # the cells of one grid alone may be as many as the objects that a graph chooses
    grids = [s for s in _STRIDES if len(s) > 1 or not chosen]
    full = rows is not None and any(_is_rows_of(facts, rows, s) for s in grids)
    few = rows is not None and rows <= 1000 and not full
    if not ((few and chosen) or (columns == 6 and chosen) or (columns == 6 and rows in (100, 300))):
        return None
    protos = _prototypes(facts, columns - 6)
    turned = columns == 7 and (task == "obb" or (not task and _rotated(parts)))
    if columns > 6 and task != "pose" and protos is None and not turned and columns != 7:
        return None
    said = "chosen in the graph (TopK or suppression)" if chosen else "the shape of YOLOv10's output"
    why = (f"output {output.name} has {columns} numbers for each of {rows or 'K'} objects, {said}",)
    sure = 0.95 if chosen else 0.85
    classes = next((p.channels for p in parts if p.op == "Sigmoid" and p.channels), None)
    if protos is not None:
        options: dict[str, object] = {"prototypes": protos.name}
        return Reading("yolo-end2end-seg", "ultralytics", sure, (*why, _MASKS), options, classes, task="segment")
    if turned:
        told = _SAYS_OBB if task else _ANGLE
        return Reading("yolo-end2end-obb", "ultralytics", sure, (*why, told), {}, classes, task="obb")
    if columns == 7 and task != "pose":
        asked = ("--head", ("yolo-end2end-obb", "nms-rows:columns=..."), "what its seventh column is stands nowhere")
        return Reading("yolo-end2end", "ultralytics", 0.4, why, {}, classes, open=(asked,))
    return Reading("yolo-end2end", "ultralytics", sure, why, {}, classes)


def _is_rows_of(facts: Facts, rows: int, strides: tuple[int, ...]) -> bool:
    return 0 not in facts.size_wh and rows in {n * cells(facts.size_wh, strides) for n in (1, 3)}


_MASKS = "a second output holds mask prototypes"
_SAYS_OBB = "the file's own metadata says oriented boxes"
_ANGLE = "one channel is an angle, made by a convolution of its own"


def _prototypes(facts: Facts, count: int | None = None) -> TensorSpec | None:
    """The output of rank 4 that holds mask prototypes (`count` of them, where that is known)."""
    for output in facts.outputs:
        ends = {output.shape[1], output.shape[3]} if len(output.shape) == 4 else set[int | None]()
        if (count in ends) if count is not None else (32 in ends):
            return output
    return None


def read_yolo(facts: Facts) -> Reading | None:
    """One concatenated output, in its several conventions."""
    output = _main(facts)
    if output is None:
        return None
    first, second = output.shape[1], output.shape[2]
    parts = _parts(facts, output)
    across = _channels_first(facts, first, second)
    if across is None:
        return None
    columns, rows = (first, second) if across else (second, first)
    if columns is None or columns < 5:
        return None
    if across:
        return _v8(facts, output, columns, parts)
    if _strides_of(facts, rows, 3) or (rows is None and _looks_v5(parts)):
        return _v5(facts, output, columns, parts)
    return _cells(facts, output, columns, rows, parts)


def _channels_first(facts: Facts, first: int | None, second: int | None) -> bool | None:
    """Whether [N, columns, rows]; None where that cannot be told."""
    known = {rows: across for rows, across in ((second, True), (first, False)) if rows is not None}
    for rows, across in known.items():
        if _strides_of(facts, rows, 1) or _strides_of(facts, rows, 3):
            return across
    if first is None and second is not None:
        return False
    if second is None and first is not None:
        return True
    return None


def _looks_v5(parts: tuple[Strand, ...]) -> bool:
    return any(p.op in ("Mul", "Pow") for p in parts) and any(p.channels % 3 == 0 for p in parts if p.channels)


def _v8(facts: Facts, output: TensorSpec, columns: int, parts: tuple[Strand, ...]) -> Reading | None:
    meta = facts.graph.metadata
    task = meta.get("task", "")
    reasons = [f"output {output.name} has {columns} channels for each cell of strides 8, 16, 32 and no objectness"]
    if task:
        reasons.append(f"the file's own metadata says task {task}")
    keypoints = _keypoints(facts, columns, parts, task)
    if keypoints:
        points, dims = keypoints
        classes = columns - 4 - points * dims
        reasons.append(f"{points} keypoints of {dims} numbers follow {classes} class{'es' if classes > 1 else ''}")
        options = {"classes": classes, "dims": dims}
        return Reading("yolov8-pose", "ultralytics", 0.95, tuple(reasons), options, classes=classes, task="pose")
    protos = [o for o in facts.outputs if len(o.shape) == 4]
    if protos and (task == "segment" or _prototypes(facts) is not None):
        return _v8_seg(output, protos[0], columns, tuple(reasons), _activated(parts))
    if task == "obb" or _rotated(parts):
        why = (*reasons, _SAYS_OBB if task else _ANGLE)
        return Reading("yolov8-obb", "ultralytics", 0.9, why, _activated(parts), classes=columns - 5, task="obb")
    sure = 0.97 if task == "detect" or meta.get("author") == "Ultralytics" else 0.9
    return Reading("yolov8", "ultralytics", sure, tuple(reasons), _activated(parts), classes=columns - 4)


def _v8_seg(
    output: TensorSpec, protos: TensorSpec, columns: int, reasons: tuple[str, ...], options: dict[str, object]
) -> Reading:
    count = min((n for n in (protos.shape[1], protos.shape[3]) if n is not None), default=32)
    options = {**options, "prototypes": protos.name}
    why = (*reasons, f"{_MASKS}: {output.name} ends in {count} coefficients")
    return Reading("yolov8-seg", "ultralytics", 0.95, why, options, classes=columns - 4 - count, task="segment")


def _activated(parts: tuple[Strand, ...]) -> dict[str, object]:
    """What the graph tells of the scores: a quantised sigmoid may overshoot 1, so values tell less."""
    ops = {part.op for part in parts}
    return {"activated": True} if "Sigmoid" in ops or (ops and "Conv" not in ops) else {}


def _keypoints(facts: Facts, columns: int, parts: tuple[Strand, ...], task: str) -> tuple[int, int] | None:
    import ast

    stated = facts.graph.metadata.get("kpt_shape", "")
    if stated:
        try:
            points, dims = ast.literal_eval(stated)
            return int(points), int(dims)
        except (ValueError, SyntaxError, TypeError):
            return None
    seventeen = columns == 56 and facts.labels in (0, 1)
    # fifteen classes and an angle are as many channels (DOTA)
    five = columns == 20 and facts.labels <= 1 and any(p.channels == 15 for p in parts) and not _rotated(parts)
    if task == "pose" or seventeen or five:
        return ((columns - 5) // 3, 3) if (columns - 5) % 3 == 0 else None
    return None


def _rotated(parts: tuple[Strand, ...]) -> bool:
    # a rotated box's angle is its own strand: (sigmoid - 1/4) * pi, or as the convolution gives it (YOLO26)
    return len(parts) >= 3 and any(p.op in ("Mul", "Conv") and p.channels == 1 for p in parts)


def _v5(facts: Facts, output: TensorSpec, columns: int, parts: tuple[Strand, ...]) -> Reading | None:
    if columns < 6:
        return None
    ops = {part.op for part in parts}
    if not ops & {"Mul", "Pow", "Add", "Sub", "Exp"}:
        return Reading(
            "yolov5",
            "ultralytics",
            0.4,
            (f"output {output.name} has three anchors a cell",),
            open=(("--head", ("yolov5",), "its boxes are not decoded in the graph, and its anchors stand nowhere"),),
        )
    if columns == 16 and facts.labels != 11:
        return _v5_face(f"output {output.name} has three anchors a cell and 16 columns: YOLOv5-face")
    protos = _prototypes(facts)
    if protos is not None and len([o for o in facts.outputs if len(o.shape) == 4]) == 1:
        told = f"output {output.name}: three anchors a cell, decoded, with 32 mask coefficients"
        options = {**_activated(parts), "prototypes": protos.name}
        return Reading("yolov5-seg", "ultralytics", 0.9, (told, _MASKS), options, classes=columns - 37, task="segment")
    if _v5_oriented(facts, columns):
        told = f"output {output.name}: three anchors a cell, decoded, and 180 scores of an angle: YOLOv5-obb"
        return Reading("yolov5-obb", "ultralytics", 0.85, (told,), _activated(parts), classes=columns - 185, task="obb")
    why = f"output {output.name}: three anchors a cell of strides 8, 16, 32, boxes decoded, objectness, classes"
    return Reading("yolov5", "ultralytics", 0.93, (why,), _activated(parts), classes=columns - 5)


def _v5_oriented(facts: Facts, columns: int) -> bool:
    """180 columns of angles follow the classes, as the count of labels or the file's name says."""
    return columns > 185 and (facts.labels == columns - 185 or "obb" in facts.hints)


def _cells(
    facts: Facts, output: TensorSpec, columns: int, rows: int | None, parts: tuple[Strand, ...]
) -> Reading | None:
    """[N, A, columns] with one candidate a cell: YOLOX, YOLOv6, a transposed YOLOv8, NanoDet-Plus."""
    strides = _strides_of(facts, rows, 1)
    sigmoids = {p.channels for p in parts if p.op == "Sigmoid"}
    plain = {p.channels for p in parts if p.op == "Conv"}
    options = _activated(parts) | ({} if strides in ((), (8, 16, 32)) else {"strides": strides})
    distribution = _distribution(columns, plain | sigmoids)
    if distribution and "Exp" not in {p.op for p in parts}:
        return _nanodet_plus(output, columns, strides, distribution)
    decoded_ops = {p.op for p in parts} & {"Mul", "Exp", "Add", "Sub", "Div", "Pow"}
    if 4 in plain and 1 in sigmoids and not decoded_ops:
        why = f"output {output.name}: cells with 4 raw offsets, objectness and {columns - 5} classes apart, undecoded"
        return Reading("yolox", "yolox", 0.95, (why,), options, classes=columns - 5)
    if decoded_ops and 1 in sigmoids and facts.graph.has("Exp") and (columns - 5 in sigmoids or columns == 6):
        why = f"output {output.name}: cells with exp() sizes decoded in the graph, objectness and {columns - 5} classes"
        return Reading("yolox", "yolox", 0.9, (why,), {**options, "decoded": True}, classes=columns - 5)
    if decoded_ops and columns - 5 in sigmoids and 1 not in sigmoids:
        why = f"output {output.name}: cells with decoded boxes, objectness always 1, {columns - 5} classes: YOLOv6"
        return Reading("yolox", "yolov7", 0.85, (why,), {**options, "decoded": True}, classes=columns - 5)
    protos = _prototypes(facts)
    if protos is not None and columns - 36 in sigmoids:
        why = (
            f"output {output.name}: cells with decoded boxes and {columns - 36} classes, no objectness: YOLOv8, turned"
        )
        turned = {**_activated(parts), "channels_last": True}
        return _v8_seg(output, protos, columns, (why,), turned)
    if decoded_ops and columns - 4 in sigmoids:
        why = f"output {output.name}: cells with decoded boxes and {columns - 4} classes, no objectness: YOLOv8, turned"
        return Reading(
            "yolov8", "ultralytics", 0.85, (why,), {**_activated(parts), "channels_last": True}, classes=columns - 4
        )
    return None


def _distribution(columns: int, channels: set[int]) -> int:
    """Bins a side where the columns are classes and four distance distributions; 0 where they are not."""
    for bins in (8, 11, 16, 17):
        if columns > 4 * bins and (channels == {columns} or {4 * bins, columns - 4 * bins} <= channels):
            return bins
    return 0


def _nanodet_plus(output: TensorSpec, columns: int, strides: tuple[int, ...], bins: int) -> Reading:
    plus = len(strides) == 4
    options: dict[str, object] = {"bins": bins, "centre": "corner" if plus else "inner"}
    if strides:
        options["strides"] = strides
    why = f"output {output.name}: {columns - 4 * bins} classes and four distributions of {bins} bins a cell"
    doubts = () if plus else ("the point of a cell is taken as NanoDet's (stride - 1) / 2",)
    family = "nanodet-plus" if plus else "nanodet"
    return Reading("nanodet", family, 0.9, (why,), options, classes=columns - 4 * bins, doubts=doubts)


def read_nanodet(facts: Facts) -> Reading | None:
    """Class scores and distance distributions a stride, in pairs of outputs [N, n, C] and [N, n, 4*bins] (or no N)."""
    flat = [o for o in facts.outputs if len(o.shape) in (2, 3)]
    if len(flat) != len(facts.outputs) or len(flat) not in (6, 8) or len({len(o.shape) for o in flat}) > 1:
        return None
    widths = sorted({o.shape[-1] for o in flat if o.shape[-1] is not None})
    if len(widths) != 2 or 10 in widths or 1 in widths:
        return None
    sides = next((w for w in widths if w in (32, 44, 64, 68)), 0)
    if not sides:
        return None
    classes = widths[0] if widths[1] == sides else widths[1]
    levels = len(flat) // 2
    strides = (8, 16, 32) if levels == 3 else (8, 16, 32, 64)
    options: dict[str, object] = {"bins": sides // 4}
    picodet = levels == 4
    options["centre"] = "middle" if picodet else "inner"
    options["strides"] = strides
    why = f"{levels} pairs of outputs with {classes} classes and four distributions of {sides // 4} bins"
    family = "picodet" if picodet else "nanodet"
    return Reading("nanodet", family, 0.95, (why,), options, classes=classes)


def read_fastestdet(facts: Facts) -> Reading | None:
    """[N, 5+C, H/16, W/16] made of a sigmoid, four plain channels and a softmax."""
    if len(facts.outputs) != 1 or len(facts.outputs[0].shape) != 4:
        return None
    output = facts.outputs[0]
    kinds = {(p.op, p.channels) for p in _parts(facts, output)}
    channels = output.shape[1]
    if channels is None or ("Sigmoid", 1) not in kinds or ("Conv", 4) not in kinds:
        return None
    if not any(op == "Softmax" and n in (channels - 5, 0) for op, n in kinds):
        return None
    why = f"output {output.name}: objectness (sigmoid), 4 box terms and {channels - 5} classes (softmax) on one grid"
    return Reading("fastestdet", "fastestdet", 0.95, (why,), {"activated": True}, classes=channels - 5)


def read_fastestv2(facts: Facts) -> Reading | None:
    """Rows or grids of 12 box terms and 3 objectnesses (sigmoids) and C classes (a softmax) at strides 16 and 32."""
    widths = {o.shape[-1] if o.shape else None for o in facts.outputs}
    columns = widths.pop()
    if widths or columns is None or columns < 16 or len(facts.outputs) > 2:
        return None
    if len(facts.outputs) == 1 and facts.outputs[0].shape[-2:-1] != (cells(facts.size_wh, (16, 32)),):
        return None
    for output in facts.outputs:
        kinds = {(p.op, p.channels) for p in _parts(facts, output)}
        if kinds != {("Sigmoid", 12), ("Sigmoid", 3), ("Softmax", columns - 15)}:
            return None
    why = f"12 box terms, 3 objectnesses and {columns - 15} shared classes a cell of strides 16 and 32: YOLO-FastestV2"
    asked = ("--head", ("yolo-fastestv2:anchors=...",), "its anchors stand nowhere in the file")
    known = columns - 15 == 80
    opened = () if known else (asked,)
    return Reading("yolo-fastestv2", "yolo-fastestv2", 0.9 if known else 0.4, (why,), classes=columns - 15, open=opened)


def _v5_face(why: str) -> Reading:
    """Box, objectness, five points and a class: not to be read as eleven classes."""
    doubts = ("as many columns as YOLOv5 with 11 classes has; name those (--labels) if it is one",)
    return Reading("yolov5-face", "ultralytics", 0.85, (why,), classes=1, names=("face",), doubts=doubts)


# -- raw grids -------------------------------------------------------------------------------------------------------


def read_grids(facts: Facts) -> Reading | None:
    """One output a stride, not put together: YOLOv5/v7 with anchors, YOLOX and YOLOv8 without."""
    if len(facts.outputs) == 4 and len(facts.outputs[0].shape) == 3:
        return None
    grids = [o for o in facts.outputs if len(o.shape) in (4, 5)]
    if len(grids) != len(facts.outputs) or len(grids) not in (2, 3, 4):
        return None
    if all(len(o.shape) == 5 for o in grids):
        columns = grids[0].shape[4]
        if columns is None or any(o.shape[1] != 3 or o.shape[4] != columns for o in grids):
            return None
        if columns == 16 and facts.labels != 11:
            return _v5_face(f"{len(grids)} raw grids of three anchors and 16 columns: YOLOv5-face")
        return _anchored(facts, columns - 5, len(grids))
    channels = {o.shape[1] for o in grids}
    if len(channels) != 1 or None in channels:
        return None
    depth = next(iter(channels)) or 0
    parts = set(_parts(facts, grids[0]))
    inner = {p.channels for p in parts}
    if {64, depth - 64} <= inner or (depth > 64 and 64 in inner):
        why = f"{len(grids)} raw grids of 64 distances and {depth - 64} classes"
        return Reading("yolov8", "ultralytics", 0.85, (why,), classes=depth - 64)
    if {4, 1} <= inner or {4, 1, depth - 5} <= inner:
        why = f"{len(grids)} grids of 4 offsets, objectness and {depth - 5} classes"
        return Reading("yolox", "yolox", 0.85, (why,), classes=depth - 5)
    if depth % 3 == 0 and depth > 15 and inner <= {depth}:
        return _anchored(facts, depth // 3 - 5, len(grids))
    return None


def _anchored(facts: Facts, classes: int, levels: int) -> Reading:
    why = f"{levels} raw grids of three anchors with objectness and {classes} classes"
    names = " ".join(list(facts.graph.shapes)[:4000])
    if (levels == 3 and "model.24." in names) or "model.77." in names:
        told = "the layers are numbered as YOLOv5's (or YOLOv7-tiny's), whose anchors are known"
        options: dict[str, object] = {"anchors": _V5_ANCHORS}
        return Reading("yolov5", "ultralytics", 0.85, (why, told), options, classes=classes)
    if levels == 3 and "model.105." in names:
        told = "the layers are numbered as YOLOv7's, whose anchors are known"
        return Reading("yolov5", "yolov7", 0.85, (why, told), {"anchors": _V7_ANCHORS}, classes=classes)
    # YOLOv3 and v4 decode their grids otherwise
    older = any(
        word in facts.hints.replace("-", "").replace("_", "") for word in ("yolov3", "yolov4", "yolo3", "yolo4")
    )
    head = "darknet-yolo" if older else "yolov5"
    asked = ("--head", (f"{head}:anchors=...",), "its anchors stand nowhere in the file")
    return Reading(head, "ultralytics", 0.4, (why,), classes=classes, open=(asked,))
