"""Rules of a user's own on results (`--logic rules.py`): what they say becomes events and recordings."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sightline.errors import RuntimeFailure, UsageError
from sightline.facts import event
from sightline.parsers.answering import Answering, Asked
from sightline.parsers.code import Code
from sightline.parsers.framing import Message
from sightline.parsers.logic_calls import Rules, rules_of
from sightline.parsers.plain import plain
from sightline.parsers.process import LINES, UserProcess
from sightline.parsers.serving import Fault, Served
from sightline.types import Detections, Event, Frame, FrameResult, Report, StreamInfo

__all__ = ["LogicRunner", "said_of"]

_IN_FLIGHT = 8


@dataclass(slots=True)
class _Told:
    """A result on its way: its frame without the picture, and the answer once it is there."""

    frame: Frame
    streams: Mapping[str, StreamInfo]
    report: Report | None = None


@dataclass(slots=True)
class LogicRunner:
    """Gives every result to the user's `on_result(result, out)`; reports come back in the order of submission.

    The rule of its events is the name of the file. A fault costs the events of its result and is counted in `faults`.
    trust: in this process. Making one starts nothing.
    """

    code: Code
    python: str = ""
    trust: bool = False
    faults: dict[str, int] = field(default_factory=dict[str, int])
    _lost_results: int = 0
    _printed: deque[str] = field(default_factory=lambda: deque(maxlen=LINES))
    _told: deque[_Told] = field(default_factory=deque[_Told])
    _answering: Answering[_Told] | None = None
    _served: Served[Rules] | None = None
    _streams: dict[str, StreamInfo] = field(default_factory=dict[str, StreamInfo])

    @property
    def lost(self) -> int:
        """Results whose events were lost."""
        return self._lost_results

    @property
    def room(self) -> bool:
        """May another result be submitted? Takes what has come in the meantime."""
        if self._answering is not None and self._answering.waiting:
            self._answering.pump(0.0)
        return len(self._told) < _IN_FLIGHT

    @property
    def waiting(self) -> int:
        """Results that were submitted and not collected."""
        return len(self._told)

    def printed(self) -> list[str]:
        """Lines that the code printed, and notes on it, since this was asked last."""
        lines = list(self._printed)
        self._printed.clear()
        return lines

    def start(self) -> None:
        """Load the code. Raises UsageError naming the user's file and line."""
        if not self.trust:
            self._begun().start()
            return
        served: Served[Rules] = Served(self.code, rules_of)
        try:
            served.load()
        except Fault as fault:
            raise UsageError(str(fault)) from fault.__cause__
        self._served = served

    def _begun(self) -> Answering[_Told]:
        if self._answering is None:
            process = UserProcess(self.code, [], logic=True, printed=self._printed)
            if self.python:
                process.python = self.python
            self._answering = Answering(process, self._answered, self._lost, self.faults)
        return self._answering

    def submit(self, result: FrameResult) -> None:
        """Ask what the rules say of a result. Raises RuntimeFailure where there is no room, UsageError as `start`."""
        if len(self._told) >= _IN_FLIGHT:
            raise RuntimeFailure(f"{self.code.path.name}: a result without room for it")
        self._streams[result.frame.stream.id] = result.frame.stream
        told = _Told(result.frame.without_picture(), self._streams)
        self._told.append(told)
        said = said_of(result)
        if self.trust:
            self._call(told, said)
        else:
            self._begun().ask(Asked(told, lambda afresh: {"result": said}))

    def _call(self, told: _Told, said: Message) -> None:
        if self._served is None:
            self.start()
        served = self._served
        assert served is not None
        try:
            self._answered(told, {"events": served.call(lambda rules: rules(said))})
        except Fault as fault:
            self.faults[str(fault)] = self.faults.get(str(fault), 0) + 1
            self._lost(told)
        self._printed.extend(served.notes)
        served.notes.clear()

    def _answered(self, told: _Told, message: Message) -> None:
        rule = self.code.path.stem
        told.report = Report(tuple(_event(item, rule, told.frame) for item in message["events"]))

    def _lost(self, told: _Told) -> None:
        self._lost_results += 1
        told.report = Report()

    def collect(self, timeout_s: float) -> Report | None:
        """What the rules said of the oldest result; None: not within the timeout, or nothing was submitted.

        Raises UsageError where the code cannot be loaded the first time.
        """
        if not self._told:
            return None
        deadline = time.monotonic() + timeout_s
        while self._told[0].report is None:
            left = deadline - time.monotonic()
            self._begun().pump(max(0.0, left))
            if left <= 0 and self._told[0].report is None:
                return None
        return self._told.popleft().report

    def close(self) -> None:
        """End the process; what was not collected is forgotten."""
        if self._answering is not None:
            self._answering.close()
            self._answering = None
        self._told.clear()


