"""Annotated pictures -> a video file with the times of its source, H.264 or H.265 through PyAV."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import av.container
import av.error
import av.video.codeccontext
import av.video.frame
import av.video.stream
import numpy as np

from sightline.errors import OutputError, UsageError
from sightline.protocols import RunInfo
from sightline.sinks.fit import as_i420, even, fit_planes
from sightline.sinks.target import Staged, check_target, in_folder, is_folder, output_name
from sightline.sinks.timeline import Timeline, output_base, usable_rate
from sightline.types import U8, ColorMatrix, FrameResult, Picture, StreamInfo

__all__ = ["SUFFIXES", "VideoSink"]

SUFFIXES = (".mp4", ".mkv", ".mov", ".m4v")
_CODECS = {"h264": "libx264", "h265": "libx265", "libx264": "libx264", "libx265": "libx265"}
_PRESETS = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow")
# H.273 code points: matrix, primaries, transfer
_TAGS = {ColorMatrix.BT601: (6, 6, 6), ColorMatrix.BT709: (1, 1, 1), ColorMatrix.BT2020: (9, 9, 14)}
_LONGEST_START_S = 60.0
_MOST_SLICES = 4


@dataclass(slots=True)
class VideoSink:
    """One stream's annotated video. Times are the source's own; `notes` says where they, or the size, could not be.

    path: .mp4, .m4v, .mov or .mkv (Matroska counts milliseconds, the others keep every time exactly), or a folder for
    STREAM.mp4 in it; "{stream}" in it stands for the stream's name. The file stands under a hidden name until it is
    whole; without a frame there is none.
    preset, crf: the encoder's own words: speed against size, and quality (0 best, 51 worst).
    codec: "h264" or "h265". threads: of the encoder, 0 for its own choice.
    fragmented: MP4 in fragments, playable up to the last one even if the process is killed.
    faststart: MP4 with its index in front, for the web; costs a second pass at the end.
    start: "auto" keeps the first time unless it is negative or, in MP4, beyond a minute (players show nothing until
    then); "source" keeps any that is not negative; "zero" begins at 0.

    Pictures with an odd width or height are filled up to an even one by repeating the last column or row (4:2:0 has
    no odd sizes). Pictures of another size than the first are letterboxed into it.
    """

    path: str
    preset: str = "veryfast"
    crf: int = 23
    codec: str = "h264"
    threads: int = 0
    fragmented: bool = False
    faststart: bool = False
    start: str = "auto"
    notes: list[str] = field(default_factory=list[str], init=False)
    wants_picture: bool = field(default=True, init=False)
    frames: int = field(default=0, init=False)
    _staged: Staged | None = field(default=None, init=False, repr=False)
    _encoder: _Encoder | None = field(default=None, init=False, repr=False)
    _timeline: Timeline | None = field(default=None, init=False, repr=False)
    _resized: int = field(default=0, init=False, repr=False)
    _untimed: bool = field(default=False, init=False, repr=False)

    def open(self, info: RunInfo) -> None:
        """Judge options and place; writes nothing. Raises UsageError."""
        if self.codec not in _CODECS:
            raise UsageError(f"video codec {self.codec!r}; known: h264, h265")
        if self.preset not in _PRESETS:
            raise UsageError(f"video preset {self.preset!r}; known: {', '.join(_PRESETS)}")
        if not 0 <= self.crf <= 51:
            raise UsageError(f"video crf {self.crf}: from 0 (best) to 51")
        if self.start not in ("auto", "source", "zero"):
            raise UsageError(f"video start {self.start!r}; known: auto, source, zero")
        target = Path(self.path)
        if is_folder(self.path):
            target /= "stream.mp4"
        elif target.suffix.lower() not in SUFFIXES:
            raise UsageError(f"{self.path}: unknown kind of video {target.suffix!r}; known: {', '.join(SUFFIXES)}")
        check_target(target)

    def write(self, result: FrameResult, picture: Picture | None) -> None:
        """Encode one upright picture, I420 or RGB. Raises OutputError naming the file."""
        if picture is None:
            raise ValueError("VideoSink: expected a picture")
        picture = as_i420(picture)
        if self._encoder is None or self._timeline is None:
            self._encoder, self._timeline = self._begin(result.frame.stream, picture)
            self._untimed = result.frame.at.pts is None
        planes = picture.planes
        w, h = picture.coded_wh
        if (w, h) != self._encoder.picture_wh:
            planes = fit_planes(planes, self._encoder.picture_wh, black=0 if picture.full_range else 16)
            self._resized += 1
        self._encoder.encode(planes, picture.owner, self._timeline.place(result.frame.at), self._timeline.step)
        self.frames += 1

    def close(self) -> None:
        """Finish the file and give it its name. Raises OutputError; then, as after any failure, nothing is left."""
        encoder, self._encoder = self._encoder, None
        if encoder is None or self._staged is None or encoder.broken:
            return
        encoder.finish()
        self._staged.commit()
        self._summarise()

    def _begin(self, stream: StreamInfo, picture: Picture) -> tuple[_Encoder, Timeline]:
        if is_folder(self.path):
            final = in_folder(self.path, stream.id, output_name(stream.id, ".mp4"))
        else:
            final = Path(self.path.replace("{stream}", output_name(stream.id, "")))
        self._staged = Staged(final)
        base = output_base(stream.base)
        edit_list = final.suffix.lower() != ".mkv"  # which players take for a wait before the first picture
        longest = {"zero": 0.0, "source": math.inf, "auto": _LONGEST_START_S if edit_list else math.inf}[self.start]
        if stream.live and self.start == "auto":
            longest = 0.0
        rate = usable_rate(stream.rate)
        return _Encoder(self, self._staged, picture, base, rate), Timeline(base, rate, longest)

    def _summarise(self) -> None:
        """Say in `notes` what the video could not keep."""
        line = self._timeline
        if line is not None and line.shifted:
            seconds = float(line.shifted * line.base)
            self.notes.append(f"video: all times moved by {seconds:+.6g} s, so that the video begins at 0")
        if line is not None and line.moved and not self._untimed:
            self.notes.append(
                f"video: {line.moved} of {self.frames} pictures moved in time, because the source's times "
                "repeat, run back, jump or are missing; the results keep its own"
            )
        if self._untimed:
            self.notes.append("video: the source has no times; its nominal rate was used")
        if self._resized:
            self.notes.append(f"video: {self._resized} pictures of another size than the first were letterboxed")


class _Encoder:
    """A container with one video stream, and the picture that planes are copied into."""

    def __init__(self, options: VideoSink, staged: Staged, picture: Picture, base: Fraction, rate: Fraction) -> None:
        self._staged = staged
        self.broken = False
        self.picture_wh = picture.coded_wh
        self._coded_wh = even(self.picture_wh)
        self._base = base
        self._codec = options.codec
        self._pool: tuple[av.video.frame.VideoFrame, tuple[U8, U8, U8]] | None = None
        path = staged.begin()
        # the second is what the time of the first picture is counted in: a millisecond if left alone
        clocks = ("video_track_timescale", "movie_timescale") if path.suffix.lower() != ".mkv" else ()
        flags = {clock: str(base.denominator) for clock in clocks}
        if options.fragmented and flags:
            flags["movflags"] = "frag_keyframe+delay_moov+default_base_moof"
        elif options.faststart and flags:
            flags["movflags"] = "faststart"
        with self._translated():
            self._container = cast(
                av.container.OutputContainer, av.open(str(path), "w", format=_format(path), options=flags)
            )
            encoder = _CODECS[options.codec]
            self._stream = cast(av.video.stream.VideoStream, self._container.add_stream(encoder, rate=rate))
            _configure(self._stream, options, self._coded_wh, base, picture)

    def encode(self, planes: tuple[U8, ...], owner: object, pts: int, duration: int) -> None:
        """Hand one picture of `picture_wh` to the encoder; it has been copied when this returns."""
        frame = self._own(planes, owner) or self._copied(planes)
        frame.pts, frame.time_base, frame.duration = pts, self._base, duration
        with self._translated():
            self._container.mux(self._stream.encode(frame))

    def finish(self) -> None:
        """Write what the encoder still holds, and the index."""
        with self._translated():
            self._container.mux(self._stream.encode(None))
            self._container.close()

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

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """FFmpeg's errors as OutputError; the unfinished file is removed."""
        try:
            yield
        except (av.error.FFmpegError, OSError) as error:
            self.broken = True
            with contextlib.suppress(av.error.FFmpegError, OSError, AttributeError):
                self._container.close()
            self._staged.discard()
            reason = error.strerror or str(error)
            if isinstance(error, av.error.ArgumentError):
                w, h = self._coded_wh
                reason += f" ({self._codec}, {w} x {h})"
            raise OutputError(f"{self._staged.final}: video cannot be written: {reason}") from error


def _format(path: Path) -> str:
    return {".mkv": "matroska", ".mov": "mov"}.get(path.suffix.lower(), "mp4")


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _configure(
    stream: av.video.stream.VideoStream,
    options: VideoSink,
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
    context.options = {"preset": options.preset, "crf": str(options.crf)}
    if _CODECS[options.codec] == "libx265":
        context.options = {**context.options, "x265-params": "log-level=error"}
        context.codec_tag = "hvc1"
    # Threads that share a picture in slices cost the least CPU and memory where little is done for it, and make 0.4 % a
    # slice more of it. Presets that look further do as well with one picture a thread, which costs nothing in size.
    sliced = _CODECS[options.codec] == "libx264" and options.preset == "ultrafast"
    context.thread_type = "SLICE" if sliced else "FRAME"
    context.thread_count = options.threads or (min(_MOST_SLICES, _cores()) if sliced else _cores())
    context.colorspace, context.color_primaries, context.color_trc = _TAGS[picture.matrix]
    context.color_range = 2 if picture.full_range else 1
