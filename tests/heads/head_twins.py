"""What a head is called with, and the slow twins of suppression and selection: plain loops, no NumPy tricks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.plugins import resolve
from sightline.types import Detections, Frame, Instant, ModelSpec, StreamInfo, Thresholds, View

Box = tuple[float, float, float, float]


@dataclass
class Slow:
    """One candidate of a slow twin."""

    box: Box
    score: float
    label: int = 0
    points: list[tuple[float, float]] = field(default_factory=list)


def a_view(width: int, height: int) -> View:
    stream = StreamInfo("s", width, height, Fraction(1, 25))
    frame = Frame(stream, 0, Instant(0, Fraction(1, 25)), None, width, height)
    return View(frame, np.eye(2, 3), (width, height))


def a_spec(
    thresholds: Thresholds, labels: tuple[str, ...] = (), options: Mapping[str, object] | None = None
) -> ModelSpec:
    return ModelSpec("m", (), (), "h", options or {}, thresholds, labels)


def decode(
    head: str,
    outputs: Mapping[str, NDArray[Any]],
    size_wh: tuple[int, int],
    views: int = 1,
    thresholds: Thresholds | None = None,
    labels: tuple[str, ...] = (),
    **options: Any,
) -> list[Detections]:
    """The head of that name on these outputs, with its own thresholds unless others are given."""
    kind: Any = resolve("head", head)
    spec = a_spec(thresholds or kind.defaults, labels, options)
    said = kind(**options)(outputs, spec, [a_view(*size_wh)] * views)
    assert len(said) == views
    return [p.detections for p in said]


def sig(v: float) -> float:
    return 1 / (1 + math.exp(-v)) if v > -700 else 0.0


def soft(values: list[float]) -> list[float]:
    top = max(values)
    e = [math.exp(v - top) for v in values]
    return [v / sum(e) for v in e]


def centred(cx: float, cy: float, w: float, h: float) -> Box:
    return cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2


def overlap(a: Box, b: Box) -> float:
    w = min(a[2], b[2]) - max(a[0], b[0])
    h = min(a[3], b[3]) - max(a[1], b[1])
    if w <= 0 or h <= 0:
        return 0.0
    both = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1])
    return w * h / (both - w * h)


def chosen(candidates: list[Slow], limits: Thresholds, agnostic: bool = False) -> list[Slow]:
    """Threshold, sort, greedy suppression, top: one candidate at a time."""
    kept: list[Slow] = []
    for c in sorted(candidates, key=lambda c: -c.score):
        if c.score < limits.score or not all(map(math.isfinite, (*c.box, c.score))):
            continue
        if c.box[2] <= c.box[0] or c.box[3] <= c.box[1]:
            continue
        rivals = [k for k in kept if agnostic or limits.class_agnostic or k.label == c.label]
        if limits.nms < 1 and any(overlap(k.box, c.box) > limits.nms for k in rivals):
            continue
        kept.append(c)
    return kept[: limits.top]


def agree(said: Detections, candidates: list[Slow], limits: Thresholds, agnostic: bool = False, least: int = 1) -> None:
    """The head said what the twin says: same objects in order of score, 0.02 px (2e-4 of far ones), 1e-4 in score."""
    want = chosen(candidates, limits, agnostic)
    assert len(want) >= least, "a twin that finds nothing proves nothing"
    assert len(said) == len(want)
    assert said.xyxy.dtype == np.float32
    assert said.label.dtype == np.int32
    np.testing.assert_allclose(said.score, [w.score for w in want], atol=1e-4)
    left = list(range(len(said)))
    for w in want:
        near = [k for k in left if abs(float(said.score[k]) - w.score) <= 1e-4 and said.label[k] == w.label]
        assert near, w
        k = min(near, key=lambda k: float(np.abs(said.xyxy[k] - w.box).max()))
        left.remove(k)
        np.testing.assert_allclose(said.xyxy[k], w.box, atol=0.02, rtol=2e-4)
        if w.points:
            assert said.keypoints is not None
            np.testing.assert_allclose(said.keypoints[k, :, :2], w.points, atol=0.02, rtol=2e-4)
