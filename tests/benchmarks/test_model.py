"""The benchmark's own networks: what any runtime can load, with the shapes and the cost they claim."""

from __future__ import annotations

import ast

import numpy as np
import onnxruntime as ort
import pytest

from benchmarks.graph import Graph
from benchmarks.model import LARGE, OBJECTS, SMALL, Shape, calibrated, letterboxed, write
from sightline.boxes import cxcywh_to_xyxy, nms

TINY = Shape("tiny", 96, (4, 8, 8, 8, 8), 8, 8)


def run(model: object, tensor: np.ndarray) -> list[np.ndarray]:
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])  # type: ignore[attr-defined]
    return [np.asarray(a) for a in session.run(None, {session.get_inputs()[0].name: tensor})]


@pytest.mark.parametrize(("shape", "cells"), [(LARGE, 8400), (SMALL, 2541), (TINY, 189)])
def test_a_written_model_loads_and_gives_boxes_and_probabilities(shape: Shape, cells: int) -> None:
    tensor = np.random.default_rng(0).random((1, 3, shape.size, shape.size), np.float32)
    (out,) = run(write(shape), tensor)
    assert out.shape == (1, 84, cells)
    assert np.isfinite(out).all()
    assert (out[0, 2:4] >= 0).mean() > 0.9  # random sides may cross
    assert out[0, :2].min() > -shape.size
    assert out[0, :2].max() < 2 * shape.size
    assert ((out[0, 4:] >= 0) & (out[0, 4:] <= 1)).all()


def test_the_large_one_has_the_weights_of_yolov8n() -> None:
    model = write(LARGE)
    count = sum(int(np.prod(w.dims)) for w in model.graph.initializer if len(w.dims) == 4)
    assert count == pytest.approx(3.15e6, rel=0.02)
    assert sum(node.op_type == "Conv" for node in model.graph.node) == 64


def test_it_says_what_it_is_and_is_the_same_every_time() -> None:
    first, second = write(TINY), write(TINY)
    assert first.SerializeToString() == second.SerializeToString()
    said = {p.key: p.value for p in first.metadata_props}
    assert said["task"] == "detect"
    assert ast.literal_eval(said["imgsz"]) == [96, 96]
    assert len(ast.literal_eval(said["names"])) == 80


def test_centres_lie_around_their_cells() -> None:
    (out,) = run(write(TINY), np.zeros((1, 3, 96, 96), np.float32))
    first, last_fine = out[0, :2, 0], out[0, :2, 12 * 12 - 1]
    np.testing.assert_allclose(first, [4, 4], atol=8 * 8)
    np.testing.assert_allclose(last_fine, [92, 92], atol=8 * 8)
    assert not np.allclose(first, last_fine, atol=8)


def test_calibration_sets_how_much_is_found() -> None:
    rng = np.random.default_rng(5)
    pictures = [rng.integers(0, 255, (54, 96, 3), np.uint8) for _ in range(2)]
    model = calibrated(TINY, pictures)
    counts: list[int] = []
    for picture in pictures:
        (out,) = run(model, letterboxed(picture, 96))
        boxes = np.clip(cxcywh_to_xyxy(out[0, :4].T), [0, 21, 0, 21], [96, 75, 96, 75]).astype(np.float32)
        best = out[0, 4:].max(0)
        rows = np.flatnonzero((best >= 0.25) & (boxes[:, 2:] > boxes[:, :2]).all(1))
        counts.append(len(nms(boxes[rows], best[rows], 0.45, out[0, 4:, rows].argmax(1))))
    assert OBJECTS / 2 <= np.mean(counts) <= OBJECTS * 2


def test_a_letterboxed_picture_is_grey_above_and_below() -> None:
    tensor = letterboxed(np.full((50, 100, 3), 255, np.uint8), 64)
    assert tensor.shape == (1, 3, 64, 64)
    np.testing.assert_allclose(tensor[0, :, 0], 114 / 255)
    np.testing.assert_allclose(tensor[0, :, 32], 1)


def test_a_layer_keeps_the_size_of_what_flows_through() -> None:
    g = Graph(seed=3)
    x = "in"
    for _ in range(6):
        x = g.layer(x, (32, 32), 3)
    g.nodes[-1].output[0] = "out"
    model = g.model("chain", ("in", (1, 32, 24, 24)), {"out": (1, 32, 24, 24)}, {})
    (out,) = run(model, np.random.default_rng(0).standard_normal((1, 32, 24, 24)).astype(np.float32))
    assert 0.1 < float(np.sqrt((out[0, :, 6:-6, 6:-6] ** 2).mean())) < 10
