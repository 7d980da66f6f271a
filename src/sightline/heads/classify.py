"""What the whole view shows: one question or several, each answered by a row of scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar, Literal

import numpy as np

from sightline.errors import ModelError
from sightline.heads.tensors import Floats, of_view, sigmoid, softmax, unreadable
from sightline.protocols import Outputs
from sightline.types import F32, Attribute, ModelSpec, Prediction, Thresholds, View

__all__ = ["Activation", "Classify", "answer"]

Activation = Literal["auto", "none", "softmax", "sigmoid", "log-softmax"]
_TAKES = "one row of scores a picture and question: [N, C], [N, C, 1, 1] or [N, 1, 1, C]"


@dataclass(frozen=True, slots=True)
class Classify:
    """Rows of scores [N, C], [N, C, 1, 1], [N, 1, 1, C] or [C] -> attributes; every output is a question of its own.

    activation: what makes probabilities of the scores; "auto" tells by the values.
    multi: the labels of a question do not exclude one another: all of them above the score threshold are written,
    else the `top` best, whatever their scores (of several questions the best one each).
    outputs: the outputs that are read, in this order; () all. names: what each asks; () "class", of several outputs
    their names. With several questions each label row is one question's, its labels parted by semicolons, or the
    label table is that of all questions one after another.
    least: the score that an answer needs, else the question stays open.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.5, nms=1.0, top=5)

    activation: Activation = "auto"
    multi: bool = False
    outputs: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    least: float = 0.0

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        chosen = self.outputs or tuple(outputs)
        missing = next((name for name in chosen if name not in outputs), None)
        if missing is not None:
            raise ModelError(f"the model has no output {missing!r}; it has {', '.join(outputs)}")
        if not chosen:
            raise unreadable("classify", outputs, _TAKES)
        rows = [_rows(outputs, name, len(views)) for name in chosen]
        tables = _tables(spec, [r.shape[1] for r in rows])
        names = self.names if len(self.names) == len(chosen) else _asked(chosen)
        return [
            Prediction(
                attributes=tuple(
                    attribute
                    for name, scores, labels in zip(names, rows, tables, strict=True)
                    for attribute in self._answer(name, of_view(scores, i), labels, spec, len(rows) > 1)
                )
            )
            for i in range(len(views))
        ]

    def _answer(
        self, name: str, scores: Floats, labels: Sequence[str], spec: ModelSpec, several: bool
    ) -> tuple[Attribute, ...]:
        limits = spec.thresholds
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            shares = _shares(scores, self.activation, self.multi)
        if self.multi and len(shares) > 1:
            return answer(name, shares, labels, len(shares), least=limits.score)
        if len(shares) == 1:
            # one number tells yes from no; with a single label it is that label's, with two the second one's
            p = float(shares[0])
            if len(labels) < 2:
                return answer(name, shares, labels, 1, least=limits.score)
            shares = np.array([1 - p, p], np.float32)
        return answer(name, shares, labels, 1 if several else limits.top, least=self.least or None)


def answer(
    name: str, shares: F32, labels: Sequence[str], top: int, least: float | None = None
) -> tuple[Attribute, ...]:
    """The `top` best of `shares` (C,) with at least `least`, the best first; of equals the lower id; no NaN."""
    known = np.where(np.isfinite(shares), shares, -np.inf)
    if top == 1 and len(known):  # sorting a thousand classes for the best takes ten times as long
        order = [int(known.argmax())]
    else:
        order = np.argsort(-known, kind="stable")[:top].tolist()
    found: list[Attribute] = []
    for i in order:
        score = float(shares[i])
        if not np.isfinite(score) or (least is not None and score < least):
            break
        label = str(labels[i]) if i < len(labels) and labels[i] else f"class{i}"
        found.append(Attribute(name, label, min(max(score, 0.0), 1.0), i))
    return tuple(found)


def _rows(outputs: Outputs, name: str, views: int) -> Floats:
    """(N, C) of an output whose further axes are all 1. Raises ModelError for a map."""
    a = outputs[name]
    if a.ndim == 1 and views == 1:
        a = a[None]
    if a.ndim < 2 or a.size != len(a) * max(a.shape[1:]):
        raise unreadable("classify", {name: a}, _TAKES)
    return a.reshape(len(a), -1)


def _shares(scores: Floats, activation: Activation, multi: bool) -> F32:
    """Scores (C,) of any dtype -> probabilities (C,) float32."""
    a = scores.astype(np.float32)
    if activation == "auto":
        activation = _guess(a, multi)
    if activation == "softmax":
        return softmax(a)
    if activation == "sigmoid":
        return sigmoid(a)
    return np.exp(a) if activation == "log-softmax" else a


def _guess(a: F32, multi: bool) -> Activation:
    """Which activation is still missing, by the values."""
    if len(a) == 1 or multi:
        return "none" if bool(((a >= -1e-3) & (a <= 1 + 1e-3)).all()) else "sigmoid"
    if bool((a >= -1e-3).all()) and abs(float(a.sum()) - 1) < 0.05:
        return "none"
    if bool((a <= 1e-3).all()) and abs(float(np.exp(a).sum()) - 1) < 0.05:
        return "log-softmax"
    return "softmax"


def _asked(chosen: Sequence[str]) -> tuple[str, ...]:
    if len(chosen) == 1:
        return ("class",)
    return tuple(name.rsplit("/", 1)[-1].removesuffix(":0") for name in chosen)


def _tables(spec: ModelSpec, counts: Sequence[int]) -> list[Sequence[str]]:
    """The labels of every question."""
    labels = spec.labels
    if len(counts) == 1:
        return [labels]
    if any(";" in row for row in labels):
        rows = [[word.strip() for word in row.split(";") if word.strip()] for row in labels]
        return [rows[i] if i < len(rows) else () for i in range(len(counts))]
    starts = np.cumsum([0, *counts]).tolist()
    if len(labels) == starts[-1]:
        return [labels[a:b] for a, b in pairwise(starts)]
    return [labels if len(labels) == count else () for count in counts]
