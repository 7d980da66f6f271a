"""What a model says in words -> lines to write: attributes and text, of objects and of the frame."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import cast

from sightline.types import Attribute, Detections, Prediction

__all__ = ["Line", "of_frame", "of_object"]

Line = tuple[str, ...]  # pieces, each drawn once and kept

_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?")
_LONGEST = 48  # letters of a line


def of_object(found: Detections, row: int, scores: bool) -> list[Line]:
    """The lines under an object's label: its text, then its attributes."""
    lines: list[Line] = []
    texts, attributes = found.columns.get("text"), found.columns.get("attributes")
    if texts is not None and texts[row]:
        lines.append((_short(str(texts[row])),))
    if attributes is not None:
        told = [one for one in cast("Sequence[Attribute]", attributes[row]) if not one.name.startswith("gaze-")]
        lines += _attributes(told, scores)  # a look is drawn, not written
    return lines


def of_frame(prediction: Prediction, scores: bool) -> list[Line]:
    """The lines in the frame's corner: its attributes, then its text, which is not repeated as an attribute."""
    text = prediction.text
    lines = _attributes([one for one in prediction.attributes if one.label != text], scores)
    if text:
        lines.append((_short(text),))
    return lines


def _attributes(attributes: Sequence[Attribute], scores: bool) -> list[Line]:
    lines: list[Line] = []
    for one in attributes:
        words = _short(one.label if one.name in ("", "class") else f"{one.name}: {one.label}")
        # an angle is not more or less likely
        counted = one.index < 0 and one.score >= 1 and _NUMBER.fullmatch(one.label)
        lines.append((words, f"{one.score:.2f}") if scores and not counted else (words,))
    return lines


def _short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _LONGEST else f"{flat[: _LONGEST - 1]}…"
