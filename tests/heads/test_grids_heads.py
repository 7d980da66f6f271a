"""Heads on anchor-free grids against plain loops: YOLOX, NanoDet, FastestDet."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from head_twins import Slow, agree, centred, decode, sig, soft
from numpy.typing import NDArray

from sightline.errors import ModelError
from sightline.types import Thresholds

LIMITS = Thresholds(0.3, 0.5)


def cells(wh: tuple[int, int], strides: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """(col, row, stride) of every cell."""
    return [(x, y, s) for s in strides for y in range(math.ceil(wh[1] / s)) for x in range(math.ceil(wh[0] / s))]


# -- YOLO-FastestV2 ------------------------------------------------------------------------------------------------


ANCHORS = ((10.0, 20.0, 30.0, 40.0, 50.0, 60.0), (70.0, 80.0, 90.0, 100.0, 110.0, 120.0))


def fastestv2_twin(a: NDArray[Any], wh: tuple[int, int]) -> list[Slow]:
    found: list[Slow] = []
    for row, (x, y, s) in zip(a.tolist(), cells(wh, (16, 32)), strict=True):
        best = max(range(4), key=lambda c: row[15 + c])
        for k in range(3):
            t, (w, h) = row[4 * k : 4 * k + 4], ANCHORS[s // 32][2 * k : 2 * k + 2]
            box = centred((2 * t[0] - 0.5 + x) * s, (2 * t[1] - 0.5 + y) * s, (2 * t[2]) ** 2 * w, (2 * t[3]) ** 2 * h)
            found.append(Slow(box, row[12 + k] * row[15 + best], best))
    return found


def test_fastestv2_rows_and_grids() -> None:
    wh = (192, 128)
    a = np.random.default_rng(7).random((len(cells(wh, (16, 32))), 19)).astype(np.float32)
    want = fastestv2_twin(a, wh)
    (rows,) = decode("yolo-fastestv2", {"o": a}, wh, 1, LIMITS, anchors=ANCHORS)
    agree(rows, want, LIMITS, least=20)
    grids = {"fine": a[:96].reshape(1, 8, 12, 19), "coarse": a[96:].reshape(1, 4, 6, 19)}
    (split,) = decode("yolo-fastestv2", grids, wh, 1, LIMITS, anchors=ANCHORS)
    agree(split, want, LIMITS, least=20)
    with pytest.raises(ModelError, match="box terms"):
        decode("yolo-fastestv2", {"o": a[:-1]}, wh, 1, LIMITS)


# -- YOLOX -----------------------------------------------------------------------------------------------------------


def yolox(seed: int, wh: tuple[int, int], strides: tuple[int, ...]) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    a = rng.normal(0, 0.7, (1, len(cells(wh, strides)), 9)).astype(np.float32)
    a[..., 4:] = rng.random((*a.shape[:2], 5))
    return a


def yolox_twin(a: NDArray[Any], wh: tuple[int, int], strides: tuple[int, ...]) -> list[Slow]:
    found: list[Slow] = []
    for row, (x, y, s) in zip(a.tolist(), cells(wh, strides), strict=True):
        box = centred((row[0] + x) * s, (row[1] + y) * s, math.exp(row[2]) * s, math.exp(row[3]) * s)
        best = max(range(4), key=lambda c: row[5 + c])
        found.append(Slow(box, row[4] * row[5 + best], best))
    return found


@pytest.mark.parametrize("strides", [(8, 16, 32), (8, 16, 32, 64)])
def test_yolox_offsets(strides: tuple[int, ...]) -> None:
    wh = (192, 128)
    a = np.concatenate([yolox(k, wh, strides) for k in (1, 2)])
    one, two = decode("yolox", {"o": a}, wh, 2, LIMITS, strides=strides)
    agree(one, yolox_twin(a[0], wh, strides), LIMITS, least=20)
    agree(two, yolox_twin(a[1], wh, strides), LIMITS, least=20)


def test_yolox_levels_decoded_boxes_and_logits() -> None:
    wh, strides = (96, 64), (8, 16, 32)
    a = yolox(3, wh, strides)
    want = yolox_twin(a[0], wh, strides)
    split, start = {}, 0
    for s in strides:
        w, h = wh[0] // s, wh[1] // s
        split[str(s)] = a[:, start : start + w * h].transpose(0, 2, 1).reshape(1, -1, h, w)
        start += w * h
    (said,) = decode("yolox", split, wh, thresholds=LIMITS)
    agree(said, want, LIMITS)
    ready = a.copy()
    ready[0, :, :4] = [[(w.box[0] + w.box[2]) / 2, (w.box[1] + w.box[3]) / 2, w.box[2] - w.box[0], w.box[3] - w.box[1]]
                       for w in want]  # fmt: skip
    (said,) = decode("yolox", {"o": ready}, wh, thresholds=LIMITS, decoded=True)
    agree(said, want, LIMITS)
    ready[..., :4] /= np.array([96, 64, 96, 64], np.float32)
    (said,) = decode("yolox", {"o": ready}, wh, thresholds=LIMITS, decoded=True, normalized=True)
    agree(said, want, LIMITS)
    logits = a.copy()
    logits[..., 4:] = np.log(a[..., 4:] / (1 - a[..., 4:]))
    (said,) = decode("yolox", {"o": logits}, wh, thresholds=LIMITS)
    agree(said, want, LIMITS)


def test_yolox_strides_that_make_other_rows_are_an_error() -> None:
    with pytest.raises(ModelError, match="strides"):
        decode("yolox", {"o": yolox(1, (96, 64), (8, 16))}, (96, 64))


# -- NanoDet ---------------------------------------------------------------------------------------------------------


def nano(seed: int, wh: tuple[int, int], strides: tuple[int, ...], bins: int) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    a = rng.normal(0, 2, (1, len(cells(wh, strides)), 5 + 4 * bins)).astype(np.float32)
    a[..., :5] = rng.random((*a.shape[:2], 5)) ** 3
    return a


def nano_twin(a: NDArray[Any], wh: tuple[int, int], strides: tuple[int, ...], bins: int, centre: str) -> list[Slow]:
    found: list[Slow] = []
    for row, (x, y, s) in zip(a.tolist(), cells(wh, strides), strict=True):
        shift = {"corner": 0.0, "inner": (s - 1) / 2, "middle": s / 2}[centre]
        sides = [s * sum(k * p for k, p in enumerate(soft(row[5 + bins * j : 5 + bins * (j + 1)]))) for j in range(4)]
        px, py = x * s + shift, y * s + shift
        best = max(range(5), key=lambda c: row[c])
        found.append(Slow((px - sides[0], py - sides[1], px + sides[2], py + sides[3]), row[best], best))
    return found


@pytest.mark.parametrize(("strides", "centre"), [((8, 16, 32), "inner"), ((8, 16, 32, 64), "middle")])
@pytest.mark.parametrize("bins", [8, 11])
def test_nanodet_pairs(strides: tuple[int, ...], centre: str, bins: int) -> None:
    wh = (136, 96)  # no multiple of 16: the last cells reach over the edge
    a = nano(1, wh, strides, bins)
    outputs: dict[str, NDArray[np.float32]] = {}
    start = 0
    for s in strides:
        n = len(cells(wh, (s,)))
        outputs[f"dis{s}"] = a[:, start : start + n, 5:]
        outputs[f"cls{s}"] = a[:, start : start + n, :5]
        start += n
    (said,) = decode("nanodet", outputs, wh, thresholds=LIMITS, bins=bins)
    agree(said, nano_twin(a[0], wh, strides, bins, centre), LIMITS, least=5)


@pytest.mark.parametrize("strides", [(8, 16, 32), (8, 16, 32, 64)])
def test_nanodet_in_one_output(strides: tuple[int, ...]) -> None:
    wh = (128, 96)
    a = nano(2, wh, strides, 8)
    (said,) = decode("nanodet", {"o": a}, wh, thresholds=LIMITS)
    agree(said, nano_twin(a[0], wh, strides, 8, "corner"), LIMITS)
    (said,) = decode("nanodet", {"o": a}, wh, thresholds=LIMITS, centre="middle", strides=strides)
    agree(said, nano_twin(a[0], wh, strides, 8, "middle"), LIMITS)


def test_nanodet_with_other_bins_is_an_error() -> None:
    with pytest.raises(ModelError, match="bins"):
        decode("nanodet", {"o": nano(2, (64, 64), (8, 16, 32), 8)}, (64, 64), bins=16)


# -- FastestDet ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("logits", [False, True])
def test_fastestdet(seed: int, logits: bool) -> None:
    rng = np.random.default_rng(seed)
    a = rng.normal(0, 1, (1, 8, 6, 9)).astype(np.float32)
    if not logits:
        a[:, 0] = rng.random((6, 9))
        a[:, 5:] = rng.dirichlet([0.3] * 3, (6, 9)).transpose(2, 0, 1)
    found: list[Slow] = []
    for y in range(6):
        for x in range(9):
            t = a[0, :, y, x].tolist()
            classes = soft(t[5:]) if logits else t[5:]
            best = max(range(3), key=lambda c: classes[c])
            score = (sig(t[0]) if logits else t[0]) ** 0.6 * classes[best] ** 0.4
            box = centred(
                (math.tanh(t[1]) + x) / 9 * 288, (math.tanh(t[2]) + y) / 6 * 192, sig(t[3]) * 288, sig(t[4]) * 192
            )
            found.append(Slow(box, score, best))
    (said,) = decode("fastestdet", {"o": a}, (288, 192), thresholds=LIMITS)
    agree(said, found, LIMITS, agnostic=True)
