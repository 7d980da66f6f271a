"""What tests of parsers ask with: a model, views of frames, outputs; and how a parser is run over frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sightline.parsers.code import Code, Muxed
from sightline.parsers.trusted import TrustedParser
from sightline.parsers.worker_parser import WorkerParser
from sightline.types import Frame, InputSpec, Instant, ModelSpec, Prediction, StreamInfo, TensorSpec, View

Outputs = dict[str, NDArray[Any]]
FRAME = (1280, 720)
LIMIT_S = 20.0  # of tests that are not about time: machines may be slow


def model(outputs: Outputs, labels: tuple[str, ...] = ("one", "two", "three"), size: int = 416) -> ModelSpec:
    """A model of one picture that gives these outputs."""
    tensors = tuple(TensorSpec(name, array.shape, str(array.dtype)) for name, array in outputs.items())
    return ModelSpec("model", (InputSpec(TensorSpec("images", (1, 3, size, size))),), tensors, "parser", labels=labels)


def view(index: int = 0, size: int = 416, stream: str = "cam", frame: tuple[int, int] = FRAME) -> View:
    """Frame `index` of a stream, stretched to a square."""
    width, height = frame
    info = StreamInfo(stream, width, height, Fraction(1, 25))
    matrix = np.array([[width / size, 0, 0], [0, height / size, 0]])
    return View(Frame(info, index, Instant(index, info.base), None, width, height, 1000 + index), matrix, (size, size))


def written(folder: Path, text: str, name: str = "my_parser.py") -> Path:
    """A file of the user's, with what the examples need imported."""
    path = folder / name
    head = "import ctypes, os, sys, time\nimport numpy as np\nfrom sightline.types import *\n"
    path.write_text(head + text)
    return path


@dataclass
class Ran:
    predictions: list[Prediction]
    faults: dict[str, int]
    printed: list[str]
    starts: int = 0

    @property
    def boxes(self) -> list[int]:
        """How many objects each frame has."""
        return [len(p.detections) for p in self.predictions]

    @property
    def fault(self) -> str:
        """The only one."""
        (fault,) = self.faults
        return fault


def over(code: Code, frames: int, outputs: Sequence[Outputs] | Outputs | None = None, batch: int = 1) -> Ran:
    """Run a parser in a process of its own over frames, `batch` at a time; the outputs are used in turn."""
    given = [outputs] if isinstance(outputs, dict) else list(outputs or [{"out": np.zeros((1, 4, 3), np.float32)}])
    spec = model(given[0])
    parser = WorkerParser(code)
    predictions: list[Prediction] = []
    sent = 0
    try:
        parser.start()
        while len(predictions) < frames:
            while sent < frames and parser.room:
                views = [view(k) for k in range(sent, min(frames, sent + batch))]
                parser.submit(given[sent // batch % len(given)], spec, views)
                sent += len(views)
            predictions += parser.collect(LIMIT_S) or []
        return Ran(predictions, dict(parser.faults), parser.printed(), parser.starts)
    finally:
        parser.close()


def one(path: Path, outputs: Outputs, spec: ModelSpec | None = None, muxed: Muxed | None = None) -> Prediction:
    """One frame in a process of its own; it and the trusted way must say the same, without a fault."""
    code = Code(path, time_limit_s=LIMIT_S, muxed=muxed or Muxed())
    spec = spec or model(outputs)
    parser, trusted = WorkerParser(code), TrustedParser(code)
    try:
        parser.start()
        parser.submit(outputs, spec, [view(3)])
        answer = parser.collect(LIMIT_S)
        assert parser.faults == {}
        assert answer is not None
        (inside,) = trusted(outputs, spec, [view(3)])
        assert trusted.faults == {}
        assert same(answer[0], inside)
        return answer[0]
    finally:
        parser.close()


def same(a: Prediction, b: Prediction) -> bool:
    """All columns the same, to the byte."""
    fields = ("attributes", "embedding", "text", "map_names", "marks", "custom", "classmap")
    plain = all(_equal(getattr(a, name), getattr(b, name)) for name in fields)
    return plain and a.detections.equals(b.detections)


def _equal(a: object, b: object) -> bool:
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and np.array_equal(a, b) and a.dtype == b.dtype
    return a == b
