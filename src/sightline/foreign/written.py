"""A configuration of whatever form -> its entries: groups of key=value, YAML, protobuf text, tables of CSV, JSON."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Literal

from sightline.foreign.json_text import entries_of_json, parse_json
from sightline.foreign.keyfile import Entry, parse_key_file, text_of_file
from sightline.foreign.protobuf_entries import entries_of
from sightline.foreign.protobuf_text import parse_message

__all__ = ["Form", "Written", "read_written", "written_of"]

Form = Literal["keys", "yaml", "protobuf", "csv", "json", "lines"]

_GROUP = re.compile(r"^\s*\[[^\[\]=,\"]*\]\s*([#;].*)?$")
_KEY = re.compile(r"^\s*[\w.\-]+\s*=", re.M)
_BLOCK = re.compile(r"^\s*[A-Za-z_]\w*\s*(:?\s*\{|:?\s*\[\s*(#.*)?$)", re.M)
_NAMED_BLOCK = re.compile(r"^\s*[A-Za-z_]\w*\s*\{", re.M)
_TAGGED = re.compile(r"^\s*[\w\-]+\s*:(\s|$)", re.M)
_PROTOBUF = (".pbtxt", ".prototxt")
_YAML = (".yml", ".yaml")


@dataclass(frozen=True, slots=True)
class Written:
    """A file as it is written. groups: every group's name, in order, each once; those of blocks too."""

    path: Path
    text: str
    form: Form
    entries: tuple[Entry, ...]
    groups: tuple[str, ...]

    def has(self, *groups: str) -> bool:
        """Whether one of the groups is there."""
        return any(group in self.groups for group in groups)

    def get(self, group: str, key: str) -> Entry | None:
        """The entry that counts: the last one of that key in any group of that name."""
        found = None
        for entry in self.entries:
            if entry.group == group and entry.key == key and not entry.stray:
                found = entry
        return found

    def value(self, group: str, key: str, default: str = "") -> str:
        entry = self.get(group, key)
        return default if entry is None else entry.value


def read_written(path: Path) -> Written:
    """Raises ModelError where the file cannot be read, is no text, or breaks the rules of its form."""
    return written_of(text_of_file(path), path)


def written_of(text: str, path: Path) -> Written:
    """`path` is for messages, and its suffix decides where the text alone does not. Raises ModelError."""
    form = _form_of(text, path.suffix.lower())
    if form == "protobuf":
        entries = tuple(entries_of(parse_message(text, path), str(path)))
        return Written(path, text, form, entries, _groups(entries))
    if form == "csv":
        entries = tuple(_of_table(text, str(path)))
        return Written(path, text, form, entries, _groups(entries))
    if form == "lines":
        return Written(path, text, form, (), ())
    if form == "keys":
        read = parse_key_file(text, path)
        return Written(path, text, form, read.entries, read.groups)
    if form == "json":
        entries = entries_of_json(parse_json(text, path), str(path))
        return Written(path, text, form, entries, _groups(entries))
    known_by = path if path.suffix.lower() in _YAML else path.with_name(f"{path.name}.yml")
    read_all = [parse_key_file(part, known_by) for part in _documents(text)]
    entries = tuple(_at_home((entry for read in read_all for entry in read.entries), str(path)))
    groups = tuple(dict.fromkeys(group for read in read_all for group in read.groups))
    return Written(path, text, form, entries, groups)


def _documents(text: str) -> Iterator[str]:
    """Each document of a YAML file, behind as many empty lines as stand before it."""
    lines = text.splitlines()
    starts = [i for i, line in enumerate(lines) if line.rstrip() == "---" and any(map(_says, lines[:i]))]
    for start, end in pairwise([0, *starts, len(lines)]):
        yield "\n" * start + "\n".join(lines[start:end])


def _form_of(text: str, suffix: str) -> Form:
    first = next((line for line in text.lstrip("\ufeff").splitlines() if _says(line)), "")
    if not first:
        return "lines"
    if first.lstrip().startswith("{") and suffix not in (*_YAML, *_PROTOBUF):
        return "json"
    if first.lstrip().startswith(("//", "/*")) and suffix in (".json", ".jsonc"):
        return "json"
    if _GROUP.match(first):
        return "keys"
    if suffix in _YAML:
        return "protobuf" if _NAMED_BLOCK.search(text) else "yaml"
    if suffix == ".csv":
        return "csv"
    if suffix in _PROTOBUF or _BLOCK.search(text):
        return "protobuf"
    if _KEY.search(text):
        return "keys"
    tagged = len(_TAGGED.findall(text))
    return "yaml" if tagged and tagged * 2 > sum(map(_says, text.splitlines())) else "lines"


def _says(line: str) -> bool:
    return bool(line.strip()) and not line.lstrip().startswith(("#", ";", "%YAML", "---"))


def _at_home(entries: Iterable[Entry], file: str) -> Iterator[Entry]:
    """The entries with the name of the file that they were read from."""
    for entry in entries:
        if entry.file == file:
            yield entry
        else:
            yield Entry(file, entry.line, entry.group, entry.key, entry.value, entry.comment, entry.stray)


def _of_table(text: str, file: str) -> Iterator[Entry]:
    """Every cell below the first line, which names the columns; a row is a group "row0", "row1" ..."""
    rows = csv.reader(text.removeprefix("\ufeff").splitlines(), skipinitialspace=True)
    names: list[str] = []
    number = 0
    for row in rows:
        cells = [cell.strip() for cell in row]
        if not any(cells) or cells[0].startswith("#"):
            continue
        if not names:
            names = cells
            continue
        for i, cell in enumerate(cells):
            name = names[i] if i < len(names) else ""
            if name or cell:
                yield Entry(file, rows.line_num, f"row{number}", name or cell, cell if name else "", stray=not name)
        number += 1


def _groups(entries: Iterable[Entry]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(entry.group for entry in entries))
