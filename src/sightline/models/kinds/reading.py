"""One way to read a model's outputs, with what speaks for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Reading"]


@dataclass(frozen=True, slots=True)
class Reading:
    """head and its options; family: a key of `families.TRAININGS`; task: "detect", or what it is instead.

    classes: numbers a row of scores has, background included (None: the graph does not tell).
    background: class 0 is none of the names. one_based: ids start at 1 though no scores for 0 exist.
    names: the labels where the kind has its own (faces). confidence: 0..1.
    open: (flag, values, why) that the file leaves open about the outputs.
    sources: input name -> what feeds it (`InputSpec.source`), where it is not the picture's view.
    multiple: sides that the input leaves open follow the frame, rounded to multiples of this; 0: a fixed size is used.
    """

    head: str
    family: str
    confidence: float
    reasons: tuple[str, ...]
    options: Mapping[str, object] = field(default_factory=dict[str, object])
    classes: int | None = None
    background: bool = False
    one_based: bool = False
    names: tuple[str, ...] = ()
    task: str = "detect"
    doubts: tuple[str, ...] = ()
    open: tuple[tuple[str, tuple[str, ...], str], ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict[str, str])
    multiple: int = 0
