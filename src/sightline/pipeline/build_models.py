"""Model and stage configurations -> models, tracker and stages: the part of `build` that deals with networks."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from sightline.config import CodeConfig, ModelConfig, PipelineConfig, StageConfig
from sightline.errors import ModelError, UndecidedError, UsageError
from sightline.models.gallery import with_gallery
from sightline.models.identify import PARSED, Identified, identify, require
from sightline.models.infer import Model
from sightline.motion import CameraMotion
from sightline.outputs import streams_of
from sightline.parsers.code import Code, Muxed
from sightline.parsers.make import finds_objects, make_parser
from sightline.parsers.trusted import TrustedParser
from sightline.parsers.worker_parser import WorkerParser
from sightline.parts import construct
from sightline.pipeline.answers import POINTS
from sightline.pipeline.asking import Asking
from sightline.pipeline.cascade import Stage
from sightline.pipeline.choosing import Choice
from sightline.pipeline.remembering import Rule
from sightline.pipeline.viewing import RegionView, Tiles, Viewing
from sightline.plugins import resolve
from sightline.protocols import Head, Parser, Runtime, RuntimeOptions, Tracker
from sightline.types import ModelSpec

__all__ = [
    "build_identified",
    "build_model",
    "build_stages",
    "by_name",
    "cache_folder",
    "code_of",
    "required",
    "tracker_of",
    "viewing_of",
]

# Tasks that say something of the object that was looked at, and find nothing within it.
_SAYING = (*POINTS, "classify", "embed", "text", "gaze", "pulse")
_OF_ITS_FRAME = ("segment", "obb")  # tasks whose answers say nothing of another frame
_ONE = {"embed": "embedding", "text": "text"}
_VIEWED = ("detect", "segment", "obb", "pose", "landmarks", "text-detect")  # whose answers to several views are joined


def cache_folder() -> Path:
    """Where compiled models are kept: XDG_CACHE_HOME or ~/.cache, then "sightline/compiled"."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "sightline" / "compiled"


def build_model(config: ModelConfig, pipeline: PipelineConfig | None = None) -> tuple[Model, Identified]:
    """Identify and wire one model; nothing is compiled yet. The tracker of `pipeline` may ask for lower scores."""
    identified = identify(config)
    return build_identified(identified, config, pipeline), identified


def build_identified(identified: Identified, config: ModelConfig, pipeline: PipelineConfig | None = None) -> Model:
    """Wire a model that is identified already; `config` says how it is run."""
    spec = require(identified)
    tracker = tracker_of(pipeline, spec.thresholds.score) if pipeline is not None else None
    floor: float | None = getattr(tracker, "floor", None)
    if floor is not None and floor < spec.thresholds.score:
        spec = replace(spec, thresholds=replace(spec.thresholds, floor=floor))
    runtime, precision = _run_with(identified, config)
    limits = pipeline.limits if pipeline is not None else None
    crop = limits.crop if limits is not None else None
    return Model(
        config.name,
        spec,
        identified.weights,
        _head(identified, config, pipeline),
        cast(Runtime, cast(Any, resolve("runtime", runtime))()),
        RuntimeOptions(precision, config.device, config.batch, cache=cache_folder()),
        exact=config.exact,
        crop=None if crop is None else (crop[0], crop[1], crop[2], crop[3]),
        crop_px=limits.crop_px if limits is not None else False,
        only=_only(config.classes, spec),
    )


def _head(identified: Identified, config: ModelConfig, pipeline: PipelineConfig | None) -> Head | Parser:
    """What reads the outputs: a head of ours, or the user's own code."""
    spec = identified.spec
    if config.parser is None:
        head = cast(Head, construct("head", spec.head, spec.head_options))
        return with_gallery(head, identified.arrived.located.folder)
    streams = () if pipeline is None else tuple(item.id for _, item in streams_of(pipeline.streams))
    muxed = Muxed(config.parser.image_size, config.parser.padding, streams, config.name)
    return make_parser(code_of(config.parser, muxed), trust=config.parser.trust)


def code_of(config: CodeConfig, muxed: Muxed | None = None) -> Code:
    """A user's file and the limits that it runs in."""
    return Code(
        Path(config.path), config.options, config.time_limit_s, config.start_limit_s, config.memory_mb,
        config.environment, config.dev, muxed or Muxed(),
    )  # fmt: skip


def _run_with(identified: Identified, config: ModelConfig) -> tuple[str, str]:
    """(runtime, precision): the user's, else what the bundle was found to run best with, else ours."""
    wanted = identified.arrived.stated.run
    if config.runtime != "auto":
        return config.runtime, config.precision
    if config.device.endswith("ExecutionProvider"):
        return "onnx", config.precision
    if wanted.runtime and not config.device:
        return wanted.runtime, wanted.precision or "auto" if config.precision == "auto" else config.precision
    return "openvino", config.precision


def _only(classes: Sequence[str], spec: ModelSpec) -> frozenset[int] | None:
    """Label ids of the classes asked for (identify has judged their names)."""
    if not classes:
        return None
    wanted = {c.strip().lower() for c in classes}
    unnamed = {int(c[5:]) for c in wanted if c[:5] == "class" and c[5:].isdigit()}
    named = {i for i, label in enumerate(spec.labels) if label.lower() in wanted}
    return frozenset(named | {i for i in unnamed if spec.label(i) == f"class{i}"})


