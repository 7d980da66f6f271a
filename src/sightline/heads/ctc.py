"""A line of characters, read column by column (connectionist temporal classification, Graves 2006)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from sightline.errors import ModelError, RuntimeFailure
from sightline.heads.tensors import Floats, is_probability, of_view, softmax, unreadable
from sightline.protocols import Outputs
from sightline.types import F32, I64, Attribute, ModelSpec, Prediction, Thresholds, View

__all__ = ["Ctc", "symbols_of"]

Axes = Literal["auto", "ntc", "tnc", "nct", "tc", "ct"]
_TAKES = "scores [N, T, C], [T, N, C], [N, C, T] or [T, C], or class ids [N, T] (with their scores [N, T])"


@dataclass(frozen=True, slots=True)
class Ctc:
    """Scores of C symbols at T steps, or the best symbols' ids -> `text` and an attribute "text" with its mean score.

    The best symbol of every step is taken; repeats count once (`merge`), the blank not at all.
    labels: the symbols without the blank; one class more than these and the blank is a space at the end.
    axes: n views, t steps, c symbols; "auto" tells by the labels. blank: "first" is class 0, "last" the highest one.
    activated: scores are probabilities; None: unless a value lies outside 0..1.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.0, nms=1.0, top=1)

    axes: Axes = "auto"
    blank: Literal["first", "last"] = "first"
    merge: bool = True
    activated: bool | None = None

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        ids = [a for a in outputs.values() if a.dtype.kind in "iu" and a.ndim > 1]
        found: list[tuple[I64, F32]]
        if ids:
            share = next((a for a in outputs.values() if a.dtype.kind == "f" and a.shape == ids[0].shape), None)
            found = [_given(ids[0], share, i) for i in range(len(views))]
            classes = len(spec.labels) + 1
        else:
            scores = next((a for a in outputs.values() if a.dtype.kind == "f" and a.ndim > 1), None)
            if scores is None:
                raise unreadable("ctc", outputs, _TAKES)
            steps = [self._steps(scores, i, len(spec.labels), len(views)) for i in range(len(views))]
            found = [_best(a, self.activated) for a in steps]
            classes = steps[0].shape[1] if steps else 0
        symbols = symbols_of(spec.labels, classes, self.blank)
        return [self._read(best, share, symbols) for best, share in found]

    def _steps(self, a: Floats, i: int, labels: int, views: int) -> Floats:
        """(T, C) of view `i`."""
        axes = self.axes
        if axes in ("tc", "ct") or (axes == "auto" and a.ndim == 2):
            if i:
                raise RuntimeFailure("the model gives the text of one picture at a time; run it with batch 1")
            return a.T if axes == "ct" or (axes == "auto" and _are_classes(a.shape[0], a.shape[1], labels)) else a
        a = np.squeeze(a, tuple(k for k in range(1, a.ndim) if a.shape[k] == 1 and a.ndim > 3)) if a.ndim > 3 else a
        if a.ndim != 3:
            raise unreadable("ctc", {"scores": a}, _TAKES)
        if axes == "auto":
            axes = "tnc" if a.shape[1] == views and a.shape[0] != views else "ntc"
            axes = "nct" if axes == "ntc" and _are_classes(a.shape[1], a.shape[2], labels) else axes
        if axes == "tnc":
            return of_view(np.moveaxis(a, 1, 0), i)
        one = of_view(a, i)
        return one.T if axes == "nct" else one

    def _read(self, best: I64, share: F32, symbols: Sequence[str]) -> Prediction:
        blank = 0 if self.blank == "first" else len(symbols) - 1
        kept = (best != blank) & (best >= 0) & (best < len(symbols))
        if self.merge:
            kept[1:] &= best[1:] != best[:-1]
        text = "".join(symbols[int(k)] for k in best[kept])
        score = float(share[kept].mean()) if kept.any() else 0.0
        attributes = (Attribute("text", text, min(max(score, 0.0), 1.0)),) if text else ()
        return Prediction(attributes=attributes, text=text)


def symbols_of(labels: Sequence[str], classes: int, blank: Literal["first", "last"]) -> tuple[str, ...]:
    """The symbol of every class id, "" for the blank. Raises ModelError where labels and classes do not go together."""
    missing = classes - len(labels)
    if missing not in (0, 1, 2) or not labels:
        raise ModelError(
            f"head ctc: {len(labels)} symbols for {classes} classes (the blank is one of them); "
            "give the model's own dictionary with --labels FILE, one symbol a line"
        )
    if missing == 0:
        names = list(labels)
        names[0 if blank == "first" else -1] = ""
        return tuple(names)
    named = (*labels, " ") if missing == 2 else tuple(labels)
    return ("", *named) if blank == "first" else (*named, "")


def _are_classes(n: int, other: int, labels: int) -> bool:
    """Whether the axis of `n` rather than that of `other` counts the symbols."""
    fits = [0 <= size - labels <= 2 for size in (n, other)]
    return labels > 0 and fits[0] and not fits[1]


def _given(ids: NDArray[Any], share: Floats | None, i: int) -> tuple[I64, F32]:
    best = of_view(ids, i).ravel().astype(np.int64)
    return best, np.ones(len(best), np.float32) if share is None else of_view(share, i).ravel().astype(np.float32)


def _best(a: Floats, activated: bool | None) -> tuple[I64, F32]:
    """The best class of every step (T,) and its probability (T,)."""
    best = a.argmax(1)
    if activated is None:
        activated = is_probability(a)
    shares = a.astype(np.float32) if activated else softmax(a)
    return best.astype(np.int64), shares[np.arange(len(a)), best]
