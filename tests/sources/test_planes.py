"""Planes, colour tags and orientation of decoded frames."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clips import painted, write_clip

from sightline.sources.media import MediaSource
from sightline.sources.planes import (
    UPRIGHT,
    Orientation,
    orientation_of_angle,
    orientation_of_matrix,
    picture_of,
    usable_sar,
)
from sightline.types import ColorMatrix, Picture, PixelLayout

RGB = painted(3, 66, 46)
KR_KB = {ColorMatrix.BT601: (0.299, 0.114), ColorMatrix.BT709: (0.2126, 0.0722), ColorMatrix.BT2020: (0.2627, 0.0593)}


def frame_as(pixel_format: str, colorspace: int = 5, color_range: int = 0) -> av.VideoFrame:
    """The painted picture in `pixel_format`, converted by swscale with BT.601 and tagged so."""
    full = pixel_format.startswith("yuvj") or color_range == 2
    frame = av.VideoFrame.from_ndarray(RGB, format="rgb24").reformat(
        format=pixel_format, dst_colorspace=5, dst_color_range=2 if full else 1
    )
    frame.colorspace, frame.color_range = colorspace, color_range
    return frame


def to_rgb(picture: Picture) -> np.ndarray:
    """(h, w, 3) float64 of the coded picture, straight from the definition of Y'CbCr, chroma repeated."""
    if picture.layout is PixelLayout.RGB:
        return picture.planes[0].astype(np.float64)
    luma = picture.planes[0].astype(np.float64)
    h, w = luma.shape
    if picture.layout is PixelLayout.GREY:
        cb = cr = np.full((h, w), 128.0)
    elif picture.layout is PixelLayout.NV12:
        cb, cr = (picture.planes[1][..., i].repeat(2, 0).repeat(2, 1)[:h, :w].astype(np.float64) for i in (0, 1))
    else:
        step = 2 if picture.layout is PixelLayout.I420 else 1
        cb, cr = (p.repeat(step, 0).repeat(step, 1)[:h, :w].astype(np.float64) for p in picture.planes[1:])
    if not picture.full_range:
        luma, cb, cr = (luma - 16) / 219 * 255, (cb - 128) / 224 * 255 + 128, (cr - 128) / 224 * 255 + 128
    kr, kb = KR_KB[picture.matrix]
    red = luma + 2 * (1 - kr) * (cr - 128)
    blue = luma + 2 * (1 - kb) * (cb - 128)
    green = (luma - kr * red - kb * blue) / (1 - kr - kb)
    return np.stack([red, green, blue], -1)


@pytest.mark.parametrize(
    ("pixel_format", "layout"),
    [
        ("yuv420p", PixelLayout.I420),
        ("yuvj420p", PixelLayout.I420),
        ("yuva420p", PixelLayout.I420),
        ("nv12", PixelLayout.NV12),
        ("yuv444p", PixelLayout.I444),
        ("yuvj444p", PixelLayout.I444),
        ("rgb24", PixelLayout.RGB),
        ("yuv420p10le", PixelLayout.I420),
        ("yuv422p", PixelLayout.I420),
        ("yuvj422p", PixelLayout.I420),
        ("yuv422p10le", PixelLayout.I420),
        ("yuyv422", PixelLayout.I420),
        ("yuv411p", PixelLayout.I420),
        ("yuv440p", PixelLayout.I420),
        ("p010le", PixelLayout.I420),
        ("nv21", PixelLayout.I420),
        ("yuv444p12le", PixelLayout.I444),
        ("bgr24", PixelLayout.RGB),
        ("bgra", PixelLayout.RGB),
        ("gbrp", PixelLayout.RGB),
        ("gbrp10le", PixelLayout.RGB),
        ("rgb565le", PixelLayout.RGB),
    ],
)
def test_every_pixel_format_shows_the_same_picture(pixel_format: str, layout: PixelLayout) -> None:
    frame = frame_as(pixel_format)
    picture = picture_of(frame)
    assert picture.layout is layout
    assert picture.coded_wh == (66, 46)
    assert all(p.dtype == np.uint8 for p in picture.planes)
    difference = np.abs(to_rgb(picture) - RGB)
    # The square's edges lie between chroma samples and the deepest formats round twice: judge the rest.
    assert np.median(difference) <= 3
    assert np.percentile(difference, 90) <= 9


@pytest.mark.parametrize("pixel_format", ["gray", "gray10le", "ya8", "monow"])
def test_grey_kinds_are_grey_and_full_range(pixel_format: str) -> None:
    frame = av.VideoFrame.from_ndarray(RGB, format="rgb24").reformat(format=pixel_format)
    picture = picture_of(frame)
    assert picture.layout is PixelLayout.GREY
    if pixel_format != "monow":
        assert picture.full_range
        assert np.percentile(np.abs(to_rgb(picture) - RGB), 90) <= 4


def test_palette_pictures_become_rgb() -> None:
    frame = av.VideoFrame(8, 4, "pal8")
    frame.planes[0].update(bytes(frame.planes[0].buffer_size))
    frame.planes[1].update(bytes([30, 20, 10, 255]) * 256)  # b g r a
    picture = picture_of(frame)
    assert picture.layout is PixelLayout.RGB
    assert picture.planes[0].reshape(-1, 3)[0].tolist() == [10, 20, 30]


