"""Which axis is the batch, and what one view gets of each output."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sightline.parsers.cut import batched, of_view
from sightline.types import InputSpec, ModelSpec, TensorSpec

Shape = tuple[int | None, ...]


def spec(batch: int | None, declared: dict[str, Shape]) -> ModelSpec:
    images = InputSpec(TensorSpec("images", (batch, 3, 8, 8)))
    return ModelSpec("m", (images,), tuple(TensorSpec(name, shape) for name, shape in declared.items()), "parser")


CASES: list[tuple[str, int | None, dict[str, Shape], dict[str, tuple[int, ...]], int, set[str]]] = [
    ("one picture", 1, {"o": (1, 84, 9)}, {"o": (1, 84, 9)}, 1, {"o"}),
    ("rows that were counted", 1, {"o": (None, 7)}, {"o": (5, 7)}, 1, set()),
    ("one row that was counted", 1, {"o": (None, 7)}, {"o": (1, 7)}, 1, set()),
    ("a count beside rows", 1, {"n": (1,), "o": (1, 9, 4)}, {"n": (1,), "o": (1, 9, 4)}, 1, {"n", "o"}),
    ("fixed rows without a batch", 1, {"o": (100, 7)}, {"o": (100, 7)}, 1, set()),
    ("an open batch, full", None, {"o": (None, 4)}, {"o": (3, 4)}, 3, {"o"}),
    ("an open batch, not full", None, {"o": (None, 4), "p": (None, 2)}, {"o": (4, 4), "p": (4, 2)}, 2, {"o", "p"}),
    ("a batch of four, not full", 4, {"o": (4, 84, 9)}, {"o": (4, 84, 9)}, 1, {"o"}),
    ("a number", 1, {"o": ()}, {"o": ()}, 1, set()),
]


@pytest.mark.parametrize(("_", "batch", "declared", "shapes", "views", "wanted"), CASES, ids=[c[0] for c in CASES])
def test_the_batch_axis(
    _: str, batch: int | None, declared: dict[str, Any], shapes: dict[str, Any], views: int, wanted: set[str]
) -> None:
    outputs = {name: np.zeros(shape) for name, shape in shapes.items()}
    assert batched(outputs, spec(batch, declared), views) == wanted
    assert batched(outputs, replace(spec(batch, declared), outputs=()), views) >= (wanted if batch != 1 else set())


def test_a_view_gets_its_row_and_what_all_share() -> None:
    outputs = {"a": np.arange(6).reshape(3, 2), "n": np.array([7, 8, 9]), "all": np.arange(4).reshape(2, 2)}
    cut = of_view(outputs, frozenset({"a", "n"}), 1)
    assert {name: array.tolist() for name, array in cut.items()} == {"a": [2, 3], "n": [8], "all": [[0, 1], [2, 3]]}