def _event(said: Message, rule: str, frame: Frame) -> Event:
    """Every event of a frame needs evidence of its own: two that say the same are one."""
    return event(said["kind"], rule, frame, said["track"], said["label"], said["data"])


# -- a result in plain words -------------------------------------------------------------------------------------------


def said_of(result: FrameResult) -> Message:
    """A result as JSON: what `SeenResult` has."""
    frame, prediction = result.frame, result.prediction
    return {
        "stream": frame.stream.id,
        "frame": frame.index,
        "time_s": frame.at.seconds,
        "wall_ns": frame.wall_ns,
        "width": frame.width,
        "height": frame.height,
        "objects": _objects(result),
        "counts": {rule: {way: dict(n) for way, n in ways.items()} for rule, ways in result.counts.items()},
        "events": [[e.kind, e.rule, e.track, e.label, plain(e.data, e.kind)] for e in result.events],
        "inferred": result.inferred,
        "attributes": {item.name: item.label for item in prediction.attributes},
        "text": prediction.text or "",
        "custom": plain(prediction.custom, "custom"),
    }


def _objects(result: FrameResult) -> list[list[Any]]:
    detections, tracks = result.prediction.detections, result.tracks
    track_of = dict(zip(tracks.row.tolist(), enumerate(tracks.id.tolist()), strict=True))
    inside = _inside(result)
    objects: list[list[Any]] = []
    for row in range(len(detections)):
        place, track = track_of.get(row, (-1, None))
        more = _more(detections, row)
        columns = {name: list(column[place]) for name, column in result.columns.items() if place >= 0 and column[place]}
        if columns:
            more["columns"] = columns
        within = inside.get((detections.stage, row))
        if within:
            more["inside"] = within
        objects.append(_object(detections, row, track, more))
    for track, box, label, score in zip(
        tracks.coasting.tolist(),
        tracks.coasting_xyxy.tolist(),
        tracks.coasting_label.tolist(),
        tracks.coasting_score.tolist(),
        strict=True,
    ):
        names = detections.names
        name = names[label] if 0 <= label < len(names) and names[label] else f"class{label}"
        objects.append([name, score, box, track, True, {}])
    return objects


def _inside(result: FrameResult) -> dict[tuple[str, int], list[list[Any]]]:
    """(stage, row) -> the objects found within it; the last stage goes first, as it looks into others."""
    found: dict[tuple[str, int], list[list[Any]]] = {}
    for item in reversed(result.inside):
        detections = item.detections
        for row, parent in enumerate(() if detections.parent is None else detections.parent.tolist()):
            more = _more(detections, row)
            if within := found.get((detections.stage, row)):
                more["inside"] = within
            found.setdefault((item.of, parent), []).append(_object(detections, row, None, more))
    return found


def _object(detections: Detections, row: int, track: int | None, more: Message) -> list[Any]:
    score, box = float(detections.score[row]), detections.xyxy[row].tolist()
    return [detections.name_of(row), score, box, track, False, more]


def _more(detections: Detections, row: int) -> Message:
    more: Message = {}
    columns = detections.columns
    if "attributes" in columns and columns["attributes"][row]:
        more["attributes"] = {item.name: item.label for item in columns["attributes"][row]}
    if "text" in columns and columns["text"][row]:
        more["text"] = columns["text"][row]
    if "custom" in columns and columns["custom"][row] is not None:
        more["custom"] = plain(columns["custom"][row], "custom")
    if detections.keypoints is not None:
        points = detections.keypoints[row].tolist()
        more["keypoints"] = [point if all(map(math.isfinite, point)) else [0.0, 0.0, 0.0] for point in points]
    return more
