"""Predictions over the channel: described, laid into shared memory, restored: the same, whatever they hold."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from sightline.parsers.framing import LONGEST, Received, packed
from sightline.parsers.memory import Block
from sightline.parsers.packing import described, restored
from sightline.types import Attribute, Detections, Mark, Masks, Prediction
from tests.parsers.asking import same

numbers = st.floats(-1e6, 1e6, width=32)
words = st.text(max_size=6)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)
attributes = st.builds(Attribute, words, words, st.floats(0, 1), st.integers(-1, 99))
marks = st.builds(
    Mark,
    st.lists(st.tuples(numbers, numbers), min_size=1, max_size=4).map(tuple),
    st.tuples(*[st.floats(0, 1)] * 4),
    st.floats(0, 9),
    words,
    st.booleans(),
)


def floats(*shape: int) -> st.SearchStrategy[NDArray[Any]]:
    return hnp.arrays(np.float32, shape, elements=numbers)


def objects(values: list[Any]) -> NDArray[Any]:
    column = np.empty(len(values), object)
    for row, value in enumerate(values):
        column[row] = value
    return column


@st.composite
def predictions(draw: st.DrawFn) -> Prediction:
    n = draw(st.integers(0, 4))
    columns: dict[str, NDArray[Any]] = {}
    if draw(st.booleans()):
        columns["embedding"] = draw(floats(n, 3))
        columns["text"] = objects(draw(st.lists(words, min_size=n, max_size=n)))
        columns["custom"] = objects(draw(st.lists(plain, min_size=n, max_size=n)))
        columns["attributes"] = objects(
            draw(st.lists(st.lists(attributes, max_size=2).map(tuple), min_size=n, max_size=n))
        )
    masks = None
    if draw(st.booleans()):
        sizes = draw(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=n, max_size=n))
        masks = Masks(draw(floats(n, 4)), tuple(draw(hnp.arrays(np.uint8, size)) for size in sizes))
    found = Detections(
        draw(floats(n, 4)),
        draw(floats(n)),
        draw(hnp.arrays(np.int32, n)),
        tuple(draw(st.lists(words, max_size=3))),
        draw(words),
        draw(st.none() | hnp.arrays(np.int32, n)),
        masks,
        draw(st.none() | floats(n, 2, 3)),
        columns,
    )
    return Prediction(
        found,
        tuple(draw(st.lists(attributes, max_size=2))),
        draw(st.none() | hnp.arrays(np.uint8, (3, 2))),
        draw(st.none() | floats(5)),
        draw(st.none() | words),
        tuple(draw(st.lists(words, max_size=2))),
        tuple(draw(st.lists(marks, max_size=2))),
        draw(plain),
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(predictions(), min_size=1, max_size=3), st.booleans())
def test_what_comes_out_is_what_went_in(given_: list[Prediction], known: bool) -> None:
    block = Block.made()
    try:
        end, sent = 0, []
        for prediction in given_:
            labels = prediction.detections.names if known else ("other",)
            said, arrays = described(prediction, labels)
            places, end = block.put(arrays, end)
            (heard,) = Received().feed(packed({"said": said, "places": places}))
            sent.append((heard, labels))
        for prediction, (heard, labels) in zip(given_, sent, strict=True):
            found = heard["places"]

            def array(number: int, found: list[Any] = found) -> NDArray[Any]:
                kind, shape, at = found[number]
                return np.array(block.array((kind, tuple(shape), at)))

            back = restored(heard["said"], array, labels)
            assert same(back, prediction)
            assert back.detections.masks is None or back.detections.equals(prediction.detections)
    finally:
        block.close()


@given(st.lists(plain, max_size=4), st.integers(1, 20))
def test_messages_arrive_whole_however_they_are_cut(values: list[Any], step: int) -> None:
    data = b"".join(packed({"v": value}) for value in values)
    received, got = Received(), []
    for at in range(0, len(data), step):
        got += received.feed(data[at : at + step])
    assert [message["v"] for message in got] == json.loads(json.dumps(values))
    assert not received.garbled


@given(st.binary(max_size=60))
def test_what_is_no_message_is_noticed_and_nothing_is_read_after_it(data: bytes) -> None:
    received = Received()
    messages = received.feed(packed({"first": 1}) + data)
    assert messages[0] == {"first": 1}
    if received.garbled:
        assert received.feed(packed({"late": 1})) == []


def test_lengths_have_a_limit() -> None:
    received = Received()
    assert received.feed((LONGEST + 1).to_bytes(4, "little")) == []
    assert received.garbled
    with pytest.raises(ValueError, match="not JSON compliant"):
        packed({"nan": float("nan")})


def test_no_array_lies_outside_its_memory() -> None:
    block = Block.made()
    ((kind, shape, at),), _ = block.put([np.arange(6, dtype=np.int16).reshape(2, 3)])
    assert block.array((kind, shape, at)).tolist() == [[0, 1, 2], [3, 4, 5]]
    for place in (
        (kind, (10**6, 10**6), 0),
        (kind, (-1,), 0),
        (kind, (2,), 1 << 40),
        ("O", (1,), 0),
        ("<f4", (9,), -4),
    ):
        with pytest.raises(ValueError, match="array"):
            block.array(place)
    with pytest.raises(ValueError, match="at most"):
        block.reserve(1 << 50)
    block.close()
