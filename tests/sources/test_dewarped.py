"""Flattened pictures: straight lines are straight, known points lie where the model says, colours and times stay."""

from __future__ import annotations

import contextlib
import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
import pytest

from sightline.pictures import canvas
from sightline.protocols import Source
from sightline.sources.dewarp import FisheyeDewarp, LensDewarp, PanoramaDewarp
from sightline.sources.dewarped import dewarped, remapping
from sightline.testing import MovingBoxes
from sightline.types import ColorMatrix, Frame, Picture, PixelLayout

WH = (640, 640)
FOCAL = 200.0


def wall(rays: np.ndarray, period: float = 0.5) -> np.ndarray:
    """The grey (0..255) of a wall one metre ahead, squared by soft lines `period` metres apart; 0 behind the lens."""
    z = np.where(rays[..., 2] > 0.05, rays[..., 2], np.nan)
    waves = [np.cos(2 * np.pi * rays[..., i] / z / period) for i in (0, 1)]
    return np.nan_to_num(np.rint(128 + 60 * (waves[0] + waves[1]) / 2 * 1.8)).clip(0, 255).astype(np.uint8)


def fisheye_rays(wh: tuple[int, int], focal: float) -> np.ndarray:
    """(h, w, 3): what every pixel of an equidistant fisheye looks at."""
    x, y = np.meshgrid(np.arange(wh[0]) - (wh[0] - 1) / 2, np.arange(wh[1]) - (wh[1] - 1) / 2)
    off = np.hypot(x, y)
    angle = off / focal
    gain = np.sin(angle) / np.maximum(off, 1e-9)
    return np.stack([x * gain, y * gain, np.cos(angle)], -1)


