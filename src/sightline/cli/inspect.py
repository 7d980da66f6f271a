"""`sightline inspect model.onnx [picture.jpg -o check.jpg]`: what a model is, why, what is open, and what it sees."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer

from sightline import flags
from sightline.cli.describing import lines
from sightline.cli.frame import frame_at, write_picture
from sightline.config import ModelConfig
from sightline.errors import UsageError
from sightline.models.describe import describe
from sightline.models.identify import identify, require, save_manifest
from sightline.overlays.boxes import BoxOverlay
from sightline.pictures import place, rgb, tensor_rgb, view_of
from sightline.pipeline.build import build_model
from sightline.types import U8, Detections, Frame, FrameResult, InputSpec, Picture, PixelLayout, Prediction

__all__ = ["command", "side_by_side"]

Text = str | None


def command(
    model: Annotated[str, typer.Argument(help="a model file, or a folder that holds it")],
    picture: Annotated[Text, typer.Argument(help="a picture or video to try it on")] = None,
    output: Annotated[Text, typer.Option("-o", "--output", help="what the network sees beside what it finds")] = None,
    save: Annotated[bool, typer.Option("--save", help="write model.yaml into the model's folder")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="as JSON on standard output")] = False,
    head: Annotated[Text, typer.Option(help="how the outputs are read: NAME:key=value,...")] = None,
    color: Annotated[Text, typer.Option(help="rgb, bgr or grey")] = None,
    mean: Annotated[Text, typer.Option(help="tensor = (pixel - mean) / scale")] = None,
    scale: Annotated[Text, typer.Option(help="see --mean")] = None,
    resize: Annotated[Text, typer.Option(help="stretch, letterbox, letterbox-topleft or crop")] = None,
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
    found = identify(config)
    report = describe(found)
    if picture is not None and found.decided:
        report["tried"] = _tried(config, picture, output)
    if save:
        folder = Path(model) if Path(model).is_dir() else Path(model).parent
        report["saved"] = str(save_manifest(found, folder))
    print(json.dumps(report, indent=2) if as_json else "\n".join(lines(report)))
    if picture is not None:
        require(found)


# -- in pictures -------------------------------------------------------------------------------------------------------


def _tried(config: ModelConfig, picture: str, output: Text) -> dict[str, object]:
    """The model's objects on one frame, and the picture of it where one is asked for."""
    frame = frame_at(picture)
    model, _ = build_model(config)
    try:
        objects = model.predict(frame).detections
    finally:
        model.close()
    tried: dict[str, object] = {
        "picture": frame.stream.id,
        "objects": [
            {
                "label": objects.name_of(row),
                "score": round(float(objects.score[row]), 4),
                "box": [round(float(v), 2) for v in objects.xyxy[row]],
            }
            for row in range(len(objects))
        ],
    }
    if output is None:
        return tried
    path = Path(output)
    if Path(picture).exists() and path.exists() and path.samefile(picture):
        raise UsageError(f"{path}: the output would overwrite the picture; choose another name")
    write_picture(path, side_by_side(frame, model.picture_input, objects))
    return {**tried, "written": str(path)}


def side_by_side(frame: Frame, picture_input: InputSpec, objects: Detections) -> U8:
    """Left the picture as the network gets it, right the frame, the same objects on both; (H, W, 3) RGB."""
    if frame.picture is None:
        raise ValueError("the frame's picture was given back already")
    steps, size_wh = picture_input.preprocess, picture_input.size_wh
    left = tensor_rgb(frame, steps, size_wh)
    matrix = view_of(frame, place((frame.width, frame.height), size_wh, steps.resize, steps.pad)).matrix
    back = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))
    corners = objects.xyxy.reshape(-1, 2, 2) @ back[:2, :2].T + back[:2, 2]
    right = rgb(frame.picture)
    height = max(left.shape[0], min(right.shape[0], 1080))
    panels = [
        _drawn(frame, left, corners.reshape(-1, 4), objects, height),
        _drawn(frame, right, objects.xyxy, objects, height),
    ]
    bar = np.full((height, 6, 3), 128, np.uint8)
    return np.concatenate([panels[0], bar, panels[1]], axis=1)


def _drawn(frame: Frame, pixels: U8, boxes: np.ndarray[Any, Any], objects: Detections, height: int) -> U8:
    """`pixels` at the given height with its boxes and labels."""
    gain = height / pixels.shape[0]
    width = max(1, round(pixels.shape[1] * gain))
    out = np.array(cv2.resize(pixels, (width, height)), np.uint8)
    shown = replace(objects, xyxy=(boxes * gain).astype(np.float32), keypoints=None)
    result = FrameResult(replace(frame, picture=None, width=width, height=height), Prediction(shown))
    BoxOverlay()(Picture((out,), PixelLayout.RGB, full_range=True), result, ())
    return out
