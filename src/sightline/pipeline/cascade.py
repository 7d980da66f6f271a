"""The secondary models: each looks at the objects of another, as soon as all that it builds on has been said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from sightline.alignment import face_matrix
from sightline.models.looks import Look
from sightline.pipeline.answers import said
from sightline.pipeline.asking import Asking
from sightline.pipeline.choosing import Choice, chosen, region_of
from sightline.pipeline.knowing import columns_of, parts_of
from sightline.pipeline.pending import Pending, Work
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
    def remembers(self) -> bool:
        """Whether answers are kept with the tracks."""
        return bool(self.rule is not None or self.smooth or self.interval or not self.wait) and not self.early


@dataclass(slots=True, eq=False)
class Ask:
    """One look of one stage, for one object. pending: the frame that waits for it, None where none does.

    slot: which of the frame's answers it is. more: further frames that wait for the same answer.
    """

    look: Look
    stage: Stage
    memories: Memories
    pending: Pending | None
    slot: int
    key: Key | None
    box: F32
    label: str
    more: list[tuple[Pending, int, F32]] = field(default_factory=list[tuple[Pending, int, F32]])


@dataclass(slots=True, eq=False)
class Memories:
    """What the stages remember of one stream, and which tracks they are being asked about."""

    stream: str
    of: dict[str, Memory] = field(default_factory=dict[str, Memory])
    asked: dict[tuple[str, Key], Ask] = field(default_factory=dict[tuple[str, Key], Ask])
    seen: dict[str, int] = field(default_factory=dict[str, int])


@dataclass(slots=True, eq=False)
class Cascade:
    """All secondary models of a pipeline, those that others build on first. primary: the first model's stage name."""

    primary: str
    stages: Sequence[Stage] = ()

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

    @property
    def early(self) -> tuple[Stage, ...]:
        return tuple(stage for stage in self.stages if stage.early)

    def remembered(self, stream: str) -> Memories:
        """A new memory for a stream."""
        kept = {s.name: Memory(s.rule, s.smooth) for s in self.stages if s.remembers}
        return Memories(stream, kept)

    def forget(self, memories: Memories, tracks: Iterable[int]) -> None:
        """Let go of tracks that will not come back."""
        gone = list(tracks)
        if not gone:
            return
        for memory in memories.of.values():
            memory.forget(gone)
        for stage in self.stages:
            for track in gone:
                stage.asking.model.forget(f"{memories.stream}/{track}")

    # -- one frame -----------------------------------------------------------------------------------------------------

    def advance(self, pending: Pending, memories: Memories, *, early: bool = False) -> bool:
        """Begin every stage that can begin; True once all (early: all that come before the tracker) have ended."""
        stages = self.early if early else self.stages
        moved = True
        while moved:
            moved = False
            for stage in stages:
                if stage.name in pending.works or not stage.after <= pending.finished:
                    continue
                self._begin(stage, pending, memories)
                moved = moved or stage.name in pending.finished
        return all(stage.name in pending.finished for stage in stages)

    def _begin(self, stage: Stage, pending: Pending, memories: Memories) -> None:
        work = Work([], [])
        pending.works[stage.name] = work
        if pending.inferred:
            detections = pending.detections(stage.of, self.primary)
            if stage.early:
                chosen_rows = [
                    r for r in chosen(detections, stage.choice).tolist() if detections.score[r] >= stage.least
                ]
            else:
                chosen_rows = chosen(detections, stage.choice).tolist()
            keys = self._keys(stage.of, pending) if chosen_rows and not stage.early else []
            turn = memories.seen.get(stage.name, 0)
            memories.seen[stage.name] = turn + 1
            for row in chosen_rows:
                self._look_at(stage, pending, memories, work, row, keys[row] if keys else None, turn)
        if not work.left:
            self._finish(stage, pending, work)

    def _look_at(
        self, stage: Stage, pending: Pending, memories: Memories, work: Work, row: int, key: Key | None, turn: int
    ) -> None:
        """The answer for one object: remembered, awaited already, or asked for."""
        detections = pending.detections(stage.of, self.primary)
        box, label, index = detections.xyxy[row], detections.name_of(row), pending.frame.index
        memory = memories.of.get(stage.name) if key is not None else None
        slot = len(work.rows)
        work.rows.append(row)
        work.answers.append(None)
        if memory is not None and key is not None:
            known = memory.fresh(key, box, label, index)
            if known is None and (turn % (stage.interval + 1) or not stage.wait):
                work.answers[slot] = memory.last(key, box)
                if turn % (stage.interval + 1):
                    return
            if known is not None:
                work.answers[slot] = known
                return
            other = memories.asked.get((stage.name, key))
            if other is not None and (stage.rule is not None or not stage.wait):
                if stage.wait:
                    other.more.append((pending, slot, box))
                    work.left += 1
                return
        elif turn % (stage.interval + 1) or not stage.wait:
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
        track = f"{stream}/{key[0]}" if key is not None else ""
        return Look(frame, region, turned, row, parts, columns, track)

    def _keys(self, stage: str, pending: Pending) -> list[Key | None]:
        """For every object of `stage`, what it is remembered by; None for those without a track."""
        detections = pending.detections(stage, self.primary)
        if stage == self.primary:
            keys: list[Key | None] = [None] * len(detections)
            if pending.tracks is not None:
                for track, row in zip(pending.tracks.id.tolist(), pending.tracks.row.tolist(), strict=True):
                    keys[row] = (track,)
            return keys
        inside = pending.inside.get(stage)
        if inside is None or detections.parent is None:
            return [None] * len(detections)
        above = self._keys(inside.of, pending)
        places: dict[int, int] = {}
        keys = []
        for parent in detections.parent.tolist():
            place = places[parent] = places.get(parent, -1) + 1
            key = above[parent] if 0 <= parent < len(above) else None
            keys.append(None if key is None else (*key, place))
        return keys

    # -- answers -------------------------------------------------------------------------------------------------------

    def answered(self, ask: Ask, answer: Prediction) -> list[Pending]:
        """Hand an answer to all who wait for it; the frames for which something has ended."""
        stage, memories = ask.stage, ask.memories
        moved_on: list[Pending] = []
        memory = memories.of.get(stage.name) if ask.key is not None else None
        if memory is not None and ask.key is not None:
            memories.asked.pop((stage.name, ask.key), None)
            answer = memory.put(ask.key, answer, ask.box, ask.label, ask.look.frame.index)
        waiting = [(ask.pending, ask.slot, ask.box)] if ask.pending is not None else []
        for pending, slot, box in [*waiting, *ask.more]:
            work = pending.works[stage.name]
            later = memory is not None and ask.key is not None and pending is not ask.pending
            work.answers[slot] = memory.last(ask.key, box) if later and memory and ask.key else answer
            work.left -= 1
            if not work.left:
                self._finish(stage, pending, work)
                moved_on.append(pending)
        return moved_on

    def _finish(self, stage: Stage, pending: Pending, work: Work) -> None:
        """Everything that the stage says of the frame is there."""
        pending.finished.add(stage.name)
        if not work.rows:
            return
        detections = pending.detections(stage.of, self.primary)
        noted, inner = said(detections, work.rows, work.answers, stage.name, stage.asking.model.spec.task)
        if stage.of == self.primary and pending.prediction is not None:
            pending.prediction = replace(pending.prediction, detections=noted)
        elif stage.of in pending.inside:
            pending.inside[stage.of] = replace(pending.inside[stage.of], detections=noted)
        if len(inner):
            pending.inside[stage.name] = Inside(stage.of, inner)
