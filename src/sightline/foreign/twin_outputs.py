"""What a twin's pipeline leaves: results, the accelerator's messages, videos where it draws."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sightline.config import PartConfig
from sightline.foreign.twin import Region, Twin, TwinPipeline

__all__ = ["file_name", "in_folder", "outputs_of"]

_ODD = re.compile(r"[^\w.\-]+")
# what the accelerator's own business logic looks for in the regions
_WATCHED = ("person", "defect")
_EVERY = 30  # the accelerator sends the message of every 30th frame


def file_name(id: str) -> str:
    """The pipeline's id as part of a file's name."""
    return _ODD.sub("_", id).strip(".")[:100] or "pipeline"


def in_folder(out: str, name: str) -> str:
    """`name` within the folder `out`; "" is the current one."""
    return f"{out.rstrip('/')}/{name}" if out else name


def outputs_of(
    wanted: TwinPipeline, twin: Twin, regions: Sequence[tuple[str, Region]], out: str, *, live: bool
) -> tuple[PartConfig, ...]:
    """ID.jsonl, ID.messages.jsonl; ID-STREAM.mp4 with osd (of files), or where the twin says that it records from its
    start on; snippets in ID-snippets/ while somebody is in a region. regions: each with its sensor's name.
    """
    name = file_name(wanted.id)
    messages: dict[str, object] = {
        "kind": "accelerator",
        "config_id": wanted.id,
        "every": _EVERY,
        "regions": [
            {"color": r.color, "label": r.label, "coordinates": [list(p) for p in r.points], "sensor": sensor}
            for sensor, r in regions
        ],
    }
    sinks: list[dict[str, object]] = [
        {"kind": "jsonl", "path": in_folder(out, f"{name}.jsonl")},
        {"kind": "jsonl", "path": in_folder(out, f"{name}.messages.jsonl"), "payload": messages},
    ]
    if (wanted.osd and not live) or dict(twin.recording).get(wanted.id, False):
        sinks.append({"kind": "video", "path": in_folder(out, f"{name}-{{stream}}.mp4")})
    if zones := _zones(regions):
        sinks.append(
            {
                "kind": "record",
                "path": in_folder(out, f"{name}-snippets/"),
                "name": f"{name.lower()}-{{time}}_{{stream}}",
                "labels": list(_WATCHED),
                "zones": list(zones),
                "longest_s": twin.snippet_s,
                "overlay": wanted.osd,
                "payload": {**messages, "every": 1},
            }
        )
    return tuple(PartConfig.model_validate(sink) for sink in sinks)


def _zones(regions: Sequence[tuple[str, Region]]) -> tuple[str, ...]:
    """The labels that every stream with regions has; a rule is one for all streams of a pipeline."""
    of_stream: dict[str, list[str]] = {}
    for sensor, region in regions:
        of_stream.setdefault(sensor, []).append(region.label)
    first = next(iter(of_stream.values()), [])
    return tuple(dict.fromkeys(label for label in first if all(label in labels for labels in of_stream.values())))
