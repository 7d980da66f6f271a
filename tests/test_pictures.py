"""Planes to tensor and back: the fast way against the exact one, turns, crops, placements."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import pytest
from av import VideoFrame
from hypothesis import given
from hypothesis import strategies as st

from sightline.pictures import (
    canvas,
    fill_planes,
    fill_rgb,
    pad_planes,
    pad_rgb,
    place,
    rgb,
    view_of,
    ycbcr_to_rgb,
)
from sightline.types import U8, ColorMatrix, Frame, Instant, Picture, PixelLayout, Resize, StreamInfo


def smooth(width: int, height: int, seed: int = 0) -> U8:
    """A picture with soft colours, so that subsampling chroma costs little."""
    small = np.random.default_rng(seed).integers(40, 215, (3, 4, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def i420(pixels: U8, matrix: ColorMatrix = ColorMatrix.BT601, full: bool = False) -> Picture:
    """RGB -> I420 by the definition, in float."""
    a, b = ycbcr_to_rgb(matrix, full)
    ycc = (pixels.astype(float) - b) @ np.linalg.inv(a).T
    h, w = pixels.shape[:2]
    planes = [np.clip(np.rint(ycc[..., 0]), 0, 255).astype(np.uint8)]
    for c in (1, 2):
        half = cv2.resize(ycc[..., c], ((w + 1) // 2, (h + 1) // 2), interpolation=cv2.INTER_AREA)
        planes.append(np.clip(np.rint(half), 0, 255).astype(np.uint8))
    return Picture(tuple(planes), PixelLayout.I420, matrix, full)


def as_rgb(planes: U8, matrix: ColorMatrix, full: bool) -> np.ndarray:
    a, b = ycbcr_to_rgb(matrix, full)
    return np.clip(np.einsum("ij,jhw->hwi", a, planes.astype(float)) + b, 0, 255)


def test_the_matrices_are_those_of_the_standard() -> None:
    a, b = ycbcr_to_rgb(ColorMatrix.BT709, False)
    np.testing.assert_allclose(a @ [16, 128, 128] + b, [0, 0, 0], atol=1e-9)
    np.testing.assert_allclose(a @ [235, 128, 128] + b, [255, 255, 255], atol=1e-9)
    np.testing.assert_allclose(a[0, 2], 1.7927, atol=1e-4)  # 2 (1 - 0.2126) 255/224
    a, b = ycbcr_to_rgb(ColorMatrix.BT601, True)
    np.testing.assert_allclose(a[:, 0], 1)
    np.testing.assert_allclose([a[0, 2], a[1, 1], a[1, 2], a[2, 1]], [1.402, -0.344136, -0.714136, 1.772], atol=1e-5)


def test_conversion_agrees_with_opencv() -> None:
    grid = np.stack(np.meshgrid([16, 90, 160, 235], [40, 100, 128, 200], [30, 128, 220], indexing="ij"), -1)
    planes = grid.reshape(-1, 3).astype(np.uint8)
    a, b = ycbcr_to_rgb(ColorMatrix.BT601, True)
    ours = np.clip(planes.astype(float) @ a.T + b, 0, 255)
    theirs = cv2.cvtColor(planes[:, [0, 2, 1]][None], cv2.COLOR_YCrCb2RGB)[0]
    assert np.abs(ours - theirs).max() <= 1.5


@pytest.mark.parametrize("matrix", list(ColorMatrix))
@pytest.mark.parametrize("full", [False, True])
def test_the_exact_way_uses_matrix_and_range(matrix: ColorMatrix, full: bool) -> None:
    pixels = smooth(160, 96)
    # FFmpeg's scaler takes the nearest chroma sample and cuts off fractions: about one grey level each
    assert np.abs(rgb(i420(pixels, matrix, full)).astype(int) - pixels).mean() < 2.2
    other = ColorMatrix.BT709 if matrix is ColorMatrix.BT601 else ColorMatrix.BT601
    mistaken = i420(pixels, other, full)
    mistaken = Picture(mistaken.planes, mistaken.layout, matrix, full)
    assert np.abs(rgb(mistaken).astype(int) - pixels).mean() > 2.6


@pytest.mark.parametrize("how", list(Resize))
@pytest.mark.parametrize("size", [(64, 64), (96, 40), (320, 200)])
def test_fast_and_exact_agree(how: Resize, size: tuple[int, int]) -> None:
    picture = i420(smooth(162, 97), ColorMatrix.BT709)
    placement = place((162, 97), size, how)
    fast, exact = np.zeros((3, size[1], size[0]), np.uint8), np.zeros((3, size[1], size[0]), np.uint8)
    pad_planes(fast, placement, ColorMatrix.BT709, False)
    fill_planes(picture, placement, fast, ColorMatrix.BT709, False)
    pad_rgb(exact, placement)
    fill_rgb(rgb(picture), placement, exact)
    difference = np.abs(as_rgb(fast, ColorMatrix.BT709, False) - exact.transpose(1, 2, 0))
    assert difference.mean() < 2.2
    assert np.percentile(difference, 99) < 8


def coded(picture: Picture, turns: int, mirror: bool) -> Picture:
    """The same upright picture as a decoder would hand it over before turning."""
    planes = []
    for plane in picture.planes:
        plane = np.rot90(plane, turns)  # anticlockwise: undone by clockwise turns
        planes.append(np.ascontiguousarray(plane[:, ::-1] if mirror else plane))
    return Picture(tuple(planes), picture.layout, picture.matrix, picture.full_range, turns, mirror)


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_turned_pictures_are_the_same_upright(turns: int, mirror: bool) -> None:
    upright = i420(smooth(160, 96))
    turned = coded(upright, turns, mirror)
    assert turned.upright_wh == (160, 96)
    np.testing.assert_array_equal(canvas(turned).planes[0], upright.planes[0])
    np.testing.assert_array_equal(canvas(turned).planes[2], upright.planes[2])
    assert np.abs(rgb(turned).astype(int) - rgb(upright)).mean() < 1.5
    for crop in (None, (20, 10, 120, 90)):
        placement = place((160, 96), (80, 80), Resize.LETTERBOX, crop=crop)
        a, b = np.zeros((3, 80, 80), np.uint8), np.zeros((3, 80, 80), np.uint8)
        fill_planes(upright, placement, a, ColorMatrix.BT601, False)
        fill_planes(turned, placement, b, ColorMatrix.BT601, False)
        assert np.abs(a.astype(int) - b).max() <= 2


def test_another_matrix_and_range_than_the_graph_expects_is_converted() -> None:
    pixels = smooth(64, 48)
    placement = place((64, 48), (64, 48), Resize.STRETCH)
    out = np.zeros((3, 48, 64), np.uint8)
    fill_planes(i420(pixels, ColorMatrix.BT601, True), placement, out, ColorMatrix.BT709, False)
    assert np.abs(as_rgb(out, ColorMatrix.BT709, False) - pixels).mean() < 2.5


@pytest.mark.parametrize("layout", [PixelLayout.NV12, PixelLayout.I444, PixelLayout.GREY, PixelLayout.RGB])
def test_every_layout_gives_the_same_tensor(layout: PixelLayout) -> None:
    pixels = smooth(64, 48) if layout is not PixelLayout.GREY else np.repeat(smooth(64, 48)[..., :1], 3, 2)
    full = layout is PixelLayout.GREY  # FFmpeg knows no other grey
    base = i420(pixels, full=full)
    y, u, v = base.planes
    planes = {
        PixelLayout.NV12: (y, np.stack([u, v], -1)),
        PixelLayout.I444: (y, *(cv2.resize(p, (64, 48)) for p in (u, v))),
        PixelLayout.GREY: (y,),
        PixelLayout.RGB: (pixels,),
    }[layout]
    picture = Picture(planes, layout, ColorMatrix.BT601, full)
    placement = place((64, 48), (48, 48), Resize.LETTERBOX)
    out, want = np.zeros((3, 48, 48), np.uint8), np.zeros((3, 48, 48), np.uint8)
    fill_planes(picture, placement, out, ColorMatrix.BT601, False)
    fill_planes(base, placement, want, ColorMatrix.BT601, False)
    assert np.abs(out.astype(int) - want).max() <= 3
    assert np.abs(rgb(picture).astype(int) - pixels).mean() < 2.5
    drawn = canvas(picture)
    assert drawn.layout is (PixelLayout.RGB if layout is PixelLayout.RGB else PixelLayout.I420)
    assert all(p.flags.writeable for p in drawn.planes)


@pytest.mark.parametrize("size", [(54, 32), (162, 96), (18, 32), (32, 19)])
def test_whole_ratios_are_sampled_as_opencv_does(size: tuple[int, int]) -> None:
    y = np.random.default_rng(0).integers(0, 256, (96, 162), dtype=np.uint8)
    out = np.zeros((3, size[1], size[0]), np.uint8)
    picture = Picture((y,), PixelLayout.GREY, full_range=True)
    fill_planes(picture, place((162, 96), size, Resize.STRETCH), out, ColorMatrix.BT601, True)
    np.testing.assert_array_equal(out[0], cv2.resize(y, size, interpolation=cv2.INTER_LINEAR))


def test_sample_aspect_widens() -> None:
    base = i420(smooth(72, 58))
    wide = Picture(base.planes, base.layout, sar=Fraction(16, 11))
    assert wide.upright_wh == (105, 58)
    assert rgb(wide).shape == (58, 105, 3)
    assert canvas(wide).planes[0].shape == (58, 105)
    assert canvas(wide).planes[1].shape == (29, 53)


def test_a_decoders_frame_is_converted_by_ffmpeg() -> None:
    frame = VideoFrame.from_ndarray(smooth(64, 48), "rgb24").reformat(format="yuv420p")
    planes = tuple(
        np.frombuffer(memoryview(p), np.uint8).reshape(p.height, p.line_size)[:, : p.width] for p in frame.planes
    )
    owned = Picture(planes, PixelLayout.I420, owner=frame)
    copied = Picture(planes, PixelLayout.I420)
    np.testing.assert_array_equal(rgb(owned), rgb(copied))


@given(
    st.tuples(st.integers(1, 5000), st.integers(1, 5000)),
    st.tuples(st.integers(8, 1280), st.integers(8, 1280)),
    st.sampled_from([Resize.STRETCH, Resize.LETTERBOX, Resize.LETTERBOX_TOPLEFT, Resize.LINE]),
)
def test_the_way_back_leads_to_the_corners(frame_wh: tuple[int, int], size: tuple[int, int], how: Resize) -> None:
    placement = place(frame_wh, size, how)
    x, y = placement.offset
    w, h = placement.resized_wh
    assert min(x, y) >= 0
    assert x + w <= size[0]
    assert y + h <= size[1]
    info = StreamInfo("s", *frame_wh, base=Fraction(1, 25))
    view = view_of(Frame(info, 0, Instant(0, info.base), None, *frame_wh), placement)
    corners = view.to_frame(np.array([[x, y], [x + w, y + h]], np.float32))
    slack = 1 / np.array(placement.gain) + 0.01  # a rounded model pixel
    assert np.all(np.abs(corners[0]) <= slack)
    assert np.all(np.abs(corners[1] - frame_wh) <= slack)


def test_letterbox_arithmetic_of_the_trainers() -> None:
    centred = place((1920, 1080), (640, 640), Resize.LETTERBOX)
    assert (centred.resized_wh, centred.offset) == ((640, 360), (0, 140))
    odd = place((768, 575), (640, 640), Resize.LETTERBOX)
    assert (odd.resized_wh, odd.offset) == ((640, 479), (0, 80))
    corner = place((500, 333), (416, 416), Resize.LETTERBOX_TOPLEFT)
    assert (corner.resized_wh, corner.offset) == ((416, int(333 * 416 / 500)), (0, 0))
    cut = place((200, 100), (64, 64), Resize.CROP)
    assert (cut.resized_wh, cut.offset) == ((128, 64), (-32, 0))
    short, long = (place((w, 50), (192, 48), Resize.LINE) for w in (101, 900))
    assert (short.resized_wh, short.offset, short.padded) == ((97, 48), (0, 0), True)
    assert (long.resized_wh, long.offset, long.padded) == ((192, 48), (0, 0), False)


def test_a_rotated_view_gives_enclosing_boxes() -> None:
    info = StreamInfo("s", 100, 100, base=Fraction(1))
    frame = Frame(info, 0, Instant(0, info.base), None, 100, 100)
    from sightline.types import View

    quarter = View(frame, np.array([[0.0, -1, 100], [1, 0, 0]]), (100, 100))
    np.testing.assert_allclose(quarter.boxes_to_frame(np.array([[10, 20, 30, 60]], np.float32)), [[40, 10, 80, 30]])
