"""Batches by count, by deadline and at the end; nothing is lost or reordered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.batching import Batcher


def test_by_count() -> None:
    batcher: Batcher[int] = Batcher(3, 10.0)
    for i in range(2):
        batcher.add(i, 0.0)
    assert not batcher.ready(1.0)
    batcher.add(2, 1.0)
    assert batcher.ready(1.0)
    assert batcher.take() == [0, 1, 2]


def test_by_deadline_of_the_oldest() -> None:
    batcher: Batcher[str] = Batcher(3, 0.05)
    batcher.add("a", 1.0)
    batcher.add("b", 1.04)
    assert batcher.wait_s(1.04) == pytest.approx(0.01)
    assert not batcher.ready(1.049)
    assert batcher.ready(1.051)


def test_at_the_end_what_is_there_goes() -> None:
    batcher: Batcher[str] = Batcher(3, 10)
    assert not batcher.ready(0, ending=True)
    batcher.add("a", 0)
    assert batcher.ready(0, ending=True)


@given(st.integers(1, 5), st.lists(st.floats(0, 1), max_size=30))
def test_everything_comes_out_once_in_order(size: int, gaps: list[float]) -> None:
    batcher: Batcher[int] = Batcher(size, 0.5)
    now, out = 0.0, []
    for i, gap in enumerate(gaps):
        now += gap
        batcher.add(i, now)
        while batcher.ready(now):
            group = batcher.take()
            assert 1 <= len(group) <= size
            out += group
    while batcher.ready(now, ending=True):
        out += batcher.take()
    assert out == list(range(len(gaps)))


def test_size_is_checked() -> None:
    with pytest.raises(ValueError, match="size"):
        Batcher(0)
