"""`sightline demo`: our own detector on a made-up street, counted beside the truth. No arguments, no downloads."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from sightline.cli.progress import Progress
from sightline.cli.stopping import stopping
from sightline.config import ModelConfig, PartConfig, PipelineConfig, StreamConfig
from sightline.errors import UsageError
from sightline.outputs import check_outputs
from sightline.pipeline.build import build
from sightline.sources.inputs import expand
from sightline.sources.scene import LABELS, Crossing
from sightline.sources.synthetic import Scene

__all__ = ["Tally", "command", "configuration", "tally"]

MODEL = Path(__file__).parents[1] / "assets" / "demo"
RULE = "crossing"
SEED, SECONDS = 5, 16.0
LONGEST_S = 600.0

Counts = Mapping[str, Mapping[str, int]]


def command(
    output: Annotated[Path, typer.Option("-o", "--output", help="folder to write to")] = Path("sightline-demo"),
    seconds: Annotated[float, typer.Option(help="length of the scene")] = SECONDS,
    seed: Annotated[int, typer.Option(help="another number, another street; 1 to 40 were kept from training")] = SEED,
    as_json: Annotated[bool, typer.Option("--json", help="the counts as JSON on standard output")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="no progress, no table")] = False,
) -> int:
    """Detect, track and count in a street scene we ship; writes an annotated video and its results."""
    if not 1 <= seconds <= LONGEST_S:
        raise UsageError(f"--seconds is from 1 to {LONGEST_S:g}, got {seconds:g}")
    if seed < 0:
        raise UsageError(f"--seed is 0 or more, got {seed}")
    scene = Scene(seed=seed)
    config = configuration(scene, seconds, output)
    check_outputs(config, expand([config.streams[0].url]))
    began = time.monotonic()
    counted: Counts = {}
    frames = 0
    with build(config) as pipeline, stopping(pipeline.stop) as stop, Progress(quiet=quiet) as progress:
        progress.expect(round(seconds * scene.rate))
        for result in pipeline.results():
            frames, counted = frames + 1, result.counts.get(RULE, {})
            progress.saw(result)
            if progress.due:
                progress.draw()
    table = tally(counted, scene.crossings(scene.line, frames))
    files = [str(_video(output)), str(_results(output))]
    took = time.monotonic() - began
    if as_json:
        print(json.dumps({"frames": frames, "seconds": round(took, 2), "crossings": _plain(table), "written": files}))
    if not quiet:
        out = sys.stderr if as_json else sys.stdout
        print(*_lines(table, frames, took, files), sep="\n", file=out)
    return 130 if stop.asked else 0


def configuration(scene: Scene, seconds: float, folder: Path) -> PipelineConfig:
    """The demo as anybody could write it in a pipeline file."""
    return PipelineConfig(
        streams=(StreamConfig(url=f"synthetic://street?seed={scene.seed}&seconds={seconds:g}", id="street"),),
        model=ModelConfig(path=str(MODEL)),
        tracker=PartConfig(kind="bytetrack"),
        analytics=(_part("line", name=RULE, points=[list(p) for p in _fractions(scene)]),),
        overlay=PartConfig(kind="boxes"),
        sinks=(_part("video", path=str(_video(folder))), _part("jsonl", path=str(_results(folder)))),
    )


def _part(kind: str, **options: object) -> PartConfig:
    return PartConfig.model_validate({"kind": kind, **options})


def _video(folder: Path) -> Path:
    return folder / "street.mp4"


def _results(folder: Path) -> Path:
    return folder / "street.jsonl"


def _fractions(scene: Scene) -> list[tuple[float, float]]:
    return [(round(x / scene.width, 4), round(y / scene.height, 4)) for x, y in scene.line]


@dataclass(frozen=True, slots=True)
class Tally:
    """Crossings of one label in one direction: counted by the pipeline, and as they truly were."""

    label: str
    direction: str
    counted: int
    true: int


def tally(counted: Counts, truth: Sequence[Crossing]) -> list[Tally]:
    """The two counts side by side, by label, then "in" (to the right) and "out"."""
    return [
        Tally(
            label,
            direction,
            counted.get(direction, {}).get(label, 0),
            sum(LABELS[c.label] == label and c.direction == direction for c in truth),
        )
        for label in LABELS
        for direction in ("in", "out")
    ]


def _plain(table: Sequence[Tally]) -> list[dict[str, object]]:
    return [{"label": t.label, "direction": t.direction, "counted": t.counted, "true": t.true} for t in table]


def _lines(table: Sequence[Tally], frames: int, took: float, files: Sequence[str]) -> list[str]:
    ways = {"in": "to the right", "out": "to the left"}
    rows = [f"  {t.label:<8}{ways[t.direction]:<14}{t.counted:>8}{t.true:>8}" for t in table]
    counted, true = sum(t.counted for t in table), sum(t.true for t in table)
    return [
        f"{frames} frames in {took:.1f} s",
        f"  {'crossed':<22}{'counted':>8}{'true':>8}",
        *rows,
        f"  {'together':<22}{counted:>8}{true:>8}",
        f"wrote {', '.join(files)}",
    ]
