"""What the last layers of a Darknet network say of how its outputs are read."""

from __future__ import annotations

from dataclasses import dataclass

from sightline.models.importers.darknet_cfg import Section
from sightline.models.importers.darknet_network import Blob, End
from sightline.models.importers.darknet_trees import read_tree

__all__ = ["Outcome", "outcome_of"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """head and its options; "" for none. task: "" for none. classes: 0 unknown. names: of a tree's classes."""

    head: str = ""
    task: str = ""
    options: dict[str, object] | None = None
    classes: int = 0
    names: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def outcome_of(ends: list[End]) -> Outcome:
    """Raises ModelError where detection layers do not fit their input, or do not go together."""
    kinds = {_FAMILY.get(end.layer.kind, "") for end in ends}
    if len(kinds) > 1:
        second = next(end for end in ends if _FAMILY.get(end.layer.kind) != _FAMILY.get(ends[0].layer.kind))
        raise second.layer.fault(f"a second kind of detection layer beside [{ends[0].layer.kind}] is not supported")
    if kinds == {"yolo"}:
        return _yolo(ends)
    if kinds == {"region"}:
        return _region(_only(ends))
    if kinds == {"detection"}:
        return _detection(_only(ends))
    last = ends[-1]
    if last.layer.kind in ("softmax", "soft") and last.blob.height == last.blob.width == 1:
        names = read_tree(last.layer).names if last.layer.text("tree") else ()
        return Outcome("classify", "classify", {"activation": "none"}, last.blob.channels, names)
    return Outcome()


_FAMILY = {"yolo": "yolo", "gaussian_yolo": "yolo", "region": "region", "detection": "detection"}


def _only(ends: list[End]) -> End:
    if len(ends) > 1:
        raise ends[1].layer.fault(f"a second [{ends[1].layer.kind}] layer is not supported")
    return ends[0]


def _classes(layer: Section) -> int:
    return layer.integer("classes", 20, 1, 100_000)


def _fitting(layer: Section, blob: Blob, anchors: int, each: int) -> None:
    """Raises ModelError where the layer before has another number of channels than the boxes take."""
    if blob.channels != anchors * each:
        raise layer.fault(
            f"{anchors} anchors with {each} numbers take {anchors * each} channels, "
            f"the layer before has {blob.channels} (filters= there, classes= here)",
            "classes",
        )


def _pairs(layer: Section, rows: tuple[int, ...]) -> tuple[float, ...]:
    """Width and height of the anchors `rows`, one after another."""
    values = layer.numbers("anchors")
    if not values:
        raise layer.fault("it has no anchors=")
    if len(values) % 2:
        raise layer.fault(f"{len(values)} numbers in anchors= are no pairs; is a comma missing?", "anchors")
    if 2 * max(rows) + 1 >= len(values):
        raise layer.fault(f"{len(values)} numbers in anchors= have no anchor {max(rows)}", "anchors")
    return tuple(values[2 * row + k] for row in rows for k in (0, 1))


def _yolo(ends: list[End]) -> Outcome:
    anchors: list[tuple[float, ...]] = []
    warnings: list[str] = []
    first = ends[0].layer
    for end in ends:
        layer = end.layer
        total = layer.integer("num", 1, 1, 4096)
        mask = layer.integers("mask", 0, 4095) or tuple(range(total))
        _fitting(layer, end.blob, len(mask), _classes(layer) + (9 if layer.kind == "gaussian_yolo" else 5))
        anchors.append(_pairs(layer, mask))
        if _classes(layer) != _classes(first):
            raise layer.fault(f"other classes ({_classes(layer)}) than {first.name} ({_classes(first)})", "classes")
        kind = layer.text("nms_kind", "default")
        if kind not in ("default", "greedynms"):
            warnings.append(f"{layer.file}: {layer.name}: nms_kind={kind} is taken as plain suppression")
    options: dict[str, object] = {
        "grids": tuple(end.tensor for end in ends),
        "anchors": tuple(anchors),
        "scale_xy": tuple(end.layer.number("scale_x_y", 1.0) for end in ends),
    }
    ready = tuple(bool(end.layer.integer("new_coords", 0)) for end in ends)
    gaussian = tuple(end.layer.kind == "gaussian_yolo" for end in ends)
    points = tuple(_point(end.layer) for end in ends)
    options |= {"new_coords": ready} if any(ready) else {}
    options |= {"gaussian": gaussian, "points": points} if any(gaussian) else {}
    return Outcome("darknet-yolo", "detect", options, _classes(first), warnings=tuple(dict.fromkeys(warnings)))


def _point(layer: Section) -> str:
    point = layer.text("yolo_point", "center") if layer.kind == "gaussian_yolo" else "center"
    known = {"center": "center", "left_top": "left-top", "right_bottom": "right-bottom"}
    if point not in known:
        raise layer.fault(f"yolo_point={point} is none of {', '.join(known)}", "yolo_point")
    return known[point]


def _region(end: End) -> Outcome:
    layer, classes = end.layer, _classes(end.layer)
    count, coords = layer.integer("num", 1, 1, 4096), layer.integer("coords", 4, 4, 1024)
    if layer.integer("background", 0):
        raise layer.fault("background=1 (a class for nothing instead of an objectness) is not supported", "background")
    _fitting(layer, end.blob, count, coords + 1 + classes)
    tree = read_tree(layer) if layer.text("tree") else None
    if tree is not None and len(tree.parents) != classes:
        raise layer.fault(f"its tree has {len(tree.parents)} names for {classes} classes", "tree")
    scores = "tree" if tree else "softmax" if layer.integer("softmax", 0) else "logistic"
    options: dict[str, object] = {"anchors": _pairs(layer, tuple(range(count))), "scores": scores}
    options |= {"parents": tree.parents} if tree else {}
    options |= {"coords": coords} if coords != 4 else {}
    return Outcome("darknet-region", "detect", options, classes, tree.names if tree else ())


def _detection(end: End) -> Outcome:
    layer, classes = end.layer, _classes(end.layer)
    side, count = layer.integer("side", 7, 1, 1024), layer.integer("num", 1, 1, 1024)
    if layer.integer("coords", 1) != 4:
        raise layer.fault("only coords=4 is supported", "coords")
    wanted = side * side * (classes + 5 * count)
    if end.blob.size != wanted:
        raise layer.fault(f"side={side}, num={count}, classes={classes} take {wanted} numbers, {end.blob.size} come in")
    options: dict[str, object] = {
        "side": side,
        "boxes": count,
        "squared": bool(layer.integer("sqrt", 0)),
        "softmax": bool(layer.integer("softmax", 0)),
    }
    return Outcome("darknet-detection", "detect", options, classes)
