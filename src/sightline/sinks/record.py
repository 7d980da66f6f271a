"""Recording on events: snippets of a stream, with what came before, and their results beside them.

Packets are copied as the camera sent them; only where pictures are drawn on, or where there are no packets that a
file could hold, is anything encoded.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from sightline import wire
from sightline.errors import OutputError, UsageError
from sightline.protocols import PacketTap, Payload, RunInfo
from sightline.sinks.clip import Clip, Told
from sightline.sinks.coder import Coding
from sightline.sinks.feed import PictureFeed
from sightline.sinks.packets import CLOCK_RESTART_S, Coded, PacketMemory
from sightline.sinks.snippets import Snippets
from sightline.sinks.target import check_target, folder_name, output_name
from sightline.sinks.trigger import Trigger, Wish
from sightline.types import Frame, FrameResult, Picture

__all__ = ["RecordSink"]

_REST_S = 5.0  # after a failure, before the next try

Run = tuple[int, int]
Judged = tuple[Run, float, list[str] | FrameResult]  # told already, or to be told if it is recorded


@dataclass(slots=True)
class _Course:
    """Tells which clock a frame's time belongs to, as `PacketMemory` does for packets."""

    _epoch: int = 0
    _restarts: int = 0
    _last_s: float | None = None

    def moment(self, frame: Frame) -> tuple[Run, float]:
        """The clock, and the frame's time by it."""
        now = frame.at.seconds
        if now is None:
            now = self._last_s or 0.0
        if frame.at.epoch != self._epoch:
            self._epoch, self._restarts = frame.at.epoch, 0
        elif self._last_s is not None and self._last_s - now > CLOCK_RESTART_S:
            self._restarts += 1
        self._last_s = now
        return (self._epoch, self._restarts), now


