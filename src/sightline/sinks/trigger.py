"""When to record: what is seen, where, and what happens, as one wish a frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sightline.errors import UsageError
from sightline.types import Event, FrameResult

__all__ = ["Trigger", "Wish"]

_STATES = {".began": ".ended", ".start": ".stop"}  # kinds that hold until their counterpart comes


@dataclass(frozen=True, slots=True)
class Wish:
    """What a frame asks for. holds: something lasts that is worth recording. struck: something happened just now."""

    holds: bool
    struck: bool
    why: str = ""

    def __bool__(self) -> bool:
        return self.holds or self.struck


@dataclass(slots=True)
class Trigger:
    """The rules of one stream. See `RecordSink` for what the fields mean; labels are compared without case."""

    labels: Sequence[str] = ()
    zones: Sequence[str] = ()
    events: Sequence[str] = ()
    rules: Sequence[str] = ()
    _open: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str], init=False, repr=False)
    _last: str = field(default="", init=False, repr=False)
    _told: bool = field(default=False, init=False, repr=False)
    notes: list[str] = field(default_factory=list[str], init=False)

    def update(self, result: FrameResult) -> Wish:
        """What this frame asks for. Raises UsageError where none of the zones is one."""
        struck = ""
        for event in result.events:
            struck = self._heard(event) or struck
        lasting = next(iter(self._open.values()), "")
        # a frame that no model saw says nothing new of who is there
        seen = self._last = self._seen(result) or ("" if result.inferred else self._last)
        return Wish(bool(lasting or seen), bool(struck), struck or lasting or seen)

    def _heard(self, event: Event) -> str:
        """What strikes about an event, "" for nothing; events that begin or end something are remembered."""
        stem, dot, last = event.kind.rpartition(".")
        said = f"{event.kind} {event.rule}".strip()
        if f"{dot}{last}" in _STATES.values():
            self._open.pop((stem, event.rule), None)
            if stem == "record":  # a stop without a name stops whatever is recorded by hand
                for key in [key for key in self._open if key[0] == stem and not event.rule]:
                    del self._open[key]
        if not self._wanted(event):
            return ""
        if f"{dot}{last}" in _STATES:
            self._open[stem, event.rule] = said
        return said

    def _wanted(self, event: Event) -> bool:
        if event.kind == "record.start":
            return True
        if not (self.events or self.rules) or event.kind == "record.stop":
            return False
        kind = not self.events or event.kind in self.events or event.kind.rpartition(".")[0] + ".*" in self.events
        return kind and (not self.rules or event.rule in self.rules)

    def _seen(self, result: FrameResult) -> str:
        """Which label is in which zone, or in the picture; "" for none."""
        labels = {label.lower() for label in self.labels}
        for zone, counts in self._zones(result):
            for label, count in counts.items():
                if count > 0 and (not labels or label.lower() in labels):
                    return f"{label} in {zone}"
        if self.zones or not labels:
            return ""
        found = result.prediction.detections
        for row in range(len(found)):
            if found.name_of(row).lower() in labels:
                return found.name_of(row)
        return ""

    def _zones(self, result: FrameResult) -> Iterator[tuple[str, Mapping[str, int]]]:
        """The zones that this stream has, with how many of each label are in them."""
        missing: list[str] = []
        for zone in self.zones:
            now = result.counts.get(zone, {}).get("now")
            if now is None:
                missing.append(zone)
            else:
                yield zone, now
        if missing and not self._told:
            self._told = True
            known = [name for name, kinds in result.counts.items() if "now" in kinds]
            said = f"{result.frame.stream.id} has no zone {', '.join(map(repr, missing))}"
            if len(missing) == len(self.zones):
                has = f"it has: {', '.join(known)}" if known else "give it one under analytics"
                raise UsageError(f"record: {said}; {has}")
            self.notes.append(f"record: {said}")
