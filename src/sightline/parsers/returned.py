"""Is what a user's parser returned what it says it is? Shapes, dtypes, NaN, corners, scores, JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.parsers.plain import NotPlain, plain
from sightline.types import F32, I32, Attribute, Detections, Mark, Masks, Prediction

__all__ = ["Unfit", "checked", "counted", "numbers", "said"]

_SLACK = 1e-3  # by which a score may leave 0..1
_MOST_OBJECTS = 100_000  # of a frame; every candidate of the largest detectors is a quarter of it


class Unfit(ValueError):
    """What was returned cannot be used; the message says what was expected and what came."""


def checked(value: object, function: str, labels: tuple[str, ...]) -> Prediction:
    """What `function` returned, as a Prediction of float32 and int32 columns. Raises Unfit.

    labels: the label table where its detections bring none.
    """
    if value is None:
        return Prediction(Detections(names=labels))
    if isinstance(value, Detections):
        value = Prediction(value)
    if not isinstance(value, Prediction):
        raise Unfit(f"{function} returned {said(value)}; expected Detections, a Prediction or None")
    try:
        return _checked(value, labels)
    except NotPlain as error:
        raise Unfit(f"{function} returned {error}") from error
    except Unfit as error:
        raise Unfit(f"{function} returned {error}") from None


def _checked(value: Prediction, labels: tuple[str, ...]) -> Prediction:
    if not isinstance(value.detections, Detections):
        raise Unfit(f"a Prediction whose detections are {said(value.detections)}; expected Detections")
    if value.text is not None and not isinstance(value.text, str):
        raise Unfit(f"text: expected str or None, got {said(value.text)}")
    embedding = None if value.embedding is None else numbers("embedding", value.embedding, (None,))
    classmap = value.classmap
    if classmap is not None:
        if not isinstance(classmap, np.ndarray) or classmap.ndim != 2 or classmap.dtype.kind not in "iu":
            raise Unfit(f"classmap: expected (h, w) uint8, got {said(classmap)}")
        if classmap.size and not 0 <= int(classmap.min()) <= int(classmap.max()) <= 255:
            raise Unfit(f"classmap: expected class ids 0..255, got {classmap.min()}..{classmap.max()}")
        classmap = classmap.astype(np.uint8)
    return Prediction(
        _detections(value.detections, labels),
        tuple(_attribute(item) for item in value.attributes),
        classmap,
        embedding,
        value.text,
        _names("map_names", value.map_names),
        tuple(_mark(item) for item in value.marks),
        plain(value.custom, "custom"),
    )


def _detections(found: Detections, labels: tuple[str, ...]) -> Detections:
    n = counted(len(found.xyxy))
    xyxy = numbers("xyxy", found.xyxy, (n, 4))
    turned = np.flatnonzero((xyxy[:, 2] < xyxy[:, 0]) | (xyxy[:, 3] < xyxy[:, 1]))
    if len(turned):
        row = int(turned[0])
        raise Unfit(f"xyxy: row {row} is {_row(xyxy[row])}, a negative size; expected the corners x1, y1, x2, y2")
    score = numbers("score", found.score, (n,))
    outside = np.flatnonzero((score < -_SLACK) | (score > 1 + _SLACK))
    if len(outside):
        raise Unfit(f"score: row {outside[0]} is {score[outside[0]]:g}; expected 0..1")
    keypoints = None if found.keypoints is None else numbers("keypoints", found.keypoints, (n, None, 3))
    return replace(
        found,
        xyxy=xyxy,
        score=np.clip(score, 0, 1),
        label=_integers("label", found.label, n, 0),
        names=_names("names", found.names) or labels,
        parent=None if found.parent is None else _integers("parent", found.parent, n, -1),
        masks=None if found.masks is None else _masks(found.masks, n),
        keypoints=keypoints,
        columns=_columns(found.columns, n),
    )


def counted(n: int) -> int:
    """The number of objects. Raises Unfit for more than any scene has: each costs every later step time and memory."""
    if n > _MOST_OBJECTS:
        raise Unfit(f"{n} objects; at most {_MOST_OBJECTS} a frame")
    return n


def numbers(name: str, array: object, shape: tuple[int | None, ...]) -> F32:
    """`array` as float32 of `shape` (None: any). Raises Unfit for other shapes, no numbers, NaN, infinity."""
    wanted = "(" + ", ".join("any" if side is None else str(side) for side in shape) + ("," * (len(shape) == 1)) + ")"
    if not isinstance(array, np.ndarray):
        raise Unfit(f"{name}: expected an array of shape {wanted}, got {said(array)}")
    if array.dtype.kind not in "fiu":
        raise Unfit(f"{name}: expected float32, got {said(array)}")
    if array.ndim != len(shape) or any(b is not None and a != b for a, b in zip(array.shape, shape, strict=True)):
        raise Unfit(f"{name}: expected shape {wanted}, got {array.shape}")
    with np.errstate(over="ignore"):
        single = array.astype(np.float32, copy=False)
    finite = np.isfinite(single)
    if not finite.all():
        row = int(np.argwhere(~finite)[0][0])
        held = "NaN" if np.isnan(single[row]).any() else "infinity"
        raise Unfit(f"{name}: row {row} holds {held}; expected finite numbers")
    return single


def _integers(name: str, array: object, n: int, least: int) -> I32:
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iu":
        raise Unfit(f"{name}: expected int32 of shape ({n},), got {said(array)}")
    if array.shape != (n,):
        raise Unfit(f"{name}: expected shape ({n},), got {array.shape}")
    outside = np.flatnonzero((array < least) | (array > 2**31 - 1))
    if len(outside):
        raise Unfit(f"{name}: row {outside[0]} is {array[outside[0]]}; expected {least} or more")
    return array.astype(np.int32)


def _masks(masks: object, n: int) -> Masks:
    if not isinstance(masks, Masks):
        raise Unfit(f"masks: expected Masks, got {said(masks)}")
    for row, bits in enumerate(masks.bits):
        if not isinstance(bits, np.ndarray) or bits.ndim != 2 or bits.dtype != np.uint8:
            raise Unfit(f"masks: row {row}: expected a bitmap (h, w) uint8, got {said(bits)}")
    return Masks(numbers("masks.window", masks.window, (n, 4)), tuple(masks.bits))


def _columns(columns: Mapping[str, NDArray[Any]], n: int) -> dict[str, NDArray[Any]]:
    kept: dict[str, NDArray[Any]] = {}
    for name, column in columns.items():
        if not isinstance(column, np.ndarray) or len(column) != n:
            raise Unfit(f"column {name}: expected {n} rows, got {said(column)}")
        if name in ("attributes", "custom", "text"):
            kept[name] = _objects(name, column)
        elif column.dtype.kind == "f":
            kept[name] = numbers(f"column {name}", column, (n, *(None,) * (column.ndim - 1)))
        elif column.dtype.kind in "biu":
            kept[name] = column
        else:
            raise Unfit(f"column {name}: expected numbers, got {said(column)}")
    return kept


def _objects(name: str, column: NDArray[Any]) -> NDArray[Any]:
    kept = np.empty(len(column), object)
    for row, value in enumerate(column.tolist()):
        if name == "custom":
            kept[row] = plain(value, f"column custom, row {row}")
        elif name == "attributes":
            kept[row] = tuple(_attribute(item) for item in value or ())
        elif isinstance(value, str):
            kept[row] = value
        else:
            raise Unfit(f"column text: row {row}: expected str, got {said(value)}")
    return kept


def _attribute(item: object) -> Attribute:
    if not isinstance(item, Attribute):
        raise Unfit(f"attributes: expected Attribute, got {said(item)}")
    if not np.isfinite(item.score):
        raise Unfit(f"attributes: {item.name}: the score is {item.score}; expected 0..1")
    return Attribute(str(item.name), str(item.label), float(item.score), int(item.index))


def _mark(item: object) -> Mark:
    if not isinstance(item, Mark):
        raise Unfit(f"marks: expected Mark, got {said(item)}")
    points = numbers("marks", np.array(item.points, np.float64).reshape(-1, 2), (None, 2))
    color = numbers("marks: color", np.array(item.color, np.float64), (4,))
    flat = tuple((float(x), float(y)) for x, y in points.tolist())
    r, g, b, a = color.tolist()
    return Mark(flat, (r, g, b, a), float(item.width_px), str(item.text), bool(item.closed))


def _names(name: str, names: object) -> tuple[str, ...]:
    if not isinstance(names, tuple | list):
        raise Unfit(f"{name}: expected a tuple of str, got {said(names)}")
    return tuple(str(label) for label in names)


def said(value: object) -> str:
    """What a value is, in a few words: "float64 (3, 5)", "a list of 3", "7"."""
    if isinstance(value, np.ndarray):
        return f"{value.dtype} {value.shape}"
    if isinstance(value, list | tuple | dict):
        return f"a {type(value).__name__} of {len(value)}"
    if value is None or isinstance(value, bool | int | float | str):
        return repr(value)[:60]
    return f"a {type(value).__name__}"


def _row(box: F32) -> str:
    return "(" + ", ".join(f"{v:g}" for v in box.tolist()) + ")"
