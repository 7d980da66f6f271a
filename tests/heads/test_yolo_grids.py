"""The OAK tools' grids against plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from head_twins import Box, Slow, agree, decode, sig

from sightline.errors import ModelError
from sightline.types import F32, Thresholds

LIMITS = Thresholds(0.5, 0.5)
SIZE = (64, 32)


def grids(seed: int, classes: int = 3) -> dict[str, F32]:
    rng = np.random.default_rng(seed)
    found: dict[str, F32] = {}
    for stride in (16, 8):
        a = rng.random((1, 5 + classes, SIZE[1] // stride, SIZE[0] // stride), dtype=np.float32)
        a[:, :4] *= 2
        a[:, 5:] **= 2
        found[f"grid{stride}"] = a
    return found


def twin(a: F32, stride: int, *, centre: bool, product: bool, points: F32 | None = None) -> list[Slow]:
    found: list[Slow] = []
    for row in range(a.shape[1]):
        for column in range(a.shape[2]):
            p, q, r, s, sure, *classes = a[:, row, column].tolist()
            box: Box
            if centre:
                x, y, w, h = (column + p) * stride, (row + q) * stride, math.exp(r) * stride, math.exp(s) * stride
                box = (x - w / 2, y - h / 2, x + w / 2, y + h / 2)
            else:
                x, y = column + 0.5, row + 0.5
                box = ((x - p) * stride, (y - q) * stride, (x + r) * stride, (y + s) * stride)
            best = max(range(len(classes)), key=lambda c: classes[c])
            marks: list[tuple[float, float]] = []
            if points is not None:
                flat = points[:, row * a.shape[2] + column].tolist()
                marks = list(zip(flat[0::3], flat[1::3], strict=True))
            found.append(Slow(box, classes[best] * (sure if product else 1), best, marks))
    return found


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("centre", [False, True])
def test_both_codes_of_boxes(seed: int, centre: bool) -> None:
    outputs = grids(seed)
    options = {"box": "centre", "product": True} if centre else {}
    (said,) = decode("yolo-grids", outputs, SIZE, thresholds=LIMITS, **options)
    want = [slow for s in (8, 16) for slow in twin(outputs[f"grid{s}"][0], s, centre=centre, product=centre)]
    agree(said, want, LIMITS, least=2)


def test_keypoints_go_with_their_cells() -> None:
    outputs = grids(4)
    rng = np.random.default_rng(9)
    marks = {f"k{s}": rng.normal(20, 9, (1, 6, outputs[f"grid{s}"][0, 0].size)).astype(np.float32) for s in (16, 8)}
    (said,) = decode("yolo-grids", outputs | marks, SIZE, thresholds=LIMITS, keypoints=("k16", "k8"))
    want = [
        slow
        for s in (8, 16)
        for slow in twin(outputs[f"grid{s}"][0], s, centre=False, product=False, points=marks[f"k{s}"][0])
    ]
    agree(said, want, LIMITS, least=2)
    assert said.keypoints is not None
    logits = {}
    for a in (marks["k8"][0], marks["k16"][0]):
        logits |= {round(x, 3): z for x, z in zip(a[0].tolist(), a[2].tolist(), strict=True)}
    for x, _, score in said.keypoints[:, 0].tolist():
        assert score == pytest.approx(sig(logits[round(x, 3)]), abs=1e-5)


def test_masks_come_of_prototypes() -> None:
    outputs = grids(5)
    coefficients = {f"m{s}": np.ones((1, 2, *outputs[f"grid{s}"].shape[2:]), np.float32) for s in (8, 16)}
    prototypes = np.zeros((1, 2, 8, 16), np.float32)
    prototypes[:, :, :, 8:] = 10
    prototypes[:, :, :, :8] = -10
    (said,) = decode(
        "yolo-grids",
        outputs | coefficients | {"p": prototypes},
        SIZE,
        thresholds=LIMITS,
        masks=("m8", "m16"),
        prototypes="p",
    )
    masks = said.masks
    assert masks is not None
    assert len(masks) == len(said) > 0
    for (x1, _, x2, _), bits in zip(masks.window.tolist(), masks.bits, strict=True):
        edges = np.linspace(x1, x2, bits.shape[1] + 1)
        middles = (edges[:-1] + edges[1:]) / 2
        assert np.array_equal(bits[0] >= 128, middles > 32)


def test_what_is_no_such_grid_is_named() -> None:
    with pytest.raises(ModelError, match="no output 'gone'"):
        decode("yolo-grids", grids(0), SIZE, thresholds=LIMITS, grids=("gone",))
    with pytest.raises(ModelError, match=r"5\+C, H, W"):
        decode("yolo-grids", {"o": np.zeros((1, 5, 4, 8), np.float32)}, SIZE, thresholds=LIMITS)
