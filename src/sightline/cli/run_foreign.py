"""`sightline run` of files from elsewhere: which flags may stand beside them, and what they mean there."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import typer

from sightline import flags
from sightline.cli.execute import execute
from sightline.cli.execute_several import execute_all
from sightline.config import PipelineConfig
from sightline.config_text import load_config
from sightline.deployment import Deployment
from sightline.errors import UsageError, hide_credentials
from sightline.foreign.applications import Asked, adapted, applications, kind_of_file
from sightline.foreign.mapping import Mapping
from sightline.foreign.places import Places

__all__ = ["run_files", "stands_alone"]

_MOST_NOTES = 20
# what may stand beside a file that says everything itself
_BESIDE = ("model", "config", "given", "batch", "display", "fake", "loop", "limit", "results", "logic", "trust", "dev")
_BESIDE += ("mapped", "root", "as_json", "quiet")


def stands_alone(path: str) -> bool:
    """Whether the file is an application or a twin, which name their own inputs."""
    return kind_of_file(Path(path)) in ("application", "twin")


def run_files(
    context: typer.Context,
    files: Sequence[str],
    asked: Asked,
    *,
    limit: str | None,
    mapped: Sequence[str],
    root: str,
    quiet: bool,
    as_json: bool,
) -> int:
    """Every file a pipeline of its own. Raises UsageError for flags that do nothing beside them."""
    _check_flags(context, files[0])
    until = flags.limit(limit)
    wanted = replace(asked, duration_s=until.seconds, frames=until.frames)
    deployment = _deployment([Path(file) for file in files], wanted, Mapping.parsed(mapped, root))
    if len(deployment.pipelines) == 1 and not deployment.faults:
        if not quiet:
            for note in deployment.notes[:_MOST_NOTES]:
                print(f"note: {hide_credentials(note)}", file=sys.stderr)
        return execute(next(iter(deployment.pipelines.values())), quiet=quiet, as_json=as_json)
    return execute_all(deployment, quiet=quiet, as_json=as_json)


def _deployment(files: Sequence[Path], asked: Asked, mapping: Mapping) -> Deployment:
    kinds = {file: kind_of_file(file) for file in files}
    odd = next((file for file in files if kinds[file] in ("model", "side")), None)
    if odd is not None:
        raise UsageError(f"{odd}: belongs to an application's file; sightline explain {odd} says what it is")
    ours = [file for file in files if not kinds[file]]
    if ours:
        made = {file.stem: adapted(_own(file), asked) for file in ours}
        rest = [file for file in files if kinds[file]]
        others = applications(rest, Places(mapping), asked) if rest else Deployment({})
        return Deployment({**made, **others.pipelines}, others.faults, others.notes)
    return applications(files, Places(mapping), asked)


def _own(file: Path) -> PipelineConfig:
    return load_config(file)


def _check_flags(context: typer.Context, file: str) -> None:
    for name in context.params:
        source = context.get_parameter_source(name)
        if name not in _BESIDE and source is not None and source.name == "COMMANDLINE":
            flag = name.replace("_", "-")
            raise UsageError(f"--{flag} beside {file} does nothing; sightline migrate {file} writes a file to change")
