"""The score below which a model's own file drops what it finds: nothing less reaches what stands behind it."""

from __future__ import annotations

from sightline.foreign.nvinfer_keys import class_of_group
from sightline.foreign.values import number
from sightline.foreign.written import Written

__all__ = ["least_score"]

_KEYS = ("pre-cluster-threshold", "threshold")
_FIELDS = ("confidence_threshold", "pre_threshold", "threshold")
_BLOCK = "infer_config.postprocess.detection"


def least_score(written: Written) -> float:
    """Of an nvinfer or nvinferserver file, over all classes; 0 where it says none. Raises ConfigError."""
    found: list[float] = []
    for entry in written.entries:
        classes = entry.group == "class-attrs-all" or class_of_group(entry.group) is not None
        if (classes and entry.key in _KEYS) or (entry.group.startswith(_BLOCK) and entry.key in _FIELDS):
            found.append(number(entry))
    return min(max(0.0, min(found, default=0.0)), 1.0)
