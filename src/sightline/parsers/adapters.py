"""A loaded module -> what reads a frame's outputs: which form of a parser it is, found by what it defines."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any, Protocol

from numpy.typing import NDArray

from sightline.errors import UsageError
from sightline.parsers.accelerator import ClassParser, PrimaryParser, SecondaryParser
from sightline.parsers.accelerator_scripts import ScriptParser
from sightline.parsers.code import Code
from sightline.parsers.typed import TypedParser
from sightline.types import ModelSpec, Prediction, View

__all__ = ["FUNCTIONS", "Adapter", "adapter_of"]

# The functions of which a parser file defines at least one, at its top or as methods of a class.
FUNCTIONS = ("parse", "parse_det_model", "parse_custom_model", "parse_sgie_model", "parser")


class Adapter(Protocol):
    """One view's outputs -> its prediction, in model pixels. notes: for the user; the caller empties it."""

    api: str
    labels: tuple[str, ...]
    notes: list[str]

    def __call__(self, outputs: dict[str, NDArray[Any]], spec: ModelSpec, view: View) -> Prediction: ...


def adapter_of(module: ModuleType, code: Code) -> Adapter:
    """The form is that of the accelerator where its functions are there, else ours. Raises UsageError where none is."""
    defined = {name for name in FUNCTIONS if callable(getattr(module, name, None))}
    if defined & {"parse_det_model", "parse_custom_model"}:
        return PrimaryParser(module, code.muxed)
    if "parse_sgie_model" in defined:
        return SecondaryParser(module, code.muxed)
    if "parse" in defined:
        return TypedParser(module)
    for kind in reversed(_classes(module)):
        if {"parse_det_model", "parse_custom_model"} & set(vars(kind)):
            return ClassParser(kind, code.muxed)
        if "parser" in vars(kind):
            return ScriptParser(kind, code.muxed, code.options)
    raise UsageError(
        "it defines no parser: expected def parse(outputs, spec, view), or the accelerator's parse_det_model, "
        "parse_custom_model or parse_sgie_model"
    )


def _classes(module: ModuleType) -> list[type[Any]]:
    """Those that the file itself defines, in their order."""
    return [item for item in vars(module).values() if inspect.isclass(item) and item.__module__ == module.__name__]
