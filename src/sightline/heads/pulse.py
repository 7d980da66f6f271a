"""The pulse as a camera sees it: one number a frame, the change of the blood's volume under the skin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sightline.errors import ModelError
from sightline.heads.angles import number
from sightline.heads.tensors import of_view, unreadable
from sightline.protocols import Outputs
from sightline.types import Attribute, ModelSpec, Prediction, Thresholds, View


@dataclass(frozen=True, slots=True)
class Pulse:
    """One output of one number a view (TAO HeartRateNet, DeepPhys: arXiv 1805.07888) -> attribute "pulse".

    It is a sample of the pulse wave's derivative; the heart rate is the strongest frequency of 0.7 to 4 Hz of many
    of them. output: its name, "" the only one of one number.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.0, nms=1.0)

    output: str = ""

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        if self.output and self.output not in outputs:
            raise ModelError(f"the model has no output {self.output!r}; it has {', '.join(outputs)}")
        chosen = [self.output] if self.output else [n for n, a in outputs.items() if len(a) and a.size == len(a)]
        if len(chosen) != 1:
            raise unreadable("pulse", outputs, "one number a view")

        def one(i: int) -> tuple[Attribute, ...]:
            values = of_view(outputs[chosen[0]], i).astype(np.float64).ravel()
            return number("pulse", float(values.mean())) if len(values) else ()

        return [Prediction(attributes=one(i)) for i in range(len(views))]
