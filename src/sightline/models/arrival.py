"""A model as its user has it -> files that a runtime loads, and all that its format states: the way in for all.

What has to be unpacked or converted goes into a workspace: a cache by content for `run`, a passing folder for `import`.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, cast

from sightline.errors import ModelError, OutputError
from sightline.foreign.fates import KeyFate
from sightline.models.archives import unpack
from sightline.models.formats import IMPORTERS
from sightline.models.importers.seam import Foreign, Imported
from sightline.models.locate import MANIFESTS, Located, Meant, content_hash, meant, weights_beside
from sightline.models.manifest import Manifest, load_manifest
from sightline.models.nothing import NOTHING, nothing_manifest, write_nothing
from sightline.models.samples import expected_file

__all__ = ["Arrived", "arrive", "import_cache", "into_cache"]

_NOT_MOVED: Mapping[str, str] = {}

_KEPT = 32


@dataclass(frozen=True, slots=True)
class Arrived:
    """A model that a runtime can load. stated: what its format says, with the user's own model.yaml above it.

    format: what it came in. sources: every file that was read. changes, warnings, keys: see `Imported`.
    """

    located: Located
    stated: Manifest
    format: str
    sources: tuple[Path, ...]
    changes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    keys: tuple[KeyFate, ...] = ()


def import_cache() -> Path:
    """Where converted models are kept: XDG_CACHE_HOME or ~/.cache, then "sightline/imports"."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "sightline" / "imports"


def arrive(
    path: str | Path,
    given: Sequence[Path] = (),
    workspace: Path | None = None,
    moved: Mapping[str, str] = _NOT_MOVED,
) -> Arrived:
    """The model at `path`; `given` are further files that the user named with it.

    moved: what a configuration that names the model calls its files -> where they are here.

    workspace: a folder for what is written on the way; None: the cache, where a second call finds it again.
    Raises ModelError, UsageError, ConfigError; OutputError where the workspace cannot be written.
    """
    if str(path) == NOTHING:
        return _nothing(workspace)
    found = meant(path)
    if found.format == "archive":
        return _unpacked(found, given, workspace, moved)
    if found.format == "bundle":
        return _bundle(found)
    if found.format in ("onnx", "openvino"):
        located = _located(found.path, found.folder, found.whole, given)
        return Arrived(located, _beside(found.folder), found.format, located.parts)
    return _imported(found, given, workspace, moved)


def _nothing(workspace: Path | None) -> Arrived:
    """The model that looks for nothing."""
    folder = workspace or import_cache() / "nothing-1"
    if not (folder / "nothing.onnx").is_file():
        if workspace is not None:
            workspace.mkdir(parents=True, exist_ok=True)
            write_nothing(workspace)
        else:

            def make(draft: Path) -> None:
                write_nothing(draft)

            into_cache(folder, make)
    located = _located(folder / "nothing.onnx", folder, whole=True)
    return Arrived(located, nothing_manifest(), "builtin", located.parts)


def _located(weights: Path, folder: Path, whole: bool, given: Sequence[Path] = ()) -> Located:
    if weights.suffix.lower() == ".xml":
        named = next((path for path in given if path.suffix.lower() == ".bin"), None)
        return Located(weights, (weights, named or weights_beside(weights)), "openvino", folder, whole)
    return Located(weights, (weights,), "onnx", folder, whole)


def _beside(folder: Path) -> Manifest:
    path = next((folder / name for name in MANIFESTS if (folder / name).is_file()), None)
    return Manifest() if path is None else load_manifest(path)


# -- bundles and archives ----------------------------------------------------------------------------------------------


