"""A frame on its way through the models: its answers arrive later and in any order, frames leave in theirs."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from sightline.models.looks import Region
from sightline.pipeline.remembering import Key
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

    pieces: answers to several views of the frame, by view, until all are there; left: how many are not. regions: what
    each view shows, None the whole frame.
    tracks: once the tracker has had its turn. inside: what stages found within the objects of others.
    works: of the stages that have begun; finished: those that have ended, in the order in which they did.
    bare: what a stage found, before others said something of it. keys: what its objects are remembered by.
    """

    frame: Frame
    inferred: bool = True
    prediction: Prediction | None = None
    pieces: list[Prediction | None] = field(default_factory=list[Prediction | None])
    left: int = 0
    regions: list[Region | None] = field(default_factory=list[Region | None])
    tracks: Tracks | None = None
    inside: dict[str, Inside] = field(default_factory=dict[str, Inside])
    works: dict[str, Work] = field(default_factory=dict[str, Work])
    finished: dict[str, None] = field(default_factory=dict[str, None])
    bare: dict[str, Detections] = field(default_factory=dict[str, Detections])
    keys: dict[str, list[Key | None]] = field(default_factory=dict[str, list[Key | None]])

    def detections(self, stage: str, primary: str) -> Detections:
        """What `stage` found; of a stage that found nothing, or only said something of others' objects, none."""
        if stage == primary:
            return Detections() if self.prediction is None else self.prediction.detections
        found = self.inside.get(stage)
        return Detections() if found is None else found.detections

    def told(self, stage: str, primary: str, detections: Detections) -> None:
        """More is known of what `stage` found."""
        if stage == primary:
            self.prediction = replace(self.prediction or Prediction(), detections=detections)
        elif stage in self.inside:
            self.inside[stage] = replace(self.inside[stage], detections=detections)
