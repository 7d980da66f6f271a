"""Hypotheses tried on pictures: the ways a model may be fed and read, ranked by what it then says of them.

Each is run on a few frames as they are, mirrored, shifted and scaled. What the file leaves open is taken as decided
only where one way stands out so clearly that no known model would be taken wrongly; else the ranking is help.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from sightline.config import ModelConfig
from sightline.errors import ModelError, RuntimeFailure, UsageError
from sightline.models.identify import Identified, identify_arrived
from sightline.models.infer import Model
from sightline.models.probing.choices import Aspect, Choice, asked_of, assumed, combined, doubted, taken, view_of_model
from sightline.models.probing.measure import Look, Measure, measured
from sightline.models.probing.views import Variant, variants
from sightline.projection import classmap_to_frame
from sightline.protocols import Head, Outputs
from sightline.types import Frame, ModelSpec, Prediction, Preprocess, Thresholds, View

__all__ = ["Build", "Hypothesis", "Probing", "probe"]

Build = Callable[[Identified, ModelConfig], Model]

_FLOOR = 0.05
_CONFIDENCE = 0.8
_DOUBTED = 0.4
# Changes that a network of each task must not mind.
_VARIANTS = {
    "classify": ("mirrored", "nudged", "larger"),
    "embed": ("nudged", "mirrored", "larger"),
    "text": ("nudged",),
    "semantic": ("mirrored", "shifted", "smaller"),
    "pose": ("mirrored", "nudged", "smaller"),
    "landmarks": ("mirrored", "nudged"),
    "text-detect": ("shifted", "smaller"),
}
_OBJECTS = ("mirrored", "shifted", "smaller", "larger")
_UNTRIED = ("gaze", "pulse")


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One way to feed and read a model: `flags` that say it ("" for as it is), and what came of it.

    score: consistency times strength times plausibility; refused: why it cannot be, "" where it could be run.
    """

    flags: str
    measure: Measure
    config: ModelConfig
    chosen: tuple[Choice, ...] = ()
    refused: str = ""

    @property
    def score(self) -> float:
        return self.measure.score

    @property
    def evidence(self) -> tuple[str, ...]:
        return (self.refused,) if self.refused else self.measure.words


@dataclass(frozen=True, slots=True)
class Probing:
    """identified: decided now where one hypothesis stood out, else as it came. ranked: the best first.

    frames: how many pictures were looked at. verdict: what came of it, for people.
    """

    identified: Identified
    ranked: tuple[Hypothesis, ...]
    frames: int
    verdict: str


def probe(
    identified: Identified, config: ModelConfig, frames: Sequence[Frame], build: Build, doubt: bool = False
) -> Probing:
    """Try on `frames` (with pictures) what the question of `identified` leaves open; rank, and decide if one may.

    Of a model without a question its colour order and range are tried: where another way does clearly better than
    what its family takes, that becomes a question. config: what it was identified with. doubt: rank the alternatives
    to all else that was decided too.
    """
    if not frames or not identified.spec.head or identified.spec.task in _UNTRIED or not _viewed(identified):
        return Probing(identified, (), 0, _unable(identified))
    asked = asked_of(identified)
    flags = {aspect.flag for aspect in asked}
    taken_so = [a for a in assumed(identified, config) if a.flag not in flags]
    aspects = [*asked, *taken_so]
    if doubt:
        aspects += [a for a in doubted(identified) if a.flag == "--head" or a.flag not in {b.flag for b in aspects}]
    if not aspects:
        return Probing(identified, (), 0, "nothing is open that pictures could tell")
    ranked = _Trial(identified, config, frames, build).ranked(aspects)
    # what is doubted on demand is ranked, and decides nothing
    sober = [h for h in ranked if all(not choice.flags for choice in h.chosen[len(asked) + len(taken_so) :])]
    judged = _Verdict(identified, config, sober, aspects, len(asked), len(frames))
    if identified.decided:
        return replace(judged.confirmed(), ranked=ranked)
    return replace(judged.settled(), ranked=ranked)


def _viewed(identified: Identified) -> bool:
    return view_of_model(identified) is not None


def _unable(identified: Identified) -> str:
    spec = identified.spec
    if not spec.head:
        return "nothing can be tried while its outputs are unknown; name a --head"
    return f"a model for {spec.task} of {len(spec.inputs)} inputs cannot be tried on single pictures"


# -- trying -----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Reader:
    """One hypothesis while it is tried."""

    head: Head
    spec: ModelSpec
    looks: list[list[Look]] = field(default_factory=list[list[Look]])
    refused: str = ""


@dataclass(slots=True)
class _Several:
    """A head that lets several read the same outputs, each for itself."""

    readers: Sequence[_Reader]
    variant: Variant | None = None

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        for reader in self.readers:
            if reader.refused or self.variant is None:
                continue
            try:
                said = reader.head(outputs, reader.spec, views)[0]
            except (ModelError, UsageError, RuntimeFailure) as error:
                reader.refused = str(error).splitlines()[0]
                continue
            reader.looks[-1].append(Look(self.variant, _in_frame(said, views[0], self.variant)))
        return [Prediction() for _ in views]