def _bundle(found: Meant) -> Arrived:
    """A bundle, every file of it checked against its manifest. Raises ModelError naming the file that differs."""
    manifest = load_manifest(found.path)
    for name, digest in manifest.files.items():
        file = _inside(found, name)
        if not file.is_file():
            raise ModelError(f"{found.path}: its file {name} is missing; copy the whole bundle again")
        if content_hash((file,)) != digest:
            raise ModelError(
                f"{file}: changed since the bundle was made (sha256 differs)\n"
                f"import it again, or take its line out of `files` in {found.path.name} if the change is yours"
            )
    for name in manifest.samples:
        for file in (_inside(found, name), _inside(found, expected_file(name))):
            if not file.is_file():
                raise ModelError(f"{found.path}: its test picture {name} or what is expected of it is missing")
    weights = _inside(found, manifest.weights)
    if not weights.is_file():
        raise ModelError(f"{found.path}: its weights {manifest.weights} are missing; copy the whole bundle again")
    located = _located(weights, found.folder, whole=True)
    warnings = () if manifest.files else (f"{found.path}: names no hashes (`files`), so nothing was checked",)
    return Arrived(located, manifest, "bundle", (found.path, *located.parts), manifest.changes, warnings)


def _inside(found: Meant, name: str) -> Path:
    file = found.folder / name
    try:
        within = file.resolve().is_relative_to(found.folder.resolve())
        file.is_file()
    except (OSError, ValueError) as error:  # longer than any name, or with a zero byte
        raise ModelError(f"{found.path}: names a file that no file system takes: {name[:60]!r}") from error
    if not within:
        raise ModelError(f"{found.path}: names a file outside its folder: {name}")
    return file


def _unpacked(found: Meant, given: Sequence[Path], workspace: Path | None, moved: Mapping[str, str]) -> Arrived:
    key = "unpacked-" + content_hash((found.path,))[:40]
    if workspace is not None:
        folder = unpack(found.path, workspace / key)
    else:
        entry = import_cache() / key
        if not entry.is_dir():
            into_cache(entry, lambda draft: _as_is(unpack(found.path, draft)))
        os.utime(entry)
        inside = list(entry.iterdir())
        folder = inside[0] if len(inside) == 1 and inside[0].is_dir() else entry
    inner = _within(found.path, folder)
    try:
        arrived = arrive(inner, given, workspace, moved)
    except ModelError as error:
        raise type(error)(str(error).replace(str(folder), found.path.name)) from error
    return replace(arrived, sources=(found.path, *arrived.sources))


def _as_is(folder: Path) -> None:
    """Unpacking itself is all that the cache wants."""


def _within(archive: Path, folder: Path) -> Path:
    """The folder to look in: the unpacked one, or the only one below it that holds a model."""
    files = [entry for entry in folder.iterdir() if entry.is_file()]
    folders = [entry for entry in folder.iterdir() if entry.is_dir()]
    if files or len(folders) != 1:
        return folder
    return _within(archive, folders[0])


# -- importers ---------------------------------------------------------------------------------------------------------


def _imported(found: Meant, given: Sequence[Path], workspace: Path | None, moved: Mapping[str, str]) -> Arrived:
    if workspace is not None:
        room = workspace / found.format
        room.mkdir(parents=True, exist_ok=True)
        imported = _importer(found.format)(_foreign(found, room, given, moved))
    else:
        imported = _from_cache(found, given, moved)
    folder = imported.folder or found.folder
    located = _located(imported.weights, folder, found.whole or imported.folder is not None)
    return Arrived(
        located,
        _above(_beside(found.folder), imported.manifest),
        found.format,
        imported.sources,
        imported.changes,
        imported.warnings,
        imported.keys,
    )


def _foreign(found: Meant, room: Path, given: Sequence[Path], moved: Mapping[str, str]) -> Foreign:
    return Foreign(found.format, found.path, found.folder, room, tuple(given), found.whole, moved)


def _importer(format: str) -> Callable[[Foreign], Imported]:
    module, _, name = IMPORTERS[format].partition(":")
    return cast("Callable[[Foreign], Imported]", getattr(importlib.import_module(module), name))


def _above(own: Manifest, stated: Manifest) -> Manifest:
    """What `own` says, and where it is silent what `stated` says."""
    merged = {name: getattr(stated, name) for name in stated.model_fields_set}
    for name in own.model_fields_set:
        mine, theirs = getattr(own, name), merged.get(name)
        if name in ("input", "thresholds") and theirs is not None:
            mine = theirs.model_copy(update={field: getattr(mine, field) for field in mine.model_fields_set})
        merged[name] = mine
    return Manifest(**merged)


