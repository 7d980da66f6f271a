"""PipelineConfig -> Pipeline: the only place where names become objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from sightline.config import LimitsConfig, PartConfig, PipelineConfig, StreamConfig
from sightline.errors import UsageError
from sightline.outputs import stream_path, streams_of, wants
from sightline.parsers.make import make_logic
from sightline.parts import construct
from sightline.pipeline.build_models import (
    build_identified,
    build_model,
    build_stages,
    by_name,
    cache_folder,
    code_of,
    tracker_of,
    viewing_of,
)
from sightline.pipeline.lane import Lane
from sightline.pipeline.run import Pipeline
from sightline.plugins import resolve
from sightline.protocols import Analytic, Overlay, Sink, Source
from sightline.sinks.maps import MapFolder
from sightline.sources.dewarp import Dewarp
from sightline.sources.dewarped import dewarped
from sightline.sources.inputs import StreamInput, build_source
from sightline.types import ModelSpec

__all__ = ["build", "build_identified", "build_lane", "build_model", "cache_folder"]


def build(config: PipelineConfig, *, keep_pictures: bool = False) -> Pipeline:
    """The whole deployment, ready to run. Opens no camera and no network; reads the model file.

    keep_pictures: results hold their frame's picture. Raises UsageError, ModelError, UndecidedError, InputError.
    """
    model, identified = build_model(config.model, config)
    stages, warnings = build_stages(config, model)
    inputs = streams_of(config.streams)
    _check_sinks(config.sinks, [item for _, item in inputs])
    _check_maps(config.maps, model.spec)
    shared = [cast(Sink, construct("sink", p.kind, p.options)) for p in config.sinks if p.kind not in _OWN]
    limits = config.limits
    pipeline = Pipeline(
        model, stages=stages, viewing=viewing_of(config.model, model.spec), shared_sinks=shared,
        logic=None if config.logic is None else make_logic(code_of(config.logic), trust=config.logic.trust),
        stop_on_loss=limits.stop_on_loss,
    )  # fmt: skip
    pipeline.settle_s = limits.connect_timeout_s + 5
    pipeline.notes += [*identified.warnings, *warnings]
    for stream, item in inputs:
        pipeline.add(build_lane(config, stream, item, model.spec, keep_pictures=keep_pictures, shared=shared))
    return pipeline


_OWN = ("video", "pictures", "record")


def build_lane(
    config: PipelineConfig,
    stream: StreamConfig,
    item: StreamInput,
    spec: ModelSpec,
    *,
    keep_pictures: bool = False,
    shared: Sequence[Sink] = (),
) -> Lane:
    """One stream's own chain, not started. shared: sinks of all streams, some of which want pictures of each."""
    tracker = tracker_of(config, spec.thresholds.score)
    parts = stream.analytics or config.analytics
    overlay = config.overlay
    own = [_own_sink(part, item) for part in config.sinks if part.kind in _OWN and wants(part, item)]
    own += [cast(Sink, cast(Any, sink).of_stream(item.id)) for sink in shared if hasattr(sink, "of_stream")]
    return Lane(
        _source(config, stream, item),
        thresholds=spec.thresholds,
        names=spec.labels,
        tracker=tracker,
        analytics=tuple(cast(Analytic, construct("analytic", p.kind, _named(p, spec))) for p in parts),
        overlay=cast(Overlay, construct("overlay", overlay.kind, _named(overlay, spec))) if overlay else None,
        own_sinks=tuple(own),
        maps=MapFolder(config.maps) if config.maps is not None else None,
        interval=config.limits.interval,
        read_ahead=3 if len(config.streams) == 1 else 2,
        keep_pictures=keep_pictures,
    )


def _named(part: PartConfig, spec: ModelSpec) -> dict[str, object]:
    """The part's options, with classes that are called by number under the names that the model has for them."""
    options = dict(part.options)
    match options.get("classes"):
        case [*classes]:
            options["classes"] = by_name(map(str, classes), spec.labels)
    match options.get("colors"):
        case {**colors}:
            labels = [str(label) for label in colors]
            options["colors"] = dict(zip(by_name(labels, spec.labels), colors.values(), strict=True)) | colors
    return options


def _source(config: PipelineConfig, stream: StreamConfig, item: StreamInput) -> Source:
    limits = config.limits
    if item.kind == "synthetic":
        source = _scene(item, limits)
    else:
        source = build_source(
            item,
            stream=stream.stream,
            connect_timeout_s=limits.connect_timeout_s,
            rtsp_transport=stream.rtsp_transport,
            duration_s=limits.duration_s,
            max_frames=limits.frames,
            loop=limits.loop,
            camera_wh=stream.camera_wh,
            camera_fps=stream.camera_fps,
        )
    if stream.dewarp is None:
        return source
    return dewarped(source, cast(Dewarp, construct("dewarp", stream.dewarp.kind, stream.dewarp.options)))


def _scene(item: StreamInput, limits: LimitsConfig) -> Source:
    """A made-up scene, shortened to the run's limits."""
    scene = cast(Any, resolve("source", "synthetic")).from_url(item.url, item.id)
    bounds = [scene.seconds] if scene.seconds else []
    bounds += [limits.duration_s] if limits.duration_s else []
    bounds += [limits.frames / float(scene.rate)] if limits.frames else []
    return cast(Source, replace(scene, seconds=min(bounds)) if bounds else scene)


def _own_sink(part: PartConfig, item: StreamInput) -> Sink:
    """A sink of one stream alone: a video for videos, pictures for pictures."""
    kind = "pictures" if item.kind == "stills" and part.kind == "video" else part.kind
    path = stream_path(str(part.options.get("path", "")), item)
    options = part.options if kind == part.kind else {}
    return cast(Sink, construct("sink", kind, {**options, "path": path}))


def _check_maps(folder: str | None, spec: ModelSpec) -> None:
    if folder is not None and spec.task != "semantic":
        raise UsageError(
            f"--maps {folder}: model {spec.name!r} makes no class maps (its task is {spec.task}); leave --maps out"
        )


def _check_sinks(sinks: Sequence[PartConfig], inputs: Sequence[StreamInput]) -> None:
    for part in sinks:
        path = str(part.options.get("path", ""))
        folder = path.endswith("/") or Path(path).is_dir() or not Path(path).suffix or "{stream}" in path
        streams = sum(wants(part, item) for item in inputs)
        if part.kind == "video" and not streams:
            there = ", ".join(item.id for item in inputs[:12])
            raise UsageError(f"video {path}: streams: none of these is a stream; there are: {there}")
        if part.kind in ("video", "pictures") and streams > 1 and not folder:
            raise UsageError(
                f"{streams} streams cannot share the {part.kind} file {path}; name a folder: {Path(path).stem}/"
            )
