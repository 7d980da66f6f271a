"""All models of a pipeline: frames go to the first one, objects to the stages; lanes hear when something was said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from sightline.models.infer import Model
from sightline.models.looks import Look
from sightline.pipeline.asking import Asking
from sightline.pipeline.cascade import Cascade, Stage
from sightline.pipeline.lane import Lane
from sightline.pipeline.pending import Pending
from sightline.pipeline.viewing import Viewing
from sightline.types import Frame

__all__ = ["Inference"]

_TURN_S = 0.004  # how long one of several models is waited for before the others are looked at


@dataclass(slots=True, eq=False)
class _FrameAsk:
    """One view of a frame that the first model is asked for; piece: which one of the frame's views."""

    look: Look
    lane: Lane
    pending: Pending
    piece: int


@dataclass(slots=True, eq=False)
class Inference:
    """model: the first one; stages: those that look at objects; viewing: which parts of a frame the first one sees."""

    model: Model
    stages: Sequence[Stage] = ()
    viewing: Viewing = field(default_factory=Viewing)
    deadline_s: float = 0.05
    cascade: Cascade = field(init=False)
    _asking: Asking[_FrameAsk] = field(init=False)
    _lanes: dict[str, Lane] = field(default_factory=dict[str, Lane])

    def __post_init__(self) -> None:
        self._asking = Asking(self.model, self.deadline_s)
        self.cascade = Cascade(self.model.stage, self.stages)

    def know(self, lane: Lane) -> None:
        """A new stream: it has a memory of its own."""
        lane.memories = self.cascade.remembered(lane.id)
        self._lanes[lane.id] = lane

    def swap(self, model: Model) -> None:
        """Another first model. Raises ValueError where requests are in flight, or stages look at another's objects."""
        if self._asking.waiting or self._asking.queued:
            raise ValueError("a model with requests in flight cannot be swapped")
        if self.stages and model.stage != self.model.stage:
            raise ValueError(f"stages look at what {self.model.stage!r} finds; the new model is called {model.stage!r}")
        self.model.close()
        self.model = model
        self._asking = Asking(model, self.deadline_s)

    @property
    def working(self) -> bool:
        """Whether any model is at work."""
        return bool(self._asking.waiting or self.cascade.waiting)

    @property
    def queued(self) -> bool:
        """Whether something waits to be submitted."""
        return bool(self._asking.queued or self.cascade.queued)

    def admits(self, frame: Frame) -> bool:
        """Whether the first model would soon see another frame like this one."""
        return self._asking.admits(frame)

    def ask(self, lane: Lane, pending: Pending) -> None:
        """Queue the views of a frame that the first model is to see."""
        looks = self.viewing.looks(pending.frame, self.model)
        pending.left = len(looks)
        pending.regions = [look.region for look in looks]
        pending.pieces = [None] * len(looks)
        for piece, look in enumerate(looks):
            self._asking.add(_FrameAsk(look, lane, pending, piece))

    def submit(self, ending: bool) -> None:
        """Start what makes a batch or has waited; ending: no further frame will come, so all there is."""
        for ask in self._asking.submit(ending):
            keep = ask.lane.wants_pictures or self.stages or ask.lane.tracker_sees or len(ask.pending.pieces) > 1
            if not keep:
                ask.pending.frame = ask.pending.frame.without_picture()
        idle = ending or not self._asking.waiting
        for stage in self.stages:
            stage.asking.submit(idle)

    def collect(self, timeout_s: float) -> Iterator[Lane | None]:
        """Take every answer that is there, waiting at most `timeout_s` for a first one.

        For each the lane whose frame may move on, or None where that frame waits for more.
        """
        moved = False
        for stage in reversed(self.stages):
            while (lanes := self._answers(stage, 0.0)) is not None:
                moved = True
                yield from lanes
        if self.stages:
            timeout_s = min(timeout_s, _TURN_S)
        busy = next((stage for stage in reversed(self.stages) if stage.asking.waiting), None)
        if busy is not None and not moved and not self._asking.waiting:
            yield from self._answers(busy, timeout_s) or ()
            return
        while (done := self._asking.collect(timeout_s if not moved else 0.0)) is not None:
            moved = True
            for ask, prediction in done:
                pending = ask.pending
                pending.pieces[ask.piece] = prediction
                pending.left -= 1
                if not pending.left:
                    pending.prediction = self.viewing.joined(pending.regions, pending.pieces, self.model)
                yield None if pending.left else ask.lane

    def _answers(self, stage: Stage, timeout_s: float) -> list[Lane | None] | None:
        """The oldest answers of a stage: for each the lane whose frame may move on; None where none came in time."""
        answers = stage.asking.collect(timeout_s)
        if answers is None:
            return None
        return [
            self._lanes[ask.look.frame.stream.id] if self.cascade.answered(ask, answer) else None
            for ask, answer in answers
        ]