# -- the cache ---------------------------------------------------------------------------------------------------------


def _from_cache(found: Meant, given: Sequence[Path], moved: Mapping[str, str]) -> Imported:
    """The import of earlier, where every file that it read is still the same; else a new one."""
    named = [found.path, *given]
    facts = [found.format, str(found.path.resolve()), found.whole, [str(p.resolve()) for p in given], _code()]
    facts += [content_hash((path,)) for path in named if path.is_file()]
    facts += [[old, new] for old, new in sorted(moved.items())]
    key = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:40]
    entry = import_cache() / key
    known = _recall(entry)
    if known is not None:
        os.utime(entry)
        return known
    shutil.rmtree(entry, ignore_errors=True)

    def make(draft: Path) -> None:
        imported = _importer(found.format)(_foreign(found, draft, given, moved))
        (draft / "import.json").write_text(_remember(imported, draft), "utf-8")

    into_cache(entry, make)
    made = _recall(entry)
    if made is None:
        raise ModelError(f"{found.path}: the files it is made of changed while they were read; try again")
    return made


def into_cache(entry: Path, make: Callable[[Path], None]) -> None:
    """`make` fills a draft that then gets its name at once: a cache never holds half an import."""
    try:
        entry.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=entry.parent))
    except OSError as error:
        raise OutputError(
            f"{entry.parent}: the converted model cannot be kept there: {error.strerror}\n"
            "set XDG_CACHE_HOME to a folder that can be written, or use sightline import"
        ) from error
    try:
        make(draft)
        if entry.is_dir():  # another process was faster
            return
        draft.rename(entry)
        _prune(entry.parent)
    except OSError as error:
        if not entry.is_dir():
            raise OutputError(
                f"{entry.parent}: the converted model cannot be kept there: {error.strerror or error}"
            ) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _prune(cache: Path) -> None:
    entries = sorted((e for e in cache.iterdir() if not e.name.startswith(".")), key=lambda e: e.stat().st_mtime)
    for old in entries[:-_KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def _code() -> str:
    """What the importers are made of: a changed importer never meets an old conversion."""
    digest = hashlib.sha256()
    for file in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _remember(imported: Imported, room: Path) -> str:
    weights, within = imported.weights.resolve(), room.resolve()
    return json.dumps(
        {
            "weights": str(weights.relative_to(within) if weights.is_relative_to(within) else weights),
            "manifest": imported.manifest.model_dump(mode="json", exclude_unset=True),
            "sources": {str(path.resolve()): content_hash((path,)) for path in imported.sources if path.is_file()},
            "kept": {
                path.relative_to(room).as_posix(): content_hash((path,)) for path in room.rglob("*") if path.is_file()
            },
            "changes": imported.changes,
            "warnings": imported.warnings,
            "folder": None if imported.folder is None else str(imported.folder.resolve()),
            "keys": [asdict(fate) for fate in imported.keys],
            "absent": [str(path.resolve()) for path in imported.absent],
        }
    )


def _recall(entry: Path) -> Imported | None:
    try:
        told: dict[str, Any] = json.loads((entry / "import.json").read_text("utf-8"))
        sources = cast("dict[str, str]", told["sources"])
        if any(content_hash((Path(path),)) != digest for path, digest in sources.items()):
            return None
        absent = tuple(Path(path) for path in told["absent"])
        if any(path.exists() for path in absent):
            return None
        kept = cast("dict[str, str]", told["kept"])
        if any(content_hash((entry / name,)) != digest for name, digest in kept.items()):
            return None  # somebody's hand or a full disk was in it
        weights = entry / told["weights"]
        if not weights.is_file():
            return None
        return Imported(
            weights,
            Manifest.model_validate(told["manifest"]),
            tuple(Path(path) for path in sources),
            tuple(told["changes"]),
            tuple(told["warnings"]),
            None if told["folder"] is None else Path(told["folder"]),
            tuple(KeyFate(**fate) for fate in told["keys"]),
            absent,
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None
