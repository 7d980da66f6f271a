"""YOLOv5 layouts against plain loops."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from head_twins import Slow, agree, centred, decode, sig
from numpy.typing import NDArray

from sightline.errors import ModelError, RuntimeFailure
from sightline.types import Thresholds

LIMITS = Thresholds(0.3, 0.5)
ANCHORS = ((10, 13, 16, 30, 33, 23), (30, 61, 62, 45, 59, 119), (116, 90, 156, 198, 373, 326))


def whole(seed: int, rows: int = 200, classes: int = 5) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    a = rng.random((1, rows, 5 + classes), dtype=np.float32)
    a[..., :2] *= 300
    a[..., 2:4] = a[..., 2:4] * 60 + 2
    return a


def twin(a: NDArray[Any]) -> list[Slow]:
    found: list[Slow] = []
    for row in a.tolist():
        best = max(range(len(row) - 5), key=lambda c: row[5 + c])
        found.append(Slow(centred(*row[:4]), row[4] * row[5 + best], best))
    return found


@pytest.mark.parametrize("seed", range(3))
def test_concatenated_both_ways_round(seed: int) -> None:
    a = whole(seed)
    (said,) = decode("yolov5", {"o": a}, (320, 320), thresholds=LIMITS)
    agree(said, twin(a[0]), LIMITS, least=20)
    (turned,) = decode("yolov5", {"o": np.ascontiguousarray(a.transpose(0, 2, 1))}, (320, 320), thresholds=LIMITS)
    assert said.equals(turned)


def test_every_view_has_its_own_rows_and_surplus_is_ignored() -> None:
    a = np.concatenate([whole(1), whole(2), whole(3)])
    one, two = decode("yolov5", {"o": a}, (320, 320), 2, LIMITS)
    agree(one, twin(a[0]), LIMITS)
    agree(two, twin(a[1]), LIMITS)


def test_fewer_results_than_views_is_said() -> None:
    with pytest.raises(RuntimeFailure, match="1 results"):
        decode("yolov5", {"o": whole(1)}, (320, 320), 2)


def test_fractions_of_the_input() -> None:
    a = whole(4)
    small = a.copy()
    small[..., :4] /= np.array([640, 320, 640, 320], np.float32)
    (said,) = decode("yolov5", {"o": small}, (640, 320), thresholds=LIMITS, normalized=True)
    agree(said, twin(a[0]), LIMITS)


def grids(seed: int, wh: tuple[int, int], classes: int = 3) -> list[NDArray[np.float32]]:
    rng = np.random.default_rng(seed)
    return [rng.normal(0, 1.5, (1, 3, wh[1] // s, wh[0] // s, 5 + classes)).astype(np.float32) for s in (8, 16, 32)]


def grid_twin(levels: list[NDArray[Any]], scale: float, exp: bool) -> list[Slow]:
    found: list[Slow] = []
    for a, stride, anchors in zip(levels, (8, 16, 32), ANCHORS, strict=True):
        for k in range(3):
            for y in range(a.shape[2]):
                for x in range(a.shape[3]):
                    t = a[0, k, y, x].tolist()
                    cx = (sig(t[0]) * scale - (scale - 1) / 2 + x) * stride
                    cy = (sig(t[1]) * scale - (scale - 1) / 2 + y) * stride
                    w, h = (math.exp(v) if exp else (2 * sig(v)) ** 2 for v in t[2:4])
                    best = max(range(len(t) - 5), key=lambda c: t[5 + c])
                    box = centred(cx, cy, w * anchors[2 * k], h * anchors[2 * k + 1])
                    found.append(Slow(box, sig(t[4]) * sig(t[5 + best]), best))
    return found


@pytest.mark.parametrize(("scale", "exp"), [(2.0, False), (1.0, True)])
def test_raw_grids_in_every_arrangement(scale: float, exp: bool) -> None:
    a = grids(5, (96, 64))
    want = grid_twin(a, scale, exp)
    options: dict[str, Any] = {"anchors": ANCHORS, "scale_xy": (scale,), "wh_exp": exp}
    flat = [g.transpose(0, 1, 4, 2, 3).reshape(1, -1, *g.shape[2:4]) for g in a]
    last = [np.ascontiguousarray(g.transpose(0, 2, 3, 1)) for g in flat]
    for outputs in (a, flat[::-1], last):
        named = {str(k): v for k, v in enumerate(outputs)}
        (said,) = decode("yolov5", named, (96, 64), thresholds=LIMITS, **options)
        agree(said, want, LIMITS, least=10)


def test_grids_that_went_through_the_sigmoid_already() -> None:
    a = grids(6, (64, 64))
    with np.errstate(over="ignore"):
        done = {str(k): (1 / (1 + np.exp(-g))).astype(np.float32) for k, g in enumerate(a)}
    (said,) = decode("yolov5", done, (64, 64), thresholds=LIMITS, anchors=ANCHORS)
    agree(said, grid_twin(a, 2.0, False), LIMITS)


def test_anchors_of_other_levels_are_an_error() -> None:
    a = {str(k): g for k, g in enumerate(grids(7, (64, 64))[:2])}
    with pytest.raises(ModelError, match="anchors"):
        decode("yolov5", a, (64, 64))
