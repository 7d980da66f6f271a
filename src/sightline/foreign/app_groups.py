"""The groups of an application's file: what each says, the last writing of a key winning, and which are on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from sightline.foreign.app_fates import groups_off
from sightline.foreign.app_keys import base_of
from sightline.foreign.keyfile import Entry
from sightline.foreign.tao_keys import tao_base_of
from sightline.foreign.values import flag, text, whole
from sightline.foreign.written import Written

__all__ = ["Group", "groups_of"]


@dataclass(frozen=True, slots=True)
class Group:
    """One group that is on. base: its name with # for its number, "source#". said: key -> the entry that counts.

    file: of the application, which relative names are relative to.
    """

    name: str
    base: str
    file: Path
    said: Mapping[str, Entry]

    @property
    def number(self) -> int:
        """The number in its name; 0 where it has none."""
        digits = self.name[len(self.base.rstrip("#")) :].strip("-")
        return int(digits) if digits.isdigit() and len(digits) < 7 else 0

    @property
    def where(self) -> str:
        """ "file:line" of its first key."""
        first = min(self.said.values(), key=lambda entry: entry.line, default=None)
        return str(self.file) if first is None else first.where

    def get(self, *keys: str) -> Entry | None:
        """The first of the keys that is there and says something."""
        found = (self.said.get(key) for key in keys)
        return next((entry for entry in found if entry is not None and entry.value), None)

    def text(self, *keys: str, default: str = "") -> str:
        entry = self.get(*keys)
        return default if entry is None else text(entry)

    def whole(self, *keys: str, default: int = 0) -> int:
        """Raises ConfigError naming file, line and key for what is no whole number."""
        entry = self.get(*keys)
        return default if entry is None else whole(entry)

    def flag(self, *keys: str, default: bool = False) -> bool:
        """Raises ConfigError naming file, line and key for what is neither on nor off."""
        entry = self.get(*keys)
        return default if entry is None else flag(entry)


def groups_of(written: Written, *, silent: bool) -> tuple[Group, ...]:
    """Every group that is on, in order. silent: see `groups_off`."""
    return tuple(_groups(written, silent))


def _groups(written: Written, silent: bool) -> Iterator[Group]:
    off = groups_off(written, silent=silent)
    for name in written.groups:
        if name in off:
            continue
        said = {entry.key: entry for entry in written.entries if entry.group == name and not entry.stray}
        base = base_of(name) if silent else tao_base_of(name)
        yield Group(name, base, written.path, said)
