"""What a twin's pipeline leaves: results, the accelerator's messages, videos where it draws."""

from __future__ import annotations

import re
from collections import Counter
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
    wanted: TwinPipeline,
    twin: Twin,
    regions: Sequence[tuple[str, Region]],
    out: str,
    *,
    live: bool,
    ruled: Sequence[str] = (),
) -> tuple[PartConfig, ...]:
    """ID.jsonl, ID.messages.jsonl; ID-STREAM.mp4 with osd (of files), or where the twin says that it records from its
    start on; snippets in ID-snippets/ while somebody is in a region, or as rules ask.

    regions: each with its sensor's name. ruled: the streams of which the user's rules may begin recordings.
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
    record: dict[str, object] = {
        "kind": "record",
        "path": in_folder(out, f"{name}-snippets/"),
        "name": f"{name.lower()}-{{time}}_{{stream}}",
        "longest_s": twin.snippet_s,
        "overlay": wanted.osd,
        "payload": {**messages, "every": 1},
    }
    zones, sensors = _zones(regions)
    if zones:
        sinks.append({**record, "labels": list(_WATCHED), "zones": list(zones), "streams": list(sensors)})
    if others := [stream for stream in ruled if stream not in sensors]:
        sinks.append({**record, "streams": others})
    return tuple(PartConfig.model_validate(sink) for sink in sinks)


def _zones(regions: Sequence[tuple[str, Region]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The rules of all regions, and the streams that have one. The second region of a label is "label (2)" there."""
    seen: Counter[tuple[str, str]] = Counter()
    zones: dict[str, None] = {}
    for sensor, region in regions:
        seen[sensor, region.label] += 1
        number = seen[sensor, region.label]
        zones[region.label if number == 1 else f"{region.label} ({number})"] = None
    return tuple(zones), tuple(dict.fromkeys(sensor for sensor, _ in regions))
