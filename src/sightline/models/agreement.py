"""Two opinions on the same frames -> how far they agree: objects matched, labels, masks, points, embeddings, text.

Pure: predictions in, figures out. The first opinion is the reference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sightline.boxes import iou_matrix
from sightline.types import F32, Detections, Masks, Prediction

__all__ = ["Agreement", "agreement"]

_SAME_OBJECT = 0.5  # least IoU of two boxes of one object
_LOOK = 0.05  # points: share of the object's diagonal within which two are the same


@dataclass(frozen=True, slots=True)
class Agreement:
    """share: 0..1, what is demanded of; frames: the same a frame; figures: what it is made of, by name."""

    share: float
    frames: tuple[float, ...]
    figures: Mapping[str, float]


def agreement(
    reference: Sequence[Prediction], other: Sequence[Prediction], score: float, margin: float = 0.05
) -> Agreement:
    """How far `other` agrees with `reference`, frame by frame.

    score: the threshold objects are printed at; predictions should reach down to `score - margin`, as an object that
    only one of both has is a disagreement only where it is above `score + margin`.
    """
    if len(reference) != len(other):
        raise ValueError(f"expected as many predictions, got {len(reference)} and {len(other)}")
    tallies = [_tally(a, b, score, margin) for a, b in zip(reference, other, strict=True)]
    names = dict.fromkeys(name for tally in tallies for name in tally)
    figures: dict[str, float] = {}
    for name in names:
        values = [value for tally in tallies for value in tally.get(name, ())]
        if name in _SUMS:
            figures[name] = float(sum(values))
        elif values:
            figures[name] = float(max(values) if name.startswith("most_") else np.mean(values))
    if "objects" in figures:
        figures |= _precision_recall(figures)
    shares = tuple(_share(tally) for tally in tallies)
    return Agreement(_overall(figures, shares), shares, figures)


_SUMS = ("objects", "missed", "found", "invented")
# What makes up the share, beside objects found: figure -> 0..1 already.
_SHARES = ("top1", "pixels", "mask_iou", "points_near", "cosine", "text_equal", "label_equal")
Tally = dict[str, list[float]]


def _precision_recall(figures: Mapping[str, float]) -> dict[str, float]:
    objects, found = figures["objects"], figures["found"]
    recall = 1 - figures["missed"] / objects if objects else 1.0
    precision = 1 - figures["invented"] / found if found else 1.0
    both = recall + precision
    return {"recall": recall, "precision": precision, "f1": 2 * recall * precision / both if both else 0.0}


def _overall(figures: Mapping[str, float], frames: Sequence[float]) -> float:
    parts = [figures[name] for name in ("f1", *_SHARES) if name in figures]
    if parts:
        return float(min(parts))
    return float(np.mean(frames)) if frames else 1.0


def _share(tally: Tally) -> float:
    """One frame's own: the least of what it is made of."""
    parts = [float(np.mean(tally[name])) for name in _SHARES if tally.get(name)]
    if "objects" in tally:
        wrong = sum(tally["missed"]) + sum(tally["invented"])
        seen = sum(tally["objects"]) + sum(tally["found"])
        parts.append(1 - wrong / seen if seen else 1.0)
    return min(parts, default=1.0)


def _tally(a: Prediction, b: Prediction, score: float, margin: float) -> Tally:
    tally: Tally = {}
    whole_view = a.attributes or a.embedding is not None or a.classmap is not None or a.text is not None
    if len(a.detections) or len(b.detections) or not whole_view:
        _objects(a.detections, b.detections, score, margin, tally)
    if a.attributes:
        _attributes(a, b, tally)
    if a.embedding is not None:
        tally["cosine"] = [0.0 if b.embedding is None else _cosine(a.embedding, b.embedding)]
    if a.classmap is not None:
        same = b.classmap is not None and a.classmap.shape == b.classmap.shape
        tally["pixels"] = [float((a.classmap == b.classmap).mean()) if same else 0.0]
    if a.text is not None and not a.attributes:
        tally["text_equal"] = [float(a.text == b.text)]
    return tally


def _attributes(a: Prediction, b: Prediction, tally: Tally) -> None:
    """Per question: the same first answer, and how far its score is off."""
    theirs = {(item.name, item.index, item.label): item.score for item in b.attributes}
    first_of = {item.name: item for item in reversed(b.attributes)}
    asked = {item.name: item for item in reversed(a.attributes)}
    tally["top1"] = []
    tally["most_score_off"] = []
    for name, mine in asked.items():
        answer = first_of.get(name)
        tally["top1"].append(float(answer is not None and (answer.index, answer.label) == (mine.index, mine.label)))
        tally["most_score_off"].append(abs(mine.score - theirs.get((name, mine.index, mine.label), 0.0)))


