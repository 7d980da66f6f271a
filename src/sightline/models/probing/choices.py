"""The ways a model may be fed and read: what its question leaves open, and the alternatives to what was decided."""

from __future__ import annotations

import itertools
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from types import UnionType
from typing import Literal, get_args, get_origin

from sightline.config import ModelConfig
from sightline.models.identify import Identified
from sightline.models.trainings.training import IMAGENET_MEAN, IMAGENET_STD
from sightline.options import parse_part
from sightline.plugins import resolve
from sightline.types import ChannelOrder, InputSpec, Preprocess, Resize

__all__ = ["Aspect", "Choice", "asked_of", "assumed", "combined", "doubted", "taken", "view_of_model"]

MOST = 48  # combinations that are tried at all
ASPECTS = ("--color", "--scale", "--resize", "--head")


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of one aspect: `flags` as a user would say it ("" for what it is now), `fields` of a ModelConfig."""

    flags: str
    fields: Mapping[str, object] = field(default_factory=dict[str, object])


@dataclass(frozen=True, slots=True)
class Aspect:
    """One thing that may be otherwise: the flag it is named by, and its values, the present one first."""

    flag: str
    choices: tuple[Choice, ...]


def asked_of(identified: Identified) -> list[Aspect]:
    """The aspects of the model's question whose values can be tried; what only the user can give is left out."""
    aspects: list[Aspect] = []
    for flag, values, _ in identified.open:
        choices = tuple(c for c in (_said(flag, value) for value in values) if c is not None)
        if len(choices) > 1 and len(choices) == len(values):
            aspects.append(Aspect(flag, choices))
    return aspects


def doubted(identified: Identified) -> list[Aspect]:
    """Alternatives to what was decided: colour order, range of values, resizing, options of the head."""
    item = view_of_model(identified)
    if item is None or not identified.spec.head:
        return []
    aspects = [*_colors(item.preprocess), *_ranges(item), *_resizes(item.preprocess, identified.spec.task)]
    return [*aspects, *_options(identified)]


def assumed(identified: Identified, config: ModelConfig) -> list[Aspect]:
    """Alternatives to the colour order and range that were taken, where the user did not say them."""
    item = view_of_model(identified)
    if item is None or not identified.spec.head:
        return []
    colors = _colors(item.preprocess) if config.color is None else []
    return [*colors, *(_ranges(item) if config.mean is None and config.scale is None else [])]


def view_of_model(identified: Identified) -> InputSpec | None:
    """The input that one picture feeds, None where the model takes several or none."""
    pictured = [item for item in identified.spec.inputs if item.frames]
    return pictured[0] if len(pictured) == 1 and pictured[0].source == "view" else None


def combined(aspects: Sequence[Aspect]) -> list[tuple[Choice, ...]]:
    """Every combination of the aspects' values, the present one first; of at most 48, those nearest to the present."""
    every = list(itertools.product(*(aspect.choices for aspect in aspects)))
    firsts = tuple(aspect.choices[0] for aspect in aspects)
    every.sort(key=lambda chosen: sum(a is not b for a, b in zip(chosen, firsts, strict=True)))
    return every[:MOST]


def taken(config: ModelConfig, chosen: Iterable[Choice], present: Preprocess | None) -> ModelConfig:
    """`config` with the choices made. Mean and scale a channel turn with the colour order."""
    update: dict[str, object] = {}
    for choice in chosen:
        given = dict(choice.fields)
        if "head_options" in given:
            before = _mapping(update.get("head_options", config.head_options))
            given["head_options"] = {**before, **_mapping(given["head_options"])}
        update |= given
    turned = present is not None and update.get("color", present.color.value) != present.color.value
    if present is not None and turned and config.mean is None and config.scale is None:
        mean, scale = _floats(update.get("mean", present.mean)), _floats(update.get("scale", present.scale))
        if 3 in (len(mean), len(scale)):
            update |= {"mean": mean[::-1], "scale": scale[::-1]}
    return config.model_copy(update=update)


def _floats(value: object) -> tuple[float, ...]:
    return typing.cast("tuple[float, ...]", value)


def _mapping(value: object) -> Mapping[str, object]:
    return typing.cast("Mapping[str, object]", value) if isinstance(value, Mapping) else {}


# -- what the question leaves open ------------------------------------------------------------------------------------


