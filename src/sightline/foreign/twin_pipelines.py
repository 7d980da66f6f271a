"""`Twin` -> `Deployment`: every pipeline of it as a PipelineConfig. One that cannot be is told; the others are made."""

from __future__ import annotations

import re
from collections.abc import Mapping as Pairs
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from sightline.config import (
    CodeConfig,
    LimitsConfig,
    ModelConfig,
    PartConfig,
    PipelineConfig,
    StageConfig,
    StreamConfig,
)
from sightline.deployment import Deployment
from sightline.errors import ConfigError, SightlineError, hide_credentials
from sightline.foreign.app_inference import Models, models_of
from sightline.foreign.app_plan import AppPlan, Inference
from sightline.foreign.gst_pipeline import launched_pipeline
from sightline.foreign.mapping import NOTHING, Mapping
from sightline.foreign.named_files import NamedFiles
from sightline.foreign.places import Places
from sightline.foreign.secrets import with_credentials
from sightline.foreign.twin import LIGHT_TRACKER, PARSERS, Region, Sensor, Stream, TrackedModel, Twin
from sightline.foreign.twin import TwinPipeline as Wanted
from sightline.foreign.twin_outputs import outputs_of
from sightline.foreign.twin_parts import TrackerPart, dewarp_of, light_tracker, tracker_of
from sightline.sources.addresses import likely_live

__all__ = ["TwinFiles", "deployment_of", "zips_of"]

_NO_MODEL = "builtin:nothing"
_DEVICE = re.compile(r"^(?:/dev/)?(?:video)?([0-9]+)$")
_PLACEHOLDER = "REPLACE"


@dataclass(frozen=True, slots=True)
class TwinFiles:
    """Where things are here. packages: a zip's address, as the twin has it -> the folder that it was unpacked to;
    lost: why one could not be. out: the folder that results go to, "" for the current one. logic: the user's rules,
    which find what the twin holds for its business logic as their options.
    """

    mapping: Mapping = NOTHING
    packages: Pairs[str, Path] = field(default_factory=dict[str, Path])
    lost: Pairs[str, str] = field(default_factory=dict[str, str])
    out: str = ""
    logic: CodeConfig | None = None


def zips_of(twin: Twin) -> tuple[str, ...]:
    """The addresses of the zips that its pipelines want, each once."""
    wanted = (pipeline.zip.text for pipeline in twin.pipelines.values() if pipeline.zip and not pipeline.passthrough)
    return tuple(dict.fromkeys(wanted))


def deployment_of(twin: Twin, files: TwinFiles | None = None) -> Deployment:
    """Every pipeline that can be made. Looks whether files are there and reads configurations; opens no camera."""
    making = _Making(twin, files or TwinFiles())
    return making.deployment()


class _Lost(Exception):
    """A stream or a pipeline cannot be used; the text says why."""


