"""Masks of prototypes against plain loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from head_twins import Slow, agree, centred, chosen, decode, sig, soft
from mask_twins import in_frame, painted, same, summed
from numpy.typing import NDArray

from sightline.errors import ModelError
from sightline.types import Detections, Thresholds

WH = (64, 48)
P = 6
LIMITS = Thresholds(0.6, 0.5)
CALM = Thresholds(0.5, 1.0)


def waves(seed: int, wh: tuple[int, int] = (16, 12)) -> NDArray[np.float32]:
    """Smooth prototypes (1, P, h, w)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: wh[1], : wh[0]]
    turn = rng.random((P, 3, 1, 1)) * 0.9 + 0.05
    return (2 * np.sin(turn[:, 0] * x + turn[:, 1] * y + 7 * turn[:, 2]))[None].astype(np.float32)


def boxes_of(seed: int, n: int) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    wh = rng.random((n, 2)) * (40, 30) + 3
    return np.concatenate([rng.random((n, 2)) * WH, wh], 1).astype(np.float32)


def compare(
    said: Detections, twins: list[Slow], weights: dict[int, list[float]], protos: NDArray[Any], limits: Thresholds
) -> None:
    """Boxes as `agree`; and each mask is the twin's, pixel by pixel."""
    agree(said, twins, limits, least=4)
    masks = in_frame(said, WH)
    index = {id(t): k for k, t in enumerate(twins)}
    for t in chosen(twins, limits):
        rows = np.flatnonzero(np.abs(said.xyxy - np.array(t.box, np.float32)).max(1) < 0.02)
        assert len(rows) == 1, "boxes of a test must differ"
        box = tuple(np.clip(t.box, 0, [*WH, *WH]).tolist())
        same(masks[rows[0]], painted(summed(weights[index[id(t)]], protos[0]), box, WH))


def v8(seed: int, n: int = 40, classes: int = 3) -> tuple[NDArray[np.float32], list[Slow], dict[int, list[float]]]:
    rng = np.random.default_rng(seed)
    a = np.empty((1, 4 + classes + P, n), np.float32)
    a[0, :4] = boxes_of(seed, n).T
    a[0, 4 : 4 + classes] = rng.random((classes, n)) ** 3
    a[0, 4 + classes :] = rng.normal(0, 1, (P, n))
    twins, weights = [], {}
    for k, column in enumerate(a[0].T.tolist()):
        scores = column[4 : 4 + classes]
        twins.append(Slow(centred(*column[:4]), max(scores), scores.index(max(scores))))
        weights[k] = column[4 + classes :]
    return a, twins, weights


@pytest.mark.parametrize("seed", range(3))
def test_yolov8_in_every_layout(seed: int) -> None:
    a, twins, weights = v8(seed)
    protos = waves(seed)
    turned, last = np.ascontiguousarray(a.transpose(0, 2, 1)), np.ascontiguousarray(protos.transpose(0, 2, 3, 1))
    (said,) = decode("yolov8-seg", {"output0": a, "output1": protos}, WH, thresholds=LIMITS)
    compare(said, twins, weights, protos, LIMITS)
    for outputs in ({"output1": protos, "o": turned}, {"x": last, "y": a}, {"y": turned, "x": last}):
        (other,) = decode("yolov8-seg", outputs, WH, thresholds=LIMITS)
        agree(other, twins, LIMITS)
        assert (in_frame(other, WH) == in_frame(said, WH)).mean() > 0.999
    fractions = a.copy()
    fractions[0, :4] /= np.array([*WH, *WH], np.float32)[:, None]
    for given in (None, True):
        (other,) = decode("yolov8-seg", {"a": fractions, "b": protos}, WH, thresholds=LIMITS, normalized=given)
        agree(other, twins, LIMITS)


