"""Videos whose every picture shows its number, so that a test can tell which pictures it got."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream

BITS = 10


def paint(number: int, width: int = 160, height: int = 48) -> np.ndarray:
    """(h * 3 / 2, w) I420: the number in bits, as black and white columns."""
    planes = np.full((height * 3 // 2, width), 128, np.uint8)
    for bit in range(BITS):
        planes[:height, bit * 16 : bit * 16 + 16] = 235 if number >> bit & 1 else 16
    return planes


def read(luma: np.ndarray) -> int:
    """The number that a picture shows."""
    return sum((int(luma[8:40, bit * 16 + 4 : bit * 16 + 12].mean()) > 125) << bit for bit in range(BITS))


def write_numbered(
    path: Path,
    count: int = 200,
    rate: int = 25,
    gop: int = 25,
    bframes: int = 2,
    codec: str = "libx264",
    container: str | None = None,
    start: int = 0,
) -> Path:
    """`count` pictures, a key picture every `gop`, times from `start` ticks of 1/12800 s on."""
    with av.open(str(path), "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height, stream.pix_fmt = 160, 48, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 12800)
        stream.codec_context.gop_size = gop
        if codec == "libx264":
            stream.codec_context.max_b_frames = bframes
            stream.options = {"preset": "ultrafast", "x264-params": f"scenecut=0:keyint={gop}:bframes={bframes}"}
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(paint(number), "yuv420p")
            frame.pts, frame.time_base = start + number * 12800 // rate, Fraction(1, 12800)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def shown(path: Path) -> list[tuple[int, float]]:
    """The number and the time in seconds of every picture of a video."""
    with av.open(str(path)) as video:
        stream = video.streams.video[0]
        return [
            (read(frame.to_ndarray(format="gray")), float((frame.pts or 0) * (stream.time_base or 0)))
            for frame in video.decode(stream)
        ]
