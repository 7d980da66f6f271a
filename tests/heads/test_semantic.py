"""Maps of classes against loops over single pixels, and against OpenCV's enlargement."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
from head_twins import a_spec, a_view
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sightline.errors import ModelError
from sightline.heads.semantic import Semantic
from sightline.types import U8, Thresholds


def said(outputs: NDArray[Any], size_wh: tuple[int, int], score: float = 0.5, head: Semantic | None = None) -> list[U8]:
    views = 1 if outputs.ndim == 2 else len(outputs)
    found = (head or Semantic())({"map": outputs}, a_spec(Thresholds(score=score)), [a_view(*size_wh)] * views)
    maps = [p.classmap for p in found]
    assert all(m is not None and m.dtype == np.uint8 for m in maps)
    return [m for m in maps if m is not None]


def slow_best(scores: NDArray[Any]) -> list[list[int]]:
    classes, high, wide = scores.shape
    return [[max(range(classes), key=lambda k: (scores[k, y, x], -k)) for x in range(wide)] for y in range(high)]


@given(st.integers(2, 6), st.integers(8, 12), st.integers(8, 12), st.integers(0, 2**32 - 1), st.booleans())
def test_the_best_class_of_every_pixel(classes: int, high: int, wide: int, seed: int, last: bool) -> None:
    # few distinct values, so that equals occur
    scores = np.random.default_rng(seed).integers(-3, 4, (classes, high, wide)).astype(np.float32)
    given_ = np.moveaxis(scores, 0, -1) if last else scores
    for array in (given_[None], np.ascontiguousarray(given_[None])):
        assert said(array, (wide, high))[0].tolist() == slow_best(scores)


@given(
    st.integers(2, 7), st.integers(3, 9), st.integers(3, 9), st.integers(2, 8), st.integers(0, 2**32 - 1), st.booleans()
)
def test_scores_are_enlarged_before_the_best_is_taken(
    classes: int, high: int, wide: int, gain: int, seed: int, smooth: bool
) -> None:
    scores = np.random.default_rng(seed).normal(size=(classes, high, wide)).astype(np.float32)
    if smooth:
        scores = np.stack([cv2.blur(plane, (3, 3)) for plane in scores])
    size_wh = (wide * gain, high * gain)
    found = said(scores[None], size_wh, head=Semantic(channels_last=False))[0]
    large = np.stack([cv2.resize(plane, size_wh, interpolation=cv2.INTER_LINEAR) for plane in scores])
    order = np.sort(large, 0)
    sure = order[-1] - order[-2] > 1e-4  # where two classes are equal but for rounding either may win
    assert found.shape == size_wh[::-1]
    assert (found == large.argmax(0))[sure].all()
    assert sure.mean() > 0.9


@pytest.mark.parametrize("shape", [(1, 4, 5), (1, 1, 4, 5), (1, 4, 5, 1), (4, 5)])
@pytest.mark.parametrize("dtype", ["int64", "int32", "uint8"])
def test_class_ids_stay_as_they_are(shape: tuple[int, ...], dtype: str) -> None:
    ids = np.arange(20).reshape(shape).astype(dtype)
    assert said(ids, (5, 4))[0].tolist() == np.arange(20).reshape(4, 5).tolist()


def test_ids_as_floats_are_ids() -> None:
    ids = np.array([[[0, 2, 7], [1, 1, 0]]], np.float32)
    assert said(ids, (3, 2))[0].tolist() == [[0, 2, 7], [1, 1, 0]]


def test_one_channel_is_cut_at_the_threshold() -> None:
    p = np.array([[[[0.2, 0.5], [0.71, 0.9]]]], np.float32)
    assert said(p, (2, 2))[0].tolist() == [[0, 1], [1, 1]]
    assert said(p, (2, 2), score=0.7)[0].tolist() == [[0, 0], [1, 1]]
    logits = np.log(p / (1 - p)) * np.float32(1)
    assert said(logits, (2, 2), score=0.7, head=Semantic(activated=False))[0].tolist() == [[0, 0], [1, 1]]
    large = said(p, (8, 8), score=0.7)[0]
    assert (large == (cv2.resize(p[0, 0], (8, 8)) >= 0.7)).all()


def test_of_several_outputs_the_largest_or_the_named_one_is_the_map() -> None:
    outputs = {"aux": np.ones((1, 2, 2), np.int32), "main": np.full((1, 4, 4), 3, np.int32)}
    views = [a_view(4, 4)]
    largest = Semantic()(outputs, a_spec(Thresholds(), ("a", "b")), views)[0]
    assert largest.classmap is not None
    assert int(largest.classmap[0, 0]) == 3
    assert largest.map_names == ("a", "b")
    named = Semantic(output="aux")(outputs, a_spec(Thresholds()), views)[0]
    assert named.classmap is not None
    assert named.classmap.shape == (2, 2)


def test_more_classes_than_a_byte_tells_apart_are_refused() -> None:
    with pytest.raises(ModelError, match="300 classes"):
        said(np.zeros((1, 300, 4, 4), np.float32), (4, 4), head=Semantic(channels_last=False))
    with pytest.raises(ModelError, match="no class ids below 255"):
        said(np.full((1, 4, 4), 300, np.int64), (4, 4))
    with pytest.raises(ModelError, match="no output 'x'"):
        said(np.zeros((1, 4, 4), np.int64), (4, 4), head=Semantic(output="x"))
    with pytest.raises(ModelError, match="head semantic cannot read"):
        Semantic()({"row": np.zeros((1, 7), np.float32)}, a_spec(Thresholds()), [a_view(4, 4)])
