"""Planes and colour: a `Picture` -> the tensor a network wants and the `View` that leads back.

Two ways to the same tensor. The fast one resizes the Y, U and V planes one by one, straight into a planar 4:4:4
uint8 tensor, and leaves the colour matrix to the graph. The exact one repeats the training-time arithmetic: the whole
frame to RGB, then OpenCV's bilinear resize. Neither ever loses the way back.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from av import VideoFrame
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from sightline.types import U8, ColorMatrix, Frame, Picture, PixelLayout, Preprocess, Resize, View

__all__ = [
    "Placement",
    "canvas",
    "convert_planes",
    "fill_planes",
    "fill_rgb",
    "pad_planes",
    "pad_rgb",
    "place",
    "rgb",
    "tensor_rgb",
    "view_of",
    "write_ycbcr",
    "ycbcr_to_rgb",
]

_LUMA = {
    ColorMatrix.BT601: (0.299, 0.114),
    ColorMatrix.BT709: (0.2126, 0.0722),
    ColorMatrix.BT2020: (0.2627, 0.0593),
}
_ROTATE = {1: cv2.ROTATE_90_CLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_COUNTERCLOCKWISE}
_COLORSPACE = {ColorMatrix.BT601: Colorspace.ITU601, ColorMatrix.BT709: Colorspace.ITU709, ColorMatrix.BT2020: 9}


@lru_cache(maxsize=16)
def ycbcr_to_rgb(matrix: ColorMatrix, full_range: bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(A (3, 3), b (3,)) with RGB 0..255 = A @ (Y, Cb, Cr) + b for 8-bit samples (ITU-T H.273, section 8.3)."""
    kr, kb = _LUMA[matrix]
    kg = 1 - kr - kb
    luma, chroma, black = (1.0, 1.0, 0.0) if full_range else (255 / 219, 255 / 224, 16.0)
    a = np.array(
        [
            [luma, 0, 2 * (1 - kr) * chroma],
            [luma, -2 * kb * (1 - kb) / kg * chroma, -2 * kr * (1 - kr) / kg * chroma],
            [luma, 2 * (1 - kb) * chroma, 0],
        ]
    )
    b = -a @ np.array([black, 128.0, 128.0])
    a.setflags(write=False)
    b.setflags(write=False)
    return a, b


@dataclass(frozen=True, slots=True)
class Placement:
    """How a part of a frame lies in a tensor of `size_wh`.

    crop: x1, y1, x2, y2 whole frame pixels; resized_wh: what the crop is resized to; offset: where its top left corner
    lands in the tensor (negative: that much is cut off); gain: model pixels a frame pixel, by axis.
    """

    size_wh: tuple[int, int]
    crop: tuple[int, int, int, int]
    resized_wh: tuple[int, int]
    offset: tuple[int, int]
    gain: tuple[float, float]
    pad: float

    @property
    def padded(self) -> bool:
        """True where the picture does not cover the whole tensor."""
        return (
            self.offset[0] > 0
            or self.offset[1] > 0
            or self.offset[0] + self.resized_wh[0] < self.size_wh[0]
            or self.offset[1] + self.resized_wh[1] < self.size_wh[1]
        )

    @property
    def matrix(self) -> NDArray[np.float64]:
        """(2, 3): model pixels -> frame pixels."""
        gx, gy = self.gain
        x, y = self.offset
        return np.array([[1 / gx, 0, self.crop[0] - x / gx], [0, 1 / gy, self.crop[1] - y / gy]])


