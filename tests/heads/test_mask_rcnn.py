"""Mask R-CNN in every export, and queries with masks, against plain loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from head_twins import Slow, a_spec, a_view, agree, decode, sig, soft
from mask_twins import in_frame, painted, same
from numpy.typing import NDArray

from sightline.errors import ModelError
from sightline.plugins import resolve
from sightline.types import Thresholds

WH = (60, 40)
FREE = Thresholds(0.4, 1.0)
K, C, M = 6, 3, 7


def scene(seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64], NDArray[np.float32]]:
    """boxes (K, 4), scores, labels and mask logits (K, C, M, M)."""
    rng = np.random.default_rng(seed)
    low = rng.random((K, 2)) * (30, 20)
    boxes = np.concatenate([low, low + rng.random((K, 2)) * (25, 15) + 4], 1).astype(np.float32)
    scores = np.linspace(0.95, 0.3, K).astype(np.float32)
    return boxes, scores, rng.integers(1, C, K), rng.normal(0, 3, (K, C, M, M)).astype(np.float32)


def boxed(cells: list[list[float]], box: list[float], cut: float, slack: float) -> Any:
    """As `painted`, of a small map stretched over its box."""
    out, doubtful = np.zeros(WH[::-1], np.bool_), np.zeros(WH[::-1], np.bool_)
    h, w = len(cells), len(cells[0])
    for y in range(WH[1]):
        for x in range(WH[0]):
            if not (box[0] <= x + 0.5 < box[2] and box[1] <= y + 0.5 < box[3]):
                continue
            u = min(max((x + 0.5 - box[0]) * w / (box[2] - box[0]) - 0.5, 0), w - 1)
            v = min(max((y + 0.5 - box[1]) * h / (box[3] - box[1]) - 0.5, 0), h - 1)
            i, j = int(u), int(v)
            i2, j2 = min(i + 1, w - 1), min(j + 1, h - 1)
            top = cells[j][i] * (1 - (u - i)) + cells[j][i2] * (u - i)
            below = cells[j2][i] * (1 - (u - i)) + cells[j2][i2] * (u - i)
            value = top * (1 - (v - j)) + below * (v - j)
            out[y, x], doubtful[y, x] = value >= cut, abs(value - cut) < slack
    return out, doubtful


def layouts(seed: int) -> dict[str, tuple[dict[str, Any], dict[str, Any], int]]:
    """name -> (outputs, options, what is added to the label)."""
    boxes, scores, labels, logits = scene(seed)
    mine = logits[np.arange(K), labels]
    shares = 1 / (1 + np.exp(-mine))
    rows = np.concatenate([boxes[:, [1, 0, 3, 2]], labels[:, None], scores[:, None]], 1)[None].astype(np.float32)
    unit = np.array([*WH, *WH], np.float32)
    tf = {
        "detection_boxes": (boxes / unit)[None][..., [1, 0, 3, 2]],
        "detection_scores": scores[None],
        "detection_classes": labels[None].astype(np.float32),
        "num_detections": np.array([K], np.float32),
        "detection_masks": shares[None],
    }
    five = np.concatenate([boxes, scores[:, None]], 1)
    return {
        "tao": ({"generate_detections": rows, "mask_fcn_logits/BiasAdd": logits[None]}, {"activated": False}, 0),
        "torchvision": ({"boxes": boxes, "labels": labels, "scores": scores, "masks": shares[:, None]}, {}, 0),
        "tensorflow": (tf, {"order": "yxyx", "normalized": True}, 0),
        "open model zoo": ({"boxes": five, "labels": labels, "masks": shares}, {}, 0),
        "zoo, a mask a class": ({"boxes": five, "labels": labels, "masks": logits}, {"label_offset": -1}, -1),
        "mmdetection": ({"dets": five[None], "labels": labels[None], "masks": shares[None]}, {}, 0),
    }


@pytest.mark.parametrize("name", list(layouts(0)))
@pytest.mark.parametrize("seed", range(2))
def test_every_export_gives_its_masks(name: str, seed: int) -> None:
    boxes, scores, labels, logits = scene(seed)
    outputs, options, offset = layouts(seed)[name]
    (said,) = decode("mask-rcnn", outputs, WH, thresholds=FREE, **options)
    told = zip(boxes.tolist(), scores.tolist(), labels.tolist(), strict=True)
    twins = [Slow((b[0], b[1], b[2], b[3]), s, c + offset) for b, s, c in told]
    agree(said, twins, FREE, least=4)
    masks = in_frame(said, WH)
    raw = name in ("tao", "zoo, a mask a class")
    for k in range(len(said)):
        r = int(np.abs(scores - said.score[k]).argmin())
        mine = logits[r, labels[r]]
        cells = mine if raw else 1 / (1 + np.exp(-mine))
        same(masks[k], boxed(cells.tolist(), boxes[r].tolist(), 0.0 if raw else 0.5, 0.15 if raw else 0.01))


def test_masks_pasted_over_the_picture() -> None:
    boxes, scores, labels, _ = scene(3)
    rng = np.random.default_rng(3)
    full = (rng.random((K, 1, WH[1], WH[0])) > 0.5).astype(np.float32)
    outputs = {"boxes": boxes, "labels": labels, "scores": scores, "masks": full}
    (said,) = decode("mask-rcnn", outputs, WH, thresholds=FREE)
    y, x = np.mgrid[: WH[1], : WH[0]] + 0.5
    for k, mask in enumerate(in_frame(said, WH)):
        b = boxes[k]
        inside = (x >= b[0]) & (x < b[2]) & (y >= b[1]) & (y < b[3])
        assert (mask == ((full[k, 0] > 0.5) & inside)).all()


def test_nothing_found_and_nothing_readable() -> None:
    none = {"boxes": np.zeros((0, 4), np.float32), "labels": np.zeros(0, np.int64), "scores": np.zeros(0, np.float32)}
    (said,) = decode("mask-rcnn", {**none, "masks": np.zeros((0, 1, 28, 28), np.float32)}, WH)
    assert len(said) == 0
    assert said.masks is not None
    outputs = layouts(0)["torchvision"][0]
    for broken in ({k: v for k, v in outputs.items() if k != "masks"}, {**outputs, "masks": outputs["masks"][:2]}):
        with pytest.raises(ModelError, match="mask-rcnn"):
            decode("mask-rcnn", broken, WH)
    rows = layouts(0)["tao"][0]
    with pytest.raises(ModelError, match="columns"):
        decode("mask-rcnn", rows, WH, columns="x1,y1,x2,y2")


# -- queries ---------------------------------------------------------------------------------------------------------

Q, CLASSES = 8, 4


def queries(seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Class logits (1, Q, CLASSES+1) and smooth mask logits (1, Q, 10, 15)."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2.5, (1, Q, CLASSES + 1))
    y, x = np.mgrid[:10, :15]
    at = rng.random((Q, 2, 1, 1)) * 15
    masks = 4 - 0.35 * ((x - at[:, 0]) ** 2 + (y - at[:, 1] * 0.6) ** 2)
    return logits.astype(np.float32), np.clip(masks, -15, 15)[None].astype(np.float32)


def mean_inside(cells: list[list[float]]) -> float:
    inside = [sig(v) for row in cells for v in row if v > 0]
    return sum(inside) / len(inside) if inside else 0.0


def around_cells(cells: list[list[float]]) -> tuple[float, float, float, float]:
    hit = [(x, y) for y, row in enumerate(cells) for x, v in enumerate(row) if v > 0]
    xs, ys = [h[0] for h in hit], [h[1] for h in hit]
    return min(xs) * 4.0, min(ys) * 4.0, (max(xs) + 1) * 4.0, (max(ys) + 1) * 4.0


@pytest.mark.parametrize("seed", range(3))
def test_instances_of_queries(seed: int) -> None:
    logits, masks = queries(seed)
    limits = Thresholds(0.3, 1.0)
    twins = []
    for row, cells in zip(logits[0].tolist(), masks[0].tolist(), strict=True):
        quality = mean_inside(cells)
        if quality:
            twins += [Slow(around_cells(cells), p * quality, c) for c, p in enumerate(soft(row)[:-1])]
    outputs = {"class_queries_logits": logits, "masks_queries_logits": masks}
    (said,) = decode("mask-queries", outputs, WH, thresholds=limits)
    agree(said, twins, limits, least=3)
    seen = in_frame(said, WH)
    for k in range(len(said)):
        boxes = [around_cells(cells) if mean_inside(cells) else (0, 0, 0, 0) for cells in masks[0].tolist()]
        q = [r for r in range(Q) if np.abs(np.array(boxes[r]) - said.xyxy[k]).max() < 0.1]
        shares = [soft(logits[0, r].tolist())[said.label[k]] * mean_inside(masks[0, r].tolist()) for r in q]
        r = q[int(np.abs(np.array(shares) - said.score[k]).argmin())]
        same(seen[k], painted(masks[0, r].tolist(), boxes[r], WH))


def test_boxes_of_queries_are_taken_as_they_are() -> None:
    logits, masks = queries(4)
    boxes = np.random.default_rng(4).random((1, Q, 4)).astype(np.float32) * 0.4 + 0.2
    outputs = {"pred_logits": logits, "pred_masks": masks, "pred_boxes": boxes}
    (said,) = decode("mask-queries", outputs, WH, thresholds=FREE)
    (plain,) = decode("detr", {k: v for k, v in outputs.items() if k != "pred_masks"}, WH, thresholds=FREE,
                      activation="softmax")  # fmt: skip
    assert len(said) == len(plain) > 1
    np.testing.assert_allclose(said.xyxy, plain.xyxy, atol=1e-3)
    np.testing.assert_allclose(said.score, plain.score, atol=1e-5)


@pytest.mark.parametrize("seed", range(5, 11))
def test_panoptic_pixels_have_one_owner(seed: int) -> None:
    logits, masks = queries(seed)
    limits = Thresholds(0.2, 1.0)
    outputs = {"class_logits": logits, "mask_logits": masks}
    (said,) = decode("mask-queries", outputs, WH, thresholds=limits, mode="panoptic")
    shares = [soft(row)[:-1] for row in logits[0].tolist()]
    kept = [q for q in range(Q) if max(shares[q]) >= 0.2]
    cells = masks[0].tolist()
    owner = [[max(kept, key=lambda q: max(shares[q]) * sig(cells[q][y][x])) for x in range(15)] for y in range(10)]
    want = []
    for q in kept:
        own = [(x, y) for y in range(10) for x in range(15) if cells[q][y][x] > 0]
        mine = [(x, y) for x, y in own if owner[y][x] == q]
        if own and len(mine) > 0.8 * len(own):
            want.append((max(shares[q]), shares[q].index(max(shares[q]))))
    assert want
    assert sorted(want, reverse=True) == [
        (pytest.approx(s, abs=1e-5), int(c)) for s, c in zip(said.score.tolist(), said.label.tolist(), strict=True)
    ]
    assert said.masks is not None
    assert in_frame(said, WH)[:, 2::4, 2::4].sum(0).max() == 1, "only pixels between two cells may be of both"


def test_semantic_maps_weigh_queries_by_class() -> None:
    logits, masks = queries(6)
    kind: Any = resolve("head", "mask-queries")
    view = a_view(15, 10)
    said = kind(mode="semantic")({"logits": logits, "masks": masks}, a_spec(FREE, ("a", "b", "c", "d")), [view])[0]
    want = np.zeros((10, 15), int)
    for y in range(10):
        for x in range(15):
            sums = [0.0] * CLASSES
            for row, cells in zip(logits[0].tolist(), masks[0].tolist(), strict=True):
                p = soft(row)
                for c in range(CLASSES):
                    sums[c] += p[c] * sig(cells[y][x])
            want[y, x] = sums.index(max(sums))
    assert (said.classmap == want).all()
    assert said.map_names == ("a", "b", "c", "d")


def test_what_the_graph_chose() -> None:
    masks = np.zeros((2, 3, 40, 60), np.float32)
    masks[1, 0, 5:15, 10:30] = 1
    masks[1, 1, 0:40, 0:60] = 1
    scores = np.array([[0, 0, 0], [0.9, 0.8, 0.7]], np.float32)
    classes = np.array([[0, 0, 0], [2, 1, 0]], np.int64)
    outputs = {"pred_masks": masks, "pred_scores": scores, "pred_classes": classes}
    one, two = decode("mask-queries", outputs, WH, 2, FREE)
    assert len(one) == 0
    assert two.xyxy.tolist() == [[10, 5, 30, 15], [0, 0, 60, 40]], "the third mask is empty"
    assert two.label.tolist() == [2, 1]
    assert [int(m.sum()) for m in in_frame(two, WH)] == [200, 2400]
    with pytest.raises(ModelError, match="mode"):
        decode("mask-queries", outputs, WH, mode="all")
    with pytest.raises(ModelError, match="mask-queries"):
        decode("mask-queries", {"pred_masks": masks}, WH)
