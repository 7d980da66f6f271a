"""What a secondary model says of objects -> columns of these objects, and objects within them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.types import F32, Attribute, Detections, Masks, Prediction

__all__ = ["POINTS", "joined", "moved", "noted", "said", "sureness"]

POINTS = ("landmarks", "pose")  # tasks whose answer to a crop are the points of the object itself


def said(
    detections: Detections,
    rows: Sequence[int],
    answers: Sequence[Prediction | None],
    stage: str,
    task: str,
    *,
    apart: bool = False,
) -> tuple[Detections, Detections]:
    """(`detections` with the columns that the answers give, the objects found within with their parents' rows).

    rows, answers: the object and what was said of it, in frame pixels; None for nothing. apart: points are not the
    object's own, whether it has others or not.
    """
    told = [(row, answer) for row, answer in zip(rows, answers, strict=True) if answer is not None]
    if task in POINTS and detections.keypoints is None and not apart:
        detections = _with_points(detections, told)
        return noted(detections, told, stage), Detections(stage=stage)
    inner = [(row, answer.detections) for row, answer in told if len(answer.detections)]
    if task in POINTS:  # the object is there already, with points of another kind
        inner = [(row, _around_its_points(found)) for row, found in inner]
    return noted(detections, told, stage), joined(inner, stage)


def _with_points(detections: Detections, told: Sequence[tuple[int, Prediction]]) -> Detections:
    """The keypoints of the best object of each answer, on the object that was looked at."""
    found = [
        (row, answer.detections.keypoints[int(answer.detections.score.argmax())])
        for row, answer in told
        if len(answer.detections) and answer.detections.keypoints is not None
    ]
    if not found:
        return detections
    points = np.zeros((len(detections), *found[0][1].shape), np.float32)
    for row, keypoints in found:
        points[row] = keypoints
    return replace(detections, keypoints=points)


def _around_its_points(found: Detections) -> Detections:
    """The box of a regressed pose is the whole view; the extent of its points says more."""
    if found.keypoints is None or not found.keypoints.shape[1]:
        return found
    places = found.keypoints[..., :2]
    boxes = np.concatenate([places.min(1), places.max(1)], 1)
    return replace(found, xyxy=np.where(np.isfinite(boxes).all(1, keepdims=True), boxes, found.xyxy))


def noted(detections: Detections, told: Sequence[tuple[int, Prediction]], stage: str) -> Detections:
    """`detections` with attributes, embeddings, text and what a user's parser says, as columns."""
    if not told:
        return detections
    columns, n = dict(detections.columns), len(detections)
    own: dict[str, NDArray[Any]] = {}  # those that may be written
    for row, answer in told:
        if answer.attributes:
            named = tuple(replace(a, name=stage) if a.name == "class" else a for a in answer.attributes)
            column = own.get("attributes")
            if column is None:
                column = own["attributes"] = _objects(columns.get("attributes"), n, ())
            column[row] = (*column[row], *named)
        for name, value in (("text", answer.text), ("custom", answer.custom)):
            if value is not None:
                if name not in own:
                    own[name] = _objects(columns.get(name), n, None)
                own[name][row] = value
        if answer.embedding is not None:
            if "embedding" not in own:  # those of two networks are not comparable: no row keeps another one's
                own["embedding"] = np.full((n, len(answer.embedding)), np.nan, np.float32)
            own["embedding"][row] = answer.embedding
    return replace(detections, columns=columns | own) if own else detections


def _objects(known: NDArray[Any] | None, n: int, empty: object) -> NDArray[Any]:
    """A column of objects that may be written: a copy of what is there, or a new one."""
    if known is not None:
        return known.copy()
    column = np.empty(n, object)
    for row in range(n):
        column[row] = empty
    return column


def joined(inner: Sequence[tuple[int, Detections]], stage: str) -> Detections:
    """Objects found within several others as one table; `parent` is the row that comes with each."""
    if not inner:
        return Detections(stage=stage)
    tables = [found for _, found in inner]
    first = tables[0]
    parent = np.concatenate([np.full(len(found), row, np.int32) for row, found in inner])
    keypoints = [t.keypoints for t in tables if t.keypoints is not None]
    masks = [t.masks for t in tables if t.masks is not None]
    shared = [name for name, column in first.columns.items() if all(_alike(t, name, column) for t in tables)]
    names = first.names
    if any(t.names != names for t in tables):
        names = tuple(dict.fromkeys([*names, *(t.name_of(row) for t in tables for row in range(len(t)))]))
        tables = [_renamed(t, names) for t in tables]
    return Detections(
        np.concatenate([t.xyxy for t in tables]),
        np.concatenate([t.score for t in tables]),
        np.concatenate([t.label for t in tables]),
        names,
        stage,
        parent,
        _stacked(masks) if len(masks) == len(tables) else None,
        _points(keypoints) if len(keypoints) == len(tables) else None,
        {name: np.concatenate([t.columns[name] for t in tables]) for name in shared},
    )


def _alike(table: Detections, name: str, column: NDArray[Any]) -> bool:
    other = table.columns.get(name)
    return other is not None and other.shape[1:] == column.shape[1:]


def _renamed(table: Detections, names: tuple[str, ...]) -> Detections:
    """The same labels by another table; a user's own code may name others each time."""
    place = {name: i for i, name in enumerate(names)}
    label = [place[table.name_of(row)] for row in range(len(table))]
    return replace(table, label=np.array(label, np.int32), names=names)


def _points(keypoints: Sequence[F32]) -> F32:
    """Points of several tables; where some have fewer, points of score 0 at their end."""
    most = max(points.shape[1] for points in keypoints)
    return np.concatenate([np.pad(points, ((0, 0), (0, most - points.shape[1]), (0, 0))) for points in keypoints])


def _stacked(masks: Sequence[Masks]) -> Masks:
    return Masks(np.concatenate([m.window for m in masks]), tuple(bits for m in masks for bits in m.bits))


def moved(answer: Prediction, seen: F32, now: F32) -> Prediction | None:
    """An answer about an object that was at box `seen` (4,), for the same object at `now`: what lies in it moves along.

    None where that cannot be said: masks do not move so.
    """
    detections = answer.detections
    if not len(detections):
        return answer
    if detections.masks is not None or "obb" in detections.columns:
        return None
    gain = (now[2:] - now[:2]) / np.maximum(seen[2:] - seen[:2], 1e-6)
    shift = now[:2] - seen[:2] * gain
    boxes = detections.xyxy * np.tile(gain, 2) + np.tile(shift, 2)
    points = detections.keypoints
    if points is not None:
        points = np.concatenate([points[..., :2] * gain + shift, points[..., 2:]], -1)
    return replace(answer, detections=replace(detections, xyxy=boxes.astype(np.float32), keypoints=_as_float(points)))


def _as_float(points: NDArray[Any] | None) -> F32 | None:
    return None if points is None else points.astype(np.float32)


def sureness(answer: Prediction) -> float:
    """The score of the least sure answer, 0..1; of an answer without scores 1."""
    scores = [best.score for best in _best(answer.attributes)]
    scores += answer.detections.score.tolist()
    said = answer.text or answer.embedding is not None or answer.custom is not None
    return min(scores, default=1.0 if said else 0.0)


def _best(attributes: Sequence[Attribute]) -> list[Attribute]:
    """The first answer to each question."""
    found: dict[str, Attribute] = {}
    for one in attributes:
        found.setdefault(one.name, one)
    return list(found.values())
