"""Heat-map heads against plain loops: CenterNet, CenterFace, DBFace."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from head_twins import Slow, agree, centred, decode, sig
from numpy.typing import NDArray

from sightline.errors import ModelError
from sightline.types import Thresholds

LIMITS = Thresholds(0.6, 0.4)
W, H = 20, 12
WH = (80, 48)
RNG = np.random.default_rng


def peak(heat: NDArray[Any], c: int, y: int, x: int) -> bool:
    around = [
        heat[0, c, j, i] for j in range(max(y - 1, 0), min(y + 2, H)) for i in range(max(x - 1, 0), min(x + 2, W))
    ]
    return bool(heat[0, c, y, x] >= max(around))


@pytest.mark.parametrize("pool", [True, False])
@pytest.mark.parametrize("logits", [True, False])
def test_centernet(pool: bool, logits: bool) -> None:
    rng = RNG(int(pool))
    heat = (rng.normal(0, 1, (1, 3, H, W)) if logits else rng.random((1, 3, H, W))).astype(np.float32)
    wh = (rng.random((1, 2, H, W)) * 6).astype(np.float32)
    off = rng.random((1, 2, H, W)).astype(np.float32)
    found: list[Slow] = []
    for c in range(3):
        for y in range(H):
            for x in range(W):
                if pool and not peak(heat, c, y, x):
                    continue
                cx, cy = (x + float(off[0, 0, y, x])) * 4, (y + float(off[0, 1, y, x])) * 4
                score = float(heat[0, c, y, x])
                box = centred(cx, cy, float(wh[0, 0, y, x]) * 4, float(wh[0, 1, y, x]) * 4)
                found.append(Slow(box, sig(score) if logits else score, c))
    outputs = {"hm": heat, "wh": wh, "reg": off}
    last = {k: np.ascontiguousarray(a.transpose(0, 2, 3, 1)) for k, a in outputs.items()}
    for named in (outputs, last):
        (said,) = decode("centernet", named, WH, thresholds=LIMITS, pool=pool)
        agree(said, found, LIMITS, least=20)
    other = {"1": wh * 4, "2": off, "3": heat}
    options: dict[str, Any] = {"heat": "3", "size": "1", "offset": "2"}
    (said,) = decode("centernet", other, WH, thresholds=LIMITS, pool=pool, size_px=True, **options)
    agree(said, found, LIMITS)
    with pytest.raises(ModelError, match="centernet"):
        decode("centernet", {"hm": heat, "wh": wh[..., :-1], "reg": off}, WH)


def test_centerface() -> None:
    rng = RNG(5)
    heat = rng.random((1, 1, H, W)).astype(np.float32)
    size = rng.normal(1, 0.5, (1, 2, H, W)).astype(np.float32)
    off = rng.random((1, 2, H, W)).astype(np.float32)
    lms = rng.random((1, 10, H, W)).astype(np.float32)
    found: list[Slow] = []
    for y in range(H):
        for x in range(W):
            h, w = (math.exp(v) * 4 for v in size[0, :, y, x].tolist())
            oy, ox = off[0, :, y, x].tolist()
            box = centred((x + ox + 0.5) * 4, (y + oy + 0.5) * 4, w, h)
            m = lms[0, :, y, x].tolist()
            points = [(box[0] + m[2 * k + 1] * w, box[1] + m[2 * k] * h) for k in range(5)]
            found.append(Slow(box, float(heat[0, 0, y, x]), 0, points))
    (said,) = decode("centerface", {"a": heat, "b": size, "c": off, "d": lms}, WH, thresholds=LIMITS)
    agree(said, found, LIMITS, least=10)
    options: dict[str, Any] = {"heat": "a", "size": "b", "offset": "c", "landmarks": "d"}
    (said,) = decode("centerface", {"c": off, "b": size, "d": lms, "a": heat}, WH, thresholds=LIMITS, **options)
    agree(said, found, LIMITS)


def test_dbface() -> None:
    rng = RNG(6)
    heat = rng.random((2, H, W, 1)).astype(np.float32)
    sides = (rng.random((2, H, W, 4)) * 4).astype(np.float32)
    marks = rng.normal(0, 0.4, (2, H, W, 10)).astype(np.float32)

    def far(v: float) -> float:
        return v * math.e if abs(v) < 1 else math.copysign(math.exp(abs(v)), v)

    found: list[Slow] = []
    for y in range(H):
        for x in range(W):
            left, top, right, bottom = sides[1, y, x].tolist()
            m = marks[1, y, x].tolist()
            points = [((x + far(4 * m[k])) * 4, (y + far(4 * m[5 + k])) * 4) for k in range(5)]
            box = ((x - left) * 4, (y - top) * 4, (x + right) * 4, (y + bottom) * 4)
            found.append(Slow(box, float(heat[1, y, x, 0]), 0, points))
    outputs = {"Identity": marks, "Identity_1": sides, "Identity_2": heat}
    for named in (outputs, {k: a.transpose(0, 3, 1, 2) for k, a in outputs.items()}):
        _, said = decode("dbface", named, WH, 2, LIMITS)
        agree(said, found, LIMITS, least=10)
