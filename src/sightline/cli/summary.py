"""Results of a run -> what people and programs want to know at its end. Bounded, whatever the length of the run."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from sightline.types import FrameResult

__all__ = ["StreamSummary", "Summary"]

Counts = Mapping[str, Mapping[str, Mapping[str, int]]]


@dataclass(slots=True)
class StreamSummary:
    """One stream's sums. `objects`: detections by label; `tracks`: distinct track ids by label."""

    frames: int = 0
    objects: Counter[str] = field(default_factory=Counter[str])
    tracks: Counter[str] = field(default_factory=Counter[str])
    events: Counter[str] = field(default_factory=Counter[str])
    counts: Counts = field(default_factory=dict[str, Mapping[str, Mapping[str, int]]])
    corrupt: int = 0
    alive: set[int] = field(default_factory=set[int], repr=False)

    def add(self, result: FrameResult) -> None:
        self.frames += 1
        self.corrupt += result.frame.corrupt
        found = result.prediction.detections
        if len(found):
            labels = found.label.tolist()
            for label, n in Counter(labels).items():
                self.objects[found.name_of(labels.index(label))] += n
        if len(result.tracks.id) or result.tracks.ended:
            self._add_tracks(result)
        if result.events:
            self.events.update(event.kind for event in result.events)
        if result.counts:
            self.counts = result.counts

    def _add_tracks(self, result: FrameResult) -> None:
        """A track counts once, under the label it was first shown with; ids that have ended are forgotten."""
        found, tracks = result.prediction.detections, result.tracks
        for track, row in zip(tracks.id.tolist(), tracks.row.tolist(), strict=True):
            if track not in self.alive:
                self.alive.add(track)
                self.tracks[found.name_of(row)] += 1
        self.alive.difference_update(tracks.ended)


class Summary:
    """Sums over all streams of a run, in the order in which the streams first gave something."""

    def __init__(self) -> None:
        self.streams: dict[str, StreamSummary] = {}
        self.best_score = 0.0
        self._began = time.monotonic()
        self.seconds = 0.0

    def add(self, result: FrameResult) -> None:
        """Count one result in."""
        name = result.frame.stream.id
        stream = self.streams.get(name)
        if stream is None:
            stream = self.streams[name] = StreamSummary()
        stream.add(result)

    def end(self) -> None:
        self.seconds = time.monotonic() - self._began

    @property
    def frames(self) -> int:
        return sum(stream.frames for stream in self.streams.values())

    @property
    def objects(self) -> int:
        return sum(stream.objects.total() for stream in self.streams.values())

    def as_json(self) -> dict[str, object]:
        """What `--json` prints, but for what only the pipeline knows (drops, stage times, notes)."""
        return {
            "frames": self.frames,
            "seconds": round(self.seconds, 3),
            "frames_per_s": round(self.frames / self.seconds, 2) if self.seconds else None,
            "streams": {
                name: {
                    "frames": s.frames,
                    "corrupt": s.corrupt,
                    "objects": dict(s.objects.most_common()),
                    "tracks": dict(s.tracks.most_common()),
                    "events": dict(s.events),
                    "counts": s.counts,
                }
                for name, s in self.streams.items()
            },
        }

    def lines(self) -> list[str]:
        """For people: one line a stream, one a rule."""
        out: list[str] = []
        for name, stream in self.streams.items():
            out.append(f"{name}: {stream.frames} frames; {_found(stream)}")
            for rule, sides in stream.counts.items():
                out.append(f"  {rule}: {_sides(sides)}")
        return out


def _found(stream: StreamSummary) -> str:
    if not stream.objects:
        return "nothing found"
    if stream.tracks:
        return ", ".join(f"{n} {label}" for label, n in stream.tracks.most_common()) + " tracked"
    return ", ".join(f"{label} {n}" for label, n in stream.objects.most_common()) + " in all frames together"


def _sides(sides: Mapping[str, Mapping[str, int]]) -> str:
    said = [
        f"{side} {sum(labels.values())}"
        + (f" ({', '.join(f'{n} {label}' for label, n in labels.items())})" if labels else "")
        for side, labels in sides.items()
    ]
    return ", ".join(said) or "nothing yet"