@dataclass(slots=True)
class _Making:
    twin: Twin
    files: TwinFiles
    faults: dict[str, str] = field(default_factory=dict[str, str])
    notes: list[str] = field(default_factory=list[str])

    def deployment(self) -> Deployment:
        twin = self.twin
        self.faults.update(twin.faults)
        self.notes += twin.notes
        pipelines: dict[str, PipelineConfig] = {}
        used = self._streams()
        for name, wanted in twin.pipelines.items():
            try:
                streams = used.get(name, [])
                if streams:
                    pipelines[name] = self._pipeline(wanted, streams)
                elif any(stream.pipeline == name for stream in twin.streams):
                    raise _Lost(f"{wanted.where}: none of its streams can be used")
                else:
                    self.notes.append(f"{wanted.where}: pipeline {name!r} is used by no stream, and is not run")
            except (_Lost, SightlineError) as error:
                self.faults[name] = self._with_others(str(error), wanted)
        faults = {name: hide_credentials(fault) for name, fault in self.faults.items()}
        return Deployment(pipelines, faults, tuple(map(hide_credentials, self.notes)), idle=not twin.enabled)

    def _with_others(self, fault: str, wanted: Wanted) -> str:
        """Where a file is missing, the others that are missing too: they are mapped in one go."""
        if "no such file" not in fault or wanted.passthrough:
            return fault
        package = self.files.packages.get(wanted.zip.text)
        files = NamedFiles(self.files.mapping, Path(self.twin.file).parent, package)
        gone = dict.fromkeys(named.text for named in wanted.names() if not files.there(named))
        others = [text for text in gone if repr(text) not in fault]
        first, *rest = fault.splitlines()
        return "\n".join([f"{first}; missing as well: {', '.join(others)}" if others else first, *rest])

    # -- streams -------------------------------------------------------------------------------------------------------

    def _streams(self) -> dict[str, list[tuple[Stream, Sensor]]]:
        """The streams of each pipeline; what is wrong with one is told."""
        twin, used = self.twin, dict[str, list[tuple[Stream, Sensor]]]()
        for stream in twin.streams:
            wanted = twin.pipelines.get(stream.pipeline)
            sensor = twin.sensors.get(stream.name)
            if wanted is None and stream.pipeline not in twin.faults:
                there = ", ".join(twin.pipelines) or "none"
                self._lost(stream, f"configId: there is no pipeline {stream.pipeline!r}; there are: {there}")
            elif sensor is None and stream.name not in twin.faults:
                there = ", ".join(twin.sensors) or "none"
                self._lost(stream, f"there is no sensor {stream.name!r}; there are: {there}")
            elif wanted is not None and sensor is not None:
                used.setdefault(stream.pipeline, []).append((stream, sensor))
        for name in twin.sensors:
            if all(stream.name != name for stream in twin.streams):
                self.notes.append(f"{twin.sensors[name].endpoint.where}: sensor {name!r} is used by no stream")
        return used

    def _lost(self, stream: Stream, why: str, where: str = "") -> None:
        # a camera that is in two pipelines can be lost for two reasons
        called = f"{stream.name} ({stream.pipeline})" if stream.name in self.faults else stream.name
        self.faults[called] = f"{where or stream.where}: stream {stream.name!r}: {why}"

    def _stream(self, stream: Stream, sensor: Sensor, wanted: Wanted, files: NamedFiles) -> StreamConfig | None:
        try:
            url = self._url(stream, sensor)
        except _Lost as lost:
            self._lost(stream, str(lost), sensor.endpoint.where)
            return None
        analytics = tuple(_region(region, wanted.crop) for region in _named_apart(sensor.regions))
        dewarp = None
        if wanted.dewarp is not None:
            made = dewarp_of(files.path(wanted.dewarp, "dewarp.config_file"))
            self.notes += made.notes
            dewarp = made.views[0]
            if len(made.views) > 1:
                self.notes.append(f"{wanted.dewarp.where}: of its {len(made.views)} surfaces the first is looked at")
        return StreamConfig(url=url, id=stream.name, analytics=analytics, dewarp=dewarp)

    def _url(self, stream: Stream, sensor: Sensor) -> str:
        """Where its pictures come from, with its user and password. Raises _Lost."""
        text = sensor.endpoint.text
        here = self.files.mapping.of(text)
        if not text:
            raise _Lost("its sensor has no endpoint: it is empty; write the camera's address")
        if here == text and text.startswith(_PLACEHOLDER):
            raise _Lost(f"{text!r} is a placeholder; write the camera's address in its place")
        if sensor.subtype == "usb" and here == text and (match := _DEVICE.match(text)):
            here = f"/dev/video{match[1]}"
        scheme = here.partition("://")[0].lower() if "://" in here else ""
        if scheme and scheme != "file":
            return with_credentials(here, stream.user, stream.password)
        path = Path(here[7:] if scheme else here).expanduser()
        candidates = [path] if here != text or path.is_absolute() else [Path(self.twin.file).parent / path, path]
        found = next((p for p in candidates if _is_there(p)), None)
        if found is None:
            what = "device" if here.startswith("/dev/") else "file"
            if here != text:
                raise _Lost(f"{text!r} is mapped to {here}: no such {what}")
            raise _Lost(f"{text!r}: no such {what}\n--map {text}=PATH says where it is here")
        return str(found)

    # -- a pipeline ----------------------------------------------------------------------------------------------------

    def _pipeline(self, wanted: Wanted, used: Sequence[tuple[Stream, Sensor]]) -> PipelineConfig:
        files = NamedFiles(self.files.mapping, Path(self.twin.file).parent, self._package(wanted))
        if wanted.passthrough:
            return self._passthrough(wanted, files)
        self._check_chain(wanted)
        models = self._models(wanted, files)
        tracker = self._tracker(wanted, files)
        made = [(s, self._stream(s, sensor, wanted, files), sensor) for s, sensor in used]
        streams = [(config, sensor) for _, config, sensor in made if config is not None]
        if not streams:
            raise _Lost(f"{wanted.where}: none of its streams can be used")
        regions = [(sensor.name, region) for _, sensor in streams for region in sensor.regions]
        live = any(likely_live(config.url) for config, _ in streams)
        ruled = [config.id for config, _ in streams] if self.files.logic is not None else []
        outputs = outputs_of(wanted, self.twin, regions, self.files.out, live=live, ruled=ruled)
        try:
            return PipelineConfig(
                streams=tuple(config for config, _ in streams),
                model=models.primary,
                then=(*models.then, *(tracker.stages if tracker is not None else ())),
                tracker=tracker.part if tracker is not None else None,
                overlay=PartConfig(kind="boxes") if wanted.osd else None,
                sinks=outputs,
                logic=self._logic(),
                limits=_limits(wanted, models.interval),
            )
        except ValidationError as error:
            first = error.errors()[0]
            raise ConfigError(f"{wanted.where}: pipeline {wanted.id!r}: {first['msg']}") from error

    def _logic(self) -> CodeConfig | None:
        logic = self.files.logic
        if logic is None:
            return None
        return logic.model_copy(update={"options": {**self.twin.business, **logic.options}})

    def _package(self, wanted: Wanted) -> Path | None:
        """The folder of its unpacked zip."""
        if not wanted.zip or wanted.passthrough:
            return None
        if (why := self.files.lost.get(wanted.zip.text)) is not None:
            raise _Lost(f"{wanted.zip.where}: unsecureZipUrl: {why}")
        return self.files.packages.get(wanted.zip.text)

    def _check_chain(self, wanted: Wanted) -> None:
        if wanted.primary is None and (wanted.secondaries or wanted.tracker):
            what = "secondary models" if wanted.secondaries else "a tracker"
            raise _Lost(f"{wanted.where}: {what} without a primary model: write primaryModelConfigPath")

    def _models(self, wanted: Wanted, files: NamedFiles) -> Models:
        if wanted.primary is None:
            return Models(ModelConfig(path=_NO_MODEL), (), (), 0, {}, {})
        plan = AppPlan(Path(self.twin.file), Places(self.files.mapping))
        plan.primary = Inference(
            files.path(wanted.primary.config, "the primary model"), f"{wanted.primary.config.where}"
        )
        plan.secondaries = [
            Inference(files.path(model.config, "a secondary model"), f"{model.config.where}#{i}", secondary=True)
            for i, model in enumerate(wanted.secondaries)
        ]
        if wanted.tracker:
            plan.tracker = PartConfig(kind="bytetrack")  # only that there is one
        try:
            models = models_of(plan)
        except ConfigError as error:
            raise ConfigError(re.sub(r"#[0-9]+(?=:| )", "", str(error))) from error
        self.notes += (re.sub(r"#[0-9]+(?=:)", "", note) for note in plan.notes)
        first = ModelConfig.model_validate(models.primary.model_dump() | self._read_by(wanted.primary, files))
        then = tuple(
            StageConfig.model_validate(stage.model_dump(by_alias=False) | self._read_by(model, files))
            for stage, model in zip(models.then, wanted.secondaries, strict=True)
        )
        return Models(first, then, models.labels, models.interval, models.ids, models.colours, models.fills)

    def _read_by(self, model: TrackedModel, files: NamedFiles) -> dict[str, object]:
        """What reads its outputs: the user's Python, or the head for a parser that the accelerator brings."""
        if model.python is not None:
            return {"parser": CodeConfig(path=str(files.path(model.python, "pyFile")))}
        return {"head": PARSERS[model.parser]} if model.parser else {}

    def _tracker(self, wanted: Wanted, files: NamedFiles) -> TrackerPart | None:
        if not wanted.tracker:
            return None
        if wanted.tracker.text.lower() == LIGHT_TRACKER:
            return light_tracker(wanted.tracker.text)
        made = tracker_of(files.path(wanted.tracker, "trackerConfigPath"), self.files.mapping)
        self.notes += made.notes
        return made

    def _passthrough(self, wanted: Wanted, files: NamedFiles) -> PipelineConfig:
        made = launched_pipeline(wanted.passthrough.text, wanted.passthrough.where, files, wanted.id, self.files.out)
        self.notes += made.notes
        return made.config.model_copy(update={"logic": self._logic()})


