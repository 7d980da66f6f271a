"""A Prediction on its way between two processes: a plain description, and arrays that lie in shared memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.parsers.framing import Message
from sightline.types import Attribute, Detections, Mark, Masks, Prediction

__all__ = ["described", "restored"]

Array = NDArray[Any]
_OBJECTS = ("attributes", "custom", "text")


def described(prediction: Prediction, known: tuple[str, ...]) -> tuple[Message, list[Array]]:
    """What is said of a prediction, and the arrays that it names by number. known: a label table not to be repeated."""
    arrays: list[Array] = []

    def number(array: Array | None) -> int | None:
        if array is None:
            return None
        arrays.append(np.ascontiguousarray(array))
        return len(arrays) - 1

    found = prediction.detections
    said: Message = {
        "xyxy": number(found.xyxy),
        "score": number(found.score),
        "label": number(found.label),
        "names": None if found.names == known else found.names,
        "stage": found.stage,
        "parent": number(found.parent),
        "keypoints": number(found.keypoints),
        "columns": {name: number(column) for name, column in found.columns.items() if name not in _OBJECTS},
        "objects": {name: _objects(name, found.columns[name]) for name in _OBJECTS if name in found.columns},
        "classmap": number(prediction.classmap),
        "embedding": number(prediction.embedding),
    }
    if found.masks is not None:
        said["masks"] = [number(found.masks.window), *(number(bits) for bits in found.masks.bits)]
    if prediction.attributes:
        said["attributes"] = [_parts(item) for item in prediction.attributes]
    if prediction.marks:
        said["marks"] = [[m.points, m.color, m.width_px, m.text, m.closed] for m in prediction.marks]
    said["text"], said["custom"] = prediction.text, prediction.custom
    said["map_names"] = prediction.map_names
    return said, arrays


def _objects(name: str, column: Array) -> list[Any]:
    if name == "attributes":
        return [[_parts(item) for item in value or ()] for value in column.tolist()]
    return column.tolist()


def _parts(item: Attribute) -> list[object]:
    return [item.name, item.label, item.score, item.index]


def restored(said: Message, array: Callable[[int], Array], known: tuple[str, ...]) -> Prediction:
    """The prediction that was described; `array` fetches one by its number.

    Raises KeyError, TypeError, ValueError or IndexError where it was not described by `described`.
    """

    def fetched(name: str) -> Any:
        number = said[name]
        return None if number is None else array(number)

    columns = {name: array(number) for name, number in said["columns"].items()}
    columns |= {name: _column(name, values) for name, values in said["objects"].items()}
    names = said["names"]
    found = Detections(
        fetched("xyxy"),
        fetched("score"),
        fetched("label"),
        known if names is None else tuple(names),
        said["stage"],
        fetched("parent"),
        _masks(said, array),
        fetched("keypoints"),
        columns,
    )
    return Prediction(
        found,
        tuple(Attribute(*item) for item in said.get("attributes", ())),
        fetched("classmap"),
        fetched("embedding"),
        said["text"],
        tuple(said["map_names"]),
        tuple(_mark(*item) for item in said.get("marks", ())),
        said["custom"],
    )


def _masks(said: Mapping[str, Any], array: Callable[[int], Array]) -> Masks | None:
    if "masks" not in said:
        return None
    window, *bits = said["masks"]
    return Masks(array(window), tuple(array(number) for number in bits))


def _column(name: str, values: list[Any]) -> Array:
    column = np.empty(len(values), object)
    for row, value in enumerate(values):
        column[row] = tuple(Attribute(*item) for item in value) if name == "attributes" else value
    return column


def _mark(points: list[list[float]], color: list[float], width_px: float, text: str, closed: bool) -> Mark:
    r, g, b, a = color
    return Mark(tuple((x, y) for x, y in points), (r, g, b, a), width_px, text, closed)
