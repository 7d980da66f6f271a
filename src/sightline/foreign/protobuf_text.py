"""The text form of protocol buffers without their schema: config.pbtxt, prototxt.

https://protobuf.dev/reference/protobuf/textformat-spec/; a list may go without its colon, as Triton's users write it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sightline.errors import ModelError

__all__ = ["Message", "Occurrence", "Word", "parse_message"]

_TOKEN = re.compile(
    r"(?P<blank>[ \t\r\f\v\n]+|\#[^\n]*)"
    r"|(?P<number>[-+]?\s*(?:0[xX][0-9a-fA-F]+|(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?[fF]?)(?![\w.]))"
    r"|(?P<word>-?[A-Za-z_][\w./-]*)"
    r"|(?P<text>\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*')"
    r"|(?P<mark>[{}<>\[\]:,;])"
)
_ESCAPE = re.compile(r"\\(?:([0-7]{1,3})|x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{4})|(.))", re.S)
_LETTERS = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}
_DEEPEST, _MOST_TOKENS = 64, 4_000_000
_ENDS = {"{": "}", "<": ">"}
_FLOATS = {"inf": float("inf"), "-inf": float("-inf"), "nan": float("nan"), "infinity": float("inf")}


@dataclass(frozen=True, slots=True)
class Word:
    """A bare word: the name of an enum's value, or true and false."""

    text: str


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One writing of a field: its name, the line of that, and the one value or all of its list."""

    name: str
    line: int
    values: tuple[str | int | float | Word | Message, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Message:
    """Fields by name, each with its values in order. where: "file:line" of its beginning, for messages.

    written: every writing of a field, in the order of the file.
    """

    where: str
    fields: dict[str, list[str | int | float | Word | Message]] = field(
        default_factory=dict[str, "list[str | int | float | Word | Message]"]
    )
    written: list[Occurrence] = field(default_factory=list[Occurrence])

    def __contains__(self, key: str) -> bool:
        return bool(self.fields.get(key))

    def with_texts(self, others: Mapping[str, str]) -> Message:
        """The same with other texts in the place of some, here and in what is below."""
        if not others:
            return self
        fields = {
            name: [
                value.with_texts(others)
                if isinstance(value, Message)
                else others.get(value, value)
                if isinstance(value, str)
                else value
                for value in values
            ]
            for name, values in self.fields.items()
        }
        return Message(self.where, fields, self.written)

    def text(self, key: str, default: str = "") -> str:
        """The last value as a text: quoted, or an enum's word."""
        held = self.fields.get(key)
        if not held:
            return default
        value = held[-1]
        if isinstance(value, Word):
            return value.text
        if not isinstance(value, str):
            raise ModelError(f"{self.where}: {key} should be a text")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        values = self.fields.get(key, [])
        if not all(isinstance(value, str) for value in values):
            raise ModelError(f"{self.where}: {key} should hold texts")
        return tuple(value for value in values if isinstance(value, str))

    def whole(self, key: str, default: int = 0) -> int:
        """The last value as a whole number."""
        return (self.wholes(key) or (default,))[-1]

    def wholes(self, key: str) -> tuple[int, ...]:
        values = self.fields.get(key, [])
        found = tuple(value for value in values if isinstance(value, int) and abs(value) < 1 << 63)
        if len(found) != len(values):
            raise ModelError(f"{self.where}: {key} should hold whole numbers")
        return found

    def number(self, key: str, default: float = 0.0) -> float:
        return (self.numbers(key) or (default,))[-1]

    def numbers(self, key: str) -> tuple[float, ...]:
        found: list[float] = []
        for value in self.fields.get(key, []):
            plain = _FLOATS.get(value.text.lower()) if isinstance(value, Word) else value
            if not isinstance(plain, int | float):
                raise ModelError(f"{self.where}: {key} should hold numbers")
            found.append(float(plain))
        return tuple(found)

    def flag(self, key: str, default: bool = False) -> bool:
        value = (self.fields.get(key) or [Word(str(default).lower())])[-1]
        word = value.text.lower() if isinstance(value, Word) else str(value)
        if word not in ("true", "false", "t", "f", "1", "0"):
            raise ModelError(f"{self.where}: {key} should be true or false")
        return word in ("true", "t", "1")

    def message(self, key: str) -> Message:
        """The last value as a message; an empty one where there is none."""
        return (self.messages(key) or (Message(self.where),))[-1]

    def messages(self, key: str) -> tuple[Message, ...]:
        values = self.fields.get(key, [])
        found = tuple(value for value in values if isinstance(value, Message))
        if len(found) != len(values):
            raise ModelError(f"{self.where}: {key} should be a block {{ ... }}")
        return found


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    line: int


