"""A deployment of several pipelines -> a finished run: one progress line, one summary a pipeline, one exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from sightline.cli import summary
from sightline.cli.execute import say_why_silent
from sightline.cli.progress import Progress
from sightline.cli.stopping import stopping
from sightline.config import PipelineConfig
from sightline.deployment import Deployment
from sightline.errors import SightlineError, UsageError, hide_credentials
from sightline.outputs import check_outputs, inputs_of, map_folders, written
from sightline.pipeline.metrics import Snapshot
from sightline.pipeline.run import Pipeline
from sightline.pipeline.several import Several, build_all
from sightline.protocols import RunInfo

__all__ = ["execute_all"]


def execute_all(deployment: Deployment, *, quiet: bool = False, as_json: bool = False) -> int:
    """Run every pipeline to its end. What cannot run is told at once, on stderr, and the others go on.

    Returns 0; 1 where a pipeline or stream failed; 2 where none could start; 130 where somebody stopped it.
    """
    _check_standard_output(deployment, as_json)
    for name, fault in deployment.faults.items():
        _warn(name, fault)
    with build_all(deployment, _Outputs().check) as several:
        for name, error in several.failed.items():
            _warn(name, str(error))
        early = set(several.failed)
        with stopping(several.stop) as stop:
            _drain(several, quiet)
    for name, error in several.failed.items():
        if name not in early:
            _warn(name, str(error))
    if not stop.asked and (as_json or not quiet):
        for pipeline in several.pipelines.values():
            say_why_silent(pipeline)
    _tell(deployment, several, quiet, as_json)
    for error in several.failed.values():
        if not isinstance(error, SightlineError):
            raise error
    if stop.asked:
        return 130
    if not several.pipelines:
        return 0 if deployment.idle and not deployment.faults else 2
    lost = any(pipeline.lost for pipeline in several.pipelines.values())
    return 1 if several.failed or deployment.faults or lost else 0


class _Outputs:
    """Refuses a pipeline that would write what another one writes, or what it reads."""

    def __init__(self) -> None:
        self._taken: dict[Path, str] = {}

    def check(self, name: str, config: PipelineConfig) -> None:
        inputs = inputs_of(config)
        check_outputs(config, inputs)
        files = [path.resolve() for path in written(config, inputs) + map_folders(config, inputs)]
        for path in files:
            if path in self._taken:
                raise UsageError(f"{path}: pipeline {self._taken[path]} writes it too; give one another name")
        self._taken.update(dict.fromkeys(files, name))


def _check_standard_output(deployment: Deployment, as_json: bool) -> None:
    on_it = [
        name
        for name, config in deployment.pipelines.items()
        if any(sink.options.get("path") == "-" for sink in config.sinks)
    ]
    if on_it and as_json:
        raise UsageError("--json and results on standard output both want it; send one of them to a file")
    if len(on_it) > 1:
        raise UsageError(f"pipelines {' and '.join(on_it)} both write to standard output; send them to files")


def _warn(name: str, message: str) -> None:
    first, *rest = hide_credentials(message).splitlines() or [""]
    print(f"sightline: error: {name}: {first}", *(f"  {line.strip()}" for line in rest[:1]), sep="\n", file=sys.stderr)


def _drain(several: Several, quiet: bool) -> None:
    with Progress(quiet=quiet) as progress:
        for _, result in several.results():
            progress.saw(result)
            if progress.due:
                progress.draw(sum(lane.dropped for p in several.pipelines.values() for lane in p.lanes))


def _tell(deployment: Deployment, several: Several, quiet: bool, as_json: bool) -> None:
    files = {name: _files(deployment.pipelines[name]) for name in several.pipelines}
    if as_json:
        print(json.dumps(_as_json(deployment, several, files), indent=2))
    if quiet:
        return
    for name, pipeline in several.pipelines.items():
        lines = summary.lines(*_facts(pipeline))
        print(f"{name}: {lines[0]}", *(f"  {line}" for line in lines[1:]), sep="\n", file=sys.stderr)
        if files[name]:
            more = f" and {len(files[name]) - 4} more" if len(files[name]) > 4 else ""
            print(f"  wrote {', '.join(str(path) for path in files[name][:4])}{more}", file=sys.stderr)
    for note in deployment.notes:
        print(f"note: {note}", file=sys.stderr)
    gone = {**deployment.faults, **{name: str(error) for name, error in several.failed.items()}}
    if gone:
        print(f"did not run, or not to the end: {', '.join(gone)}", file=sys.stderr)


def _as_json(deployment: Deployment, several: Several, files: Mapping[str, list[Path]]) -> dict[str, object]:
    return {
        "pipelines": {
            name: {**summary.as_json(*_facts(pipeline)), "written": [str(path) for path in files[name]]}
            for name, pipeline in several.pipelines.items()
        },
        "failed": {
            **{name: hide_credentials(fault) for name, fault in deployment.faults.items()},
            **{name: hide_credentials(str(error)) for name, error in several.failed.items()},
        },
        "notes": list(deployment.notes),
    }


def _facts(pipeline: Pipeline) -> tuple[Snapshot, RunInfo | None, Mapping[str, BaseException], Sequence[str]]:
    return pipeline.snapshot(), pipeline.info, pipeline.lost, pipeline.notes


def _files(config: PipelineConfig) -> list[Path]:
    try:
        inputs = inputs_of(config)
    except SightlineError:  # a file that was there before the run
        return []
    return [path for path in written(config, inputs) + map_folders(config, inputs) if path.exists()]
