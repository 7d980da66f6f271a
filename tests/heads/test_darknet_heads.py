"""Darknet's detection layers against plain loops."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from head_twins import Slow, agree, centred, decode, sig, soft
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sightline.errors import ModelError
from sightline.types import Thresholds

LIMITS = Thresholds(0.2, 0.5)
SIZE = (160, 96)
ANCHORS = ((20.0, 30.0, 44.0, 18.0), (60.0, 70.0, 90.0, 33.0, 31.0, 80.0))


def grid(seed: int, channels: int, height: int, width: int, views: int = 1) -> NDArray[np.float32]:
    return np.random.default_rng(seed).normal(0, 1.5, (views, channels, height, width)).astype(np.float32)


def yolo_twin(
    a: NDArray[Any],
    anchors: tuple[float, ...],
    scale: float = 1.0,
    new: bool = False,
    gaussian: bool = False,
    point: float = 0.0,
) -> list[Slow]:
    """One grid (D, H, W), a number at a time."""
    depth, height, width = a.shape
    count = len(anchors) // 2
    each = depth // count
    found: list[Slow] = []
    step = 2 if gaussian else 1
    for n in range(count):
        for row in range(height):
            for col in range(width):
                v = [float(x) for x in a[n * each : (n + 1) * each, row, col]]
                tx, ty, tw, th = v[0 : 4 * step : step]
                if new:
                    x, y = tx, ty
                    w, h = tw * tw * 4 * anchors[2 * n], th * th * 4 * anchors[2 * n + 1]
                    scores = v[4 * step :]
                else:
                    x, y = sig(tx), sig(ty)
                    w, h = math.exp(tw) * anchors[2 * n], math.exp(th) * anchors[2 * n + 1]
                    scores = [sig(s) for s in v[4 * step :]]
                cx = (x * scale - 0.5 * (scale - 1) + col) / width * SIZE[0] + point * w
                cy = (y * scale - 0.5 * (scale - 1) + row) / height * SIZE[1] + point * h
                label = max(range(len(scores) - 1), key=lambda c: scores[1 + c])
                score = scores[0] * scores[1 + label]
                if gaussian:
                    score *= 1 - sum(sig(s) for s in v[1:8:2]) / 4
                found.append(Slow(centred(cx, cy, w, h), score, label))
    return found


def test_yolo_layers_of_two_grids_by_name() -> None:
    one, two = grid(1, 2 * 8, 12, 20, 2), grid(2, 3 * 8, 3, 5, 2)
    options: dict[str, Any] = {"anchors": ANCHORS[::-1], "grids": ("b", "a"), "scale_xy": (1.2, 1.05)}
    said = decode("darknet-yolo", {"a": one, "b": two}, SIZE, 2, LIMITS, **options)
    for view, found in enumerate(said):
        want = yolo_twin(one[view], ANCHORS[0], 1.05) + yolo_twin(two[view], ANCHORS[1], 1.2)
        agree(found, want, LIMITS, least=20)


def test_without_names_the_finest_grid_is_first_and_channels_may_be_last() -> None:
    one, two = grid(1, 2 * 8, 12, 20), grid(2, 3 * 8, 3, 5)
    (said,) = decode("darknet-yolo", {"x": two, "y": one}, SIZE, thresholds=LIMITS, anchors=ANCHORS)
    agree(said, yolo_twin(one[0], ANCHORS[0]) + yolo_twin(two[0], ANCHORS[1]), LIMITS, least=20)
    last = np.ascontiguousarray(two.transpose(0, 2, 3, 1))
    (turned,) = decode("darknet-yolo", {"x": last}, SIZE, thresholds=LIMITS, anchors=ANCHORS[1:])
    agree(turned, yolo_twin(two[0], ANCHORS[1]), LIMITS, least=10)


def test_new_coords_takes_numbers_as_they_are() -> None:
    a = np.random.default_rng(3).random((1, 24, 3, 5), dtype=np.float32)
    (said,) = decode(
        "darknet-yolo", {"x": a}, SIZE, thresholds=LIMITS, anchors=ANCHORS[1:], new_coords=(True,), scale_xy=(2.0,)
    )
    agree(said, yolo_twin(a[0], ANCHORS[1], 2.0, new=True), LIMITS, least=10)


@pytest.mark.parametrize(("point", "shift"), [("center", 0.0), ("left-top", 0.5), ("right-bottom", -0.5)])
def test_gaussian_layers_weigh_scores_with_their_doubt(point: str, shift: float) -> None:
    a = grid(4, 3 * 12, 6, 10)
    (said,) = decode(
        "darknet-yolo", {"x": a}, SIZE, thresholds=LIMITS, anchors=ANCHORS[1:], gaussian=(True,), points=(point,)
    )
    agree(said, yolo_twin(a[0], ANCHORS[1], gaussian=True, point=shift), LIMITS, least=10)


def test_outputs_that_do_not_fit_are_told() -> None:
    with pytest.raises(ModelError, match="no output 'a'; the model has x"):
        decode("darknet-yolo", {"x": grid(1, 16, 3, 5)}, SIZE, anchors=ANCHORS[:1], grids=("a",))
    with pytest.raises(ModelError, match="cannot read"):
        decode("darknet-yolo", {"x": grid(1, 16, 3, 5)}, SIZE, anchors=ANCHORS)
    with pytest.raises(ModelError, match="17 channels do not hold 2 anchors"):
        decode("darknet-yolo", {"x": grid(1, 17, 3, 5)}, SIZE, anchors=ANCHORS[:1])
    with pytest.raises(ModelError, match="do not fit its anchors"):
        decode("darknet-region", {"x": grid(1, 17, 3, 5)}, SIZE, anchors=ANCHORS[0])
    with pytest.raises(ModelError, match="cannot read"):
        decode("darknet-detection", {"x": np.zeros((1, 40), np.float32)}, SIZE, side=2, boxes=2)


# -- region ------------------------------------------------------------------------------------------------------------

PARENTS = (-1, -1, 0, 0, 1, 1, 1, 3, 3)


def tree_class(values: list[float]) -> tuple[float, int]:
    """The last class whose probability down the tree is above one half."""
    own: list[float] = []
    for k, parent in enumerate(PARENTS):
        same = [j for j, other in enumerate(PARENTS) if other == parent]
        share = soft([values[j] for j in same])[same.index(k)]
        own.append(share * (own[parent] if parent >= 0 else 1.0))
    sure = [k for k, p in enumerate(own) if p > 0.5]
    return (own[sure[-1]], sure[-1]) if sure else (0.0, 0)


def region_twin(
    a: NDArray[Any], anchors: tuple[float, ...], scores: str, coords: int = 4, pixels: bool = False
) -> list[Slow]:
    depth, height, width = a.shape
    count = len(anchors) // 2
    each = depth // count
    unit = (1.0, 1.0) if pixels else (SIZE[0] / width, SIZE[1] / height)
    found: list[Slow] = []
    for n in range(count):
        for row in range(height):
            for col in range(width):
                v = [float(x) for x in a[n * each : (n + 1) * each, row, col]]
                classes = v[coords + 1 :]
                if scores == "tree":
                    best, label = tree_class(classes)
                else:
                    shares = soft(classes) if scores == "softmax" else [sig(s) for s in classes]
                    label = max(range(len(shares)), key=lambda c: shares[c])
                    best = shares[label]
                cx, cy = (sig(v[0]) + col) / width * SIZE[0], (sig(v[1]) + row) / height * SIZE[1]
                w, h = math.exp(v[2]) * anchors[2 * n] * unit[0], math.exp(v[3]) * anchors[2 * n + 1] * unit[1]
                found.append(Slow(centred(cx, cy, w, h), sig(v[coords]) * best, label))
    return found


@pytest.mark.parametrize(
    ("scores", "options"),
    [
        ("softmax", {}),
        ("softmax", {"coords": 6}),
        ("softmax", {"pixels": True}),
        ("logistic", {}),
        ("tree", {"parents": PARENTS}),
    ],
)
def test_region_layers(scores: str, options: dict[str, Any]) -> None:
    anchors = (1.0, 2.0, 3.5, 1.5, 2.0, 2.0)
    if options.get("pixels"):
        anchors = tuple(32 * v for v in anchors)
    coords = options.get("coords", 4)
    a = grid(7, 3 * (coords + 1 + 9), 6, 10, 2)
    said = decode("darknet-region", {"x": a}, SIZE, 2, LIMITS, anchors=anchors, scores=scores, **options)
    for view, found in enumerate(said):
        want = region_twin(a[view], anchors, scores, coords, bool(options.get("pixels")))
        agree(found, want, LIMITS, least=5)


# -- detection ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("squared", "softmax"), [(True, False), (False, True)])
@pytest.mark.parametrize("rank", [2, 4])
def test_detection_layers_of_the_first_version(squared: bool, softmax: bool, rank: int) -> None:
    side, boxes, classes = 5, 3, 4
    a = np.random.default_rng(8).random((2, side * side * (classes + 5 * boxes)), dtype=np.float32)
    given_as = a if rank == 2 else a.reshape(2, -1, 1, 1)
    said = decode(
        "darknet-detection", {"o": given_as}, SIZE, 2, LIMITS, side=side, boxes=boxes, squared=squared, softmax=softmax
    )
    for view, found in enumerate(said):
        v, want = [float(x) for x in a[view]], list[Slow]()
        for cell in range(side * side):
            shares = v[cell * classes : (cell + 1) * classes]
            shares = soft(shares) if softmax else shares
            for n in range(boxes):
                sure = v[side * side * classes + cell * boxes + n]
                x, y, w, h = v[side * side * (classes + boxes) + (cell * boxes + n) * 4 :][:4]
                if squared:
                    w, h = w * w, h * h
                label = max(range(classes), key=lambda c: shares[c])
                cx, cy = (x + cell % side) / side * SIZE[0], (y + cell // side) / side * SIZE[1]
                want.append(Slow(centred(cx, cy, w * SIZE[0], h * SIZE[1]), sure * shares[label], label))
        agree(found, want, LIMITS, least=5)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.0, 1e3, np.inf, -np.inf, np.nan]))
def test_odd_numbers_never_come_out(seed: int, odd: float) -> None:
    rng = np.random.default_rng(seed)
    a = rng.normal(0, 5, (1, 3 * 14, 3, 5)).astype(np.float32)
    a[rng.random(a.shape) < 0.2] = odd
    heads: tuple[tuple[str, dict[str, Any]], ...] = (
        ("darknet-yolo", {"anchors": ANCHORS[1:]}),
        ("darknet-yolo", {"anchors": ANCHORS[1:], "gaussian": (True,)}),
        ("darknet-region", {"anchors": ANCHORS[1], "scores": "tree", "parents": PARENTS}),
        ("darknet-region", {"anchors": ANCHORS[1]}),
        ("darknet-detection", {"side": 3, "boxes": 2}),
    )
    for head, options in heads:
        (said,) = decode(head, {"x": a}, SIZE, thresholds=LIMITS, **options)
        assert np.isfinite(said.xyxy).all()
        assert ((said.score >= 0.2) & (said.score <= 1)).all()