def _limits(wanted: Wanted, interval: int) -> LimitsConfig:
    if wanted.crop is None:
        return LimitsConfig(interval=interval)
    x0, x1, y0, y1 = wanted.crop
    return LimitsConfig(interval=interval, crop=(x0, y0, x1 + 1, y1 + 1), crop_px=True)


def _region(region: Region, crop: tuple[int, int, int, int] | None) -> PartConfig:
    """The region as an analytic; with a crop its shares are of what is left of the picture."""
    points: list[list[float]] = [[x, y] for x, y in region.points]
    options: dict[str, object] = {"kind": "roi", "name": region.label, "points": points, "anchor": "center"}
    if crop is not None:
        x0, x1, y0, y1 = crop
        options |= {"points": [[x0 + x * (x1 - x0 + 1), y0 + y * (y1 - y0 + 1)] for x, y in points], "px": True}
    return PartConfig.model_validate(options)


def _named_apart(regions: Sequence[Region]) -> list[Region]:
    """Two regions of one label get a number: rules are told apart by their names."""
    seen: dict[str, int] = {}
    found: list[Region] = []
    for region in regions:
        seen[region.label] = number = seen.get(region.label, 0) + 1
        found.append(region if number == 1 else Region(f"{region.label} ({number})", region.color, region.points))
    return found


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
