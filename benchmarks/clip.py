"""The video to measure on: 1080p25 H.264 of the street that Sightline draws, or the user's own; and repeats of it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from av.video.stream import VideoStream

from sightline.sources.synthetic import Scene

__all__ = ["draw", "frames_of", "repeat"]

_RATE = 25


def draw(path: Path, frames: int, size_wh: tuple[int, int] = (1920, 1080)) -> None:
    """Write `frames` frames of the synthetic street: x264, preset veryfast, crf 23."""
    scene = Scene(seed=1, width=size_wh[0], height=size_wh[1], rate=Fraction(_RATE), light=0.0)
    partial = path.with_suffix(".partial.mp4")
    with av.open(str(partial), "w") as out:
        stream = out.add_stream("libx264", rate=_RATE, options={"preset": "veryfast", "crf": "23"})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = *size_wh, "yuv420p"
        stream.codec_context.colorspace = Colorspace.SMPTE170M
        stream.codec_context.color_range = ColorRange.MPEG
        for index in range(frames):
            picture, _ = scene.draw(index)
            planes = np.concatenate([plane.reshape(-1) for plane in picture.planes])
            frame = av.VideoFrame.from_ndarray(planes.reshape(-1, size_wh[0]), format="yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, _RATE)
            frame.colorspace, frame.color_range = Colorspace.SMPTE170M, ColorRange.MPEG
            out.mux(stream.encode(frame))
        out.mux(stream.encode())
    partial.replace(path)


def repeat(clip: Path, times: int, out: Path) -> int:
    """The packets of `clip` `times` in a row, not encoded anew; returns how many there are."""
    with av.open(str(out), "w") as target:
        stream: VideoStream | None = None
        written = offset = 0
        for _ in range(times):
            with av.open(str(clip)) as source:
                video = source.streams.video[0]
                if stream is None:
                    stream = target.add_stream_from_template(video)
                first = last = None
                for packet in source.demux(video):
                    if packet.dts is None or packet.pts is None:
                        continue
                    after = packet.pts + (packet.duration or 1)
                    first = packet.pts if first is None else min(first, packet.pts)
                    last = after if last is None else max(last, after)
                    packet.pts += offset
                    packet.dts += offset
                    packet.stream = stream
                    target.mux(packet)
                    written += 1
                offset += (last or 0) - (first or 0)
    return written


def frames_of(clip: Path) -> int:
    """How many pictures the decoder gives."""
    with av.open(str(clip)) as container:
        return sum(1 for _ in container.decode(video=0))
