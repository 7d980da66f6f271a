"""`sightline bench model.onnx video.mp4`: what a frame costs, and how near that is to decoding and inference alone."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import islice
from typing import Annotated

import numpy as np
import typer

from sightline import flags
from sightline.cli.frame import frames_of
from sightline.config import LimitsConfig, ModelConfig, PartConfig, PipelineConfig, StreamConfig
from sightline.errors import InputError, RuntimeFailure, UsageError
from sightline.pipeline.build import build, build_model
from sightline.pipeline.metrics import Snapshot
from sightline.protocols import FeedRaw, Session

__all__ = ["Cost", "command"]

_WARM_UP = 8
_COLLECT_S = 60.0
Text = str | None


@dataclass(frozen=True, slots=True)
class Cost:
    """What a frame took: CPU of the whole process and wall, in ms; over how many frames."""

    cpu_ms: float
    wall_ms: float
    frames: int


def command(
    model: Annotated[str, typer.Argument(help="a bundle, or a model in any form")],
    video: Annotated[str, typer.Argument(help="a video, the longer the better")],
    frames: Annotated[int, typer.Option(help="frames to measure")] = 300,
    track: Annotated[Text, typer.Option(help="with a tracker: bytetrack, sort ...")] = None,
    head: Annotated[Text, typer.Option(help="how the outputs are read: NAME:key=value,...")] = None,
    color: Annotated[Text, typer.Option(help="rgb, bgr or grey")] = None,
    mean: Annotated[Text, typer.Option(help="tensor = (pixel - mean) / scale")] = None,
    scale: Annotated[Text, typer.Option(help="see --mean")] = None,
    resize: Annotated[Text, typer.Option(help="stretch, letterbox, letterbox-topleft, crop or line")] = None,
    precision: Annotated[Text, typer.Option(help="auto, f32, bf16 or f16")] = None,
    exact: Annotated[bool, typer.Option("--exact", help="the training-time arithmetic")] = False,
    runtime: Annotated[Text, typer.Option(help="auto, openvino or onnx")] = None,
    device: Annotated[Text, typer.Option(help="in the runtime's own words")] = None,
    batch: Annotated[int | None, typer.Option(help="frames at once")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="as JSON on standard output")] = False,
) -> None:
    """Frames/s, CPU ms a stage, and the share of the physical limit (decoding and inference alone)."""
    if frames <= _WARM_UP:
        raise UsageError(f"--frames {frames}: more than {_WARM_UP}, the first of which only warm up")
    name, options = flags.part("head", head, "--head")
    config = flags.model(
        model, head=name, head_options=options, color=color, mean=flags.numbers("--mean", mean),
        scale=flags.numbers("--scale", scale), resize=resize, precision=precision, exact=exact or None,
        runtime=runtime, device=device, batch=batch,
    )  # fmt: skip
    decoding = _decoding(video, frames)
    inference = _inference(config, decoding.frames)
    ours, snapshot = _ours(config, video, frames, flags.tracker(track, needed=False))
    report = _report(decoding, inference, ours, snapshot)
    print(json.dumps(report, indent=2) if as_json else _table(report))


def _measured(work: Callable[[], int]) -> Cost:
    cpu, wall = time.process_time(), time.perf_counter()
    n = work()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    if not n:
        raise InputError("too few frames to measure; take a longer video")
    return Cost(1000 * cpu / n, 1000 * wall / n, n)


def _decoding(video: str, frames: int) -> Cost:
    with contextlib.closing(frames_of(video)) as source:  # type: ignore[type-var]
        return _measured(lambda: sum(1 for _ in islice(source, frames)))


def _inference(config: ModelConfig, frames: int) -> Cost:
    """The session alone, with the model's own inputs and as many requests in flight as it wants."""
    model, _ = build_model(config)
    session = model.runtime.load(model.spec, model.weights, replace(model.options, feed=FeedRaw()))
    try:
        wants = session.wants
        batch = wants.batch or 1
        shapes = {t.name: [batch if i == 0 else n or 1 for i, n in enumerate(t.shape)] for t in wants.inputs}
        inputs = {t.name: np.zeros(shapes[t.name], t.dtype) for t in wants.inputs}
        _flood(session, inputs, _WARM_UP, wants.in_flight)
        return _measured(lambda: batch * _flood(session, inputs, -(-frames // batch), wants.in_flight))
    finally:
        session.close()


def _flood(session: Session, inputs: dict[str, np.ndarray], requests: int, in_flight: int) -> int:
    sent = done = 0
    while done < requests:
        while sent < requests and sent - done < in_flight:
            session.submit(inputs, None)
            sent += 1
        ticket = session.collect(_COLLECT_S)
        if ticket is None:
            raise RuntimeFailure(f"the model gave no answer within {_COLLECT_S:g} s")
        ticket.release()
        done += 1
    return done


def _ours(config: ModelConfig, video: str, frames: int, tracker: PartConfig | None) -> tuple[Cost, Snapshot]:
    """The whole pipeline without sinks, measured after its first few frames."""
    whole = PipelineConfig(
        streams=(StreamConfig(url=video),), model=config, tracker=tracker, limits=LimitsConfig(frames=frames)
    )
    with build(whole) as pipeline, contextlib.closing(pipeline.results()) as results:  # type: ignore[type-var]
        for _ in islice(results, _WARM_UP):
            pass
        cost = _measured(lambda: sum(1 for _ in results))
        return cost, pipeline.snapshot()


def _report(decoding: Cost, inference: Cost, ours: Cost, snapshot: Snapshot) -> dict[str, object]:
    limit = decoding.cpu_ms + inference.cpu_ms
    return {
        "frames": ours.frames,
        "frames_per_s": round(1000 / ours.wall_ms, 2),
        "cpu_ms": {
            "decoding alone": round(decoding.cpu_ms, 3),
            "inference alone": round(inference.cpu_ms, 3),
            "limit (both)": round(limit, 3),
            "sightline": round(ours.cpu_ms, 3),
            "sightline's own": round(ours.cpu_ms - limit, 3),
        },
        "stages_cpu_ms": {k: round(1000 * v / max(snapshot.frames, 1), 3) for k, v in snapshot.stages.items() if v},
        "share_of_limit": round(limit / ours.cpu_ms, 3),
        "cores_busy": round(ours.cpu_ms / ours.wall_ms, 2),
    }


def _table(report: dict[str, object]) -> str:
    rows = [("CPU ms a frame", "")]
    for key in ("cpu_ms", "stages_cpu_ms"):
        costs = report[key]
        if isinstance(costs, dict):
            rows += [
                (f"  {'of it ' if key == 'stages_cpu_ms' else ''}{name}", f"{ms:.2f}") for name, ms in costs.items()
            ]
    rows += [
        ("share of the limit", f"{report['share_of_limit']}"),
        ("frames/s", f"{report['frames_per_s']}"),
        ("cores busy", f"{report['cores_busy']}"),
        ("frames measured", f"{report['frames']}"),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value:>8}".rstrip() for name, value in rows)
