"""A pose or face that a network finds in every picture it is given: one object whose box is the whole view."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.heads.candidates import Candidates, face_ids, predict
from sightline.types import ModelSpec, Prediction, View

__all__ = ["Found", "predict_one"]


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """points: (K, 3) x, y in model pixels and score. score: of the object. columns: one row each, (1, ...)."""

    points: NDArray[Any]
    score: float
    columns: Mapping[str, NDArray[Any]] = field(default_factory=dict[str, NDArray[Any]])


def predict_one(
    find: Callable[[int, tuple[int, int]], Found], spec: ModelSpec, views: Sequence[View]
) -> list[Prediction]:
    """One Prediction a view with the one object that `find(index, (width, height))` gives; none below the thresholds
    or where a number is not finite.
    """

    def candidates(i: int, size_wh: tuple[int, int]) -> Candidates:
        found = find(i, size_wh)
        box = np.array([[0, 0, *size_wh]], np.float32)
        score = np.array([found.score], np.float32)
        return Candidates(box, score, face_ids(spec, 1), found.points[None], found.columns)

    return predict(candidates, spec, views)
