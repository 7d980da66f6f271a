"""Detectors that were imported from Caffe say themselves, in the file's metadata, how they are read."""

from __future__ import annotations

import json

from sightline.models.kinds.evidence import Facts
from sightline.models.kinds.reading import Reading

__all__ = ["read_caffe"]


def read_caffe(facts: Facts) -> Reading | None:
    """The entry "caffe" that the importer writes: the options of the head ssd, and how many classes there are."""
    try:
        said = json.loads(facts.graph.metadata.get("caffe", ""))
    except ValueError:
        return None
    if not isinstance(said, dict) or not isinstance(said.get("options"), dict):
        return None
    options, classes = said["options"], said.get("classes")
    background = options.get("background") == 0
    why = ("its prototxt ends in DetectionOutput",)
    count = classes if isinstance(classes, int) and classes > 0 else None
    return Reading("ssd", _family(facts), 1.0, why, options, count, background=background)


def _family(facts: Facts) -> str:
    """What such networks are fed with differs; the published ones are known by their names."""
    if 1 in facts.picture.shape[1:2]:
        return "caffe-grey"
    if "res10" in facts.hints:
        return "caffe-res10"
    return "mobilenet-ssd" if "mobilenet" in facts.hints.replace("_", "").replace("-", "") else "caffe"
