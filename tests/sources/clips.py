"""Small clips made in the test: a bright square walks over a grey ramp, so that a turn or a mirror shows."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import av.error
import numpy as np
from av.video.stream import VideoStream


def painted(index: int, width: int, height: int) -> np.ndarray:
    """(h, w, 3) RGB: darker to the left, a white square in the top left quarter, one step lower each frame."""
    ramp = np.linspace(20, 150, width, dtype=np.uint8)
    rgb = np.repeat(np.repeat(ramp[None, :, None], height, 0), 3, 2).copy()
    side = max(1, height // 6)
    top = (index * 2) % max(1, height // 4)
    rgb[top : top + side, :side] = 255
    return rgb


def write_clip(
    path: Path,
    *,
    pts: Sequence[int] = tuple(range(0, 20 * 512, 512)),
    base: Fraction = Fraction(1, 12800),
    wh: tuple[int, int] = (64, 48),
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    container: str | None = None,
    rotation: int | None = None,
    flips: tuple[bool, bool] = (False, False),
    matrix: tuple[int, ...] | None = None,
    sar: Fraction | None = None,
    options: dict[str, str] | None = None,
) -> Path:
    """Encode one painted picture for each pts."""
    with av.open(str(path), "w", format=container) as out:
        stream = out.add_stream(codec, rate=25, options=options or {})
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = wh
        stream.pix_fmt = pixel_format
        stream.codec_context.time_base = base
        stream.time_base = base
        if sar is not None:
            stream.codec_context.sample_aspect_ratio = sar
        if rotation is not None:
            stream.set_display_rotation(rotation, hflip=flips[0], vflip=flips[1])
        if matrix is not None:
            stream.set_display_matrix(matrix)
        for i, at in enumerate(pts):
            frame = av.VideoFrame.from_ndarray(painted(i, *wh), format="rgb24").reformat(format=pixel_format)
            frame.pts, frame.time_base = at, base
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def decoded_pts(path: Path) -> list[int | None]:
    """What a bare PyAV loop gives of the best stream."""
    found: list[int | None] = []
    with av.open(str(path)) as container:
        stream = container.streams.best("video")
        assert isinstance(stream, VideoStream)
        for packet in container.demux(stream):
            try:
                found += [frame.pts for frame in packet.decode()]
            except av.error.FFmpegError:
                continue
    return found
