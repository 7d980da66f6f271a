"""`sightline check pipeline.yaml`: names, options, files and models judged; no camera, no network."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from sightline.config import ModelConfig, PipelineConfig, StageConfig
from sightline.config_text import Key, load_config, place_of
from sightline.errors import SightlineError, UsageError
from sightline.foreign.mapping import Mapping
from sightline.models.identify import Identified, identify, require
from sightline.outputs import check_outputs
from sightline.parsers.make import make_logic
from sightline.parts import construct
from sightline.pipeline.build_models import build_model, build_stages, code_of, required, viewing_of
from sightline.plugins import resolve
from sightline.sources.inputs import StreamInput, expand
from sightline.sources.opening import device_path

__all__ = ["Verdict", "command", "judge_pipeline"]

_T = TypeVar("_T")


@dataclass(slots=True)
class Verdict:
    """What was found: faults (each one or two lines), warnings, and what was recognised."""

    faults: list[str] = field(default_factory=list[str])
    warnings: list[str] = field(default_factory=list[str])
    streams: list[StreamInput] = field(default_factory=list[StreamInput])
    models: list[Identified] = field(default_factory=list[Identified])


def command(
    file: Annotated[str | None, typer.Argument(help="a pipeline file (.yaml or .json), or a device twin")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="the verdict as JSON on standard output")] = False,
    schema: Annotated[bool, typer.Option("--schema", help="print the JSON Schema of pipeline files")] = False,
    mapped: Annotated[
        list[str] | None, typer.Option("--map", help="OLD=NEW: what a twin names, and where it is here (repeatable)")
    ] = None,
    root: Annotated[str, typer.Option(help="the folder that stands for /opt/nvidia/deepstream/deepstream")] = "",
) -> int:
    """Names, options, files and models of a pipeline file, without touching a camera or the network."""
    if schema:
        from sightline.config_schema import pipeline_schema

        print(json.dumps(pipeline_schema(), indent=2))
        return 0
    if file is None:
        raise UsageError("check: name a pipeline file, or --schema")
    try:
        verdict = _judged(file, mapped or (), root)
    except SightlineError as error:
        verdict = Verdict(faults=[str(error)])
    if as_json:
        print(json.dumps(_as_json(verdict), indent=2))
    for fault in verdict.faults:
        first, *rest = fault.splitlines()
        print(f"sightline: error: {first}", *(f"  {line.strip()}" for line in rest[:1]), sep="\n", file=sys.stderr)
    if not as_json:
        for warning in verdict.warnings:
            print(f"warning: {warning}")
        if not verdict.faults:
            names = ", ".join(f"{found.spec.name} ({found.spec.head})" for found in verdict.models)
            print(f"{file}: fine; {len(verdict.streams)} streams, {names}")
    return 2 if verdict.faults else 0


def _judged(file: str, mapped: Sequence[str], root: str) -> Verdict:
    from sightline.cli.run_twin import is_twin_file

    if not is_twin_file(file):
        return judge_pipeline(load_config(file), file)
    from sightline.cli.twin_files import check_twin

    return check_twin(Path(file), Mapping.parsed(mapped, root))


def judge_pipeline(config: PipelineConfig, file: str) -> Verdict:
    """Everything that can be judged without opening a camera or the network; faults name file and line."""
    verdict = Verdict()

    def tried(act: Callable[[], _T], *key: str | int) -> _T | None:
        try:
            return act()
        except SightlineError as error:
            verdict.faults.append(f"{_where(file, key)}: {error}")
            return None

    for i, stream in enumerate(config.streams):
        if device_path(stream.url) is not None:
            continue
        for item in tried(lambda url=stream.url: expand([url]), "streams", i, "url") or ():
            verdict.streams.append(replace(item, id=stream.id or item.id))
        if stream.dewarp is not None:
            tried(lambda p=stream.dewarp: construct("dewarp", p.kind, p.options), "streams", i, "dewarp")
        for j, part in enumerate(stream.analytics):
            tried(lambda p=part: construct("analytic", p.kind, p.options), "streams", i, "analytics", j)
    for i, part in enumerate(config.analytics):
        tried(lambda p=part: construct("analytic", p.kind, p.options), "analytics", i)
    if config.tracker is not None:
        tracker = config.tracker
        tried(lambda: construct("tracker", tracker.kind, tracker.options), "tracker")
    models: list[tuple[ModelConfig, Key]] = [(config.model, ("model",))]
    models += [(model, ("then", i)) for i, model in enumerate(config.then)]
    for model, key in models:
        if found := tried(lambda m=model: _model(m), *key, "path"):
            verdict.models.append(found)
            verdict.warnings += [*found.warnings, *(f"{found.weights.name}: {doubt}" for doubt in found.doubts)]
    if not verdict.faults:
        tried(lambda: _stages(config), "then" if config.then else "model")
    tried(lambda: check_outputs(config, verdict.streams), "sinks")
    return verdict


def _stages(config: PipelineConfig) -> None:
    """Whether the models fit together; nothing is compiled."""
    primary, _ = build_model(config.model, config)
    viewing_of(config.model, primary.spec)
    build_stages(config, primary)
    if config.logic is not None:
        make_logic(code_of(config.logic))


def _model(config: ModelConfig) -> Identified:
    if config.runtime != "auto":
        resolve("runtime", config.runtime)
    found = identify(config)
    if isinstance(config, StageConfig):
        required(found, config)
    else:
        require(found)
    return found


def _where(file: str, key: Key) -> str:
    return place_of(Path(file), key)


def _as_json(verdict: Verdict) -> dict[str, object]:
    return {
        "ok": not verdict.faults,
        "faults": verdict.faults,
        "warnings": verdict.warnings,
        "streams": [{"id": item.id, "kind": item.kind, "live": item.live} for item in verdict.streams],
        "models": [
            {"name": found.spec.name, "head": found.spec.head, "file": str(found.weights)} for found in verdict.models
        ],
    }
