"""What every importer takes and gives: one function `read(found: Foreign) -> Imported` a foreign format.

An importer reads files; it runs nothing of what they hold, and writes only into `Foreign.workspace`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sightline.foreign.fates import KeyFate
from sightline.models.manifest import Manifest

__all__ = ["Foreign", "Imported"]


@dataclass(frozen=True, slots=True)
class Foreign:
    """A model in a foreign format.

    format: the key of `formats.IMPORTERS`. path: the file, or the folder, that names the model.
    folder: where its side files may lie. given: further files that the user named with it.
    whole: the user named the folder, so that every side file in it belongs to this model.
    moved: what the file names -> where that is here.
    workspace: an empty folder for what is written on the way.
    """

    format: str
    path: Path
    folder: Path
    workspace: Path
    given: tuple[Path, ...] = ()
    whole: bool = False
    moved: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Imported:
    """A model that a runtime can load, and everything that its format says of it.

    weights: an .onnx file, or an .xml with its .bin; where it was and untouched, or new in the workspace.
    manifest: what the format states outright; what it does not state stays None and is found out from the graph.
    sources: every file that the import read, for provenance and for the key of the cache.
    changes: what was changed on the way, one sentence each. warnings: one line each, for the user.
    folder: where labels and other side files lie if not in `Foreign.folder`.
    keys: of a configuration that names the model: what became of each of its keys.
    absent: files that were looked for in vain; once one is there, the import is another one.
    """

    weights: Path
    manifest: Manifest
    sources: tuple[Path, ...] = ()
    changes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    folder: Path | None = None
    keys: tuple[KeyFate, ...] = ()
    absent: tuple[Path, ...] = ()
