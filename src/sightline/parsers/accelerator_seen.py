"""What the accelerator's files say they saw -> detections and marks in model pixels."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from sightline.parsers.muxed import F64, MuxedView
from sightline.parsers.returned import Unfit, counted, numbers, said
from sightline.parsers.standins.pyds_drawing import NvOSD_ColorParams
from sightline.parsers.standins.pyds_metas import NvDsDisplayMeta, NvDsFrameMeta, NvDsObjectMeta
from sightline.types import F32, I32, Attribute, Detections, Mark, Prediction

__all__ = ["NO_LABEL", "Seen"]

NO_LABEL = "---"
_MOST_LABELS = 10_000
_CORNERS = 24  # of the polygon that a circle is drawn as


class Seen:
    """Makes records of them. notes: where each thing worth knowing is said once."""

    def __init__(self, notes: list[str]) -> None:
        self._notes = notes
        self._told = set[str]()

    def _note(self, text: str) -> None:
        if text not in self._told and len(self._told) < 100:
            self._told.add(text)
            self._notes.append(text)

    def nothing(self, labels: tuple[str, ...]) -> Detections:
        return Detections(names=labels)

    def boxes(
        self, boxes: object, ids: object, scores: object, labels: tuple[str, ...], muxed: MuxedView
    ) -> Detections:
        """Boxes (N, 4 or more) x, y, w, h, class ids (N,), scores (N,): arrays or lists. Raises Unfit."""
        xywh, label, score = _rows("boxes", boxes, 4), _ids(ids), _rows("scores", scores, 0)
        if not len(xywh) == len(label) == len(score):
            raise Unfit(f"returned {len(xywh)} boxes, {len(label)} class ids and {len(score)} scores; one for each")
        counted(len(xywh))
        negative = np.flatnonzero((xywh[:, 2:] < 0).any(1))
        if len(negative):
            x, y, w, h = xywh[negative[0]].tolist()
            raise Unfit(
                f"boxes: row {negative[0]} is ({x:g}, {y:g}, {w:g}, {h:g}), a negative size; expected x, y, w, h"
            )
        label, names = self._named(label, labels)
        return Detections(muxed.boxes_to_model(xywh.astype(np.float64)), self._scores(score), label, names)

    def _scores(self, score: F32) -> F32:
        if ((score < 0) | (score > 1)).any():
            self._note(f"scores from {score.min():g} to {score.max():g} are cut to 0..1")
        return np.clip(score, 0, 1).astype(np.float32)

    def _named(self, label: I32, labels: tuple[str, ...]) -> tuple[I32, tuple[str, ...]]:
        """Ids that the table has not get the name "---", as there; negative ones and huge ones an id after the last."""
        outside = (label < 0) | (label >= len(labels))
        if not outside.any():
            return label, labels
        for i in np.unique(label[outside]).tolist()[:5]:
            self._note(f"class id {i}: there are {len(labels)} labels; it is called {NO_LABEL}")
        fitting = label[(label >= 0) & (label < _MOST_LABELS)]
        end = max(len(labels), int(fitting.max(initial=-1)) + 1)
        lost = (label < 0) | (label >= _MOST_LABELS)
        names = labels + (NO_LABEL,) * (end - len(labels) + int(lost.any()))
        return np.where(lost, end, label).astype(np.int32), names

    def metas(self, frame: NvDsFrameMeta, labels: tuple[str, ...], muxed: MuxedView, custom: object) -> Prediction:
        """What a parser has added to a frame's metadata. Raises Unfit."""
        found = frame.objects
        boxes = [(o.rect_params.left, o.rect_params.top, o.rect_params.width, o.rect_params.height) for o in found]
        table = _Table(labels)
        ids = [table.id_of(int(item.class_id), item.obj_label) for item in found]
        detections = self.boxes(boxes, ids, [item.confidence for item in found], table.names, muxed)
        columns: dict[str, Any] = {}
        if any(item.classifiers for item in found):
            attributes = np.empty(len(found), object)
            attributes[:] = [tuple(_attributes(item)) for item in found]
            columns["attributes"] = attributes
        if frame.users or any(item.users for item in found):
            self._note("user metadata was added: nothing in Sightline reads it; return it as the message instead")
        marks = tuple(mark for display in frame.displays for mark in _marks(display, muxed))
        made = Detections(detections.xyxy, detections.score, detections.label, detections.names, columns=columns)
        return Prediction(made, marks=marks, custom=custom)


class _Table:
    """Labels that grow: an object says its label in words, which may be another than its class id has."""

    def __init__(self, labels: tuple[str, ...]) -> None:
        self._names = list(labels)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._names)

    def id_of(self, class_id: int, label: str) -> int:
        if not label or not 0 <= class_id < _MOST_LABELS:
            return class_id
        self._names += [""] * (class_id + 1 - len(self._names))
        if self._names[class_id] in ("", label):
            self._names[class_id] = label
            return class_id
        if label in self._names:
            return self._names.index(label)
        self._names.append(label)
        return len(self._names) - 1


