"""`sightline run twin.json`: an Azure DeepStream Accelerator twin, its zips fetched, every pipeline run at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from sightline import flags
from sightline.cli.execute_several import execute_all
from sightline.config import CodeConfig
from sightline.deployment import Deployment
from sightline.errors import ModelError, OutputError, UsageError
from sightline.foreign.applications import Asked, adapted, kind_of_file
from sightline.foreign.keyfile import text_of_file
from sightline.foreign.mapping import Mapping
from sightline.foreign.twin_pipelines import TwinFiles, deployment_of, zips_of
from sightline.foreign.twin_read import read_twin
from sightline.models.packages import fetch_packages

__all__ = ["is_twin_file", "names_twin", "run_twin", "twin_deployment"]

# what may stand beside a twin, which says everything else itself
_BESIDE = ("model", "config", "output", "batch", "display", "fake", "loop", "limit", "mapped", "root")
_BESIDE += ("logic", "trust", "dev", "as_json", "quiet")


def is_twin_file(path: str) -> bool:
    """Whether it is a file with a twin in it, or with one that is broken. Never raises."""
    file = Path(path)
    if file.suffix.lower() not in (".json", ".jsonc") or not file.is_file():
        return False
    if kind_of_file(file) == "twin":
        return True
    try:
        text = text_of_file(file)
    except ModelError:
        return False
    return '"azdaConfiguration"' in text


def names_twin(files: Sequence[str], inputs: Sequence[str]) -> bool:
    """Whether the files are one twin. Raises UsageError where something stands beside it that it says itself."""
    twin = next((file for file in files if is_twin_file(file)), None)
    if twin is None:
        return False
    if len(files) > 1:
        raise UsageError(f"{twin}: a twin runs alone; leave {' and '.join(f for f in files if f != twin) or twin} out")
    if inputs:
        raise UsageError(f"{twin}: a twin names its own inputs; --map ENDPOINT={inputs[0]} puts another in its place")
    return True


def run_twin(
    context: typer.Context,
    path: Path,
    mapping: Mapping,
    asked: Asked,
    *,
    out: str = "",
    limit: str | None = None,
    logic: CodeConfig | None = None,
    quiet: bool = False,
    as_json: bool = False,
) -> int:
    """out: the folder of results, "" for the current one. asked: what flags say instead of the twin. logic: the rules
    of every pipeline.

    Returns as `execute_all`. Raises ModelError, ConfigError where the file itself is no twin, UsageError for flags
    that do nothing beside it.
    """
    _check_flags(context, path)
    until = flags.limit(limit)
    wanted = Asked((), asked.batch, asked.display, asked.nothing, asked.loop, until.seconds, until.frames)
    deployment = twin_deployment(path, mapping, out=out, logic=logic)
    if out and deployment.pipelines:
        _make(Path(out))
    pipelines = {name: adapted(config, wanted) for name, config in deployment.pipelines.items()}
    deployment = Deployment(pipelines, deployment.faults, deployment.notes, deployment.idle)
    return execute_all(deployment, quiet=quiet, as_json=as_json)


def twin_deployment(
    path: Path, mapping: Mapping, *, out: str = "", logic: CodeConfig | None = None, online: bool = True
) -> Deployment:
    """What the twin's pipelines are here; zips are fetched and unpacked, cameras are not opened.

    online: False leaves zips alone that are on the net; what needs them is told.
    """
    twin = read_twin(path)
    packages = fetch_packages(zips_of(twin), mapping.of, path.parent, online=online)
    return deployment_of(twin, TwinFiles(mapping, packages.folders, packages.lost, out, logic))


def _check_flags(context: typer.Context, path: Path) -> None:
    for name in context.params:
        source = context.get_parameter_source(name)
        if name not in _BESIDE and source is not None and source.name == "COMMANDLINE":
            flag = name.replace("_", "-")
            raise UsageError(f"--{flag} beside {path} does nothing; sightline migrate {path} writes files to change")


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be made: {error.strerror or error}") from error
