"""A frame on its way through the models: its answers arrive later and in any order, frames leave in theirs."""

from __future__ import annotations

from dataclasses import dataclass, field

from sightline.types import Detections, Frame, Inside, Prediction, Tracks

__all__ = ["Pending", "Work"]


@dataclass(slots=True, eq=False)
class Work:
    """What one stage does for one frame: the rows that it looks at, an answer for each (None: none yet, or none)."""

    rows: list[int]
    answers: list[Prediction | None]
    left: int = 0


@dataclass(slots=True, eq=False)
class Pending:
    """One frame. prediction: the primary model's, with what later stages say of its objects; None: not there yet.

    pieces: answers to several views of the frame, by view, until all are there; left: how many are not.
    tracks: once the tracker has had its turn. inside: what stages found within the objects of others.
    works: of the stages that have begun; finished: those that have ended.
    """

    frame: Frame
    inferred: bool = True
    prediction: Prediction | None = None
    pieces: list[Prediction | None] = field(default_factory=list[Prediction | None])
    left: int = 0
    tracks: Tracks | None = None
    inside: dict[str, Inside] = field(default_factory=dict[str, Inside])
    works: dict[str, Work] = field(default_factory=dict[str, Work])
    finished: set[str] = field(default_factory=set[str])

    def detections(self, stage: str, primary: str) -> Detections:
        """What `stage` found; of a stage that found nothing, or only said something of others' objects, none."""
        if stage == primary:
            return Detections() if self.prediction is None else self.prediction.detections
        found = self.inside.get(stage)
        return Detections() if found is None else found.detections
