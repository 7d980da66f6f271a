"""The seams, on one page: what a source, runtime, session, head, tracker, analytic, overlay and sink must do.

Options of an implementation are the fields of its dataclass; constructing one touches no file, device or network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from numpy.typing import NDArray

from sightline.types import (
    ColorMatrix,
    Detections,
    Frame,
    FrameResult,
    ModelSpec,
    Picture,
    Prediction,
    Report,
    Shape,
    StreamInfo,
    Tensor,
    TensorSpec,
    Tracks,
    View,
)

Outputs = Mapping[str, NDArray[Any]]


@runtime_checkable
class Source(Protocol):
    """A stream of frames. Iterating opens it; every blocking call has a deadline; closing the iterator releases it.

    `tap`, where given, sees each packet before it is decoded.
    """

    @property
    def id(self) -> str: ...
    @property
    def live(self) -> bool: ...
    def frames(self, tap: Callable[[object], None] | None = None) -> Iterator[Frame]: ...


@runtime_checkable
class PacketTap(Protocol):
    """A tap that copies packets. Called in the thread that reads.

    begin: an opening of the stream, before its first packet; `stream` is the container's own (an
    `av.video.stream.VideoStream`) and valid during this call only. epoch: as of the frames' instants.
    A call with a packet (an `av.Packet`): it is about to be decoded, so only its bytes may be kept.
    """

    def begin(self, stream: object, epoch: int) -> None: ...
    def __call__(self, packet: object, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Wants:
    """What a session takes: tensors by name, and how many views go through at once (0: any number up to `most`)."""

    inputs: tuple[TensorSpec, ...]
    batch: int = 1
    most: int = 1
    in_flight: int = 2


@dataclass(frozen=True, slots=True)
class FeedPlanes:
    """The picture input arrives as planar Y'CbCr 4:4:4 uint8 (N, 3, H, W); the graph converts with this matrix."""

    matrix: ColorMatrix
    full_range: bool


@dataclass(frozen=True, slots=True)
class FeedRgb:
    """The picture input arrives as planar R'G'B' uint8 (N, 3, H, W)."""


@dataclass(frozen=True, slots=True)
class FeedRaw:
    """Every input arrives as the model itself declares it; nothing is put in front of the graph."""


Feed = FeedPlanes | FeedRgb | FeedRaw


@dataclass(frozen=True, slots=True)
class RuntimeOptions:
    """How to compile: `precision` "auto", "f32", "bf16" or "f16"; `device` in the runtime's own words ("" its default);
    `batch` 0 for the model's own; `feed` what is put in front of the graph; `cache` the compiled-model folder or None.
    """

    precision: str = "auto"
    device: str = ""
    batch: int = 0
    feed: Feed = FeedRaw()
    cache: Path | None = None
    threads: int = 0
    extra: Mapping[str, str] = field(default_factory=dict[str, str])


class Ticket(Protocol):
    """A finished request. `outputs` are valid until `release()`. `token` is what was given to submit."""

    token: object

    @property
    def outputs(self) -> Outputs: ...
    def release(self) -> None: ...


class Session(Protocol):
    """A compiled model with several requests in flight. Tickets come back in the order of submission."""

    @property
    def wants(self) -> Wants: ...
    def submit(self, inputs: Mapping[str, Tensor], token: object) -> None: ...
    def collect(self, timeout_s: float) -> Ticket | None: ...
    def close(self) -> None: ...


class Runtime(Protocol):
    """Compiles a model file. `describe(session)` names what was used: {"runtime", "precision", "device"}."""

    def load(self, spec: ModelSpec, weights: Path, options: RuntimeOptions) -> Session: ...
    def describe(self, session: Session) -> Mapping[str, str]: ...


class Head(Protocol):
    """Raw outputs -> one Prediction a view, boxes in model pixels. Pure."""

    def __call__(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> list[Prediction]: ...


@runtime_checkable
class Parser(Protocol):
    """A head that answers later: a user's code in a process of its own. Answers come back in the order of submission.

    submit: `outputs` may change as soon as it returns. `room`: False while no further request may be submitted.
    collect: one Prediction a view of the oldest request, boxes in model pixels; None: not within the timeout. A fault
    of the user's code costs the predictions of that request (they are empty then) and is counted in `faults`:
    {what went wrong, with the user's file and line: how often}.
    """

    @property
    def faults(self) -> Mapping[str, int]: ...
    @property
    def room(self) -> bool: ...
    def submit(self, outputs: Outputs, spec: ModelSpec, views: Sequence[View]) -> None: ...
    def collect(self, timeout_s: float) -> list[Prediction] | None: ...
    def close(self) -> None: ...


@runtime_checkable
class Tracker(Protocol):
    """Gives detections ids; one instance a stream. `detections` None: no model saw this frame, only predict.

    Leaves its input's bytes unchanged and names rows instead of reordering them.
    """

    def update(self, detections: Detections | None, frame: Frame) -> Tracks: ...
    def reset(self) -> None: ...


@runtime_checkable
class Analytic(Protocol):
    """Tracked detections of one stream -> events and counts. `shapes(frame)`: what an overlay may draw."""

    name: str

    def update(self, result: FrameResult) -> Report: ...
    def shapes(self, frame: Frame) -> tuple[Shape, ...]: ...


class Overlay(Protocol):
    """Draws a result on `picture`, an upright writable I420 picture of the frame's size."""

    def __call__(self, picture: Picture, result: FrameResult, shapes: Sequence[Shape]) -> None: ...


@dataclass(frozen=True, slots=True)
class StageInfo:
    """What a results header says of one model."""

    stage: str
    name: str
    sha256: str
    runtime: str
    precision: str
    score: float
    nms: float
    labels: tuple[str, ...]
    head: str = ""
    of: str = ""


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What a sink learns before the first result. models: the primary first; `of` of a secondary names the stage
    whose objects it looks into.
    """

    models: tuple[StageInfo, ...]
    streams: tuple[StreamInfo, ...]


@runtime_checkable
class Payload(Protocol):
    """Results -> messages in somebody's form, each one line of text. `open` as of a sink; its lines go first."""

    def open(self, info: RunInfo) -> list[str]: ...
    def messages(self, result: FrameResult) -> list[str]: ...


@runtime_checkable
class Sink(Protocol):
    """Takes results in order. `picture` is the annotated upright I420 picture where `wants_picture`, else None.

    `open` comes again, with all streams, when one joins a sink that several share. `close()` finishes whatever was
    written (atomically under its final name) and leaves nothing where nothing was.
    """

    @property
    def wants_picture(self) -> bool: ...
    def open(self, info: RunInfo) -> None: ...
    def write(self, result: FrameResult, picture: Picture | None) -> None: ...
    def close(self) -> None: ...
