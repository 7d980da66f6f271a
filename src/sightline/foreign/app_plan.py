"""What an application asks for, whichever of its forms the file has: the records between reading and PipelineConfig."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sightline.config import PartConfig, StageConfig
from sightline.foreign.places import Places

__all__ = ["AppPlan", "Camera", "Inference", "Messages", "Output", "Tiles"]


@dataclass(frozen=True, slots=True)
class Camera:
    """One input. where: "file:line" of what names it. drop: every so manieth frame is looked at; 0 and 1: all.

    record: options of the sink that records its snippets. size_wh, fps: asked of a camera on this machine.
    """

    url: str
    where: str
    id: str = ""
    transport: str = "tcp"
    drop: int = 0
    record: Mapping[str, object] | None = None
    size_wh: tuple[int, int] | None = None
    fps: float | None = None


@dataclass(frozen=True, slots=True)
class Inference:
    """One model. file: its own nvinfer or nvinferserver file. id: what others name it by, None where nothing says it.

    parent: whose objects it looks at, None for the primary. colours: "" (all classes) or the number of a class ->
    "#rrggbb"; fills: likewise, what boxes are filled with. regions: whether a preprocessing file's regions are for it.
    """

    file: Path
    where: str
    id: int | None = None
    parent: int | None = None
    classes: tuple[int, ...] | None = None
    interval: int | None = None
    labels: Path | None = None
    colours: Mapping[str, str] = field(default_factory=dict[str, str])
    fills: Mapping[str, str] = field(default_factory=dict[str, str])
    batch: int = 0
    secondary: bool = False


@dataclass(frozen=True, slots=True)
class Tiles:
    """All streams in one picture of width x height pixels."""

    rows: int
    columns: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Messages:
    """What is written for a broker that is still to come. payload: "deepstream" or "deepstream-minimal".

    muxed: boxes are counted in the muxer's pixels, not in the source's own.
    """

    payload: str = "deepstream"
    every: int = 1
    api: str = "old"
    muxed: bool = True
    config: Path | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """One sink. kind: "show", "video" or "messages". stream: the number of the only one it shows, None for all.

    path: of a video, or of the messages. bitrate, gop: of a video, 0 not said. tiled: all streams in one picture.
    """

    kind: str
    path: str = ""
    codec: str = "h264"
    preset: str = ""
    bitrate: int = 0
    gop: int = 0
    stream: int | None = None
    tiled: bool = False
    pace: bool = False
    messages: Messages | None = None


@dataclass(slots=True)
class AppPlan:
    """All of it. overlay, tracker: as PipelineConfig has them. appearance: the model that the tracker compares objects
    by. only: numbers of the inputs that are looked at, None all; branch: what outputs are called after. places: how
    names in files become paths. notes: what a user should know, "file:line: ...".
    """

    file: Path
    places: Places = field(default_factory=Places)
    cameras: list[Camera] = field(default_factory=list[Camera])
    primary: Inference | None = None
    secondaries: list[Inference] = field(default_factory=list[Inference])
    tracker: PartConfig | None = None
    appearance: StageConfig | None = None
    overlay: dict[str, object] | None = None
    tiles: Tiles | None = None
    outputs: list[Output] = field(default_factory=list[Output])
    analytics: list[Path] = field(default_factory=list[Path])
    preprocess: list[Path] = field(default_factory=list[Path])
    dewarp: dict[int, Path] = field(default_factory=dict[int, Path])
    params: list[Path] = field(default_factory=list[Path])
    results: list[str] = field(default_factory=list[str])
    muxed: tuple[int, int] | None = None
    only: tuple[int, ...] | None = None
    branch: str = ""
    loop: bool = False
    notes: list[str] = field(default_factory=list[str])