def parse_message(text: str, path: Path) -> Message:
    """The whole file as one message. Raises ModelError naming file, line and what was expected there."""
    reader = _Reader(path, _tokens(text.removeprefix("\ufeff"), path))
    return reader.message("", 0)


def _tokens(text: str, path: Path) -> Iterator[_Token]:
    at, line, count = 0, 1, 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            shown = text[at : at + 12].split("\n")[0]
            raise ModelError(f"{path}:{line}: {shown!r} is nothing that the text form of a protobuf knows")
        kind, found = match.lastgroup or "", match.group()
        if kind != "blank":
            count += 1
            if count > _MOST_TOKENS:
                raise ModelError(f"{path}: more than {_MOST_TOKENS:,} words; no description of a network is so long")
            yield _Token(kind, found, line)
        line += found.count("\n")
        at = match.end()
    yield _Token("end", "", line)


class _Reader:
    """Reads tokens one after another, one ahead."""

    def __init__(self, path: Path, tokens: Iterator[_Token]) -> None:
        self.path, self.tokens = path, tokens
        self.next = next(tokens)

    def take(self) -> _Token:
        token = self.next
        if token.kind != "end":
            self.next = next(self.tokens)
        return token

    def refuse(self, token: _Token, expected: str) -> ModelError:
        shown = "the end of the file" if token.kind == "end" else repr(token.text[:40])
        return ModelError(f"{self.path}:{token.line}: expected {expected}, found {shown}")

    def message(self, end: str, depth: int) -> Message:
        """Fields up to the mark `end` ("": the end of the file), which is taken."""
        if depth > _DEEPEST:
            raise ModelError(f"{self.path}:{self.next.line}: blocks nested deeper than {_DEEPEST}")
        made = Message(f"{self.path}:{self.next.line}")
        while True:
            token = self.take()
            if (token.kind == "end" and not end) or (token.kind == "mark" and token.text == end):
                return made
            if token.kind == "mark" and token.text in ",;":
                continue
            name = self._name(token)
            values = self._values(depth)
            made.written.append(Occurrence(name, token.line, tuple(values)))
            made.fields.setdefault(name, []).extend(values)

    def _name(self, token: _Token) -> str:
        if token.kind == "mark" and token.text == "[":
            inner = self.take()
            if inner.kind == "word" and self.take().text == "]":
                return inner.text
        if token.kind != "word":
            raise self.refuse(token, "the name of a field")
        return token.text

    def _values(self, depth: int) -> list[str | int | float | Word | Message]:
        """What follows a field's name: one value, or a list of them."""
        colon = self.next.text == ":" and self.next.kind == "mark"
        if colon:
            self.take()
        if self.next.kind == "mark" and self.next.text == "[":
            self.take()
            found: list[str | int | float | Word | Message] = []
            while not (self.next.kind == "mark" and self.next.text == "]"):
                if self.next.kind == "mark" and self.next.text == ",":
                    self.take()
                    continue
                found.append(self._value(depth))
            self.take()
            return found
        if not colon and not (self.next.kind == "mark" and self.next.text in _ENDS):
            raise self.refuse(self.next, "':' or '{' after the name of a field")
        return [self._value(depth)]

    def _value(self, depth: int) -> str | int | float | Word | Message:
        token = self.take()
        if token.kind == "mark" and token.text in _ENDS:
            return self.message(_ENDS[token.text], depth + 1)
        if token.kind == "text":
            parts = [_unescaped(token.text[1:-1])]
            while self.next.kind == "text":
                parts.append(_unescaped(self.take().text[1:-1]))
            return "".join(parts)
        if token.kind == "number":
            return _number(token.text)
        if token.kind == "word":
            return Word(token.text)
        raise self.refuse(token, "a value")


def _number(text: str) -> int | float:
    text = "".join(text.split())
    if "x" in text.lower():
        return int(text, 16)
    if re.fullmatch(r"[-+]?\d+", text) and len(text) < 24:
        return int(text)
    return float(text.rstrip("fF"))


def _unescaped(text: str) -> str:
    """Escapes resolved; octal and hexadecimal ones are bytes of UTF-8."""
    if "\\" not in text:
        return text

    def one(match: re.Match[str]) -> str:
        octal, hexa, wide, letter = match.groups()
        if letter is not None:
            return _LETTERS.get(letter, letter)
        if wide is not None:
            return chr(int(wide, 16))
        # kept apart from the text's own characters until all bytes are together
        return chr(0xDC00 + (int(octal, 8) & 0xFF if octal else int(hexa, 16)))

    joined = _ESCAPE.sub(one, text)
    held = b"".join(_bytes_of(letter) for letter in joined)
    return held.decode("utf-8", "replace")


def _bytes_of(letter: str) -> bytes:
    code = ord(letter)
    return bytes([code - 0xDC00]) if 0xDC00 <= code < 0xDD00 else letter.encode("utf-8", "replace")
