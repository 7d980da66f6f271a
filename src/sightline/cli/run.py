"""`sightline run MODEL INPUT...`: flags -> one `PipelineConfig`, the same that a pipeline file gives.

Files of DeepStream's applications say everything themselves: see `run_foreign`.
"""

from __future__ import annotations

from collections.abc import Mapping as Pairs
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from sightline import flags
from sightline.cli.check import judge_pipeline
from sightline.cli.execute import execute
from sightline.cli.run_foreign import run_files, stands_alone
from sightline.cli.run_twin import names_twin, run_twin
from sightline.config import PartConfig, PipelineConfig, StreamConfig
from sightline.config_text import dump_config, load_config
from sightline.errors import InputError, ModelError, OutputError, UndecidedError, UsageError
from sightline.foreign.applications import Asked, interval_of, kind_of_file
from sightline.foreign.mapping import Mapping
from sightline.outputs import sinks_for
from sightline.sources.inputs import StreamInput, expand

__all__ = ["command"]

_PIPELINES = (".yaml", ".yml", ".json")
_WITH_A_FILE = ("model", "as_json", "quiet")  # what may stand beside a pipeline file

Text = str | None


def command(
    context: typer.Context,
    model: Annotated[
        str, typer.Argument(help="a model file, a folder that holds it, a pipeline file (.yaml), a DeepStream file")
    ] = "",
    inputs: Annotated[list[str] | None, typer.Argument(help="videos, pictures, folders, globs, URLs, devices")] = None,
    output: Annotated[Text, typer.Option("-o", "--output", help="annotated video or picture, or a folder/")] = None,
    results: Annotated[Text, typer.Option(help="results as JSON lines: a file, or - for standard output")] = None,
    maps: Annotated[Text, typer.Option(help="a folder for class maps (PNG of class ids) of semantic models")] = None,
    line: Annotated[
        list[str] | None, typer.Option(help="count what crosses: gate=0.1,0.5,0.9,0.5 (repeatable)")
    ] = None,
    zone: Annotated[list[str] | None, typer.Option(help="count what is inside: yard=0.1,0.1,0.4,0.1,0.4,0.6")] = None,
    classes: Annotated[list[str] | None, typer.Option(help="only these labels: person,car")] = None,
    crop: Annotated[Text, typer.Option(help="look only at x1,y1,x2,y2 (fractions), or px:x1,y1,x2,y2")] = None,
    limit: Annotated[Text, typer.Option(help="end each stream after 10s, 2min or 250f (frames)")] = None,
    loop: Annotated[bool, typer.Option("-l", "--loop", help="begin files anew at their end")] = False,
    interval: Annotated[int | None, typer.Option(help="frames to pass over between two that are inferred")] = None,
    track: Annotated[Text, typer.Option(help="a tracker: bytetrack, ocsort, bytetrack:lost_s=2,high=0.6")] = None,
    score: Annotated[float | None, typer.Option(help="least score")] = None,
    nms: Annotated[float | None, typer.Option(help="overlap (IoU) above which the weaker box goes")] = None,
    top: Annotated[int | None, typer.Option(help="most objects a frame")] = None,
    head: Annotated[Text, typer.Option(help="how the outputs are read: yolov8, ssd ...; NAME:key=value,...")] = None,
    color: Annotated[Text, typer.Option(help="rgb, bgr or grey")] = None,
    mean: Annotated[Text, typer.Option(help="tensor = (pixel - mean) / scale; one number or one a channel")] = None,
    scale: Annotated[Text, typer.Option(help="see --mean")] = None,
    resize: Annotated[Text, typer.Option(help="stretch, letterbox, letterbox-topleft, crop or line")] = None,
    pad: Annotated[float | None, typer.Option(help="grey level around a letterbox, 0 to 255")] = None,
    labels: Annotated[Text, typer.Option(help="a label file, one name a line")] = None,
    precision: Annotated[Text, typer.Option(help="auto, f32, bf16 or f16")] = None,
    exact: Annotated[
        bool, typer.Option("--exact", help="the training-time arithmetic instead of the fast path")
    ] = False,
    runtime: Annotated[Text, typer.Option(help="auto, openvino or onnx")] = None,
    device: Annotated[Text, typer.Option(help="in the runtime's own words: CPU, GPU, CUDAExecutionProvider")] = None,
    batch: Annotated[int | None, typer.Option("-b", "--batch", help="frames at once; default: as the model is")] = None,
    stream: Annotated[int | None, typer.Option(help="index of the video stream in the file")] = None,
    connect_timeout: Annotated[float | None, typer.Option(help="seconds until a live input is given up")] = None,
    stop_on_loss: Annotated[bool, typer.Option("--stop-on-loss", help="one lost stream ends the run")] = False,
    video: Annotated[Text, typer.Option(help="of the video: preset=ultrafast,crf=28,codec=h265")] = None,
    overlay: Annotated[Text, typer.Option(help="of the drawing: key=value,...")] = None,
    no_overlay: Annotated[bool, typer.Option("--no-overlay", help="draw nothing")] = False,
    parser: Annotated[Text, typer.Option(help="a Python file that reads the model's outputs")] = None,
    logic: Annotated[Text, typer.Option(help="a Python file with rules on results")] = None,
    trust: Annotated[bool, typer.Option("--trust", help="run your files in this process: faster, unguarded")] = False,
    dev: Annotated[bool, typer.Option("--dev", help="load your files anew whenever they are saved")] = False,
    tiles: Annotated[Text, typer.Option(help="the frame in pieces, for small objects: 2x2, or auto")] = None,
    save_config: Annotated[Text, typer.Option(help="write all of this as a pipeline file, and run")] = None,
    config: Annotated[
        list[str] | None, typer.Option("-c", "--config", help="a DeepStream or pipeline file (repeatable)")
    ] = None,
    given: Annotated[list[str] | None, typer.Option("-i", "--input", help="an input (repeatable)")] = None,
    display: Annotated[bool, typer.Option("-d", "--display", "--show", help="watch it live in the browser")] = False,
    fake: Annotated[bool, typer.Option("-f", "--fake", help="write and show nothing")] = False,
    mapped: Annotated[
        list[str] | None, typer.Option("--map", help="OLD=NEW: what a file names, and where it is here (repeatable)")
    ] = None,
    root: Annotated[str, typer.Option(help="the folder that stands for /opt/nvidia/deepstream/deepstream")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="the summary as JSON on standard output")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="no progress, no summary")] = False,
) -> int:
    """A model on videos, pictures or streams: annotated video, results, counts."""
    files = [*([model] if model else []), *(config or [])]
    inputs = [*(inputs or []), *(given or [])]
    if names_twin(files, inputs):
        asked = Asked((), batch or 0, display, fake, loop)
        mapping = Mapping.parsed(mapped or (), root)
        return run_twin(
            context, Path(files[0]), mapping, asked, out=output or "", limit=limit,
            logic=flags.code(logic, trust=trust, dev=dev), quiet=quiet, as_json=as_json,
        )  # fmt: skip
    if files and (len(files) > 1 or stands_alone(files[0])):
        if display and fake:
            raise UsageError("run: -d shows what -f throws away; leave one of them out")
        rules = flags.code(logic, trust=trust, dev=dev)
        asked = Asked(tuple(inputs), batch or 0, display, fake, loop, results=results or "", logic=rules)
        return run_files(
            context, files, asked, limit=limit, mapped=mapped or (), root=root, quiet=quiet, as_json=as_json
        )
    model = files[0] if files else ""
    if not model:
        raise UsageError("run: name a model, a pipeline file or a DeepStream file")
    if not inputs and Path(model).suffix.lower() in _PIPELINES:
        _alone(context, model)
        return _run_file(model, quiet=quiet, as_json=as_json)
    if not inputs:
        raise UsageError(f"run: no input; name a video, picture or stream after the model {model}{_belongs(model)}")
    if interval is None:
        interval = interval_of(Path(model)) or None
    streams = expand(inputs)
    until = flags.limit(limit)
    box, box_px = flags.crop(crop)
    head_name, head_options = flags.part("head", head, "--head")
    wants_picture = output is not None or results is None or display
    made = PipelineConfig(
        streams=tuple(StreamConfig(url=text, stream=stream) for text in inputs),
        model=flags.model(
            model, score=score, nms=nms, top=top, head=head_name, head_options=head_options, color=color,
            mean=flags.numbers("--mean", mean), scale=flags.numbers("--scale", scale), resize=resize, pad=pad,
            labels=labels, classes=flags.joined(classes) or None, precision=precision, exact=exact or None,
            runtime=runtime, device=device, batch=batch, parser=flags.code(parser, trust=trust, dev=dev),
            tiles=flags.tiles(tiles),
        ),
        logic=flags.code(logic, trust=trust, dev=dev),
        tracker=flags.tracker(track, needed=bool(line or zone)),
        analytics=flags.analytics(line or (), zone or ()),
        overlay=flags.drawing(overlay) if wants_picture and not no_overlay else None,
        sinks=_sinks(streams, output, results, flags.video(video), display=display, fake=fake),
        maps=maps,
        limits=flags.limits(
            duration_s=until.seconds, frames=until.frames, loop=loop or None, interval=interval, crop=box,
            crop_px=box_px or None, connect_timeout_s=connect_timeout, stop_on_loss=stop_on_loss or None,
        ),
    )  # fmt: skip
    if save_config is not None:
        _save(made, Path(save_config))
    return execute(made, quiet=quiet, as_json=as_json)


