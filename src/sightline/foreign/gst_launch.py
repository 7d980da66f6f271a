"""The text of gst-launch -> its elements, their properties, and how they are linked. Nothing of it is run.

https://gstreamer.freedesktop.org/documentation/tools/gst-launch.html describes the syntax.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from sightline.errors import ConfigError
from sightline.foreign.secrets import shown

__all__ = ["LaunchElement", "Launched", "parse_launch"]

_MOST_CHARACTERS = 200_000
_MOST_ELEMENTS = 2000
_SPACE = re.compile(r"(?:\s|\\\r?\n)+")
_PROGRAM = re.compile(r"^\s*(?:\S*/)?gst-launch(?:-1\.0|-0\.10)?(?:\.exe)?(?:\s+-{1,2}[\w\-=]+)*\s")
_ASSIGNMENT = re.compile(r"([A-Za-z_][\w\-]*(?:::[\w\-]+)*)\s*=\s*")
_CAPS = re.compile(r"(?:[a-z]+/[\w.+\-]+|ANY)(?:\([^)\s]*\))?", re.ASCII)
_REFERENCE = re.compile(r"([A-Za-z_][\w\-]*)?\.([\w%\-]*)(?:,[\w%\-]+)*(?=[\s!]|$)")
_ELEMENT = re.compile(r"[A-Za-z0-9_][\w\-]*")
_QUOTED = {'"': re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL), "'": re.compile(r"'((?:[^'\\]|\\.)*)'", re.DOTALL)}
_BARE = re.compile(r"(?:\\.|[^\s\"'\\]|\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')+", re.DOTALL)
_BIN = re.compile(r"(?:[A-Za-z_][\w\-]*\.)?\(")


@dataclass(slots=True)
class LaunchElement:
    """One element. name: as others call it, its own or made of its kind and number. after: the elements behind it."""

    kind: str
    name: str
    properties: dict[str, str] = field(default_factory=dict[str, str])
    after: list[LaunchElement] = field(default_factory=list["LaunchElement"], repr=False)
    before: list[LaunchElement] = field(default_factory=list["LaunchElement"], repr=False)

    def get(self, *keys: str) -> str:
        """The value of the first of these properties that is given, "" for none."""
        return next((self.properties[key] for key in keys if key in self.properties), "")

    def behind(self) -> Iterator[LaunchElement]:
        """Every element that gets what this one gives, the nearest first; each once, itself left out."""
        return _walk(self, forward=True)

    def ahead(self) -> Iterator[LaunchElement]:
        """Every element that gives to this one, the nearest first."""
        return _walk(self, forward=False)


@dataclass(frozen=True, slots=True)
class Launched:
    """elements: in the order of the text; a caps filter is an element as well."""

    elements: tuple[LaunchElement, ...]

    def of_kind(self, *kinds: str) -> list[LaunchElement]:
        """Those of one of these kinds, in order."""
        return [element for element in self.elements if element.kind in kinds]


@dataclass(slots=True)
class _Tail:
    """What the next link begins at: an element, or the name of one."""

    element: LaunchElement | None = None
    name: str = ""


def parse_launch(text: str, where: str) -> Launched:
    """`where` is "file:line", for messages. Raises ConfigError that shows the place in the text."""
    if len(text) > _MOST_CHARACTERS:
        raise ConfigError(f"{where}: launch text of {len(text):,} characters; at most {_MOST_CHARACTERS:,}")
    return _Parser(text, where).launched()


@dataclass(slots=True)
class _Parser:
    text: str
    where: str
    at: int = 0
    elements: list[LaunchElement] = field(default_factory=list[LaunchElement])
    links: list[tuple[_Tail, _Tail, int]] = field(default_factory=list[tuple[_Tail, _Tail, int]])
    counts: dict[str, int] = field(default_factory=dict[str, int])
    tail: _Tail | None = None
    linking: bool = False
    open_bins: int = 0

    def launched(self) -> Launched:
        if match := _PROGRAM.match(self.text):
            self.at = match.end()
        while self._skip_space():
            self._step()
        if self.linking:
            raise self._wrong("it ends with a link to nothing")
        if self.open_bins:
            raise self._wrong("a bracket is not closed")
        self._join()
        if not self.elements:
            raise ConfigError(f"{self.where}: launch text without an element")
        return Launched(tuple(self.elements))

    def _step(self) -> None:
        char = self.text[self.at]
        if char in "!:;":
            self._link()
        elif match := _BIN.match(self.text, self.at):
            self.at, self.open_bins = match.end(), self.open_bins + 1
        elif char == ")":
            if not self.open_bins:
                raise self._wrong("a closing bracket without its opening one")
            self.at, self.open_bins = self.at + 1, self.open_bins - 1
        elif (match := _ASSIGNMENT.match(self.text, self.at)) and not self.linking:
            self._assign(match)
        elif self._quoted_caps() or _CAPS.match(self.text, self.at):
            self._caps()
        elif (match := _REFERENCE.match(self.text, self.at)) is not None:
            self.at = match.end()
            self._reach(_Tail(name=match[1] or ""))
        elif (match := _ELEMENT.match(self.text, self.at)) is not None:
            self.at = match.end()
            self._reach(_Tail(self._element(match.group())))
        else:
            raise self._wrong("neither an element, nor a property, nor a link")

    def _link(self) -> None:
        if self.linking or self.tail is None:
            raise self._wrong("a link without an element before it")
        self.linking, self.at = True, self.at + 1

    def _assign(self, match: re.Match[str]) -> None:
        self.at = match.end()
        value = self._value()
        if self.tail is None or self.tail.element is None:
            if self.open_bins:  # of the bin itself
                return
            raise self._wrong(f"the property {match[1]!r} has no element")
        element = self.tail.element
        if match[1] == "name" and value:
            element.name = value
        element.properties[match[1]] = value

    def _value(self) -> str:
        if self.at >= len(self.text):
            raise self._wrong("a property without its value")
        char = self.text[self.at]
        if char in _QUOTED:
            match = _QUOTED[char].match(self.text, self.at)
            if match is None:
                raise self._wrong("a quote is not closed")
            self.at = match.end()
            return _unescaped(match[1])
        match = _BARE.match(self.text, self.at)
        if match is None:
            raise self._wrong("a property without its value")
        self.at = match.end()
        return _unescaped(re.sub(r"(?<!\\)[\"']", "", match.group()))

    def _quoted_caps(self) -> bool:
        char = self.text[self.at]
        return char in _QUOTED and _CAPS.match(self.text, self.at + 1) is not None

    def _caps(self) -> None:
        """Caps between two links: an element that lets pass what fits them."""
        if self.text[self.at] in _QUOTED:
            caps = self._value()
        else:
            end = re.compile(r"\s+!|$").search(self.text, self.at)
            stop = end.start() if end else len(self.text)
            caps, self.at = self.text[self.at : stop].strip(), stop
        element = self._element("capsfilter")
        element.properties["caps"] = caps
        self._reach(_Tail(element))

    def _element(self, kind: str) -> LaunchElement:
        number = self.counts.get(kind, 0)
        self.counts[kind] = number + 1
        if len(self.elements) >= _MOST_ELEMENTS:
            raise self._wrong(f"more than {_MOST_ELEMENTS} elements")
        element = LaunchElement(kind, f"{kind}{number}")
        self.elements.append(element)
        return element

    def _reach(self, tail: _Tail) -> None:
        if self.linking and self.tail is not None:
            self.links.append((self.tail, tail, self.at))
        self.linking, self.tail = False, tail

    def _join(self) -> None:
        """Names mean elements anywhere in the text, so links are made at its end."""
        named = {element.name: element for element in self.elements}
        for source, target, at in self.links:
            ends: list[LaunchElement] = []
            for tail in (source, target):
                element = tail.element or named.get(tail.name)
                if element is None:
                    self.at = at
                    raise self._wrong(f"there is no element of the name {tail.name!r}")
                ends.append(element)
            ends[0].after.append(ends[1])
            ends[1].before.append(ends[0])

    def _skip_space(self) -> bool:
        """Whether something follows."""
        if match := _SPACE.match(self.text, self.at):
            self.at = match.end()
        return self.at < len(self.text)

    def _wrong(self, why: str) -> ConfigError:
        around = shown("", self.text[: self.at + 12]).rstrip()[-40:].lstrip()
        return ConfigError(f"{self.where}: launch text: {why}, at {around!r}")


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def _walk(start: LaunchElement, *, forward: bool) -> Iterator[LaunchElement]:
    seen = {id(start)}
    waiting = list(start.after if forward else start.before)
    while waiting:
        element = waiting.pop(0)
        if id(element) in seen:
            continue
        seen.add(id(element))
        yield element
        waiting += element.after if forward else element.before
