"""`sightline inspect model.onnx [picture.jpg -o check.jpg]`: what a model is, why, what is open, and what it sees.

With `--video CLIP` what is open is tried on pictures, with `--probe` what was decided is doubted too.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sightline import flags
from sightline.cli.describing import lines
from sightline.cli.frame import frame_at, write_picture
from sightline.cli.probing import probed
from sightline.cli.trying import as_record, side_by_side
from sightline.config import LimitsConfig, ModelConfig, PipelineConfig, StreamConfig
from sightline.errors import UsageError
from sightline.models.describe import describe
from sightline.models.identify import Identified, identify, require, save_manifest
from sightline.pipeline.build import build_identified

__all__ = ["command"]

Text = str | None


def command(
    model: Annotated[str, typer.Argument(help="a model in any form: a file, folder, archive or bundle")],
    picture: Annotated[Text, typer.Argument(help="a picture or video to try it on")] = None,
    output: Annotated[Text, typer.Option("-o", "--output", help="what the network sees beside what it finds")] = None,
    crop: Annotated[Text, typer.Option(help="look only at x1,y1,x2,y2 (fractions), or px:x1,y1,x2,y2")] = None,
    video: Annotated[Text, typer.Option(help="a clip of the model's own subject, to try what is open on")] = None,
    probe: Annotated[bool, typer.Option("--probe", help="try the alternatives to what was decided too")] = False,
    save: Annotated[bool, typer.Option("--save", help="write model.yaml into the model's folder")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="as JSON on standard output")] = False,
    head: Annotated[Text, typer.Option(help="how the outputs are read: NAME:key=value,...")] = None,
    color: Annotated[Text, typer.Option(help="rgb, bgr or grey")] = None,
    mean: Annotated[Text, typer.Option(help="tensor = (pixel - mean) / scale")] = None,
    scale: Annotated[Text, typer.Option(help="see --mean")] = None,
    resize: Annotated[Text, typer.Option(help="stretch, letterbox, letterbox-topleft, crop or line")] = None,
    pad: Annotated[float | None, typer.Option(help="grey level around a letterbox, 0 to 255")] = None,
    labels: Annotated[Text, typer.Option(help="a label file, one name a line")] = None,
    score: Annotated[float | None, typer.Option(help="least score")] = None,
    nms: Annotated[float | None, typer.Option(help="overlap (IoU) above which the weaker box goes")] = None,
    top: Annotated[int | None, typer.Option(help="most objects a picture")] = None,
) -> None:
    """Task, inputs, outputs, proposed head and preprocessing; why, and what is in doubt."""
    head_name, head_options = flags.part("head", head, "--head")
    config = flags.model(
        model, head=head_name, head_options=head_options, color=color, mean=flags.numbers("--mean", mean),
        scale=flags.numbers("--scale", scale), resize=resize, pad=pad, labels=labels, score=score, nms=nms, top=top,
    )  # fmt: skip
    if picture is None and output is not None:
        raise UsageError(f"-o {output}: needs a picture to try the model on: sightline inspect {model} PICTURE")
    box, in_pixels = flags.crop(crop)
    if picture is None and box is not None:
        raise UsageError(f"--crop {crop}: needs a picture to try the model on: sightline inspect {model} PICTURE")
    part = flags.limits(crop=box, crop_px=in_pixels or None)
    found = identify(config)
    told: dict[str, object] = {}
    if video is not None or probe:
        found, told = probed(found, config, video, probe)
    report = describe(found) | told
    if picture is not None and found.decided:
        report["tried"] = _tried(found, config, part, picture, output)
    if save:
        folder = Path(model) if Path(model).is_dir() else Path(model).parent
        report["saved"] = str(save_manifest(found, folder))
    print(json.dumps(report, indent=2) if as_json else "\n".join(lines(report)))
    if picture is not None:
        require(found)


def _tried(found: Identified, config: ModelConfig, part: LimitsConfig, picture: str, output: Text) -> dict[str, object]:
    """What the model says of one frame, and the picture of it where one is asked for."""
    frame = frame_at(picture)
    looking = PipelineConfig(streams=(StreamConfig(url=picture),), model=config, limits=part)
    model = build_identified(found, config, looking)
    try:
        said = model.predict(frame)
    finally:
        model.close()
    tried = as_record(frame, said)
    if output is None:
        return tried
    path = Path(output)
    if Path(picture).exists() and path.exists() and path.samefile(picture):
        raise UsageError(f"{path}: the output would overwrite the picture; choose another name")
    steps, size = model.picture_input.preprocess, model.size_of(frame)
    write_picture(path, side_by_side(frame, steps, size, said, model.crop_of(frame)))
    return {**tried, "written": str(path)}
