"""How the picture goes in: what is given, what files state, what the graph shows, what the family is trained with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from sightline.config import ModelConfig
from sightline.errors import UsageError
from sightline.models.kinds.evidence import Facts, InGraph, in_graph, input_range, rounded_range
from sightline.models.manifest import InputManifest
from sightline.models.sidefiles import Stated
from sightline.models.trainings.families import TRAININGS, Training
from sightline.models.trainings.training import IMAGENET_MEAN, IMAGENET_MEAN_BGR
from sightline.types import ChannelOrder, Preprocess, Resize

__all__ = ["Feeding", "decide_feeding"]

_Choice = TypeVar("_Choice", ChannelOrder, Resize)
# A first layer's response to pictures fed as the family says; outside, the family and the weights disagree.
_LEAST_RESPONSE, _MOST_RESPONSE = 0.01, 6.0


@dataclass(slots=True)
class Feeding:
    """The preprocessing, and what is left open: (flag, values, why)."""

    preprocess: Preprocess
    reasons: list[str] = field(default_factory=list[str])
    doubts: list[str] = field(default_factory=list[str])
    open: list[tuple[str, tuple[str, ...], str]] = field(default_factory=list[tuple[str, tuple[str, ...], str]])


def decide_feeding(
    facts: Facts, family: str, config: ModelConfig, manifest: InputManifest, stated: Sequence[Stated]
) -> Feeding:
    """The user's word, then the manifest's, then what files state, then the graph and the family. Raises UsageError."""
    training = TRAININGS[family]
    shown = in_graph(facts.graph, facts.picture)
    feeding = Feeding(Preprocess(), [_why(training, config, manifest)])
    color = _color(facts, training, shown, config, manifest, stated, feeding)
    mean, scale = _values(facts, training, shown, config, manifest, stated, feeding)
    resize = _resize(training, config, manifest, stated, feeding)
    pads = [config.pad, manifest.pad, *(s.pad for s in stated), training.pad]
    pad = next(pad for pad in pads if pad is not None)
    depth = 1 if color is ChannelOrder.GREY else 3
    for flag, numbers in (("--mean", mean), ("--scale", scale)):
        if len(numbers) not in (1, depth):
            raise UsageError(f"{flag}: {len(numbers)} numbers, but the model takes {depth} channels; give 1 or {depth}")
    if 0 in scale:
        raise UsageError("--scale: 0 cannot be divided by")
    feeding.preprocess = Preprocess(color, mean, scale, resize, pad)
    return feeding


def _why(training: Training, config: ModelConfig, manifest: InputManifest) -> str:
    """What the feeding goes by: the family's training, unless all of it was said."""
    said = (
        config.color is not None or manifest.color is not None,
        any(value is not None for value in (config.mean, config.scale, manifest.mean, manifest.scale)),
        config.resize is not None or manifest.resize is not None,
    )
    return "how pictures go in was said, not found out" if all(said) else training.why


def _color(
    facts: Facts,
    training: Training,
    shown: InGraph,
    config: ModelConfig,
    manifest: InputManifest,
    stated: Sequence[Stated],
    feeding: Feeding,
) -> ChannelOrder:
    channels = facts.picture.shape[1 if facts.picture.layout == "NCHW" else 3]
    if config.color is not None:
        return _member(ChannelOrder, config.color, "--color")
    if manifest.color is not None:
        return manifest.color
    if channels == 1:
        feeding.reasons.append("its input has one channel: grey")
        return ChannelOrder.GREY
    for said in stated:
        if said.color is not None:
            feeding.reasons.append(f"{said.source} says {said.color.upper()}")
            return said.color
    color, *other_colors = training.color
    if other_colors:
        feeding.open.append(("--color", tuple(c.value for c in training.color), training.why))
    ordered = _ordered_by_means(shown)
    if ordered is not None and not other_colors and not shown.reversed and color is not ordered:
        feeding.reasons.append(f"the graph takes ImageNet's means off in {ordered.value.upper()} order")
        return ordered
    turned = shown.reversed or _turned_by_converter(facts.graph.metadata, training)
    if turned:
        feeding.reasons.append("the graph turns the channel order round first")
        return ChannelOrder.BGR if color is ChannelOrder.RGB else ChannelOrder.RGB
    return color


def _ordered_by_means(shown: InGraph) -> ChannelOrder | None:
    """The channel order that ImageNet's means in the first nodes show; None where other numbers stand there."""
    if len(shown.shift) != 3 or len(shown.gain) not in (1, 3) or not all(shown.gain):
        return None
    gain = shown.gain if len(shown.gain) == 3 else shown.gain * 3
    means = [-shift / scale for shift, scale in zip(shown.shift, gain, strict=True)]
    if max(means) < 1:
        means = [255 * mean for mean in means]
    for order, wanted in ((ChannelOrder.RGB, IMAGENET_MEAN), (ChannelOrder.BGR, IMAGENET_MEAN_BGR)):
        if all(abs(mean - value) < 1.5 for mean, value in zip(means, wanted, strict=True)):
            return order
    return None