def test_batch_of_two_and_half_precision() -> None:
    one, two = v8(3), v8(4)
    protos = np.concatenate([waves(3), waves(4)])
    a = np.concatenate([one[0], two[0]])
    said = decode("yolov8-seg", {"a": a, "p": protos}, WH, 2, LIMITS)
    compare(said[0], one[1], one[2], protos[:1], LIMITS)
    compare(said[1], two[1], two[2], protos[1:], LIMITS)
    half = {"a": a.astype(np.float16)[:1], "p": protos.astype(np.float16)[:1]}
    (other,) = decode("yolov8-seg", half, WH, thresholds=LIMITS)
    assert abs(len(other) - len(said[0])) <= 1
    assert other.masks is not None
    assert all(bits.dtype == np.uint8 for bits in other.masks.bits)


def test_yolov5_and_rows_that_the_graph_chose() -> None:
    a, twins, weights = v8(5)
    rng = np.random.default_rng(5)
    thing = rng.random(a.shape[2]).astype(np.float32) ** 0.2
    v5 = np.concatenate([a[:, :4], thing[None, None], a[:, 4:]], 1).transpose(0, 2, 1)
    protos = waves(5)
    products = [Slow(t.box, t.score * float(o), t.label) for t, o in zip(twins, thing, strict=True)]
    limits = Thresholds(0.4, 0.5)
    (said,) = decode("yolov5-seg", {"o": np.ascontiguousarray(v5), "p": protos}, WH, thresholds=limits)
    compare(said, products, weights, protos, limits)
    rows = np.zeros((1, len(twins) + 5, 6 + P), np.float32)
    for k, t in enumerate(twins):
        rows[0, k] = (*t.box, t.score, t.label, *weights[k])
    (said,) = decode("yolo-end2end-seg", {"o": rows, "p": protos}, WH, thresholds=CALM)
    compare(said, twins, weights, protos, CALM)
    with pytest.raises(ModelError, match="prototypes"):
        decode("yolo-end2end-seg", {"o": rows[..., :-1], "p": protos}, WH)


