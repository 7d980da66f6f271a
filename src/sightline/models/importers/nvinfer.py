"""DeepStream's nvinfer and nvinferserver files: the model that they name, and all that they say of it.

https://docs.nvidia.com/metropolis/deepstream/dev-guide/text/DS_plugin_gst-nvinfer.html; docs/nvinfer.md has every key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from sightline.errors import ModelError
from sightline.foreign.fates import KeyFate, fates_of, told
from sightline.foreign.keyfile import KeyFile, bare, parse_key_file, text_of_file
from sightline.foreign.nvinfer_keys import CLASS_ATTRS, NVINFER, TELLING
from sightline.foreign.nvinferserver_keys import NVINFERSERVER
from sightline.foreign.protobuf_entries import entries_of
from sightline.foreign.protobuf_text import parse_message
from sightline.models.formats import is_nvinferserver
from sightline.models.graphs.file_graph import graph_of
from sightline.models.importers.contents import above
from sightline.models.importers.nvinfer_files import find, model_of
from sightline.models.importers.nvinfer_labels import names_of
from sightline.models.importers.nvinfer_manifest import translated
from sightline.models.importers.nvinfer_settings import Settings, settings_of
from sightline.models.importers.nvinferserver import served_model, settings_of_message
from sightline.models.importers.seam import Foreign, Imported
from sightline.models.manifest import Manifest

__all__ = ["keys_of", "read"]

_MOST_TOLD = 20


def read(found: Foreign) -> Imported:
    """The model that the file `found.path` names. Raises ModelError naming file, line and key."""
    text = text_of_file(found.path)
    if is_nvinferserver(text):
        whole = parse_message(text, found.path)
        fates = fates_of(tuple(entries_of(whole, str(found.path))), NVINFERSERVER)
        with _telling(fates):
            whole = whole.with_texts(found.moved)
            imported = served_model(whole, found)
            return _imported(found.path, fates, settings_of_message(whole, found.path), imported, server=True)
    file = parse_key_file(text, found.path)
    _check(file)
    fates = fates_of(file.entries, NVINFER)
    file = _moved(file, found.moved)
    with _telling(fates):
        imported = model_of(file, found)  # what is missing is told before what is wrong
        return _imported(found.path, fates, settings_of(file), imported, server=False)


def _moved(file: KeyFile, moved: Mapping[str, str]) -> KeyFile:
    """The file with the names that its files have here."""
    if not moved:
        return file
    return replace(file, entries=tuple(replace(e, value=moved.get(bare(e.value), e.value)) for e in file.entries))


@contextmanager
def _telling(fates: Sequence[KeyFate]) -> Iterator[None]:
    """Where the import ends in an error, it names the keys that are wrong as well: they may be why."""
    try:
        yield
    except ModelError as error:
        # "file:" goes: the error has named it
        lines = [line.removeprefix(f"{fate.file}:") for fate in fates for line in told([fate])]
        if not lines:
            raise
        said, _, advice = str(error).partition("\n")
        more = f"; and {len(lines) - _MOST_TOLD} more" if len(lines) > _MOST_TOLD else ""
        wrong = f"wrong in it, by lines: {'; '.join(lines[:_MOST_TOLD])}{more}"
        raise type(error)(f"{said}\n{advice}{'; ' if advice else ''}{wrong}") from error


def keys_of(config: Path) -> tuple[KeyFate, ...]:
    """What becomes of every key of the file, whatever is missing around it. Raises ModelError where it is no text of
    its kind.
    """
    text = text_of_file(config)
    if is_nvinferserver(text):
        return fates_of(tuple(entries_of(parse_message(text, config), str(config))), NVINFERSERVER)
    return fates_of(parse_key_file(text, config).entries, NVINFER)


def _check(file: KeyFile) -> None:
    """Raises ModelError for a file of DeepStream's that configures something else."""
    if any(file.get("property", key) is not None for key in TELLING):
        return
    listed = ", ".join(f"[{group}]" for group in file.groups[:6]) or "none"
    raise ModelError(
        f"{file.path}: no configuration of nvinfer: none of its keys is in [property] (groups: {listed})\n"
        "name the file that says onnx-file, or the model itself"
    )


def _imported(config: Path, fates: Sequence[KeyFate], settings: Settings, inner: Imported, *, server: bool) -> Imported:
    names = names_of(settings, config)
    made = translated(settings, names, graph_of(inner.weights)[0], inner.manifest, config, inner.weights)
    manifest = above(_silent(made.manifest), inner.manifest)
    mean = None if settings.mean_file is None else find(settings.mean_file, config)
    sources = [config, *inner.sources, *(file for file in (names.file, mean) if file is not None)]
    here = (str(config), str(names.file))
    own = [note if note.startswith(here) else f"{config}: {note}" for note in made.warnings]
    warnings = (*told(fates), *_missed(fates), *inner.warnings, *names.warnings, *own)
    return replace(
        inner,
        manifest=manifest,
        sources=tuple(dict.fromkeys(sources)),
        warnings=tuple(dict.fromkeys(warnings)),
        folder=inner.folder if server else None,
        absent=names.absent,
        keys=tuple(_with_result(fate, manifest) for fate in fates),
    )


# Ignored keys without which other objects are told than DeepStream tells.
_MISSED = (*(key for key, known in CLASS_ATTRS.items() if key.startswith(("detected-", "roi-"))),)
_MISSED += ("roi_top_offset", "roi_bottom_offset", "input-tensor-from-meta", "is_first_dim_batch")


def _missed(fates: Sequence[KeyFate]) -> list[str]:
    return [
        f"{f.file}:{f.line}: {f.key}={f.value[:60]} ignored: {f.why}"
        for f in fates
        if f.status == "ignored" and (f.key in _MISSED or (".detect_control" in f.group and "bbox_filter" in f.group))
    ]


def _silent(manifest: Manifest) -> Manifest:
    """Only the fields that the file says something of."""
    said = {name: getattr(manifest, name) for name in Manifest.model_fields}
    return Manifest(**{name: value for name, value in said.items() if value not in (None, "", (), {})})


def _with_result(fate: KeyFate, manifest: Manifest) -> KeyFate:
    """What the key became in this very model, for keys that become a setting."""
    if fate.status not in ("honoured", "translated") or not fate.as_:
        return fate
    value: object = manifest
    for step in fate.as_.split("."):
        value = value.get(step) if isinstance(value, dict) else getattr(value, step, None)
    if value is None or value in ("", (), {}):
        return fate
    return replace(fate, as_=f"{fate.as_} = {_shown(value)}")


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, tuple | list):
        words = [_shown(item) for item in value]
        return ", ".join(words[:6]) + (f" and {len(words) - 6} more" if len(words) > 6 else "")
    if isinstance(value, dict):
        return ", ".join(f"{key} {_shown(item)}" for key, item in list(value.items())[:6])
    return str(getattr(value, "value", value))
