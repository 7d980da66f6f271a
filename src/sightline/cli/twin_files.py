"""A twin judged (`sightline check`), and written as pipeline files of our own (`sightline migrate`)."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from sightline.cli.check import Verdict, judge_pipeline
from sightline.cli.run_twin import twin_deployment
from sightline.config import PipelineConfig
from sightline.config_text import dump_config
from sightline.deployment import Deployment
from sightline.errors import ConfigError, ModelError, OutputError, UsageError, hide_credentials
from sightline.foreign.mapping import Mapping
from sightline.foreign.named_files import NamedFiles
from sightline.foreign.twin_outputs import file_name
from sightline.foreign.twin_pipelines import zips_of
from sightline.foreign.twin_read import read_twin
from sightline.models.packages import fetch_packages

__all__ = ["check_twin", "mapped_into_zips", "migrate_twin"]


def check_twin(path: Path, mapping: Mapping) -> Verdict:
    """Every pipeline and stream of the twin; no camera, no network. Raises ModelError, ConfigError for what is none."""
    deployment = twin_deployment(path, mapping, online=False)
    verdict = Verdict(faults=[_named(name, fault) for name, fault in deployment.faults.items()])
    verdict.warnings += deployment.notes
    for name, config in deployment.pipelines.items():
        judged = judge_pipeline(config, str(path))
        # lines of our own keys are none of the twin's
        verdict.faults += [_named(name, fault.removeprefix(f"{path}:1: ")) for fault in judged.faults]
        verdict.warnings += [_named(name, warning) for warning in judged.warnings]
        verdict.streams += judged.streams
        verdict.models += judged.models
    return verdict


def _named(name: str, message: str) -> str:
    return hide_credentials(f"{name}: {message}")


def mapped_into_zips(path: Path, mapping: Mapping) -> Mapping:
    """`mapping`, and where the files are that pipelines name within zips which lie here. Nothing is fetched."""
    try:
        twin = read_twin(path)
    except (ModelError, ConfigError):
        return mapping
    packages = fetch_packages(zips_of(twin), mapping.of, path.parent, online=False)
    pairs = dict(mapping.pairs)
    for wanted in twin.pipelines.values():
        package = packages.folders.get(wanted.zip.text)
        if package is None:
            continue
        files = NamedFiles(mapping, path.parent, package)
        for named in wanted.names():
            with contextlib.suppress(ModelError):
                pairs.setdefault(named.text, str(files.path(named, "")))
    return Mapping(tuple(pairs.items()), mapping.root)


def migrate_twin(path: Path, output: str, mapping: Mapping) -> int:
    """ID.yaml of every pipeline into the folder `output`. Returns 0, 1 where some could not be made, 2 where none.

    Raises UsageError for an output that is a file, OutputError where it cannot be written.
    """
    folder = Path(output)
    if output == "-" or folder.is_file() or folder.suffix:
        raise UsageError(f"-o {output}: a twin becomes a file for each pipeline; name a folder: -o {path.stem}/")
    deployment = twin_deployment(path, mapping, out=str(folder))
    for name, fault in deployment.faults.items():
        first, *rest = _named(name, fault).splitlines()
        print(f"sightline: error: {first}", *(f"  {line}" for line in rest[:1]), sep="\n", file=sys.stderr)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = [_write(folder, path, name, config, deployment) for name, config in deployment.pipelines.items()]
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written: {error.strerror or error}") from error
    for note in deployment.notes:
        print(f"note: {note}", file=sys.stderr)
    if written:
        print(f"wrote {', '.join(map(str, written))}", file=sys.stderr)
    if not written:
        return 0 if deployment.idle else 2
    return 1 if deployment.faults else 0


def _write(folder: Path, source: Path, name: str, config: PipelineConfig, deployment: Deployment) -> Path:
    target = folder / f"{file_name(name)}.yaml"
    lines = [f"Pipeline {name} of {source.name}, made by sightline migrate.", *deployment.notes]
    text = "".join(f"# {line}\n" for line in lines) + dump_config(config, folder)
    # addresses of cameras hold passwords: the file is for its owner alone
    with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    return target