@pytest.mark.parametrize("summed_scores", [False, True])
def test_raw_levels_with_coefficients(summed_scores: bool) -> None:
    rng = np.random.default_rng(8)
    protos = waves(8)
    outputs: dict[str, Any] = {}
    twins: list[Slow] = []
    weights: dict[int, list[float]] = {}
    for s in (8, 16):
        shape = (WH[1] // s, WH[0] // s)
        box, cls = rng.normal(0, 2, (1, 64, *shape)), rng.normal(-1, 2, (1, 3, *shape))
        coef = rng.normal(0, 1, (1, P, *shape))
        parts = [box, cls, coef]
        if summed_scores:
            parts.insert(2, (1 / (1 + np.exp(-cls))).sum(1, keepdims=True))
        outputs |= {f"{s}.{k}": v.astype(np.float32) for k, v in enumerate(parts)}
        for y in range(shape[0]):
            for x in range(shape[1]):
                t = box[0, :, y, x].tolist()
                sides = [sum(k * p for k, p in enumerate(soft(t[16 * j : 16 * j + 16]))) for j in range(4)]
                scores = cls[0, :, y, x].tolist()
                corner = (x + 0.5 - sides[0], y + 0.5 - sides[1], x + 0.5 + sides[2], y + 0.5 + sides[3])
                at = tuple(v * s for v in corner)
                weights[len(twins)] = coef[0, :, y, x].tolist()
                twins.append(Slow(at, sig(max(scores)), scores.index(max(scores))))  # type: ignore[arg-type]
    (said,) = decode("yolov8-seg", {**outputs, "protos": protos}, WH, thresholds=LIMITS)
    compare(said, twins, weights, protos, LIMITS)


def test_values_that_are_no_numbers_are_outside_and_empty_pictures_have_no_masks() -> None:
    a, _, _ = v8(9)
    protos = waves(9)
    protos[0, :, 5, 5] = np.nan
    protos[0, 0, 2, 2] = np.inf
    (said,) = decode("yolov8-seg", {"a": a, "p": protos}, WH, thresholds=LIMITS)
    assert said.masks is not None
    assert len(said) == len(said.masks) > 0
    (none,) = decode("yolov8-seg", {"a": a, "p": protos}, WH, thresholds=Thresholds(1.0))
    assert len(none) == 0
    assert none.masks is not None
    assert len(none.masks) == 0
    for outputs in ({"a": a}, {"p": protos}, {"a": a[:, :8], "p": protos}):
        with pytest.raises(ModelError, match="yolov8-seg"):
            decode("yolov8-seg", outputs, WH)


# -- YOLACT ----------------------------------------------------------------------------------------------------------

BASE: dict[str, Any] = {"strides": (16.0, 32.0), "scales": (12.0, 24.0), "base": 64.0}


def yolact_priors(square: bool = True) -> list[tuple[float, float, float, float]]:
    """Squares of the wider side, as its published networks have them; centres as fractions of uneven grids."""
    made = []
    for s, scale in ((16, 12.0), (32, 24.0)):
        w, h = -(-WH[0] // s), -(-WH[1] // s)
        for y in range(h):
            for x in range(w):
                for ratio in (1, 0.5, 2):
                    side = scale * ratio**0.5 / 64
                    low = side if square else side / ratio
                    made.append(((x + 0.5) / w * WH[0], (y + 0.5) / h * WH[1], side * WH[0], low * WH[1]))
    return made


@pytest.mark.parametrize("how", ["softmax", ""])
def test_yolact_with_its_own_and_with_given_priors(how: str) -> None:
    rng = np.random.default_rng(11)
    places = yolact_priors()
    n = len(places)
    loc = rng.normal(0, 1, (1, n, 4)).astype(np.float32)
    conf = rng.normal(0, 2.5, (1, n, 4)).astype(np.float32)
    mask = np.tanh(rng.normal(0, 1, (1, n, P))).astype(np.float32)
    protos = waves(11)
    twins, weights = [], {}
    for k, (o, row, p) in enumerate(zip(loc[0].tolist(), conf[0].tolist(), places, strict=True)):
        shares = soft(row)
        box = centred(
            p[0] + o[0] * 0.1 * p[2], p[1] + o[1] * 0.1 * p[3],
            p[2] * float(np.exp(0.2 * o[2])), p[3] * float(np.exp(0.2 * o[3])),
        )  # fmt: skip
        twins.append(Slow(box, max(shares[1:]), shares.index(max(shares[1:])) - 1))
        weights[k] = mask[0, k].tolist()
    if how == "":
        conf = np.array([[soft(row) for row in conf[0].tolist()]], np.float32)
    outputs: dict[str, Any] = {"loc": loc, "conf": conf, "mask": mask, "proto": protos.transpose(0, 2, 3, 1).copy()}
    limits, names = Thresholds(0.5, 0.5), ("a", "b", "c")
    (said,) = decode("yolact", outputs, WH, thresholds=limits, labels=names, activation=how, **BASE)
    compare(said, twins, weights, protos, limits)
    given = np.array(places, np.float32) / np.array([*WH, *WH], np.float32)
    (other,) = decode("yolact", {**outputs, "priors": given}, WH, thresholds=limits, labels=names, activation=how)
    agree(other, twins, limits)
    flat = np.array(yolact_priors(False), np.float32) / np.array([*WH, *WH], np.float32)
    both = [
        decode("yolact", named, WH, thresholds=limits, labels=names, activation=how, square=False, **BASE)[0]
        for named in (outputs, {**outputs, "priors": flat})
    ]
    np.testing.assert_allclose(both[0].xyxy, both[1].xyxy, atol=1e-3)
    assert np.abs(both[0].xyxy[: len(said)] - said.xyxy[: len(both[0])]).max() > 1
    with pytest.raises(ModelError, match="priors"):
        decode("yolact", outputs, WH)
    with pytest.raises(ModelError, match="yolact"):
        decode("yolact", {k: v for k, v in outputs.items() if k != "mask"}, WH)
