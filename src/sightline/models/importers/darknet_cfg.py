"""A Darknet .cfg: sections of key=value lines -> `Section`s that know where they stand.

Form: github.com/AlexeyAB/darknet, src/parser.c and option_list.c: blanks count nowhere, lines that begin with # or ;
are comments, and of a key given twice in one section the first counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sightline.errors import ModelError

__all__ = ["Option", "Section", "read_cfg"]

_MOST_BYTES = 4 << 20
_MOST_SECTIONS = 4096
_INTEGER = re.compile(r"[-+]?\d{1,9}(\.0*)?")
_NUMBER = re.compile(r"[-+]?(\d{1,30}\.?\d{0,30}|\.\d{1,30})([eE][-+]?\d{1,2})?f?")


@dataclass(frozen=True, slots=True)
class Option:
    """The value of a key without its blanks, and its line."""

    value: str
    line: int


@dataclass(frozen=True, slots=True)
class Section:
    """One [kind] of a file. index: the number of the layer, from 0; -1 for [net]. repeated: keys with two values."""

    file: str
    kind: str
    line: int
    index: int
    options: Mapping[str, Option]
    repeated: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The layer as messages call it."""
        return f"[{self.kind}]" if self.index < 0 else f"layer {self.index} [{self.kind}]"

    def fault(self, text: str, key: str = "") -> ModelError:
        """The error that says `text` of this section, at the line of `key` where it has one."""
        line = self.options[key].line if key in self.options else self.line
        return ModelError(f"{self.file}:{line}: {self.name}: {text}")

    def text(self, key: str, otherwise: str = "") -> str:
        option = self.options.get(key)
        return otherwise if option is None else option.value

    def integer(self, key: str, otherwise: int, least: int = 0, most: int = 1 << 24) -> int:
        """Raises ModelError where it is no whole number or outside `least`..`most`."""
        return self._whole(key, self.options[key].value, least, most) if key in self.options else otherwise

    def number(self, key: str, otherwise: float) -> float:
        """Raises ModelError where it is no number."""
        option = self.options.get(key)
        return otherwise if option is None else self._number(key, option.value)

    def integers(self, key: str, least: int, most: int) -> tuple[int, ...]:
        """The numbers of a list, () where the key is missing. Raises ModelError as `integer`."""
        return tuple(self._whole(key, word, least, most) for word in self._words(key))

    def numbers(self, key: str) -> tuple[float, ...]:
        """The numbers of a list, () where the key is missing. Raises ModelError as `number`."""
        return tuple(self._number(key, word) for word in self._words(key))

    def _words(self, key: str) -> list[str]:
        # lists may end in a comma, or hold two in a row
        return [word for word in self.text(key).split(",") if word]

    def _whole(self, key: str, word: str, least: int, most: int) -> int:
        if not _INTEGER.fullmatch(word):
            raise self.fault(f"{key}={word[:40]} is no whole number", key)
        value = int(word.split(".")[0])
        if not least <= value <= most:
            raise self.fault(f"{key}={value} is out of range, {least} to {most} make sense", key)
        return value

    def _number(self, key: str, word: str) -> float:
        if not _NUMBER.fullmatch(word):
            raise self.fault(f"{key}={word[:40]} is no number", key)
        return float(word.removesuffix("f"))


def read_cfg(path: Path) -> tuple[Section, ...]:
    """[net] and the layers in order. Raises ModelError naming line and reason."""
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
    if not data.strip():
        raise ModelError(f"{path}: the file is empty; copy it again")
    wide = data[:2] in (b"\xff\xfe", b"\xfe\xff")
    if b"\0" in data[:4096] and not wide:
        raise ModelError(f"{path}: not text, so no Darknet cfg; were cfg and weights swapped?")
    if len(data) > _MOST_BYTES:
        raise ModelError(f"{path}: more than {_MOST_BYTES >> 20} MiB, no Darknet cfg is that long")
    sections = _sections(data.decode("utf-16" if wide else "utf-8-sig", "replace"), str(path))
    if not sections or sections[0].kind not in ("net", "network"):
        first = f"begins with [{sections[0].kind}]" if sections else "has no [section]"
        raise ModelError(f"{path}: not a Darknet cfg: it {first}, where [net] has to come first")
    if len(sections) == 1:
        raise ModelError(f"{path}: it has no layers after [net]")
    return sections


def _sections(text: str, file: str) -> tuple[Section, ...]:
    found: list[Section] = []
    kind, start = "", 0
    options: dict[str, Option] = {}
    repeated: list[str] = []

    def close() -> None:
        if kind:
            found.append(Section(file, kind, start, len(found) - 1, options, tuple(dict.fromkeys(repeated))))

    for number, raw in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        line = "".join(raw.split())
        if not line or line[0] in "#;":
            continue
        if line[0] == "[":
            close()
            kind, start, options, repeated = line[1:].split("]")[0].lower(), number, {}, []
            if not kind or "]" not in line:
                raise ModelError(f"{file}:{number}: {line[:40]!r} is no section, those look like [convolutional]")
            if len(found) > _MOST_SECTIONS:
                raise ModelError(f"{file}:{number}: more than {_MOST_SECTIONS} layers")
            continue
        key, equals, value = line.partition("=")
        if not equals or not key:
            raise ModelError(f"{file}:{number}: {line[:40]!r} is no key=value line; is this a Darknet cfg?")
        if not kind:
            raise ModelError(f"{file}:{number}: {key[:40]}= stands before the first section; is this a Darknet cfg?")
        value = re.split("[#;]", value, maxsplit=1)[0]
        if key not in options:
            options[key] = Option(value, number)
        elif options[key].value != value:
            repeated.append(key)
    close()
    return tuple(found)
