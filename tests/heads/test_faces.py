"""Face detectors against plain loops: priors, cells, anchors and their landmarks."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from head_twins import Box, Slow, agree, centred, decode, sig, soft
from numpy.typing import NDArray

from sightline.errors import ModelError, RuntimeFailure
from sightline.types import Thresholds

LIMITS = Thresholds(0.4, 0.5)
RNG = np.random.default_rng


def squares(wh: tuple[int, int], strides: tuple[int, ...], sizes: Any, clip: bool = False) -> list[Box]:
    """cx, cy, w, h of every prior in model pixels."""
    made: list[Box] = []
    for s, level in zip(strides, sizes, strict=True):
        for y in range(math.ceil(wh[1] / s)):
            for x in range(math.ceil(wh[0] / s)):
                for side in level:
                    box = ((x + 0.5) * s, (y + 0.5) * s, float(side), float(side))
                    w, h = wh
                    made.append((min(box[0], w), min(box[1], h), min(side, w), min(side, h)) if clip else box)
    return made


def ssd(o: list[float], p: Box) -> Box:
    cx, cy = p[0] + o[0] * 0.1 * p[2], p[1] + o[1] * 0.1 * p[3]
    return centred(cx, cy, p[2] * math.exp(o[2] * 0.2), p[3] * math.exp(o[3] * 0.2))


def marks(o: list[float], p: Box) -> list[tuple[float, float]]:
    return [(p[0] + o[2 * k] * 0.1 * p[2], p[1] + o[2 * k + 1] * 0.1 * p[3]) for k in range(5)]


ULTRA = ((10, 16, 24), (32, 48), (64, 96), (128, 192, 256))
RETINA = ((16, 32), (64, 128), (256, 512))


def two_scores(n: int, seed: int, batch: int = 1) -> NDArray[np.float32]:
    face = RNG(seed).random((batch, n), np.float32)
    return np.stack([1 - face, face], 2)


@pytest.mark.parametrize("seed", range(2))
def test_ultraface_with_and_without_priors(seed: int) -> None:
    wh = (160, 120)
    places = squares(wh, (8, 16, 32, 64), ULTRA, clip=True)
    offsets = RNG(seed).normal(0, 1, (2, len(places), 4)).astype(np.float32)
    scores = two_scores(len(places), seed, 2)
    views = decode("ultraface", {"scores": scores, "boxes": offsets}, wh, 2, LIMITS, priors=True)
    for k, said in enumerate(views):
        want = [Slow(ssd(o, p), s) for o, p, s in zip(offsets[k].tolist(), places, scores[k, :, 1], strict=True)]
        agree(said, want, LIMITS, least=20)
    boxes = RNG(seed).random((1, 50, 4)).astype(np.float32)
    want = [
        Slow((b[0] * 160, b[1] * 120, b[2] * 160, b[3] * 120), s, 1)
        for b, s in zip(boxes[0].tolist(), scores[0, :50, 1], strict=True)
    ]
    outputs = {"a": scores[:1, :50], "b": boxes}
    (said,) = decode("ultraface", outputs, wh, thresholds=LIMITS, labels=("background", "face"))
    agree(said, want, LIMITS)
    with pytest.raises(ModelError, match="priors"):
        decode("ultraface", outputs, wh, priors=True)


def test_logits_of_two_classes_go_through_softmax() -> None:
    raw = RNG(3).normal(0, 2, (1, 40, 2)).astype(np.float32)
    boxes = RNG(4).random((1, 40, 4)).astype(np.float32)
    (said,) = decode("ultraface", {"a": raw, "b": boxes}, (64, 64), thresholds=LIMITS)
    want = [
        Slow((b[0] * 64, b[1] * 64, b[2] * 64, b[3] * 64), soft(r)[1])
        for b, r in zip(boxes[0].tolist(), raw[0].tolist(), strict=True)
    ]
    agree(said, want, LIMITS)


@pytest.mark.parametrize("seed", range(2))
def test_retinaface(seed: int) -> None:
    wh = (168, 120)  # no multiple of 16
    places = squares(wh, (8, 16, 32), RETINA)
    n = len(places)
    offsets = RNG(seed).normal(0, 1, (1, n, 4)).astype(np.float32)
    points = RNG(seed + 9).normal(0, 1, (1, n, 10)).astype(np.float32)
    scores = two_scores(n, seed)
    outputs = {":1": scores, ":0": points, ":2": offsets}
    (said,) = decode("retinaface", outputs, wh, thresholds=LIMITS)
    want = [
        Slow(ssd(o, p), s, 0, marks(m, p))
        for o, p, s, m in zip(offsets[0].tolist(), places, scores[0, :, 1], points[0].tolist(), strict=True)
    ]
    agree(said, want, LIMITS, least=20)
    (bare,) = decode("retinaface", {":1": scores, ":2": offsets}, wh, thresholds=LIMITS)
    assert bare.keypoints is None
    np.testing.assert_array_equal(bare.xyxy, said.xyxy)


@pytest.mark.parametrize(("anchors", "strides"), [(2, (8, 16, 32)), (1, (8, 16, 32, 64, 128))])
@pytest.mark.parametrize("points", [True, False])
def test_scrfd_in_its_shapes(anchors: int, strides: tuple[int, ...], points: bool) -> None:
    wh = (128, 128)
    flat: dict[str, NDArray[np.float32]] = {}
    maps: dict[str, NDArray[np.float32]] = {}
    want: list[Slow] = []
    for s in strides:
        cells = wh[0] // s * (wh[1] // s)
        n = cells * anchors
        score = RNG(s).random((n, 1), np.float32)
        sides = RNG(s + 1).random((n, 4), np.float32) * 4
        kps = RNG(s + 2).normal(0, 2, (n, 10)).astype(np.float32)
        parts = {"score": score, "bbox": sides, "kps": kps} if points else {"score": score, "bbox": sides}
        for name, a in parts.items():
            flat[f"{name}_{s}"] = a
            maps[f"{name}_{s}"] = a.reshape(wh[1] // s, wh[0] // s, -1).transpose(2, 0, 1)[None]
        for k in range(n):
            x, y = k // anchors % (wh[0] // s), k // anchors // (wh[0] // s)
            left, top, right, bottom = (float(v) for v in sides[k])
            box = ((x - left) * s, (y - top) * s, (x + right) * s, (y + bottom) * s)
            at = [((x + float(kps[k, 2 * j])) * s, (y + float(kps[k, 2 * j + 1])) * s) for j in range(5)]
            want.append(Slow(box, float(score[k, 0]), 0, at if points else []))
    for outputs in (flat, dict(reversed(flat.items())), {k: a[None] for k, a in flat.items()}, maps):
        (said,) = decode("scrfd", outputs, wh, thresholds=LIMITS)
        agree(said, want, LIMITS, least=20)
    two = {k: np.stack([a[::-1], a]) for k, a in flat.items()}
    _, second = decode("scrfd", two, wh, 2, LIMITS, anchors=anchors)
    agree(second, want, LIMITS)
    with pytest.raises(RuntimeFailure, match="batch 1"):
        decode("scrfd", flat, wh, 2)
    with pytest.raises(ModelError, match="anchors"):
        decode("scrfd", flat, wh, anchors=3)


def test_yunet_by_strides() -> None:
    wh = (128, 96)
    outputs: dict[str, NDArray[np.float32]] = {}
    want: list[Slow] = []
    for s in (8, 16, 32):
        w, h = wh[0] // s, wh[1] // s
        rng = RNG(s)
        cls, obj = rng.random((2, 1, w * h, 1)).astype(np.float32) * 1.1
        box = rng.normal(0, 0.8, (1, w * h, 4)).astype(np.float32)
        kps = rng.normal(0, 0.8, (1, w * h, 10)).astype(np.float32)
        outputs |= {f"cls_{s}": cls, f"obj_{s}": obj, f"bbox_{s}": box, f"kps_{s}": kps}
        for k in range(w * h):
            x, y, b, p = k % w, k // w, box[0, k].tolist(), kps[0, k].tolist()
            score = math.sqrt(min(float(cls[0, k, 0]), 1) * min(float(obj[0, k, 0]), 1))
            at = [((x + p[2 * j]) * s, (y + p[2 * j + 1]) * s) for j in range(5)]
            size = math.exp(b[2]) * s, math.exp(b[3]) * s
            want.append(Slow(centred((x + b[0]) * s, (y + b[1]) * s, *size), score, 0, at))
    (said,) = decode("yunet", outputs, wh, thresholds=LIMITS)
    agree(said, want, LIMITS, least=20)


def test_yunet_of_2022_with_priors() -> None:
    wh = (160, 128)
    places = squares(wh, (8, 16, 32, 64), ULTRA)
    n = len(places)
    loc = RNG(1).normal(0, 1, (n, 14)).astype(np.float32)
    conf, iou = two_scores(n, 2)[0], (RNG(3).random((n, 1)) * 1.4 - 0.2).astype(np.float32)
    want = [
        Slow(ssd(o, p), math.sqrt(float(c[1]) * min(max(float(q[0]), 0), 1)), 0, marks(o[4:], p))
        for o, p, c, q in zip(loc.tolist(), places, conf, iou, strict=True)
    ]
    (said,) = decode("yunet", {"loc": loc, "conf": conf, "iou": iou}, wh, thresholds=LIMITS)
    agree(said, want, LIMITS, least=20)


@pytest.mark.parametrize(
    ("wh", "strides", "per_cell"),
    [
        ((128, 128), (8, 16), (2, 6)),
        ((256, 256), (16, 32), (2, 6)),
        ((192, 192), (4,), (1,)),
        ((192, 192), (8, 16), (2, 6)),
    ],
)
def test_blazeface_and_its_relatives(wh: tuple[int, int], strides: tuple[int, ...], per_cell: tuple[int, ...]) -> None:
    centres = [
        ((x + 0.5) * s, (y + 0.5) * s)
        for s, n in zip(strides, per_cell, strict=True)
        for y in range(wh[1] // s)
        for x in range(wh[0] // s)
        for _ in range(n)
    ]
    raw = RNG(1).normal(0, 30, (1, len(centres), 16)).astype(np.float32)
    logits = RNG(2).normal(-2, 3, (1, len(centres), 1)).astype(np.float32)
    logits[0, :2] = [[-500], [500]]
    want = []
    for r, s, (cx, cy) in zip(raw[0].tolist(), logits[0, :, 0].tolist(), centres, strict=True):
        at = [(r[4 + 2 * k] + cx, r[5 + 2 * k] + cy) for k in range(6)]
        want.append(Slow(centred(r[0] + cx, r[1] + cy, r[2], r[3]), sig(s), 0, at))
    (said,) = decode("blazeface", {"r": raw, "c": logits}, wh, thresholds=LIMITS)
    agree(said, want, LIMITS, least=20)
    if len(strides) == 2:
        first = (wh[0] // strides[0]) ** 2 * 2
        split = {"b": logits[:, first:], "a": logits[:, :first], "d": raw[:, first:], "c": raw[:, :first]}
        (again,) = decode("blazeface", split, wh, thresholds=LIMITS)
        assert again.equals(said)
    (scaled,) = decode("blazeface", {"r": raw / wh[0], "c": logits}, wh, thresholds=LIMITS, scale=1.0)
    agree(scaled, want, LIMITS)
    with pytest.raises(ModelError, match="anchors"):
        decode("blazeface", {"r": raw[:, :-1], "c": logits[:, :-1]}, wh)