def _rows(name: str, value: object, sides: int) -> F32:
    """(N, sides) float32, further columns left out; sides 0: (N,)."""
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise Unfit(f"{name}: rows of different lengths; expected numbers (N, {sides})") from error
    if not array.size:
        return np.zeros((0, sides) if sides else 0, np.float32)
    if not sides:
        return numbers(name, array, (None,))
    if array.ndim != 2 or array.shape[1] < sides:
        raise Unfit(f"{name}: expected shape (N, {sides}) x, y, w, h, got {said(array)}")
    return numbers(name, array[:, :sides], (None, sides))


def _ids(value: object) -> I32:
    """(N,) int32; whole numbers of another dtype are taken."""
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise Unfit("class ids: rows of different lengths; expected whole numbers (N,)") from error
    if not array.size:
        return np.zeros(0, np.int32)
    if array.ndim != 1 or array.dtype.kind not in "fiub":
        raise Unfit(f"class ids: expected whole numbers (N,), got {said(array)}")
    whole = array.astype(np.float64)
    odd = np.flatnonzero(~(np.isfinite(whole) & (whole == np.floor(whole)) & (np.abs(whole) < 2**31)))
    if len(odd):
        raise Unfit(f"class ids: row {odd[0]} is {array[odd[0]]}; expected a whole number")
    return array.astype(np.int32)


def _attributes(item: NvDsObjectMeta) -> Iterator[Attribute]:
    for classifier in item.classifiers:
        for info in classifier.labels:
            name = classifier.classifier_type or f"model{classifier.unique_component_id}"
            yield Attribute(name, info.result_label, float(info.result_prob), int(info.result_class_id))


def _marks(display: NvDsDisplayMeta, muxed: MuxedView) -> Iterator[Mark]:
    """Lines, rectangles, circles, arrows and text, in the order in which they are drawn there."""
    for rect in display.rect_params[: display.num_rects]:
        x, y, w, h = rect.left, rect.top, rect.width, rect.height
        corners = [(x, y), (x + w, y), (x + w, y + h), (x, y + h)]
        yield _mark(corners, rect.border_color, rect.border_width, muxed, closed=True)
    for line in display.line_params[: display.num_lines]:
        yield _mark([(line.x1, line.y1), (line.x2, line.y2)], line.line_color, line.line_width, muxed)
    for arrow in display.arrow_params[: display.num_arrows]:
        points = [(arrow.x1, arrow.y1), (arrow.x2, arrow.y2)]
        yield _mark(points, arrow.arrow_color, arrow.arrow_width, muxed)
        for tip, tail in ((points[1], points[0]), (points[0], points[1]))[: 2 if arrow.arrow_head == 2 else 1]:
            if arrow.arrow_head == 0:
                tip, tail = tail, tip
            yield _mark(_head(tip, tail, arrow.arrow_width), arrow.arrow_color, arrow.arrow_width, muxed)
    for circle in display.circle_params[: display.num_circles]:
        turns = [2 * math.pi * k / _CORNERS for k in range(_CORNERS)]
        around = [(circle.xc + circle.radius * math.cos(a), circle.yc + circle.radius * math.sin(a)) for a in turns]
        yield _mark(around, circle.circle_color, circle.circle_width, muxed, closed=True)
    for text in display.text_params[: display.num_labels]:
        if text.display_text:
            color = text.font_params.font_color
            yield _mark([(text.x_offset, text.y_offset)], color, 1, muxed, text=str(text.display_text))


def _head(tip: tuple[float, float], tail: tuple[float, float], width: float) -> list[tuple[float, float]]:
    """The two strokes of an arrow's head, as one line through its tip."""
    angle = math.atan2(tail[1] - tip[1], tail[0] - tip[0])
    long = 4 * max(1, width)
    a, b = angle + 0.5, angle - 0.5
    left = (tip[0] + long * math.cos(a), tip[1] + long * math.sin(a))
    return [left, tip, (tip[0] + long * math.cos(b), tip[1] + long * math.sin(b))]


def _mark(
    points: Sequence[tuple[float, float]],
    color: NvOSD_ColorParams,
    width: float,
    muxed: MuxedView,
    *,
    text: str = "",
    closed: bool = False,
) -> Mark:
    flat: F64 = numbers("marks", np.array(points, np.float64), (None, 2)).astype(np.float64)
    moved = tuple((float(x), float(y)) for x, y in muxed.to_model(flat).tolist())
    shade = tuple(min(1.0, max(0.0, float(v))) for v in (color.red, color.green, color.blue, color.alpha))
    r, g, b, a = shade
    return Mark(moved, (r, g, b, a), max(1.0, float(width) * muxed.scale), text, closed)
