"""Finding and reading a model's output tensors: by name, by shape, channels first or last, logits or not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.boxes import cxcywh_to_xyxy
from sightline.errors import ModelError, RuntimeFailure
from sightline.protocols import Outputs
from sightline.types import F32, I64

__all__ = [
    "Floats",
    "Level",
    "activate",
    "are_fractions",
    "centred",
    "channels_first",
    "dfl",
    "grouped",
    "is_probability",
    "levels",
    "logit",
    "of_view",
    "pick",
    "sigmoid",
    "softmax",
    "unreadable",
]

Floats = NDArray[Any]


def unreadable(head: str, outputs: Outputs, wants: str) -> ModelError:
    """The error for outputs that a head cannot take; `wants` says what it can."""
    got = ", ".join(f"{name} {list(a.shape)}" for name, a in outputs.items())
    return ModelError(f"head {head} cannot read the outputs {got or '(none)'}\nit takes {wants}; choose with --head")


def pick(outputs: Outputs, given: str, hints: Sequence[str], fits: Callable[[Floats], bool]) -> Floats | None:
    """The output called `given`; else the one whose name is a hint, then whose name holds one, then the only that fits.

    Raises ModelError where `given` is not there. None where nothing or too much fits.
    """
    if given:
        if given not in outputs:
            raise ModelError(f"the model has no output {given!r}; it has {', '.join(outputs)}")
        return outputs[given]
    plain = {name.rsplit("/", 1)[-1].lower().removesuffix(":0"): a for name, a in outputs.items() if fits(a)}
    for hint in hints:
        if hint in plain:
            return plain[hint]
    for hint in hints:
        found = [a for name, a in plain.items() if hint in name]
        if len(found) == 1:
            return found[0]
    fitting = [a for a in outputs.values() if fits(a)]
    return fitting[0] if len(fitting) == 1 else None


def of_view(a: Floats, index: int) -> Floats:
    """Row `index` of the batch axis. Raises RuntimeFailure where the model gave fewer rows than it was given views."""
    if index >= len(a):
        raise RuntimeFailure(f"the model gave {len(a)} results for at least {index + 1} pictures; run it with batch 1")
    return a[index]


def channels_first(a: Floats, last: bool | None = None) -> Floats:
    """(D, A) or (A, D) -> (D, A). last: the channels D are last; None: they are the shorter axis."""
    if last is None:
        last = a.shape[1] < a.shape[0]
    return a.T if last else a


def centred(a: Floats, rows: I64, size_wh: tuple[int, int], normalized: bool | None) -> F32:
    """cx, cy, w, h in the first four channels of (D, n) -> xyxy (m, 4) of `rows` in model pixels.

    normalized: they are fractions of the input; None: seen from all n, as `are_fractions`.
    """
    box = a[:4, rows].astype(np.float32).T
    if normalized is None:
        normalized = are_fractions(a[:4])
    return cxcywh_to_xyxy(box * np.array(size_wh * 2, np.float32) if normalized else box)


def are_fractions(a: Floats) -> bool:
    """Whether coordinates are fractions of the input: none exceeds 2, where pixels of a picture would."""
    return not (a > 2).any()


def is_probability(a: Floats) -> bool:
    """No value lies outside 0..1 (a thousandth of slack for half precision; NaN counts as inside)."""
    return not ((a < -1e-3) | (a > 1 + 1e-3)).any()


def activate(a: Floats, activated: bool | None, how: Callable[[Floats], Floats] | None = None) -> Floats:
    """Probabilities (float32): `how` (default: sigmoid) of `a` unless `activated`; None: unless `a` looks like it."""
    if activated is None:
        activated = is_probability(a)
    return a.astype(np.float32, copy=False) if activated else (how or sigmoid)(a)


def sigmoid(a: Floats) -> Floats:
    """Logistic function in float32, without overflow."""
    return np.float32(0.5) + np.float32(0.5) * np.tanh(np.float32(0.5) * a.astype(np.float32, copy=False))


def logit(p: float) -> float:
    """Inverse of the logistic function; infinite at 0 and 1."""
    if p <= 0 or p >= 1:
        return -np.inf if p <= 0 else np.inf
    return float(np.log(p / (1 - p)))


def softmax(a: Floats, axis: int = -1) -> Floats:
    """Along `axis`, in float32."""
    a = a.astype(np.float32, copy=False)
    e = np.exp(a - a.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def dfl(a: Floats, bins: int) -> Floats:
    """Four distributions over 0..bins-1 as logits (n, 4*bins) -> their means (n, 4) (generalised focal loss)."""
    share = softmax(a.reshape(-1, 4, bins))
    return share @ np.arange(bins, dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """What a network says of one grid of `wh` cells, `stride` model pixels apart: data (D, n), cells row by row."""

    stride: float
    wh: tuple[int, int]
    data: Floats

    @property
    def channels(self) -> int:
        return len(self.data)

    @property
    def cells(self) -> int:
        return self.wh[0] * self.wh[1]


def levels(outputs: Sequence[Floats], index: int, size_wh: tuple[int, int]) -> list[Level] | None:
    """Outputs [N, D, H, W] or [N, H, W, D] of view `index`, finest grid first; None where they are no such grids.

    The stride follows from the size of the input. Channels are first in all of them or last in all of them.
    """
    if not outputs or any(a.ndim != 4 for a in outputs):
        return None
    for first in (True, False):
        shapes = [a.shape[2:] if first else a.shape[1:3] for a in outputs]
        strides = [_stride(h, w, size_wh) for h, w in shapes]
        if all(strides):
            found: list[Level] = []
            for a, (h, w), stride in zip(outputs, shapes, strides, strict=True):
                one = of_view(a, index)
                data = one.reshape(-1, h * w) if first else one.reshape(h * w, -1).T
                found.append(Level(stride, (w, h), data))
            return sorted(found, key=lambda level: level.stride)
    return None


def grouped(outputs: Sequence[Floats], index: int, size_wh: tuple[int, int]) -> list[list[Floats]]:
    """Outputs of view `index` as (n, D), those of one grid together in their order, finest grid first.

    Taken are [N, n, D], [n, D] without a batch axis, and [N, D, H, W] or [N, H, W, D].
    """
    flat: list[Floats] = []
    for a in outputs:
        if a.ndim == 2 and index:
            raise RuntimeFailure("the model gives the results of one picture at a time; run it with batch 1")
        if a.ndim in (2, 3):
            flat.append(a if a.ndim == 2 else of_view(a, index))
    if not flat:
        flat = [level.data.T for level in levels(outputs, index, size_wh) or []]
    groups: dict[int, list[Floats]] = {}
    for a in flat:
        groups.setdefault(len(a), []).append(a)
    return [groups[n] for n in sorted(groups, reverse=True)]


def _stride(h: int, w: int, size_wh: tuple[int, int]) -> float:
    """Whole model pixels between the cells of a grid; 0 where it does not cover the input evenly."""
    if not h or not w:
        return 0
    for stride in {size_wh[0] // w, -(-size_wh[0] // w), size_wh[1] // h, -(-size_wh[1] // h)}:
        if stride and -(-size_wh[0] // stride) == w and -(-size_wh[1] // stride) == h:
            return stride
    return 0
