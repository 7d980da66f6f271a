"""DeepStream's key files: groups of key=value lines, or the same as YAML -> every entry with its file and line.

The form is GLib's (https://docs.gtk.org/glib/struct.KeyFile.html): [group], key=value, # comments. What GLib refuses
but people write is read as they mean it: spaces, comments behind a value, a %YAML line without its document.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from sightline.errors import ModelError
from sightline.foreign.bounded import bytes_of

__all__ = ["Entry", "KeyFile", "bare", "parse_key_file", "read_key_file", "text_of_file"]

_MOST_BYTES = 4 << 20
_MOST_ENTRIES, _DEEPEST = 50_000, 12
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_GROUP = re.compile(r"^\s*\[(?P<name>[^\[\]]*)\]\s*(?P<comment>[#;].*)?$")
_COMMENT = re.compile(r"\s+#.*$")


@dataclass(frozen=True, slots=True)
class Entry:
    """One key of a file. line: from 1. group: "" before the first one. value: as text, without blanks at its ends.

    comment: what follows the value behind a #. stray: the line is neither a group nor key=value; it is the `key` then.
    """

    file: str
    line: int
    group: str
    key: str
    value: str
    comment: str = ""
    stray: bool = False

    @property
    def where(self) -> str:
        """ "file:line", as messages begin."""
        return f"{self.file}:{self.line}"


def bare(value: str) -> str:
    """A value without the quotes that some write around the name of a file."""
    return value.strip().strip('"')


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A whole file: every entry in its order, repeated ones too. groups: the names that occur, in order, each once."""

    path: Path
    entries: tuple[Entry, ...]
    groups: tuple[str, ...]

    def get(self, group: str, key: str) -> Entry | None:
        """The entry that counts: the last one of that key in any group of that name."""
        found = None
        for entry in self.entries:
            if entry.group == group and entry.key == key and not entry.stray:
                found = entry
        return found


def read_key_file(path: Path) -> KeyFile:
    """Raises ModelError where the file cannot be read, is no text or is no YAML though its name says so."""
    return parse_key_file(text_of_file(path), path)


def parse_key_file(text: str, path: Path) -> KeyFile:
    """The entries of `text`; `path` is for messages and says whether it is YAML. Raises ModelError."""
    yml = path.suffix.lower() in (".yml", ".yaml")
    entries, groups = _from_yaml(text, path) if yml and not _is_plain(text) else _from_lines(text, str(path))
    if len(entries) > _MOST_ENTRIES:
        raise ModelError(f"{path}: more than {_MOST_ENTRIES:,} keys; no configuration has so many")
    return KeyFile(path, tuple(entries), tuple(dict.fromkeys(groups)))


def text_of_file(path: Path) -> str:
    """UTF-8, UTF-16 with its mark, else Latin-1. Raises ModelError for what is too large or no text."""
    data = bytes_of(path, _MOST_BYTES, "configuration")
    encoding = next((name for mark, name in _MARKS if data.startswith(mark)), "")
    if not encoding and b"\0" in data:
        raise ModelError(f"{path}: not text: byte {data.index(0)} is 0; copy it again")
    try:
        return data.decode(encoding or "utf-8")
    except UnicodeDecodeError as error:
        if encoding:
            raise ModelError(f"{path}: not text: {error.reason} at byte {error.start}; copy it again") from error
        return data.decode("latin-1")


# -- key=value ---------------------------------------------------------------------------------------------------------


def _is_plain(text: str) -> bool:
    """Whether the first line that says anything is a [group]."""
    for line in _lines(text):
        if line.strip() and not line.lstrip().startswith(("#", ";")):
            return _GROUP.match(line) is not None
    return False


def _lines(text: str) -> list[str]:
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n").split("\n")


