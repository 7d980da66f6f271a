"""The parity certificate: one model run two ways over the same frames; tensors, answers and speed side by side."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from sightline.errors import RuntimeFailure, UsageError
from sightline.models.agreement import Agreement, agreement
from sightline.models.infer import Model
from sightline.models.looks import Look
from sightline.protocols import Head, Outputs, Parser
from sightline.types import F32, Frame, ModelSpec, Prediction, View

__all__ = ["Certificate", "Side", "TensorDifference", "certify", "seen_by"]

_COLLECT_S = 120.0
_MARGIN = 0.05


@dataclass(frozen=True, slots=True)
class TensorDifference:
    """One output over all frames: greatest and mean absolute difference, the greatest value, cosine of both."""

    name: str
    most: float
    mean: float
    largest: float
    cosine: float


@dataclass(frozen=True, slots=True)
class Side:
    """What one way gave. predictions: a frame each, in frame pixels. ms: wall a frame with requests in flight."""

    predictions: tuple[Prediction, ...]
    outputs: tuple[Mapping[str, F32], ...]
    ms: float
    used: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Certificate:
    """passed: agreement reached `demanded`. worst: indices of frames, the worst first. speed: ms a frame by side."""

    passed: bool
    demanded: float
    agreement: Agreement
    tensors: tuple[TensorDifference, ...]
    speed: Mapping[str, float]
    worst: tuple[int, ...]


@dataclass(slots=True)
class _Keeping:
    """A head that keeps what it reads."""

    head: Head
    kept: list[Mapping[str, F32]] = field(default_factory=list[Mapping[str, F32]])

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        self.kept.append({name: np.array(array, np.float32) for name, array in outputs.items()})
        return self.head(outputs, spec, views)


def seen_by(model: Model, frames: Sequence[Frame], keep: int = 16) -> Side:
    """`model` over `frames` (with pictures), one request after the other; then again for speed. Closes it.

    keep: of how many frames the raw outputs are kept. Raises RuntimeFailure, ModelError.
    """
    least = max(0.0, model.spec.thresholds.score - _MARGIN)
    spec = replace(model.spec, thresholds=replace(model.spec.thresholds, floor=least))
    reads = model.head
    if isinstance(reads, Parser):
        raise UsageError(f"model {model.spec.name!r} is read by code of its own; name a head instead to compare it")
    head = _Keeping(reads)
    slow = replace(model, spec=spec, head=head)
    try:
        predictions = []
        for number, frame in enumerate(frames):
            if number == keep:
                slow.head = reads
            predictions.append(slow.predict(frame))
        ms = _speed(slow, reads, frames)
        used = slow.about()
    finally:
        slow.close()
        model.close()
    told = {"runtime": used.runtime, "precision": used.precision}
    return Side(tuple(predictions), tuple(head.kept), ms, told)


def _speed(model: Model, head: Head, frames: Sequence[Frame]) -> float:
    """Wall ms a frame with as many requests in flight as the session takes, the best of three rounds."""
    model.head = head
    best = float("inf")
    for _ in range(3):
        began, waiting, sent = time.perf_counter(), 0, deque(frames)
        while sent or waiting:
            while sent and model.room(sent[0]):
                model.submit([Look(sent.popleft())])
                waiting += 1
            done = model.collect(_COLLECT_S)
            if done is None:
                raise RuntimeFailure(f"model {model.spec.name!r} gave no answer within {_COLLECT_S:g} s")
            waiting -= 1
        best = min(best, time.perf_counter() - began)
    return 1000 * best / max(1, len(frames))


def certify(reference: Side, other: Side, score: float, demanded: float) -> Certificate:
    """What `other` makes of the frames against `reference`. Raises UsageError where they cannot be compared."""
    if len(reference.predictions) != len(other.predictions) or not reference.predictions:
        raise UsageError("nothing to compare: no frame was seen by both")
    found = agreement(reference.predictions, other.predictions, score, _MARGIN)
    order = sorted(range(len(found.frames)), key=lambda i: found.frames[i])
    worst = tuple(i for i in order if found.frames[i] < 1.0)[:8]
    return Certificate(
        found.share >= demanded,
        demanded,
        found,
        _tensors(reference.outputs, other.outputs),
        {"reference": reference.ms, "other": other.ms},
        worst,
    )


def _tensors(mine: Sequence[Mapping[str, F32]], theirs: Sequence[Mapping[str, F32]]) -> tuple[TensorDifference, ...]:
    """Output by output, those that both have with the same shapes."""
    found: list[TensorDifference] = []
    for name in mine[0] if mine else ():
        pairs = [(a[name], b[name]) for a, b in zip(mine, theirs, strict=False) if name in b]
        pairs = [(a, b) for a, b in pairs if a.shape == b.shape]
        if not pairs:
            continue
        a, b = (np.concatenate([pair[side].ravel() for pair in pairs]).astype(np.float64) for side in (0, 1))
        finite = np.isfinite(a) & np.isfinite(b)
        a, b = a[finite], b[finite]
        off = np.abs(a - b)
        length = float(np.linalg.norm(a) * np.linalg.norm(b))
        found.append(
            TensorDifference(
                name,
                float(off.max(initial=0.0)),
                float(off.mean()) if len(off) else 0.0,
                float(np.abs(a).max(initial=0.0)),
                float(a @ b) / length if length else 1.0,
            )
        )
    return tuple(found)
