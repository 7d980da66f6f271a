"""Tables of keys some of which carry a number or a user's word in their name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from sightline.foreign.fates import Known

__all__ = ["KeyTable", "base_among", "numbered"]


class KeyTable(Mapping[str, Known]):
    """Keys by name, and by pattern: in `open`, # stands for a number and * for a word of the user's own.

    Iterating gives the plain names and the patterns.
    """

    def __init__(self, plain: Mapping[str, Known], open: Mapping[str, Known] | None = None) -> None:
        self._plain, self._open = dict(plain), dict(open or {})
        self._patterns = [(_pattern(name), known) for name, known in self._open.items()]

    def __getitem__(self, key: str) -> Known:
        if key in self._plain:
            return self._plain[key]
        if key in self._open:
            return self._open[key]
        for pattern, known in self._patterns:
            if pattern.fullmatch(key):
                return known
        raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        yield from self._plain
        yield from self._open

    def __len__(self) -> int:
        return len(self._plain) + len(self._open)


def numbered(group: str, stem: str) -> int | None:
    """N of "stemN"; None for every other group."""
    number = group.removeprefix(stem)
    return int(number) if number != group and number.isascii() and number.isdigit() and len(number) < 7 else None


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile("".join({"#": r"\d+", "*": r".+"}.get(c, re.escape(c)) for c in name))


def base_among(groups: Mapping[str, object], group: str) -> str:
    """ "sink#" of "sink0" and "sink-0", where `groups` has it; else the name itself."""
    if group in groups:
        return group
    stem = re.sub(r"-?\d*$", "#", group, count=1)
    return stem if stem in groups else group
