"""DetectNet_v2 grids and the clusters of their boxes, against plain loops and OpenCV."""

from __future__ import annotations

import math

import numpy as np
import pytest
from head_twins import Box, Slow, agree, chosen, decode, overlap
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sightline.errors import ModelError
from sightline.heads.clusters import dbscan, group_rectangles, merged
from sightline.types import Thresholds

WH = (160, 96)
LIMITS = Thresholds(0.3, 0.5)


def grid(seed: int, classes: int = 2) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """A few objects, each covered by many cells whose sides point to about the same box."""
    rng = np.random.default_rng(seed)
    cov = np.zeros((1, classes, 6, 10), np.float32)
    bbox = rng.normal(0, 0.3, (1, 4 * classes, 6, 10)).astype(np.float32)
    for _ in range(4):
        c, x1, y1 = int(rng.integers(classes)), int(rng.integers(0, 7)), int(rng.integers(0, 4))
        w, h = int(rng.integers(2, 4)), int(rng.integers(1, 3))
        box = np.array([x1, y1, x1 + w, y1 + h]) * 16 + rng.normal(0, 3, 4)
        for row in range(y1, min(6, y1 + h)):
            for column in range(x1, min(10, x1 + w)):
                cov[0, c, row, column] = 0.2 + 0.75 * rng.random()
                px, py = column * 16 + 0.5, row * 16 + 0.5
                sides = np.array([px - box[0], py - box[1], box[2] - px, box[3] - py]) + rng.normal(0, 1, 4)
                bbox[0, 4 * c : 4 * c + 4, row, column] = sides / 35
    return cov, bbox


def cells(cov: NDArray[np.float32], bbox: NDArray[np.float32], least: float = 0.0) -> list[Slow]:
    found = []
    for c in range(cov.shape[1]):
        for row in range(6):
            for column in range(10):
                score = float(cov[0, c, row, column])
                if score < least:
                    continue
                px, py = (column * 16 + 0.5) / 35, (row * 16 + 0.5) / 35
                left, top, right, low = bbox[0, 4 * c : 4 * c + 4, row, column].tolist()
                found.append(Slow((-35 * (left - px), -35 * (top - py), 35 * (right + px), 35 * (low + py)), score, c))
    return found


@pytest.mark.parametrize("seed", range(4))
def test_cells_and_suppression(seed: int) -> None:
    cov, bbox = grid(seed)
    outputs = {"output_bbox/BiasAdd:0": bbox, "output_cov/Sigmoid:0": cov}
    (said,) = decode("detectnet", outputs, WH, thresholds=LIMITS)
    agree(said, cells(cov, bbox), LIMITS, least=2)
    (said,) = decode("detectnet", {"a": cov, "b": bbox}, WH, thresholds=LIMITS, cluster="none")
    agree(said, cells(cov, bbox), Thresholds(0.3, 1.0), least=6)


def slow_dbscan(boxes: list[Box], weights: list[float], eps: float, least: float) -> list[int]:
    """Ester's algorithm, border boxes to the nearest core."""
    n = len(boxes)
    far = [[0.0 if i == j else 1 - overlap(boxes[i], boxes[j]) for j in range(n)] for i in range(n)]
    core = [sum(weights[j] for j in range(n) if far[i][j] <= eps) >= least for i in range(n)]
    label, count = [-1] * n, 0
    for i in range(n):
        if not core[i] or label[i] >= 0:
            continue
        stack = [i]
        while stack:
            k = stack.pop()
            if label[k] >= 0:
                continue
            label[k] = count
            stack += [j for j in range(n) if core[j] and far[k][j] <= eps and label[j] < 0]
        count += 1
    for i in range(n):
        near = [j for j in range(n) if core[j] and far[i][j] <= eps]
        if label[i] < 0 and near:
            label[i] = label[min(near, key=lambda j: far[i][j])]
    return label


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("way", ["dbscan", "hybrid"])
def test_dbscan_brings_the_cells_of_an_object_together(seed: int, way: str) -> None:
    cov, bbox = grid(seed)
    options = {"cluster": way, "eps": 0.4, "min_boxes": 2, "min_score": 0.9}
    (said,) = decode("detectnet", {"cov": cov, "bbox": bbox}, WH, thresholds=LIMITS, **options)
    want: list[Slow] = []
    for c in (0, 1):
        mine = [s for s in cells(cov, bbox, LIMITS.score) if s.label == c]
        mine = [s for s in mine if s.box[2] > s.box[0] and s.box[3] > s.box[1]]
        label = slow_dbscan([s.box for s in mine], [1.0] * len(mine), 0.4, 2)
        for k in range(max(label, default=-1) + 1):
            members = [s for s, m in zip(mine, label, strict=True) if m == k]
            total = math.fsum(s.score for s in members)
            if total < 0.9:
                continue
            if way == "hybrid":
                want += members
                continue
            box = [math.fsum(s.box[j] * s.score for s in members) / total for j in range(4)]
            want.append(Slow((box[0], box[1], box[2], box[3]), total / len(members), c))
    agree(said, want, LIMITS if way == "hybrid" else Thresholds(0.3, 1.0))


