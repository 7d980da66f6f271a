"""What a twin's pipeline leaves: results, the accelerator's messages, videos where it draws."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sightline.config import PartConfig
from sightline.foreign.twin import Region, Twin, TwinPipeline

__all__ = ["file_name", "in_folder", "outputs_of"]

_ODD = re.compile(r"[^\w.\-]+")
_EVERY = 30  # the accelerator sends the message of every 30th frame


def file_name(id: str) -> str:
    """The pipeline's id as part of a file's name."""
    return _ODD.sub("_", id).strip(".")[:100] or "pipeline"


def in_folder(out: str, name: str) -> str:
    """`name` within the folder `out`; "" is the current one."""
    return f"{out.rstrip('/')}/{name}" if out else name


def outputs_of(
    wanted: TwinPipeline, twin: Twin, regions: Sequence[tuple[str, Region]], out: str
) -> tuple[PartConfig, ...]:
    """ID.jsonl, ID.messages.jsonl and, with osd, ID-STREAM.mp4 in `out`. regions: each with its sensor's name."""
    name = file_name(wanted.id)
    messages = {
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
    if wanted.osd:
        sinks.append({"kind": "video", "path": in_folder(out, f"{name}-{{stream}}.mp4")})
    return tuple(PartConfig.model_validate(sink) for sink in sinks)
