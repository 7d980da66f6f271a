"""A snapshot of a finished run -> what people read on stderr, and what `--json` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sightline.pipeline.metrics import Snapshot, StreamSnapshot
from sightline.protocols import RunInfo

__all__ = ["as_json", "lines"]


def as_json(
    snapshot: Snapshot, info: RunInfo | None, lost: Mapping[str, BaseException], notes: Sequence[str]
) -> dict[str, object]:
    """Figures by stream, CPU seconds by stage, streams lost and why, and the notes."""
    return {
        "frames": snapshot.frames,
        "seconds": round(snapshot.wall_s, 3),
        "cpu_s": round(snapshot.cpu_s, 3),
        "frames_per_s": round(snapshot.rate, 2),
        "models": [
            {"name": m.name, "head": m.head, "runtime": m.runtime, "precision": m.precision, "score": m.score}
            for m in (info.models if info else ())
        ],
        "streams": {s.id: _stream(s) for s in snapshot.streams},
        "looks": {stage: {"asked": asked, "remembered": kept} for stage, (asked, kept) in snapshot.looks.items()},
        "stages_cpu_s": {stage: round(seconds, 3) for stage, seconds in snapshot.stages.items()},
        "lost": {stream: str(error) for stream, error in lost.items()},
        "notes": list(notes),
    }


def _stream(stream: StreamSnapshot) -> dict[str, object]:
    return {
        "frames": stream.frames,
        "inferred": stream.inferred,
        "dropped": stream.dropped,
        "corrupt": stream.corrupt,
        "errors": stream.errors,
        "reconnects": stream.reconnects,
        "objects": dict(stream.objects),
        "tracks": dict(stream.tracks),
        "said": dict(stream.said),
        "events": stream.events,
        "counts": {rule: {side: dict(n) for side, n in sides.items()} for rule, sides in stream.counts.items()},
    }


def lines(
    snapshot: Snapshot, info: RunInfo | None, lost: Mapping[str, BaseException], notes: Sequence[str]
) -> list[str]:
    """For people: the run, one line a stream, one a rule, the CPU times, then what else is worth knowing."""
    used = "".join(f", {m.name} on {m.runtime} {m.precision}" for m in (info.models if info else ()) if m.runtime)
    out = [f"{snapshot.frames} frames in {snapshot.wall_s:.1f} s ({snapshot.rate:.1f} frames/s{used})"]
    for stream in snapshot.streams:
        out.append(f"{stream.id}: {stream.frames} frames{_troubles(stream)}; {_found(stream)}")
        out += [f"  {rule}: {_sides(sides)}" for rule, sides in stream.counts.items()]
    for stage, (asked, kept) in snapshot.looks.items():
        out.append(f"{stage}: looked at {asked} objects" + (f", remembered {kept}" if kept else ""))
    if snapshot.frames:
        stages = {k: 1000 * v / snapshot.frames for k, v in snapshot.stages.items() if v}
        out.append(f"CPU ms a frame: {', '.join(f'{stage} {ms:.2f}' for stage, ms in stages.items())}")
    out += [f"lost {stream}: {error}" for stream, error in lost.items()]
    return out + [f"note: {note}" for note in notes]


def _troubles(stream: StreamSnapshot) -> str:
    said = {
        "dropped": stream.dropped,
        "damaged": stream.corrupt,
        "decoding errors": stream.errors,
        "reconnects": stream.reconnects,
    }
    return "".join(f", {n} {what}" for what, n in said.items() if n)


def _found(stream: StreamSnapshot) -> str:
    words: list[str] = []
    if stream.tracks:
        words.append(f"tracked {_by_label(stream.tracks)}")
    elif stream.objects:
        words.append(f"found {_by_label(stream.objects)}, all frames together")
    if stream.said:
        words.append(f"said {_by_label(stream.said, ' x ')}")
    return "; ".join(words) or "nothing found"


def _by_label(counts: Mapping[str, int], between: str = " ") -> str:
    return ", ".join(f"{n}{between}{label}" for label, n in sorted(counts.items(), key=lambda item: -item[1]))


def _sides(sides: Mapping[str, Mapping[str, int]]) -> str:
    said = [
        f"{side} {sum(labels.values())}" + (f" ({_by_label(labels)})" if labels else "")
        for side, labels in sides.items()
    ]
    return ", ".join(said) or "nothing yet"
