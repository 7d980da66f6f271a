"""Networks that were imported from Darknet say themselves, in the file's metadata, how they are read."""

from __future__ import annotations

import json

from sightline.models.kinds.evidence import Facts
from sightline.models.kinds.reading import Reading

__all__ = ["read_darknet"]

_HEADS = ("darknet-yolo", "darknet-region", "darknet-detection", "classify")


def read_darknet(facts: Facts) -> Reading | None:
    """The entry "darknet" that the importer writes: head, options, classes."""
    try:
        said = json.loads(facts.graph.metadata.get("darknet", ""))
    except ValueError:
        return None
    if not isinstance(said, dict):
        return None
    head, options, classes = said.get("head"), said.get("options"), said.get("classes")
    if head not in _HEADS or not isinstance(options, dict) or not isinstance(classes, int):
        return None
    task = "classify" if head == "classify" else "detect"
    why = (f"the last layers of its Darknet cfg are read by {head}",)
    return Reading(head, "darknet", 1.0, why, {str(k): v for k, v in options.items()}, classes or None, task=task)
