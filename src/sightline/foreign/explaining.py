"""What a configuration would do here, key by key, with all the files that it names."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sightline.errors import ModelError
from sightline.foreign.fates import KeyFate
from sightline.foreign.keyfile import Entry
from sightline.foreign.kind import FILE, Kind, Link
from sightline.foreign.kinds import kind_of
from sightline.foreign.places import Places
from sightline.foreign.written import Written, read_written

__all__ = ["Explained", "ExplainedFile", "Missing", "explain", "told_of"]

_MOST_FILES = 500


@dataclass(frozen=True, slots=True)
class ExplainedFile:
    """One file that was read, and what kind of file it is."""

    path: str
    kind: str


@dataclass(frozen=True, slots=True)
class Missing:
    """A file that is named and not there, or cannot be read: `why`. file, line, group, key: who names it."""

    path: str
    file: str
    line: int
    group: str
    key: str
    why: str = ""

    def plain(self) -> dict[str, object]:
        """The fields for JSON."""
        return {
            "path": self.path,
            "file": self.file,
            "line": self.line,
            "group": self.group,
            "key": self.key,
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class Explained:
    """Every file once, in the order in which they are named; every key of each; what is missing."""

    files: tuple[ExplainedFile, ...]
    keys: tuple[KeyFate, ...]
    missing: tuple[Missing, ...]

    def plain(self) -> dict[str, object]:
        """{files, keys, missing} for JSON, and where there are lines that are no keys: {broken}."""
        broken = [{"file": k.file, "line": k.line, "text": k.key, "why": k.why} for k in self.keys if k.broken]
        return {
            "files": [file.path for file in self.files],
            "keys": [key.plain() for key in self.keys if not key.broken],
            "missing": [item.plain() for item in self.missing],
            **({"broken": broken} if broken else {}),
        }


def explain(path: Path, places: Places | None = None) -> Explained:
    """Every key of `path` and of the files that it names, and they in turn. Raises ModelError where `path` itself
    cannot be read; what is wrong with the others is told in `missing`.
    """
    places = places or Places()
    first = read_written(path)
    waiting: list[tuple[Written, Kind]] = [(first, kind_of(first))]
    seen = {_real(path)}
    files: list[ExplainedFile] = []
    keys: list[KeyFate] = []
    missing: dict[tuple[str, str, int], Missing] = {}
    while waiting:
        written, kind = waiting.pop(0)
        files.append(ExplainedFile(str(written.path), kind.called))
        fates = kind.fates(written)
        keys += fates
        counts = {_place(fate) for fate in fates if fate.status in ("honoured", "translated")}
        for link in _links(written, kind):
            found = places.found(link.text, written.path)
            if found is None:
                if _place(link.entry) in counts and (lost := _missing(link, places, written.path)):
                    missing.setdefault((lost.path, lost.file, lost.line), lost)
                continue
            if link.kind == FILE or not found.is_file() or _real(found) in seen or len(seen) >= _MOST_FILES:
                continue
            seen.add(_real(found))
            try:
                read = read_written(found)
            except ModelError as error:
                lost = _missing(link, places, written.path, str(error).splitlines()[0])
                missing.update({} if lost is None else {(lost.path, lost.file, lost.line): lost})
                continue
            waiting.append((read, kind_of(read, link.kind)))
    return Explained(tuple(files), tuple(keys), tuple(missing.values()))


def _links(written: Written, kind: Kind) -> Iterator[Link]:
    for entry in written.entries:
        if not entry.value or entry.stray:
            continue
        for pattern, named in kind.names.items():
            if fnmatch.fnmatchcase(f"{entry.group}/{entry.key}", pattern):
                yield from (Link(entry, part, named) for part in _parts(entry.value))
                break
    if kind.more is not None:
        yield from kind.more(written)


def _parts(value: str) -> list[str]:
    """The names in a value: lists are parted by semicolons, or by commas before the next address."""
    parts = re.split(r";|,(?=\s*(?:[a-z]+:/|/))", value)
    return [part.strip().removeprefix("config-file:").strip() for part in parts if part.strip()]


def _missing(link: Link, places: Places, beside: Path, why: str = "") -> Missing | None:
    """None for addresses and for what is no name of a file."""
    path = places.path(link.text, beside)
    if path is None:
        return None
    entry = link.entry
    return Missing(str(path), entry.file, entry.line, entry.group, entry.key, why or "no such file")


def _place(item: KeyFate | Entry) -> tuple[int, str, str, str]:
    return item.line, item.group, item.key, item.value


def _real(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        return path.absolute()


def told_of(missing: Sequence[Missing]) -> list[str]:
    """One line for every missing file: what it is, and who names it."""
    return [f"{item.path}: {item.why}; named in {item.file}:{item.line} by {item.key}" for item in missing]