def _in_frame(said: Prediction, view: View, variant: Variant) -> Prediction:
    """Model pixels -> pixels of the frame that the variant was made of; boxes are not cut. Maps stay the variant's."""
    found = said.detections
    if len(found):
        points = found.keypoints
        if points is not None and len(points):
            points = points.copy()
            points[..., :2] = variant.points_back(view.to_frame(points[..., :2]))
        boxes = variant.boxes_back(view.boxes_to_frame(found.xyxy))
        found = replace(found, xyxy=boxes, keypoints=points, masks=None, columns={})
    plane = said.classmap
    if plane is not None:
        plane = classmap_to_frame(plane, view, (0, 0, view.frame.width, view.frame.height))
    return replace(said, detections=found, classmap=plane)


@dataclass(slots=True)
class _Trial:
    """All that is needed to try a way; ways that feed the model alike share one session."""

    identified: Identified
    config: ModelConfig
    frames: Sequence[Frame]
    build: Build
    known: dict[tuple[str, ...], Hypothesis] = field(default_factory=dict[tuple[str, ...], Hypothesis])

    def ranked(self, aspects: Sequence[Aspect]) -> tuple[Hypothesis, ...]:
        """One at a time first; then the values of each aspect that did not fall far behind, in combination."""
        every = combined(aspects)
        if len(aspects) > 1 and _count(aspects) > _FEW:
            firsts = tuple(a.choices[0] for a in aspects)
            single = [c for c in every if sum(x is not y for x, y in zip(c, firsts, strict=True)) <= 1]
            self._try(single)
            every = combined([self._promising(aspect, i, firsts) for i, aspect in enumerate(aspects)])
        self._try(every)
        return tuple(sorted(self.known.values(), key=lambda h: -h.score))

    def _promising(self, aspect: Aspect, place: int, firsts: tuple[Choice, ...]) -> Aspect:
        def score(choice: Choice) -> float:
            return self.known[_key((*firsts[:place], choice, *firsts[place + 1 :]))].score

        best = sorted(aspect.choices, key=lambda c: (-score(c), aspect.choices.index(c)))[:2]
        return Aspect(aspect.flag, tuple(best))

    def _try(self, ways: Sequence[tuple[Choice, ...]]) -> None:
        """Fills `known` with the measures of `ways`."""
        groups: dict[Preprocess, list[tuple[tuple[Choice, ...], ModelConfig, Identified]]] = {}
        for way in ways:
            if _key(way) in self.known:
                continue
            item = view_of_model(self.identified)
            config = taken(self.config, way, item.preprocess if item is not None else None)
            try:
                found = identify_arrived(self.identified.arrived, config)
            except (ModelError, UsageError) as error:
                self.known[_key(way)] = Hypothesis(_flags(way), Measure(), config, way, str(error).splitlines()[0])
                continue
            view = view_of_model(found)
            if view is not None:
                groups.setdefault(view.preprocess, []).append((way, config, found))
        for members in groups.values():
            self._run(members)

    def _run(self, members: Sequence[tuple[tuple[Choice, ...], ModelConfig, Identified]]) -> None:
        readers: list[_Reader] = []
        models: list[Model] = []
        for _, config, found in members:
            model = self.build(replace(found, decided=True, question=""), config)
            models.append(model)
            readers.append(_Reader(cast(Head, model.head), _low(model.spec)))
        several = _Several(readers)
        # compiled forms that are tried once are not kept
        options = replace(models[0].options, precision="f32", cache=None)
        runner = replace(models[0], head=several, exact=True, options=options)
        try:
            for frame in self.frames:
                for reader in readers:
                    reader.looks.append([])
                for variant in variants(frame, _VARIANTS.get(self.identified.spec.task, _OBJECTS)):
                    several.variant = variant
                    runner.predict(variant.frame)
        except (ModelError, RuntimeFailure) as error:
            for reader in readers:
                reader.refused = reader.refused or str(error).splitlines()[0]
        finally:
            runner.close()
        for (way, config, found), reader in zip(members, readers, strict=True):
            measure = Measure() if reader.refused else measured(found.spec.task, reader.looks)
            self.known[_key(way)] = Hypothesis(_flags(way), measure, config, way, reader.refused)


_FEW = 12  # combinations that are all tried at once


def _count(aspects: Sequence[Aspect]) -> int:
    total = 1
    for aspect in aspects:
        total *= len(aspect.choices)
    return total


def _low(spec: ModelSpec) -> ModelSpec:
    """Heads hand on faint objects too."""
    limits = spec.thresholds
    floor = min(_FLOOR, limits.least)
    return replace(spec, thresholds=Thresholds(limits.score, limits.nms, limits.top, {}, limits.class_agnostic, floor))


def _key(way: Sequence[Choice]) -> tuple[str, ...]:
    return tuple(choice.flags for choice in way)


def _flags(way: Sequence[Choice]) -> str:
    return " ".join(choice.flags for choice in way if choice.flags)


# -- deciding ---------------------------------------------------------------------------------------------------------

