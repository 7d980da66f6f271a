"""The tracker and the dewarper that a twin, or launch text, names by a file -> parts of a pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sightline.config import PartConfig, StageConfig
from sightline.errors import ConfigError, ModelError
from sightline.foreign.dewarper_config import DewarperFile, dewarper_of
from sightline.foreign.keyfile import Entry
from sightline.foreign.mapping import Mapping
from sightline.foreign.named_files import NamedFiles
from sightline.foreign.nvmot import NearestTracker, nearest_tracker, tracker_of_library
from sightline.foreign.twin import Configured
from sightline.foreign.values import text
from sightline.foreign.written import Written, read_written

__all__ = ["TrackerPart", "dewarp_of", "light_tracker", "tracker_of"]


@dataclass(frozen=True, slots=True)
class TrackerPart:
    """The tracker; the stages that tell it what objects look like; what a user should know of how it was made."""

    part: PartConfig
    stages: tuple[StageConfig, ...] = ()
    notes: tuple[str, ...] = ()


def light_tracker(word: str) -> TrackerPart:
    """For the accelerator's word `light-tracker`, which needs no file."""
    found = tracker_of_library(word)
    return TrackerPart(found.tracker, (), found.notes)


def tracker_of(path: Path, mapping: Mapping) -> TrackerPart:
    """path: a file with a group [tracker], which names a library and its file; or such a file itself.

    Raises ModelError, ConfigError naming file, line and key of what is wrong.
    """
    written = read_written(path)
    if not written.has("tracker"):
        return _with_appearance(nearest_tracker("", written), path, mapping)
    library, named = written.get("tracker", "ll-lib-file"), written.get("tracker", "ll-config-file")
    configured = _named(named, path, mapping) if named is not None and text(named) else None
    found = nearest_tracker("" if library is None else text(library), configured)
    return _with_appearance(found, path if configured is None else configured.path, mapping)


def _named(entry: Entry, beside: Path, mapping: Mapping) -> Written:
    """The file that an entry names. Raises ModelError where it is missing."""
    files = NamedFiles(mapping, beside.parent)
    return read_written(files.path(Configured(text(entry), entry.where), entry.key))


def _with_appearance(found: NearestTracker, beside: Path, mapping: Mapping) -> TrackerPart:
    """Where the model of appearance is missing, the tracker does without it, and that is told."""
    wanted = found.appearance
    if wanted is None:
        return TrackerPart(found.tracker, (), found.notes)
    try:
        model = NamedFiles(mapping, beside.parent).path(Configured(wanted.model, wanted.where), "the appearance model")
    except ModelError as error:
        return TrackerPart(
            found.tracker, (), (*found.notes, f"{str(error).splitlines()[0]}; objects are tracked by place")
        )
    stage = StageConfig.model_validate({**wanted.settings, "path": str(model)})
    return TrackerPart(found.tracker, (stage,), found.notes)


def dewarp_of(path: Path) -> DewarperFile:
    """An nvdewarper file, with the tables of calibration that lie beside it. Raises ModelError, ConfigError."""
    written = read_written(path)
    made = dewarper_of(written, _table(written, "aisle"), _table(written, "spot"))
    if not made.views:
        raise ConfigError(f"{path}: names no surface: there is nothing to make of the picture")
    return made


def _table(written: Written, what: str) -> Written | None:
    entry = written.get("property", f"{what}-calibration-file")
    path = written.path.parent / entry.value if entry is not None else None
    return read_written(path) if path is not None and path.is_file() else None
