"""What independent decoders say of the models of an assets folder, held against what we say of the same pictures."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from sightline.boxes import iou_matrix
from sightline.types import Prediction

__all__ = ["Expected", "differences", "expected_of"]

Row = Mapping[str, Any]
_SCORE, _OVERLAP, _MARGIN = 0.05, 0.8, 0.08


@dataclass(frozen=True, slots=True)
class Expected:
    """One picture's: its file, the part to look at (x1, y1, x2, y2 in pixels, or None), and the expected row."""

    picture: Path
    crop: tuple[float, float, float, float] | None
    row: Row


@dataclass(frozen=True, slots=True)
class Folder:
    """One model with its expectations. given: flags for what the file cannot tell. by_id: labels are no names."""

    path: Path
    rows: tuple[Expected, ...]
    given: Mapping[str, object]
    loose: bool
    by_id: bool


def expected_of(folder: Path, pictures: Path) -> Folder | None:
    """The expectations beside a model; None where there are none that predictions can be held against."""
    path = folder / "expected.json"
    if not path.exists():
        return None
    said = json.loads(path.read_text())
    rows = tuple(_rows(said, pictures))
    if not rows:
        return None
    words: list[str] = said.get("given", [])
    given: dict[str, object] = {}
    for flag, value in zip(words[::2], words[1::2], strict=True):
        numbers = flag in ("--mean", "--scale")
        given[flag[2:]] = tuple(float(n) for n in value.split(",")) if numbers else value
    return Folder(folder, rows, given, bool(said.get("quantised")), said.get("by") == "class_id")


def _rows(said: Row, pictures: Path) -> Iterator[Expected]:
    results = said.get("results")
    if not isinstance(results, list) or not results:
        return
    first: Row = results[0]
    if "crops" in first:
        for crop, eight, norm in zip(first["crops"], first["first8"], first["l2_norms"], strict=True):
            if crop["variant"] == "plain":
                row = {**crop, "first8": eight, "norm": norm}
                yield Expected(pictures / crop["picture"], _crop(crop), row)
        return
    for row in results:
        if "picture" in row and "cells" not in row and "binarize" not in row:
            yield Expected(pictures / row["picture"], _crop(row), row)


def _crop(row: Row) -> tuple[float, float, float, float] | None:
    box = row.get("crop_xyxy")
    return None if box is None else (float(box[0]), float(box[1]), float(box[2]), float(box[3]))


def differences(folder: Folder, row: Row, said: Prediction, labels: tuple[str, ...], size: tuple[int, int]) -> str:
    """What is wrong with a prediction in frame pixels, "" where it is as expected. size: the frame's."""
    slack = 2.0 if folder.loose else 1.0
    if "detections" in row:
        return _objects(folder, row, said, labels, slack)
    if isinstance(row.get("top"), list):
        best = row["top"][0]
        mine = said.attributes[0] if said.attributes else None
        if mine is None or (mine.index != best["class_id"] if "class_id" in best else mine.label != best["label"]):
            return f"says {mine} for {best}"
        return "" if abs(mine.score - best["score"]) <= _SCORE * slack else f"score {mine.score} for {best['score']}"
    if "keypoints" in row or "points" in row:
        return _points(row, said, 0.03 * max(size) * slack)
    if "text" in row:
        return "" if said.text == row["text"] else f"reads {said.text!r}"
    if "first8" in row:
        wanted = np.asarray(row["first8"]) / row["norm"]
        off = 1.0 if said.embedding is None else float(np.abs(said.embedding[:8] - wanted).max())
        return "" if off < 0.02 else f"embedding off by {off:.3f}"
    if "mask_file" in row and said.classmap is not None:
        wanted = cv2.imread(str(folder.path / row["mask_file"]), cv2.IMREAD_GRAYSCALE)
        if wanted is None:
            return f"{row['mask_file']} cannot be read"
        mine = cv2.resize(said.classmap, (wanted.shape[1], wanted.shape[0]), interpolation=cv2.INTER_NEAREST)
        same = float((mine == wanted).mean())
        return "" if same >= 0.95 else f"map equal in {same:.0%}"
    return "nothing of what is expected"


def _objects(folder: Folder, row: Row, said: Prediction, labels: tuple[str, ...], slack: float) -> str:
    threshold, found = float(row.get("score_threshold", 0.05)), said.detections
    wanted = [w for w in row["detections"] if min(w["xyxy"][2] - w["xyxy"][0], w["xyxy"][3] - w["xyxy"][1]) > 2]
    names = {str(w["label"]).lower() for w in wanted}
    free = np.ones(len(found), bool)
    for want in sorted(wanted, key=lambda w: -float(w["score"])):
        box = np.asarray(want["xyxy"], np.float32)[None]
        overlap = np.where(free, iou_matrix(box, found.xyxy)[0], 0)
        if not folder.by_id and len(names) > 1 and labels:
            overlap[[found.name_of(i).lower() != str(want["label"]).lower() for i in range(len(found))]] = 0
        best = int(overlap.argmax()) if len(found) else -1
        if best < 0 or overlap[best] < 0.5:
            if want["score"] >= threshold + _MARGIN * slack:
                return f"misses {want['label']} {want['score']:.2f}"
            continue
        free[best] = False
        if want["score"] < threshold + _MARGIN * slack:
            continue
        if overlap[best] < _OVERLAP or abs(float(found.score[best]) - want["score"]) > _SCORE * slack:
            return (
                f"{want['label']}: overlap {overlap[best]:.2f}, score {found.score[best]:.2f} for {want['score']:.2f}"
            )
    size = found.xyxy[:, 2:] - found.xyxy[:, :2]
    invented = free & (found.score >= threshold + _MARGIN * slack) & (size.min(1, initial=1e9) > 2)
    return f"invents {int(invented.sum())}" if invented.any() else ""


def _points(row: Row, said: Prediction, near: float) -> str:
    found = said.detections
    if not len(found) or found.keypoints is None:
        return "no points"
    mine = found.keypoints[int(found.score.argmax())]
    if "keypoints" in row:
        wanted = {i: (p["x"], p["y"]) for i, p in enumerate(row["keypoints"]) if p["score"] > 0.3}
    else:
        points = row["points"]
        wanted = {int(i): p for i, p in (points.items() if isinstance(points, dict) else enumerate(points))}
    off = max(float(np.hypot(*(mine[i, :2] - np.asarray(p[:2])))) for i, p in wanted.items())
    return "" if off <= near else f"a point off by {off:.1f} px"
