"""Dictionaries of text readers: one symbol a line, a blank among them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from sightline.errors import ModelError
from sightline.models.labels import LabelTable
from sightline.models.locate import Located

__all__ = ["character_tables", "fitting_characters", "parse_characters", "read_characters", "stated_characters"]

_FILE = re.compile(r"dict|keys|char|alphabet|vocab|symbol|label|ocr|rec", re.I)
_MOST_BYTES = 4 << 20
_SHORTEST_LINE = 8  # a single line of at least so many characters is the whole alphabet


def parse_characters(text: str, file: str) -> LabelTable:
    """The symbols of a dictionary, in order; a line that holds a space only is the space.

    One symbol a line, or all of them in one line.
    """
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    while len(lines) > 1 and not lines[-1]:
        lines.pop()
    if len(lines) == 1:
        only = lines[0]
        return LabelTable(tuple(only) if len(only) >= _SHORTEST_LINE else (only,) if only else (), file)
    return LabelTable(tuple(lines), file)


def read_characters(path: Path) -> LabelTable:
    """A dictionary file: plain, or the `character_dict` of a PaddleOCR configuration. Raises ModelError."""
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ModelError(f"{path}: {path.stat().st_size} bytes are no dictionary of symbols")
        text = path.read_bytes().decode("utf-8")
    except OSError as error:
        raise ModelError(f"{path}: the dictionary cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ModelError(f"{path}: the dictionary is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    if path.suffix.lower() in (".yml", ".yaml"):
        return LabelTable(_listed(text, path), str(path))
    return parse_characters(text, str(path))


def _listed(text: str, path: Path) -> tuple[str, ...]:
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ModelError(f"{path}: not YAML: {str(error).splitlines()[0]}") from error
    after = value.get("PostProcess") if isinstance(value, dict) else None
    symbols = after.get("character_dict") if isinstance(after, dict) else None
    return tuple(str(symbol) for symbol in symbols) if isinstance(symbols, list) else ()


def character_tables(located: Located) -> tuple[LabelTable, ...]:
    """Every dictionary beside the model, that with its own name first."""
    found: list[tuple[int, str, LabelTable]] = []
    for path in sorted(located.folder.iterdir()):
        own = path.stem.lower() == located.weights.stem.lower()
        kind = path.suffix.lower()
        named = kind == ".txt" and _FILE.search(path.name) is not None
        if not path.is_file() or path in located.parts or not (named or kind in (".yml", ".yaml") or own):
            continue
        if kind not in (".txt", ".dict", ".keys", ".yml", ".yaml") or path.name in ("requirements.txt", "model.yaml"):
            continue
        try:
            table = read_characters(path)
        except ModelError:
            # only a file that was named by the user must be readable; others are candidates
            continue
        if table.names:
            found.append((0 if own else 1, path.name, table))
    return tuple(table for _, _, table in sorted(found, key=lambda item: item[:2]))


def stated_characters(metadata: Mapping[str, str]) -> tuple[LabelTable, ...]:
    """The dictionary in a file's own metadata, one symbol a line under "character" (RapidOCR)."""
    text = next((metadata[key] for key in ("character", "characters", "dictionary") if metadata.get(key)), "")
    return (parse_characters(text, "the file's metadata"),) if text else ()


def fitting_characters(tables: Sequence[LabelTable], classes: int | None) -> LabelTable | None:
    """The first table that names every class, but for the blank and a space at the end; None where none does."""
    for table in tables:
        if classes is None or 0 <= classes - len(table.names) <= 2:
            return table
    return None