def _cosine(a: F32, b: F32) -> float:
    length = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / length if length and a.shape == b.shape else 0.0


# -- objects -----------------------------------------------------------------------------------------------------------


def _objects(a: Detections, b: Detections, score: float, margin: float, tally: Tally) -> None:
    mine, theirs = _matched(a, b)
    strong_a, strong_b = a.score >= score + margin, b.score >= score + margin
    near = score - margin
    partner_a, partner_b = np.full(len(a), -1), np.full(len(b), -1)
    partner_a[mine], partner_b[theirs] = theirs, mine
    lonely_a = np.array([p < 0 or b.score[p] < near for p in partner_a], bool)
    lonely_b = np.array([p < 0 or a.score[p] < near for p in partner_b], bool)
    tally["objects"], tally["found"] = [float(strong_a.sum())], [float(strong_b.sum())]
    tally["missed"] = [float((strong_a & lonely_a).sum())]
    tally["invented"] = [float((strong_b & lonely_b).sum())]
    both = (a.score[mine] >= score) & (b.score[theirs] >= near)
    mine, theirs = mine[both], theirs[both]
    if not len(mine):
        return
    overlap = iou_matrix(a.xyxy[mine], b.xyxy[theirs]).diagonal()
    off = np.abs(a.score[mine] - b.score[theirs])
    tally["mean_iou"], tally["mean_score_off"] = [float(v) for v in overlap], [float(v) for v in off]
    tally["most_score_off"] = [float(off.max())]
    if a.masks is not None and b.masks is not None:
        tally["mask_iou"] = _mask_overlaps(a.masks[mine], b.masks[theirs])
    if a.keypoints is not None and b.keypoints is not None and a.keypoints.shape[1] == b.keypoints.shape[1]:
        _points(a.keypoints[mine], b.keypoints[theirs], a.xyxy[mine], tally)


def _matched(a: Detections, b: Detections) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of both that are one object: same label, IoU 0.5 and more, the strongest first."""
    overlaps = iou_matrix(a.xyxy, b.xyxy)
    overlaps[a.label[:, None] != b.label[None]] = 0
    mine: list[int] = []
    theirs: list[int] = []
    free = np.ones(len(b), bool)
    for row in np.argsort(-a.score, kind="stable").tolist():
        if not free.any():
            break
        best = int(np.where(free, overlaps[row], -1.0).argmax())
        if overlaps[row, best] >= _SAME_OBJECT:
            free[best] = False
            mine.append(row)
            theirs.append(best)
    return np.array(mine, np.int64), np.array(theirs, np.int64)


def _mask_overlaps(a: Masks, b: Masks) -> list[float]:
    """IoU of masks in frame pixels, pair by pair, without full frames."""
    found: list[float] = []
    for one, two, mine, theirs in zip(a.window.astype(int), b.window.astype(int), a.bits, b.bits, strict=True):
        x1, y1 = np.maximum(one[:2], two[:2])
        x2, y2 = np.minimum(one[2:], two[2:])
        areas = int((mine >= 128).sum()) + int((theirs >= 128).sum())
        common = 0
        if x2 > x1 and y2 > y1:
            part = mine[y1 - one[1] : y2 - one[1], x1 - one[0] : x2 - one[0]] >= 128
            other = theirs[y1 - two[1] : y2 - two[1], x1 - two[0] : x2 - two[0]] >= 128
            common = int((part & other).sum())
        found.append(common / (areas - common) if areas > common else 1.0)
    return found


def _points(a: F32, b: F32, xyxy: F32, tally: Tally) -> None:
    """Points (N, K, 3) that the reference is sure of: distance as a share of the object's diagonal."""
    diagonal = np.maximum(np.hypot(xyxy[:, 2] - xyxy[:, 0], xyxy[:, 3] - xyxy[:, 1]), 1e-6)
    sure = a[..., 2] > 0.3
    off = (np.hypot(a[..., 0] - b[..., 0], a[..., 1] - b[..., 1]) / diagonal[:, None])[sure]
    if len(off):
        tally["points_near"] = [float((off <= _LOOK).mean())]
        tally["mean_point_off"] = [float(off.mean())]
