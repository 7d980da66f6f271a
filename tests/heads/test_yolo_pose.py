"""People in one row each, against plain loops."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from head_twins import decode, sig
from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.errors import ModelError
from sightline.types import Thresholds

LIMITS = Thresholds(score=0.3, nms=1.0)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_yolov7_pose_as_a_loop_reads_it(seed: int, logits: bool) -> None:
    rng = np.random.default_rng(seed)
    raw = rng.uniform(0, 1, (1, 40, 57)).astype(np.float32)
    raw[0, :, 2:4] += 1
    if logits:
        scored = [4, 5, *range(8, 57, 3)]
        raw[0][:, scored] = raw[0][:, scored] * 8 - 4
    got = decode("yolov7-pose", {"out": raw}, (640, 640), thresholds=LIMITS, activated=not logits)[0]
    act = sig if logits else float
    want = [(act(r[4]) * act(r[5]), r) for r in raw[0].tolist()]
    want = sorted(((s, r) for s, r in want if s >= 0.3), key=lambda w: -w[0])
    assert len(got) == len(want)
    assert got.keypoints is not None
    for (score, row), s, box, keypoints in zip(want, got.score, got.xyxy, got.keypoints, strict=True):
        assert s == pytest.approx(score, rel=1e-4)
        cx, cy, w, h = row[:4]
        np.testing.assert_allclose(box, [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], rtol=1e-4, atol=1e-5)
        for k in range(17):
            x, y, p = row[6 + 3 * k : 9 + 3 * k]
            np.testing.assert_allclose(keypoints[k], [x, y, act(p)], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("batch", [True, False])
def test_rows_that_the_graph_chose(batch: bool) -> None:
    rows = np.zeros((3, 57), np.float32)
    rows[0, :6] = 10, 20, 30, 60, 0.9, 0
    rows[1, :6] = 10, 20, 30, 60, 0.1, 0
    rows[0, 6:9] = 15, 25, 0.75
    found = decode("yolo-end2end-pose", {"out": rows[None] if batch else rows}, (640, 640))[0]
    assert found.xyxy.tolist() == [[10, 20, 30, 60]]
    assert found.keypoints is not None
    np.testing.assert_allclose(found.keypoints[0, 0], [15, 25, 0.75])


@pytest.mark.parametrize("count", [0, 3])
def test_rtmo_pairs_boxes_with_keypoints(count: int) -> None:
    boxes = np.array([[0, 0, 10, 10, 0.5], [5, 5, 50, 50, 0.8], [0, 0, 9, 9, 0.1]], np.float32)[None, :count]
    keypoints = np.arange(count * 17 * 3, dtype=np.float32).reshape(1, count, 17, 3)
    found = decode("rtmo", {"dets": boxes, "keypoints": keypoints}, (640, 640))[0]
    assert found.score.tolist() == pytest.approx([0.8, 0.5][: 2 if count else 0])
    if count:
        assert found.keypoints is not None
        np.testing.assert_allclose(found.keypoints[0, :, :2], keypoints[0, 1, :, :2])
        assert found.keypoints[..., 2].max() <= 1


ANCHORS = ((4, 5, 8, 10, 13, 16), (23, 29, 43, 55, 73, 105), (146, 217, 231, 300, 335, 433))


def face_rows(raw: list[Any]) -> list[list[float]]:
    """Raw grids of view 0 -> decoded rows of 16, in plain loops."""
    rows: list[list[float]] = []
    for grid, stride, pairs in zip(raw, (8, 16, 32), ANCHORS, strict=True):
        _, count, h, w, _ = grid.shape
        for k in range(count):
            aw, ah = pairs[2 * k : 2 * k + 2]
            for y in range(h):
                for x in range(w):
                    v = grid[0, k, y, x].tolist()
                    row = [(sig(v[0]) * 2 - 0.5 + x) * stride, (sig(v[1]) * 2 - 0.5 + y) * stride]
                    row += [(2 * sig(v[2])) ** 2 * aw, (2 * sig(v[3])) ** 2 * ah, sig(v[4])]
                    for p in range(5):
                        row += [v[5 + 2 * p] * aw + x * stride, v[6 + 2 * p] * ah + y * stride]
                    rows.append([*row, sig(v[15])])
    return rows


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_yolov5_face_from_raw_grids_and_from_decoded_rows(seed: int) -> None:
    rng = np.random.default_rng(seed)
    raw = [rng.normal(0, 1.5, (1, 3, n, n, 16)).astype(np.float32) for n in (8, 4, 2)]
    rows = face_rows(raw)
    want = sorted((r for r in rows if r[4] * r[15] >= 0.3), key=lambda r: -r[4] * r[15])
    for outputs in ({"b": raw[1], "a": raw[0], "c": raw[2]}, {"out": np.array([rows], np.float32)}):
        got = decode("yolov5-face", outputs, (64, 64), thresholds=LIMITS)[0]
        assert len(got) == len(want)
        assert got.keypoints is not None
        for row, score, box, marks in zip(want, got.score, got.xyxy, got.keypoints, strict=True):
            assert score == pytest.approx(row[4] * row[15], rel=1e-4)
            cx, cy, w, h = row[:4]
            np.testing.assert_allclose(box, [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], rtol=1e-3, atol=1e-2)
            np.testing.assert_allclose(marks[:, :2].ravel(), row[5:15], rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("head", ["yolov5-face", "yolov7-pose", "yolo-end2end-pose", "rtmo"])
def test_outputs_of_another_kind_are_named(head: str) -> None:
    outputs: dict[str, Any] = {"boxes": np.ones((1, 5, 7), np.float32)}
    with pytest.raises(ModelError, match="boxes"):
        decode(head, outputs, (64, 64))
