"""A decoded `av.VideoFrame` in, a `Picture` over the decoder's own planes out: no copy for the usual 8-bit formats.

Display matrices follow ISO/IEC 14496-12 (tkhd) as FFmpeg hands them on: nine int32 a b u c d v x y w, 16.16 fixed
point, (p, q) -> (a p + c q, b p + d q), y down. Colour tags follow ITU-T H.273.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import av
import av.error
import numpy as np
from av.buffer import Buffer
from av.video.plane import VideoPlane

from sightline.types import U8, ColorMatrix, Picture, PixelLayout

__all__ = [
    "UPRIGHT",
    "Orientation",
    "display_orientation",
    "orientation_of_angle",
    "orientation_of_matrix",
    "picture_of",
    "usable_sar",
]

# Pixel formats whose planes are taken as they lie; a fourth (alpha) plane is left alone.
_AS_IT_LIES = {
    "yuv420p": PixelLayout.I420,
    "yuvj420p": PixelLayout.I420,
    "yuva420p": PixelLayout.I420,
    "nv12": PixelLayout.NV12,
    "yuv444p": PixelLayout.I444,
    "yuvj444p": PixelLayout.I444,
    "yuva444p": PixelLayout.I444,
    "gray": PixelLayout.GREY,
    "gray8": PixelLayout.GREY,
    "rgb24": PixelLayout.RGB,
}
_FORMAT_OF = {PixelLayout.I420: "yuv420p", PixelLayout.I444: "yuv444p", PixelLayout.GREY: "gray"}
_PLANES = {PixelLayout.I420: 3, PixelLayout.NV12: 2, PixelLayout.I444: 3, PixelLayout.GREY: 1, PixelLayout.RGB: 1}
# H.273 MatrixCoefficients -> ours; SMPTE 240M is nearest to BT.709.
_MATRIX = {
    1: ColorMatrix.BT709,
    4: ColorMatrix.BT601,
    5: ColorMatrix.BT601,
    6: ColorMatrix.BT601,
    7: ColorMatrix.BT709,
    9: ColorMatrix.BT2020,
    10: ColorMatrix.BT2020,
}
_LIMITED, _FULL = 1, 2  # AVColorRange
_HD_LINES = 720  # untagged pictures of at least so many coded lines are BT.709


@dataclass(frozen=True, slots=True)
class Orientation:
    """How to set a coded picture upright: `mirror` left-right first, then `turns` quarter turns clockwise."""

    turns: int = 0
    mirror: bool = False


UPRIGHT = Orientation()


def orientation_of_matrix(matrix: tuple[int, ...]) -> Orientation:
    """The nearest of the eight orientations; `UPRIGHT` for nonsense and for angles between the quarter turns."""
    a, b, _, c, d = matrix[:5]
    linear = np.array([[a, c], [b, d]], np.float64)
    lengths = np.hypot(linear[0], linear[1])
    if not lengths.all():
        return UPRIGHT
    linear /= lengths
    quarter = np.array([[0.0, -1.0], [1.0, 0.0]])  # clockwise where y points down
    for mirror in (False, True):
        candidate = np.diag([-1.0 if mirror else 1.0, 1.0])
        for turns in range(4):
            if np.abs(candidate - linear).max() < 0.1:
                return Orientation(turns, mirror)
            candidate = quarter @ candidate
    return UPRIGHT


def display_orientation(frame: av.VideoFrame) -> Orientation:
    """The orientation that the frame's display matrix asks for.

    Reading side data ties a frame and it in a cycle that only the garbage collector frees: a tiny copy is read.
    Call this once a stream (and when `frame.rotation` changes), not once a frame.
    """
    try:
        copy = frame.reformat(width=16, height=16, format="gray", threads=1)
        side_data = cast("Mapping[str, Buffer]", copy.side_data)
    except (ValueError, av.error.FFmpegError):
        # One kind of side data is newer than PyAV: only the angle can be had, and no mirror.
        return orientation_of_angle(frame.rotation)
    try:
        matrix = bytes(side_data["DISPLAYMATRIX"])
    except KeyError:
        return UPRIGHT
    return orientation_of_matrix(struct.unpack("=9i", matrix[:36])) if len(matrix) >= 36 else UPRIGHT


def orientation_of_angle(degrees: int) -> Orientation:
    """The orientation for FFmpeg's anticlockwise angle; `UPRIGHT` unless it is within 5 degrees of a quarter turn."""
    turns = round(-degrees / 90)
    return Orientation(turns % 4) if abs(degrees) <= 360 and abs(turns * 90 + degrees) <= 5 else UPRIGHT


def usable_sar(sar: Fraction | None, width: int) -> Fraction:
    """The sample aspect ratio, 1 where it is unknown, absurd, or does not change a width of `width` pixels."""
    if sar is None or not Fraction(1, 8) <= sar <= 8 or round(width * sar) == width:
        return Fraction(1)
    return sar


def picture_of(frame: av.VideoFrame, orientation: Orientation = UPRIGHT, sar: Fraction = Fraction(1)) -> Picture:
    """The frame's planes (uint8, possibly strided, read-only by agreement) with their colour tags.

    4:2:0, 4:4:4, NV12, grey and RGB of 8 bits are taken as they lie. Deeper ones are brought to 8 bits; 4:2:2 and
    its like to 4:2:0; palettes and other RGB kinds to RGB.
    """
    name = frame.format.name
    layout = _AS_IT_LIES.get(name)
    full = frame.color_range == _FULL or (frame.color_range != _LIMITED and _full_by_nature(name))
    matrix = _MATRIX.get(frame.colorspace)
    if matrix is None:
        matrix = ColorMatrix.BT709 if frame.height >= _HD_LINES else ColorMatrix.BT601
    if layout is None:
        frame, layout = _to_eight_bits(frame, full)
        full = full or layout is PixelLayout.RGB
    planes = frame.planes
    arrays = tuple(_plane(planes[i], layout, i) for i in range(_PLANES[layout]))
    return Picture(arrays, layout, matrix, full, orientation.turns, orientation.mirror, sar, frame)


def _full_by_nature(name: str) -> bool:
    return name.startswith(("yuvj", "gray", "ya", "mono", "rgb", "bgr", "gbr"))


def _plane(plane: VideoPlane, layout: PixelLayout, index: int) -> U8:
    h, w, line = plane.height, plane.width, plane.line_size
    channels = 3 if layout is PixelLayout.RGB else 2 if layout is PixelLayout.NV12 and index else 1
    # The buffer begins at the lowest address; a negative line size (bottom-up pictures) starts at its last line.
    offset = 0 if line >= 0 else -line * (h - 1)
    shape = (h, w) if channels == 1 else (h, w, channels)
    strides = (line, 1) if channels == 1 else (line, channels, 1)
    return np.ndarray(shape, np.uint8, plane, offset, strides)  # pyright: ignore[reportArgumentType]  a buffer it is


def _to_eight_bits(frame: av.VideoFrame, full: bool) -> tuple[av.VideoFrame, PixelLayout]:
    form = frame.format
    components = form.components
    if form.is_rgb or form.has_palette or (form.is_bit_stream and len(components) > 1):
        return frame.reformat(format="rgb24", threads=1), PixelLayout.RGB
    if len(components) <= 2:
        layout = PixelLayout.GREY
    elif components[1].width == frame.width and components[1].height == frame.height:
        layout = PixelLayout.I444
    else:
        layout = PixelLayout.I420
    span = _FULL if full else _LIMITED
    out = frame.reformat(format=_FORMAT_OF[layout], src_color_range=span, dst_color_range=span, threads=1)
    return out, layout
