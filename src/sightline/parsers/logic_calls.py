"""Rules of a user's own on results: the side that calls `on_result(result, out)`."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from sightline.errors import UsageError
from sightline.parsers.code import Code
from sightline.parsers.framing import Message
from sightline.parsers.plain import plain
from sightline.parsers.returned import Unfit, said

__all__ = ["Out", "Rules", "SeenEvent", "SeenObject", "SeenResult", "rules_of"]


@dataclass(frozen=True, slots=True)
class SeenObject:
    """One object of a frame. box: x1, y1, x2, y2 frame pixels. track: its id, None where it has none.

    coasting: the tracker predicts it, no model saw it in this frame. attributes: {question: label}. columns: names of
    the analytics' rules that hold for it ("roi", "line", "direction", "crowd"). keypoints: (x, y, score) each.
    inside: objects that secondary models found within it. custom: what a parser said of it.
    """

    label: str
    score: float
    box: tuple[float, float, float, float]
    track: int | None = None
    coasting: bool = False
    attributes: dict[str, str] = field(default_factory=dict[str, str])
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    keypoints: tuple[tuple[float, float, float], ...] = ()
    inside: tuple[SeenObject, ...] = ()
    text: str = ""
    custom: Any = None

    @property
    def center(self) -> tuple[float, float]:
        x1, y1, x2, y2 = self.box
        return (x1 + x2) / 2, (y1 + y2) / 2

    @property
    def foot(self) -> tuple[float, float]:
        """The middle of the lower edge: where it stands."""
        x1, _, x2, y2 = self.box
        return (x1 + x2) / 2, y2


@dataclass(frozen=True, slots=True)
class SeenEvent:
    """What an analytic has told of this frame."""

    kind: str
    rule: str
    track: int | None
    label: str | None
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class SeenResult:
    """One frame's result. width, height: of the frame in pixels. time_s: of the stream, None where it has no times.

    counts: {rule: {direction or "now": {label: n}}}. inferred: a model saw the frame. custom: a parser's message.
    """

    stream: str
    frame: int
    time_s: float | None
    wall_ns: int
    width: int
    height: int
    objects: tuple[SeenObject, ...] = ()
    counts: dict[str, dict[str, dict[str, int]]] = field(default_factory=dict[str, dict[str, dict[str, int]]])
    events: tuple[SeenEvent, ...] = ()
    inferred: bool = True
    attributes: dict[str, str] = field(default_factory=dict[str, str])
    text: str = ""
    custom: Any = None

    def labelled(self, *labels: str) -> tuple[SeenObject, ...]:
        """The objects that have one of these labels."""
        return tuple(item for item in self.objects if item.label in labels)


class Out:
    """What a rule says of a frame."""

    def __init__(self) -> None:
        self.said: list[Message] = []

    def event(self, kind: str, *, track: int | None = None, label: str | None = None, **data: object) -> None:
        """An event of the kind "user.<kind>"; `data` is plain (numbers, text, lists, dicts)."""
        if not isinstance(kind, str) or not kind:
            raise Unfit(f"out.event: the kind is {said(kind)}; expected text")
        self._add(f"user.{kind}", track, label, data)

    def start_recording(self, reason: str = "", stream: str | None = None, **data: object) -> None:
        """Start to record this stream, or `stream`."""
        self._add("record.start", None, None, self._recording(reason, stream) | data)

    def stop_recording(self, reason: str = "", stream: str | None = None, **data: object) -> None:
        """Stop to record this stream, or `stream`."""
        self._add("record.stop", None, None, self._recording(reason, stream) | data)

    @staticmethod
    def _recording(reason: str, stream: str | None) -> dict[str, object]:
        said_so: dict[str, object] = {"reason": reason}
        return said_so if stream is None else said_so | {"stream": stream}

    def _add(self, kind: str, track: int | None, label: str | None, data: dict[str, object]) -> None:
        if track is not None and not hasattr(track, "__index__"):
            raise Unfit(f"out.event: track is {said(track)}; expected a whole number")
        number = None if track is None else int(track)
        name = None if label is None else str(label)
        evidence = plain(data, kind.removeprefix("user."))
        self.said.append({"kind": kind, "track": number, "label": name, "data": evidence})


class Rules:
    """Calls a module's `on_result`."""

    def __init__(self, function: Callable[..., object]) -> None:
        self._function = function

    def __call__(self, result: Message) -> list[Message]:
        """The events that it says of a result (JSON as `logic.said_of` makes it)."""
        out = Out()
        self._function(_heard(result), out)
        return copy.copy(out.said)


def rules_of(module: ModuleType, code: Code) -> Rules:
    """Raises UsageError where the module has no on_result."""
    function = getattr(module, "on_result", None)
    if not callable(function):
        raise UsageError("it defines no rules: expected def on_result(result, out)")
    return Rules(function)


def _heard(said: Message) -> SeenResult:
    given = dict(said)
    given["objects"] = tuple(_object(item) for item in said["objects"])
    given["events"] = tuple(SeenEvent(*item) for item in said["events"])
    return SeenResult(**given)


def _object(said: list[Any]) -> SeenObject:
    label, score, box, track, coasting, more = said
    given: dict[str, Any] = dict(more)
    if "columns" in given:
        given["columns"] = {name: tuple(values) for name, values in given["columns"].items()}
    if "keypoints" in given:
        given["keypoints"] = tuple((x, y, s) for x, y, s in given["keypoints"])
    if "inside" in given:
        given["inside"] = tuple(_object(item) for item in given["inside"])
    x1, y1, x2, y2 = box
    return SeenObject(label, score, (x1, y1, x2, y2), track, coasting, **given)
