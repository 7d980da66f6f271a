"""A head of an NN Archive (its parser and metadata) -> ours, with its options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

from sightline.errors import ModelError
from sightline.models.graphs.graph import Graph
from sightline.types import TensorSpec

__all__ = ["HeadSaid", "read_head", "read_old_head"]


@dataclass(frozen=True, slots=True)
class HeadSaid:
    """What the archive says of one head; None and () where it is silent. warnings: what of it has no counterpart."""

    head: str | None = None
    task: str | None = None
    options: Mapping[str, object] = field(default_factory=dict[str, object])
    labels: tuple[str, ...] = ()
    score: float | None = None
    nms: float | None = None
    top: int | None = None
    warnings: tuple[str, ...] = ()


# Parsers that one head here decodes whatever their options.
_PLAIN = {
    "SCRFDParser": ("scrfd", "detect"),
    "YuNetParser": ("yunet", "detect"),
    "EmbeddingsParser": ("embed", "embed"),
    "PPTextDetectionParser": ("db-text", "text-detect"),
    "RFDETRParser": ("detr", "detect"),
}
# Parsers whose outputs are told apart by the graph alone: the head is found as for a bare model.
_BY_GRAPH = frozenset(
    {"SSD", "SSDParser", "DetectionParser", "MPPalmDetectionParser", "HRNetParser", "FastSAMParser", "KeypointParser"}
)
_YOLO = frozenset({"YOLO", "YOLOExtendedParser", "YOLOParser"})
_EXPONENTIAL = ("yolov3", "yolov3-tiny", "yolov4", "yolov4-tiny")


def read_head(path: Path, entry: Mapping[str, object], graph: Graph) -> HeadSaid:
    """One entry of `model.heads`. Raises ModelError where it names outputs that the model has not."""
    parser = str(entry.get("parser", ""))
    told = entry.get("metadata")
    metadata = cast("Mapping[str, object]", told) if isinstance(told, dict) else {}
    outputs = _names(entry.get("outputs"))
    held = {output.name for output in graph.outputs}
    strange = next((name for name in outputs if name not in held), None)
    if strange is not None and graph.format == "onnx" and "sightline" not in graph.producer:
        raise ModelError(
            f"{path}: head {parser} reads output {strange!r}, but the model has {', '.join(sorted(held))}; "
            "it belongs to another model"
        )
    said = _common(path, metadata)
    if metadata.get("postprocessor_path"):
        line = f"postprocessor_path {metadata['postprocessor_path']} is passed over: the head here does its work"
        said = replace(said, warnings=(*said.warnings, line))
    if parser in _YOLO:
        return _yolo(path, metadata, graph, said)
    if parser in _PLAIN:
        head, task = _PLAIN[parser]
        return replace(said, head=head, task=task)
    if parser == "ClassificationParser":
        activation = {True: "none", False: "softmax"}.get(bool(metadata.get("is_softmax", True)), "auto")
        options: dict[str, object] = {"activation": activation}
        if outputs and not strange:
            options["outputs"] = outputs
        return replace(said, head="classify", task="classify", options=options)
    if parser == "ClassificationSequenceParser":
        return replace(said, head="ctc", task="text", options={"merge": bool(metadata.get("remove_duplicates", True))})
    if parser == "SegmentationParser":
        return replace(said, head="semantic", task="semantic")
    if parser in _BY_GRAPH:
        return said
    line = f"parser {parser or '(none)'} has no counterpart here; the outputs are read by what they are"
    return replace(said, warnings=(*said.warnings, line))


def read_old_head(path: Path, metadata: dict[str, object], graph: Graph, size: tuple[int, int] | None) -> HeadSaid:
    """`NN_specific_metadata` of the older JSON: flat anchors, and masks of them by side of the grid."""
    fixed = {("conf_threshold" if key == "confidence_threshold" else key): value for key, value in metadata.items()}
    said = _common(path, fixed)
    flat, masks = metadata.get("anchors"), metadata.get("anchor_masks")
    names = " ".join(output.name.lower() for output in graph.outputs)
    subtype = next((word for word in ("yolov5", "yolov7", "yolov3", "yolov4") if word in names), "yolov3")
    if not flat or not isinstance(flat, list) or not isinstance(masks, dict) or size is None:
        return _yolo(path, {**metadata, "subtype": "yolov6r2"}, graph, said)
    pairs = [flat[i : i + 2] for i in range(0, len(flat) - 1, 2)]
    rows: dict[int, list[object]] = {}
    for side, chosen in cast("dict[str, object]", masks).items():
        cells = side.removeprefix("side")
        if not cells.isdecimal() or not isinstance(chosen, list):
            raise ModelError(f"{path}: anchor_masks {side[:20]!r}: expected side26, side13 ... with rows of anchors")
        if not all(isinstance(i, int) and 0 <= i < len(pairs) for i in chosen):
            raise ModelError(f"{path}: anchor_masks {side}: asks for anchors beyond the {len(pairs)} that are there")
        rows[int(cells)] = [pairs[i] for i in chosen]
    anchors = [rows[cells] for cells in sorted(rows, reverse=True)]
    return _yolo(path, {**metadata, "subtype": subtype, "anchors": anchors}, graph, said)


def _common(path: Path, metadata: Mapping[str, object]) -> HeadSaid:
    """Labels and thresholds. Raises ModelError where they are out of range."""
    labels = _names(metadata.get("classes"))
    count = metadata.get("n_classes")
    warnings: tuple[str, ...] = ()
    if labels and isinstance(count, int) and count != len(labels):
        warnings = (f"n_classes is {count}, but classes holds {len(labels)} names",)
    score, nms = (_share(path, metadata, key) for key in ("conf_threshold", "iou_threshold"))
    top = metadata.get("max_det")
    fits = isinstance(top, int) and not isinstance(top, bool) and 0 < top < 1_000_000
    return HeadSaid(labels=labels, score=score, nms=nms, top=cast(int, top) if fits else None, warnings=warnings)


def _share(path: Path, metadata: Mapping[str, object], key: str) -> float | None:
    value = metadata.get(key)
    if value is None:
        return None
    if not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ModelError(f"{path}: metadata.{key} {str(value)[:40]}: expected a number from 0 to 1")
    return float(value)


def _names(value: object) -> tuple[str, ...]:
    return tuple(map(str, cast("list[object]", value))) if isinstance(value, list) else ()


# -- YOLO ------------------------------------------------------------------------------------------------------------


def _yolo(path: Path, metadata: Mapping[str, object], graph: Graph, said: HeadSaid) -> HeadSaid:
    """Grids as the OAK tools cut them; anything else (whole Ultralytics exports) is told by the graph."""
    wanted = _names(metadata.get("yolo_outputs"))
    keypoints = _names(metadata.get("keypoints_outputs"))
    beside = (*keypoints, *_names(metadata.get("mask_outputs")), *_names(metadata.get("angles_outputs")))
    grids = [
        o for o in graph.outputs if len(o.shape) == 4 and (o.name in wanted or not wanted) and o.name not in beside
    ]
    grids = [o for o in grids if o.name != metadata.get("protos_outputs")]
    subtype = str(metadata.get("subtype", "")).lower()
    if not grids:
        return said
    anchors = _anchors(path, metadata.get("anchors"), len(grids))
    _check_channels(path, grids, anchors, len(said.labels) or metadata.get("n_classes") or metadata.get("classes"))
    if metadata.get("angles_outputs") or (anchors and metadata.get("mask_outputs")):
        line = f"the angles or masks of {subtype} are not read: upright boxes alone come out"
        said = replace(said, warnings=(*said.warnings, line))
    if anchors:
        options: dict[str, object] = {"anchors": anchors, "activated": True}
        if subtype in _EXPONENTIAL:
            options |= {"scale_xy": (1.0,), "wh_exp": True}
        return replace(said, head="yolov5", task="detect", options=options)
    options = {}
    if len(grids) < len(graph.outputs):
        options["grids"] = tuple(output.name for output in grids)
    if subtype in ("yolov6", "yolov6r1", "yolox"):
        options |= {"box": "centre", "product": True}
    task = "detect"
    if keypoints:
        options["keypoints"], task = keypoints, "pose"
    masks, prototypes = _names(metadata.get("mask_outputs")), metadata.get("protos_outputs")
    if masks and isinstance(prototypes, str):
        options |= {"masks": masks, "prototypes": prototypes}
        task = "segment"
    return replace(said, head="yolo-grids", task=task, options=options)


def _anchors(path: Path, value: object, grids: int) -> tuple[tuple[float, ...], ...]:
    """Pairs of each grid, flat, the finest grid (smallest anchors) first; () where there are none."""
    if not value:
        return ()
    rows: list[tuple[float, ...]] = []
    for level in cast("list[object]", value) if isinstance(value, list) else [None]:
        flat = _flat(level)
        if not flat or len(flat) % 2:
            raise ModelError(f"{path}: metadata.anchors: expected a list of [width, height] pairs for each output")
        rows.append(flat)
    if len(rows) != grids or len({len(row) for row in rows}) != 1:
        raise ModelError(f"{path}: metadata.anchors holds {len(rows)} rows for the {grids} grids of the model")
    return tuple(sorted(rows, key=lambda row: sum(a * b for a, b in zip(row[::2], row[1::2], strict=True))))


def _flat(value: object) -> tuple[float, ...]:
    """The numbers in a nested list; () where something else is in it."""
    found: list[float] = []
    stack: list[object] = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(reversed(cast("list[object]", item)))
        elif isinstance(item, int | float) and 0 < item < 1e6:
            found.append(float(item))
        else:
            return ()
    return tuple(found)


def _check_channels(
    path: Path, grids: list[TensorSpec], anchors: tuple[tuple[float, ...], ...], classes: object
) -> None:
    """Raises ModelError where the classes it names are not those of the grids."""
    per = len(anchors[0]) // 2 if anchors else 1
    depths = {output.shape[1] for output in grids} - {None}
    if not isinstance(classes, int) or not depths:
        return
    wrong = next((depth for depth in sorted(depths, key=str) if depth != per * (5 + classes)), None)
    if wrong is not None:
        raise ModelError(
            f"{path}: {classes} classes and {per} boxes a cell make {per * (5 + classes)} channels, "
            f"but the model's grids have {wrong}"
        )
