"""Public fakes of the seams, for tests of Sightline and of what others build on it.

`MovingBoxes` is a source whose truth is known, `FakeRuntime` a runtime whose answers you write, `MemorySink` keeps
what it was given. None touches a file, device or network.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from sightline.errors import RuntimeFailure
from sightline.protocols import Outputs, RunInfo, RuntimeOptions, Session, Wants
from sightline.types import (
    ColorMatrix,
    Detections,
    Frame,
    FrameResult,
    InputSpec,
    Instant,
    ModelSpec,
    Picture,
    PixelLayout,
    Prediction,
    Preprocess,
    StreamInfo,
    Tensor,
    TensorSpec,
    View,
)

__all__ = ["BrightBoxHead", "FakeRuntime", "FakeSession", "MemorySink", "MovingBoxes", "spec_of"]


@dataclass
class MovingBoxes:
    """A source: a white box walks over black frames. Frame k has it at x = 4 * k mod (width - 16), 16 pixels square.

    fails_at: raise `error` instead of frame k. pace_s: sleep so long before each frame. pts None: an untimed stream.
    """

    id: str = "boxes"
    count: int = 20
    width: int = 64
    height: int = 48
    live: bool = False
    timed: bool = True
    pace_s: float = 0.0
    fails_at: int | None = None
    error: Exception = field(default_factory=lambda: RuntimeFailure("the source was told to fail"))
    closed: int = field(default=0, init=False)
    stopping: threading.Event = field(default_factory=threading.Event, init=False, repr=False)

    def frames(self, tap: Callable[[object], None] | None = None) -> Iterator[Frame]:
        """`count` frames at 25 a second of stream time; `tap` sees each index."""
        rate = Fraction(25)
        info = StreamInfo(self.id, self.width, self.height, Fraction(1, 25), rate, live=self.live, timed=self.timed)
        try:
            for k in range(self.count):
                if k == self.fails_at:
                    raise self.error
                if self.pace_s and self.stopping.wait(self.pace_s):
                    return
                if tap is not None:
                    tap(k)
                at = Instant(k, info.base) if self.timed else Instant(None, info.base, offset_s=float(k / rate))
                yield Frame(info, k, at, self._picture(k), self.width, self.height, wall_ns=time.time_ns())
        finally:
            self.closed += 1

    def box(self, k: int) -> tuple[int, int, int, int]:
        """Where the box is in frame k: x1, y1, x2, y2 frame pixels."""
        x = 4 * k % max(1, self.width - 16)
        return x, 16, x + 16, 32

    def _picture(self, k: int) -> Picture:
        y = np.full((self.height, self.width), 16, np.uint8)
        x1, y1, x2, y2 = self.box(k)
        y[y1:y2, x1:x2] = 235
        chroma = np.full(((self.height + 1) // 2, (self.width + 1) // 2), 128, np.uint8)
        return Picture((y, chroma, chroma.copy()), PixelLayout.I420, ColorMatrix.BT601)


def spec_of(width: int = 64, height: int = 48, labels: tuple[str, ...] = ("box",)) -> ModelSpec:
    """A model specification that fits `FakeRuntime`."""
    tensor = TensorSpec("images", (1, 3, height, width), "uint8", "NCHW")
    return ModelSpec("fake", (InputSpec(tensor, Preprocess()),), (TensorSpec("out", (1, 4)),), "fake", labels=labels)


def _bright_box(planes: np.ndarray) -> np.ndarray:
    """(3, H, W) uint8 -> x1, y1, x2, y2 of what is bright in the first plane; NaN where nothing is."""
    ys, xs = np.nonzero(planes[0] > 128)
    if not len(xs):
        return np.full(4, np.nan, np.float32)
    return np.array([xs.min(), ys.min(), xs.max() + 1, ys.max() + 1], np.float32)


@dataclass
class _Ticket:
    token: object
    outputs: Outputs

    def release(self) -> None:
        """Nothing is held."""


@dataclass
class FakeSession:
    """A session whose answer is `answer(inputs)`, given in the order of submission after `delay_s`.

    fails_at: raise RuntimeFailure at that collect.
    """

    answer: Callable[[Mapping[str, Tensor]], Outputs]
    wants: Wants
    delay_s: float = 0.0
    fails_at: int | None = None
    collected: int = 0
    closed: int = 0
    _running: deque[tuple[float, Mapping[str, Tensor], object]] = field(
        default_factory=deque[tuple[float, Mapping[str, Tensor], object]]
    )

    def submit(self, inputs: Mapping[str, Tensor], token: object) -> None:
        """Remember the request. Raises RuntimeFailure where too many are in flight."""
        if len(self._running) >= self.wants.in_flight:
            raise RuntimeFailure("more requests submitted than the session has in flight")
        self._running.append((time.monotonic() + self.delay_s, inputs, token))

    def collect(self, timeout_s: float) -> _Ticket | None:
        """The oldest request, once its delay has passed."""
        if not self._running:
            return None
        wait = self._running[0][0] - time.monotonic()
        if wait > timeout_s:
            time.sleep(timeout_s)
            return None
        time.sleep(max(0.0, wait))
        _, inputs, token = self._running.popleft()
        self.collected += 1
        if self.fails_at is not None and self.collected > self.fails_at:
            raise RuntimeFailure("the session was told to fail")
        return _Ticket(token, self.answer(inputs))

    def close(self) -> None:
        """Forget what runs."""
        self.closed += 1
        self._running.clear()


@dataclass
class FakeRuntime:
    """A runtime that finds the bright box of each picture of a batch; `sessions` keeps what it made."""

    batch: int = 1
    in_flight: int = 4
    delay_s: float = 0.0
    fails_at: int | None = None
    sessions: list[FakeSession] = field(default_factory=list[FakeSession])

    def load(self, spec: ModelSpec, weights: Path, options: RuntimeOptions) -> FakeSession:
        """Loads nothing."""
        name = spec.inputs[0].tensor.name

        def answer(inputs: Mapping[str, Tensor]) -> Outputs:
            return {"out": np.stack([_bright_box(row) for row in np.asarray(inputs[name])])}

        wants = Wants((spec.inputs[0].tensor,), self.batch, max(1, self.batch), self.in_flight)
        session = FakeSession(answer, wants, self.delay_s, self.fails_at)
        self.sessions.append(session)
        return session

    def describe(self, session: Session) -> Mapping[str, str]:
        """It is a fake and says so."""
        return {"runtime": "fake", "precision": "f32", "device": "none"}


@dataclass(frozen=True)
class BrightBoxHead:
    """The head for `FakeRuntime`: one box of score 0.9 where something is bright."""

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]:
        """outputs["out"] (N, 4) model pixels."""
        made: list[Prediction] = []
        for row in np.asarray(outputs["out"])[: len(views)]:
            n = int(np.isfinite(row).all())
            made.append(
                Prediction(
                    Detections(
                        row[None][:n].astype(np.float32),
                        np.full(n, 0.9, np.float32),
                        np.zeros(n, np.int32),
                        spec.labels,
                    )
                )
            )
        return made


@dataclass
class MemorySink:
    """A sink that keeps what it was given. fails_at: raise OSError at that write. slow_s: sleep in each write."""

    wants_picture: bool = False
    fails_at: int | None = None
    slow_s: float = 0.0
    info: RunInfo | None = None
    results: list[FrameResult] = field(default_factory=list[FrameResult])
    pictures: list[Picture | None] = field(default_factory=list[Picture | None])
    closed: int = 0

    def open(self, info: RunInfo) -> None:
        """Remember the header."""
        self.info = info

    def write(self, result: FrameResult, picture: Picture | None) -> None:
        """Remember result and picture."""
        if self.fails_at is not None and len(self.results) >= self.fails_at:
            raise OSError(28, "No space left on device")
        time.sleep(self.slow_s)
        self.results.append(result)
        self.pictures.append(picture)

    def close(self) -> None:
        """Count it."""
        self.closed += 1