def tracker_of(config: PipelineConfig, score: float) -> Tracker | None:
    """A tracker of its own; what it left open follows the model's threshold `score`."""
    if config.tracker is None:
        return None
    tracker = construct("tracker", config.tracker.kind, config.tracker.options)
    if hasattr(tracker, "for_model"):
        tracker = tracker.for_model(score)
    if getattr(tracker, "camera_motion", False):
        tracker.motion = CameraMotion()
    return cast(Tracker, tracker)


# -- parts of a frame --------------------------------------------------------------------------------------------------


def viewing_of(config: ModelConfig, spec: ModelSpec) -> Viewing:
    """The regions and tiles that a model is shown. Raises UsageError where its answers to several cannot be joined."""
    tiles = config.tiles
    several = tiles is not None or len(config.regions) > 1
    if several and spec.task not in _VIEWED:
        what = "tiles" if tiles is not None else "regions"
        raise UsageError(f"{what}: what model {spec.name!r} says of several parts ({spec.task}) makes no one answer")
    return Viewing(
        tuple(RegionView(region.box, region.px, frozenset(region.streams)) for region in config.regions),
        None if tiles is None else Tiles(tiles.size_px, tiles.grid, tiles.overlap, tiles.whole, tiles.join),
    )


# -- stages ------------------------------------------------------------------------------------------------------------


def build_stages(config: PipelineConfig, primary: Model) -> tuple[list[Stage], list[str]]:
    """The secondary models, each after those that it builds on, and warnings. Raises UsageError, ModelError."""
    built: dict[str, Stage] = {}
    warnings: list[str] = []
    first = config.model.name
    for stage in _in_order(config):
        above = stage.from_ or first
        of = above if above == first or not _says(built[above]) else built[above].of
        identified = identify(stage)
        spec = _one_answer(required(identified, stage), stage)
        if spec.task == "semantic":
            raise UsageError(f"stage {stage.name!r}: {spec.name} makes class maps of pictures, not of objects")
        names = primary.spec.labels if of == first else built[of].asking.model.spec.labels
        model = replace(build_identified(identified, stage), spec=spec, of=of)
        built[stage.name] = Stage(
            Asking(model, deadline_s=0.02),
            of,
            _after(stage, model, above, first, built, config),
            Choice(_labels(stage, names), stage.min_size_px, stage.max_size_px, stage.grow, stage.square, stage.most),
            stage.interval,
            stage.wait,
            _aligned(stage, spec),
            None if stage.remember is None else Rule(**stage.remember.model_dump()),
            stage.smooth,
        )
        _judge_memory(stage, model, config)
        warnings += _doubts(stage, spec, of, built, primary)
        warnings += [f"{stage.name}: {warning}" for warning in identified.warnings]
    _before_the_tracker(config, built, primary)
    return list(built.values()), warnings


def required(identified: Identified, stage: StageConfig) -> ModelSpec:
    """As `require`; the question is put in the words of a pipeline file."""
    try:
        return require(identified)
    except UndecidedError as error:
        said = re.sub(r"--([a-z]+) (\S+)( (?=--))?", _as_key, str(error))
        raise UndecidedError(f"stage {stage.name!r}: {said}") from error


def _as_key(flag: re.Match[str]) -> str:
    value = f"[{flag[2]}]" if re.fullmatch(r"[\d.,-]*,[\d.,-]*", flag[2]) else flag[2]
    return f"{flag[1]}: {value}{', ' if flag[3] else ''}"


def _in_order(config: PipelineConfig) -> list[StageConfig]:
    """Stages after those whose objects they look at, else as they stand in the file."""
    placed, left = [config.model.name], list(config.then)
    ordered: list[StageConfig] = []
    while left:
        ready = next(stage for stage in left if (stage.from_ or config.model.name) in placed)
        left.remove(ready)
        ordered.append(ready)
        placed.append(ready.name)
    return ordered


def _says(stage: Stage) -> bool:
    """Whether it only says something of the objects that it looks at; who builds on it looks at the same ones."""
    model = stage.asking.model
    if isinstance(model.head, WorkerParser | TrustedParser):
        return not finds_objects(model.head.code.path)
    return model.spec.task in _SAYING


def _one_answer(spec: ModelSpec, stage: StageConfig) -> ModelSpec:
    """Of an object the best class is told, not the five best."""
    if spec.task != "classify" or stage.top is not None:
        return spec
    return replace(spec, thresholds=replace(spec.thresholds, top=1))


