"""Our own form of a parser: `def parse(outputs, spec, view) -> Detections`."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from numpy.typing import NDArray

from sightline.parsers.returned import checked
from sightline.types import ModelSpec, Prediction, View

__all__ = ["TypedParser"]


class TypedParser:
    """Calls `parse(outputs, spec, view)` of a module. labels: its `labels`, else the model's."""

    api = "parse"
    notes: list[str]

    def __init__(self, module: ModuleType) -> None:
        self._parse: Callable[..., object] = module.parse
        self.notes = []
        self.labels = tuple(str(label) for label in getattr(module, "labels", ()))

    def __call__(self, outputs: dict[str, NDArray[Any]], spec: ModelSpec, view: View) -> Prediction:
        """Raises whatever the user's code raises, and Unfit for what it returned."""
        return checked(self._parse(outputs, spec, view), "parse", self.labels or spec.labels)
