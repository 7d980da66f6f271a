"""Picture files -> upright RGB frames without time, the pixels equal to `cv2.imread`; Pillow where OpenCV cannot."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from sightline.errors import InputError
from sightline.types import U8, Frame, Instant, Picture, PixelLayout, StreamInfo

__all__ = ["PICTURE_ENDINGS", "StillsSource", "looks_like_picture", "read_picture"]

_TAIL = 1 << 16  # a whole JPEG has its end marker in the last so many bytes, whatever a camera appends
_WORDS = "jpg jpeg jpe jfif png bmp dib webp avif gif tif tiff pgm ppm pbm pnm pam jp2 hdr exr ras sr tga ico heic"
PICTURE_ENDINGS = frozenset(_WORDS.split())


@dataclass
class StillsSource:
    """One or more picture files, as a `Source`: one frame each, in the given order.

    `failed` lists what could not be read, with the reason, once the frames have been drawn: the others are not lost
    for it. Raises InputError where there is only one picture, or none of several can be read.
    """

    paths: Sequence[Path]
    id: str = ""
    max_frames: int | None = None
    loop: bool = False
    live: bool = field(default=False, init=False)
    failed: list[tuple[Path, str]] = field(default_factory=list, init=False)
    stopping: threading.Event = field(default_factory=threading.Event, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.paths = tuple(Path(p) for p in self.paths)
        self.id = self.id or (self.paths[0].name if self.paths else "pictures")

    def stop(self) -> None:
        """Ask `frames` to end; safe from any thread."""
        self.stopping.set()

    def frames(self, tap: Callable[[object], None] | None = None) -> Iterator[Frame]:
        """A frame a picture; `tap` is never called, there are no packets."""
        index = epoch = 0
        while True:
            for path in self.paths:
                if self.stopping.is_set() or index == self.max_frames:
                    return
                try:
                    rgb = read_picture(path)
                except InputError as error:
                    if len(self.paths) == 1:
                        raise
                    if epoch == 0:
                        self.failed.append((path, str(error)))
                    continue
                yield self._frame(rgb, index, epoch, path)
                index += 1
            if not index:
                reasons = "; ".join(reason for _, reason in self.failed[:2])
                raise InputError(f"{self.id}: none of {len(self.paths)} pictures can be read ({reasons})")
            if not self.loop:
                return
            epoch += 1

    def _frame(self, rgb: U8, index: int, epoch: int, path: Path) -> Frame:
        h, w = rgb.shape[:2]
        known = None if self.loop else len(self.paths)
        info = StreamInfo(self.id, w, h, Fraction(1), timed=False, still=True, frames=known)
        picture = Picture((rgb,), PixelLayout.RGB, full_range=True)
        at = Instant(None, Fraction(1), epoch)
        return Frame(info, index, at, picture, w, h, time.time_ns(), name=path.name)


def read_picture(path: Path) -> U8:
    """(h, w, 3) RGB uint8, upright (EXIF turn applied), alpha dropped, the first picture of several.

    The pixels are those of `cv2.imread(path, IMREAD_COLOR)`, in RGB order. Raises InputError naming the file.
    """
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from None
    if not len(data):
        raise InputError(f"{path}: the file is empty")
    rgb = _by_opencv(data)
    return _by_pillow(path) if rgb is None else rgb


def _by_opencv(data: U8) -> U8 | None:
    """None where OpenCV cannot, or would show grey for what a truncated JPEG lacks."""
    if data[:3].tobytes() == b"\xff\xd8\xff" and b"\xff\xd9" not in data[-_TAIL:].tobytes():
        return None
    level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # what is wrong is said by Pillow
    try:
        rgb = cv2.imdecode(data, cv2.IMREAD_COLOR_RGB)
    except cv2.error:
        return None
    finally:
        cv2.utils.logging.setLogLevel(level)
    return None if rgb is None else np.asarray(rgb, np.uint8)


def _by_pillow(path: Path) -> U8:
    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image)
            return np.asarray(upright.convert("RGB"), np.uint8)
    except UnidentifiedImageError:
        raise InputError(f"{path}: not a picture that can be read") from None
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{path}: the picture is broken ({error})") from None


def looks_like_picture(path: Path) -> bool:
    """By the first bytes where they tell, else by the ending. A GIF or AVIF of several pictures counts as a video."""
    head = b""
    with contextlib.suppress(OSError):
        if path.is_file():  # a pipe gives its bytes only once, and to nobody until somebody writes
            with path.open("rb") as file:
                head = file.read(32)
    ending = path.suffix.lower().lstrip(".")
    if head.startswith((b"GIF87a", b"GIF89a")):
        return not _moves(path)
    if head.startswith(b"\xff\xd8\xff"):
        return ending not in ("mjpeg", "mjpg")
    if head.startswith(b"\x89PNG\r\n\x1a\n") or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return True
    if head[4:12] == b"ftypavis":
        return not _moves(path)
    if head[4:8] == b"ftyp":
        return head[8:12] in (b"avif", b"avis", b"heic", b"heix", b"mif1", b"msf1")
    return ending in PICTURE_ENDINGS


def _moves(path: Path) -> bool:
    try:
        with Image.open(path) as image:
            return bool(getattr(image, "is_animated", False))
    except (OSError, SyntaxError, ValueError):
        return False
