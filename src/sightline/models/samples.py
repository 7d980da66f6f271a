"""Test pictures that travel in a bundle with what the model said of them when it was packed: its own parity check."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from sightline.errors import ModelError
from sightline.types import Attribute, Detections, FrameResult, ModelSpec, Prediction
from sightline.wire import frame_line, parse

__all__ = ["FOLDER", "expected_file", "expected_of", "said_of"]

FOLDER = "samples"


def expected_file(picture: str) -> str:
    """The name of the file that holds what is expected of `picture`."""
    return f"{picture}.json"


def said_of(result: FrameResult, names: tuple[str, ...]) -> str:
    """What a model says of a picture, as the file beside it keeps it: one frame line of our results."""
    return json.dumps(json.loads(frame_line(result, names)), indent=1, ensure_ascii=False) + "\n"


def expected_of(path: Path, spec: ModelSpec) -> Prediction:
    """What is expected, in frame pixels; masks and class maps are not kept. Raises ModelError."""
    try:
        record = parse(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise ModelError(f"{path}: what is expected of the sample cannot be read: {error}") from error
    if record["type"] != "frame":
        raise ModelError(f"{path}: expected a frame line, got a {record['type']} line")
    objects = record["objects"]
    points = [item.get("keypoints") for item in objects]
    whole = bool(objects) and all(item is not None for item in points)
    found = Detections(
        np.array([item["box"] for item in objects], np.float32).reshape(-1, 4),
        np.array([item["score"] for item in objects], np.float32),
        np.array([item["class"] for item in objects], np.int32),
        spec.labels,
        keypoints=np.array(points, np.float32) if whole else None,
    )
    attributes = tuple(
        Attribute(item["name"], item["label"], item["score"], item.get("class", -1))
        for item in record.get("attributes", ())
    )
    embedding = record.get("embedding")
    return Prediction(
        found,
        attributes,
        embedding=None if embedding is None else np.array(embedding, np.float32),
        text=record.get("text"),
    )
