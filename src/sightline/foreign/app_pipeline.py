"""A deepstream-app file, a TAO application's YAML or their kin -> a pipeline's configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from sightline.config import LimitsConfig, ModelConfig, PartConfig, PipelineConfig, StageConfig
from sightline.errors import ConfigError
from sightline.foreign.analytics_config import analytics_of
from sightline.foreign.app_branches import Branch, branches_of, included, of_branch, parted, sources_of
from sightline.foreign.app_groups import Group, groups_of
from sightline.foreign.app_inference import Models, models_of, read_inference
from sightline.foreign.app_outputs import read_drawing, read_outputs, read_tiles
from sightline.foreign.app_plan import AppPlan, Output
from sightline.foreign.app_sources import read_sources
from sightline.foreign.app_streams import Streams, streams_of
from sightline.foreign.least_score import least_score
from sightline.foreign.model_params import BODY_POSE, model_params_of
from sightline.foreign.msgconv import described_of
from sightline.foreign.nvmot import nearest_tracker, not_below
from sightline.foreign.places import Places
from sightline.foreign.preprocess_config import preprocess_of
from sightline.foreign.service_groups import groups_of_pipeline
from sightline.foreign.service_maker import is_pipeline
from sightline.foreign.values import fault, text
from sightline.foreign.written import Written, read_written

__all__ = ["Translated", "branches_in", "config_of", "plan_of", "plan_of_groups"]


@dataclass(frozen=True, slots=True)
class Translated:
    """notes: what a user should know: keys that ask for what is not there, files that are missing."""

    config: PipelineConfig
    notes: tuple[str, ...] = ()


def plan_of(written: Written, places: Places, branch: Branch | None = None) -> AppPlan:
    """What a file of deepstream-app, of its kin or of the service maker asks for. branch: only that part of it.

    Raises ConfigError or ModelError naming file, line and key of what cannot be done.
    """
    if is_pipeline(written):
        return plan_of_groups(groups_of_pipeline(written, places), written.path, places)
    silent = written.has("application")
    groups: Sequence[Group] = groups_of(written, silent=silent)
    if branch is not None:
        groups = of_branch(groups, branch)
    plan = plan_of_groups(tuple(included(groups, places)), written.path, places, drawn=not silent)
    plan.only = sources_of(groups)
    plan.branch = "" if branch is None else branch.name
    return plan


def branches_in(written: Written) -> tuple[Branch, ...]:
    """The parts of an application that runs several primary models; () where it is one whole."""
    return () if is_pipeline(written) else branches_of(groups_of(written, silent=written.has("application")))


def plan_of_groups(groups: Sequence[Group], file: Path, places: Places, *, drawn: bool = False) -> AppPlan:
    """drawn: the application draws whether or not there is an [osd]. Raises ConfigError, ModelError."""
    plan = AppPlan(file, places)
    read_sources(groups, plan, places)
    read_drawing(groups, plan, always=drawn)
    both = read_tiles(groups, plan)
    for group in groups:
        _read(group, plan, places)
    read_outputs(groups, plan, places, both=both)
    return plan


def _read(group: Group, plan: AppPlan, places: Places) -> None:
    """The groups that stand for one thing each."""
    if group.base == "primary-gie#":
        if plan.primary is not None:
            raise ConfigError(
                f"{group.where}: [{group.name}] is a second primary model beside {plan.primary.where}\n"
                "one primary model looks at all streams; run the other with a file of its own: -c FILE -c FILE"
            )
        plan.primary = read_inference(group, plan, places)
    elif group.base == "secondary-gie#":
        if (inference := read_inference(group, plan, places)) is not None:
            plan.secondaries.append(inference)
    elif group.base == "tracker#":
        _tracker(group, plan, places)
    elif group.base in ("nvds-analytics#", "analytics", "analytics-config"):
        plan.analytics += _file(group, plan, places, "config-file", "cfg-file-path", "config-file-path")
    elif group.base in ("pre-process", "secondary-pre-process#", "secondary-preprocess#"):
        plan.preprocess += _file(group, plan, places, "config-file", "config-file-path")
    elif group.base == "dewarper#":
        for path in _file(group, plan, places, "config-file"):
            plan.dewarp[group.whole("source-id", default=group.number)] = path
    elif group.base in ("model-config", "model-params"):
        plan.params += _params(group, plan, places)
    elif group.base == "tests":
        plan.loop = plan.loop or group.flag("file-loop")
    elif group.base == "streammux":
        width, height = group.whole("width"), group.whole("height")
        plan.muxed = (width, height) if width > 0 and height > 0 else None


def _file(group: Group, plan: AppPlan, places: Places, *keys: str) -> list[Path]:
    entry = group.get(*keys)
    if entry is None:
        plan.notes.append(f"{group.where}: [{group.name}] names no file; it does nothing")
        return []
    found = places.found(text(entry), group.file)
    if found is None:
        looked = places.path(text(entry), group.file)
        raise fault(entry, f"no such file: looked for {looked}\n--root DIR or --map OLD=NEW says where it is here")
    return [found]


def _params(group: Group, plan: AppPlan, places: Places) -> list[Path]:
    entry = group.get("config-file-path")
    found = None if entry is None else places.found(text(entry), group.file)
    if found is None and entry is not None:
        plan.notes.append(f"{entry.where}: {entry.value} is missing; the model's outputs are read as usual")
    return [] if found is None else [found]


def _tracker(group: Group, plan: AppPlan, places: Places) -> None:
    """The nearest tracker; one that compares what objects look like brings the model for that."""
    named = group.get("ll-config-file")
    written = None
    if named is not None:
        first, *others = text(named).split(";")
        if any(other.strip() for other in others):
            plan.notes.append(f"{named.where}: {named.key} names several files; {first} is for every stream")
        found = places.found(first, group.file)
        if found is None:
            looked = places.path(first, group.file)
            plan.notes.append(f"{named.where}: ll-config-file {looked} is missing; the tracker's own options are used")
        else:
            written = read_written(found)
    made = nearest_tracker(group.text("ll-lib-file"), written)
    plan.notes += made.notes
    plan.tracker = made.tracker
    if made.appearance is None or written is None:
        return
    model = places.found(made.appearance.model, written.path)
    if model is None:
        plan.notes.append(
            f"{made.appearance.where}: {made.appearance.model} is missing; objects are told by place alone"
        )
        plan.tracker = made.alone
        return
    plan.appearance = StageConfig.model_validate({**made.appearance.settings, "path": str(model)})


# -- the plan -> configuration -----------------------------------------------------------------------------------------


def config_of(plan: AppPlan) -> Translated:
    """Raises ConfigError where something in the plan cannot be."""
    if not plan.cameras:
        raise ConfigError(f"{plan.file}: no input is switched on; name one: -i VIDEO")
    models = models_of(plan)
    streams = streams_of(plan)
    analytics = _analytics(plan, models, streams)
    primary, then = _preprocessed(plan, models, streams)
    primary = _with_params(primary, plan)
    try:
        config = PipelineConfig(
            streams=tuple(s.model_copy(update={"analytics": analytics.get(s.id, ())}) for s in streams.all),
            model=primary,
            then=then if plan.appearance is None else (*then, plan.appearance),
            tracker=_behind_its_model(plan),
            overlay=_overlay(plan, models),
            sinks=tuple(_sinks(plan, streams)),
            limits=_limits(plan, models),
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise ConfigError(f"{plan.file}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    if plan.only is not None or plan.branch:
        config = parted(config, _looked_at(plan, streams), plan.branch)
    return Translated(config, tuple(dict.fromkeys(plan.notes)))


def _looked_at(plan: AppPlan, streams: Streams) -> set[str]:
    """The streams of the inputs that the primary model looks at. Raises ConfigError where there is none."""
    if plan.only is None:
        return {stream.id for stream in streams.all}
    found = {id for number in plan.only if 0 <= number < len(streams.of) for id in streams.of[number]}
    if not found:
        asked = ", ".join(map(str, plan.only))
        raise ConfigError(f"{plan.file}: src-ids {asked}: there are {len(streams.of)} inputs, from 0 on")
    return found


def _behind_its_model(plan: AppPlan) -> PartConfig | None:
    """The tracker, which never hears of what the model drops."""
    if plan.tracker is None or plan.primary is None:
        return plan.tracker
    return not_below(plan.tracker, least_score(read_written(plan.primary.file)))


def _with_params(primary: ModelConfig, plan: AppPlan) -> ModelConfig:
    """The primary model, whose outputs are read as the application's own parameters say."""
    for path in plan.params:
        made = model_params_of(read_written(path))
        if not made.head_options:
            plan.notes.append(f"{path}: no parameters that a head here has")
            continue
        said = {"head": BODY_POSE, "head_options": dict(made.head_options)}
        primary = primary.model_copy(update=said if made.score is None else said | {"score": made.score})
    return primary


