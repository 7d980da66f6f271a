"""Outputs that are maps of the picture: classes by pixel, foregrounds, where text stands."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sightline.models.kinds.evidence import Facts, framework, strands
from sightline.models.kinds.reading import Reading
from sightline.types import TensorSpec

__all__ = ["read_class_ids", "read_maps"]

_TEXT = re.compile(r"text|ocr|craft|(^|[^a-z])(db|dbnet|det)([^a-z]|$)")
_SEGMENTS = re.compile(
    r"seg|mask|matt|deeplab|u-?net|u2net|bisenet|stdc|fcn|pspnet|icnet|portrait|selfie|lane|road|silueta|isnet|rmbg"
)
# Networks whose published forms all take ImageNet's mean and deviation.
_IMAGENET = re.compile(r"segformer|deeplab|fcn|lraspp|u2net|pspnet|upernet|segnext")
_MOST = 255
_COARSEST = 8.0  # how many times smaller than the picture a map of classes is at most


@dataclass(frozen=True, slots=True)
class _Map:
    """An output that covers the picture: its channels, whether they are last, how many times smaller it is."""

    output: TensorSpec
    channels: int
    last: bool | None
    share: float

    @property
    def told(self) -> str:
        shape = ", ".join("?" if n is None else str(n) for n in self.output.shape)
        return f"output {self.output.name} [{shape}]"


def read_class_ids(facts: Facts) -> Reading | None:
    """One output of whole numbers that covers the picture: the best class is taken in the graph."""
    only = facts.outputs[0] if len(facts.outputs) == 1 else None
    if only is None or not only.dtype.startswith(("int", "uint")) or (found := _map(facts, only)) is None:
        return None
    return _ids(facts, found) if found.channels == 1 else None


def _ids(facts: Facts, found: _Map) -> Reading:
    return _semantic(facts, found, 0.9, f"{found.told} holds a class id a pixel", None, {})


def read_maps(facts: Facts) -> Reading | None:
    """A map of classes, of one probability, or of text; None where the outputs are no such maps."""
    maps = [found for o in facts.outputs if (found := _map(facts, o)) is not None]
    if not maps or len(maps) != len(facts.outputs):
        return None
    first = maps[0]
    made = {part.op for part in strands(facts.graph, facts.graph.tensor(first.output.name))}
    if first.output.dtype.startswith(("int", "uint")) or "ArgMax" in made:
        return _ids(facts, first)
    if first.channels == 1:
        return _single(facts, first, made)
    if first.channels > _MOST:
        return None
    named = _SEGMENTS.search(facts.hints) is not None
    told = named or facts.labels in (first.channels, first.channels - 1) or "Softmax" in made
    if not told and (first.channels == 3 or first.share > 1):
        return None  # as well a picture, or the heat maps of as many points
    why = f"{first.told} holds {first.channels} scores a pixel"
    return _semantic(facts, first, 0.9 if told else 0.75, why, first.channels, {"channels_last": first.last})


def _map(facts: Facts, output: TensorSpec) -> _Map | None:
    """The output as a map of the picture, None where it is not."""
    shape = output.shape
    if len(shape) == 2:
        share = _share(facts, shape[0], shape[1])
        return _Map(output, 1, None, share) if share else None
    if len(shape) == 3:
        share = _share(facts, shape[1], shape[2])
        return _Map(output, 1, None, share) if share else None
    if len(shape) != 4:
        return None
    if shape[1] is not None and (share := _share(facts, shape[2], shape[3])):
        return _Map(output, shape[1], False, share)
    if shape[3] is not None and (share := _share(facts, shape[1], shape[2])):
        return _Map(output, shape[3], True, share)
    return None


def _share(facts: Facts, high: int | None, wide: int | None) -> float:
    """How many times smaller than the picture a map of that size is; 0 where it is no even copy of it."""
    width, height = facts.size_wh
    if high is None or wide is None:
        # open sides follow the picture's; the share is not known, most such maps are as large
        return 1.0 if high is None and wide is None and 0 in facts.size_wh else 0.0
    if not width or not height or high < 8 or wide < 8:
        return 0.0
    across, down = width / wide, height / high
    # a stride may round the size up
    even = abs(across - down) < 0.1 * max(across, down)
    return down if even and 0.2 <= down <= _COARSEST * 1.05 else 0.0


def _semantic(
    facts: Facts, found: _Map, confidence: float, why: str, classes: int | None, options: dict[str, object]
) -> Reading:
    if len(facts.outputs) > 1:
        options = {"output": found.output.name, **options}
    return Reading("semantic", _family(facts), confidence, (why,), options, classes=classes, task="semantic")


def _single(facts: Facts, found: _Map, made: set[str]) -> Reading | None:
    """One number a pixel: where text stands, or a foreground."""
    probable = bool(made & {"Sigmoid", "HardSigmoid", "Clip"})
    named = _SEGMENTS.search(facts.hints) is not None
    if not probable and not named:
        return None  # as well a depth
    if not named and _is_text(facts, found):
        why = f"{found.told} says where text stands (differentiable binarisation)"
        return Reading(
            "db-text", "db-text", 0.85, (why,), {}, classes=1, names=("text",), task="text-detect", multiple=32
        )
    options: dict[str, object] = {"activated": probable}
    if len(facts.outputs) > 1:
        options["output"] = found.output.name
    return Reading(
        "semantic",
        _family(facts),
        0.8,
        (f"{found.told} is the probability of one thing a pixel",),
        options,
        classes=2,
        background=True,
        names=("background", "foreground"),
        task="semantic",
    )


def _is_text(facts: Facts, found: _Map) -> bool:
    """Text is told by a name, or by two transposed convolutions at the end (the head of DB)."""
    if _TEXT.search(facts.hints):
        return True
    near = [node.op for node in facts.graph.before(facts.graph.tensor(found.output.name), 10)]
    return near.count("ConvTranspose") == 2


def _family(facts: Facts) -> str:
    made = framework(facts)
    if made in ("open-model-zoo", "openvino"):
        return "open-model-zoo" if made == "open-model-zoo" else "openvino-converted"
    if _IMAGENET.search(facts.hints) and made not in ("tflite", "tensorflow"):
        return "segmentation-imagenet"
    if made == "paddle" or "modnet" in facts.hints:
        return "segmentation-half"
    if "deeplab" in facts.hints and made in ("tflite", "tensorflow"):
        return "tf-segmentation"
    return "tf-maps" if made in ("tflite", "tensorflow") else "segmentation"
