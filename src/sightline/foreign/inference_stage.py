"""What an nvinfer or nvinferserver file says of its place in a cascade: which stage it is, and what it looks at."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sightline.foreign.keyfile import Entry, bare
from sightline.foreign.places import Places
from sightline.foreign.values import number, text, wholes
from sightline.foreign.written import Written, read_written

__all__ = ["InferenceStage", "inference_stage", "labels_of"]

# our word: (group, key) in nvinfer's form, and the last words of nvinferserver's path
_KEYS: dict[str, tuple[str, str]] = {
    "id": ("gie-unique-id", "infer_config/unique_id"),
    "from": ("operate-on-gie-id", "input_control/operate_on_gie_id"),
    "classes": ("operate-on-class-ids", "input_control/operate_on_class_ids"),
    "interval": ("interval", "input_control/interval"),
    "reinfer": ("secondary-reinfer-interval", "input_control/secondary_reinfer_interval"),
    "min_width": ("input-object-min-width", "bbox_filter/min_width"),
    "min_height": ("input-object-min-height", "bbox_filter/min_height"),
    "max_width": ("input-object-max-width", "bbox_filter/max_width"),
    "max_height": ("input-object-max-height", "bbox_filter/max_height"),
    "labels": ("labelfile-path", "postprocess/labelfile_path"),
}


@dataclass(frozen=True, slots=True)
class InferenceStage:
    """id: the number that other stages name it by. parent: the number of the stage whose objects it looks at.

    classes: ids of that stage's labels; (): all. sizes: smallest and largest objects, (w, h), None without a bound.
    interval: frames that it passes over. labels: of what it finds itself, where it names a file of them.
    files: what it names -> where that is here, of what is elsewhere than it says.
    """

    id: int | None
    parent: int | None = None
    classes: tuple[int, ...] = ()
    min_size_px: tuple[float, float] | None = None
    max_size_px: tuple[float, float] | None = None
    interval: int = 0
    reinfer: int = 0
    labels: tuple[str, ...] = field(default=())
    files: Mapping[str, str] = field(default_factory=dict[str, str])


def inference_stage(path: Path, places: Places | None = None) -> InferenceStage:
    """places: how the user has told where files are.

    Raises ModelError where the file cannot be read, ConfigError where one of the numbers is none.
    """
    written = read_written(path)
    said = {word: entry for word in _KEYS if (entry := _entry(written, word)) is not None}
    files = {} if places is None else _elsewhere(written, places)
    return InferenceStage(
        _whole(said, "id"),
        _parent(said),
        tuple(wholes(said["classes"])) if "classes" in said and said["classes"].value.strip(" ;") else (),
        _size(said, "min"),
        _size(said, "max"),
        max(0, _whole(said, "interval") or 0),
        max(0, _whole(said, "reinfer") or 0),
        _labels(said.get("labels"), path, files),
        files,
    )


def _elsewhere(written: Written, places: Places) -> dict[str, str]:
    """What --map and --root say of the files that it names, and what lies in a copy of the folder of installation."""
    files: dict[str, str] = {}
    for entry in written.entries:
        value = bare(entry.value)
        if "/" not in value and "\\" not in value:
            continue
        found = places.found(value, written.path)
        if found is not None and str(found) != os.path.normpath(written.path.parent / value):
            files[value] = str(found.absolute())
    return files


def _entry(written: Written, word: str) -> Entry | None:
    key, tail = _KEYS[word]
    if written.form != "protobuf":
        return written.get("property", key)
    group, name = tail.split("/")
    fitting = [e for e in written.entries if e.key == name and e.group.rpartition(".")[2] == group]
    return fitting[-1] if fitting else None


def _whole(said: dict[str, Entry], word: str) -> int | None:
    return int(number(said[word])) if word in said else None


def _parent(said: dict[str, Entry]) -> int | None:
    """-1 is any stage, which is to say the first."""
    parent = _whole(said, "from")
    return parent if parent is not None and parent >= 0 else None


def _size(said: dict[str, Entry], bound: str) -> tuple[float, float] | None:
    sides = [number(said[word]) if (word := f"{bound}_{side}") in said else 0.0 for side in ("width", "height")]
    if not any(side > 0 for side in sides):
        return None
    open_end = 0.0 if bound == "min" else 1e6  # of the side that is not bounded
    return (sides[0] if sides[0] > 0 else open_end, sides[1] if sides[1] > 0 else open_end)


def _labels(entry: Entry | None, beside: Path, files: Mapping[str, str]) -> tuple[str, ...]:
    """One a line, or with semicolons; () where the file is missing, which the model's import tells."""
    if entry is None:
        return ()
    try:
        named = beside.parent / files.get(bare(entry.value), text(entry))
        lines = named.read_bytes()[: 1 << 20].decode("utf-8", "replace").splitlines()
    except (OSError, ValueError):
        return ()
    if len(lines) == 1 and ";" in lines[0]:
        lines = lines[0].split(";")
    return tuple(line.strip() for line in lines if line.strip())


def labels_of(classes: tuple[int, ...], stage: InferenceStage | None) -> tuple[str, ...]:
    """The labels that the ids `classes` have in `stage`; "class3" where it has no name for one."""
    names = stage.labels if stage is not None else ()
    return tuple(names[i] if 0 <= i < len(names) else f"class{i}" for i in classes)
