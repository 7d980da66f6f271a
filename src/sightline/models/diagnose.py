"""A model that found nothing: the best it saw, and what it gives on the same frames when fed the other way round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sightline.heads.candidates import count_nonfinite
from sightline.models.infer import Model
from sightline.protocols import Head, Outputs, Parser
from sightline.types import ChannelOrder, Frame, ModelSpec, Prediction, Preprocess, View

__all__ = ["Trial", "diagnose", "sentences"]

_FLOOR = 0.001


@dataclass(frozen=True, slots=True)
class Trial:
    """One way of feeding the model: `change` in words and `flags` that would do it ("" for as it was fed).

    objects: how many pass the threshold on all frames together; best: the highest score seen.
    nonfinite: the share of all numbers the model gave that are NaN or infinite.
    """

    change: str
    flags: str
    objects: int
    best: float
    nonfinite: float = 0.0


@dataclass(slots=True)
class _Counting:
    """A head that counts what is no number before it reads."""

    head: Head
    odd: int = 0
    seen: int = 0

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        self.odd += count_nonfinite(outputs)
        self.seen += sum(a.size for a in outputs.values())
        return self.head(outputs, spec, views)


def diagnose(model: Model, frames: Sequence[Frame]) -> list[Trial]:
    """Try `frames` (with pictures) as the model is fed now, then with colour order or value range turned round."""
    reads = model.head
    if not frames or isinstance(reads, Parser):  # a user's own code knows of no other threshold
        return []
    pre = model.picture_input.preprocess
    trials = [("as it was fed", "", pre)]
    if pre.color is not ChannelOrder.GREY:
        other = ChannelOrder.BGR if pre.color is ChannelOrder.RGB else ChannelOrder.RGB
        turned = replace(pre, color=other, mean=pre.mean[::-1], scale=pre.scale[::-1])
        trials.append((f"with the channels in {other.value.upper()} order", f"--color {other.value}", turned))
    ranged = _other_range(pre)
    words = "with pixels from 0 to 1" if ranged.scale[0] > 1 else "with pixels from 0 to 255"
    flags = f"--mean 0 --scale {ranged.scale[0]:g}"
    trials.append((words, flags, ranged))
    return [_try(model, reads, frames, *trial) for trial in trials]


def _other_range(pre: Preprocess) -> Preprocess:
    """Whole numbers for a model that was fed fractions, and the other way round."""
    return replace(pre, mean=(0.0,), scale=(1.0,) if max(pre.scale) > 1 else (255.0,))


def _with(spec: ModelSpec, pre: Preprocess) -> ModelSpec:
    inputs = tuple(replace(i, preprocess=pre) if i.source == "view" else i for i in spec.inputs)
    return replace(spec, inputs=inputs, thresholds=replace(spec.thresholds, floor=_FLOOR, per_class={}))


def _try(model: Model, reads: Head, frames: Sequence[Frame], change: str, flags: str, pre: Preprocess) -> Trial:
    head = _Counting(reads)
    other = Model(
        model.stage,
        _with(model.spec, pre),
        model.weights,
        head,
        model.runtime,
        model.options,
        model.exact,
        model.crop,
        model.crop_px,
        model.only,
    )
    objects, best = 0, 0.0
    try:
        for frame in frames:
            score = other.predict(frame).detections.score
            objects += int((score >= model.spec.thresholds.score).sum())
            best = max(best, float(score.max(initial=0.0)))
    finally:
        other.close()
    return Trial(change, flags, objects, best, head.odd / max(1, head.seen))


def sentences(trials: Sequence[Trial], threshold: float, *, one_in_view: bool = False) -> list[str]:
    """What to tell the user. one_in_view: the model wants a view that one face or hand fills."""
    if not trials:
        return []
    first, *others = trials
    told = [f"nothing was found: the best score was {first.best:.3f}, the threshold is {threshold:g}"]
    if first.nonfinite:
        return [*told, _odd_numbers(first)]
    if one_in_view:
        # how it is fed is not doubted: shown less than it wants, such a network answers by chance
        return [*told, "it wants a view that one face or hand fills: --crop x1,y1,x2,y2 shows it a part of the picture"]
    better = [t for t in others if t.objects or t.best > max(0.1, 1.5 * first.best)]
    near = first.best > threshold / 2
    for t in better:
        found = f"{t.objects} objects" if t.objects else "no object"
        advice = "" if near else f": try {t.flags}"
        told.append(f"the same frames {t.change} give {found}, best {t.best:.3f}{advice}")
    if not better:
        others_best = ", ".join(f"{t.best:.3f} {t.change}" for t in others)
        told.append(f"turning the input round does not help (best {others_best})")
    elif near:
        # fed wrongly, a network often finds far too much; one that comes near its threshold is fed rightly
        told.append(f"as it is fed it comes near its threshold, so try a lower --score than {threshold:g} first")
    return told


def _odd_numbers(trial: Trial) -> str:
    share = f"{trial.nonfinite:.0%}" if trial.nonfinite >= 0.01 else "some"
    return (
        f"{share} of the numbers the model gives are NaN or infinite, and are passed over; "
        "try --precision f32, or export the model anew"
    )
