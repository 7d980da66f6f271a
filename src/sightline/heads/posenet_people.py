"""Several people from PoseNet's maps: from the strongest keypoints along the limbs to all others.

Source: Papandreou et al., PersonLab (arXiv 1803.08225), fast greedy decoding.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sightline.types import F32, Bool

__all__ = ["Fields", "Person", "decode_people"]

# Limbs from parent to child, in the order of the displacements' channels; COCO's numbers.
_TREE = (
    *((0, 1), (1, 3), (0, 2), (2, 4), (0, 5), (5, 7), (7, 9), (5, 11)),
    *((11, 13), (13, 15), (0, 6), (6, 8), (8, 10), (6, 12), (12, 14), (14, 16)),
)
_NEAR = 20.0  # model pixels within which two keypoints of a kind are the same
_ROOT = 0.3  # least score of a keypoint that people are grown from


@dataclass(frozen=True, slots=True, eq=False)
class Fields:
    """score (K, h, w) probabilities; offset (2K, h, w), forward and backward (2(K-1), h, w): y of all, then x of all,
    in model pixels. stride: model pixels from cell to cell.
    """

    score: F32
    offset: F32
    forward: F32
    backward: F32
    stride: float


@dataclass(frozen=True, slots=True, eq=False)
class Person:
    """points (K, 3) x, y in model pixels and score; score of the person."""

    points: F32
    score: float


def decode_people(fields: Fields, most: int) -> list[Person]:
    """Up to `most` people, in the order of their strongest keypoints."""
    people: list[Person] = []
    for kind, y, x in _roots(fields.score):
        if len(people) == most:
            break
        at = _refined(fields, kind, y, x)
        if any(np.hypot(*(p.points[kind, :2] - at)) <= _NEAR for p in people):
            continue
        points = _grown(fields, kind, y, x)
        seen = _taken(people, points)
        people.append(Person(points, float(np.where(seen, 0, points[:, 2]).sum() / len(points))))
    return people


def _roots(score: F32) -> list[tuple[int, int, int]]:
    """(kind, row, column) of cells that none of their neighbours exceeds, strongest first."""
    framed = np.pad(score, ((0, 0), (1, 1), (1, 1)), constant_values=-np.inf)
    h, w = score.shape[1:]
    around = np.maximum.reduce([framed[:, dy : dy + h, dx : dx + w] for dy in range(3) for dx in range(3)])
    k, y, x = np.nonzero((score >= _ROOT) & (score >= around))
    order = np.argsort(-score[k, y, x], kind="stable")
    return list(zip(k[order].tolist(), y[order].tolist(), x[order].tolist(), strict=True))


def _refined(fields: Fields, kind: int, y: int, x: int) -> F32:
    """x, y in model pixels of a keypoint in that cell."""
    count = len(fields.score)
    off = fields.offset[[count + kind, kind], y, x]
    return (np.array([x, y], np.float32) * np.float32(fields.stride) + off).astype(np.float32)


def _cell(fields: Fields, at: F32) -> tuple[int, int]:
    """Row and column of the nearest cell."""
    h, w = fields.score.shape[1:]
    x, y = np.rint(np.nan_to_num(at) / fields.stride).astype(np.int64).tolist()
    return min(max(y, 0), h - 1), min(max(x, 0), w - 1)


def _grown(fields: Fields, kind: int, y: int, x: int) -> F32:
    """All keypoints of the person that has keypoint `kind` in that cell."""
    points = np.zeros((len(fields.score), 3), np.float32)
    points[kind] = (*_refined(fields, kind, y, x), fields.score[kind, y, x])
    known = {kind}
    for limb in reversed(range(len(_TREE))):
        parent, child = _TREE[limb]
        if child in known and parent not in known:
            points[parent] = _step(fields, fields.backward, limb, points[child, :2], parent)
            known.add(parent)
    for limb, (parent, child) in enumerate(_TREE):
        if parent in known and child not in known:
            points[child] = _step(fields, fields.forward, limb, points[parent, :2], child)
            known.add(child)
    return points


def _step(fields: Fields, moves: F32, limb: int, begin: F32, kind: int) -> tuple[float, float, float]:
    """x, y, score of keypoint `kind` at the other end of a limb that begins at x, y."""
    y, x = _cell(fields, begin)
    y, x = _cell(fields, begin + moves[[len(_TREE) + limb, limb], y, x])
    at = _refined(fields, kind, y, x)
    return float(at[0]), float(at[1]), float(fields.score[kind, y, x])


def _taken(people: list[Person], points: F32) -> Bool:
    """(K,) whether another person has that keypoint at the same place."""
    taken = np.zeros(len(points), np.bool_)
    for person in people:
        apart = person.points[:, :2] - points[:, :2]
        taken |= np.hypot(apart[:, 0], apart[:, 1]) <= _NEAR
    return taken
