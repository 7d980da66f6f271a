"""FOMO cells and decoded rows against plain loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from head_twins import Slow, agree, centred, decode
from numpy.typing import NDArray

from sightline.errors import ModelError
from sightline.types import Thresholds

WH = (96, 80)


def cells(seed: int, classes: int = 3) -> NDArray[np.float32]:
    """[1, 10, 12, 1+C] shares."""
    rng = np.random.default_rng(seed)
    a = rng.normal(0, 1, (1, 10, 12, 1 + classes))
    a[..., 0] += 2.5
    for _ in range(8):
        y, x, c = rng.integers(0, 9), rng.integers(0, 11), rng.integers(1, 1 + classes)
        a[0, y : y + rng.integers(1, 3), x : x + rng.integers(1, 3), c] += 6
    e = np.exp(a)
    return (e / e.sum(-1, keepdims=True)).astype(np.float32)


def flooded(a: NDArray[np.float32], least: float) -> list[Slow]:
    """Groups of touching cells by filling from one to the next."""
    shares = a[0].tolist()
    found = []
    for c in range(1, len(shares[0][0])):
        open_cells = {(x, y) for y, row in enumerate(shares) for x, cell in enumerate(row) if cell[c] >= least}
        while open_cells:
            stack, mine = [open_cells.pop()], []
            while stack:
                x, y = stack.pop()
                mine.append((x, y))
                for near in [(x + i, y + j) for i in (-1, 0, 1) for j in (-1, 0, 1)]:
                    if near in open_cells:
                        open_cells.remove(near)
                        stack.append(near)
            xs, ys = [p[0] for p in mine], [p[1] for p in mine]
            box = (min(xs) * 8.0, min(ys) * 8.0, (max(xs) + 1) * 8.0, (max(ys) + 1) * 8.0)
            middle = (sum(xs) / len(xs) * 8 + 4, sum(ys) / len(ys) * 8 + 4)
            found.append(Slow(box, max(shares[y][x][c] for x, y in mine), c - 1, [middle]))
    return found


FREE = Thresholds(0.5, 1.0)
NAMES = ("a", "b", "c")


@pytest.mark.parametrize("seed", range(4))
def test_cells_that_touch_are_one_object(seed: int) -> None:
    a = cells(seed)
    (said,) = decode("fomo", {"o": a}, WH, thresholds=FREE, labels=NAMES)
    agree(said, flooded(a, 0.5), FREE, least=3)
    (first,) = decode("fomo", {"o": a.transpose(0, 3, 1, 2).copy()}, WH, thresholds=FREE, labels=NAMES)
    assert said.equals(first)
    (logits,) = decode("fomo", {"o": np.log(a)}, WH, thresholds=FREE, labels=NAMES)
    agree(logits, flooded(a, 0.5), FREE)


def test_each_cell_by_itself_and_labels_with_their_background() -> None:
    a = cells(5)
    found = []
    for y, row in enumerate(a[0].tolist()):
        for x, cell in enumerate(row):
            box = (x * 8.0, y * 8.0, x * 8.0 + 8, y * 8.0 + 8)
            found += [Slow(box, p, c, [(x * 8 + 4.0, y * 8 + 4.0)]) for c, p in enumerate(cell) if c]
    names = ("background", *NAMES)
    (said,) = decode("fomo", {"o": a}, WH, thresholds=FREE, labels=names, group=False)
    agree(said, found, FREE, least=6)
    (unnamed,) = decode("fomo", {"o": a}, WH, thresholds=FREE, group=False)
    assert said.label.tolist() == unnamed.label.tolist()
    (none,) = decode("fomo", {"o": a}, WH, thresholds=Thresholds(1.0, 1.0))
    assert len(none) == 0
    assert none.keypoints is not None
    with pytest.raises(ModelError, match="fomo"):
        decode("fomo", {"o": a, "p": a}, WH)


# -- decoded rows ----------------------------------------------------------------------------------------------------

LIMITS = Thresholds(0.4, 0.5)


@pytest.mark.parametrize("order", ["xyxy", "cxcywh"])
def test_rows_whose_class_is_chosen_are_suppressed_here(order: str) -> None:
    rng = np.random.default_rng(3)
    n = 120
    box = np.concatenate([rng.random((2, n, 2)) * 60 + 20, rng.random((2, n, 2)) * 40 + 2], 2)
    score, label = rng.random((2, n)), rng.integers(0, 4, (2, n))
    for view in range(2):
        assert len(np.unique(box[view, :, 0])) == n
    found = [
        [Slow(centred(*b), s, int(c)) for b, s, c in zip(box[i].tolist(), score[i].tolist(), label[i], strict=True)]
        for i in range(2)
    ]
    corners = np.concatenate([box[..., :2] - box[..., 2:] / 2, box[..., :2] + box[..., 2:] / 2], 2)
    boxes = (corners if order == "xyxy" else box).astype(np.float32)
    rows = np.concatenate([boxes, score[..., None], label[..., None]], 2).astype(np.float32)
    apart: dict[str, Any] = {
        "boxes": boxes,
        "scores": score[..., None].astype(np.float32),
        "classes": label[..., None].astype(np.float32),
    }
    for outputs in ({"output": rows}, apart, {**apart, "scores": apart["scores"][..., 0]}):
        said = decode("decoded-rows", outputs, WH, 2, LIMITS, order=order)
        for one, want in zip(said, found, strict=True):
            agree(one, want, LIMITS, least=10)
    small = rows.copy()
    small[..., :4] /= np.array([*WH, *WH], np.float32)
    said = decode("decoded-rows", {"output": small}, WH, 2, LIMITS, order=order, normalized=True)
    agree(said[0], found[0], LIMITS)
    with pytest.raises(ModelError, match="decoded-rows"):
        decode("decoded-rows", {"boxes": boxes, "scores": apart["scores"]}, WH)


def test_rows_beyond_the_count_are_nothing() -> None:
    rows = np.zeros((2, 1, 3, 7), np.float32)
    rows[:, 0, :] = [0, 1, 0.9, 0.1, 0.1, 0.5, 0.5]
    rows[:, 0, :, 1] = [1, 2, 3]
    counts = np.array([2, 1], np.int32).reshape(2, 1, 1, 1)
    one, two = decode("detection-output", {"NMS": rows, "NMS_1": counts}, (100, 100), 2)
    assert (one.label.tolist(), two.label.tolist()) == ([1, 2], [1])
    np.testing.assert_allclose(two.xyxy, [[10, 10, 50, 50]], atol=1e-4)


def test_boxes_of_the_detection_api_in_pixels_and_as_fractions() -> None:
    pixels = np.array([[[10, 20, 50, 60], [5, 5, 30, 90]]], np.float32)
    rest = {"detection_scores": np.array([[0.9, 0.8]], np.float32), "detection_classes": np.array([[1, 2]], np.int32)}
    count = {"num_detections": np.array([[2]], np.int32)}
    for boxes in (pixels, pixels / 100):
        (said,) = decode("tf-detection", {"detection_boxes": boxes, **rest, **count}, (100, 100))
        np.testing.assert_allclose(said.xyxy, [[20, 10, 60, 50], [5, 5, 90, 30]], atol=1e-4)
