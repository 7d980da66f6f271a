"""Pictures -> coded packets, H.264 or H.265 through PyAV's encoders."""

from __future__ import annotations

import os
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import av.container
import av.packet
import av.video.codeccontext
import av.video.frame
import av.video.stream
import numpy as np

from sightline.errors import UsageError
from sightline.sinks.fit import even
from sightline.types import U8, ColorMatrix, Picture

__all__ = ["Coder", "Coding"]

_CODECS = {"h264": "libx264", "h265": "libx265", "libx264": "libx264", "libx265": "libx265"}
_PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
# H.273 code points: matrix, primaries, transfer
_TAGS = {ColorMatrix.BT601: (6, 6, 6), ColorMatrix.BT709: (1, 1, 1), ColorMatrix.BT2020: (9, 9, 14)}
_MOST_SLICES = 4
_LEAST_BITS, _MOST_BITS = 1_000, 1_000_000_000  # a second
_LONGEST_GOP = 100_000


@dataclass(frozen=True, slots=True)
class Coding:
    """How to encode. preset, crf: the encoder's own words; threads: 0 for its own choice; gop: most pictures from one
    key picture to the next, 0 for the encoder's own choice. bitrate: bits a second on the average, instead of the even
    quality of crf; 0: crf decides.
    """

    codec: str = "h264"
    preset: str = "veryfast"
    crf: int = 23
    threads: int = 0
    gop: int = 0
    bitrate: int = 0

    def check(self, what: str) -> None:
        """Raise UsageError where the encoder knows no such thing; `what` is asked for it."""
        if self.codec not in _CODECS:
            raise UsageError(f"{what} codec {self.codec!r}; known: h264, h265")
        if self.preset not in _PRESETS:
            raise UsageError(f"{what} preset {self.preset!r}; known: {', '.join(_PRESETS)}")
        if not 0 <= self.crf <= 51:
            raise UsageError(f"{what} crf {self.crf}: from 0 (best) to 51")
        if not 0 <= self.gop <= _LONGEST_GOP:
            raise UsageError(f"{what} gop {self.gop}: from 0 (the encoder's own choice) to {_LONGEST_GOP} pictures")
        if self.bitrate and not _LEAST_BITS <= self.bitrate <= _MOST_BITS:
            raise UsageError(f"{what} bitrate {self.bitrate}: from {_LEAST_BITS} to {_MOST_BITS} bits a second, or 0")


class Coder:
    """The video stream of a container, its encoder, and the picture that planes are copied into.

    Sizes and colour are those of the first picture, filled up to even sides. Raises PyAV's own errors.
    """

    def __init__(
        self,
        container: av.container.OutputContainer,
        how: Coding,
        picture: Picture,
        base: Fraction,
        rate: Fraction,
    ) -> None:
        self._coded_wh = even(picture.coded_wh)
        self._base = base
        self._pool: tuple[av.video.frame.VideoFrame, tuple[U8, U8, U8]] | None = None
        self.stream = cast(av.video.stream.VideoStream, container.add_stream(_CODECS[how.codec], rate=rate))
        _configure(self.stream, how, self._coded_wh, base, picture)

    def encode(self, planes: tuple[U8, ...], owner: object, pts: int, duration: int) -> list[av.packet.Packet]:
        """The packets that are ready after this picture, which has been copied when this returns."""
        frame = self._own(planes, owner) or self._copied(planes)
        frame.pts, frame.time_base, frame.duration = pts, self._base, duration
        return self.stream.encode(frame)

    def flush(self) -> list[av.packet.Packet]:
        """What the encoder still holds; nothing can be encoded afterwards."""
        return self.stream.encode(None)

    def _own(self, planes: tuple[U8, ...], owner: object) -> av.video.frame.VideoFrame | None:
        """The owner of the planes, where the encoder can take it as it is."""
        if not isinstance(owner, av.video.frame.VideoFrame) or owner.format.name != "yuv420p":
            return None
        if (owner.width, owner.height) != self._coded_wh or planes[0].shape[::-1] != self._coded_wh:
            return None
        for plane, kept in zip(planes, owner.planes, strict=True):
            if plane.__array_interface__["data"][0] != kept.buffer_ptr or plane.strides != (kept.line_size, 1):
                return None  # a part of it, or something else
        owner.pict_type = 0  # what kind the decoder had found it to be is no order for the encoder
        return owner

    def _copied(self, planes: tuple[U8, ...]) -> av.video.frame.VideoFrame:
        if self._pool is None:
            frame = av.video.frame.VideoFrame(*self._coded_wh, "yuv420p")
            views = [
                np.frombuffer(memoryview(p), np.uint8).reshape(-1, p.line_size)[: p.height, : p.width]  # pyright: ignore
                for p in frame.planes
            ]
            self._pool = frame, (views[0], views[1], views[2])
        frame, views = self._pool
        for into, plane in zip(views, planes, strict=True):
            h, w = plane.shape
            into[:h, :w] = plane
            into[:h, w:] = plane[:, w - 1 :]
            into[h:] = into[h - 1 : h]
        return frame


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _configure(
    stream: av.video.stream.VideoStream,
    how: Coding,
    coded_wh: tuple[int, int],
    base: Fraction,
    picture: Picture,
) -> None:
    """Sizes, clock, quality and colour of the encoder, before its first picture."""
    stream.time_base = base
    context = cast(av.video.codeccontext.VideoCodecContext, stream.codec_context)
    context.width, context.height = coded_wh
    context.pix_fmt = "yuv420p"
    context.time_base = base
    context.options = {"preset": how.preset} if how.bitrate else {"preset": how.preset, "crf": str(how.crf)}
    if how.bitrate:
        context.bit_rate = how.bitrate
    if _CODECS[how.codec] == "libx265":
        context.options = {**context.options, "x265-params": "log-level=error"}
        context.codec_tag = "hvc1"
    # Threads that share a picture in slices cost the least CPU and memory where little is done for it, and make 0.4 % a
    # slice more of it. Presets that look further do as well with one picture a thread, which costs nothing in size.
    sliced = _CODECS[how.codec] == "libx264" and how.preset == "ultrafast"
    context.thread_type = "SLICE" if sliced else "FRAME"
    context.thread_count = how.threads or (min(_MOST_SLICES, _cores()) if sliced else _cores())
    if how.gop:
        context.gop_size = how.gop
    context.colorspace, context.color_primaries, context.color_trc = _TAGS[picture.matrix]
    context.color_range = 2 if picture.full_range else 1
