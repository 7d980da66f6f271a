"""Files of DeepStream's applications, and what the command line says beside them -> what is to run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sightline.config import CodeConfig, LimitsConfig, PartConfig, PipelineConfig
from sightline.deployment import Deployment
from sightline.errors import ConfigError, ModelError, SightlineError, UsageError
from sightline.foreign.app_branches import Branch
from sightline.foreign.app_pipeline import Translated, branches_in, config_of, plan_of
from sightline.foreign.app_plan import Camera
from sightline.foreign.explaining import explain
from sightline.foreign.fates import told
from sightline.foreign.inference_stage import inference_stage
from sightline.foreign.kinds import KINDS, kind_of
from sightline.foreign.places import Places
from sightline.foreign.written import read_written

__all__ = ["Asked", "FileKind", "adapted", "application", "applications", "interval_of", "kind_of_file"]

FileKind = Literal["application", "model", "twin", "side", ""]

_APPLICATIONS = ("deepstream-app", "tao-app", "service-maker")
_MODELS = ("nvinfer", "nvinferserver")
_SUFFIXES = (".txt", ".yml", ".yaml", ".json", ".prototxt", ".pbtxt", ".cfg", ".ini", ".conf", "")


@dataclass(frozen=True, slots=True)
class Asked:
    """What flags say instead of the file. inputs: replace its own. batch: 0 leaves it. display: show the run in the
    browser; nothing: write and show nothing; loop: begin files anew. limits: fields of LimitsConfig. results: also
    write JSON lines there. logic: rules on results.
    """

    inputs: tuple[str, ...] = ()
    batch: int = 0
    display: bool = False
    nothing: bool = False
    loop: bool = False
    duration_s: float | None = None
    frames: int | None = None
    results: str = ""
    logic: CodeConfig | None = None


def kind_of_file(path: Path) -> FileKind:
    """What the command line may do with a file: an application and a twin run as they are, a model wants inputs, a
    side file belongs to another one; "" for what is no configuration from elsewhere. Never raises.
    """
    try:
        if path.suffix.lower() not in _SUFFIXES or not path.is_file():
            return ""
        written = read_written(path)
    except (ModelError, OSError, ValueError):
        return ""
    if any(e.key in ("streams", "model") or e.key.startswith("streams.") for e in written.entries if not e.group):
        return ""  # a pipeline file of our own
    kind = kind_of(written)
    name = next((name for name, known in KINDS.items() if known is kind), "")
    if name in _APPLICATIONS:
        return "application"
    if name in _MODELS:
        return "model"
    return "twin" if name == "twin" else "side" if name else ""


def interval_of(path: Path) -> int:
    """Frames that an nvinfer or nvinferserver file asks to be passed over between two; 0 of any other file.

    Raises ConfigError where it is no number.
    """
    return inference_stage(path).interval if kind_of_file(path) == "model" else 0


def application(path: Path, places: Places, asked: Asked | None = None, branch: Branch | None = None) -> Translated:
    """One file, or that part of it -> its pipeline.

    Raises ConfigError or ModelError naming file, line and key of what cannot be done.
    """
    asked = asked or Asked()
    try:
        plan = plan_of(read_written(path), places, branch)
        if asked.inputs:
            plan.cameras = [Camera(url, "-i") for url in asked.inputs]
        made = config_of(plan)
    except (ConfigError, ModelError) as error:
        if others := _others(error, path, places):
            first, *rest = str(error).splitlines()
            raise type(error)("\n".join([f"{first}; missing as well: {', '.join(others)}", *rest])) from error
        raise
    return Translated(adapted(made.config, asked), (*_wrong_keys(path, places), *made.notes))


def _others(error: ConfigError | ModelError, path: Path, places: Places) -> list[str]:
    """Where a file is missing, the others that are missing too: they are brought, or mapped, in one go."""
    first = str(error).splitlines()[0]
    if "no such file" not in first:
        return []
    others = [item for item in explain(path, places).missing if Path(item.path).name not in first]
    return [f"{item.path} ({item.file}:{item.line})" for item in others]


def _wrong_keys(path: Path, places: Places) -> tuple[str, ...]:
    """Keys that nobody knows, or that are said again; those of models are told when the model is read."""
    found = explain(path, places)
    models = {file.path for file in found.files if file.kind in (KINDS[name].called for name in _MODELS)}
    return told(key for key in found.keys if key.file not in models)


def adapted(config: PipelineConfig, asked: Asked) -> PipelineConfig:
    """`config` with what the flags say instead."""
    sinks = () if asked.nothing or asked.display else config.sinks
    if asked.display:
        sinks = (PartConfig.model_validate({"kind": "show", "pace": True}),)
    if asked.results:
        sinks = (*sinks, PartConfig.model_validate({"kind": "jsonl", "path": asked.results}))
    limits = config.limits.model_copy(
        update={
            "loop": config.limits.loop or asked.loop,
            "duration_s": asked.duration_s or config.limits.duration_s,
            "frames": asked.frames or config.limits.frames,
        }
    )
    model = config.model.model_copy(update={"batch": asked.batch}) if asked.batch else config.model
    overlay = config.overlay
    if overlay is None and asked.display:
        overlay = PartConfig(kind="boxes")
    logic = asked.logic or config.logic
    changed = {
        "logic": logic,
        "sinks": sinks,
        "limits": LimitsConfig.model_validate(limits.model_dump()),
        "model": model,
    }
    return config.model_copy(update={**changed, "overlay": overlay})


def applications(paths: Sequence[Path], places: Places, asked: Asked) -> Deployment:
    """Each file a pipeline of its own; one that cannot run does not stop the others.

    Raises what is wrong with it where there is only one.
    """
    if len(paths) == 1 and (branches := branches_in(read_written(paths[0]))):
        return _branched(paths[0], branches, places, asked)
    if len(paths) == 1:
        made = application(paths[0], places, asked)
        return Deployment({paths[0].stem: made.config}, notes=made.notes)
    pipelines: dict[str, PipelineConfig] = {}
    faults: dict[str, str] = {}
    notes: list[str] = []
    for path in paths:
        name, number = path.stem, 1
        while name in pipelines or name in faults:
            number += 1
            name = f"{path.stem}#{number}"
        try:
            made = application(path, places, asked)
        except SightlineError as error:
            faults[name] = str(error)
            continue
        pipelines[name] = made.config
        notes += made.notes
    if asked.inputs and len(paths) > 1 and asked.results:
        raise UsageError("--results beside several files: they would all write it; leave it out")
    return Deployment(pipelines, faults, tuple(dict.fromkeys(notes)))


def _branched(path: Path, branches: Sequence[Branch], places: Places, asked: Asked) -> Deployment:
    """An application with several primary models: each a pipeline of its own, over the inputs that it looks at."""
    pipelines: dict[str, PipelineConfig] = {}
    faults: dict[str, str] = {}
    notes: list[str] = []
    for branch in branches:
        name = f"{path.stem}-{branch.name}"
        try:
            made = application(path, places, asked, branch)
        except SightlineError as error:
            faults[name] = str(error)
            continue
        pipelines[name] = made.config
        notes += made.notes
    if asked.results:
        raise UsageError(f"--results: {len(branches)} primary models of {path} would all write it; leave it out")
    return Deployment(pipelines, faults, tuple(dict.fromkeys(notes)))
