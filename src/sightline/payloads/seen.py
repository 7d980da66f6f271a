"""The objects of a frame, one flat record each: what every message form picks from."""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from sightline.types import F32, I64, U8, Attribute, Detections, Frame, FrameResult

__all__ = ["Seen", "fact_uuid", "outlines", "seen_in"]

_HOME = uuid.UUID("8a1c9f0e-3d5b-5d0e-9c55-5f2f6b1d7a10")  # the name space of our message ids


@dataclass(frozen=True, slots=True)
class Seen:
    """One object. box: left, top, right, bottom in frame pixels, within the frame, float32 values. track: None for
    untracked. parent: the place in the frame's list of the object it was found in, -1 for none.
    """

    stage: str
    track: int | None
    label: str
    index: int
    score: float
    box: tuple[float, float, float, float]
    attributes: tuple[Attribute, ...] = ()
    text: str | None = None
    embedding: F32 | None = None
    keypoints: F32 | None = None
    mask: tuple[F32, U8] | None = None
    custom: object = None
    parent: int = -1


def seen_in(result: FrameResult) -> list[Seen]:
    """The primary model's objects, then those found within others. Where no model saw the frame, the tracker's
    predictions. Objects without a finite box and score are left out, as everywhere.
    """
    found = result.prediction.detections
    found_all: list[Seen] = []
    places: dict[str, dict[int, int]] = {}
    tracks = _tracks(result.tracks.row, result.tracks.id, len(found))
    for stage, detections, of in _stages(result):
        rows = places.setdefault(stage, {})
        for row, one in _rows(detections, result.frame, tracks if of is None else [None] * len(detections)):
            parent = -1
            if of is not None and detections.parent is not None and len(detections.parent):
                parent = places.get(of, {}).get(int(detections.parent[row]), -1)
            rows[row] = len(found_all)
            found_all.append(one if parent < 0 else replace(one, parent=parent))
    if not result.inferred and len(result.tracks.coasting):
        coasting = result.tracks
        guessed = Detections(
            coasting.coasting_xyxy, coasting.coasting_score, coasting.coasting_label, found.names, found.stage
        )
        found_all += [one for _, one in _rows(guessed, result.frame, coasting.coasting.tolist())]
    return found_all


def _stages(result: FrameResult) -> Iterator[tuple[str, Detections, str | None]]:
    primary = result.prediction.detections
    yield primary.stage, primary, None
    for inside in result.inside:
        yield inside.detections.stage, inside.detections, inside.of


def _tracks(rows: I64, ids: I64, count: int) -> list[int | None]:
    tracks: list[int | None] = [None] * count
    for row, track in zip(rows.tolist(), ids.tolist(), strict=True):
        tracks[row] = track
    return tracks


def _rows(found: Detections, frame: Frame, tracks: list[int | None]) -> Iterator[tuple[int, Seen]]:
    if not len(found):
        return
    limit = np.array([frame.width, frame.height] * 2, np.float32)
    boxes = np.clip(found.xyxy, 0, limit).tolist()
    columns = found.columns
    for row in range(len(found)):
        score = float(found.score[row])
        if not (math.isfinite(score) and np.isfinite(found.xyxy[row]).all()):
            continue
        points = None if found.keypoints is None else found.keypoints[row]
        masks = found.masks
        yield (
            row,
            Seen(
                found.stage,
                tracks[row],
                found.name_of(row),
                int(found.label[row]),
                score,
                (boxes[row][0], boxes[row][1], boxes[row][2], boxes[row][3]),
                tuple(one for one in _cell(columns, "attributes", row) or () if math.isfinite(one.score)),
                _cell(columns, "text", row),
                _finite(_cell(columns, "embedding", row)),
                _finite(points),
                None if masks is None else (masks.window[row], masks.bits[row]),
                _cell(columns, "custom", row),
            ),
        )


def _cell(columns: Mapping[str, NDArray[Any]], name: str, row: int) -> Any:
    column = columns.get(name)
    return None if column is None else cast("object", column[row])


def _finite(values: F32 | None) -> F32 | None:
    return values if values is None or np.isfinite(values).all() else None


def outlines(one: Seen) -> list[list[float]]:
    """The outer borders of an object's mask, each x, y, x, y ... in frame pixels; [] where there is none."""
    if one.mask is None or not one.mask[1].size:
        return []
    window, bits = one.mask
    borders, _ = cv2.findContours(
        (bits >= 128).astype(np.uint8),
        cv2.RETR_EXTERNAL,
        cv2.CHAIN_APPROX_SIMPLE,
        offset=(int(window[0]), int(window[1])),
    )
    return [cast("list[float]", border.reshape(-1).astype(float).tolist()) for border in borders if len(border) > 2]


def fact_uuid(frame: Frame, *facts: object) -> str:
    """A version 5 UUID of what happened: the same result published twice has the same. A live stream's also holds
    the time of arrival, for its frames and times begin anew with every run.
    """
    known = [frame.stream.id, frame.at.epoch, frame.at.pts, frame.index, frame.name, *facts]
    if frame.stream.live:
        known.append(frame.wall_ns)
    return str(uuid.uuid5(_HOME, repr(known)))