def grey(plane: np.ndarray, layout: PixelLayout = PixelLayout.I420, **fields: Any) -> Picture:
    half = ((plane.shape[0] + 1) // 2, (plane.shape[1] + 1) // 2)
    u, v = np.full(half, 90, np.uint8), np.full(half, 200, np.uint8)
    planes = {
        PixelLayout.I420: (plane, u, v),
        PixelLayout.NV12: (plane, np.stack([u, v], -1)),
        PixelLayout.I444: (plane, np.full_like(plane, 90), np.full_like(plane, 200)),
        PixelLayout.GREY: (plane,),
        PixelLayout.RGB: (np.stack([plane] * 3, -1),),
    }[layout]
    return Picture(planes, layout, **fields)


def test_a_wall_seen_by_a_fisheye_becomes_the_wall_that_a_plane_sees() -> None:
    camera = grey(wall(fisheye_rays(WH, FOCAL)))
    dewarp = FisheyeDewarp(focal_px=FOCAL, width=400, height=300, top_deg=35, bottom_deg=-35, yaw_deg=15, pitch_deg=-5)
    flat = remapping(dewarp, camera)(camera).planes[0].astype(float)
    focal = 299 / (2 * math.tan(math.radians(35)))
    x, y = np.meshgrid((np.arange(400) - 199.5) / focal, (np.arange(300) - 149.5) / focal)
    want = wall(np.stack([x, y, np.ones_like(x)], -1) @ dewarp.turn().T)
    assert np.abs(flat - want).mean() < 1.5
    assert np.abs(flat - want).max() < 12


def test_straight_lines_of_the_world_are_straight_again() -> None:
    rays = fisheye_rays(WH, FOCAL)
    z = np.where(rays[..., 2] > 0.05, rays[..., 2], np.nan)
    along = rays[..., 1] / z - 0.4 * rays[..., 0] / z - 0.3  # a line across the wall
    painted = (255 * np.exp(-((np.nan_to_num(along, nan=9) / 0.03) ** 2))).astype(np.uint8)

    def bend(picture: np.ndarray) -> float:
        """How far the line's middle strays from a straight line through it, in pixels."""
        columns = np.flatnonzero(picture.sum(0) > 255)
        weight = picture[:, columns].astype(float)
        middle = (weight * np.arange(len(picture))[:, None]).sum(0) / weight.sum(0)
        fit = np.polynomial.Polynomial.fit(columns, middle, 1)
        return float(np.abs(middle - fit(columns)).max())

    camera = grey(painted)
    flat = remapping(FisheyeDewarp(focal_px=FOCAL, width=600, height=500), camera)(camera)
    assert bend(painted) > 10
    assert bend(flat.planes[0][60:440]) < 0.5


@pytest.mark.parametrize("layout", list(PixelLayout))
def test_every_layout_is_flattened_alike_and_keeps_its_colours(layout: PixelLayout) -> None:
    camera = grey(wall(fisheye_rays(WH, FOCAL)), layout, matrix=ColorMatrix.BT709, full_range=True)
    dewarp = FisheyeDewarp(focal_px=FOCAL, width=301, height=201)
    made = remapping(dewarp, camera)(camera)
    plain = remapping(dewarp, grey(camera.planes[0] if layout is not PixelLayout.RGB else camera.planes[0][..., 0]))
    want = plain(grey(wall(fisheye_rays(WH, FOCAL)))).planes[0]
    assert (made.layout, made.matrix, made.full_range) == (layout, ColorMatrix.BT709, True)
    assert made.upright_wh == (301, 201)
    if layout is PixelLayout.RGB:
        np.testing.assert_array_equal(made.planes[0], np.stack([want] * 3, -1))
        return
    np.testing.assert_array_equal(made.planes[0], want)
    chroma = list(np.moveaxis(made.planes[1], -1, 0)) if layout is PixelLayout.NV12 else list(made.planes[1:])
    assert all(p.shape == ((201, 301) if layout is PixelLayout.I444 else (101, 151)) for p in chroma)
    assert all((p == value).all() for p, value in zip(chroma, (90, 200), strict=False))


def test_chroma_lies_under_its_luma() -> None:
    spot = np.zeros((240, 320), np.float64)
    y, x = np.mgrid[0:240, 0:320]
    spot += 255 * np.exp(-((x - 220.5) ** 2 + (y - 70.5) ** 2) / 200)
    half = cv2.resize(spot, (160, 120), interpolation=cv2.INTER_AREA)
    camera = Picture(tuple(p.astype(np.uint8) for p in (spot, half, half)), PixelLayout.I420)
    made = remapping(FisheyeDewarp(focal_px=120, yaw_deg=10, pitch_deg=10), camera)(camera)

    def middle(plane: np.ndarray, scale: int) -> np.ndarray:
        weight = plane.astype(float) * (plane > 40)
        rows, columns = np.mgrid[0 : plane.shape[0], 0 : plane.shape[1]]
        return (np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum() + 0.5) * scale

    np.testing.assert_allclose(middle(made.planes[0], 1), middle(made.planes[1], 2), atol=0.3)


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("layout", [PixelLayout.I420, PixelLayout.NV12, PixelLayout.GREY])
def test_a_camera_on_its_side_is_set_upright_on_the_way(turns: int, mirror: bool, layout: PixelLayout) -> None:
    rng = np.random.default_rng(4)
    coarse = rng.integers(0, 255, (12, 16), dtype=np.uint8)
    plane = cv2.resize(coarse, (160, 120), interpolation=cv2.INTER_CUBIC)
    lying = replace(grey(plane, layout), turns=turns, mirror=mirror)
    upright = canvas(lying)
    dewarp = FisheyeDewarp(focal_px=60, yaw_deg=12, width=100, height=80)
    got = remapping(dewarp, lying)(lying)
    want = remapping(dewarp, upright)(upright)
    assert (got.turns, got.mirror) == (0, False)
    assert np.abs(got.planes[0].astype(int) - want.planes[0]).max() <= 3
    np.testing.assert_allclose(got.planes[0].mean(), want.planes[0].mean(), atol=0.05)


def test_wide_pixels_become_square() -> None:
    plane = wall(fisheye_rays((320, 640), FOCAL))
    wide = replace(grey(plane), sar=Fraction(2))
    made = remapping(FisheyeDewarp(to="fisheye", focal_px=FOCAL), wide)(wide)
    assert made.upright_wh == WH
    assert made.sar == 1
    assert np.abs(made.planes[0].astype(int) - cv2.resize(plane, WH)).max() <= 2


def test_what_the_camera_did_not_see_is_black_or_its_nearest_pixel() -> None:
    camera = grey(np.full((100, 100), 77, np.uint8))
    black = remapping(FisheyeDewarp(focal_px=40, width=400, height=100), camera)(camera)
    assert black.planes[0][50, [2, 200]].tolist() == [16, 77]
    assert [int(p[25, 1]) for p in black.planes[1:]] == [128, 128]
    full = replace(camera, full_range=True)
    assert remapping(FisheyeDewarp(focal_px=40, width=400, height=100), full)(full).planes[0][50, 2] == 0
    near = remapping(FisheyeDewarp(focal_px=40, width=400, height=100, outside="repeat"), camera)(camera)
    assert near.planes[0][50, [2, 200]].tolist() == [77, 77]
    behind = LensDewarp(to="panorama", focal_px=40, width=400, height=100, outside="repeat", target_focal_px=60)
    assert remapping(behind, camera)(camera).planes[0][50, [2, 200]].tolist() == [16, 77]


def test_a_panorama_has_no_seam() -> None:
    around = np.tile((128 + 100 * np.cos(np.arange(720) * 2 * np.pi / 720)).astype(np.uint8), (360, 1))
    behind = PanoramaDewarp(to="cylinder", yaw_deg=180, width=200, height=100, target_focal_px=720 / (2 * np.pi))
    made = remapping(behind, grey(around))(grey(around)).planes[0][50].astype(int)
    want = (128 + 100 * np.cos((np.arange(200) - 100) * 2 * np.pi / 720)).astype(int)
    assert np.abs(made - want).max() <= 2


# -- the source --------------------------------------------------------------------------------------------------------

VIEW = FisheyeDewarp(focal_px=30, width=50, height=40)


def test_the_source_is_the_same_but_for_its_pictures() -> None:
    inner = MovingBoxes(count=5, live=True)
    source = dewarped(inner, VIEW)
    assert isinstance(source, Source)
    assert (source.id, source.live, getattr(source, "stopping")) == (inner.id, True, inner.stopping)  # noqa: B009
    tapped: list[object] = []
    frames = list(source.frames(tapped.append))
    plain = list(MovingBoxes(count=5, live=True).frames())
    assert tapped == [0, 1, 2, 3, 4]
    assert [f.at for f in frames] == [f.at for f in plain]
    assert [f.index for f in frames] == [0, 1, 2, 3, 4]
    for frame in frames:
        assert (frame.width, frame.height, frame.stream.width, frame.stream.height) == (50, 40, 50, 40)
        assert frame.picture is not None
        assert frame.picture.upright_wh == (50, 40)
    assert len({id(f.stream) for f in frames}) == 1
    assert inner.closed == 1


def test_closing_it_closes_the_source() -> None:
    inner = MovingBoxes(count=5)
    with contextlib.closing(dewarped(inner, VIEW).frames()) as frames:  # type: ignore[type-var]
        next(frames)
    assert inner.closed == 1


def test_its_failures_are_the_source_s() -> None:
    inner = MovingBoxes(count=5, fails_at=2)
    with pytest.raises(type(inner.error), match="told to fail"):
        list(dewarped(inner, VIEW).frames())


def test_a_size_that_changes_gets_tables_of_its_own() -> None:
    class Growing(MovingBoxes):
        def frames(self, tap: Any = None) -> Any:
            yield from MovingBoxes(count=2, width=64, height=48).frames()
            yield from MovingBoxes(count=2, width=128, height=96).frames()

    frames: list[Frame] = list(dewarped(Growing(), FisheyeDewarp(focal_px=30)).frames())
    assert [(f.width, f.height) for f in frames] == [(64, 48)] * 2 + [(128, 96)] * 2
    assert [f.picture is not None and f.picture.upright_wh for f in frames] == [(64, 48)] * 2 + [(128, 96)] * 2