@dataclass(slots=True)
class RecordSink:
    """Snippets of one stream: NAME.mp4 (.mkv where MP4 cannot hold the codec), and NAME.json with their results.

    path: a folder; "{stream}" in it stands for the stream's name.
    name: of the files: "{stream}", "{time}" (UTC of the beginning, YYYY-MM-DD-HH-MM-SS), "{why}", "{number}"; one that
        is taken gets -2, -3 ...
    labels: record while an object with one of these labels is there, anywhere or in one of `zones`.
    zones: names of analytics that count who is in them now (zone, roi, crowd): record while anything, or one of
        `labels`, is in one of them. A stream must have one of them at least.
    streams: only these streams are recorded; default: all.
    events: kinds of events to record around ("line.crossed", "zone.*"); what begins (crowd.began) is recorded until
        it has ended. rules: only events of these lines and zones; without `events`, all of theirs.
        The events record.start and record.stop of a user's rules begin and end a recording in any case.
    pre_s, post_s: seconds before the first moment and after the last one. A snippet begins with a key picture, so a
        little earlier. What happens before one has ended prolongs it.
    longest_s: a snippet goes on in another file at the first key picture after so long.
    overlay: what the run's overlay draws is recorded, so everything is encoded all the time.
    payload: whose messages the results are written as; default: our own lines.
    max_mb: memory for what came before; where that is not enough, less of it is recorded.
    codec, preset, crf: of what is encoded, as for videos.

    A failure to write ends the snippet, not the run: the next moment is tried again, and `close` raises the first one.
    `tap` is what the source must be given.
    """

    path: str
    name: str = "{stream}-{time}"
    labels: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    streams: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    pre_s: float = 5.0
    post_s: float = 5.0
    longest_s: float = 300.0
    overlay: bool = False
    payload: Payload | None = None
    max_mb: int = 64
    codec: str = "h264"
    preset: str = "veryfast"
    crf: int = 23
    notes: list[str] = field(default_factory=list[str], init=False)
    written: list[Path] = field(default_factory=list[Path], init=False)
    _memory: PacketMemory = field(init=False, repr=False)
    _trigger: Trigger = field(init=False, repr=False)
    _snippets: Snippets = field(init=False, repr=False)
    _feed: PictureFeed = field(init=False, repr=False)
    _course: _Course = field(default_factory=_Course, init=False, repr=False)
    _heading: list[str] = field(default_factory=list[str], init=False, repr=False)
    _names: tuple[str, ...] = field(default=(), init=False, repr=False)
    _results: deque[Judged] = field(default_factory=deque[Judged], init=False, repr=False)
    _by_hand: threading.Event = field(default_factory=threading.Event, init=False, repr=False)
    _faults: list[OutputError] = field(default_factory=list[OutputError], init=False, repr=False)
    _resting_until: tuple[Run, float] | None = field(default=None, init=False, repr=False)
    _frame: Frame | None = field(default=None, init=False, repr=False)
    _at: tuple[Run, float] = field(default=((0, 0), 0.0), init=False, repr=False)
    _off: bool = field(default=False, init=False, repr=False)
    _number: int = field(default=0, init=False, repr=False)

    def __post_init__(self) -> None:
        for option in ("pre_s", "post_s"):
            if not 0 <= getattr(self, option) <= 3600:
                raise ValueError(f"{option} {getattr(self, option):g}: from 0 to 3600 seconds")
        if not 1 <= self.longest_s <= 86_400:
            raise ValueError(f"longest_s {self.longest_s:g}: from 1 second to a day")
        if self.max_mb < 1:
            raise ValueError(f"max_mb {self.max_mb}: at least 1")
        self._memory = PacketMemory(self.max_mb << 20)
        self._trigger = Trigger(self.labels, self.zones, self.events, self.rules)
        self._feed = PictureFeed(self._memory, self.codec, self.preset, self.crf)
        self._snippets = Snippets(
            self._memory, self.pre_s, self.post_s, self.longest_s, self._begin_clip, self._finish_clip
        )

    @property
    def tap(self) -> PacketTap | None:
        """What sees the stream's packets; None where nothing is copied."""
        return None if self.overlay else self._memory

    @property
    def wants_picture(self) -> bool:
        """Whether pictures must be encoded: known with the first frame."""
        return not self._off and (self.overlay or self._feed.begun or not self._memory.usable)

    def record(self, on: bool) -> None:
        """Begin or end a recording by hand, from any thread; it takes effect with the next frame."""
        if on:
            self._by_hand.set()
        else:
            self._by_hand.clear()

    def open(self, info: RunInfo) -> None:
        """Judge options and place; writes nothing. Raises UsageError."""
        Coding(self.codec, self.preset, self.crf).check("record")
        try:
            self.name.format(stream="", time="", why="", number=1)
        except (KeyError, ValueError, IndexError) as error:
            raise UsageError(
                f"record name {self.name!r}: {error}; known: {{stream}}, {{time}}, {{why}}, {{number}}"
            ) from None
        if "/" in self.name or "\\" in self.name:
            raise UsageError(f"record name {self.name!r}: a name, not a path; the folder is `path`")
        check_target(Path(self.path.replace("{stream}", "stream"), "snippet.mp4"))
        self._names = info.models[0].labels if info.models else ()
        self._heading = [wire.header_line(info)] if self.payload is None else self.payload.open(info)

    def write(self, result: FrameResult, picture: Picture | None = None) -> None:
        """One frame. Raises UsageError where none of the zones is one."""
        frame = self._frame = result.frame
        if self.streams and frame.stream.id not in self.streams:
            if not self._off:
                self._off = True
                self._memory.off()
            return
        encodes = self.wants_picture
        run, now_s = self._at = ((0, 0), self._feed.place(frame)) if encodes else self._course.moment(frame)
        self._results.append((run, now_s, self._kept(result)))
        wish = self._trigger.update(result)
        if self._by_hand.is_set():
            wish = Wish(True, wish.struck, wish.why or "by hand")
        try:
            if encodes and picture is not None:
                self._feed.encode(picture)
            if not self._resting(run, now_s):
                self._snippets.step(run, now_s, wish)
        except OutputError as error:
            self._failed(error, run, now_s)
        self._forget(run, now_s)

    def close(self) -> None:
        """Finish what is being recorded. Raises the first OutputError that there was."""
        try:
            self._feed.flush()
            self._snippets.end()
        except OutputError as error:
            self._failed(error, *self._at)
        if self._memory.forgotten and self.written:
            self.notes.append(
                f"record: {self._memory.forgotten} packets did not fit into {self.max_mb} MB (max_mb); "
                "some snippets may begin later than asked for"
            )
        self.notes += self._trigger.notes
        self._trigger.notes.clear()
        faults, self._faults = self._faults, []
        if len(faults) > 1:
            self.notes.append(f"record: writing failed {len(faults)} times")
        if faults:
            raise faults[0]

    def _kept(self, result: FrameResult) -> list[str] | FrameResult:
        """The lines of a frame; the result itself while nothing is recorded, unless that would take much memory."""
        said = result.prediction
        heavy = said.detections.masks is not None or said.classmap is not None or result.frame.picture is not None
        if self.payload is None and self._snippets.begins_s is None and not heavy:
            return result
        return self._lines(result)

    def _lines(self, result: FrameResult) -> list[str]:
        if self.payload is not None:
            return self.payload.messages(result)
        return [
            wire.frame_line(result, self._names),
            *(wire.event_line(event, result.frame) for event in result.events),
        ]

    def _resting(self, run: Run, now_s: float) -> bool:
        """After a failure: not yet time to try again."""
        rest = self._resting_until
        if rest is None or rest[0] != run or now_s >= rest[1]:
            self._resting_until = None
            return False
        return True

    def _failed(self, error: OutputError, run: Run, now_s: float) -> None:
        self._snippets.drop()
        self._resting_until = run, now_s + _REST_S
        self._faults.append(error)

    def _forget(self, run: Run, now_s: float) -> None:
        """Let go of results that no recording can need any more."""
        kept_s = [now_s - self.pre_s]
        kept_s += [at for at in (self._memory.oldest_s(run), self._snippets.begins_s) if at is not None]
        while self._results and (self._results[0][0] != run or self._results[0][1] < min(kept_s)):
            self._results.popleft()

    def _begin_clip(self, first: Coded, why: str) -> Clip:
        frame = self._frame
        assert frame is not None
        ago_s = self._at[1] - first.shown_s if self._at[0] == first.opening.run else 0.0
        began = datetime.fromtimestamp(frame.wall_ns / 1e9 - ago_s, UTC)
        self._number += 1
        stream = frame.stream.id
        folder = Path(self.path.replace("{stream}", output_name(stream, "")))
        name = self.name.format(
            stream=output_name(stream, ""),
            time=began.strftime("%Y-%m-%d-%H-%M-%S"),
            why=folder_name(why).replace(" ", "-"),
            number=self._number,
        )
        return Clip(_free(folder, name), Told(stream, why, began.strftime("%Y-%m-%dT%H:%M:%S.%fZ")), first)

    def _finish_clip(self, clip: Clip) -> None:
        run = clip.first.opening.run
        lines = list(self._heading)
        for judged_run, at_s, told in self._results:
            if judged_run == run and clip.begins_s - 1e-6 <= at_s <= clip.shows_s + 1e-6:
                lines += self._lines(told) if isinstance(told, FrameResult) else told
        joined = getattr(self.payload, "joined", None)
        self.written.append(clip.finish(lines, None if joined is None else joined(lines)))


def _free(folder: Path, name: str) -> Path:
    """A path without ending that nothing in the folder has."""
    path, number = folder / name, 1
    while any(path.with_name(path.name + suffix).exists() for suffix in (".mp4", ".mkv", ".mov", ".json")):
        number += 1
        path = folder / f"{name}-{number}"
    return path
