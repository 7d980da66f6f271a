"""The secondary models: each looks at the objects of another, as soon as all that it builds on has been said."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from sightline.alignment import face_matrix
from sightline.models.looks import Look, track_name
from sightline.pipeline.answers import POINTS, said
from sightline.pipeline.asking import Asking
from sightline.pipeline.choosing import Choice, chosen, region_of
from sightline.pipeline.knowing import columns_of, parts_of
from sightline.pipeline.pending import Pending, Work
from sightline.pipeline.places import Places
from sightline.pipeline.remembering import Key, Memory, Rule
from sightline.types import F32, Detections, Frame, Inside, Prediction

__all__ = ["Ask", "Cascade", "Memories", "Stage"]

_MOST_LATE = 16  # looks that nobody waits for; more are not begun


@dataclass(slots=True, eq=False)
class Stage:
    """One secondary model. of: the stage whose objects it looks at; after: stages that must have ended before.

    interval: inferred frames passed over between two that are looked at. wait: False, an answer appears on a later
    frame of its track. align: faces are set upright by their landmarks. early: it runs before the tracker, on objects
    of at least `least`, for the tracker to see what it says.
    """

    asking: Asking[Ask]
    of: str
    after: frozenset[str] = frozenset()
    choice: Choice = field(default_factory=Choice)
    interval: int = 0
    wait: bool = True
    align: bool = False
    rule: Rule | None = None
    smooth: int = 0
    early: bool = False
    least: float = 0.0

    @property
    def name(self) -> str:
        return self.asking.model.stage

    @property
    def task(self) -> str:
        return self.asking.model.spec.task

    @property
    def shares(self) -> bool:
        """Whether what is said of a track in one frame can be said of it in another: masks belong to their frame."""
        return self.task not in ("segment", "obb")

    @property
    def remembers(self) -> bool:
        """Whether answers are kept with the tracks."""
        return bool(self.rule is not None or self.smooth or self.interval or not self.wait) and not self.early


@dataclass(slots=True, eq=False)
class Ask:
    """One look of one stage, for one object. pending: the frame that waits for it, None where none does.

    slot: which of the frame's answers it is. more: further frames that wait for the same answer. key: None once the
    track has ended, so that nothing is remembered of it.
    """

    look: Look
    stage: Stage
    memories: Memories
    pending: Pending | None
    slot: int
    key: Key | None
    box: F32
    label: str
    more: list[tuple[Pending, int, int]] = field(default_factory=list[tuple[Pending, int, int]])


@dataclass(slots=True, eq=False)
class Memories:
    """What the stages remember of one stream, and which tracks they are being asked about."""

    stream: str
    of: dict[str, Memory] = field(default_factory=dict[str, Memory])
    asked: dict[tuple[str, Key], Ask] = field(default_factory=dict[tuple[str, Key], Ask])
    seen: dict[str, int] = field(default_factory=dict[str, int])
    places: Places = field(default_factory=Places)


@dataclass(slots=True, eq=False)
class Cascade:
    """All secondary models of a pipeline, those that others build on first. primary: the first model's stage name.

    names: of the stages. early: those that come before the tracker.
    """

    primary: str
    stages: Sequence[Stage] = ()
    names: frozenset[str] = field(init=False)
    early: tuple[Stage, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.names = frozenset(stage.name for stage in self.stages)
        self.early = tuple(stage for stage in self.stages if stage.early)

    @property
    def waiting(self) -> int:
        """Requests that are being worked on."""
        return sum(stage.asking.waiting for stage in self.stages)

    @property
    def queued(self) -> int:
        """Looks that are not submitted yet."""
        return sum(stage.asking.queued for stage in self.stages)

    def ended(self, pending: Pending) -> bool:
        """Whether every stage has said what it says of the frame."""
        return len(pending.finished) == len(self.stages)

    def remembered(self, stream: str) -> Memories:
        """A new memory for a stream."""
        kept = {s.name: Memory(s.rule, s.smooth) for s in self.stages if s.remembers}
        return Memories(stream, kept)

    def forget(self, memories: Memories, tracks: Iterable[int]) -> None:
        """Let go of tracks that will not come back."""
        gone = set(tracks)
        if not gone:
            return
        for memory in memories.of.values():
            memory.forget(gone)
        memories.places.forget(gone)
        for name, key in [at for at in memories.asked if at[1][0] in gone]:
            memories.asked.pop((name, key)).key = None
        for stage in self.stages:
            for track in gone:
                stage.asking.model.forget(track_name(memories.stream, (track,)))

    def release(self, memories: Memories) -> None:
        """Let go of everything that is known of a stream that has ended."""
        self.forget(memories, [key[0] for memory in memories.of.values() for key in memory.keys])
        for stage in self.stages:
            stage.asking.model.forget(memories.stream)

    # -- one frame -----------------------------------------------------------------------------------------------------

    def advance(self, pending: Pending, memories: Memories, held: Collection[str] = (), *, early: bool = False) -> bool:
        """Begin every stage that can begin; True once all (early: all that come before the tracker) have ended.

        held: stages that an earlier frame of the stream has not come to: what a track is remembered by goes in order.
        """
        stages = self.early if early else self.stages
        moved = True
        while moved:
            moved = False
            for stage in stages:
                begun = stage.name in pending.works or stage.name in held
                if begun or not stage.after <= pending.finished.keys():
                    continue
                self._begin(stage, pending, memories)
                moved = moved or stage.name in pending.finished
        return all(stage.name in pending.finished for stage in stages)

    def _begin(self, stage: Stage, pending: Pending, memories: Memories) -> None:
        work = Work([], [])
        pending.works[stage.name] = work
        if pending.inferred:
            detections = pending.detections(stage.of, self.primary)
            rows: list[int] = chosen(detections, stage.choice).tolist()
            if stage.early:
                rows = [row for row in rows if detections.score[row] >= stage.least]
            keys = self._keys(stage.of, pending, memories) if rows and not stage.early else [None] * len(detections)
            if not stage.wait:
                rows.sort(key=lambda row: self._told_at(stage, memories, keys[row]))
            turn = memories.seen.get(stage.name, 0)
            memories.seen[stage.name] = turn + 1
            for row in rows:
                self._look_at(stage, pending, memories, work, row, keys[row], turn)
        if not work.left:
            self._finish(stage, pending, work)

    def _told_at(self, stage: Stage, memories: Memories, key: Key | None) -> int:
        memory = memories.of.get(stage.name)
        return -1 if memory is None or key is None else memory.told_at(key)

    def _look_at(
        self, stage: Stage, pending: Pending, memories: Memories, work: Work, row: int, key: Key | None, turn: int
    ) -> None:
        """One more object of the frame."""
        work.rows.append(row)
        work.answers.append(None)
        self._decide(stage, pending, memories, work, len(work.rows) - 1, key, turn)

    def _decide(
        self, stage: Stage, pending: Pending, memories: Memories, work: Work, slot: int, key: Key | None, turn: int
    ) -> None:
        """The answer for one object: awaited already, remembered, or asked for.

        While an answer about its track is on its way the decision waits for it, so that what is told does not depend
        on how fast the model is.
        """
        row = work.rows[slot]
        detections = pending.detections(stage.of, self.primary)
        box, label, index = detections.xyxy[row], detections.name_of(row), pending.frame.index
        memory = memories.of.get(stage.name) if key is not None else None
        passed = turn % (stage.interval + 1) != 0
        if memory is not None and key is not None:
            other = memories.asked.get((stage.name, key)) if stage.shares else None
            if other is not None and stage.wait and (passed or stage.rule is not None):
                other.more.append((pending, slot, turn))
                work.left += 1
                return
            known = memory.fresh(key, box, label, index)
            work.answers[slot] = memory.last(key, box) if known is None and (passed or not stage.wait) else known
            if known is not None or (other is not None and not stage.wait):
                return
        if passed or (key is None and not stage.wait):
            return  # of an object without a track nothing can be said later
        if not stage.wait and stage.asking.queued >= _MOST_LATE:
            return
        look = self._look(stage, pending.frame, detections, row, memories.stream, key)
        if look is None:
            return
        ask = Ask(look, stage, memories, pending if stage.wait else None, slot, key, box, label)
        if key is not None and memory is not None:
            memories.asked[stage.name, key] = ask
        work.left += stage.wait
        stage.asking.add(ask)

    def _look(
        self, stage: Stage, frame: Frame, detections: Detections, row: int, stream: str, key: Key | None
    ) -> Look | None:
        """The view of one object; None where there is nothing to see, or not all is known that the model takes."""
        model, frame_wh = stage.asking.model, (frame.width, frame.height)
        if key is None and model.windows:
            return None
        region = region_of(detections.xyxy[row], stage.choice, frame_wh)
        if region is None:
            return None
        turned = None
        if stage.align and detections.keypoints is not None:
            turned = face_matrix(detections.keypoints[row], model.size_of(frame))
        parts = parts_of(detections, row, model.needs, frame_wh)
        columns = columns_of(detections, row, model.needs, frame_wh)
        if any(name not in parts and name not in columns for name in model.needs):
            return None
        track = track_name(stream, key) if key is not None else ""
        return Look(frame, region, turned, row, parts, columns, track)

    def _keys(self, stage: str, pending: Pending, memories: Memories) -> list[Key | None]:
        """For every object of `stage`, what it is remembered by; None for those without a track."""
        if stage not in pending.keys:
            pending.keys[stage] = self._new_keys(stage, pending, memories)
        return pending.keys[stage]

    def _new_keys(self, stage: str, pending: Pending, memories: Memories) -> list[Key | None]:
        detections = pending.detections(stage, self.primary)
        if stage == self.primary:
            keys: list[Key | None] = [None] * len(detections)
            if pending.tracks is not None:
                for track, row in zip(pending.tracks.id.tolist(), pending.tracks.row.tolist(), strict=True):
                    keys[row] = (track,)
            return keys
        keys = [None] * len(detections)
        inside = pending.inside.get(stage)
        if inside is None or detections.parent is None:
            return keys
        around = pending.detections(inside.of, self.primary).xyxy
        for parent, key in enumerate(self._keys(inside.of, pending, memories)):
            rows = np.flatnonzero(detections.parent == parent)
            if key is None:
                continue
            numbers, gone = memories.places.numbers(stage, key, around[parent], detections.xyxy[rows])
            for row, number in zip(rows.tolist(), numbers, strict=True):
                keys[row] = (*key, number)
            for memory in memories.of.values() if gone else ():
                memory.drop(gone)
        return keys

    # -- answers -------------------------------------------------------------------------------------------------------

    def answered(self, ask: Ask, answer: Prediction) -> list[Pending]:
        """Hand an answer to all who wait for it; the frames for which something has ended."""
        stage, memories = ask.stage, ask.memories
        moved_on: list[Pending] = []
        memory = memories.of.get(stage.name) if ask.key is not None else None
        if ask.key is None and ask.look.track:
            stage.asking.model.forget(ask.look.track)
        if memory is not None and ask.key is not None:
            if memories.asked.get((stage.name, ask.key)) is ask:
                del memories.asked[stage.name, ask.key]
            answer = memory.put(ask.key, answer, ask.box, ask.label, ask.look.frame.index)
        if ask.pending is not None:
            work = ask.pending.works[stage.name]
            work.answers[ask.slot] = answer
            self._answered_one(stage, ask.pending, work, moved_on)
        for pending, slot, turn in ask.more:
            work = pending.works[stage.name]
            self._decide(stage, pending, memories, work, slot, ask.key, turn)
            self._answered_one(stage, pending, work, moved_on)
        return moved_on

    def _answered_one(self, stage: Stage, pending: Pending, work: Work, moved_on: list[Pending]) -> None:
        work.left -= 1
        if not work.left:
            self._finish(stage, pending, work)
            moved_on.append(pending)

    def _finish(self, stage: Stage, pending: Pending, work: Work) -> None:
        """Everything that the stage says of the frame is there."""
        pending.finished[stage.name] = None
        if not work.rows:
            return
        detections = pending.detections(stage.of, self.primary)
        if not stage.early:
            pending.bare.setdefault(stage.of, detections)
        noted, inner = self._said(stage, detections, work)
        pending.told(stage.of, self.primary, noted)
        if len(inner):
            pending.inside[stage.name] = Inside(stage.of, inner)

    def _said(self, stage: Stage, detections: Detections, work: Work) -> tuple[Detections, Detections]:
        pointing = [other.name for other in self.stages if other.of == stage.of and other.task in POINTS]
        apart = stage.task in POINTS and pointing[0] != stage.name
        return said(detections, work.rows, work.answers, stage.name, stage.task, apart=apart)

    def settle(self, pending: Pending) -> None:
        """Everything has been said of a frame: bring it into the order of the stages, whichever ended first."""
        place = {stage.name: i for i, stage in enumerate(self.stages)}
        ended = [place[name] for name in pending.finished]
        if ended != sorted(ended):
            for of, detections in pending.bare.items():
                for stage in self.stages:
                    work = pending.works[stage.name]
                    if stage.of == of and work.rows and not stage.early:
                        detections, _ = self._said(stage, detections, work)
                pending.told(of, self.primary, detections)
            pending.inside = {s.name: pending.inside[s.name] for s in self.stages if s.name in pending.inside}
        marks = tuple(
            mark
            for stage in self.stages
            for answer in pending.works[stage.name].answers
            if answer is not None
            for mark in answer.marks
        )
        if marks and pending.prediction is not None:
            pending.prediction = replace(pending.prediction, marks=(*pending.prediction.marks, *marks))