def _analytics(plan: AppPlan, models: Models, streams: Streams) -> dict[str, tuple[PartConfig, ...]]:
    """Stream id -> what is counted there: what is said of an input holds for all its streams."""
    found: dict[int, tuple[PartConfig, ...]] = {}
    for path in plan.analytics:
        made = analytics_of(read_written(path), models.labels, plan.muxed)
        plan.notes += made.notes
        for number in range(len(plan.cameras)):
            found[number] = (*found.get(number, ()), *made.everywhere)
        for number, parts in made.streams.items():
            if number >= len(plan.cameras):
                plan.notes.append(f"{path}: rules for stream {number}; there are {len(plan.cameras)}, from 0 on")
            found[number] = (*found.get(number, ()), *parts)
    return {id: found.get(number, ()) for number, ids in enumerate(streams.of) for id in ids}


def _preprocessed(plan: AppPlan, models: Models, streams: Streams) -> tuple[ModelConfig, tuple[StageConfig, ...]]:
    """The models, with what preprocessing files say of them."""
    primary, then = models.primary, list(models.then)
    for path in plan.preprocess:
        made = preprocess_of(read_written(path), streams.names, models.labels, plan.muxed)
        plan.notes += made.notes
        wanted = {models.ids.get(number, "") for number in made.targets}
        if not made.enabled:
            continue
        said = {key: streams.of_inputs(value) if key == "regions" else value for key, value in made.model.items()}
        if primary.name in wanted or not made.targets:
            primary = primary.model_copy(update=said)
        then = [stage.model_copy(update={**said, **made.stage}) if stage.name in wanted else stage for stage in then]
        if made.targets and not wanted & {primary.name, *(stage.name for stage in then)}:
            numbers = ", ".join(map(str, made.targets))
            plan.notes.append(f"{path}: target-unique-ids {numbers}: no model has that id; it prepares nothing")
    return primary, tuple(then)