# The best must score so many times the next one that differs in this aspect. Twice what a wrong way was ever seen to
# reach of the right one on published models and their pictures (docs/identification.md); how pictures were resized in
# training they hardly tell.
_MARGIN = {"--head": 2.0, "--scale": 2.0, "--color": 2.0, "--resize": 3.0}
_LEAST_THINGS = 6
_LEAST_SCORE = 0.3
_LEAST_CONSISTENCY = 0.5


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What follows from the ranking. The first `asked` aspects are the question's, the next what its family takes."""

    identified: Identified
    config: ModelConfig
    ranked: Sequence[Hypothesis]
    aspects: Sequence[Aspect]
    asked: int
    frames: int

    def settled(self) -> Probing:
        """Every part of the question that the pictures answer clearly is taken as answered."""
        best, rivals = self._best()
        if best is None or not _enough(best):
            told = f"undecided: too little of what the model knows on {_counted(self.frames)}; show more of its subject"
            return Probing(self.identified, (), self.frames, told)
        clear = [self._clear(best, rivals, i) for i in range(self.asked)]
        taken_so = [c for i, c in enumerate(best.chosen) if i >= self.asked and c.flags]
        choices = [*(best.chosen[i] for i, sure in enumerate(clear) if sure), *taken_so]
        if any(not sure and self.aspects[i].flag == "--scale" for i, sure in enumerate(clear)):
            # mean and scale turn with the colour order: while they are open it cannot be set
            choices = [choice for choice in choices if "color" not in choice.fields]
        if not choices:
            told = f"undecided: {best.flags or 'as it is'} is ahead, but not clearly"
            return Probing(self.identified, (), self.frames, told)
        item = view_of_model(self.identified)
        config = taken(self.config, choices, item.preprocess if item is not None else None)
        found = identify_arrived(self.identified.arrived, config)
        told = f"probed on {_counted(self.frames)}: {_flags(choices)} ({'; '.join(best.evidence)})"
        confidence = min(found.confidence, _CONFIDENCE)
        found = replace(found, confidence=confidence, reasons=(*found.reasons, told))
        return Probing(found, (), self.frames, told if found.decided else f"{told}; the rest stays open")

    def _best(self) -> tuple[Hypothesis | None, Sequence[Hypothesis]]:
        """The best way, and whom it is held against: what the family takes stands until clearly beaten."""
        if not self.ranked:
            return None, ()
        best, places = self.ranked[0], range(self.asked, len(self.aspects))
        if all(not best.chosen[i].flags or self._clear(best, self.ranked, i) for i in places):
            return best, self.ranked
        usual = [h for h in self.ranked if all(not h.chosen[i].flags for i in places)]
        return (usual[0], usual) if usual else (None, ())

    def _clear(self, best: Hypothesis, rivals: Sequence[Hypothesis], place: int) -> bool:
        """Whether every way that differs in this aspect is left far behind."""
        margin = _MARGIN[self.aspects[place].flag]
        others = [h for h in rivals if h.chosen[place] is not best.chosen[place]]
        return all(best.score >= margin * other.score for other in others)

    def confirmed(self) -> Probing:
        """A decided model stays so, unless another colour order or range does clearly better: then that is asked."""
        now, best = next((h for h in self.ranked if not h.flags), None), self.ranked[0] if self.ranked else None
        if now is None or best is None or not _enough(best) or best.score < _MARGIN["--color"] * now.score:
            return Probing(self.identified, (), self.frames, _opinion(self.ranked))
        times = f"{best.score / now.score:.1f} times better" if now.score > 0.01 * best.score else "far better"
        why = f"fed as its kind is, it does badly on {_counted(self.frames)}; {best.flags} does {times}"
        asked = replace(
            self.identified, decided=False, question=_against(self.identified, best, why), confidence=_DOUBTED
        )
        return Probing(asked, (), self.frames, why)


def _enough(best: Hypothesis) -> bool:
    """Whether so much was seen that it tells anything."""
    seen = best.measure
    return seen.things >= _LEAST_THINGS and best.score >= _LEAST_SCORE and seen.consistency >= _LEAST_CONSISTENCY


def _against(identified: Identified, best: Hypothesis, why: str) -> str:
    item = view_of_model(identified)
    keep = f"--color {item.preprocess.color.value}" if item is not None else ""
    if item is not None and "--scale" in best.flags:
        numbers = (item.preprocess.mean, item.preprocess.scale)
        mean, scale = (",".join(f"{n:g}" for n in values) for values in numbers)
        keep += f" --mean {mean} --scale {scale}"
    return f"{identified.weights.name}: {why}\nthe file does not tell which: add {best.flags} or {keep}"


def _opinion(ranked: Sequence[Hypothesis]) -> str:
    best, now = ranked[0] if ranked else None, next((h for h in ranked if not h.flags), None)
    if best is None or now is None or best.score <= 0:
        return "nothing was found in any way: the frames show nothing that the model knows"
    if best.score < 1.05 * now.score:
        return "nothing does better than what was decided"
    return f"{best.flags} does {best.score / max(now.score, 1e-9):.2f} times as well; such differences decide nothing"


def _counted(frames: int) -> str:
    return f"{frames} frame{'' if frames == 1 else 's'}"
