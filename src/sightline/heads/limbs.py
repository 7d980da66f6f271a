"""Keypoints of several people -> people, by the part affinity fields along their limbs.

Source: Cao et al., Realtime Multi-Person 2D Pose Estimation using Part Affinity Fields (arXiv 1611.08050), section 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from sightline.heads.tensors import Floats
from sightline.types import F32, I64

__all__ = ["Peaks", "Rule", "assemble", "find_peaks", "join_limbs"]

_MOST = 40  # peaks of one kind of keypoint; more in one picture is noise
_SAMPLES = 10  # points along a limb at which the field is read
_PROBES = (2, 4, 5, 7)  # those of them that are read first: where too many fail, the others change nothing


@dataclass(frozen=True, slots=True, eq=False)
class Peaks:
    """P peaks: kind (P,) of keypoint, sorted; at (P, 2) x, y in cells, 0 the centre of the first; score (P,)."""

    kind: I64
    at: F32
    score: F32


@dataclass(frozen=True, slots=True)
class Rule:
    """When two keypoints are joined: the field along the line is at least `along` at the share `part` of its points."""

    along: float = 0.05
    part: float = 0.8


def find_peaks(heat: F32, least: float) -> Peaks:
    """Cells of the maps (K, h, w) of at least `least` that no neighbour exceeds, refined by a parabola in each axis."""
    count, h, w = heat.shape
    framed = np.full((count, h + 2, w + 2), -np.inf, np.float32)
    framed[:, 1:-1, 1:-1] = heat
    k, y, x = np.nonzero(heat >= np.float32(least))
    here = heat[k, y, x]
    top = np.ones(len(k), np.bool_)
    for dy, dx in ((0, 0), (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1), (2, 2)):
        beside = framed[k, y + dy, x + dx]
        # of equal neighbours the first in reading order is the peak
        top &= (here > beside) if (dy, dx) < (1, 1) else (here >= beside)
    k, y, x, here = k[top], y[top], x[top], here[top]
    at = np.stack(
        [
            x + _vertex(framed[k, y + 1, x], here, framed[k, y + 1, x + 2]),
            y + _vertex(framed[k, y, x + 1], here, framed[k, y + 2, x + 1]),
        ],
        1,
    )
    rows = _strongest(k, here)
    return Peaks(k[rows], at[rows].astype(np.float32), here[rows])


def _vertex(before: Floats, here: Floats, after: Floats) -> Floats:
    """Where between -0.5 and 0.5 the parabola through three values is highest; 0 at a border."""
    bend = before - 2 * here + after
    known = np.isfinite(bend) & (bend < 0)
    step = np.where(known, before - after, 0) / np.where(known, 2 * bend, 1)
    return np.clip(step, -0.5, 0.5)


def _strongest(kind: I64, score: F32) -> I64:
    """Rows of the `_MOST` strongest peaks of each kind, in their order."""
    count = np.bincount(kind) if len(kind) else np.zeros(0, np.int64)
    if not len(count) or count.max() <= _MOST:
        return np.arange(len(kind))
    order = np.lexsort((-score, kind))
    rank = np.arange(len(kind)) - np.repeat(np.cumsum(count) - count, count)
    return np.sort(order[rank < _MOST])


@dataclass(frozen=True, slots=True, eq=False)
class Joint:
    """Joined pairs of one limb, best first: rows of the peaks (J,) each, score (J,)."""

    first: I64
    second: I64
    score: Floats


def join_limbs(
    peaks: Peaks, field: F32, limbs: Sequence[tuple[int, int]], scale: tuple[float, float], rule: Rule
) -> list[Joint]:
    """For each limb the pairs of peaks that its field (2L, h, w) joins, each peak once, best first.

    scale: cells of the field a cell of the heat maps, in x and y.
    """
    starts = np.searchsorted(peaks.kind, np.arange(int(max(map(max, limbs))) + 2))
    limb, first, second = _pairs(starts, limbs)
    lines = _lines(peaks, first, second, scale)
    most = _SAMPLES * (1 - rule.part) + 1e-6
    rows = np.flatnonzero((_dots(field, limb, lines, _PROBES) <= rule.along).sum(1) <= most)
    dot = _dots(field, limb[rows], lines[rows], range(_SAMPLES))
    score = dot.mean(1) + np.minimum(0.5 * field.shape[1] / np.maximum(_lengths(lines[rows]), 1e-6) - 1, 0)
    good = ((dot <= rule.along).sum(1) <= most) & (score > 0)
    limb, first, second, score = limb[rows][good], first[rows][good], second[rows][good], score[good]
    order = np.lexsort((-score, limb))
    limb, first, second, score = limb[order], first[order], second[order], score[order]
    bounds = np.searchsorted(limb, np.arange(len(limbs) + 1)).tolist()
    return [_each_once(first[a:b], second[a:b], score[a:b]) for a, b in pairwise(bounds)]


def _pairs(starts: I64, limbs: Sequence[tuple[int, int]]) -> tuple[I64, I64, I64]:
    """Every pair of peaks that a limb could join: (limb, first, second), each (M,)."""
    parts: list[tuple[I64, I64, I64]] = []
    for number, (a, b) in enumerate(limbs):
        rows, others = np.arange(starts[a], starts[a + 1]), np.arange(starts[b], starts[b + 1])
        count = len(rows) * len(others)
        parts.append((np.full(count, number), np.repeat(rows, len(others)), np.tile(others, len(rows))))
    limb, first, second = (np.concatenate(column) for column in zip(*parts, strict=True))
    return limb, first, second


def _lines(peaks: Peaks, first: I64, second: I64, scale: tuple[float, float]) -> Floats:
    """(M, 4): begin x, y and way x, y of each pair, in cells of the field."""
    gain, half = np.array(scale, np.float32), np.float32(0.5)
    at = (peaks.at + half) * gain - half
    return np.concatenate([at[first], at[second] - at[first]], 1)


def _lengths(lines: Floats) -> Floats:
    return np.hypot(lines[:, 2], lines[:, 3])


def _dots(field: F32, limb: I64, lines: Floats, samples: Sequence[int]) -> Floats:
    """The field along each line at those of its `_SAMPLES` points (M, S)."""
    steps = np.array(samples, np.float32) / np.float32(_SAMPLES - 1)
    unit = lines[:, 2:] / np.maximum(_lengths(lines), 1e-6)[:, None]
    return _read(
        field, limb, lines[:, 0, None] + lines[:, 2, None] * steps, lines[:, 1, None] + lines[:, 3, None] * steps, unit
    )


def _read(field: F32, limb: I64, x: Floats, y: Floats, unit: Floats) -> Floats:
    """The field of each limb at x, y (M, S) between its cells, along `unit` (M, 2): (M, S)."""
    _, h, w = field.shape
    x0 = np.clip(np.floor(x).astype(np.int64), 0, max(w - 2, 0))
    y0 = np.clip(np.floor(y).astype(np.int64), 0, max(h - 2, 0))
    fx, fy = np.clip(x - x0, 0, 1), np.clip(y - y0, 0, 1)
    right, down = min(1, w - 1), w * min(1, h - 1)
    flat = field.reshape(-1)
    out = np.zeros(x.shape, np.float32)
    for axis in (0, 1):
        at = (2 * limb + axis)[:, None] * (h * w) + y0 * w + x0
        upper = flat[at] * (1 - fx) + flat[at + right] * fx
        lower = flat[at + down] * (1 - fx) + flat[at + down + right] * fx
        out += (upper * (1 - fy) + lower * fy) * unit[:, axis, None]
    return out


def _each_once(first: I64, second: I64, score: Floats) -> Joint:
    """Of pairs sorted by score those whose two ends are still free."""
    taken: set[int] = set()
    kept: list[int] = []
    for row, (a, b) in enumerate(zip(first.tolist(), second.tolist(), strict=True)):
        if a not in taken and b not in taken:
            taken.update((a, b))
            kept.append(row)
    return Joint(first[kept], second[kept], score[kept])


def assemble(
    joints: Sequence[Joint], limbs: Sequence[tuple[int, int]], weak: frozenset[tuple[int, int]] = frozenset()
) -> list[dict[int, int]]:
    """People as {kind of keypoint: row of its peak}: pairs that share a peak belong together, limb after limb.

    Two people are made one where a limb joins them and no kind of keypoint would be there twice. `weak` limbs come
    last, and only give people a keypoint that they lack.
    """
    people: list[dict[int, int]] = []
    owner: dict[int, dict[int, int]] = {}
    in_turn = sorted(zip(limbs, joints, strict=True), key=lambda pair: pair[0] in weak)
    for (a, b), joint in in_turn:
        for first, second in zip(joint.first.tolist(), joint.second.tolist(), strict=True):
            one, other = owner.get(first), owner.get(second)
            if one is None and other is None:
                if (a, b) not in weak:
                    one = owner[first] = owner[second] = {a: first, b: second}
                    people.append(one)
            elif one is None and other is not None:
                _give(other, a, first, owner)
            elif one is not None and other is None:
                _give(one, b, second, owner)
            elif one is not None and other is not None and (a, b) not in weak:
                _unite(people, one, other, owner)
    return people


def _unite(
    people: list[dict[int, int]], one: dict[int, int], other: dict[int, int], owner: dict[int, dict[int, int]]
) -> None:
    """Makes `other` a part of `one`, unless both have the same kind of keypoint."""
    if one.keys() & other.keys():
        return
    one |= other
    owner.update(dict.fromkeys(other.values(), one))
    people[:] = [person for person in people if person is not other]


def _give(person: dict[int, int], kind: int, peak: int, owner: dict[int, dict[int, int]]) -> None:
    """`peak` to `person`, unless that kind of keypoint is known of it."""
    if kind not in person:
        person[kind] = peak
        owner[peak] = person
