"""The text of an entry -> a number, a flag, a list, as DeepStream takes it; faults name file, line and key."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sightline.errors import ConfigError
from sightline.foreign.keyfile import Entry

__all__ = ["choice", "fault", "flag", "number", "numbers", "points", "text", "whole", "wholes"]

_YES, _NO = ("1", "true", "yes", "on", "y"), ("0", "false", "no", "off", "n", "")
_MOST = 4096  # items of a list
_WHOLE = 2**53


def fault(entry: Entry, what: str) -> ConfigError:
    """The error to raise: file, line, key, value, and what is wrong."""
    value = entry.value if len(entry.value) <= 60 else f"{entry.value[:57]}..."
    return ConfigError(f"{entry.where}: {entry.key}={value}: {what}")


def text(entry: Entry) -> str:
    """The value without the quotes of the YAML form."""
    value = entry.value.strip()
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'" else value


def flag(entry: Entry) -> bool:
    """1, true, yes; 0, false, no; any other number that is not 0. Raises ConfigError."""
    word = text(entry).lower()
    if word in _YES or word in _NO:
        return word in _YES
    return _number(entry, word, "expected 0 or 1") != 0


def number(entry: Entry) -> float:
    """One finite number; a trailing semicolon ends a list of one. Raises ConfigError."""
    return _number(entry, text(entry).rstrip("; "), "expected a number")


def whole(entry: Entry) -> int:
    """One whole number. Raises ConfigError."""
    value = number(entry)
    if value != int(value) or abs(value) > _WHOLE:
        raise fault(entry, "expected a whole number")
    return int(value)


def numbers(entry: Entry) -> tuple[float, ...]:
    """Numbers with semicolons between them, or commas; one may end with the sign. Raises ConfigError."""
    items = _items(entry)
    return tuple(_number(entry, item, "expected numbers with semicolons between them") for item in items)


def wholes(entry: Entry) -> tuple[int, ...]:
    """Whole numbers with semicolons between them. Raises ConfigError."""
    found = numbers(entry)
    if any(value != int(value) or abs(value) > _WHOLE for value in found):
        raise fault(entry, "expected whole numbers with semicolons between them")
    return tuple(int(value) for value in found)


def points(entry: Entry, least: int, most: int) -> tuple[tuple[float, float], ...]:
    """x;y;x;y... -> points, at least `least` and at most `most`. Raises ConfigError."""
    found = numbers(entry)
    count = len(found) // 2
    if len(found) % 2 or not least <= count <= most:
        want = f"{least}" if least == most else f"at least {least}"
        raise fault(entry, f"expected {want} points x;y;x;y..., got {len(found)} numbers")
    if any(value < 0 for value in found):
        raise fault(entry, "a point lies outside the picture: its numbers have to be 0 or more")
    return tuple(zip(found[::2], found[1::2], strict=True))


def choice(entry: Entry, names: Sequence[str]) -> int:
    """A number from 0 on that stands for one of `names`; "" is one that means nothing. Raises ConfigError."""
    value = whole(entry)
    if not 0 <= value < len(names) or not names[value]:
        known = ", ".join(f"{i} {name}" for i, name in enumerate(names) if name)
        raise fault(entry, f"expected one of {known}")
    return value


def _items(entry: Entry) -> list[str]:
    plain = text(entry).strip("[] ")
    items = [item.strip() for item in plain.replace(",", ";").split(";")]
    while items and not items[-1]:
        items.pop()
    if len(items) > _MOST:
        raise fault(entry, f"more than {_MOST} numbers")
    return items


def _number(entry: Entry, word: str, want: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise fault(entry, want)
    return value
