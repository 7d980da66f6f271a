"""What containers share: the files they name, looked for inside their folder only, and handed to whoever reads them."""

from __future__ import annotations

import codecs
import importlib
import json
from dataclasses import replace
from pathlib import Path
from typing import cast

from sightline.errors import ModelError
from sightline.foreign.bounded import bytes_of
from sightline.models.formats import IMPORTERS, format_of_file
from sightline.models.importers.seam import Foreign, Imported
from sightline.models.locate import weights_beside
from sightline.models.manifest import Manifest

__all__ = ["above", "hand_on", "inside", "json_object", "label_lines", "text_of"]

_MOST_TEXT = 8 << 20
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


def inside(container: Path, folder: Path, name: str) -> Path:
    """The file `name` of `folder`. Raises ModelError, naming the `container` that asks for it, where it is none."""
    if not name or "\0" in name:
        raise ModelError(f"{container}: names no file where it should name one")
    file = folder / name.replace("\\", "/")
    try:
        within = file.resolve().is_relative_to(folder.resolve())
        there = within and file.is_file()
    except OSError as error:
        raise ModelError(f"{container}: {name[:80]!r} cannot be looked up: {error.strerror}") from error
    if not within:
        raise ModelError(f"{container}: refused: names a file outside its folder: {name[:80]!r}")
    if not there:
        raise ModelError(f"{container}: names {name[:80]!r}, which is missing; put it back beside it")
    return file


def text_of(path: Path) -> str:
    """A text file, UTF-8 or UTF-16 with its mark. Raises ModelError where it is no text or larger than any such."""
    data = bytes_of(path, _MOST_TEXT, "file of this kind")
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise ModelError(f"{path}: not text: {error.reason} at byte {error.start}; copy it again") from error


def json_object(path: Path) -> dict[str, object]:
    """The object in a JSON file. Raises ModelError naming line and fault."""
    try:
        value: object = json.loads(text_of(path))
    except json.JSONDecodeError as error:
        raise ModelError(f"{path}:{error.lineno}: not JSON: {error.msg}; copy it again") from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path}: not JSON that anyone writes: nested or numbered beyond limits") from error
    if not isinstance(value, dict):
        raise ModelError(f"{path}: holds no JSON object")
    return cast("dict[str, object]", value)


def label_lines(path: Path) -> tuple[str, ...]:
    """One name a line, as written, blank lines at the end left out."""
    lines = [line.strip() for line in text_of(path).replace("\r\n", "\n").replace("\r", "\n").split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return tuple(lines)


def hand_on(weights: Path, found: Foreign) -> Imported:
    """The file inside a container as a runtime loads it: itself, or what the importer of its format makes of it.

    Raises ModelError where nobody reads it, with what to export instead.
    """
    format = format_of_file(weights)
    if format in ("onnx", "openvino"):
        parts = (weights, weights_beside(weights)) if format == "openvino" else (weights,)
        return Imported(weights, Manifest(), parts)
    if format not in IMPORTERS or format == found.format:
        raise ModelError(f"{weights}: no known kind of model; a container holds .onnx, .xml with .bin, or .tflite")
    module, _, name = IMPORTERS[format].partition(":")
    reader = getattr(importlib.import_module(module), name)
    return cast(Imported, reader(replace(found, format=format, path=weights, folder=weights.parent, given=())))


def above(own: Manifest, inner: Manifest) -> Manifest:
    """What the container says, and where it is silent what the file inside it says."""
    update: dict[str, object] = {}
    for name in inner.model_fields_set:
        mine, theirs = getattr(own, name), getattr(inner, name)
        if name in ("input", "thresholds"):
            said = {key: value for key, value in mine if value not in (None, {})}
            update[name] = theirs.model_copy(update=said)
        elif mine in (None, "", (), {}):
            update[name] = theirs
    if own.head is not None:
        update.pop("head_options", None)
    return own.model_copy(update=update)