@pytest.mark.parametrize("pixel_format", ["yuv420p", "nv12", "yuv444p", "gray", "yuva420p"])
def test_usual_formats_are_views_of_the_decoders_memory(pixel_format: str) -> None:
    frame = frame_as(pixel_format)
    picture = picture_of(frame)
    assert picture.owner is frame
    for plane, mine in zip(frame.planes, picture.planes, strict=False):
        assert mine.ctypes.data == plane.buffer_ptr


def test_odd_sizes_keep_their_last_column_and_row() -> None:
    frame = av.VideoFrame.from_ndarray(painted(0, 33, 21), format="rgb24").reformat(format="yuv420p")
    picture = picture_of(frame)
    assert [p.shape for p in picture.planes] == [(21, 33), (11, 17), (11, 17)]


@pytest.mark.parametrize(
    ("colorspace", "lines", "matrix"),
    [
        (1, 48, ColorMatrix.BT709),
        (5, 1080, ColorMatrix.BT601),
        (6, 1080, ColorMatrix.BT601),
        (9, 48, ColorMatrix.BT2020),
        (2, 576, ColorMatrix.BT601),
        (2, 719, ColorMatrix.BT601),
        (2, 720, ColorMatrix.BT709),
        (0, 720, ColorMatrix.BT709),
    ],
)
def test_colour_matrix_follows_tag_then_height(colorspace: int, lines: int, matrix: ColorMatrix) -> None:
    frame = av.VideoFrame(64, lines, "yuv420p")
    frame.colorspace = colorspace
    assert picture_of(frame).matrix is matrix


@pytest.mark.parametrize(
    ("pixel_format", "tag", "full"),
    [("yuv420p", 0, False), ("yuv420p", 1, False), ("yuv420p", 2, True), ("yuvj420p", 0, True), ("yuvj420p", 2, True)],
)
def test_range_follows_tag_and_kind(pixel_format: str, tag: int, full: bool) -> None:
    frame = av.VideoFrame(64, 48, pixel_format)
    frame.color_range = tag
    assert picture_of(frame).full_range is full


def test_deep_full_range_stays_full() -> None:
    picture = picture_of(frame_as("yuv420p10le", color_range=2))
    assert picture.full_range
    assert np.percentile(np.abs(to_rgb(picture) - RGB), 90) <= 5


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
@pytest.mark.parametrize("flips", [(False, False), (True, False), (False, True), (True, True)])
def test_all_orientations_of_a_file_stand_upright(tmp_path: Path, degrees: int, flips: tuple[bool, bool]) -> None:
    path = write_clip(tmp_path / "turned.mp4", pts=(0, 512), rotation=degrees, flips=flips, options={"crf": "10"})
    frame = next(MediaSource(str(path)).frames())
    assert frame.picture is not None
    coded = frame.picture.planes[0]
    expected = np.rot90(coded, degrees // 90)  # anticlockwise, as the muxer was told
    if flips[0]:
        expected = expected[:, ::-1]
    if flips[1]:
        expected = expected[::-1]
    ours = coded[:, ::-1] if frame.picture.mirror else coded
    ours = np.rot90(ours, -frame.picture.turns)
    assert np.array_equal(ours, expected)
    assert (frame.width, frame.height) == ours.shape[::-1] == frame.picture.upright_wh
    assert frame.stream.rotation == frame.picture.turns * 90


ONE = 1 << 16


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ((ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30), UPRIGHT),
        ((0, ONE, 0, -ONE, 0, 0, 0, 0, 1 << 30), Orientation(1)),
        ((0, 3 * ONE, 0, -2 * ONE, 0, 0, 0, 0, 1 << 30), Orientation(1)),  # scaled
        ((0,) * 9, UPRIGHT),
        ((ONE, ONE, 0, -ONE, ONE, 0, 0, 0, 1 << 30), UPRIGHT),  # 45 degrees
        ((ONE, ONE, 0, ONE, ONE, 0, 0, 0, 1 << 30), UPRIGHT),  # singular
        ((-(2**31), 2**31 - 1, 0, -1, 7, 0, 0, 0, 0), UPRIGHT),
        ((-ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30), Orientation(0, True)),
        ((ONE, 0, 0, 0, -ONE, 0, 0, 0, 1 << 30), Orientation(2, True)),
    ],
)
def test_matrices_and_nonsense(matrix: tuple[int, ...], expected: Orientation) -> None:
    assert orientation_of_matrix(matrix) == expected


def test_angles_and_nonsense() -> None:
    assert [orientation_of_angle(a).turns for a in (0, -90, 90, 180, -180, 270, 2)] == [0, 1, 3, 2, 2, 1, 0]
    assert orientation_of_angle(-2147483648) == UPRIGHT
    assert orientation_of_angle(45) == UPRIGHT


@pytest.mark.parametrize(
    ("sar", "width", "expected"),
    [
        (None, 720, Fraction(1)),
        (Fraction(16, 15), 720, Fraction(16, 15)),
        (Fraction(0), 720, Fraction(1)),
        (Fraction(100), 720, Fraction(1)),
        (Fraction(1, 50), 720, Fraction(1)),
        (Fraction(4095, 4096), 1280, Fraction(1)),  # changes nothing that a pixel could show
    ],
)
def test_sample_aspect_ratio(sar: Fraction | None, width: int, expected: Fraction) -> None:
    assert usable_sar(sar, width) == expected
