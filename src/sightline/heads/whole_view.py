"""A pose or face that a network finds in every picture it is given: one object whose box is the whole view."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.heads.candidates import Candidates, face_ids, predict
from sightline.types import ModelSpec, Prediction, View

__all__ = ["Found", "predict_one"]

# keypoints (K, 3) in model pixels with their scores, and the score of the object
Found = tuple[NDArray[Any], float]


def predict_one(
    find: Callable[[int, tuple[int, int]], Found], spec: ModelSpec, views: Sequence[View]
) -> list[Prediction]:
    """One Prediction a view with the one object that `find(index, (width, height))` gives; none below the thresholds
    or where a number is not finite.
    """

    def candidates(i: int, size_wh: tuple[int, int]) -> Candidates:
        points, score = find(i, size_wh)
        box = np.array([[0, 0, *size_wh]], np.float32)
        return Candidates(box, np.array([score], np.float32), face_ids(spec, 1), points[None])

    return predict(candidates, spec, views)
