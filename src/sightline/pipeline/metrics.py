"""Counts, drops and stage timings of a run -> a snapshot."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from sightline.types import FrameResult, Prediction

__all__ = ["Metrics", "Snapshot", "StreamMetrics", "StreamSnapshot", "said_of"]


@dataclass(slots=True)
class StreamMetrics:
    """What one lane has seen so far. `tracks` counts identities, `objects` sightings, both by label.

    said: frames by what was said of the whole view: the label of a class, else the kind ("text", "class map" ...).
    """

    frames: int = 0
    inferred: int = 0
    objects: Counter[str] = field(default_factory=Counter[str])
    tracks: Counter[str] = field(default_factory=Counter[str])
    said: Counter[str] = field(default_factory=Counter[str])
    events: int = 0
    counts: Mapping[str, Mapping[str, Mapping[str, int]]] = field(
        default_factory=dict[str, Mapping[str, Mapping[str, int]]]
    )
    last_s: float | None = None
    _known: set[int] = field(default_factory=set[int])

    def add(self, result: FrameResult) -> None:
        """Count one result."""
        self.frames += 1
        self.inferred += result.inferred
        self.events += len(result.events)
        if result.counts:
            self.counts = result.counts
        self.last_s = result.frame.at.seconds
        self.said.update(said_of(result.prediction))
        detections, tracks = result.prediction.detections, result.tracks
        if len(detections):
            _, rows, counts = np.unique(detections.label, return_index=True, return_counts=True)
            for row, count in zip(rows.tolist(), counts.tolist(), strict=True):
                self.objects[detections.name_of(row)] += count
        for track, row in zip(tracks.id.tolist(), tracks.row.tolist(), strict=True):
            if track not in self._known:
                self._known.add(track)
                self.tracks[detections.name_of(row)] += 1
        self._known.difference_update(tracks.ended)


def said_of(prediction: Prediction) -> Sequence[str]:
    """What a model says of the whole view: the best label of each question that has classes, and the kinds of all else.

    Never more different words than the model has labels and questions.
    """
    words: dict[str, str] = {}
    for one in prediction.attributes:
        words.setdefault(one.name, one.label if one.index >= 0 else one.name)
    kinds = (("text", prediction.text), ("class map", prediction.classmap), ("embedding", prediction.embedding))
    words |= {kind: kind for kind, value in kinds if value is not None}
    return tuple(words.values())


@dataclass(frozen=True, slots=True)
class StreamSnapshot:
    """One stream's figures at one moment. `dropped` frames were never looked at (live streams only)."""

    id: str
    frames: int
    inferred: int
    dropped: int
    corrupt: int
    errors: int
    reconnects: int
    objects: Mapping[str, int]
    tracks: Mapping[str, int]
    events: int
    counts: Mapping[str, Mapping[str, Mapping[str, int]]]
    duration_s: float | None = None
    last_s: float | None = None
    expected: int | None = None
    said: Mapping[str, int] = field(default_factory=dict[str, int])


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole run's figures. `stages` is CPU seconds by stage, of the threads that are ours.

    looks: of every secondary model, how often it was asked, and how often an answer was remembered instead.
    """

    wall_s: float
    cpu_s: float
    frames: int
    streams: tuple[StreamSnapshot, ...]
    stages: Mapping[str, float]
    looks: Mapping[str, tuple[int, int]] = field(default_factory=dict[str, tuple[int, int]])

    @property
    def rate(self) -> float:
        """Frames a second over all streams."""
        return self.frames / self.wall_s if self.wall_s > 0 else 0.0


@dataclass(slots=True)
class Metrics:
    """What the run's own thread adds to; `stage(name, seconds)` adds CPU time."""

    began_s: float = field(default_factory=time.perf_counter)
    began_cpu_s: float = field(default_factory=time.process_time)
    stages: dict[str, float] = field(default_factory=dict[str, float])
    streams: dict[str, StreamMetrics] = field(default_factory=dict[str, StreamMetrics])

    def of(self, stream: str) -> StreamMetrics:
        return self.streams.setdefault(stream, StreamMetrics())

    def stage(self, name: str, seconds: float) -> None:
        self.stages[name] = self.stages.get(name, 0.0) + seconds
