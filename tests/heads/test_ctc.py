"""Lines of characters against a loop over the steps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from head_twins import a_spec, a_view
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sightline.errors import ModelError, RuntimeFailure
from sightline.heads.ctc import Ctc, symbols_of
from sightline.types import Prediction, Thresholds

ABC = tuple("abcdefgh")


def said(
    head: Ctc, outputs: dict[str, NDArray[Any]], labels: tuple[str, ...] = ABC, views: int = 1
) -> list[Prediction]:
    return head(outputs, a_spec(Thresholds(), labels), [a_view(8, 8)] * views)


def slow_text(steps: list[int], symbols: tuple[str, ...], blank: int, merge: bool = True) -> str:
    text, before = "", -1
    for step in steps:
        if step != blank and not (merge and step == before):
            text += symbols[step]
        before = step
    return text


def one_hot(steps: list[int], classes: int) -> NDArray[np.float32]:
    """(T, C) shares, 0.9 for the best one."""
    out = np.full((len(steps), classes), 0.1 / (classes - 1), np.float32)
    out[np.arange(len(steps)), steps] = 0.9
    return out


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=30),
    st.sampled_from(["first", "last"]),
    st.booleans(),
    st.sampled_from(["ntc", "tnc", "nct", "tc", "ct"]),
    st.booleans(),
)
def test_every_layout_reads_as_the_slow_twin(
    steps: list[int], blank: Any, merge: bool, axes: Any, logits: bool
) -> None:
    symbols = ("", *ABC, " ") if blank == "first" else (*ABC, " ", "")
    shares = one_hot(steps, 10)
    values = np.log(shares) + 5 if logits else shares
    laid = {
        "ntc": values[None],
        "tnc": values[:, None],
        "nct": values.T[None],
        "tc": values,
        "ct": values.T,
    }[axes]
    found = said(Ctc(axes, blank, merge), {"out": laid})[0]
    expected = slow_text(steps, symbols, 0 if blank == "first" else 9, merge)
    assert found.text == expected
    if expected:
        assert [(a.name, a.label, round(a.score, 4)) for a in found.attributes] == [("text", expected, 0.9)]
    else:
        assert found.attributes == ()


def test_the_layout_is_told_by_the_labels() -> None:
    steps = [1, 1, 0, 2, 0, 2, 3]
    shares = one_hot(steps, 9)
    for laid in (shares[None], shares[:, None], shares.T[None], shares, shares.T, shares.T[None, :, None]):
        assert said(Ctc(), {"out": laid})[0].text == "abbc"


def test_best_ids_with_and_without_their_scores() -> None:
    ids = np.array([[8, 0, 0, 8, 0, 2, 8]], np.int32)  # the blank is the last of nine
    scores = np.array([[1, 0.8, 0.5, 1, 0.6, 0.7, 1]], np.float32)
    found = said(Ctc(blank="last"), {"ids": ids, "max": scores})[0]
    assert found.text == "aac"
    assert found.attributes[0].score == pytest.approx((0.8 + 0.6 + 0.7) / 3, abs=1e-6)
    assert said(Ctc(blank="last"), {"ids": ids})[0].attributes[0].score == 1


def test_batches_in_both_orders() -> None:
    a, b = one_hot([1, 2, 0], 9), one_hot([3, 0, 3], 9)
    for axes, laid in (("ntc", np.stack([a, b])), ("tnc", np.stack([a, b], 1))):
        assert [p.text for p in said(Ctc(axes), {"out": laid}, views=2)] == ["ab", "cc"]  # type: ignore[arg-type]
    with pytest.raises(RuntimeFailure, match="batch 1"):
        said(Ctc("tc"), {"out": a}, views=2)


def test_symbols_with_and_without_the_blank() -> None:
    assert symbols_of(("a", "b"), 3, "first") == ("", "a", "b")
    assert symbols_of(("a", "b"), 3, "last") == ("a", "b", "")
    assert symbols_of(("a", "b"), 4, "first") == ("", "a", "b", " ")
    assert symbols_of(("-", "a", "b"), 3, "first") == ("", "a", "b")
    assert symbols_of(("a", "b", "-"), 3, "last") == ("a", "b", "")
    for labels, classes in (((), 5), (("a",), 9), (("a", "b", "c"), 2)):
        with pytest.raises(ModelError, match="--labels"):
            symbols_of(labels, classes, "first")


def test_maps_are_no_lines() -> None:
    with pytest.raises(ModelError, match="head ctc cannot read"):
        said(Ctc(), {"out": np.zeros((1, 3, 4, 5), np.float32)})
    with pytest.raises(ModelError, match="head ctc cannot read"):
        said(Ctc(), {"out": np.zeros(3, np.float32)})
