"""Age in years and gender of a face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sightline.heads.classify import answer
from sightline.heads.tensors import Floats, of_view, pick, softmax, unreadable
from sightline.protocols import Outputs
from sightline.types import Attribute, ModelSpec, Prediction, Thresholds, View

__all__ = ["AgeGender"]


@dataclass(frozen=True, slots=True)
class AgeGender:
    """An age [N, 1, 1, 1] and two scores [N, 2, 1, 1] (Open Model Zoo), or one row [N, 3], age last
    (InsightFace).

    Written are "age", a whole number of years with score 1, and "gender". years: what an age of 1 stands for.
    labels: of the two scores, in their order. age, gender: names of the outputs; "" found by shape.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.5, nms=1.0, top=5)

    age: str = ""
    gender: str = ""
    years: float = 100.0
    labels: tuple[str, ...] = ("female", "male")

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        age = pick(outputs, self.age, ("age", "age_conv3"), lambda a: a.size == len(a))
        gender = pick(outputs, self.gender, ("gender", "prob"), lambda a: a.ndim > 1 and a.size == 2 * len(a))
        if age is None or gender is None:
            both = next((a for a in outputs.values() if a.ndim > 1 and a.size == 3 * len(a)), None)
            if both is None or len(outputs) != 1:
                raise unreadable("age-gender", outputs, "an age [N, 1] and two scores [N, 2], or one row [N, 3]")
            flat = both.reshape(len(both), 3)
            gender, age = flat[:, :2], flat[:, 2:]
        return [self._one(of_view(age, i), of_view(gender, i)) for i in range(len(views))]

    def _one(self, age: Floats, gender: Floats) -> Prediction:
        found: list[Attribute] = []
        years = float(age.ravel()[0]) * self.years
        if np.isfinite(years):
            found.append(Attribute("age", str(max(0, round(years))), 1.0))
        scores = gender.ravel().astype(np.float32)
        probable = bool((scores >= -1e-3).all()) and abs(float(scores.sum()) - 1) < 0.01
        found += answer("gender", scores if probable else softmax(scores), self.labels, 1)
        return Prediction(attributes=tuple(found))