BOX = st.tuples(*[st.floats(0, 50, width=32)] * 2, *[st.floats(4, 40, width=32)] * 2)


@given(st.lists(BOX, max_size=14), st.floats(0.05, 0.95), st.integers(1, 4))
def test_dbscan_is_esters(rows: list[tuple[float, ...]], eps: float, least: int) -> None:
    boxes: list[Box] = [(x, y, x + w, y + h) for x, y, w, h in rows]
    pairs = [1 - overlap(a, b) for a in boxes for b in boxes if a != b]
    if any(abs(p - eps) < 1e-4 for p in pairs) or len(set(boxes)) < len(boxes):
        return  # float32 decides
    xyxy = np.array(boxes, np.float32).reshape(-1, 4)
    said = dbscan(xyxy, np.ones(len(xyxy), np.float32), eps, least)
    assert said.tolist() == slow_dbscan(boxes, [1.0] * len(boxes), eps, least)


def crowd(seed: int) -> NDArray[np.int32]:
    """Boxes x, y, w, h in whole pixels around a few places, some inside others."""
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(5):
        x, y, w, h = rng.integers(0, 200), rng.integers(0, 200), rng.integers(20, 90), rng.integers(20, 90)
        for _ in range(int(rng.integers(1, 8))):
            made.append(np.array([x, y, w, h]) + rng.integers(-3, 4, 4))
        if rng.random() < 0.5:
            made += [np.array([x + w // 4, y + h // 4, w // 3, h // 3]) + rng.integers(-1, 2, 4) for _ in range(3)]
    return np.array(made, np.int32)


@pytest.mark.parametrize("least", [1, 2])
@pytest.mark.parametrize("eps", [0.2, 0.5])
def test_groups_are_open_cv_s(least: int, eps: float) -> None:
    cv2 = pytest.importorskip("cv2")
    if not hasattr(cv2, "groupRectangles"):
        pytest.skip("this OpenCV has no groupRectangles (4.x has)")
    for seed in range(40):
        rects = crowd(seed)
        want, weights = cv2.groupRectangles(rects.tolist(), least, eps)
        xyxy = np.concatenate([rects[:, :2], rects[:, :2] + rects[:, 2:]], 1).astype(np.float32)
        said, group = group_rectangles(xyxy, least, eps)
        assert len(said) == len(want), seed
        assert sorted(np.bincount(group[group >= 0], minlength=len(said)).tolist()) == sorted(np.ravel(weights))
        left = said.tolist()
        for x, y, w, h in np.reshape(want, (-1, 4)).tolist():
            k = min(range(len(left)), key=lambda k: abs(left[k][0] - x) + abs(left[k][1] - y))
            np.testing.assert_allclose(left.pop(k), [x, y, x + w, y + h], atol=1.01)


def test_groups_by_hand() -> None:
    alike = [[10, 10, 50, 50], [12, 9, 51, 49], [11, 12, 48, 52]]
    inner = [[20, 20, 30, 30], [20, 20, 31, 30]]
    lone = [[100, 100, 130, 140]]
    xyxy = np.array([*alike, *inner, *lone], np.float32)
    said, group = group_rectangles(xyxy, 1, 0.2)
    # two small ones inside: fewer than three, so the larger group swallows them
    assert group.tolist() == [0, 0, 0, -1, -1, -1]
    np.testing.assert_allclose(said, [np.mean(alike, 0)], atol=1e-4)
    assert group_rectangles(xyxy, 0, 0.2)[0] is xyxy
    none, label = group_rectangles(xyxy[:0], 1, 0.2)
    assert (len(none), len(label)) == (0, 0)
    assert merged(xyxy, np.full(6, -1), np.ones(6, np.float32), 0).shape == (0, 4)


def test_groups_of_a_grid_score_as_their_best() -> None:
    cov, bbox = grid(2)
    options = {"cluster": "group-rectangles", "eps": 0.5}
    (said,) = decode("detectnet", {"cov": cov, "bbox": bbox}, WH, thresholds=LIMITS, **options)
    assert 0 < len(said) <= len(chosen(cells(cov, bbox), LIMITS))
    tops = [s.score for s in cells(cov, bbox)]
    assert all(min(abs(t - float(s)) for t in tops) < 1e-5 for s in said.score)


@pytest.mark.parametrize("way", ["nms", "dbscan", "hybrid", "group-rectangles", "none"])
def test_empty_and_odd_grids(way: str) -> None:
    cov, bbox = grid(1)
    (none,) = decode("detectnet", {"cov": cov * 0, "bbox": bbox}, WH, cluster=way)
    assert len(none) == 0
    odd = bbox.copy()
    odd[0, :, ::2] = np.nan
    odd[0, :, 1] = np.inf
    (said,) = decode("detectnet", {"cov": np.ones_like(cov), "bbox": odd}, WH, cluster=way)
    assert np.isfinite(said.xyxy).all()
    with pytest.raises(ModelError, match="detectnet"):
        decode("detectnet", {"cov": cov, "bbox": bbox[:, :4]}, WH, cluster=way)
    with pytest.raises(ModelError, match="cluster"):
        decode("detectnet", {"cov": cov, "bbox": bbox}, WH, cluster="best")
