"""Annotated pictures -> a video file with the times of its source, H.264 or H.265 through PyAV."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import av.container
import av.error

from sightline.errors import OutputError, UsageError
from sightline.protocols import RunInfo
from sightline.sinks.coder import Coder, Coding
from sightline.sinks.fit import as_i420, even, fit_planes
from sightline.sinks.target import Staged, check_target, in_folder, is_folder, output_name
from sightline.sinks.timeline import Timeline, output_base, usable_rate
from sightline.types import U8, FrameResult, Picture, StreamInfo

__all__ = ["SUFFIXES", "VideoSink"]

SUFFIXES = (".mp4", ".mkv", ".mov", ".m4v")
_LONGEST_START_S = 60.0


@dataclass(slots=True)
class VideoSink:
    """One stream's annotated video. Times are the source's own; `notes` says where they, or the size, could not be.

    path: .mp4, .m4v, .mov or .mkv (Matroska counts milliseconds, the others keep every time exactly), or a folder for
    STREAM.mp4 in it; "{stream}" in it stands for the stream's name. The file stands under a hidden name until it is
    whole; without a frame there is none.
    preset, crf: the encoder's own words: speed against size, and quality (0 best, 51 worst).
    bitrate: bits a second on the average instead of crf, 0 for none. gop: most pictures from one key picture to the
    next, 0 for the encoder's own choice.
    codec: "h264" or "h265". threads: of the encoder, 0 for its own choice.
    fragmented: MP4 in fragments, playable up to the last one even if the process is killed.
    faststart: MP4 with its index in front, for the web; costs a second pass at the end.
    start: "auto" keeps the first time unless it is negative or, in MP4, beyond a minute (players show nothing until
    then); "source" keeps any that is not negative; "zero" begins at 0.
    streams: only these streams are written; default: all.

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
    streams: tuple[str, ...] = ()
    bitrate: int = 0
    gop: int = 0
    notes: list[str] = field(default_factory=list[str], init=False)
    wants_picture: bool = field(default=True, init=False)
    frames: int = field(default=0, init=False)
    _staged: Staged | None = field(default=None, init=False, repr=False)
    _encoder: _Encoder | None = field(default=None, init=False, repr=False)
    _timeline: Timeline | None = field(default=None, init=False, repr=False)
    _resized: int = field(default=0, init=False, repr=False)
    _untimed: bool = field(default=False, init=False, repr=False)

    @property
    def coding(self) -> Coding:
        """How pictures are encoded."""
        return Coding(self.codec, self.preset, self.crf, self.threads, self.gop, self.bitrate)

    def open(self, info: RunInfo) -> None:
        """Judge options and place; writes nothing. Raises UsageError."""
        self.coding.check("video")
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
        if self.streams and result.frame.stream.id not in self.streams:
            return
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
    """A container with one video stream."""

    def __init__(self, options: VideoSink, staged: Staged, picture: Picture, base: Fraction, rate: Fraction) -> None:
        self._staged = staged
        self.broken = False
        self.picture_wh = picture.coded_wh
        self._codec = options.codec
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
            self._coder = Coder(self._container, options.coding, picture, base, rate)

    def encode(self, planes: tuple[U8, ...], owner: object, pts: int, duration: int) -> None:
        """Hand one picture of `picture_wh` to the encoder; it has been copied when this returns."""
        with self._translated():
            self._container.mux(self._coder.encode(planes, owner, pts, duration))

    def finish(self) -> None:
        """Write what the encoder still holds, and the index."""
        with self._translated():
            self._container.mux(self._coder.flush())
            self._container.close()

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
                w, h = even(self.picture_wh)
                reason += f" ({self._codec}, {w} x {h})"
            raise OutputError(f"{self._staged.final}: video cannot be written: {reason}") from error


def _format(path: Path) -> str:
    return {".mkv": "matroska", ".mov": "mov"}.get(path.suffix.lower(), "mp4")
