"""Outputs that spell a line of text: scores or ids of symbols, one column of the picture after another."""

from __future__ import annotations

import re

from sightline.models.kinds.evidence import Facts, strands
from sightline.models.kinds.reading import Reading
from sightline.types import TensorSpec

__all__ = ["read_text"]

_NAMES = re.compile(
    r"(^|[^a-z])(rec|crnn|ocr|lpr|lprnet|svtr|ctc|parseq|text|plate|licen[cs]e)([^a-z]|$)|recogni|lprnet"
)
_HEIGHTS = (24, 31, 32, 48, 64)
_MOST_HEIGHT = 100
_DIGITS_LETTERS = tuple("0123456789abcdefghijklmnopqrstuvwxyz")


def read_text(facts: Facts) -> Reading | None:
    """Scores [N, T, C], [T, N, C], [N, C, T] or [T, C], or the best ids [N, T]; None where nothing fits."""
    ids = [o for o in facts.outputs if o.dtype.startswith("int") and len(o.shape) == 2]
    scores = [o for o in facts.outputs if o.dtype.startswith("float")]
    if ids and len(facts.outputs) <= 2 and _is_line(facts):
        why = f"output {ids[0].name} holds the best symbol of each of {_count(ids[0].shape[1])} steps"
        family = "tao-lpr" if facts.picture.shape[1] == 3 else "text-line"
        return Reading("ctc", family, 0.85, (why,), {"blank": "last"}, task="text")
    if len(facts.outputs) != 1 or not scores:
        return None
    return _scores(facts, scores[0])


def _count(n: int | None) -> str:
    return "?" if n is None else str(n)


def _is_line(facts: Facts) -> bool:
    """Whether the input is a low and wide strip, or its height is set and its width open."""
    wide, high = facts.size_wh
    sides = facts.picture.shape[2:] if facts.picture.layout == "NCHW" else facts.picture.shape[1:3]
    high = sides[0] or high
    if not high:
        return _NAMES.search(facts.hints) is not None
    if sides[1] is None:
        return high <= _MOST_HEIGHT
    return high <= _MOST_HEIGHT and wide >= 1.8 * high


def _scores(facts: Facts, output: TensorSpec) -> Reading | None:
    shape = tuple(n for i, n in enumerate(output.shape) if not (len(output.shape) == 4 and i in (1, 2) and n == 1))
    if len(shape) not in (2, 3) or not _is_line(facts):
        return None
    made = {part.op for part in strands(facts.graph, facts.graph.tensor(output.name))}
    named = _NAMES.search(facts.hints) is not None
    soft = bool(made & {"Softmax", "LogSoftmax"})
    if not (named or soft or len(shape) == 3):
        return None
    layout, classes = _layout(facts, shape)
    if not layout or classes is None:
        return None
    options: dict[str, object] = {"axes": layout, "activated": "Softmax" in made}
    family, blank = _family(facts, layout)
    options["blank"] = blank
    why = f"a line of text {facts.size_wh[1] or 'of set height'} pixels high in, {classes} symbols a step out"
    return Reading(
        "ctc",
        family,
        0.9 if soft and named else 0.8,
        (why,),
        options,
        classes=classes,
        names=_DIGITS_LETTERS if classes == 37 and blank == "first" else (),
        task="text",
        multiple=1,
    )


def _layout(facts: Facts, shape: tuple[int | None, ...]) -> tuple[str, int | None]:
    """(axes, classes): which axis counts views, steps and symbols."""
    if len(shape) == 2:
        steps, classes = shape
        return ("tc", classes) if classes is not None and classes > 2 else ("", steps)
    first, middle, last = shape
    if middle == 1 and last is not None:
        return "tnc", last
    if first not in (1, None) and first != facts.picture.shape[0]:
        return ("tnc", last) if middle in (1, None) else ("", None)
    if last is None and middle is not None:
        return "nct", middle
    if facts.labels and middle is not None and last is not None:
        fits = [abs(n - facts.labels) <= 4 for n in (middle, last)]  # blank, space, lines that look empty
        if fits[0] and not fits[1]:
            return "nct", middle
    if middle is not None and last is not None and "lprnet" in facts.hints and middle > last:
        return "nct", middle
    return "ntc", last


def _family(facts: Facts, layout: str) -> tuple[str, str]:
    """The family, and which class its blank is."""
    channels = facts.picture.shape[1 if facts.picture.layout == "NCHW" else 3]
    if channels == 1:
        return "text-line", "first"
    if layout == "nct":
        return "lprnet", "last"
    if layout == "ntc":
        if facts.size_wh[0]:
            return "paddle-text-fixed", "first"
        return "paddle-text-32" if facts.graph.has("LSTM") else "paddle-text", "first"
    return "text-line", "first"