def _from_lines(text: str, file: str) -> tuple[list[Entry], list[str]]:
    entries: list[Entry] = []
    groups: list[str] = []
    group = ""
    for number, line in enumerate(_lines(text), 1):
        held = line.strip()
        if not held or held.startswith(("#", ";", "%YAML", "---")):
            continue
        if match := _GROUP.match(line):
            group = match["name"].strip()
            groups.append(group)
            continue
        key, equals, value = held.partition("=")
        if not equals or not key.strip():
            entries.append(Entry(file, number, group, held, "", stray=True))
            continue
        value, comment = _parted(value.strip())
        entries.append(Entry(file, number, group, key.strip(), value, comment))
    return entries, groups


def _parted(value: str) -> tuple[str, str]:
    """(the value, the comment behind it)."""
    match = _COMMENT.search(value)
    if match is None:
        return value, ""
    return value[: match.start()].rstrip(), match.group().strip()


# -- YAML --------------------------------------------------------------------------------------------------------------


def _from_yaml(text: str, path: Path) -> tuple[list[Entry], list[str]]:
    """Deeper levels become keys with dots; plain lists are one value with semicolons, as in the other form."""
    lines = ["" if line.startswith("%YAML") else line for line in _lines(text)]
    try:
        roots = [root for root in yaml.compose_all("\n".join(lines), Loader=yaml.SafeLoader) if root is not None]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        raise ModelError(f"{path}:{line}: not YAML: {error.problem or error.context}") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ModelError(f"{path}: not YAML: {' '.join(str(error).split())[:120]}") from error
    entries: list[Entry] = []
    groups: list[str] = []
    for root in roots:  # several documents in one file are read as one
        _collect_document(root, path, entries, groups)
    return entries, groups


def _collect_document(root: yaml.Node, path: Path, entries: list[Entry], groups: list[str]) -> None:
    """Groups of keys, keys alone, and lists of such; words alone hold no keys."""
    if isinstance(root, yaml.SequenceNode):
        for number, item in enumerate(root.value):
            if not isinstance(item, yaml.ScalarNode):
                _collect(entries, path, "", (str(number),), item, item)
        return
    if not isinstance(root, yaml.MappingNode):
        return
    for name, held in root.value:
        group = _word(name)
        if isinstance(held, yaml.MappingNode):
            groups.append(group)
            for key, value in held.value:
                _collect(entries, path, group, (_word(key),), key, value)
        elif isinstance(held, yaml.ScalarNode) and not held.value:
            groups.append(group)  # a group without keys
        else:
            _collect(entries, path, "", (group,), name, held)


def _collect(
    entries: list[Entry], path: Path, group: str, keys: tuple[str, ...], at: yaml.Node, value: yaml.Node
) -> None:
    if len(keys) > _DEEPEST or len(entries) > _MOST_ENTRIES:
        raise ModelError(f"{path}:{at.start_mark.line + 1}: nested deeper, or repeated more often, than any such file")
    plain = _plain(value)
    if plain is not None:
        entries.append(Entry(str(path), at.start_mark.line + 1, group, ".".join(keys), plain))
        return
    for name, below, where in _below(value):
        _collect(entries, path, group, (*keys, name), where, below)


def _plain(node: yaml.Node) -> str | None:
    """A scalar, or a list of them with semicolons; None for what has levels below."""
    if isinstance(node, yaml.ScalarNode):
        return str(node.value).strip()
    if not isinstance(node, yaml.SequenceNode) or not all(isinstance(item, yaml.ScalarNode) for item in node.value):
        return None
    return ";".join(str(item.value).strip() for item in node.value)


def _below(node: yaml.Node) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
    """(name, value, where it stands) of everything in a mapping or a list."""
    if isinstance(node, yaml.MappingNode):
        yield from ((_word(key), value, key) for key, value in node.value)
    elif isinstance(node, yaml.SequenceNode):
        yield from ((str(i), value, value) for i, value in enumerate(node.value))


def _word(node: yaml.Node) -> str:
    return str(node.value).strip() if isinstance(node, yaml.ScalarNode) else ""
