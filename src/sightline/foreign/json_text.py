"""JSON text -> its values, each with the line on which it stands. Comments and a comma too many are read over.

RFC 8259 (https://www.rfc-editor.org/rfc/rfc8259); device twins and deployment templates are such files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]
from pathlib import Path
from typing import Literal, cast

from sightline.errors import ModelError
from sightline.foreign.keyfile import Entry

__all__ = ["Json", "entries_of_json", "parse_json"]

_DEEPEST = 60
_MOST_VALUES = 200_000
_SPACE = re.compile(r"(?:[ \t\n\r]+|//[^\n]*|/\*.*?\*/|#[^\n]*)*", re.DOTALL)
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None}
_KINDS = {"object": "an object", "list": "a list", "text": "text", "number": "a number", "word": "true, false or null"}

Kind = Literal["object", "list", "text", "number", "word"]


@dataclass(frozen=True, slots=True)
class Json:
    """One value. line: from 1. plain: what a text, number or word is. items: of a list, in order.

    members: (key, its line, value) of an object, in order, repeated keys too.
    """

    kind: Kind
    line: int
    plain: str | float | bool | None = None
    items: tuple[Json, ...] = ()
    members: tuple[tuple[str, int, Json], ...] = ()

    def get(self, key: str) -> Json | None:
        """The value of that key, the last one where it is repeated; None where it is not there, or this no object."""
        return next((value for name, _, value in reversed(self.members) if name == key), None)

    def line_of(self, key: str) -> int:
        """Where that key stands, else where this begins."""
        return next((line for name, line, _ in reversed(self.members) if name == key), self.line)

    @property
    def called(self) -> str:
        """What it is, for messages."""
        return str(self.plain).lower() if self.kind == "word" else _KINDS[self.kind]

    @property
    def leaf(self) -> bool:
        """Whether no key is below it."""
        return not self.members and all(item.leaf for item in self.items)

    def written(self) -> str:
        """In one line: a text as it is, a list of texts with semicolons, anything else as JSON."""
        if self.kind == "text":
            return str(self.plain)
        if self.kind == "list" and self.items and all(item.kind == "text" for item in self.items):
            return ";".join(str(item.plain) for item in self.items)
        return json.dumps(self.data(), ensure_ascii=False, separators=(",", ":"))

    def data(self) -> object:
        """As Python's own values; of a repeated key the last."""
        if self.kind == "object":
            return {name: value.data() for name, _, value in self.members}
        return [item.data() for item in self.items] if self.kind == "list" else self.plain


def parse_json(text: str, path: Path) -> Json:
    """The one value in `text`; `path` is for messages. Raises ModelError with the line where it is none."""
    return _Reader(text.removeprefix("\ufeff"), path).whole()


def entries_of_json(root: Json, file: str) -> tuple[Entry, ...]:
    """Every key below which there is no other: one entry, in order; its group is the way to it, `a.b[0].c`."""
    return tuple(_entries(root, file, ""))


def _entries(value: Json, file: str, at: str) -> Iterator[Entry]:
    for name, line, below in value.members:
        if below.leaf:
            yield Entry(file, line, at, name, below.written())
        else:
            yield from _entries(below, file, f"{at}.{name}" if at else name)
    for i, item in enumerate(value.items):
        if item.leaf:
            yield Entry(file, item.line, at, f"[{i}]", item.written())
        else:
            yield from _entries(item, file, f"{at}[{i}]")


class _Reader:
    def __init__(self, text: str, path: Path) -> None:
        self.text, self.path = text, path
        self.at = 0
        self._line, self._counted = 1, 0
        self._values = 0

    def whole(self) -> Json:
        value = self._value(0)
        if self._next():
            raise self._wrong("more text after its end")
        return value

    def line(self) -> int:
        """The line of the present place; places only move on."""
        self._line += self.text.count("\n", self._counted, self.at)
        self._counted = self.at
        return self._line

    def _wrong(self, why: str) -> ModelError:
        return ModelError(f"{self.path}:{self.line()}: not valid JSON: {why}")

    def _next(self) -> str:
        """The next character that says something, "" at the end."""
        space = _SPACE.match(self.text, self.at)
        self.at = space.end() if space else self.at
        return self.text[self.at : self.at + 1]

    def _value(self, depth: int) -> Json:
        self._values += 1
        if depth > _DEEPEST or self._values > _MOST_VALUES:
            raise self._wrong("nested deeper, or with more values, than any such file")
        first = self._next()
        line = self.line()
        if first == "{":
            return self._object(line, depth)
        if first == "[":
            return self._list(line, depth)
        if first == '"':
            return Json("text", line, self._text())
        if match := _NUMBER.match(self.text, self.at):
            self.at = match.end()
            return Json("number", line, _number(match.group()))
        for word, plain in _WORDS.items():
            if self.text.startswith(word, self.at):
                self.at += len(word)
                return Json("word", line, plain)
        raise self._wrong(f"a value is missing{_before(first)}")

    def _text(self) -> str:
        try:
            found, self.at = cast("tuple[str, int]", scanstring(self.text, self.at + 1, False))
        except ValueError as error:
            raise self._wrong("a text without its closing quote, or with a wrong escape") from error
        # half of a pair of surrogates is no character that could ever be written again
        return found.encode("utf-8", "replace").decode("utf-8")

    def _object(self, line: int, depth: int) -> Json:
        members: list[tuple[str, int, Json]] = []
        self.at += 1
        while (first := self._next()) != "}":
            if first != '"':
                raise self._wrong(f"expected a key in quotes{_before(first)}")
            where = self.line()
            key = self._text()
            if (colon := self._next()) != ":":
                raise self._wrong(f"expected : after the key {key[:40]!r}{_before(colon)}")
            self.at += 1
            members.append((key, where, self._value(depth + 1)))
            self._comma("}")
        self.at += 1
        return Json("object", line, members=tuple(members))

    def _list(self, line: int, depth: int) -> Json:
        items: list[Json] = []
        self.at += 1
        while self._next() != "]":
            items.append(self._value(depth + 1))
            self._comma("]")
        self.at += 1
        return Json("list", line, items=tuple(items))

    def _comma(self, end: str) -> None:
        """Over a comma; raises where neither one nor the end comes."""
        found = self._next()
        if found == ",":
            self.at += 1
        elif found != end:
            raise self._wrong(f"expected a comma or {end}{_before(found)}")


def _number(text: str) -> float:
    """Whole numbers stay whole where they are no longer than any that is meant."""
    return int(text) if len(text) < 20 and text.lstrip("-").isdigit() else float(text)


def _before(found: str) -> str:
    return f" before {found!r}" if found else "; the file ends too early"
