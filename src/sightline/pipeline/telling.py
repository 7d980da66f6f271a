"""What a pipeline can say of itself: figures, what the user's own code printed, and what went wrong in it."""

from __future__ import annotations

import time
from collections.abc import Sequence

from sightline.models.infer import Model
from sightline.parsers.logic import LogicRunner
from sightline.pipeline.cascade import Stage
from sightline.pipeline.lane import Lane
from sightline.pipeline.metrics import Metrics, Snapshot, StreamSnapshot

__all__ = ["notes_of", "printed_by", "snapshot_of"]


def printed_by(models: Sequence[Model], logic: LogicRunner | None) -> list[str]:
    """What the user's own code printed since this was asked last."""
    found = [*logic.printed()] if logic is not None else []
    for model in models:
        said = getattr(model.head, "printed", None)
        found += said() if said is not None else []
    return found


def notes_of(models: Sequence[Model], logic: LogicRunner | None) -> list[str]:
    """What went wrong in the user's own code, and how often; what is worth knowing of how the models ran."""
    faults = [getattr(model.head, "faults", {}) for model in models]
    faults += [logic.faults] if logic is not None else []
    told = [f"{said} ({count} result{'s' * (count > 1)} lost)" for each in faults for said, count in each.items()]
    return told + [note for model in models for note in model.notes]


def snapshot_of(models: Sequence[Model], stages: Sequence[Stage], lanes: Sequence[Lane], metrics: Metrics) -> Snapshot:
    """The figures so far."""
    streams = tuple(_of_stream(lane) for lane in lanes)
    times = [model.times for model in models]
    spent = {
        "decode video": sum(lane.read_cpu_s for lane in lanes),
        "prepare tensors": sum(t.prepare_s for t in times),
        "decode tensors": sum(t.decode_s for t in times),
        **dict(metrics.stages),
        "draw and encode": sum(lane.draw_cpu_s for lane in lanes),
    }
    return Snapshot(
        time.perf_counter() - metrics.began_s,
        time.process_time() - metrics.began_cpu_s,
        sum(s.frames for s in streams),
        streams,
        spent,
        {stage.name: (stage.asking.asked, _recalled(stage.name, lanes)) for stage in stages},
    )


def _recalled(stage: str, lanes: Sequence[Lane]) -> int:
    memories = [lane.memories.of[stage] for lane in lanes if lane.memories and stage in lane.memories.of]
    return sum(memory.recalled for memory in memories)


def _of_stream(lane: Lane) -> StreamSnapshot:
    stats = getattr(lane.source, "stats", None)
    metrics = lane.metrics
    info = lane.info
    return StreamSnapshot(
        lane.id,
        metrics.frames,
        metrics.inferred,
        lane.dropped,
        int(getattr(stats, "corrupt_frames", 0)),
        int(getattr(stats, "decode_errors", 0)) + int(getattr(stats, "read_errors", 0)),
        int(getattr(stats, "reconnects", 0)),
        dict(metrics.objects),
        dict(metrics.tracks),
        metrics.events,
        metrics.counts,
        None if info is None else info.duration_s,
        metrics.last_s,
        None if info is None else info.frames,
        dict(metrics.said),
    )
