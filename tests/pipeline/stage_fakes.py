"""Secondary models whose answers are known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from sightline.models.infer import Model
from sightline.pipeline.asking import Asking
from sightline.pipeline.cascade import Stage
from sightline.pipeline.lane import Lane
from sightline.pipeline.run import Pipeline
from sightline.protocols import Outputs
from sightline.testing import BrightBoxHead, FakeRuntime, MovingBoxes, spec_of
from sightline.trackers.sort import Sort
from sightline.types import (
    Attribute,
    Detections,
    FrameResult,
    ModelSpec,
    Prediction,
    View,
)


@dataclass
class Says:
    """A classifier that answers what `answers` says, one after the other, then the last one for ever."""

    answers: Sequence[Attribute] = (Attribute("class", "bright", 0.9, 0),)
    seen: list[View] = field(default_factory=list[View])

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        made = []
        for view in views:
            made.append(Prediction(attributes=(self.answers[min(len(self.seen), len(self.answers) - 1)],)))
            self.seen.append(view)
        return made


@dataclass(frozen=True)
class SaysWhere:
    """Embeds the place of the view in the frame, so that answers can be told apart."""

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        return [Prediction(embedding=np.array([view.frame.index, view.parent], np.float32)) for view in views]


def primary(runtime: FakeRuntime | None = None, width: int = 64) -> Model:
    return Model("model", spec_of(width), Path("none"), BrightBoxHead(), runtime or FakeRuntime())


def stage(name: str, head: object, task: str = "classify", of: str = "model", **more: object) -> Stage:
    runtime = more.pop("runtime", None) or FakeRuntime()
    spec = replace(spec_of(32, 32, ("part",)), task=task)
    model = Model(name, spec, Path("none"), head, runtime, of=of)  # type: ignore[arg-type]
    after = frozenset({of}) - {"model"}
    return Stage(Asking(model, 0.02), of, after, **more)  # type: ignore[arg-type]


def results(pipeline: Pipeline) -> dict[str, list[FrameResult]]:
    out: dict[str, list[FrameResult]] = defaultdict(list)
    for result in pipeline.results():
        out[result.frame.stream.id].append(result)
    return dict(out)


def lane(count: int = 20, **more: object) -> Lane:
    return Lane(MovingBoxes(count=count, width=640), tracker=Sort(confirm=1), **more)  # type: ignore[arg-type]


def labels(got: list[FrameResult]) -> list[str]:
    column = [r.prediction.detections.columns.get("attributes") for r in got]
    return ["" if c is None or not c[0] else c[0][0].label for c in column]


@dataclass
class TwoHalves:
    """Two boxes in each view, the left and the right half; the better one changes sides from view to view."""

    turn: int = 0

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        width, height = spec.inputs[0].size_wh
        made = []
        for _ in views:
            self.turn += 1
            halves = [(0, 0, width / 2, height), (width / 2, 0, width, height)]
            boxes = np.array(halves if self.turn % 2 else halves[::-1], np.float32)
            made.append(
                Prediction(Detections(boxes, np.array([0.9, 0.8], np.float32), np.zeros(2, np.int32), ("half",)))
            )
        return made


@dataclass
class Grid:
    """So many boxes that stand still."""

    count: int

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        x = np.arange(self.count, dtype=np.float32) * 20
        boxes = np.stack([x, x * 0 + 5, x + 15, x * 0 + 30], 1)
        score = np.full(self.count, 0.9, np.float32)
        return [Prediction(Detections(boxes, score, np.zeros(self.count, np.int32), ("box",))) for _ in views]
