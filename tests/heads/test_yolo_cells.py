"""YOLOv4 of TensorFlow exports against plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from head_twins import Slow, agree, decode, sig

from sightline.errors import ModelError
from sightline.types import F32, Thresholds

LIMITS = Thresholds(0.5, 0.4)
SIZE = (64, 32)
ANCHORS = (((5, 6), (9, 4)), ((20, 14), (30, 25)))
FLAT = tuple(tuple(float(v) for pair in pairs for v in pair) for pairs in ANCHORS)
SCALES = (1.2, 1.05)


def grids(seed: int, classes: int = 3) -> dict[str, F32]:
    """The coarse grid first, as an export may have it."""
    rng = np.random.default_rng(seed)
    found: dict[str, F32] = {}
    for stride in (16, 8):
        a = rng.normal(0, 1, (1, SIZE[1] // stride, SIZE[0] // stride, 2, 5 + classes)).astype(np.float32)
        a[..., 4:] = rng.random(a[..., 4:].shape, dtype=np.float32)
        a[..., 4] **= 0.3
        found[f"grid{stride}"] = a
    return found


def twin(a: F32, stride: int, k: int) -> list[Slow]:
    found: list[Slow] = []
    for row in range(a.shape[0]):
        for column in range(a.shape[1]):
            for one, (aw, ah) in enumerate(ANCHORS[k]):
                tx, ty, tw, th, sure, *classes = a[row, column, one].tolist()
                s = SCALES[k]
                x = (sig(tx) * s - 0.5 * (s - 1) + column) * stride
                y = (sig(ty) * s - 0.5 * (s - 1) + row) * stride
                w, h = math.exp(tw) * aw, math.exp(th) * ah
                best = max(range(len(classes)), key=lambda c: classes[c])
                found.append(Slow((x - w / 2, y - h / 2, x + w / 2, y + h / 2), classes[best] * sure, best, []))
    return found


@pytest.mark.parametrize("seed", range(4))
def test_every_cell_and_anchor(seed: int) -> None:
    outputs = grids(seed)
    (said,) = decode("yolo-cells", outputs, SIZE, thresholds=LIMITS, anchors=FLAT, scale_xy=SCALES)
    want = [slow for k, s in enumerate((8, 16)) for slow in twin(outputs[f"grid{s}"][0], s, k)]
    agree(said, want, LIMITS, least=2)


def test_named_grids_and_what_is_not_theirs() -> None:
    outputs = grids(1)
    beside = {"other": np.zeros((1, 4, 8, 2, 8), np.float32)}
    options = {"anchors": FLAT, "scale_xy": SCALES}
    (plain,) = decode("yolo-cells", outputs, SIZE, thresholds=LIMITS, **options)
    named = decode("yolo-cells", outputs | beside, SIZE, thresholds=LIMITS, grids=("grid8", "grid16"), **options)
    np.testing.assert_array_equal(plain.xyxy, named[0].xyxy)
    with pytest.raises(ModelError, match="grids"):
        decode("yolo-cells", outputs | beside, SIZE, **options)
    with pytest.raises(ModelError, match="no output 'gone'"):
        decode("yolo-cells", outputs, SIZE, grids=("gone", "grid8"), **options)
    with pytest.raises(ModelError, match="anchors"):
        decode("yolo-cells", outputs, SIZE, anchors=(FLAT[0] * 2, FLAT[1]))
