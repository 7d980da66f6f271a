"""PipelineConfig -> Pipeline: the only place where names become objects."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from sightline.config import LimitsConfig, ModelConfig, PartConfig, PipelineConfig, StreamConfig
from sightline.errors import UsageError
from sightline.models.gallery import with_gallery
from sightline.models.identify import Identified, identify, require
from sightline.models.infer import Model
from sightline.outputs import stream_path, streams_of
from sightline.parts import construct
from sightline.pipeline.lane import Lane
from sightline.pipeline.run import Pipeline
from sightline.plugins import resolve
from sightline.protocols import Analytic, Head, Overlay, Runtime, RuntimeOptions, Sink, Source, Tracker
from sightline.sinks.maps import MapFolder
from sightline.sources.inputs import StreamInput, build_source
from sightline.types import ModelSpec

__all__ = ["build", "build_identified", "build_lane", "build_model", "cache_folder"]


def cache_folder() -> Path:
    """Where compiled models are kept: XDG_CACHE_HOME or ~/.cache, then "sightline/compiled"."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "sightline" / "compiled"


def build(config: PipelineConfig, *, keep_pictures: bool = False) -> Pipeline:
    """The whole deployment, ready to run. Opens no camera and no network; reads the model file.

    keep_pictures: results hold their frame's picture. Raises UsageError, ModelError, UndecidedError, InputError.
    """
    model, identified = build_model(config.model, config)
    inputs = streams_of(config.streams)
    _check_sinks(config.sinks, len(inputs))
    _check_maps(config.maps, model.spec)
    shared = [cast(Sink, construct("sink", p.kind, p.options)) for p in config.sinks if p.kind not in _OWN]
    limits = config.limits
    pipeline = Pipeline(model, shared_sinks=shared, stop_on_loss=limits.stop_on_loss)
    pipeline.settle_s = limits.connect_timeout_s + 5
    pipeline.notes += identified.warnings
    for stream, item in inputs:
        pipeline.add(build_lane(config, stream, item, model.spec, keep_pictures=keep_pictures))
    return pipeline


_OWN = ("video", "pictures")


def build_model(config: ModelConfig, pipeline: PipelineConfig | None = None) -> tuple[Model, Identified]:
    """Identify and wire one model; nothing is compiled yet. The tracker of `pipeline` may ask for lower scores."""
    identified = identify(config)
    return build_identified(identified, config, pipeline), identified


def build_identified(identified: Identified, config: ModelConfig, pipeline: PipelineConfig | None = None) -> Model:
    """Wire a model that is identified already; `config` says how it is run."""
    spec = require(identified)
    tracker = _tracker(pipeline, spec.thresholds.score) if pipeline is not None else None
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
        with_gallery(cast(Head, construct("head", spec.head, spec.head_options)), identified.arrived.located.folder),
        cast(Runtime, cast(Any, resolve("runtime", runtime))()),
        RuntimeOptions(precision, config.device, config.batch, cache=cache_folder()),
        exact=config.exact,
        crop=None if crop is None else (crop[0], crop[1], crop[2], crop[3]),
        crop_px=limits.crop_px if limits is not None else False,
        only=_only(config.classes, spec),
    )


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


def build_lane(
    config: PipelineConfig, stream: StreamConfig, item: StreamInput, spec: ModelSpec, *, keep_pictures: bool = False
) -> Lane:
    """One stream's own chain, not started."""
    tracker = _tracker(config, spec.thresholds.score)
    parts = stream.analytics or config.analytics
    overlay = config.overlay
    own = [_own_sink(part, item) for part in config.sinks if part.kind in _OWN]
    return Lane(
        _source(config, stream, item),
        thresholds=spec.thresholds,
        names=spec.labels,
        tracker=tracker,
        analytics=tuple(cast(Analytic, construct("analytic", p.kind, p.options)) for p in parts),
        overlay=cast(Overlay, construct("overlay", overlay.kind, overlay.options)) if overlay is not None else None,
        own_sinks=tuple(own),
        maps=MapFolder(config.maps) if config.maps is not None else None,
        interval=config.limits.interval,
        read_ahead=3 if len(config.streams) == 1 else 2,
        keep_pictures=keep_pictures,
    )


def _source(config: PipelineConfig, stream: StreamConfig, item: StreamInput) -> Source:
    limits = config.limits
    if item.kind == "synthetic":
        return _scene(item, limits)
    return build_source(
        item,
        stream=stream.stream,
        connect_timeout_s=limits.connect_timeout_s,
        rtsp_transport=stream.rtsp_transport,
        duration_s=limits.duration_s,
        max_frames=limits.frames,
        loop=limits.loop,
    )


def _scene(item: StreamInput, limits: LimitsConfig) -> Source:
    """A made-up scene, shortened to the run's limits."""
    scene = cast(Any, resolve("source", "synthetic")).from_url(item.url, item.id)
    bounds = [scene.seconds] if scene.seconds else []
    bounds += [limits.duration_s] if limits.duration_s else []
    bounds += [limits.frames / float(scene.rate)] if limits.frames else []
    return cast(Source, replace(scene, seconds=min(bounds)) if bounds else scene)


def _tracker(config: PipelineConfig, score: float) -> Tracker | None:
    """A tracker of its own; what it left open follows the model's threshold `score`."""
    if config.tracker is None:
        return None
    tracker = construct("tracker", config.tracker.kind, config.tracker.options)
    if hasattr(tracker, "for_model"):
        tracker = tracker.for_model(score)
    return cast(Tracker, tracker)


def _own_sink(part: PartConfig, item: StreamInput) -> Sink:
    """A sink of one stream alone: a video for videos, pictures for pictures."""
    kind = "pictures" if item.kind == "stills" else part.kind
    path = stream_path(str(part.options.get("path", "")), item)
    options = part.options if kind == part.kind else {}
    return cast(Sink, construct("sink", kind, {**options, "path": path}))


def _check_maps(folder: str | None, spec: ModelSpec) -> None:
    if folder is not None and spec.task != "semantic":
        raise UsageError(
            f"--maps {folder}: model {spec.name!r} makes no class maps (its task is {spec.task}); leave --maps out"
        )


def _check_sinks(sinks: Sequence[PartConfig], streams: int) -> None:
    for part in sinks:
        path = str(part.options.get("path", ""))
        folder = path.endswith("/") or Path(path).is_dir() or not Path(path).suffix or "{stream}" in path
        if part.kind in _OWN and streams > 1 and not folder:
            raise UsageError(
                f"{streams} streams cannot share the {part.kind} file {path}; name a folder: {Path(path).stem}/"
            )
