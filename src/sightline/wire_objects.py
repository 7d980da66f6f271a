"""What a model says of a frame -> JSON, by hand: its objects, and what it says of the frame itself."""

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from sightline import rle
from sightline.types import F32, Attribute, Detections, FrameResult, Inside, Mark, Masks, Prediction

__all__ = ["objects_of", "plain", "said_of", "text_of"]


def objects_of(result: FrameResult, names: tuple[str, ...]) -> list[str]:
    """The objects of one frame, each as JSON. `names` is the label table where the prediction brings none."""
    width, height = result.frame.width, result.frame.height
    found = result.prediction.detections
    lines: list[str] = []
    if len(found):
        tracks: list[int | None] = [None] * len(found)
        for row, track in zip(result.tracks.row.tolist(), result.tracks.id.tolist(), strict=True):
            tracks[row] = track
        extras = _extras(found, (width, height))
        if result.inside:
            extras = _with(extras, _nested(result.inside, (width, height)).get(found.stage, {}), len(found))
        if result.columns:
            extras = _with(extras, _rules(result), len(found))
        lines = _rows(found, tracks, extras, found.names or names, (width, height))
    coasting = result.tracks.coasting
    if not result.inferred and len(coasting):  # without a model nothing but the predictions is known
        guessed = Detections(
            result.tracks.coasting_xyxy, result.tracks.coasting_score, result.tracks.coasting_label, found.names
        )
        rows = _rows(guessed, coasting.tolist(), None, found.names or names, (width, height))
        lines += [f'{row[:-1]},"coasting":true}}' for row in rows]
    return lines


def _with(extras: list[str] | None, more: Mapping[int, str], n: int) -> list[str]:
    """Fields of each row, with those that only some rows have."""
    fields = extras or [""] * n
    return [text + more.get(row, "") for row, text in enumerate(fields)]


def _nested(inside: Sequence[Inside], frame_wh: tuple[int, int]) -> dict[str, dict[int, str]]:
    """The field "objects" by stage and row: what later stages found within, the deepest first."""
    fields: dict[str, dict[int, str]] = {}
    for one in reversed(inside):
        found = one.detections
        if not len(found) or found.parent is None:
            continue
        extras = _with(_extras(found, frame_wh), fields.get(found.stage, {}), len(found))
        within: dict[int, list[str]] = {}
        begin = f'{{"stage":{text_of(found.stage)},'
        # rows that are not finite are left out, so each is written by itself
        for row, parent in enumerate(found.parent.tolist()):
            lines = _rows(found[row : row + 1], [None], extras[row : row + 1], found.names, frame_wh)
            within.setdefault(parent, []).extend(begin + line[1:] for line in lines)
        held = fields.setdefault(one.of, {})
        for parent, lines in within.items():
            before = held.get(parent, "")
            joined = ",".join(lines)
            held[parent] = f"{before[:-1]},{joined}]" if before else f',"objects":[{joined}]'
    return fields


def _rules(result: FrameResult) -> dict[int, str]:
    """The field "rules" by row: which rules of the analytics hold for the object."""
    fields: dict[int, str] = {}
    for place, row in enumerate(result.tracks.row.tolist()):
        held = {name: list(column[place]) for name, column in result.columns.items() if column[place]}
        if held:
            fields[row] = f',"rules":{json.dumps(held, ensure_ascii=False, separators=(",", ":"))}'
    return fields


def _rows(
    found: Detections,
    tracks: Sequence[int | None],
    extras: list[str] | None,
    names: tuple[str, ...],
    frame_wh: tuple[int, int],
) -> list[str]:
    """Each row of `found` as JSON, without those that are not finite. By hand, because `json` is 5 times slower."""
    boxes = _boxes(found.xyxy, frame_wh)
    scores = np.round(found.score.astype(np.float64), 4).tolist()
    finite = np.isfinite(found.xyxy).all(1) & np.isfinite(found.score)
    sound = [True] * len(found) if finite.all() else finite.tolist()
    lines: list[str] = []
    for row, (box, score, label, track) in enumerate(zip(boxes, scores, found.label.tolist(), tracks, strict=True)):
        if not sound[row]:
            continue
        x1, y1, x2, y2 = box
        line = (
            f'{{"label":{_label(names, label)},"class":{label},"score":{min(1.0, max(0.0, score))},'
            f'"box":[{x1},{y1},{x2},{y2}]'
        )
        if track is not None:
            line = f'{line},"track":{track}'
        lines.append(f"{line}}}" if extras is None else f"{line}{extras[row]}}}")
    return lines


def _boxes(xyxy: F32, frame_wh: tuple[int, int]) -> list[list[float]]:
    """(N, 4) -> rows clipped to the frame and rounded to 2 decimals."""
    width, height = frame_wh
    limit = np.array([width, height, width, height], np.float64)
    return cast("list[list[float]]", (np.round(np.clip(xyxy.astype(np.float64), 0, limit), 2) + 0.0).tolist())


