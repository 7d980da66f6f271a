"""`sightline grid video.mp4 -o grid.jpg`: a frame with coordinates, to place lines and zones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer

from sightline.cli.frame import frame_at, write_picture
from sightline.errors import UsageError
from sightline.flags import limit
from sightline.pictures import rgb
from sightline.sinks.target import output_name
from sightline.types import U8

__all__ = ["command", "draw_grid"]

_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)


def command(
    source: Annotated[str, typer.Argument(metavar="INPUT", help="a video, picture, stream or device")],
    output: Annotated[str | None, typer.Option("-o", "--output", help="the picture; default INPUT.grid.jpg")] = None,
    at: Annotated[str | None, typer.Option(help="take the frame at 5s or 1min instead of the first")] = None,
    step: Annotated[float, typer.Option(help="distance of the lines, as a fraction of the frame")] = 0.1,
    stream: Annotated[int | None, typer.Option(help="index of the video stream in the file")] = None,
) -> None:
    """A frame with a coordinate grid: fractions at the top and left, pixels below and at the right."""
    if not 0.01 <= step <= 0.5:
        raise UsageError(f"--step {step:g}: from 0.01 to 0.5")
    frame = frame_at(source, limit(at).seconds or 0.0, stream)
    path = Path(output) if output is not None else Path(output_name(frame.stream.id, ".grid.jpg"))
    if path.exists() and Path(source).exists() and path.samefile(source):
        raise UsageError(f"{path}: the output would overwrite the input; choose another name")
    if frame.picture is None:
        raise UsageError(f"{source}: the frame has no picture")
    write_picture(path, draw_grid(rgb(frame.picture), step))
    print(f"{path}: {frame.width}x{frame.height}")


def draw_grid(pixels: U8, step: float) -> U8:
    """(H, W, 3) RGB -> a copy with lines every `step` of width and height, each with its fraction and its pixel."""
    out = np.ascontiguousarray(pixels).copy()
    height, width = out.shape[:2]
    size = max(0.4, min(width, height) / 1000)
    for i in range(1, round(1 / step + 0.499)):
        x, y, text = round(i * step * width), round(i * step * height), f"{i * step:.3g}"
        for color, thick in ((_BLACK, 2), (_WHITE, 1)):
            cv2.line(out, (x, 0), (x, height - 1), color, thick)
            cv2.line(out, (0, y), (width - 1, y), color, thick)
        _write(out, text, (x + 3, round(34 * size)), size)
        _write(out, text, (3, y - 4), size)
        _write(out, str(x), (x + 3, height - 6), size)
        _write(out, str(y), (width - round(95 * size), y - 4), size)
    return out


def _write(out: U8, text: str, at: tuple[int, int], size: float) -> None:
    cv2.putText(out, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, _BLACK, max(2, round(5 * size)), cv2.LINE_AA)
    cv2.putText(out, text, at, cv2.FONT_HERSHEY_SIMPLEX, size, _WHITE, max(1, round(2 * size)), cv2.LINE_AA)
