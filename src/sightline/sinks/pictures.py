"""Annotated pictures -> picture files."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PurePath

import cv2

from sightline.errors import OutputError, UsageError
from sightline.pictures import rgb
from sightline.protocols import RunInfo
from sightline.sinks.target import Staged, check_target, in_folder, is_folder, output_name
from sightline.types import U8, Frame, FrameResult, Picture

__all__ = ["SUFFIXES", "PictureSink"]

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")


@dataclass(slots=True)
class PictureSink:
    """A picture file a frame; each appears whole under its name or not at all.

    path: a file (.jpg, .png, .webp, .bmp, .tif) for a single picture, further ones get their number before the
    suffix; or a folder, in which pictures keep their names (frames of a video: STREAM-000012.jpg). "{stream}" in it
    stands for the stream's name.
    quality: of JPEG and WebP, 1 to 100.
    """

    path: str
    quality: int = 95
    wants_picture: bool = field(default=True, init=False)
    written: list[Path] = field(default_factory=list[Path], init=False, repr=False)

    def open(self, info: RunInfo) -> None:
        """Judge options and place; writes nothing. Raises UsageError."""
        if not 1 <= self.quality <= 100:
            raise UsageError(f"pictures quality {self.quality}: from 1 to 100")
        suffix = Path(self.path).suffix.lower()
        if not is_folder(self.path) and suffix not in SUFFIXES:
            raise UsageError(f"{self.path}: unknown kind of picture {suffix!r}; known: {', '.join(SUFFIXES)}")
        check_target(Path(self.path) / "picture.jpg" if is_folder(self.path) else Path(self.path))

    def write(self, result: FrameResult, picture: Picture | None) -> None:
        """Write one picture, I420 or RGB. Raises OutputError naming the file."""
        if picture is None:
            raise ValueError("PictureSink: expected a picture")
        target = self._target(result.frame)
        data = _encoded(rgb(picture), target, self.quality)
        staged = Staged(target)
        try:
            staged.begin().write_bytes(data)
        except OSError as error:
            staged.discard()
            raise OutputError(f"{target}: cannot be written: {error.strerror or error}") from error
        staged.commit()
        self.written.append(target)

    def close(self) -> None:
        """Nothing is left to do: every picture is whole."""

    def _target(self, frame: Frame) -> Path:
        if is_folder(self.path):
            return in_folder(self.path, frame.stream.id, self._name(frame))
        target = Path(self.path.replace("{stream}", output_name(frame.stream.id, "")))
        return target if frame.index == 0 else target.with_name(f"{target.stem}-{frame.index:06d}{target.suffix}")

    def _name(self, frame: Frame) -> str:
        stream = frame.stream
        if frame.name:
            name = frame.name
        elif stream.still and stream.frames == 1:
            name = PurePath(stream.id).name
        else:
            name = output_name(stream.id, f"-{frame.index:06d}.jpg")
        return name if PurePath(name).suffix.lower() in SUFFIXES else f"{name}.jpg"


def _encoded(pixels: U8, target: Path, quality: int) -> bytes:
    """(h, w, 3) RGB -> the bytes of a file of the target's kind; JPEG keeps full colour resolution."""
    options: list[int] = []
    suffix = target.suffix.lower()
    if suffix in (".jpg", ".jpeg"):
        full = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
        options = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, full]
    elif suffix == ".webp":
        options = [cv2.IMWRITE_WEBP_QUALITY, quality]
    try:
        done, data = cv2.imencode(suffix, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), options)
    except cv2.error as error:
        raise OutputError(f"{target}: cannot be encoded: {' '.join(str(error.err).split())}") from error
    if not done:
        h, w = pixels.shape[:2]
        raise OutputError(f"{target}: a picture of {w} x {h} does not fit this kind of file; use .png")
    return data.tobytes()