def _overlay(plan: AppPlan, models: Models) -> PartConfig | None:
    if plan.overlay is None:
        return None
    named = {"colors": dict(models.colours), "fills": dict(models.fills)}
    return PartConfig.model_validate({**plan.overlay, **{key: value for key, value in named.items() if value}})


def _limits(plan: AppPlan, models: Models) -> LimitsConfig:
    """Frames that a source drops are frames that are not looked at: the same ones, as far as the streams agree."""
    drops = {max(1, camera.drop) for camera in plan.cameras}
    if len(drops) > 1:
        plan.notes.append(f"{plan.file}: drop-frame-interval differs between sources; the smallest is taken for all")
    return LimitsConfig(loop=plan.loop, interval=(models.interval + 1) * min(drops) - 1)


def _sinks(plan: AppPlan, streams: Streams) -> list[PartConfig]:
    sinks = [_part(output, plan, streams) for output in _shown(plan, len(streams.of))]
    sinks += [{"kind": "jsonl", "path": path} for path in plan.results]
    sinks += _recordings(plan, streams)
    if sum(sink["kind"] == "show" for sink in sinks) > 1:  # two windows are one page
        first = next(sink for sink in sinks if sink["kind"] == "show")
        sinks = [sink for sink in sinks if sink["kind"] != "show" or sink is first]
    return [PartConfig.model_validate(sink) for sink in sinks]


def _shown(plan: AppPlan, streams: int) -> list[Output]:
    """The outputs of streams that are there."""
    gone = [output for output in plan.outputs if output.stream is not None and output.stream >= streams]
    for output in gone:
        plan.notes.append(f"{plan.file}: {output.path}: source-id {output.stream}: there are {streams}, from 0 on")
    return [output for output in plan.outputs if output not in gone]


def _recordings(plan: AppPlan, streams: Streams) -> list[dict[str, object]]:
    """A sink for each way in which streams are recorded."""
    found: list[dict[str, object]] = []
    named: list[list[str]] = []
    for camera, ids in zip(plan.cameras, streams.of, strict=True):
        if camera.record is None:
            continue
        if camera.record not in found:
            found.append(dict(camera.record))
            named.append([])
            plan.notes.append(f"{camera.where}: smart-record: a rule of yours begins a recording: run --logic rules.py")
        named[found.index(dict(camera.record))] += ids
    return [
        {"kind": "record", **options, **({} if len(ids) == len(streams.all) else {"streams": ids})}
        for options, ids in zip(found, named, strict=True)
    ]


def _part(output: Output, plan: AppPlan, streams: Streams) -> dict[str, object]:
    if output.kind == "show":
        return {"kind": "show", "pace": output.pace}
    if output.messages is not None:
        return {"kind": "jsonl", "path": output.path, "payload": _payload(output, plan, streams)}
    said = {"preset": output.preset, "bitrate": output.bitrate, "gop": output.gop}
    encoded: dict[str, object] = {"codec": output.codec, **{key: value for key, value in said.items() if value}}
    if output.tiled and plan.tiles is not None:
        tiles = plan.tiles
        size = {"rows": tiles.rows, "columns": tiles.columns, "width": tiles.width, "height": tiles.height}
        return {"kind": "mosaic", "path": output.path, **size, **encoded}
    one = output.stream is not None and len(streams.of) > 1
    only = {"streams": list(streams.of[output.stream])} if output.stream is not None and one else {}
    return {"kind": "video", "path": _own_path(output, streams), **encoded, **only}


def _own_path(output: Output, streams: Streams) -> str:
    """Of several streams each has a file of its own."""
    shown = streams.all if output.stream is None else streams.of[output.stream]
    if len(shown) == 1:
        return output.path
    path = Path(output.path)
    return str(path.with_name(f"{path.stem}-{{stream}}{path.suffix}"))


def _payload(output: Output, plan: AppPlan, streams: Streams) -> dict[str, object]:
    messages = output.messages
    if messages is None:
        return {}
    made: dict[str, object] = {"kind": messages.payload, "api": messages.api}
    if messages.every > 1:
        made["every"] = messages.every
    if plan.muxed is not None and messages.muxed:
        made["size_wh"] = plan.muxed
    if messages.config is not None:
        described = described_of(read_written(messages.config)).options()
        known = {key: streams.every(records) for key, records in described.items()}
        made |= {key: value for key, value in known.items() if key == "sensors" or messages.payload == "deepstream"}
    return made
