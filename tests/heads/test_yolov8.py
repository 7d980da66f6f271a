"""YOLOv8 layouts against plain loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from head_twins import Slow, agree, centred, decode, sig, soft
from numpy.typing import NDArray

from sightline.errors import ModelError
from sightline.types import Thresholds

LIMITS = Thresholds(0.6, 0.5)


def whole(seed: int, columns: int = 300, classes: int = 4, extra: int = 0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    a = rng.random((1, 4 + classes + extra, columns), dtype=np.float32)
    a[:, :2] *= 300
    a[:, 2:4] = a[:, 2:4] * 60 + 2
    a[:, 4 : 4 + classes] **= 3
    return a


def twin(a: NDArray[Any], classes: int, points: int = 0) -> list[Slow]:
    found: list[Slow] = []
    for column in a.T.tolist():
        scores = column[4 : 4 + classes]
        best = max(range(classes), key=lambda c: scores[c])
        rest = column[4 + classes :]
        marks = [(rest[3 * k], rest[3 * k + 1]) for k in range(points)]
        found.append(Slow(centred(*column[:4]), scores[best], best, marks))
    return found


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("classes", [1, 4])
def test_concatenated_both_ways_round(seed: int, classes: int) -> None:
    a = whole(seed, classes=classes)
    (said,) = decode("yolov8", {"o": a}, (320, 320), thresholds=LIMITS)
    agree(said, twin(a[0], classes), LIMITS, least=10)
    (turned,) = decode("yolov8", {"o": np.ascontiguousarray(a.transpose(0, 2, 1))}, (320, 320), thresholds=LIMITS)
    assert said.equals(turned)


def test_half_precision_and_logits_and_mask_coefficients() -> None:
    a = whole(3, extra=5)
    want = twin(a[0], 4)
    (said,) = decode("yolov8", {"o": a}, (320, 320), thresholds=LIMITS, nm=5)
    agree(said, want, LIMITS)
    logits = a.copy()
    logits[:, 4:8] = np.log(a[:, 4:8] / (1 - a[:, 4:8]))
    (said,) = decode("yolov8", {"o": logits}, (320, 320), thresholds=LIMITS, nm=5)
    agree(said, want, LIMITS)
    half = a.astype(np.float16)
    (said,) = decode("yolov8", {"o": half}, (320, 320), thresholds=LIMITS, nm=5)
    agree(said, twin(half[0].astype(np.float32), 4), LIMITS)


def test_batch_of_two_with_a_surplus_row() -> None:
    a = np.concatenate([whole(k) for k in (4, 5, 6)])
    one, two = decode("yolov8", {"o": a}, (320, 320), 2, LIMITS)
    agree(one, twin(a[0], 4), LIMITS)
    agree(two, twin(a[1], 4), LIMITS)


def test_small_input_where_channels_are_more_than_cells() -> None:
    a = whole(7, columns=21, classes=30)
    (said,) = decode("yolov8", {"o": a}, (32, 32), thresholds=LIMITS, channels_last=False)
    agree(said, twin(a[0], 30), LIMITS)


Pair = tuple[NDArray[np.float32], NDArray[np.float32]]


def raw(seed: int, classes: int, bins: int, wh: tuple[int, int]) -> list[Pair]:
    rng = np.random.default_rng(seed)
    levels: list[Pair] = []
    for s in (8, 16, 32):
        shape = (wh[1] // s, wh[0] // s)
        box = rng.normal(0, 2, (1, 4 * bins, *shape)).astype(np.float32)
        levels.append((box, rng.normal(-1, 2, (1, classes, *shape)).astype(np.float32)))
    return levels


def raw_twin(levels: list[tuple[NDArray[Any], NDArray[Any]]], bins: int) -> list[Slow]:
    found: list[Slow] = []
    for (box, cls), stride in zip(levels, (8, 16, 32), strict=True):
        for y in range(box.shape[2]):
            for x in range(box.shape[3]):
                t, scores = box[0, :, y, x].tolist(), cls[0, :, y, x].tolist()
                sides = [sum(k * p for k, p in enumerate(soft(t[bins * j : bins * (j + 1)]))) for j in range(4)]
                best = max(range(len(scores)), key=lambda c: scores[c])
                cx, cy = x + 0.5, y + 0.5
                corners = (cx - sides[0], cy - sides[1], cx + sides[2], cy + sides[3])
                at = (corners[0] * stride, corners[1] * stride, corners[2] * stride, corners[3] * stride)
                found.append(Slow(at, sig(scores[best]), best))
    return found


@pytest.mark.parametrize("bins", [16, 8])
def test_raw_levels_whole_split_and_channels_last(bins: int) -> None:
    a = raw(8, 5, bins, (128, 96))
    want = raw_twin(a, bins)
    joined = [np.concatenate(pair, 1) for pair in a]
    split = [part for pair in a for part in pair]
    mixed = [pair[0] for pair in a] + [pair[1] for pair in a][::-1]
    last = [np.ascontiguousarray(part.transpose(0, 2, 3, 1)) for part in split]
    summed = [x for b, c in a for x in (b, c, (1 / (1 + np.exp(-c))).sum(1, keepdims=True))]
    for outputs in (joined, split, mixed, last, summed):
        named = {str(k): v for k, v in enumerate(outputs)}
        (said,) = decode("yolov8", named, (128, 96), thresholds=LIMITS, reg_max=bins)
        agree(said, want, LIMITS, least=5)


def test_levels_already_through_the_sigmoid() -> None:
    a = raw(9, 3, 16, (64, 64))
    done = {f"{k}{j}": v for k, (b, c) in enumerate(a) for j, v in enumerate((b, 1 / (1 + np.exp(-c))))}
    (said,) = decode("yolov8", done, (64, 64), thresholds=LIMITS)
    agree(said, raw_twin(a, 16), LIMITS)


def test_pose_keeps_its_points() -> None:
    a = whole(10, classes=1, extra=15)
    a[:, 5:] *= 100
    a[:, 7::3] = 0.5
    (said,) = decode("yolov8-pose", {"o": a}, (320, 320), thresholds=LIMITS)
    agree(said, twin(a[0], 1, 5), LIMITS)
    assert said.keypoints is not None
    assert np.all(said.keypoints[..., 2] == 0.5)
    with pytest.raises(ModelError, match="yolov8-pose"):
        decode("yolov8-pose", {"o": a[:, :-1]}, (320, 320))
