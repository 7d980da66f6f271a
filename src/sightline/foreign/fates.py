"""What becomes of every key of a configuration from elsewhere, and the rules that say so."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sightline.foreign.keyfile import Entry
from sightline.foreign.secrets import shown

__all__ = ["KeyFate", "Known", "Rules", "Status", "fates_of", "told"]

Status = Literal["honoured", "translated", "ignored", "unknown"]


@dataclass(frozen=True, slots=True)
class KeyFate:
    """One key of one file. status: "honoured" means the same here; "translated": said by another setting, `as_`;
    "ignored": `why`; "unknown": no key that the format knows, `why` names the nearest. broken: the line is no key=value
    at all, and `key` what stands in it.
    """

    file: str
    line: int
    group: str
    key: str
    value: str
    status: Status
    as_: str = ""
    why: str = ""
    broken: bool = False

    @property
    def shown(self) -> str:
        """The value without what nobody else should see: passwords, keys, tokens."""
        return shown(self.key, self.value)

    def plain(self) -> dict[str, object]:
        """The fields for JSON; `as_` is called "as" there."""
        return {
            "file": self.file,
            "line": self.line,
            "group": self.group,
            "key": self.key,
            "value": self.shown,
            "status": self.status,
            "as": self.as_,
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class Known:
    """What becomes of a key of the format. as_: what says it here. idle: values that ask for nothing, so that there is
    nothing to ignore. many: it may be written several times, and all of them count.
    """

    status: Status
    as_: str = ""
    why: str = ""
    idle: tuple[str, ...] = ()
    many: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """The keys of a format. of_group: the table of a group, None for a group that the format has not.

    groups: the groups' names, for suggestions. kind: what the format is called.
    """

    of_group: Callable[[str], Mapping[str, Known] | None]
    groups: tuple[str, ...]
    kind: str


def fates_of(
    entries: Sequence[Entry], rules: Rules, said: Mapping[tuple[str, str], tuple[Status, str, str]] | None = None
) -> tuple[KeyFate, ...]:
    """One fate an entry, in order. said: (group, key) -> (status, as, why) of this very file, above the rules."""
    last = {(e.group, e.key): e for e in entries if not e.stray}
    return tuple(_fate(entry, rules, last, said or {}) for entry in entries)


def told(fates: Iterable[KeyFate]) -> tuple[str, ...]:
    """One line for every key that is unknown, misspelt, or said again: what a user has to look at."""
    return tuple(
        f"{f.file}:{f.line}: {f.key[:80]}{f'={f.shown[:60]}' if f.value else ''}: {f.why}"
        for f in fates
        if f.status == "unknown" or f.why.startswith(_AGAIN)
    )


_AGAIN = "said again"
_ANYTHING = "\0"  # a key that only a table of whatever keys has


def _fate(
    entry: Entry,
    rules: Rules,
    last: Mapping[tuple[str, str], Entry],
    said: Mapping[tuple[str, str], tuple[Status, str, str]],
) -> KeyFate:
    def fate(status: Status, as_: str = "", why: str = "") -> KeyFate:
        return KeyFate(entry.file, entry.line, entry.group, entry.key, entry.value, status, as_, why)

    if entry.stray:
        return replace(fate("unknown", why="neither a group nor key=value: a line broken in two?"), broken=True)
    table = rules.of_group(entry.group)
    if table is None and not entry.group:
        home = next((g for g in rules.groups if entry.key in (rules.of_group(g) or {})), "")
        hint = f"; indent it, or put it below [{home}]" if home else ""
        return fate("unknown", why=f"stands in no group, where {rules.kind} does not look{hint}")
    if table is None:
        near = difflib.get_close_matches(entry.group, rules.groups, n=1, cutoff=0.6)
        hint = f"; did you mean [{near[0]}]?" if near else ""
        return fate("unknown", why=f"{rules.kind} has no group [{entry.group}]{hint}")
    known = table.get(entry.key)
    if known is None:
        return fate("unknown", why=_unknown(entry, table, rules))
    wins = last[entry.group, entry.key]
    if wins is not entry and not known.many:
        return fate("ignored", why=f"{_AGAIN} in line {wins.line}, which wins")
    if (own := said.get((entry.group, entry.key))) is not None:
        return fate(*own)
    if known.status == "ignored" and entry.value in known.idle:
        return fate("honoured", why="asks for nothing")
    return fate(known.status, known.as_, known.why)


def _unknown(entry: Entry, table: Mapping[str, Known], rules: Rules) -> str:
    near = _near(entry.key, table)
    if near:
        return f"unknown key; did you mean {near}?"
    for group in rules.groups:
        other = rules.of_group(group) or {}
        if entry.key in other and _ANYTHING not in other:
            return f"unknown key in [{entry.group}]; it belongs in [{group}]"
    return f"{rules.kind} has no such key"


def _near(key: str, table: Mapping[str, Known]) -> str:
    """The known key that `key` was meant to be; underscores for hyphens, capitals and blanks count for nothing."""
    joined = key.replace(" ", "")
    if joined != key and joined in table and _ANYTHING not in table:
        return joined
    plain = {name.lower().replace("_", "-"): name for name in table}
    found = difflib.get_close_matches(key.lower().replace("_", "-"), list(plain), n=1, cutoff=0.75)
    return plain[found[0]] if found else ""