@lru_cache(maxsize=256)
def place(
    frame_wh: tuple[int, int],
    size_wh: tuple[int, int],
    how: Resize,
    pad: float = 114.0,
    crop: tuple[int, int, int, int] | None = None,
) -> Placement:
    """Where a frame (or `crop` of it, in whole frame pixels) lies in a tensor of `size_wh` (width, height)."""
    x1, y1, x2, y2 = crop or (0, 0, *frame_wh)
    w, h = x2 - x1, y2 - y1
    width, height = size_wh
    if how is Resize.STRETCH:
        return Placement(size_wh, (x1, y1, x2, y2), size_wh, (0, 0), (width / w, height / h), pad)
    if how is Resize.CROP:
        ratio = max(width / w, height / h)
        resized = (max(width, round(w * ratio)), max(height, round(h * ratio)))
        offset = (-((resized[0] - width) // 2), -((resized[1] - height) // 2))
        return Placement(size_wh, (x1, y1, x2, y2), resized, offset, (resized[0] / w, resized[1] / h), pad)
    if how is Resize.LINE:
        resized = (min(width, -(-w * height // h)), height)  # rounded up
        return Placement(size_wh, (x1, y1, x2, y2), resized, (0, 0), (resized[0] / w, height / h), pad)
    ratio = min(width / w, height / h)
    if how is Resize.LETTERBOX_TOPLEFT:
        resized = (max(1, int(w * ratio)), max(1, int(h * ratio)))
        return Placement(size_wh, (x1, y1, x2, y2), resized, (0, 0), (ratio, ratio), pad)
    resized = (min(width, max(1, round(w * ratio))), min(height, max(1, round(h * ratio))))
    # halves go up and left, as the trainers that letterbox in the centre do it
    offset = (max(0, round((width - resized[0]) / 2 - 0.1)), max(0, round((height - resized[1]) / 2 - 0.1)))
    return Placement(size_wh, (x1, y1, x2, y2), resized, offset, (ratio, ratio), pad)


def view_of(frame: Frame, placement: Placement, parent: int = -1) -> View:
    """The view of `frame` that `placement` describes."""
    return View(frame, placement.matrix, placement.size_wh, parent)


# -- the fast way: planes -> planar 4:4:4 tensor ---------------------------------------------------------------------


def pad_planes(out: U8, placement: Placement, matrix: ColorMatrix, full_range: bool) -> None:
    """Fill `out` (3, H, W) with the placement's pad grey, in the Y'CbCr of `matrix` and range."""
    out[0] = round(placement.pad if full_range else 16 + placement.pad * 219 / 255)
    out[1:] = 128


def fill_planes(picture: Picture, placement: Placement, out: U8, matrix: ColorMatrix, full_range: bool) -> None:
    """Write the picture into `out` (3, H, W) uint8 as Y, Cb, Cr of `matrix` and range; the padding is not touched."""
    target = _inside(out, placement)
    crop = _coded_crop(picture, placement.crop)
    if picture.layout is PixelLayout.RGB:
        small = _resized(_cut(picture.planes[0], crop, picture.coded_wh), picture, placement)
        write_ycbcr(small, target, matrix, full_range)
        return
    if picture.layout is PixelLayout.NV12:
        _put(_resized(_cut(picture.planes[0], crop, picture.coded_wh), picture, placement), target[0], placement)
        uv = _cutout(_resized(_cut(picture.planes[1], crop, picture.coded_wh), picture, placement), placement)
        target[1], target[2] = uv[..., 0], uv[..., 1]
    else:
        direct = picture.turns == 0 and not picture.mirror and target.shape[1:] == placement.resized_wh[::-1]
        sources = [_cut(plane, crop, picture.coded_wh) for plane in picture.planes]
        whole = _whole_ratio(sources[0], target[0])
        for source, channel in zip(sources, target, strict=False):
            if direct:
                _resize_into(source, channel, whole)
            else:
                _put(_resized(source, picture, placement), channel, placement)
        if picture.layout is PixelLayout.GREY:
            target[1:] = 128
    if (picture.matrix, picture.full_range) != (matrix, full_range) and picture.layout is not PixelLayout.GREY:
        convert_planes(target, picture.matrix, picture.full_range, matrix, full_range)
    elif picture.layout is PixelLayout.GREY and picture.full_range != full_range:
        convert_planes(target, matrix, picture.full_range, matrix, full_range)


def _whole_ratio(source: U8, channel: U8) -> bool:
    """Whether `source` is an odd whole number of times as large: the bilinear sample then lies on a pixel."""
    (h, w), (rows, columns) = source.shape, channel.shape
    return h % rows == 0 and w % columns == 0 and (h // rows) % 2 == 1 and (w // columns) % 2 == 1


def _resize_into(source: U8, channel: U8, whole: bool) -> None:
    """Bilinear; where the picture is sampled at whole pixels, the sample of that pixel, as FFmpeg would take it."""
    h, w = channel.shape
    if whole and _whole_ratio(source, channel):
        down, across = source.shape[0] // h, source.shape[1] // w
        channel[...] = source[down // 2 :: down, across // 2 :: across]
    else:
        how = cv2.INTER_NEAREST_EXACT if whole else cv2.INTER_LINEAR
        cv2.resize(source, (w, h), dst=channel, interpolation=how)


def _inside(out: U8, placement: Placement) -> U8:
    """The part of `out` (..., H, W) that the picture covers."""
    x, y = placement.offset
    w, h = placement.resized_wh
    width, height = placement.size_wh
    return out[..., max(0, y) : min(height, y + h), max(0, x) : min(width, x + w)]


def _cutout(resized: NDArray[Any], placement: Placement) -> NDArray[Any]:
    """The part of the resized picture (h, w, ...) that lies in the tensor."""
    x, y = placement.offset
    width, height = placement.size_wh
    return resized[max(0, -y) : max(0, -y) + height, max(0, -x) : max(0, -x) + width]


def _put(resized: U8, channel: U8, placement: Placement) -> None:
    channel[...] = _cutout(resized, placement)


def _coded_crop(picture: Picture, crop: tuple[int, int, int, int]) -> tuple[float, float, float, float]:
    """The crop (upright frame pixels) as x1, y1, x2, y2 fractions of the coded picture."""
    width, height = picture.upright_wh
    x1, y1, x2, y2 = crop[0] / width, crop[1] / height, crop[2] / width, crop[3] / height
    for _ in range(picture.turns % 4):  # undo one clockwise turn at a time
        x1, y1, x2, y2 = y1, 1 - x2, y2, 1 - x1
    return (1 - x2, y1, 1 - x1, y2) if picture.mirror else (x1, y1, x2, y2)


def _cut(plane: U8, crop: tuple[float, float, float, float], coded_wh: tuple[int, int]) -> U8:
    """The crop (fractions of the coded picture) of one plane, to whole samples of that plane."""
    if crop == (0.0, 0.0, 1.0, 1.0):
        return plane
    h, w = plane.shape[:2]
    x1, y1 = min(w - 1, round(crop[0] * w)), min(h - 1, round(crop[1] * h))
    return plane[y1 : max(y1 + 1, round(crop[3] * h)), x1 : max(x1 + 1, round(crop[2] * w))]


def _resized(source: U8, picture: Picture, placement: Placement) -> U8:
    """A cut of a coded plane -> upright, at the placement's resized size."""
    w, h = placement.resized_wh
    if picture.turns % 2:
        w, h = h, w
    small = source if source.shape[:2] == (h, w) else cv2.resize(source, (w, h), interpolation=cv2.INTER_LINEAR)
    return _upright(small, picture)


def _upright(plane: NDArray[Any], picture: Picture) -> NDArray[Any]:
    if picture.mirror:
        plane = cv2.flip(plane, 1)
    turns = picture.turns % 4
    return cv2.rotate(plane, _ROTATE[turns]) if turns else plane


def convert_planes(planes: U8, matrix: ColorMatrix, full: bool, to_matrix: ColorMatrix, to_full: bool) -> None:
    """Y'CbCr of one matrix and range -> another, in place."""
    a, b = ycbcr_to_rgb(matrix, full)
    a2, b2 = ycbcr_to_rgb(to_matrix, to_full)
    back = np.linalg.inv(a2)
    m = np.concatenate([back @ a, (back @ (b - b2))[:, None]], 1)
    _store(cv2.transform(cv2.merge(list(planes)), m), planes)


def write_ycbcr(rgb_pixels: U8, target: U8, matrix: ColorMatrix, full_range: bool) -> None:
    """RGB pixels (h, w, 3) -> planes (3, h, w) of Y'CbCr."""
    a, b = ycbcr_to_rgb(matrix, full_range)
    back = np.linalg.inv(a)
    m = np.concatenate([back, (-back @ b)[:, None]], 1)
    _store(cv2.transform(rgb_pixels[: target.shape[1], : target.shape[2]], m), target)


def _store(pixels: NDArray[Any], planes: U8) -> None:
    for channel, plane in zip(cv2.split(pixels), planes, strict=True):
        plane[...] = channel


# -- the exact way: whole frame to RGB, then bilinear ----------------------------------------------------------------


def rgb(picture: Picture) -> U8:
    """The upright picture as (height, width, 3) uint8 RGB, converted by FFmpeg's scaler by matrix and range."""
    if picture.layout is PixelLayout.RGB:
        pixels = picture.planes[0]
    else:
        frame = picture.owner if isinstance(picture.owner, VideoFrame) else _as_frame(picture)
        source = ColorRange.JPEG if picture.full_range else ColorRange.MPEG
        pixels = frame.reformat(
            format="rgb24",
            src_colorspace=_COLORSPACE[picture.matrix],
            dst_colorspace=_COLORSPACE[picture.matrix],
            src_color_range=source,
            dst_color_range=ColorRange.JPEG,
        ).to_ndarray()
        w, h = picture.coded_wh
        pixels = pixels[:h, :w]
    if picture.sar != 1:
        w, h = picture.coded_wh
        pixels = cv2.resize(pixels, (max(1, round(w * picture.sar)), h), interpolation=cv2.INTER_LINEAR)
    return np.ascontiguousarray(_upright(pixels, picture))


def _as_frame(picture: Picture) -> VideoFrame:
    """A VideoFrame with a copy of the planes, for pictures that no decoder made."""
    names = {
        PixelLayout.I420: "yuv420p",
        PixelLayout.NV12: "nv12",
        PixelLayout.I444: "yuv444p",
        PixelLayout.GREY: "gray",
        PixelLayout.RGB: "rgb24",
    }
    w, h = picture.coded_wh
    frame = VideoFrame(w, h, names[picture.layout])
    for index, source in enumerate(picture.planes):
        rows = source.reshape(source.shape[0], -1)
        _rows(frame, index)[: rows.shape[0], : rows.shape[1]] = rows
    return frame


def pad_rgb(out: U8, placement: Placement) -> None:
    """Fill `out` (3, H, W) with the placement's pad grey."""
    out[...] = round(placement.pad)


def fill_rgb(pixels: U8, placement: Placement, out: U8) -> None:
    """Write an upright RGB picture (height, width, 3) into `out` (3, H, W) uint8; the padding is not touched."""
    x1, y1, x2, y2 = placement.crop
    source = pixels[y1:y2, x1:x2]
    w, h = placement.resized_wh
    if source.shape[:2] != (h, w):
        source = cv2.resize(source, (w, h), interpolation=cv2.INTER_LINEAR)
    _inside(out, placement)[...] = _cutout(source, placement).transpose(2, 0, 1)


def tensor_rgb(
    frame: Frame, preprocess: Preprocess, size_wh: tuple[int, int], crop: tuple[int, int, int, int] | None = None
) -> U8:
    """What a network sees of a frame, or of `crop` (whole frame pixels), as (H, W, 3) uint8 RGB, by the exact way."""
    if frame.picture is None:
        raise ValueError("the frame's picture was given back already")
    placement = place((frame.width, frame.height), size_wh, preprocess.resize, preprocess.pad, crop)
    out = np.empty((3, size_wh[1], size_wh[0]), np.uint8)
    pad_rgb(out, placement)
    fill_rgb(rgb(frame.picture), placement, out)
    return np.ascontiguousarray(out.transpose(1, 2, 0))


# -- a picture to draw on --------------------------------------------------------------------------------------------


def canvas(picture: Picture) -> Picture:
    """A writable upright copy of square pixels: I420, or RGB where the picture is RGB (stills)."""
    width, height = picture.upright_wh
    if picture.layout is PixelLayout.RGB:
        pixels = picture.planes[0]
        if picture.sar != 1:
            w, h = picture.coded_wh
            pixels = cv2.resize(pixels, (max(1, round(w * picture.sar)), h), interpolation=cv2.INTER_LINEAR)
        return Picture((np.array(_upright(pixels, picture)),), PixelLayout.RGB, picture.matrix, picture.full_range)
    chroma_wh = ((width + 1) // 2, (height + 1) // 2)
    planes = list(picture.planes)
    if picture.layout is PixelLayout.NV12:
        planes = [planes[0], planes[1][..., 0], planes[1][..., 1]]
    frame = VideoFrame(width, height, "yuv420p")  # an encoder takes it as it is
    out = [_rows(frame, i)[:h, :w] for i, (w, h) in enumerate(((width, height), chroma_wh, chroma_wh))]
    for target, plane in zip(out, planes, strict=False):
        h, w = target.shape
        if picture.turns % 2:
            w, h = h, w
        if plane.shape[:2] != (h, w):
            plane = cv2.resize(np.ascontiguousarray(plane), (w, h), interpolation=cv2.INTER_AREA)
        target[...] = _upright(plane, picture) if picture.turns or picture.mirror else plane
    if picture.layout is PixelLayout.GREY:
        out[1][...] = out[2][...] = 128
    return Picture(tuple(out), PixelLayout.I420, picture.matrix, picture.full_range, owner=frame)


def _rows(frame: VideoFrame, index: int) -> U8:
    """One plane of an FFmpeg frame as writable (rows, line size) uint8."""
    plane = frame.planes[index]
    return np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)  # type: ignore[arg-type]
