"""A bundle: a folder, or one `.sightline` zip, with everything a model needs and the hash of every file.

model.yaml (`Manifest`) says what it is and names the weights; written whole or not at all.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from sightline.errors import OutputError, UsageError
from sightline.models.arrival import Arrived
from sightline.models.graphs.read_onnx import external_files, parse_onnx
from sightline.models.identify import Identified, require
from sightline.models.locate import content_hash
from sightline.models.manifest import Manifest, Origin, dump_manifest, manifest_of
from sightline.models.samples import expected_file

__all__ = ["BUNDLE_SUFFIX", "check_bundle_target", "full_manifest", "write_bundle"]

BUNDLE_SUFFIX = ".sightline"
_LEGAL = ("license", "licence", "copying", "notice")
_MOST_LEGAL = 1 << 20


def write_bundle(
    identified: Identified, target: Path, origin: Origin | None = None, extra: Mapping[str, Path] | None = None
) -> Path:
    """Writes the bundle at `target` (a zip where it ends in .sightline) and returns its path.

    origin: overrides what is known of where it comes from. extra: name -> further file to keep in it.
    Replaces a bundle that is there; any other folder or file that is there is left alone.
    Raises UndecidedError, UsageError, OutputError.
    """
    require(identified)
    check_bundle_target(target)
    draft = target.with_name(f".{target.name}.part")
    shutil.rmtree(draft, ignore_errors=True)
    try:
        draft.mkdir(parents=True)
        names = _copy_all(identified, draft, extra or {})
        files = {name: content_hash((draft / name,)) for name in names}
        manifest = full_manifest(identified, origin).model_copy(update={"weights": names[0], "files": files})
        (draft / "model.yaml").write_text(dump_manifest(manifest), "utf-8")
        if target.suffix == BUNDLE_SUFFIX:
            packed = draft.with_name(f"{draft.name}.zip")
            _zip(draft, packed)
            packed.replace(target)
        else:
            old = target.with_name(f".{target.name}.old")
            shutil.rmtree(old, ignore_errors=True)
            if target.exists():
                target.rename(old)
            draft.rename(target)
            shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise OutputError(f"{target}: the bundle cannot be written: {error.strerror}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        draft.with_name(f"{draft.name}.zip").unlink(missing_ok=True)
    return target


def check_bundle_target(target: Path) -> None:
    """Raises UsageError where a bundle at `target` would lie over something else."""
    if target.suffix == BUNDLE_SUFFIX:
        if target.is_dir():
            raise UsageError(f"{target}: is a folder; a {BUNDLE_SUFFIX} bundle is one file")
        return
    if target.is_file():
        raise UsageError(f"{target}: is a file; name a folder, or a file that ends in {BUNDLE_SUFFIX}")
    if target.is_dir() and any(target.iterdir()) and not (target / "model.yaml").is_file():
        raise UsageError(f"{target}: is a folder with other things in it; name a new one for the bundle")


def _copy_all(identified: Identified, draft: Path, extra: Mapping[str, Path]) -> list[str]:
    """Copies weights, legal texts and extras into `draft`; returns their names, the weights first."""
    weights, arrived = identified.weights, identified.arrived
    names = [weights.name]
    shutil.copyfile(weights, draft / weights.name)
    if identified.format == "openvino":
        stem = weights.with_suffix(".bin").name
        shutil.copyfile(arrived.located.parts[1], draft / stem)
        names.append(stem)
    else:
        for part in external_files(parse_onnx(weights.read_bytes(), weights), weights):
            name = part.relative_to(weights.parent).as_posix()
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(part, draft / name)
            names.append(name)
    for file in _legal(arrived.located.folder):
        shutil.copyfile(file, draft / file.name)
        names.append(file.name)
    for name in arrived.stated.samples if arrived.format == "bundle" else ():
        extra = {**{part: arrived.located.folder / part for part in (name, expected_file(name))}, **extra}
    for name, file in extra.items():
        (draft / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, draft / name)
        names.append(name)
    return names


def _legal(folder: Path) -> list[Path]:
    """Licences and notices beside the model."""
    return sorted(
        file
        for file in folder.iterdir()
        if file.is_file() and file.name.lower().startswith(_LEGAL) and file.stat().st_size <= _MOST_LEGAL
    )


def full_manifest(identified: Identified, origin: Origin | None = None) -> Manifest:
    """Everything known of a model, but which files hold it; `origin` in place of what is known of that."""
    from sightline import __version__

    arrived, stated = identified.arrived, identified.arrived.stated
    made = origin or (stated.origin if stated.origin.format else _origin(arrived))
    return manifest_of(identified.spec).model_copy(
        update={
            "origin": made.model_copy(update={"imported": datetime.now(UTC).date().isoformat(), "by": __version__}),
            "changes": arrived.changes,
            "source": stated.source,
            "metrics": stated.metrics,
            "run": stated.run,
            "samples": stated.samples,
        }
    )


def _origin(arrived: Arrived) -> Origin:
    return Origin(
        format=arrived.format,
        files={path.name: content_hash((path,)) for path in arrived.sources if path.is_file()},
    )


def _zip(folder: Path, target: Path) -> None:
    """The same files give the same bytes: fixed order and times, weights stored as they are."""
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for file in sorted(folder.rglob("*")):
            if not file.is_file():
                continue
            info = zipfile.ZipInfo(file.relative_to(folder).as_posix(), (1980, 1, 1, 0, 0, 0))
            info.external_attr = 0o644 << 16
            info.compress_type = zipfile.ZIP_STORED if file.stat().st_size > 1 << 16 else zipfile.ZIP_DEFLATED
            with archive.open(info, "w", force_zip64=True) as out, file.open("rb") as data:
                shutil.copyfileobj(data, out, 1 << 20)