def _extras(found: Detections, frame_wh: tuple[int, int]) -> list[str] | None:
    """Fields that only some models give, for each row, each with a comma before it; None where there are none."""
    if found.keypoints is None and found.masks is None and not found.columns:
        return None
    fields: list[Iterable[str]] = []
    if found.keypoints is not None:
        fields.append(_keypoints(found.keypoints))
    if found.masks is not None:
        fields.append(_masks(found.masks, frame_wh))
    for name, column in found.columns.items():
        written = _WRITTEN.get(name)
        if written is not None:
            fields.append(written(column))
    return ["".join(row) for row in zip(*fields, strict=True)] if fields else None


def _keypoints(keypoints: F32) -> Iterable[str]:
    points: NDArray[np.float64] = keypoints.astype(np.float64)  # (N, K, 3)
    points = np.where(np.isfinite(points).all(2, keepdims=True), points, 0.0)
    points[..., :2] = np.round(points[..., :2], 2)
    points[..., 2] = np.round(points[..., 2], 4)
    for row in cast("list[list[list[float]]]", points.tolist()):
        yield f',"keypoints":{_compact(row)}'


def _masks(masks: Masks, frame_wh: tuple[int, int]) -> Iterable[str]:
    width, height = frame_wh
    for (left, top), bits in zip(masks.window[:, :2].astype(int).tolist(), masks.bits, strict=True):
        counts = rle.encode(bits, left, top, width, height).replace("\\", "\\\\")
        yield f',"mask":{{"size":[{height},{width}],"counts":"{counts}"}}'


def _oriented(column: NDArray[Any]) -> Iterable[str]:
    rows = column.astype(np.float64)
    rows[:, :4] = np.round(rows[:, :4], 2)
    rows[:, 4] = np.round(rows[:, 4], 4)
    for row in (rows + 0.0).tolist():
        yield f',"obb":{_compact(row)}' if np.isfinite(row).all() else ""


def _attribute_rows(column: NDArray[Any]) -> Iterable[str]:
    for attributes in cast("Sequence[tuple[Attribute, ...]]", column):
        yield f',"attributes":{_attributes(attributes)}' if attributes else ""


def _embeddings(column: NDArray[Any]) -> Iterable[str]:
    for row in cast("Sequence[F32]", column):
        yield _embedding(row)


def _customs(column: NDArray[Any]) -> Iterable[str]:
    for value in cast("Sequence[object]", column.tolist()):
        yield "" if value is None else f',"custom":{_said_freely(value)}'


def _said_freely(value: object) -> str:
    """JSON of what a user's parser says; what JSON does not know as text."""
    return json.dumps(plain(value), ensure_ascii=False, allow_nan=False, default=str, separators=(",", ":"))


def plain(value: object) -> object:
    """NumPy values and tuples as what JSON knows; numbers that are not finite as None."""
    if isinstance(value, np.ndarray | np.generic):
        value = cast("object", value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in cast("Mapping[object, object]", value).items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v) for v in cast("Sequence[object]", value)]
    return value


def _texts(column: NDArray[Any]) -> Iterable[str]:
    for text in cast("Sequence[str | None]", column.tolist()):
        yield "" if text is None else f',"text":{text_of(text)}'


_WRITTEN: Mapping[str, Callable[[NDArray[Any]], Iterable[str]]] = {
    "obb": _oriented,
    "attributes": _attribute_rows,
    "embedding": _embeddings,
    "text": _texts,
    "custom": _customs,
}


def said_of(prediction: Prediction) -> str:
    """What a model says of the whole view, as fields with a comma before each; "" where it says nothing."""
    fields = f',"attributes":{_attributes(prediction.attributes)}' if prediction.attributes else ""
    if prediction.embedding is not None:
        fields += _embedding(prediction.embedding)
    if prediction.text is not None:
        fields += f',"text":{text_of(prediction.text)}'
    if prediction.custom is not None:
        fields += f',"custom":{_said_freely(prediction.custom)}'
    if prediction.marks:
        fields += f',"marks":[{",".join(map(_mark, prediction.marks))}]'
    return fields


def _mark(mark: Mark) -> str:
    points = [[round(x, 2), round(y, 2)] for x, y in mark.points if math.isfinite(x) and math.isfinite(y)]
    said = {"points": points, "color": [round(c, 3) for c in mark.color], "width": round(mark.width_px, 2)}
    return _compact(said | ({"text": mark.text} if mark.text else {}) | ({"closed": True} if mark.closed else {}))


def _attributes(attributes: Sequence[Attribute]) -> str:
    """Attributes as a JSON array, without those whose score is not finite."""
    rows: list[str] = []
    for one in attributes:
        if math.isfinite(one.score):
            known = f'"class":{int(one.index)},' if one.index >= 0 else ""
            score = min(1.0, max(0.0, round(float(one.score), 4)))
            rows.append(f'{{"name":{text_of(one.name)},"label":{text_of(one.label)},{known}"score":{score}}}')
    return f"[{','.join(rows)}]"


def _embedding(values: F32) -> str:
    """The field with a comma before it; "" where a number is not finite."""
    if not np.isfinite(values).all():
        return ""
    return f',"embedding":{_compact((np.round(values.astype(np.float64), 6) + 0.0).tolist())}'


def _compact(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


@lru_cache(maxsize=4096)
def text_of(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


@lru_cache(maxsize=4096)
def _label(names: tuple[str, ...], index: int) -> str:
    name = names[index] if 0 <= index < len(names) else ""
    return json.dumps(name or f"class{index}", ensure_ascii=False)
