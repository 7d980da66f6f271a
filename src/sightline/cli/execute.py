"""A configuration -> a finished run: progress while it lasts, a summary at its end, and the exit code."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from sightline.cli import summary
from sightline.cli.progress import Progress, expected_frames
from sightline.cli.stopping import stopping
from sightline.config import PipelineConfig
from sightline.errors import UsageError
from sightline.models.diagnose import diagnose, sentences
from sightline.outputs import check_outputs, inputs_of, map_folders, written
from sightline.pipeline.build import build
from sightline.pipeline.run import Pipeline

__all__ = ["execute", "say_why_silent"]


# Tasks whose answers are about the view, so that finding no object says nothing.
_NO_OBJECTS = frozenset({"classify", "embed", "semantic", "text", "gaze", "pulse"})


def execute(config: PipelineConfig, *, quiet: bool = False, as_json: bool = False) -> int:
    """Run it to its end. Returns 0, 1 where a stream was lost, 130 where somebody stopped it."""
    if as_json and any(sink.options.get("path") == "-" for sink in config.sinks):
        raise UsageError("--json and --results - both want standard output; send one of them to a file")
    inputs = inputs_of(config)
    check_outputs(config, inputs)
    with build(config) as pipeline, stopping(pipeline.stop) as stop:
        _drain(pipeline, config, quiet)
    if not stop.asked and (as_json or not quiet):
        say_why_silent(pipeline)
    outputs = written(config, inputs) + map_folders(config, inputs)
    outputs += [path for lane in pipeline.lanes for sink in lane.own_sinks for path in getattr(sink, "written", ())]
    _tell(pipeline, [path for path in outputs if path.exists()], quiet, as_json)
    if stop.asked:
        return 130
    return 1 if pipeline.lost else 0


def say_why_silent(pipeline: Pipeline) -> None:
    """Where a run found nothing, its notes say what other settings would have found."""
    model = pipeline.model
    if pipeline.samples and model.spec.task not in _NO_OBJECTS:
        trials, alone = diagnose(model, pipeline.samples), model.spec.task == "landmarks"
        pipeline.notes += sentences(trials, model.spec.thresholds.score, one_in_view=alone)


def _drain(pipeline: Pipeline, config: PipelineConfig, quiet: bool) -> None:
    limits = config.limits
    with Progress(quiet=quiet) as progress:
        for result in pipeline.results():
            if progress.shown and not progress.expecting and pipeline.info is not None:
                totals = [expected_frames(s, limits.duration_s, limits.frames) for s in pipeline.info.streams]
                progress.expect(None if limits.loop or None in totals else sum(n or 0 for n in totals))
            progress.saw(result)
            for line in () if quiet else pipeline.printed():
                progress.say(line)
            if progress.due:
                progress.draw(sum(lane.dropped for lane in pipeline.lanes))


def _tell(pipeline: Pipeline, files: list[Path], quiet: bool, as_json: bool) -> None:
    snapshot = pipeline.snapshot()
    facts = (snapshot, pipeline.info, pipeline.lost, pipeline.notes)
    if as_json:
        print(json.dumps({**summary.as_json(*facts), "written": [str(path) for path in files]}, indent=2))
    if quiet:
        return
    lines = summary.lines(*facts)
    if files:
        more = f" and {len(files) - 4} more" if len(files) > 4 else ""
        lines.append(f"wrote {', '.join(str(path) for path in files[:4])}{more}")
    print(*lines, sep="\n", file=sys.stderr)
