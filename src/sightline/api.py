"""The Python door: `load` a model and call it with pictures, `run` it over videos. Nothing here is global."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from sightline import flags, outputs
from sightline.config import PipelineConfig, StreamConfig
from sightline.config_text import load_config
from sightline.errors import UsageError
from sightline.pipeline.build import build, build_model
from sightline.sources.inputs import expand
from sightline.types import (
    U8,
    Detections,
    Frame,
    FrameResult,
    Instant,
    ModelSpec,
    Picture,
    PixelLayout,
    Prediction,
    StreamInfo,
)

__all__ = ["Detector", "load", "run"]


class Detector:
    """A loaded model: call it with a picture. May be called from several threads, one at a time is served.

    `spec` says what was identified: labels, thresholds, preprocessing.
    """

    def __init__(self, path: str, **options: object) -> None:
        self._model, identified = build_model(flags.model(path, **options))
        self.spec: ModelSpec = self._model.spec
        self.warnings: tuple[str, ...] = identified.warnings
        self._lock = threading.Lock()
        self._count = 0

    def __call__(self, picture: U8) -> Detections:
        """The objects of one picture (H, W, 3) uint8 RGB or (H, W) grey, boxes in its pixels.

        Raises ValueError for another shape or dtype.
        """
        return self.predict(picture).detections

    def predict(self, picture: U8) -> Prediction:
        """Everything the model says of one picture: objects, and attributes, class map, embedding or text of it all.

        The same pictures as above; a class map has the picture's size.
        """
        frame = self._frame(picture)
        with self._lock:
            return self._model.predict(frame)

    def _frame(self, picture: U8) -> Frame:
        pixels = np.asarray(picture)
        if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] != 3):
            raise ValueError(f"picture: expected (H, W, 3) or (H, W) uint8, got {pixels.shape} {pixels.dtype}")
        if pixels.ndim == 2:
            pixels = np.repeat(pixels[:, :, None], 3, axis=2)
        height, width = pixels.shape[:2]
        if not width or not height:
            raise ValueError(f"picture: expected at least one pixel, got {pixels.shape}")
        stream = StreamInfo("picture", width, height, Fraction(1), timed=False, still=True)
        self._count += 1
        whole = Picture((np.ascontiguousarray(pixels),), PixelLayout.RGB, full_range=True)
        return Frame(stream, self._count - 1, Instant(None, Fraction(1)), whole, width, height)

    def close(self) -> None:
        """Let go of the compiled model."""
        with self._lock:
            self._model.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def load(path: str, **options: object) -> Detector:
    """A model ready to be called. `options` are the keys of `model:` in a pipeline file: score, nms, classes, head ...

    Raises ModelError for a file that is no model, UndecidedError with the question where it does not say how it is fed
    or read, UsageError for an option that does not fit.
    """
    return Detector(path, **options)


def run(
    model: str,
    *inputs: str,
    line: str | Sequence[str] = (),
    zone: str | Sequence[str] = (),
    track: str | None = None,
    output: str | None = None,
    results: str | None = None,
    maps: str | None = None,
    overlay: str | None = None,
    video: str | None = None,
    crop: str | None = None,
    limit: str | None = None,
    interval: int | None = None,
    loop: bool = False,
    connect_timeout_s: float | None = None,
    stream: int | None = None,
    pictures: bool = False,
    then: Sequence[str | Mapping[str, object]] = (),
    logic: str | None = None,
    **options: object,
) -> Iterator[FrameResult]:
    """Every frame of every input with its objects, tracks, events and counts; each stream's in order.

    The words are those of `sightline run`; `options` are further keys of `model:` in a pipeline file, `then` its stages
    ({"model": "points.onnx", "grow": 0.1}). A pipeline file alone, without inputs, says everything itself. Files are
    written only where `output`, `results` or `maps` name them. `pictures`: results hold their frame's picture
    (`sightline.pictures.rgb(result.frame.picture)`). Leaving the loop ends every thread. Raises SightlineError; what
    ended one stream of several is raised after the others have ended.
    """
    if not inputs and Path(model).suffix.lower() in (".yaml", ".yml"):
        whole = load_config(model)
        outputs.check_outputs(whole, outputs.inputs_of(whole))
        return _results(whole, pictures)
    if not inputs:
        raise UsageError("run: no input; name a video, picture or stream after the model")
    lines, zones = ([value] if isinstance(value, str) else list(value) for value in (line, zone))
    until = flags.limit(limit)
    box, in_pixels = flags.crop(crop)
    written = output is not None or results is not None
    config = flags.pipeline(
        streams=tuple(StreamConfig(url=text, stream=stream) for text in inputs),
        model=flags.model(model, **options),
        then=tuple(flags.stage(one) for one in then),
        logic=flags.code(logic, trust=False, dev=False),
        tracker=flags.tracker(track, needed=bool(lines or zones)),
        analytics=flags.analytics(lines, zones),
        overlay=flags.drawing(overlay) if output is not None else None,
        sinks=outputs.sinks_for(expand(inputs), output, results, flags.video(video)) if written else (),
        maps=maps,
        limits=flags.limits(
            duration_s=until.seconds, frames=until.frames, loop=loop or None, interval=interval, crop=box,
            crop_px=in_pixels or None, connect_timeout_s=connect_timeout_s,
        ),
    )  # fmt: skip
    outputs.check_outputs(config, outputs.inputs_of(config))
    return _results(config, pictures)


def _results(config: PipelineConfig, pictures: bool) -> Iterator[FrameResult]:
    with build(config, keep_pictures=pictures) as pipeline:
        yield from pipeline.results()
    for error in pipeline.lost.values():
        raise error
