"""Groups that stand in files of their own, and the branches of applications that run several primary models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import PurePath

from sightline.config import PartConfig, PipelineConfig
from sightline.foreign.app_groups import Group, groups_of
from sightline.foreign.places import Places
from sightline.foreign.values import fault, text, whole, wholes
from sightline.foreign.written import read_written

__all__ = ["Branch", "branches_of", "included", "of_branch", "parted", "sources_of"]

_BESIDE = ("secondary-gie#", "tracker#", "nvds-analytics#")  # those of branch N have its number


@dataclass(frozen=True, slots=True)
class Branch:
    """One primary model of several, with what has its number. name: "gie3", by its id."""

    number: int
    name: str


def branches_of(groups: Sequence[Group]) -> tuple[Branch, ...]:
    """One for each primary model where there are several, and groups [branchN] that part the inputs between them."""
    primaries = [group for group in groups if group.base == "primary-gie#"]
    if len(primaries) < 2 or not any(group.base == "branch#" for group in groups):
        return ()
    return tuple(Branch(group.number, f"gie{_id(group)}") for group in primaries)


def of_branch(groups: Sequence[Group], branch: Branch) -> list[Group]:
    """The groups of one branch, and those that are of all."""
    return [g for g in groups if g.base not in (*_BESIDE, "primary-gie#") or g.number == branch.number]


def sources_of(groups: Sequence[Group]) -> tuple[int, ...] | None:
    """The numbers of the inputs that the primary model looks at; None: all. Raises ConfigError."""
    primary = next((group for group in groups if group.base == "primary-gie#"), None)
    for group in groups:
        numbers, id = group.get("src-ids"), group.get("pgie-id")
        if group.base != "branch#" or primary is None or numbers is None:
            continue
        if (_id(primary) if id is not None else primary.number) == (group.number if id is None else whole(id)):
            return wholes(numbers)
    return None


def _id(primary: Group) -> int:
    """Its gie-unique-id; where it says none, one more than its number."""
    return primary.whole("gie-unique-id", "unique-id", default=primary.number + 1)


def included(groups: Sequence[Group], places: Places) -> Iterator[Group]:
    """The groups, those in files that cfg-file-path names in its place. Raises ConfigError, ModelError."""
    for group in groups:
        entry = group.get("cfg-file-path") if group.base in ("secondary-gie#", "tracker#") else None
        if entry is None:
            yield group
            continue
        found = places.found(text(entry), group.file)
        if found is None:
            looked = places.path(text(entry), group.file)
            raise fault(entry, f"no such file: looked for {looked}\n--root DIR or --map OLD=NEW says where it is here")
        inner = [one for one in groups_of(read_written(found), silent=False) if one.base == group.base]
        yield from inner if group.base == "secondary-gie#" else (replace(one, name=group.name) for one in inner[:1])


def parted(config: PipelineConfig, ids: Set[str], branch: str) -> PipelineConfig:
    """`config` for the streams `ids` alone; its files are called after the branch, where it is one of several."""
    sinks = [_parted(sink, ids, branch) for sink in config.sinks]
    return config.model_copy(
        update={
            "streams": tuple(stream for stream in config.streams if stream.id in ids),
            "sinks": tuple(sink for sink in sinks if sink is not None),
        }
    )


def _parted(sink: PartConfig, ids: Set[str], branch: str) -> PartConfig | None:
    options = sink.options
    named, path = options.get("streams"), str(options.get("path", ""))
    if isinstance(named, list | tuple):
        options["streams"] = [id for id in named if id in ids]
        if not options["streams"]:
            return None
    if branch and path and path != "-":
        pure = PurePath(path)
        options["path"] = f"{path}{branch}/" if path.endswith("/") else str(pure.with_stem(f"{pure.stem}-{branch}"))
    return PartConfig.model_validate({"kind": sink.kind, **options})
