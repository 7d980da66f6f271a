"""Numbers that describe the whole view, to be compared with those of other views."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Literal

import numpy as np

from sightline.errors import ModelError, UsageError
from sightline.heads.tensors import Floats, of_view, pick, unreadable
from sightline.protocols import Outputs
from sightline.types import F32, Attribute, ModelSpec, Prediction, Thresholds, View

__all__ = ["Embed"]


@dataclass(frozen=True, slots=True)
class Embed:
    """One row of numbers a view ([N, D] with any axes of 1) -> `Prediction.embedding` (D,) float32.

    output: the output's name; "" the only one that fits. normalise: bring it to length 1.
    gallery: a file of known vectors (`with_gallery` gives them; a head opens no file); then also the attribute
    "identity": the name whose vector comes nearest, if near enough.
    distance: "cosine", the score is the cosine; "euclidean" between vectors of length 1, the score is 1 less half of
    it. least: the least score that names somebody.
    """

    defaults: ClassVar[Thresholds] = Thresholds(score=0.0, nms=1.0, top=1)

    output: str = ""
    normalise: bool = True
    gallery: str = ""
    distance: Literal["cosine", "euclidean"] = "cosine"
    least: float = 0.4
    _names: tuple[str, ...] = ()
    _known: F32 | None = None

    def with_gallery(self, names: Sequence[str], vectors: F32) -> Embed:
        """The same head that knows K names by their vectors (K, D); a name may have several."""
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return replace(self, _names=tuple(names), _known=(vectors / np.maximum(lengths, 1e-12)).astype(np.float32))

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        if self.gallery and self._known is None:
            raise UsageError(f"gallery {self.gallery!r}: it has to be read before the head is called")
        rows = pick(outputs, self.output, ("embedding", "feature", "fc1"), _is_row)
        if rows is None:
            raise unreadable("embed", outputs, "one row of numbers a picture: [N, D] or [N, D, 1, 1]")
        rows = rows[None] if rows.ndim == 1 else rows
        return [self._one(of_view(rows, i).ravel().astype(np.float32)) for i in range(len(views))]

    def _one(self, vector: F32) -> Prediction:
        length = float(np.linalg.norm(vector.astype(np.float64)))
        if not np.isfinite(length) or length == 0:
            return Prediction()
        unit = (vector / np.float32(length)).astype(np.float32)
        return Prediction(attributes=self._identity(unit), embedding=unit if self.normalise else vector)

    def _identity(self, unit: F32) -> tuple[Attribute, ...]:
        known = self._known
        if known is None or not len(known):
            return ()
        if known.shape[1] != len(unit):
            raise ModelError(
                f"gallery {self.gallery}: vectors of {known.shape[1]} numbers, but the model gives {len(unit)}; "
                "make it with this model"
            )
        cosine = known @ unit
        # between vectors of length 1 the distance is sqrt(2 - 2 cos)
        far = self.distance == "euclidean"
        scores = 1 - np.sqrt(np.maximum(2 - 2 * cosine, 0)) / 2 if far else cosine
        best = int(np.argmax(scores))
        score = float(scores[best])
        if score < self.least:
            return ()
        return (
            Attribute(
                "identity", self._names[best], min(score, 1.0), sorted(set(self._names)).index(self._names[best])
            ),
        )


def _is_row(a: Floats) -> bool:
    return a.ndim == 1 or (a.ndim > 1 and a.size == len(a) * max(a.shape[1:]) and a.size > len(a))
