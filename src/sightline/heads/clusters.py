"""Many boxes of one object brought together: OpenCV's groupRectangles and DBSCAN. Pure NumPy and SciPy."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from sightline.boxes import iou_matrix
from sightline.types import F32, I64, Bool

__all__ = ["dbscan", "group_rectangles", "merged"]


def group_rectangles(xyxy: F32, least: int, eps: float) -> tuple[F32, I64]:
    """Boxes (N, 4) -> the means (M, 4) of groups of alike ones, and the group (N,) of each box, -1 in none that stays.

    Two are alike where every side lies within eps / 2 times the sum of their smaller width and smaller height; groups
    are chains of these. A group stays with more than `least` members, unless it lies within another that has more
    (more than 3 and more than its own) members. Semantics of cv::groupRectangles (OpenCV 4); the means are not rounded.
    """
    if not len(xyxy) or least <= 0:
        return xyxy, np.arange(len(xyxy))
    count, group = _chains(_alike(xyxy, eps))
    members = np.bincount(group, minlength=count)
    mean = merged(xyxy, group, np.ones(len(xyxy), np.float32), count)
    stays = (members > least) & ~_swallowed(mean, members, least, eps)
    renamed = np.where(stays, np.cumsum(stays) - 1, -1)
    return mean[stays], renamed[group]


def _alike(xyxy: F32, eps: float) -> Bool:
    wh = xyxy[:, 2:] - xyxy[:, :2]
    least = np.minimum(wh[:, None], wh[None]).sum(2) * np.float32(eps / 2)
    near: Bool = np.abs(xyxy[:, None] - xyxy[None]).max(2) <= least
    return near


def _swallowed(mean: F32, members: I64, least: int, eps: float) -> Bool:
    """(M,) whether a group lies within another one of more members, judged in whole pixels as OpenCV does."""
    strong = members > least
    wh = np.rint(mean[:, 2:] - mean[:, :2])
    mean = np.concatenate([np.rint(mean[:, :2]), np.rint(mean[:, :2]) + wh], 1)
    slack = np.rint(wh * eps)  # of the outer one
    low = mean[:, None, :2] >= mean[None, :, :2] - slack[None]
    high = mean[:, None, 2:] <= mean[None, :, 2:] + slack[None]
    outer = (members[None] > np.maximum(3, members[:, None])) | (members[:, None] < 3)
    over = low.all(2) & high.all(2) & outer & strong[None]
    np.fill_diagonal(over, False)
    swallowed: Bool = np.logical_or.reduce(over, 1)
    return swallowed


def dbscan(xyxy: F32, weight: F32, eps: float, least: float) -> I64:
    """Boxes (N, 4) and weights (N,) -> the cluster (N,) of each, numbered from 0; -1 for noise (Ester et al., 1996).

    The distance is 1 - IoU. A box is a core where the weights within `eps` (its own too) sum up to `least`; clusters
    are chains of cores, and each other box within `eps` of a core joins the cluster of the nearest one.
    """
    if not len(xyxy):
        return np.zeros(0, np.int64)
    distance = 1 - iou_matrix(xyxy, xyxy)
    np.fill_diagonal(distance, 0)
    near = distance <= np.float32(eps)
    core = (near * weight[None]).sum(1) >= np.float32(least)
    label = np.full(len(xyxy), -1, np.int64)
    cores = np.flatnonzero(core)
    if not len(cores):
        return label
    _, label[cores] = _chains(near[np.ix_(cores, cores)])
    others = np.flatnonzero(~core & near[:, cores].any(1))
    label[others] = label[cores[distance[np.ix_(others, cores)].argmin(1)]]
    return label


def merged(xyxy: F32, group: I64, weight: F32, count: int) -> F32:
    """The weighted means (count, 4) of the boxes (N, 4) of each group; a group below 0 is passed over."""
    used = group >= 0
    total = np.bincount(group[used], weight[used], count)
    sums = [np.bincount(group[used], weight[used] * xyxy[used, k], count) for k in range(4)]
    return (np.stack(sums, 1) / np.maximum(total, 1e-12)[:, None]).astype(np.float32)


def _chains(alike: Bool) -> tuple[int, I64]:
    """(N, N) -> how many chains, and the chain (N,) of each, numbered in the order of their first members."""
    count, group = connected_components(csr_array(alike), directed=False)
    return int(count), group.astype(np.int64)
