"""What is known of one kind of file: how it is told from others, what becomes of its keys, which files they name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from sightline.foreign.fates import KeyFate, Rules, fates_of
from sightline.foreign.keyfile import Entry
from sightline.foreign.written import Written

__all__ = ["FILE", "Kind", "Link"]

# What a key names that is no configuration: it is looked for, and not read.
FILE = "file"


@dataclass(frozen=True, slots=True)
class Link:
    """One file that an entry names. text: as it is written. kind: what it should be, a name of KINDS, or FILE."""

    entry: Entry
    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class Kind:
    """called: what messages and `explain` call such a file.

    is_it: whether it is one, by its content. rules: what becomes of its keys; a function where they depend on one
    another. names: "group/key", with * for any text (fnmatch), -> the kind of file that its value names.
    more: the names of files that stand in no single value.
    """

    called: str
    is_it: Callable[[Written], bool]
    rules: Rules | Callable[[Written], tuple[KeyFate, ...]]
    names: Mapping[str, str] = field(default_factory=dict[str, str])
    more: Callable[[Written], Iterable[Link]] | None = None

    def fates(self, written: Written) -> tuple[KeyFate, ...]:
        """One fate an entry, in order."""
        return fates_of(written.entries, self.rules) if isinstance(self.rules, Rules) else self.rules(written)
