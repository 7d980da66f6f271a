"""[primary-gie] and [secondary-gieN], with the files that they name -> ModelConfig and StageConfigs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sightline.config import ModelConfig, RememberConfig, StageConfig
from sightline.errors import ConfigError
from sightline.foreign.app_groups import Group
from sightline.foreign.app_plan import AppPlan, Inference
from sightline.foreign.inference_stage import InferenceStage, inference_stage, labels_of
from sightline.foreign.keyfile import Entry
from sightline.foreign.places import Places
from sightline.foreign.values import fault, numbers, text, whole, wholes
from sightline.foreign.written import read_written

__all__ = ["Models", "colour", "models_of", "read_inference", "veil"]

_BORDER, _INSIDE = "bbox-border-color", "bbox-bg-color"


@dataclass(frozen=True, slots=True)
class Models:
    """primary, and the stages behind it. labels: of the primary's classes, () where no file of them was found.

    interval: frames that the primary passes over. ids: gie id -> the name of its stage. colours: label -> "#rrggbb".
    fills: label -> "#rrggbbaa", what its boxes are filled with.
    """

    primary: ModelConfig
    then: tuple[StageConfig, ...]
    labels: tuple[str, ...]
    interval: int
    ids: Mapping[int, str]
    colours: Mapping[str, str]
    fills: Mapping[str, str] = field(default_factory=dict[str, str])


def read_inference(group: Group, plan: AppPlan, places: Places) -> Inference | None:
    """What one group says of its model; None where it names none that can be read here.

    Raises ConfigError naming file, line and key.
    """
    named = group.get("config-file", "config-file-path")
    if named is None:
        raise ConfigError(f"{group.where}: [{group.name}] names no model: write config-file=...")
    file = places.found(text(named), group.file)
    if file is None:
        looked = places.path(text(named), group.file)
        raise fault(named, f"no such file: looked for {looked}\n--root DIR or --map OLD=NEW says where it is here")
    classes = group.get("operate-on-class-ids")
    interval = group.get("interval")
    labels = group.get("labelfile-path")
    id, parent = group.get("gie-unique-id", "unique-id"), group.get("operate-on-gie-id")
    return Inference(
        file=file,
        where=named.where,
        id=None if id is None else whole(id),
        parent=None if parent is None or whole(parent) < 0 else whole(parent),
        classes=None if classes is None else tuple(n for n in wholes(classes) if n >= 0),
        interval=None if interval is None else max(0, whole(interval)),
        labels=None if labels is None else _labels(labels, group, plan, places),
        colours=dict(_colours(group, _BORDER, colour)),
        fills=dict(_colours(group, _INSIDE, veil)),
        secondary=group.base == "secondary-gie#",
    )


def _labels(named: Entry, group: Group, plan: AppPlan, places: Places) -> Path | None:
    found = places.found(text(named), group.file)
    if found is None:
        plan.notes.append(f"{named.where}: {named.key} names {named.value}, which is missing")
    return found


def _colours(group: Group, stem: str, read: Callable[[Entry], str]) -> Iterator[tuple[str, str]]:
    """("" for all classes, or the number of one) and its colour."""
    for key, entry in group.said.items():
        number = key.removeprefix(stem)
        if key.startswith(stem) and (not number or number.isdigit()) and entry.value:
            yield number, read(entry)


def colour(entry: Entry) -> str:
    """r;g;b;a of 0 to 1 -> "#rrggbb". Raises ConfigError."""
    return veil(entry)[:7]


def veil(entry: Entry) -> str:
    """r;g;b;a of 0 to 1 -> "#rrggbb", "#rrggbbaa" where it is not opaque. Raises ConfigError."""
    parts = numbers(entry)
    if len(parts) not in (3, 4) or not all(0 <= part <= 1 for part in parts):
        raise fault(entry, "a colour is red;green;blue;alpha, each 0 to 1")
    return "#" + "".join(f"{round(part * 255):02x}" for part in (parts[:3] if parts[-1] == 1 else parts))


# -- the plan's models -> configuration --------------------------------------------------------------------------------


def models_of(plan: AppPlan) -> Models:
    """Raises ConfigError where two models have one id, or one looks at the objects of another that is not there."""
    if plan.primary is None:
        for one in plan.secondaries:
            plan.notes.append(
                f"{one.where}: looks at objects, and no primary model is on that finds any; it is left out"
            )
        return Models(ModelConfig(path="builtin:nothing"), (), (), 0, {}, {})
    said = {one.where: _said(one, plan.places) for one in (plan.primary, *plan.secondaries)}
    ids = _ids(plan, said)
    order = _ordered(plan, said, ids)
    names = {number: f"gie{number}" for number in ids.values()}
    by_id = {ids[one.where]: said[one.where] for one in (plan.primary, *plan.secondaries)}
    primary, first = plan.primary, said[plan.primary.where]
    colours: dict[str, str] = {}
    fills: dict[str, str] = {}
    for one in (primary, *plan.secondaries):
        colours |= _by_label(one.colours, said[one.where])
        fills |= _by_label(one.fills, said[one.where])
    return Models(
        primary=ModelConfig(
            path=str(primary.file),
            files=dict(first.files),
            name=names[ids[primary.where]],
            labels=None if primary.labels is None else str(primary.labels),
            batch=primary.batch,
            bounds_wh=_bounds_wh(primary, plan),
        ),
        then=tuple(_stage(one, said[one.where], ids, by_id, names, plan) for one in order),
        labels=first.labels,
        interval=first.interval if primary.interval is None else primary.interval,
        ids=names,
        colours=colours,
        fills=fills,
    )


def _said(one: Inference, places: Places) -> InferenceStage:
    """What the model's own file says, with the labels that the application names instead."""
    stage = inference_stage(one.file, places)
    if one.labels is None:
        return stage
    lines = one.labels.read_text("utf-8", "replace").splitlines()
    if len(lines) == 1 and ";" in lines[0]:
        lines = lines[0].split(";")
    return replace(stage, labels=tuple(line.strip() for line in lines if line.strip()))


