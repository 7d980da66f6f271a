"""DETR and SSD heads, and decoded boxes beside scores, against plain loops."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from head_twins import Slow, agree, centred, decode, sig, soft
from numpy.typing import NDArray

from sightline.errors import ModelError
from sightline.types import Thresholds

WH = (200, 100)
UNIT = (200, 100, 200, 100)
RNG = np.random.default_rng
FREE = Thresholds(0.4, 1.0)
LIMITS = Thresholds(0.4, 0.5)


def queries(seed: int, classes: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    boxes = RNG(seed).random((1, 60, 4)).astype(np.float32) * 0.8 + 0.05
    return RNG(seed + 1).normal(-1, 2, (1, 60, classes)).astype(np.float32), boxes


def at(box: list[float]) -> Any:
    return centred(*(v * u for v, u in zip(box, UNIT, strict=True)))


@pytest.mark.parametrize("names", [("pred_logits", "pred_boxes"), ("logits", "boxes"), ("labels", "dets")])
def test_sigmoid_queries_give_every_class_that_passes(names: tuple[str, str]) -> None:
    logits, boxes = queries(1, 4)
    found = [
        Slow(at(b), sig(v), c)
        for b, row in zip(boxes[0].tolist(), logits[0].tolist(), strict=True)
        for c, v in enumerate(row)
    ]
    outputs = {names[0]: logits, names[1]: boxes}
    (said,) = decode("detr", outputs, WH, thresholds=FREE)
    agree(said, found, FREE, least=30)
    top = Thresholds(0.0, 1.0, top=25)
    (said,) = decode("detr", outputs, WH, thresholds=top, activation="sigmoid")
    agree(said, found, top)


def test_softmax_queries_have_a_last_class_for_nothing() -> None:
    logits, boxes = queries(2, 4)
    found = []
    for b, row in zip(boxes[0].tolist(), logits[0].tolist(), strict=True):
        p = soft(row)[:-1]
        found.append(Slow(at(b), max(p), p.index(max(p))))
    outputs = {"pred_logits": logits, "pred_boxes": boxes}
    for how in ("softmax", ""):
        (said,) = decode("detr", outputs, WH, thresholds=FREE, labels=("a", "b", "c"), activation=how)
        agree(said, found, FREE)
    (none,) = decode("detr", outputs, WH, thresholds=Thresholds(1.0, 1.0), activation="softmax")
    assert len(none) == 0


def test_processed_queries_in_pixels_and_fractions() -> None:
    boxes = np.sort(RNG(3).random((2, 30, 2, 2)) * [[[200, 100]]], 2).reshape(2, 30, 4).astype(np.float32)
    scores, labels = RNG(4).random((2, 30)).astype(np.float32), RNG(5).integers(0, 9, (2, 30))
    found = [
        Slow((b[0], b[1], b[2], b[3]), s, k)
        for b, s, k in zip(boxes[1].tolist(), scores[1].tolist(), labels[1].tolist(), strict=True)
    ]
    outputs = {"labels": labels, "boxes": boxes, "scores": scores}
    small = {**outputs, "boxes": boxes / np.array(UNIT, np.float32)}
    for named in (outputs, small):
        _, said = decode("detr", named, WH, 2, FREE)
        agree(said, found, FREE)
    options: dict[str, Any] = {"boxes": "boxes", "logits": "scores", "activation": "none", "normalized": False}
    _, said = decode("detr", outputs, WH, 2, FREE, **options)
    agree(said, found, FREE)
    with pytest.raises(ModelError, match="detr"):
        decode("detr", {"boxes": boxes}, WH)


# -- SSD -------------------------------------------------------------------------------------------------------------

STRIDES = (16.0, 32.0, 100.0)
SIDES, LARGER, RATIOS = (20.0, 40.0, 80.0), (40.0, 80.0, 120.0), ((2.0,), (2.0, 3.0), (2.0,))


def prior_loop() -> list[tuple[float, float, float, float]]:
    made = []
    for s, small, large, ratios in zip(STRIDES, SIDES, LARGER, RATIOS, strict=True):
        sizes = [(small, small), (math.sqrt(small * large),) * 2]
        for r in ratios:
            sizes += [(small * math.sqrt(r), small / math.sqrt(r)), (small / math.sqrt(r), small * math.sqrt(r))]
        for y in range(math.ceil(100 / s)):
            for x in range(math.ceil(200 / s)):
                made += [((x + 0.5) * s, (y + 0.5) * s, w, h) for w, h in sizes]
    return made


def ssd_twin(
    offsets: NDArray[Any], scores: NDArray[Any], places: list[tuple[float, float, float, float]], how: str
) -> list[Slow]:
    found = []
    for o, row, p in zip(offsets.tolist(), scores.tolist(), places, strict=True):
        p0, p1, pw, ph = p
        row = soft(row) if how == "softmax" else [sig(v) for v in row] if how == "sigmoid" else row
        box = centred(p0 + o[0] * 0.1 * pw, p1 + o[1] * 0.1 * ph, pw * math.exp(o[2] * 0.2), ph * math.exp(o[3] * 0.2))
        best = max(range(1, len(row)), key=lambda c: row[c])
        found.append(Slow(box, row[best], best))
    return found


@pytest.mark.parametrize("how", ["softmax", "sigmoid", "none"])
def test_ssd_with_computed_and_with_given_priors(how: str) -> None:
    places = prior_loop()
    n = len(places)
    offsets = RNG(1).normal(0, 1, (1, n, 4)).astype(np.float32)
    scores = RNG(2).normal(0, 3, (1, n, 4)).astype(np.float32)
    if how == "none":
        scores = RNG(2).dirichlet([0.3] * 4, (1, n)).astype(np.float32)
    found = ssd_twin(offsets[0], scores[0], places, how)
    outputs: dict[str, Any] = {"loc": offsets, "conf": scores}
    made = {"strides": STRIDES, "min_sizes": SIDES, "max_sizes": LARGER, "aspect_ratios": RATIOS, "activation": how}
    (said,) = decode("ssd", outputs, WH, thresholds=LIMITS, **made)
    agree(said, found, LIMITS, least=10)
    (seen,) = decode("ssd", outputs, WH, thresholds=LIMITS, **{**made, "activation": "" if how != "sigmoid" else how})
    assert seen.equals(said)
    flat = {"mbox_loc": offsets.reshape(1, -1), "mbox_conf": scores.reshape(1, -1)}
    given = np.array(places, np.float32) / np.array(UNIT, np.float32)
    (said,) = decode("ssd", {**flat, "priors": given}, WH, thresholds=LIMITS, activation=how)
    agree(said, found, LIMITS)
    corners = np.concatenate([given[:, :2] - given[:, 2:] / 2, given[:, :2] + given[:, 2:] / 2], 1).reshape(-1)
    caffe = np.stack([corners, np.tile(np.array([0.1, 0.1, 0.2, 0.2], np.float32), n)])[None]
    (said,) = decode("ssd", {**flat, "mbox_priorbox": caffe}, WH, thresholds=LIMITS, activation=how)
    agree(said, found, LIMITS)
    swapped = {"loc": offsets[..., [1, 0, 3, 2]], "conf": scores, "anchors": given[:, [1, 0, 3, 2]]}
    (said,) = decode("ssd", swapped, WH, thresholds=LIMITS, activation=how, order="yxhw")
    agree(said, found, LIMITS)
    (said,) = decode("ssd", outputs, WH, thresholds=LIMITS, labels=("background", "a", "b", "c"), **made)
    agree(said, found, LIMITS)
    shifted = [Slow(f.box, f.score, f.label - 1) for f in found]
    (said,) = decode("ssd", outputs, WH, thresholds=LIMITS, labels=("a", "b", "c"), **made)
    agree(said, shifted, LIMITS)
    with pytest.raises(ModelError, match="priors"):
        decode("ssd", outputs, WH)
    with pytest.raises(ModelError, match=f"{n} boxes"):
        decode("ssd", outputs, WH, **{**made, "max_sizes": ()})


@pytest.mark.parametrize("order", ["xyxy", "yxyx", "cxcywh"])
def test_decoded_boxes_beside_scores(order: str) -> None:
    boxes = np.sort(RNG(6).random((80, 2, 2)) * [[200, 100]], 1).reshape(80, 4)
    scores = RNG(7).dirichlet([0.3] * 4, (1, 80)).astype(np.float32)
    found = []
    for b, row in zip(boxes.tolist(), scores[0].tolist(), strict=True):
        best = max(range(4), key=lambda c: row[c])
        found.append(Slow((b[0], b[1], b[2], b[3]), row[best], best))
    a = boxes
    if order == "cxcywh":
        a = np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], 1)
    a = a / UNIT
    if order == "yxyx":
        a = a[:, [1, 0, 3, 2]]
    a = a.astype(np.float32)
    for shaped in (a[None], a[None, :, None]):
        (said,) = decode("boxes-scores", {"boxes": shaped, "confs": scores}, WH, thresholds=LIMITS, order=order)
        agree(said, found, LIMITS, least=10)
    foreground = [
        Slow(f.box, max(row[1:]), row.index(max(row[1:]))) for f, row in zip(found, scores[0].tolist(), strict=True)
    ]
    options: dict[str, Any] = {"order": order, "background": 0, "boxes": "b"}
    (said,) = decode("boxes-scores", {"b": a[None], "s": scores}, WH, thresholds=LIMITS, **options)
    agree(said, foreground, LIMITS)
