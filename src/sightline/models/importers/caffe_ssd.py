"""SSD's own layers (weiliu89/caffe, branch ssd): priors worked out here, detection left to our head."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sightline.errors import ModelError
from sightline.foreign.protobuf_text import Message
from sightline.models.importers.caffe_build import Build, choice, pair, spatial
from sightline.models.importers.caffe_net import Layer
from sightline.types import F32

__all__ = ["Detection", "detection_output", "prior_box"]

_MOST_PRIORS = 4_000_000


@dataclass(frozen=True, slots=True)
class Detection:
    """What a DetectionOutput would have made of its bottoms: names of these, and its settings."""

    boxes: str
    scores: str
    priors: str
    options: Mapping[str, object]
    classes: int
    nms: float
    score: float | None
    top: int | None


def prior_box(layer: Layer, build: Build) -> None:
    """[1, 2, 4K]: corners as fractions of the picture, and variances; of every cell of the first bottom."""
    said = layer.said.message("prior_box_param")
    _, _, h, w = spatial(layer, build.take(layer))
    _, _, high, wide = spatial(layer, build.take(layer, 1))
    image = pair(layer, said, "img", 0, "img_size")
    high, wide = image[0] or high, image[1] or wide
    steps = said.number("step_h") or said.number("step"), said.number("step_w") or said.number("step")
    steps = steps[0] or high / h, steps[1] or wide / w
    shapes = _sizes(layer, said)
    if h * w * len(shapes) > _MOST_PRIORS:
        raise ModelError(f"{layer.where}: {h * w * len(shapes):,} priors; no detector has so many")
    offset = said.number("offset", 0.5)
    centres = np.empty((h, w, 1, 2), np.float32)
    centres[..., 0] = (np.arange(w, dtype=np.float32)[None, :, None] + np.float32(offset)) * np.float32(steps[1])
    centres[..., 1] = (np.arange(h, dtype=np.float32)[:, None, None] + np.float32(offset)) * np.float32(steps[0])
    half = shapes[None, None] / 2
    corners = np.concatenate([centres - half, centres + half], -1) / np.array([wide, high, wide, high], np.float32)
    if said.flag("clip"):
        corners = np.clip(corners, 0, 1)
    made = np.empty((1, 2, corners.size), np.float32)
    made[0, 0], made[0, 1] = corners.ravel(), _variances(layer, said, corners.size)
    build.give(layer, "", made.shape, value=made)


def _sizes(layer: Layer, said: Message) -> F32:
    """(P, 2) width and height in pixels of the priors of one cell, in the order of SSD's code."""
    small, large = said.numbers("min_size"), said.numbers("max_size")
    if not small or any(not 0 < n < 1e6 for n in (*small, *large)) or (large and len(large) != len(small)):
        raise ModelError(f"{layer.where}: {len(small)} min_size and {len(large)} max_size")
    ratios: list[float] = []
    for ratio in said.numbers("aspect_ratio"):
        if not 1e-3 <= ratio <= 1e3:
            raise ModelError(f"{layer.where}: aspect_ratio {ratio:g}")
        if abs(ratio - 1) > 1e-6 and all(abs(ratio - known) > 1e-6 for known in ratios):
            ratios += [ratio, 1 / ratio] if said.flag("flip", True) else [ratio]
    made: list[tuple[float, float]] = []
    for i, side in enumerate(small):
        made.append((side, side))
        if large:
            between = float(np.sqrt(side * large[i]))
            made.append((between, between))
        made += [(side * ratio**0.5, side / ratio**0.5) for ratio in ratios]
    return np.array(made, np.float32)


def _variances(layer: Layer, said: Message, size: int) -> F32:
    given = said.numbers("variance") or (0.1,)
    if len(given) not in (1, 4) or any(n <= 0 for n in given):
        raise ModelError(f"{layer.where}: {len(given)} variances; expected 1 or 4 above 0")
    return np.tile(np.array(given * (4 // len(given)), np.float32), size // 4)


def detection_output(layer: Layer, build: Build) -> Detection:
    """Its bottoms become outputs. Raises ModelError for codes that nobody's published models have."""
    said = layer.said.message("detection_output_param")
    boxes, scores = build.take(layer), build.take(layer, 1)
    priors = build.take(layer, 2)
    code = choice(said, "code_type", ("", "CORNER", "CENTER_SIZE", "CORNER_SIZE"), "CORNER")
    if not said.flag("share_location", True) or code != "CENTER_SIZE" or said.flag("variance_encoded_in_target"):
        raise ModelError(f"{layer.where}: boxes coded as {code}, or a class at a time; only shared CENTER_SIZE is read")
    classes, count = said.whole("num_classes"), priors.shape[-1] // 4
    if classes < 1 or boxes.shape[1:] != (count * 4,) or np.prod(scores.shape[1:]) != count * classes:
        raise ModelError(
            f"{layer.where}: {count} priors and {classes} classes do not go with boxes {list(boxes.shape)} "
            f"and scores {list(scores.shape)}"
        )
    spread = None if priors.value is None else np.unique(priors.value[0, 1].reshape(-1, 4), axis=0)
    if spread is not None and (len(spread) > 1 or spread[0, 0] != spread[0, 1] or spread[0, 2] != spread[0, 3]):
        raise ModelError(f"{layer.where}: priors with several variances {spread[:2].tolist()}; one pair is read")
    suppression = said.message("nms_param")
    least, overlap = said.number("confidence_threshold"), suppression.number("nms_threshold", 0.3)
    if not (overlap >= 0 and least <= 1):
        raise ModelError(
            f"{layer.where}: nms_threshold {overlap:g} and confidence_threshold {least:g} are no shares of 1"
        )
    top = said.whole("keep_top_k", -1)
    background = said.whole("background_label_id")
    names = dict(zip(("boxes", "scores", "priors"), layer.bottoms, strict=False))
    return Detection(
        **names,
        options={**names, "activation": "none", "background": background},
        classes=classes,
        nms=min(overlap, 1.0),
        score=least if least >= 0.05 else None,
        top=top if top > 0 else None,
    )
