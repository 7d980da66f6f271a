"""A user's parser in this process (`trust: true`): faster by a copy, and as safe as the user's code is."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from sightline.errors import UsageError
from sightline.parsers.adapters import Adapter, adapter_of
from sightline.parsers.code import Code
from sightline.parsers.cut import batched, of_view
from sightline.parsers.process import LINES
from sightline.parsers.serving import Fault, Served
from sightline.protocols import Outputs
from sightline.types import Detections, ModelSpec, Prediction, View

__all__ = ["TrustedParser"]


@dataclass(slots=True)
class TrustedParser:
    """Implements `protocols.Head`. The first call loads the code, where `start` did not.

    No limit holds: a crash, an endless loop or a leak of the code are those of this process. An error that it raises
    costs the view's prediction and is counted in `faults`.
    """

    code: Code
    faults: dict[str, int] = field(default_factory=dict[str, int])
    _printed: deque[str] = field(default_factory=lambda: deque(maxlen=LINES))
    _served: Served[Adapter] | None = None

    @property
    def lost(self) -> int:
        """Views whose prediction is empty because of a fault."""
        return sum(self.faults.values())

    def printed(self) -> list[str]:
        """Notes on the code since this was asked last; what it prints goes to this process's own output."""
        lines = list(self._printed)
        self._printed.clear()
        return lines

    def start(self) -> tuple[str, ...]:
        """Load the code: its `labels`. Raises UsageError naming the user's file and line."""
        served: Served[Adapter] = Served(self.code, adapter_of)
        try:
            adapter = served.load()
        except Fault as fault:
            raise UsageError(str(fault)) from fault.__cause__
        self._served = served
        self._printed.extend(served.notes)
        served.notes.clear()
        return adapter.labels

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        """Raises UsageError where the code cannot be loaded."""
        if self._served is None:
            self.start()
        axis = batched(outputs, spec, len(views))
        return [self._view(outputs, axis, row, spec, view) for row, view in enumerate(views)]

    def _view(self, outputs: Outputs, axis: frozenset[str], row: int, spec: ModelSpec, view: View) -> Prediction:
        served = self._served
        assert served is not None

        def parsed(adapter: Adapter) -> Prediction:
            prediction = adapter(of_view(outputs, axis, row), spec, view)
            self._printed.extend(adapter.notes)
            adapter.notes.clear()
            return prediction

        try:
            prediction = served.call(parsed)
        except Fault as fault:
            self.faults[str(fault)] = self.faults.get(str(fault), 0) + 1
            prediction = Prediction(Detections(names=spec.labels))
        self._printed.extend(served.notes)
        served.notes.clear()
        assert isinstance(prediction, Prediction)
        return prediction

    def close(self) -> None:
        """Nothing to let go of."""