def _after(
    stage: StageConfig, model: Model, above: str, first: str, built: Mapping[str, Stage], config: PipelineConfig
) -> frozenset[str]:
    """The stage that it is below; where it takes what others know of the object, those named before it as well."""
    needed = {above} - {first}
    model.judge()
    if model.needs or _aligned(stage, model.spec):
        needed |= {name for name, other in built.items() if other.of == model.of and _says(other)}
    if not model.needs:
        return frozenset(needed)
    primary = config.model.name
    knowing = [other for name, other in built.items() if name in needed]
    if "head-pose" in model.needs and not any(o.asking.model.spec.head == "head-pose" for o in knowing):
        raise ModelError(
            f"stage {stage.name!r}: {model.spec.name} takes the angles of the head; name a stage before it whose model "
            f"says yaw, pitch and roll of the objects of {model.of or primary!r}"
        )
    return frozenset(needed)


def _labels(stage: StageConfig, names: Sequence[str]) -> frozenset[str]:
    """The labels of objects that are looked at, in small letters. Raises UsageError for one that there is not."""
    known = {name.lower() for name in names}
    for label in stage.objects:
        if known and label.lower() not in known and not label.removeprefix("class").isdigit():
            near = difflib.get_close_matches(label, names, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(list(names)[:12])}"
            raise UsageError(f"stage {stage.name!r}: objects: unknown label {label!r}; {hint}")
    return frozenset(label.lower() for label in by_name(stage.objects, names))


def by_name(classes: Iterable[str], names: Sequence[str]) -> tuple[str, ...]:
    """The labels `classes`, "class3" being what `names` calls class 3: files that know classes by number alone have it
    so, and a model may know its names without a file of them.
    """
    known = {name.lower() for name in names}
    return tuple(_name(label, names) if label.lower() not in known else label for label in classes)


def _name(label: str, names: Sequence[str]) -> str:
    number = label.lower().removeprefix("class")
    return names[int(number)] if number.isdecimal() and number != label and int(number) < len(names) else label


def _aligned(stage: StageConfig, spec: ModelSpec) -> bool:
    """Faces are set upright for networks that compare them, which are trained so: an embedding of 112x112."""
    if stage.align is not None:
        return stage.align
    return spec.task == "embed" and any(item.frames and item.size_wh == (112, 112) for item in spec.inputs)


def _kept_by_track(stage: StageConfig) -> list[str]:
    asked = {"wait: false": not stage.wait, "remember": stage.remember is not None, "smooth": stage.smooth > 0}
    return [name for name, wanted in asked.items() if wanted]


def _judge_memory(stage: StageConfig, model: Model, config: PipelineConfig) -> None:
    """Raises UsageError where something is to stay with a track, and nothing is tracked, or it cannot stay."""
    named = _kept_by_track(stage) + ([f"{model.spec.name}, which looks at the past of objects,"] * model.windows)
    if named and config.tracker is None:
        raise UsageError(f"stage {stage.name!r}: {named[0]} needs tracks; add a tracker, as in tracker: bytetrack")
    if not stage.wait and model.spec.task in _OF_ITS_FRAME:
        raise UsageError(
            f"stage {stage.name!r}: wait: false: masks and turned boxes ({model.spec.task}) belong to their own frame "
            "and cannot appear on a later one; leave it out"
        )
    for key, wanted in (("tiles", stage.tiles is not None), ("regions", bool(stage.regions))):
        if wanted:
            raise UsageError(f"stage {stage.name!r}: {key} are for the first model; this one looks at objects")


def _doubts(stage: StageConfig, spec: ModelSpec, of: str, built: Mapping[str, Stage], primary: Model) -> list[str]:
    """What will not be as the user may think."""
    found: list[str] = []
    if stage.remember is not None and spec.task in _OF_ITS_FRAME:
        found.append(f"remember: masks and turned boxes ({spec.task}) are looked for anew in every frame")
    finder = primary.spec if of == primary.stage else built[of].asking.model.spec
    if finder.task not in _VIEWED and finder.head != PARSED:
        found.append(f"{finder.name} finds no objects ({finder.task}), so there is nothing to look at")
    others = [
        name for name, other in built.items() if name != stage.name and other.of == of and other.task == spec.task
    ]
    if others and spec.task in _ONE:
        found.append(f"an object has one {_ONE[spec.task]}: that of this stage, not that of {others[-1]}")
    return [f"{stage.name}: {doubt}" for doubt in found]


def _before_the_tracker(config: PipelineConfig, built: dict[str, Stage], primary: Model) -> None:
    """The stage whose embeddings the tracker compares comes before it. Raises UsageError where it cannot."""
    wanted = str(config.tracker.options.get("appearance", "")) if config.tracker is not None else ""
    if not wanted:
        return
    if wanted not in built:
        there = ", ".join(built) or "none"
        raise UsageError(f"tracker: appearance: {wanted!r} is no stage of then; there are: {there}")
    chain = {wanted}
    while above := [n for name in chain for n in built[name].after if n not in chain]:
        chain |= set(above)
    for name in chain:
        stage = built[name]
        if stage.of != config.model.name or not _says(stage):
            raise UsageError(f"tracker: appearance: stage {name!r} must say something of the first model's objects")
        if kept := _kept_by_track(next(s for s in config.then if s.name == name)):
            raise UsageError(
                f"stage {name!r}: {kept[0]}: the tracker waits for what this stage says, so nothing can stay with a "
                "track there; leave it out"
            )
        stage.early, stage.least = True, primary.spec.thresholds.score
