"""The controller twin of the Azure DeepStream Accelerator: its records, and where in a file they are.

https://github.com/microsoft/AzureDeepStreamAccelerator, documentation/how-to-configcontroller.md and the code that
reads it; where the two differ, both are taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sightline.foreign.json_text import Json

__all__ = [
    "LIGHT_TRACKER",
    "PARSERS",
    "Configured",
    "Region",
    "Sensor",
    "Stream",
    "TrackedModel",
    "Twin",
    "TwinPipeline",
    "components_of",
    "components_path",
    "found_below",
]

LIGHT_TRACKER = "light-tracker"
# the parsers that the accelerator brings, by every name that it or its pages call them -> our head
PARSERS: dict[str, str] = {
    "yolov4": "yolo-cells",
    "tiny_yolov3": "nms-indices",
    "tiny-yolov3": "nms-indices",
    "ssd_mobilenet_v1": "tf-detection",
    "bodypose2d": "part-fields",
}
_CONFIGURATION = "azdaConfiguration"
_DEEPEST = 12


@dataclass(frozen=True, slots=True)
class Configured:
    """A text of the twin and where it stands: `where` is "file:line"."""

    text: str
    where: str

    def __bool__(self) -> bool:
        return bool(self.text)


@dataclass(frozen=True, slots=True)
class Region:
    """A region of interest. points: x, y as shares of the picture's sides, of at least three corners."""

    label: str
    color: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Sensor:
    """Where pictures come from. subtype: in lower case, "" where the twin says none."""

    name: str
    subtype: str
    endpoint: Configured
    regions: tuple[Region, ...] = ()


@dataclass(frozen=True, slots=True)
class Stream:
    """A sensor paired with a pipeline."""

    name: str
    pipeline: str
    where: str
    user: str = ""
    password: str = ""


@dataclass(frozen=True, slots=True)
class TrackedModel:
    """A model: its configuration file, the user's Python that reads its outputs, or the name of a built-in parser."""

    config: Configured
    python: Configured | None = None
    parser: str = ""


@dataclass(frozen=True, slots=True)
class TwinPipeline:
    """One of the pipelineConfigs. crop: x0, x1, y0, y1 in pixels of the source, all of them inside."""

    id: str
    where: str
    zip: Configured
    primary: TrackedModel | None
    secondaries: tuple[TrackedModel, ...]
    tracker: Configured
    passthrough: Configured
    dewarp: Configured | None = None
    crop: tuple[int, int, int, int] | None = None
    osd: bool = False

    def names(self) -> Iterator[Configured]:
        """Every file that it names."""
        for model in (self.primary, *self.secondaries):
            if model is not None:
                yield model.config
                yield from (model.python,) if model.python is not None else ()
        if self.tracker and self.tracker.text.lower() != LIGHT_TRACKER:
            yield self.tracker
        if self.dewarp is not None:
            yield self.dewarp


@dataclass(frozen=True, slots=True)
class Twin:
    """A whole twin. faults: what of it cannot be used, by the name of the pipeline or stream. notes: worth knowing.

    recording: pipelines that are told to record from their start on (or not to), by a business logic's twin.
    snippet_s: of the longest recorded snippet. business: what it holds for the user's own business logic.
    """

    file: str
    enabled: bool
    sensors: dict[str, Sensor]
    streams: tuple[Stream, ...]
    pipelines: dict[str, TwinPipeline]
    faults: dict[str, str]
    notes: tuple[str, ...]
    log_level: str = "information"
    business: Mapping[str, object] = field(default_factory=dict[str, object])
    recording: tuple[tuple[str, bool], ...] = ()
    snippet_s: float = 30.0


def components_of(root: Json) -> Json | None:
    """The object with the twin's sensors and pipelines, wherever it is: in a deployment's module, a module's twin, an
    azdaConfiguration, or the message that the controller sends, which is that object itself.
    """
    outer = next((value for name, value in found_below(root) if _is_configuration(name)), root)
    inner = outer.get("components")
    found = inner if inner is not None and inner.kind == "object" else outer
    telling = ("deepStream", "sensors")
    named = outer is not root or inner is not None
    return found if named or all(found.get(key) is not None for key in telling) else None


def components_path(root: Json) -> str | None:
    """The way from `root` to its components, as entries have it: `a.b[0].c`; None where there are none."""
    wanted = components_of(root)
    return None if wanted is None else next((way for way, value in _ways(root, "", 0) if value is wanted), None)


def _ways(value: Json, way: str, depth: int) -> Iterator[tuple[str, Json]]:
    yield way, value
    if depth > _DEEPEST:
        return
    for name, _, below in value.members:
        yield from _ways(below, f"{way}.{name}" if way else name, depth + 1)


def found_below(value: Json, depth: int = 0) -> Iterator[tuple[str, Json]]:
    """Every (key, value) below, the outer ones first."""
    if depth > _DEEPEST:
        return
    yield from ((name, below) for name, _, below in value.members)
    for _, _, below in value.members:
        yield from found_below(below, depth + 1)


def _is_configuration(name: str) -> bool:
    """Layered deployments write the way to it into the key."""
    return name.rpartition(".")[2] == _CONFIGURATION
