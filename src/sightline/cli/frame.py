"""One picture of an input, for the commands that look at a single one; and pictures written to disk."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from sightline.errors import InputError, OutputError, UsageError
from sightline.sinks.target import Staged, check_target
from sightline.sources.inputs import build_source, expand
from sightline.sources.synthetic import SyntheticSource
from sightline.types import U8, Frame

__all__ = ["frame_at", "frames_of", "write_picture"]

PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


def frames_of(text: str, stream: int | None = None) -> Iterator[Frame]:
    """The frames of the first stream that `text` names."""
    item = expand([text])[0]
    if item.kind == "synthetic":
        return SyntheticSource.from_url(item.url, item.id).frames()
    return build_source(item, stream=stream).frames()


def frame_at(text: str, at_s: float = 0.0, stream: int | None = None) -> Frame:
    """The first frame that is `at_s` seconds or more after the first one. Raises InputError where none is."""
    with contextlib.closing(frames_of(text, stream)) as frames:  # type: ignore[type-var]
        first = last = None
        for frame in frames:
            first = frame if first is None else first
            last = frame
            began, now = first.at.seconds, frame.at.seconds
            if at_s <= 0 or (began is not None and now is not None and now - began >= at_s):
                return frame
    if last is None:
        raise InputError(f"{text}: no picture in it")
    if at_s and not last.stream.still:
        raise InputError(f"{text}: ends before {at_s:g} s")
    return last


def write_picture(path: Path, pixels: U8) -> None:
    """Write (H, W, 3) RGB under its final name once it is whole. Raises UsageError, OutputError."""
    if path.suffix.lower() not in PICTURES:
        raise UsageError(f"{path}: unknown kind of picture {path.suffix!r}; known: {' '.join(PICTURES)}")
    check_target(path)
    staged = Staged(path)
    try:
        made, data = cv2.imencode(path.suffix, np.ascontiguousarray(pixels[:, :, ::-1]))
        if not made:
            raise OutputError(f"{path}: cannot be encoded")
        staged.begin().write_bytes(data.tobytes())
    except OSError as error:
        staged.discard()
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from error
    staged.commit()
