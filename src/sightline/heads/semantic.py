"""A class for every pixel of the view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sightline.errors import ModelError
from sightline.heads.tensors import Floats, is_probability, logit, of_view, unreadable
from sightline.protocols import Outputs
from sightline.types import F32, U8, Bool, ModelSpec, Prediction, Thresholds, View

__all__ = ["Semantic"]

_MOST = 255  # classes that a map of bytes can tell apart, 255 being "not looked at"
_TAKES = "scores [N, C, H, W] or [N, H, W, C], or class ids [N, H, W] or [N, 1, H, W]"
_CHUNK = 1 << 12


@dataclass(frozen=True, slots=True)
class Semantic:
    """Scores [N, C, H, W] or [N, H, W, C], or class ids [N, H, W], [N, 1, H, W], [N, H, W, 1], [H, W] -> `classmap`.

    A map smaller than the model's input is brought to its size: scores bilinearly (pixel centres half a pixel in),
    before the best class is taken; ids stay as they are.
    One channel of scores is the probability of class 1 (logits too), cut at the score threshold.
    output: the map's name; "" the largest map, of equals the first. channels_last: None: the shorter end is C.
    activated: of one channel: probabilities; None: unless a value lies outside 0..1.
    Raises ModelError for more than 255 classes.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.5, nms=1.0)

    output: str = ""
    channels_last: bool | None = None
    activated: bool | None = None

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        a = self._map(outputs)
        if a.ndim == 2:
            a = a[None]
        return [
            Prediction(classmap=self._one(of_view(a, i), view.size_wh, spec), map_names=spec.labels)
            for i, view in enumerate(views)
        ]

    def _map(self, outputs: Outputs) -> Floats:
        if self.output:
            if self.output not in outputs:
                raise ModelError(f"the model has no output {self.output!r}; it has {', '.join(outputs)}")
            return outputs[self.output]
        maps = [a for a in outputs.values() if a.ndim in (2, 3, 4) and sum(n > 1 for n in a.shape) > 1]
        if not maps:
            raise unreadable("semantic", outputs, _TAKES)
        return max(maps, key=lambda a: a.size)

    def _one(self, a: Floats, size_wh: tuple[int, int], spec: ModelSpec) -> U8:
        if a.ndim == 3:
            last = a.shape[2] < a.shape[0] if self.channels_last is None else self.channels_last
            a = np.moveaxis(a, 2, 0) if last else a
            if len(a) == 1:
                a = a[0]
        if a.ndim == 2:
            if a.dtype.kind in "iu":
                return _ids(a)
            return self._foreground(a, size_wh, spec)
        if a.ndim != 3:
            raise unreadable("semantic", {self.output or "map": a}, _TAKES)
        if len(a) > _MOST:
            raise ModelError(f"head semantic: {len(a)} classes, but a map holds {_MOST} at most")
        coarse = best_of(a)
        w, h = size_wh
        if a.shape[1] >= h or a.shape[2] >= w:
            return coarse
        return _enlarged(a, coarse, (w, h))

    def _foreground(self, a: Floats, size_wh: tuple[int, int], spec: ModelSpec) -> U8:
        """One channel: ids where all values are whole and some above 1, else the probability of class 1."""
        least = spec.thresholds.score
        whole = a.astype(np.float32)
        if self.activated is None and bool((whole == np.rint(whole)).all()) and float(whole.max(initial=0)) > 1:
            return _ids(whole)
        probable = is_probability(whole) if self.activated is None else self.activated
        w, h = size_wh
        if whole.shape[0] < h and whole.shape[1] < w:
            rows, columns = _taps(whole.shape[0], h), _taps(whole.shape[1], w)
            whole = _lerp(_lerp(whole, *rows).T, *columns).T
        return (whole >= np.float32(least if probable else logit(least))).astype(np.uint8)


def best_of(a: Floats) -> U8:
    """Scores (C, H, W) -> ids (H, W) of the highest, the lower id of equals."""
    if a.strides[0] == a.itemsize and len(a) > 1:
        return np.moveaxis(a, 0, -1).argmax(-1).astype(np.uint8)
    best = a[0].copy()
    ids = np.zeros(a.shape[1:], np.uint8)
    for i in range(1, len(a)):
        better = a[i] > best
        np.copyto(ids, np.uint8(i), where=better)
        np.maximum(best, a[i], out=best)
    return ids


def _ids(a: Floats) -> U8:
    """Class ids of any dtype -> uint8. Raises ModelError for ids that a byte cannot hold."""
    low, high = float(a.min(initial=0)), float(a.max(initial=0))
    if not (low >= 0 and high < _MOST):
        raise ModelError(f"head semantic: the map holds {low:g} to {high:g}, which are no class ids below {_MOST}")
    return a.astype(np.uint8)


# -- to the size of the input ----------------------------------------------------------------------------------------

_Taps = tuple[NDArray[np.intp], NDArray[np.intp], F32]


def _taps(n: int, to: int) -> _Taps:
    """Where each of `to` pixels lies between the `n` of a smaller row: lower and upper one, share of the upper."""
    at = np.clip((np.arange(to) + 0.5) * n / to - 0.5, 0, n - 1)
    low = np.floor(at).astype(np.intp)
    return low, np.minimum(low + 1, n - 1), (at - low).astype(np.float32)


def _lerp(a: F32, low: NDArray[np.intp], high: NDArray[np.intp], share: F32) -> F32:
    part = share[:, None]
    return (a[low] * (1 - part) + a[high] * part).astype(np.float32, copy=False)


def _enlarged(a: Floats, coarse: U8, size_wh: tuple[int, int]) -> U8:
    """The best class of the scores (C, h, w) enlarged bilinearly.

    Between four neighbours with the same best class no other can win, so scores are mixed only where they differ.
    """
    w, h = size_wh
    (y0, y1, fy), (x0, x1, fx) = _taps(a.shape[1], h), _taps(a.shape[2], w)
    out = coarse[np.ix_(y0, x0)]
    same: Bool = (out == coarse[np.ix_(y0, x1)]) & (out == coarse[np.ix_(y1, x0)]) & (out == coarse[np.ix_(y1, x1)])
    rows, columns = np.nonzero(~same)
    flat = np.ascontiguousarray(a.reshape(len(a), -1).T)  # one pixel's scores side by side
    wide = a.shape[2]
    for i in range(0, len(rows), _CHUNK):
        r, c = rows[i : i + _CHUNK], columns[i : i + _CHUNK]
        v, u = fy[r, None], fx[c, None]
        mixed: NDArray[Any] = flat[y0[r] * wide + x0[c]] * ((1 - v) * (1 - u))
        mixed += flat[y0[r] * wide + x1[c]] * ((1 - v) * u)
        mixed += flat[y1[r] * wide + x0[c]] * (v * (1 - u))
        mixed += flat[y1[r] * wide + x1[c]] * (v * u)
        out[r, c] = mixed.argmax(1)
    return out
