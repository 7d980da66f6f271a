"""A model tried on one frame: what it says in words and as plain data, and a picture of it beside what it was fed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import cv2
import numpy as np

from sightline import wire
from sightline.overlays.boxes import BoxOverlay
from sightline.pictures import place, rgb, tensor_rgb, view_of
from sightline.projection import to_frame
from sightline.types import U8, Frame, FrameResult, Picture, PixelLayout, Prediction, Preprocess, View

__all__ = ["as_record", "drawn", "in_words", "side_by_side"]

_SAID = ("objects", "attributes", "embedding", "text")
_TALLEST = 1080
_UNSEEN = 255

Record = Mapping[str, Any]


def as_record(frame: Frame, prediction: Prediction) -> dict[str, object]:
    """What is said, as the results have it; of a class map the share of each class, the largest first."""
    line = json.loads(wire.frame_line(FrameResult(frame.without_picture(), prediction)))
    record: dict[str, object] = {"picture": frame.stream.id}
    record |= {key: line[key] for key in _SAID if key in line}
    if prediction.classmap is not None:
        record["map"] = _shares(prediction.classmap, prediction.map_names)
    return record


def _shares(classmap: U8, names: Sequence[str]) -> dict[str, float]:
    pixels = np.bincount(classmap.reshape(-1), minlength=256)
    pixels[_UNSEEN] = 0
    whole, seen = max(1, int(pixels.sum())), np.flatnonzero(pixels)
    shares: dict[str, float] = {}
    for index in seen[np.argsort(-pixels[seen], kind="stable")].tolist():
        name = str(names[index]) if index < len(names) else ""
        shares[name or f"class{index}"] = round(int(pixels[index]) / whole, 4)
    return shares


def in_words(record: Record) -> list[tuple[str, str]]:
    """`as_record` as rows of (word, text) for people; "found nothing" where nothing is said."""
    rows: list[tuple[str, str]] = []
    if record["objects"]:
        rows.append(("found", ", ".join(map(_object, record["objects"]))))
    said = [one for one in record.get("attributes", ()) if one["label"] != record.get("text")]
    if said:
        rows.append(("says", _attributes(said)))
    if "text" in record:
        rows.append(("reads", record["text"] or "nothing"))
    if "map" in record:
        shares = cast("Mapping[str, float]", record["map"])
        rows.append(("map", ", ".join(f"{name} {share:.1%}" for name, share in shares.items()) or "nothing"))
    if "embedding" in record:
        rows.append(("embedding", _embedding(record["embedding"])))
    return rows or [("found", "nothing")]


def _object(found: Record) -> str:
    words = f"{found['label']} {found['score']:.2f}"
    if "text" in found:
        words += f" {found['text']!r}"
    told: list[str] = []
    if "attributes" in found:
        told.append(_attributes(found["attributes"]))
    if "keypoints" in found:
        told.append(f"{len(found['keypoints'])} points")
    if "obb" in found:
        told.append(f"turned {np.degrees(found['obb'][4]):.0f}°")
    if "embedding" in found:
        told.append(_embedding(found["embedding"]))
    return f"{words} ({'; '.join(told)})" if told else words


def _attributes(attributes: Sequence[Record]) -> str:
    plain = ("", "class")
    words = [a["label"] if a["name"] in plain else f"{a['name']}: {a['label']}" for a in attributes]
    return ", ".join(f"{word} {a['score']:.2f}" for word, a in zip(words, attributes, strict=True))


def _embedding(values: Sequence[float]) -> str:
    return f"{len(values)} numbers of length {np.linalg.norm(values):.3f}"


# -- in pictures -------------------------------------------------------------------------------------------------------


def side_by_side(
    frame: Frame,
    steps: Preprocess,
    size_wh: tuple[int, int],
    prediction: Prediction,
    crop: tuple[int, int, int, int] | None = None,
) -> U8:
    """Left the picture as the network gets it, right the frame, the same prediction on both; (H, W, 3) RGB.

    size_wh: of the network's input. prediction: in frame pixels. crop: whole frame pixels that the network was shown.
    """
    if frame.picture is None:
        raise ValueError("the frame's picture was given back already")
    left, right = tensor_rgb(frame, steps, size_wh, crop), rgb(frame.picture)
    matrix = view_of(frame, place((frame.width, frame.height), size_wh, steps.resize, steps.pad, crop)).matrix
    back = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))[:2]
    height = max(left.shape[0], min(right.shape[0], _TALLEST))
    bar = np.full((height, 6, 3), 128, np.uint8)
    return np.concatenate(
        [drawn(frame, left, back, prediction, height), bar, drawn(frame, right, np.eye(2, 3), prediction, height)],
        axis=1,
    )


def drawn(frame: Frame, pixels: U8, matrix: np.ndarray[Any, np.dtype[np.float64]], said: Prediction, height: int) -> U8:
    """`pixels` (H, W, 3) RGB at the given height with a prediction drawn on it.

    matrix: (2, 3) from the pixels of `frame`, which `said` is in, to those of `pixels`.
    """
    gain = height / pixels.shape[0]
    width = max(1, round(pixels.shape[1] * gain))
    out = np.array(cv2.resize(pixels, (width, height)), np.uint8)
    shown = replace(frame, picture=None, width=width, height=height)
    here = to_frame(said, View(shown, matrix * gain, (frame.width, frame.height)), (0, 0, width, height))
    BoxOverlay()(Picture((out,), PixelLayout.RGB, full_range=True), FrameResult(shown, here), ())
    return out