def _belongs(model: str) -> str:
    """What to do with a file that is no model."""
    if kind_of_file(Path(model)) != "side":
        return ""
    return f"\n{model} belongs to an application's file: sightline explain {model}"


def _sinks(
    streams: Sequence[StreamInput],
    output: str | None,
    results: str | None,
    video: Pairs[str, object],
    *,
    display: bool,
    fake: bool,
) -> tuple[PartConfig, ...]:
    """What -o and --results say; with -d or -f nothing is written that they do not name."""
    written = output is not None or results is not None or not (display or fake)
    sinks = sinks_for(streams, output, results, video) if written else ()
    return (*sinks, PartConfig.model_validate({"kind": "show", "pace": True})) if display else sinks


def _run_file(file: str, *, quiet: bool, as_json: bool) -> int:
    """Run a pipeline file; what cannot be is told as `check` tells it, with its line."""
    config = load_config(file)
    try:
        return execute(config, quiet=quiet, as_json=as_json)
    except (UsageError, ModelError, InputError, UndecidedError) as error:
        faults = judge_pipeline(config, file).faults
        if not faults:
            raise
        raise type(error)(faults[0]) from error


def _alone(context: typer.Context, file: str) -> None:
    """A pipeline file says everything itself. Raises UsageError for flags that would change it."""
    for name in context.params:
        source = context.get_parameter_source(name)
        if name not in _WITH_A_FILE and source is not None and source.name == "COMMANDLINE":
            flag = name.replace("_", "-")
            raise UsageError(f"--{flag} beside a pipeline file does nothing; write it into {file}")


def _save(config: PipelineConfig, path: Path) -> None:
    if path.suffix.lower() not in _PIPELINES[:2]:
        raise UsageError(f"--save-config {path}: must end in .yaml")
    try:
        path.write_text(dump_config(config, path.parent), encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path}: {(error.strerror or 'cannot be written').lower()}") from error