def _ids(plan: AppPlan, said: Mapping[str, InferenceStage]) -> dict[str, int]:
    """where -> id: as the group says, else as the model's own file does, else the next that is free."""
    ids: dict[str, int] = {}
    for one in (plan.primary, *plan.secondaries):
        if one is None:
            continue
        number = one.id if one.id is not None else said[one.where].id
        if number is None:
            number = next(n for n in range(1, 10_000) if n not in ids.values())
            if one.secondary:
                plan.notes.append(f"{one.where}: says no gie-unique-id; it is called {number}")
        taken = next((where for where, other in ids.items() if other == number), "")
        if taken:
            raise ConfigError(
                f"{one.where}: gie-unique-id {number} is that of {taken} as well\n"
                "each model needs a number of its own; the others name it by that"
            )
        ids[one.where] = number
    return ids


def _parent(one: Inference, stage: InferenceStage, plan: AppPlan, ids: Mapping[str, int]) -> int:
    """The id of the model whose objects it looks at."""
    parent = one.parent if one.parent is not None else stage.parent
    first = ids[plan.primary.where] if plan.primary is not None else 0
    if parent is None:
        return first
    if parent not in ids.values():
        there = ", ".join(str(n) for n in sorted(ids.values()))
        raise ConfigError(f"{one.where}: operate-on-gie-id {parent}: no model has that id; there are: {there}")
    return parent


def _ordered(plan: AppPlan, said: Mapping[str, InferenceStage], ids: Mapping[str, int]) -> Sequence[Inference]:
    """The secondaries in the order of the file; raises where one looks at its own objects, or round in a circle."""
    above = {ids[one.where]: _parent(one, said[one.where], plan, ids) for one in plan.secondaries}
    for one in plan.secondaries:
        seen = [ids[one.where]]
        while (up := above.get(seen[-1])) is not None and up not in seen:
            seen.append(up)
        if up is not None:
            circle = " -> ".join(str(n) for n in [*seen, up])
            raise ConfigError(f"{one.where}: operate-on-gie-id goes round in a circle: {circle}")
    return plan.secondaries


def _stage(
    one: Inference,
    stage: InferenceStage,
    ids: Mapping[str, int],
    by_id: Mapping[int, InferenceStage],
    names: Mapping[int, str],
    plan: AppPlan,
) -> StageConfig:
    parent = _parent(one, stage, plan, ids)
    classes = stage.classes if one.classes is None else one.classes
    first = plan.primary is not None and parent == ids[plan.primary.where]
    fields: dict[str, object] = {
        "path": str(one.file),
        "files": dict(stage.files),
        "name": names[ids[one.where]],
        "from": "" if first else names[parent],
        "objects": labels_of(classes, by_id[parent]),
        "min_size_px": stage.min_size_px,
        "max_size_px": stage.max_size_px,
        "interval": stage.interval if one.interval is None else one.interval,
        "labels": None if one.labels is None else str(one.labels),
        "batch": one.batch,
        "bounds_wh": _bounds_wh(one, plan),
    }
    waits = not _later(one.file)
    if plan.tracker is not None and (stage.reinfer or not waits):
        fields["remember"] = RememberConfig(frames=stage.reinfer)
        fields["wait"] = waits
    return StageConfig.model_validate(fields)


_BOUNDS = ("detected-", "roi-", "min_", "max_", "roi_")


def _bounds_wh(one: Inference, plan: AppPlan) -> tuple[int, int] | None:
    """The muxer's frame, where the model's own file bounds boxes in it."""
    if plan.muxed is None:
        return None
    for entry in read_written(one.file).entries:
        bounding = entry.group.startswith(("class-attrs-", "output_control.detect_control"))
        if bounding and entry.key.startswith(_BOUNDS) and entry.value.strip() not in ("", "0"):
            return plan.muxed
    return None


def _later(file: Path) -> bool:
    """Whether answers may come later than their frame: classifier-async-mode, async_mode."""
    written = read_written(file)
    entry = written.get("property", "classifier-async-mode") or written.get("input_control", "async_mode")
    return entry is not None and entry.value.lower() in ("1", "true")


def _by_label(colours: Mapping[str, str], stage: InferenceStage) -> dict[str, str]:
    """A colour for all classes is one for each label."""
    every = colours.get("")
    found = {} if every is None else dict.fromkeys(stage.labels, every)
    for number, value in colours.items():
        if number:
            found[labels_of((int(number),), stage)[0]] = value
    return found
