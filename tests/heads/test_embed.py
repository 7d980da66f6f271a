"""Vectors of length 1, and whom a gallery takes them for."""

from __future__ import annotations

import math

import numpy as np
import pytest
from head_twins import a_spec, a_view
from hypothesis import given
from hypothesis import strategies as st

from sightline.errors import ModelError, UsageError
from sightline.heads.embed import Embed
from sightline.types import Prediction


def said(head: Embed, rows: list[list[float]], shape: tuple[int, ...] = ()) -> list[Prediction]:
    a = np.array(rows, np.float32)
    return head({"out": a.reshape(len(rows), -1, *shape)}, a_spec(Embed.defaults), [a_view(8, 8)] * len(rows))


@given(st.lists(st.floats(-100, 100, width=32), min_size=2, max_size=64).filter(lambda v: max(map(abs, v)) > 1e-3))
def test_vectors_get_the_length_one_and_keep_their_direction(values: list[float]) -> None:
    for shape in ((), (1, 1)):
        vector = said(Embed(), [values], shape)[0].embedding
        assert vector is not None
        assert vector.dtype == np.float32
        length = math.sqrt(sum(v * v for v in values))
        assert vector.tolist() == pytest.approx([v / length for v in values], abs=1e-5)


def test_a_vector_may_stay_as_it_is() -> None:
    vector = said(Embed(normalise=False), [[3, 4]])[0].embedding
    assert vector is not None
    assert vector.tolist() == [3, 4]


@pytest.mark.parametrize("row", [[0.0, 0.0], [float("nan"), 1.0], [float("inf"), 1.0]])
def test_what_has_no_direction_is_no_vector(row: list[float]) -> None:
    assert said(Embed(), [row])[0].embedding is None


def test_the_nearest_name_is_told_and_strangers_are_not() -> None:
    known = np.array([[1, 0], [0, 2], [-1, 1]], np.float32)
    head = Embed(gallery="g").with_gallery(("anna", "ben", "carl"), known)
    found = [p.attributes for p in said(head, [[0.1, 5], [1, -5], [3, 0.3]])]
    assert [(a.name, a.label, a.index) for p in found for a in p] == [("identity", "ben", 1), ("identity", "anna", 0)]
    assert found[0][0].score == pytest.approx(5 / math.hypot(0.1, 5), abs=1e-5)
    assert found[1] == ()


def test_distance_between_vectors_of_length_one() -> None:
    head = Embed(gallery="g", distance="euclidean", least=0.6).with_gallery(("anna",), np.array([[1, 0]], np.float32))
    near, far = (p.attributes for p in said(head, [[4, 3], [-1, 0]]))
    assert near[0].score == pytest.approx(1 - math.dist((1, 0), (0.8, 0.6)) / 2, abs=1e-5)
    assert far == ()


def test_a_gallery_of_another_model_and_one_that_was_not_read() -> None:
    with pytest.raises(ModelError, match="vectors of 3 numbers, but the model gives 2"):
        said(Embed(gallery="g").with_gallery(("anna",), np.ones((1, 3), np.float32)), [[1, 0]])
    with pytest.raises(UsageError, match="has to be read"):
        said(Embed(gallery="g"), [[1, 0]])
    with pytest.raises(ModelError, match="head embed"):
        Embed()({"out": np.zeros((1, 3, 4, 4), np.float32)}, a_spec(Embed.defaults), [a_view(8, 8)])