def _said(flag: str, value: str) -> Choice | None:
    """A value of a question as the fields it sets; None where it is a placeholder or no field of a model."""
    if "..." in value or ".." in value or flag not in ASPECTS:
        return None
    first, *more = f"{flag} {value}".split(" --")
    given: dict[str, object] = {}
    for words in (first.removeprefix("--"), *more):
        name, _, text = words.partition(" ")
        if name in ("mean", "scale"):
            given[name] = tuple(float(n) for n in text.split(","))
        elif name == "head":
            part = parse_part(text, "head", "--head")
            given |= {"head": part.kind, "head_options": dict(part.options)}
        elif name in ("color", "resize"):
            given[name] = text
    if flag == "--scale":
        given.setdefault("mean", (0.0,))
    return Choice(f"{flag} {value}", given)


# -- alternatives to what was decided ---------------------------------------------------------------------------------


def _colors(now: Preprocess) -> list[Aspect]:
    if now.color is ChannelOrder.GREY:
        return []
    other = ChannelOrder.BGR if now.color is ChannelOrder.RGB else ChannelOrder.RGB
    return [Aspect("--color", (Choice(""), Choice(f"--color {other.value}", {"color": other.value})))]


_RANGES: tuple[tuple[tuple[float, ...], tuple[float, ...]], ...] = (
    ((0.0,), (255.0,)),
    ((0.0,), (1.0,)),
    ((127.5,), (127.5,)),
    (IMAGENET_MEAN, IMAGENET_STD),
)


def _ranges(item: InputSpec) -> list[Aspect]:
    """0..1, 0..255, -1..1 and ImageNet's, but those that are nearly the present one. uint8 takes pixels only."""
    now = item.preprocess
    if item.tensor.dtype == "uint8" or now.color is ChannelOrder.GREY:
        return []
    ends = _ends(now.mean, now.scale)
    turned = now.color is ChannelOrder.BGR
    choices = [Choice("")]
    for mean, scale in _RANGES:
        low, high = _ends(mean, scale)
        if abs(low - ends[0]) + abs(high - ends[1]) < 0.2 * (high - low):
            continue
        if turned:
            mean, scale = mean[::-1], scale[::-1]
        flags = f"--mean {_text(mean)} --scale {_text(scale)}"
        choices.append(Choice(flags, {"mean": mean, "scale": scale}))
    return [Aspect("--scale", tuple(choices))]


def _ends(mean: Sequence[float], scale: Sequence[float]) -> tuple[float, float]:
    """What black and white become, channels taken together."""
    middle, width = sum(mean) / len(mean), sum(scale) / len(scale)
    return -middle / width, (255 - middle) / width


def _text(numbers: Sequence[float]) -> str:
    return ",".join(f"{n:g}" for n in numbers)


def _resizes(now: Preprocess, task: str) -> list[Aspect]:
    if task == "text" or now.resize is Resize.LINE:
        return []
    kinds = [Resize.STRETCH, Resize.CROP] if task == "classify" else [Resize.STRETCH, Resize.LETTERBOX]
    if task not in ("classify", "embed"):
        kinds.append(Resize.LETTERBOX_TOPLEFT)
    others = [kind for kind in kinds if kind is not now.resize]
    return [Aspect("--resize", (Choice(""), *(Choice(f"--resize {k.value}", {"resize": k.value}) for k in others)))]


_TRIED = ("activated", "normalized", "order", "activation", "box", "unit", "centre", "size_px", "wh_exp", "blank")
_WORDS: dict[str, tuple[object, ...]] = {
    "order": ("xyxy", "cxcywh", "yxyx"),
    "activation": ("none", "sigmoid", "softmax"),
}


def _options(identified: Identified) -> list[Aspect]:
    """Options of the head that say how numbers are meant: truth values and words."""
    spec = identified.spec
    head = resolve("head", spec.head)
    if not isinstance(head, type):
        return []
    types = typing.get_type_hints(head)
    aspects: list[Aspect] = []
    for item in fields(typing.cast("typing.Any", head)):
        if item.name not in _TRIED:
            continue
        now = spec.head_options.get(item.name, item.default)
        values = [v for v in _values(spec.head, item.name, types[item.name]) if v != now]
        if now is None:
            values = [True, False]
        if values:
            flags = f"--head {spec.head}:{item.name}="
            choices = (Choice(flags + _word(v), {"head_options": {item.name: v}}) for v in values)
            aspects.append(Aspect("--head", (Choice(""), *choices)))
    return aspects


def _values(head: str, name: str, kind: object) -> tuple[object, ...]:
    if get_origin(kind) is Literal:
        return get_args(kind)
    if kind is bool or (isinstance(kind, UnionType) and bool in get_args(kind)):
        return (True, False)
    if head == "ssd" and name == "order":
        return ("xywh", "yxhw")
    return _WORDS.get(name, ())


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
