"""Rows of scores -> attributes, against plain loops."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from head_twins import a_spec, a_view
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sightline.errors import ModelError
from sightline.heads.age_gender import AgeGender
from sightline.heads.classify import Classify
from sightline.types import Attribute, Prediction, Thresholds

LIMITS = Classify.defaults


def said(
    head: Any,
    outputs: Mapping[str, NDArray[Any]],
    labels: tuple[str, ...] = (),
    limits: Thresholds = LIMITS,
    views: int = 1,
) -> list[Prediction]:
    return head(outputs, a_spec(limits, labels), [a_view(8, 8)] * views)


def pairs(found: tuple[Attribute, ...]) -> list[tuple[str, int, float]]:
    return [(a.label, a.index, round(a.score, 5)) for a in found]


def slow_top(logits: list[float], top: int) -> list[tuple[int, float]]:
    """Softmax and the best ones, number by number."""
    high = max(logits)
    powers = [math.exp(v - high) for v in logits]
    shares = [p / sum(powers) for p in powers]
    return sorted(enumerate(shares), key=lambda item: (-item[1], item[0]))[:top]


@given(
    st.lists(st.floats(-20, 20, width=32), min_size=2, max_size=40, unique=True),
    st.integers(1, 8),
    st.sampled_from([(1, -1), (1, -1, 1, 1), (1, 1, 1, -1)]),
)
def test_softmax_of_logits_is_as_the_slow_twin(logits: list[float], top: int, shape: tuple[int, ...]) -> None:
    outputs = {"out": np.array(logits, np.float32).reshape(shape)}
    found = said(Classify("softmax"), outputs, limits=Thresholds(top=top))[0].attributes
    expected = slow_top(logits, top)
    assert [a.score for a in found] == pytest.approx([share for _, share in expected], abs=1e-5)
    # equal shares may change places by rounding
    assert all(abs(a.score - expected[i][1]) < 1e-5 for i, a in enumerate(found))
    assert {a.name for a in found} == {"class"}
    assert [a.label for a in found] == [f"class{a.index}" for a in found]


def test_the_whole_top_is_written_whatever_the_scores() -> None:
    shares = np.array([[0.05, 0.3, 0.15, 0.1, 0.2, 0.2]], np.float32)
    found = said(Classify("none"), {"out": shares}, ("a", "b", "c", "d", "e", "f"))[0].attributes
    assert pairs(found) == [("b", 1, 0.3), ("e", 4, 0.2), ("f", 5, 0.2), ("c", 2, 0.15), ("d", 3, 0.1)]


@pytest.mark.parametrize(
    ("values", "first"),
    [
        ([0.2, 0.7, 0.1], 0.7),  # shares already
        ([math.log(0.2), math.log(0.7), math.log(0.1)], 0.7),  # their logarithms
        ([math.log(2) + 3, math.log(7) + 3, 3.0], 0.7),  # logits
    ],
)
def test_auto_tells_shares_their_logarithms_and_logits_apart(values: list[float], first: float) -> None:
    found = said(Classify(), {"out": np.array([values], np.float32)})[0].attributes
    assert found[0].index == 1
    assert found[0].score == pytest.approx(first, abs=1e-5)


def test_half_precision_is_no_obstacle() -> None:
    found = said(Classify("none"), {"out": np.array([[[[0.25]], [[0.75]]]], np.float16)})[0].attributes
    assert pairs(found) == [("class1", 1, 0.75), ("class0", 0, 0.25)]


def test_labels_on_their_own_are_written_above_the_threshold_only() -> None:
    scores = np.array([[2.0, -3.0, 0.1, 5.0]], np.float32)
    found = said(Classify("sigmoid", multi=True), {"out": scores}, ("hat", "bag", "coat", "boots"))[0].attributes
    assert [a.label for a in found] == ["boots", "hat", "coat"]
    assert [a.score for a in found] == pytest.approx([1 / (1 + math.exp(-v)) for v in (5, 2, 0.1)], abs=1e-6)
    strict = said(Classify("sigmoid", multi=True), {"out": scores}, limits=Thresholds(score=0.9))[0].attributes
    assert [a.index for a in strict] == [3]


@pytest.mark.parametrize(("value", "labels", "best"), [(0.8, ("no", "yes"), "yes"), (0.1, ("no", "yes"), "no")])
def test_one_number_answers_yes_or_no(value: float, labels: tuple[str, ...], best: str) -> None:
    found = said(Classify("none"), {"out": np.array([[value]], np.float32)}, labels)[0].attributes
    assert found[0].label == best
    assert found[0].score == pytest.approx(max(value, 1 - value))
    alone = said(Classify("none"), {"out": np.array([[value]], np.float32)}, ("smoke",))[0].attributes
    assert [a.label for a in alone] == (["smoke"] if value >= 0.5 else [])


def test_several_questions_have_an_answer_each() -> None:
    outputs = {"net/colour:0": np.array([[0.1, 0.9]], np.float32), "kind": np.array([[0.6, 0.3, 0.1]], np.float32)}
    rows = said(Classify("none"), outputs, ("red;blue", "car;bus;van"))[0].attributes
    assert [(a.name, *pairs((a,))[0]) for a in rows] == [("colour", "blue", 1, 0.9), ("kind", "car", 0, 0.6)]
    flat = said(Classify("none", names=("a", "b")), outputs, ("red", "blue", "car", "bus", "van"))[0].attributes
    assert [(a.name, a.label) for a in flat] == [("a", "blue"), ("b", "car")]
    one = said(Classify("none", outputs=("kind",)), outputs)[0].attributes
    assert [(a.name, a.index) for a in one] == [("class", 0), ("class", 1), ("class", 2)]


def test_views_are_told_apart() -> None:
    found = said(Classify("none"), {"out": np.array([[1, 0], [0, 1]], np.float32)}, views=2)
    assert [p.attributes[0].index for p in found] == [0, 1]


def test_what_is_no_number_is_no_answer() -> None:
    found = said(Classify("none"), {"out": np.array([[np.nan, 0.4, np.inf, 0.6]], np.float32)})[0].attributes
    assert [a.index for a in found] == [3, 1]


@pytest.mark.parametrize("shape", [(1, 3, 4, 4), (1, 5, 2)])
def test_a_map_is_refused_with_words(shape: tuple[int, ...]) -> None:
    with pytest.raises(ModelError, match="head classify cannot read"):
        said(Classify(), {"out": np.zeros(shape, np.float32)})
    with pytest.raises(ModelError, match="no output 'other'"):
        said(Classify(outputs=("other",)), {"out": np.zeros((1, 3), np.float32)})


@pytest.mark.parametrize(
    "outputs",
    [
        {"age_conv3": np.full((1, 1, 1, 1), 0.342), "prob": np.array([0.1, 0.9]).reshape(1, 2, 1, 1)},
        {"fc1": np.array([[math.log(0.1), math.log(0.9), 0.342]])},
    ],
)
def test_age_and_gender(outputs: dict[str, NDArray[np.float64]]) -> None:
    floats = {name: a.astype(np.float32) for name, a in outputs.items()}
    found = said(AgeGender(), floats)[0].attributes
    assert found[0] == Attribute("age", "34", 1.0)
    assert (found[1].name, found[1].label, round(found[1].score, 4)) == ("gender", "male", 0.9)


def test_age_and_gender_of_something_else_are_refused() -> None:
    with pytest.raises(ModelError, match="head age-gender"):
        said(AgeGender(), {"out": np.zeros((1, 7), np.float32)})


def test_a_question_stays_open_below_the_least_score() -> None:
    outputs = {"a": np.array([[0.6, 0.4]], np.float32), "b": np.array([[0.55, 0.45]], np.float32)}
    found = said(Classify("none", least=0.58), outputs, ("yes", "no"))[0].attributes
    assert [(a.name, a.label) for a in found] == [("a", "yes")]
    assert said(Classify("none", least=0.7), {"a": outputs["a"]})[0].attributes == ()
