"""How well what a model says of a picture holds when the picture is mirrored, shifted or scaled: figures, no verdict.

Pure: predictions in frame pixels in, figures out. A model fed and read rightly finds the same things again, is sure of
them, and finds them where things can be; wrongly fed it falls silent or babbles, wrongly read it moves its boxes
otherwise than the picture moved.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sightline.boxes import iou_matrix
from sightline.models.probing.views import Variant
from sightline.types import F32, U8, Bool, Detections, Prediction

__all__ = ["Look", "Measure", "measured"]

_FLOOR = 0.1  # objects below are no evidence
_CROWD = 60  # objects a picture, from where they are more likely a misreading than a crowd


@dataclass(frozen=True, slots=True)
class Look:
    """What was said of one variant of a frame, in frame pixels; boxes are not cut to the frame."""

    variant: Variant
    said: Prediction


@dataclass(frozen=True, slots=True)
class Measure:
    """consistency: 0..1, how much is found again. strength: how sure, objects a frame weighted by their score, or the
    mean score of what is said of the view. plausibility: 0..1. things: how many objects or answers were looked at.
    """

    consistency: float = 0.0
    strength: float = 0.0
    plausibility: float = 0.0
    things: int = 0
    words: tuple[str, ...] = ()

    @property
    def score(self) -> float:
        return self.consistency * self.strength * self.plausibility


def measured(task: str, frames: Sequence[Sequence[Look]]) -> Measure:
    """The figures over all frames; of each, the first look is the frame as it is."""
    looks = [look for look in frames if look]
    if not looks:
        return Measure()
    if task == "classify":
        return _classes(looks)
    if task == "embed":
        return _embeddings(looks)
    if task == "semantic":
        return _maps(looks)
    if task == "text":
        return _texts(looks)
    return _objects(looks)


# -- objects ----------------------------------------------------------------------------------------------------------


def _objects(frames: Sequence[Sequence[Look]]) -> Measure:
    again, sure, fitting, count = 0.0, 0.0, 0.0, 0
    crowds: list[int] = []
    scores: list[float] = []
    for first, *others in frames:
        crowds.append(int((first.said.detections.score >= 0.25).sum()))
        objects = _strong(first.said.detections)
        if not len(objects):
            continue
        count += len(objects)
        scores += objects.score.tolist()
        weight = _weights(objects)
        share, known = _found_again(objects, others)
        again += float((weight * share)[known].sum() / max(1e-9, weight[known].sum()) * weight.sum())
        sure += float(weight.sum())
        fitting += float((weight * _fits(objects, first.variant)).sum())
    if not count:
        return Measure(words=("finds nothing",))
    crowd = float(np.mean(crowds))
    calm = 1.0 if crowd <= _CROWD else (_CROWD / crowd) ** 2
    odd, doubt = _no_scores(scores)
    consistency, plausibility = again / sure, fitting / sure * calm * doubt
    words = [f"{count / len(frames):.1f} objects a frame, {consistency:.0%} found again"]
    if fitting < 0.9 * sure:
        words.append(f"{1 - fitting / sure:.0%} of them where no object can be")
    if calm < 1:
        words.append("far too many")
    words += [odd] if odd else []
    return Measure(consistency, sure / len(frames), plausibility, count, tuple(words))


def _no_scores(scores: Sequence[float]) -> tuple[str, float]:
    """What is wrong with numbers as probabilities, and how plausible they still are."""
    if max(scores) > 1.01:
        return "scores above 1", 0.05
    low, high = min(scores), max(scores)
    # the sigmoid of a probability lies there, that of two multiplied between their squares
    if len(scores) > 4 and (0.499 <= low <= high <= 0.7311 or 0.2499 <= low <= high <= 0.5345):
        return "every score as if a sigmoid were taken of a probability", 0.1
    return "", 1.0


def _strong(objects: Detections) -> Detections:
    """Those above the floor, the 100 strongest."""
    kept = objects[np.flatnonzero(objects.score >= _FLOOR)]
    return kept[np.argsort(-kept.score, kind="stable")[:100]]


def _weights(objects: Detections) -> F32:
    """Squares of scores, as one sure object says more than many faint ones; times how sure the points are."""
    points, weight = objects.keypoints, np.clip(objects.score, 0, 1) ** 2
    if points is None or not points.shape[1]:
        return weight
    return np.asarray(weight * np.clip(points[..., 2], 0, 1).mean(1), np.float32)


def _found_again(objects: Detections, others: Sequence[Look]) -> tuple[F32, Bool]:
    """Per object the share of its score found again over the variants that show it; and who is shown at all."""
    total, seen = np.zeros(len(objects), np.float32), np.zeros(len(objects), np.int32)
    for look in others:
        shown = _shown(_extent(objects), look.variant.seen)
        theirs = look.said.detections
        best = np.zeros(len(objects), np.float32)
        if len(theirs):
            alike = _likeness(objects, theirs, look.variant)
            alike[objects.label[:, None] != theirs.label[None]] = 0
            held = np.minimum(1, theirs.score[None] / np.maximum(objects.score[:, None], 1e-6))
            best = (alike * held).max(1)
        total += np.where(shown, best, 0)
        seen += shown
    return (total / np.maximum(seen, 1)).astype(np.float32), seen > 0


def _extent(objects: Detections) -> F32:
    """(N, 4): the box of its points where an object has any (whose own box may be the whole view), else its box."""
    points = objects.keypoints
    if points is None or not points.shape[1]:
        return objects.xyxy
    return np.concatenate([points[..., :2].min(1), points[..., :2].max(1)], 1).astype(np.float32)


def _shown(xyxy: F32, seen: tuple[float, float, float, float]) -> Bool:
    """Whose box a variant shows nearly whole."""
    low, high = np.maximum(xyxy[:, :2], seen[:2]), np.minimum(xyxy[:, 2:], seen[2:])
    common = np.prod(np.maximum(high - low, 0), 1)
    area = np.prod(np.maximum(xyxy[:, 2:] - xyxy[:, :2], 0), 1)
    return common >= 0.85 * np.maximum(area, 1e-6)


def _likeness(mine: Detections, theirs: Detections, variant: Variant) -> F32:
    """(N, M): overlap of boxes from 0.5 up, nearness of points where there are any."""
    overlap = iou_matrix(mine.xyxy, theirs.xyxy)
    overlap[overlap < 0.5] = 0
    if mine.keypoints is None or theirs.keypoints is None or not mine.keypoints.shape[1]:
        return overlap
    a, b = mine.keypoints, theirs.keypoints
    low, high = a[..., :2].min(1), a[..., :2].max(1)
    look = np.maximum(0.08 * np.hypot(*(high - low).T), 1.0)  # (N,)
    away = np.hypot(*np.moveaxis(a[:, None, :, None, :2] - b[None, :, None, :, :2], -1, 0))  # (N, M, K, K)
    # a mirror turns left eyes into right ones
    near = away.min(3) if variant.mirrored else np.diagonal(away, axis1=2, axis2=3)
    close = np.exp(-((near / look[:, None, None]) ** 2))
    sure = np.maximum(a[:, None, :, 2], 1e-3)
    return np.asarray((close * sure).sum(2) / sure.sum(2), np.float32)


def _fits(objects: Detections, variant: Variant) -> F32:
    """0..1 per object: within the frame, not too thin, not all of it, its points apart and on it."""
    x1, y1, x2, y2 = variant.seen
    box = objects.xyxy
    size = np.maximum(box[:, 2:] - box[:, :2], 0)
    inside = np.prod(np.maximum(np.minimum(box[:, 2:], (x2, y2)) - np.maximum(box[:, :2], (x1, y1)), 0), 1)
    good = (inside / np.maximum(np.prod(size, 1), 1e-6)).astype(np.float32)
    good = np.where(good > 0.8, 1, good)
    ratio = size.max(1) / np.maximum(size.min(1), 1e-6)
    good *= np.where(ratio > 12, 0.2, 1)
    points = objects.keypoints
    if points is not None and points.shape[1]:
        spread = np.hypot(*np.ptp(points[..., :2], axis=1).T)
        good *= np.where(spread < 0.02 * np.hypot(x2 - x1, y2 - y1), 0.2, 1)
        near = ((points[..., :2] > (x1 - 0.1 * x2, y1 - 0.1 * y2)) & (points[..., :2] < (1.1 * x2, 1.1 * y2))).all(-1)
        good *= near.mean(1)
    else:
        good *= np.where(np.prod(size, 1) > 0.98 * (x2 - x1) * (y2 - y1), 0.5, 1)
    return good.astype(np.float32)


# -- what is said of the view -----------------------------------------------------------------------------------------


def _classes(frames: Sequence[Sequence[Look]]) -> Measure:
    """The first answer again under every variant, and how sure it is."""
    kept: list[float] = []
    sure: list[float] = []
    tables: list[tuple[tuple[int, float], ...]] = []
    for first, *others in frames:
        for name in dict.fromkeys(a.name for a in first.said.attributes):
            top = next(a for a in first.said.attributes if a.name == name)
            answers = [next((a for a in o.said.attributes if a.name == name), None) for o in others]
            kept += [float(a is not None and (a.index, a.label) == (top.index, top.label)) for a in answers]
            sure += [top.score, *(a.score if a is not None else 0.0 for a in answers)]
        for look in (first, *others):
            tables.append(tuple((a.index, round(a.score, 4)) for a in look.said.attributes))
    if not sure:
        return Measure(words=("says nothing",))
    consistency, strength = float(np.mean(kept)) if kept else 0.0, float(np.mean(sure))
    words = [f"the same first answer in {consistency:.0%}, sure by {strength:.2f}"]
    odd, plausibility = _no_scores([score for table in tables for _, score in table])
    words += [odd] if odd else []
    if all(len(table) > 1 and min(score for _, score in table) > 0.99 for table in tables):
        words.append("sure of every class at once")
        plausibility = 0.05
    if len(set(tables)) == 1:
        words.append("always the same")
        plausibility = 0.05
    strength = min(strength, 1.0)
    return Measure(consistency, strength, plausibility, len(sure), tuple(words))


def _embeddings(frames: Sequence[Sequence[Look]]) -> Measure:
    """Nearer to its own variants than to other frames."""
    own: list[float] = []
    firsts: list[F32] = []
    for first, *others in frames:
        mine = first.said.embedding
        if mine is None:
            continue
        firsts.append(mine)
        own += [float(mine @ o.said.embedding) for o in others if o.said.embedding is not None]
    if not own:
        return Measure(words=("says nothing",))
    consistency = float(np.clip(np.mean(own), 0, 1))
    pairs = [float(a @ b) for i, a in enumerate(firsts) for b in firsts[i + 1 :]]
    apart = float(np.clip(1 - np.mean(pairs), 0, 1)) if pairs else 0.5
    words = [f"cosine {np.mean(own):.2f} to the same picture changed"]
    words += [f"{np.mean(pairs):.2f} to other frames"] if pairs else []
    return Measure(consistency, apart, 1.0, len(own), tuple(words))


def _maps(frames: Sequence[Sequence[Look]]) -> Measure:
    """Mean overlap of classes under the variants; a map of one class says nothing, one in shreds little."""
    overlaps: list[float] = []
    classes: set[int] = set()
    edges: list[float] = []
    for first, *others in frames:
        mine = first.said.classmap
        if mine is None:
            continue
        classes |= set(np.unique(mine).tolist()) - {255}
        edges.append(float((mine[:, 1:] != mine[:, :-1]).mean() + (mine[1:] != mine[:-1]).mean()))
        overlaps += [_overlap(mine, o) for o in others if o.said.classmap is not None]
    if not overlaps:
        return Measure(words=("no map",))
    consistency = float(np.mean(overlaps))
    calm = float(np.exp(-10 * np.mean(edges)))
    varied = 1.0 if len(classes) > 1 else 0.2
    words = (f"{len(classes)} classes, overlap {consistency:.2f} with the same picture changed",)
    return Measure(consistency, varied, calm, len(overlaps), words)


def _overlap(mine: U8, look: Look) -> float:
    """Mean IoU over the classes of either map where the variant shows the frame; small ones count little."""
    theirs, (x1, y1, x2, y2) = _map_back(look, mine.shape), (round(v) for v in look.variant.seen)
    a, b = mine[y1:y2, x1:x2], theirs[y1:y2, x1:x2]
    total, weight = 0.0, 0.0
    for index in np.union1d(np.unique(a), np.unique(b)).tolist():
        both, either = int(((a == index) & (b == index)).sum()), int(((a == index) | (b == index)).sum())
        if index != 255 and either:
            total, weight = total + np.sqrt(either) * both / either, weight + np.sqrt(either)
    return float(total / weight) if weight else 0.0


def _map_back(look: Look, shape: tuple[int, ...]) -> U8:
    """A variant's map at the frame's size, 255 where it shows nothing."""
    said = look.said.classmap
    out = np.full(shape, 255, np.uint8)
    if said is None:
        return out
    turned = said[:, ::-1] if look.variant.mirrored else said
    x, y = (0, 0) if look.variant.mirrored else (round(v) for v in look.variant.matrix[:, 2])
    x1, y1 = max(0, x), max(0, y)
    x2, y2 = min(shape[1], x + turned.shape[1]), min(shape[0], y + turned.shape[0])
    out[y1:y2, x1:x2] = turned[y1 - y : y2 - y, x1 - x : x2 - x]
    return out


def _texts(frames: Sequence[Sequence[Look]]) -> Measure:
    alike: list[float] = []
    sure: list[float] = []
    for first, *others in frames:
        mine = first.said.text or ""
        sure.append(max((a.score for a in first.said.attributes), default=0.5) if mine else 0.0)
        alike += [difflib.SequenceMatcher(None, mine, o.said.text or "").ratio() if mine else 0.0 for o in others]
    consistency, strength = float(np.mean(alike)) if alike else 0.0, float(np.mean(sure))
    words = (f"reads {consistency:.0%} of the same again, sure by {strength:.2f}",)
    return Measure(consistency, strength, 1.0, len(sure), words)