def _turned_by_converter(metadata: Mapping[str, str], training: Training) -> bool:
    """OpenVINO's converter was told to turn the channels of a network trained on RGB."""
    said = next((v for k, v in metadata.items() if k.endswith("reverse_input_channels") and "model_info" not in k), "")
    return said.lower() in ("true", "1", "yes") and training.color[0] is ChannelOrder.RGB


def _values(
    facts: Facts,
    training: Training,
    shown: InGraph,
    config: ModelConfig,
    manifest: InputManifest,
    stated: Sequence[Stated],
    feeding: Feeding,
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    given = config.mean is not None or config.scale is not None
    if given:
        return _numbers(config.mean, 0.0), _numbers(config.scale, 1.0)
    if manifest.mean is not None or manifest.scale is not None:
        return _numbers(manifest.mean, 0.0), _numbers(manifest.scale, 1.0)
    for said in stated:
        if said.mean is not None or said.scale is not None:
            feeding.reasons.append(f"{said.source} gives mean and scale")
            return _numbers(said.mean, 0.0), _numbers(said.scale, 1.0)
    if facts.picture.dtype == "uint8":
        feeding.reasons.append("its input is uint8: pixels as they are")
        return (0.0,), (1.0,)
    known = list(training.values)
    if shown.steps:
        whole = shown.high > 500
        feeding.reasons.append(
            f"the graph itself begins with {', '.join(shown.steps)}: values of {'0..1' if whole else '0..255'}"
        )
        return (0.0,), ((255.0,) if whole else (1.0,))
    if _baked(facts.graph.metadata):
        feeding.reasons.append("mean and scale were put into the graph by OpenVINO's converter")
        return (0.0,), (1.0,)
    rounded = rounded_range(facts.graph, facts.picture)
    if rounded is not None and len(known) > 1:
        made = [value for value in known if _spans(value, rounded)]
        if len(made) == 1:
            feeding.reasons.append(f"it rounds its pictures within {rounded[0]:.3g}..{rounded[1]:.3g}")
            return made[0]
    measured = training.normalised or facts.graph.has("BatchNormalization")
    strength = input_range(facts.graph, facts.picture) if measured else 0.0
    fitting = [value for value in known if _fits(strength, value[1])] if strength else known
    if len(known) > 1 and len(fitting) == 1:
        feeding.reasons.append("the first layer's weights fit only one of its versions")
        return fitting[0]
    if not fitting:
        scales = "values of 0..255" if strength < _MOST_RESPONSE else "normalised values"
        feeding.open.append(("--scale", ("255", "1"), f"{training.why}, but its first layer looks made for {scales}"))
    elif len(fitting) > 1:
        feeding.open.append(("--scale", tuple(_both(value) for value in fitting), training.why))
    return known[0]


def _numbers(given: tuple[float, ...] | None, otherwise: float) -> tuple[float, ...]:
    return given if given else (otherwise,)


def _text(numbers: tuple[float, ...]) -> str:
    return ",".join(f"{n:g}" for n in numbers)


def _both(value: tuple[tuple[float, ...], tuple[float, ...]]) -> str:
    """Scale and mean as the flags that say them."""
    mean, scale = value
    return _text(scale) + (f" --mean {_text(mean)}" if any(mean) else "")


def _spans(value: tuple[tuple[float, ...], tuple[float, ...]], rounded: tuple[float, float]) -> bool:
    """Whether pixels of 0..255 so fed end where the rounding does, within a few of its steps."""
    (mean, *more), (scale, *others) = value
    slack = 4 * (rounded[1] - rounded[0]) / 255
    alike = not any(m != mean for m in more) and not any(s != scale for s in others)
    return alike and abs(-mean / scale - rounded[0]) < slack and abs((255 - mean) / scale - rounded[1]) < slack


def _fits(strength: float, scale: tuple[float, ...]) -> bool:
    return _LEAST_RESPONSE < strength / (sum(scale) / len(scale)) < _MOST_RESPONSE


def _baked(metadata: Mapping[str, str]) -> bool:
    """mean_values or scale_values given to OpenVINO's converter (not those of the model_info section)."""
    for key, value in metadata.items():
        if key.startswith("model_info."):
            continue
        if key.rsplit(".", 1)[-1] in ("mean_values", "scale_values", "scale") and any(c.isdigit() for c in value):
            return True
    return False


def _resize(
    training: Training,
    config: ModelConfig,
    manifest: InputManifest,
    stated: Sequence[Stated],
    feeding: Feeding,
) -> Resize:
    if config.resize is not None:
        return _member(Resize, config.resize, "--resize")
    if manifest.resize is not None:
        return manifest.resize
    for said in stated:
        if said.resize is not None:
            feeding.reasons.append(f"{said.source} says how to resize: {said.resize}")
            return said.resize
    resize, *others = training.resize
    if others:
        feeding.open.append(("--resize", tuple(r.value for r in training.resize), training.why))
    return resize


def _member(kind: type[_Choice], text: str, flag: str) -> _Choice:
    try:
        return kind(text)
    except ValueError as error:
        raise UsageError(f"{flag} {text!r}: expected {', '.join(kind)}") from error
