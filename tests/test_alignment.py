"""Turned views: pixels where the matrix says, faces upright, eyes where the landmarks are."""

from __future__ import annotations

from fractions import Fraction

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.alignment import FACE_112, eyes_of, face_matrix, five_points, similarity, warp_planes, warp_rgb
from sightline.pictures import rgb
from sightline.types import ColorMatrix, Picture, PixelLayout

_scene = np.random.default_rng(3)


def scene(width: int = 96, height: int = 64, turns: int = 0, mirror: bool = False, full: bool = False) -> Picture:
    """A smooth picture, so that bilinear samples of planes of half size agree with those of the whole."""
    ys, xs = np.mgrid[:height, :width]
    y = (60 + 100 * xs / width + 40 * ys / height).astype(np.uint8)
    u = (100 + 50 * xs[::2, ::2] / width).astype(np.uint8)
    v = (160 - 60 * ys[::2, ::2] / height).astype(np.uint8)
    return Picture((y, u, v), PixelLayout.I420, ColorMatrix.BT601, full, turns=turns, mirror=mirror, sar=Fraction(1))


def turned(angle: float, scale: float, x: float, y: float) -> np.ndarray:
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    return np.array([[c, -s, x], [s, c, y]])


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("angle", [0.0, 0.4, -1.1])
def test_planes_agree_with_the_exact_way(turns: int, mirror: bool, angle: float) -> None:
    picture = scene(turns=turns, mirror=mirror)
    matrix = turned(angle, 0.9, 30, 34 if turns % 2 == 0 else 50)
    planes, pixels = np.zeros((3, 24, 24), np.uint8), np.zeros((3, 24, 24), np.uint8)
    warp_planes(picture, matrix, planes, picture.matrix, picture.full_range, 0)
    warp_rgb(rgb(picture), matrix, pixels, 0)
    # by the same matrix over a frame that OpenCV converts
    y, _, v = planes.astype(np.float32)
    red = 1.164 * (y - 16) + 1.596 * (v - 128)
    inside = pixels.sum(0) > 60
    assert inside.mean() > 0.5
    assert np.abs(np.clip(red, 0, 255) - pixels[0])[inside].mean() < 3


def test_a_matrix_of_whole_pixels_is_a_cut() -> None:
    pixels = _scene.integers(0, 255, (40, 50, 3), np.uint8)
    out = np.zeros((3, 8, 10), np.uint8)
    warp_rgb(pixels, np.array([[1.0, 0, 7], [0, 1.0, 5]]), out, 0)
    assert (out.transpose(1, 2, 0) == pixels[5:13, 7:17]).all()


def test_outside_of_the_frame_is_the_pad() -> None:
    out = np.zeros((3, 8, 8), np.uint8)
    warp_rgb(np.full((10, 10, 3), 200, np.uint8), np.array([[1.0, 0, 6], [0, 1.0, 0]]), out, 33)
    assert (out[:, :, 5:] == 33).all()
    assert (out[:, :, :3] == 200).all()


@settings(max_examples=60, deadline=None)
@given(st.floats(-3.1, 3.1), st.floats(0.2, 5), st.floats(-200, 200), st.floats(-200, 200))
def test_the_nearest_similarity_finds_turn_scale_and_shift(angle: float, scale: float, x: float, y: float) -> None:
    matrix = turned(angle, scale, x, y)
    moved = FACE_112 @ matrix[:, :2].T + matrix[:, 2]
    np.testing.assert_allclose(similarity(FACE_112, moved), matrix, atol=1e-6 * (1 + abs(x) + abs(y)))


def test_the_similarity_is_opencv_s_on_points_that_fit_only_nearly() -> None:
    points = FACE_112 * 2 + _scene.normal(0, 3, FACE_112.shape)
    mine = similarity(points, FACE_112)
    theirs, _ = cv2.estimateAffinePartial2D(points, FACE_112, method=cv2.LMEDS, refineIters=50)
    mapped = points @ mine[:, :2].T + mine[:, 2]
    other = points @ theirs[:, :2].T + theirs[:, 2]
    assert ((mapped - FACE_112) ** 2).sum() <= ((other - FACE_112) ** 2).sum() + 1e-6


def test_a_face_is_set_upright() -> None:
    lying = turned(1.2, 1.7, 300, 200)
    keypoints = np.concatenate([FACE_112 @ lying[:, :2].T + lying[:, 2], np.ones((5, 1))], 1).astype(np.float32)
    matrix = face_matrix(keypoints, (112, 112))
    assert matrix is not None
    np.testing.assert_allclose(FACE_112 @ matrix[:, :2].T + matrix[:, 2], keypoints[:, :2], atol=1e-3)


def test_points_that_coincide_or_are_unknown_turn_nothing() -> None:
    assert face_matrix(np.ones((5, 3), np.float32), (112, 112)) is None
    assert face_matrix(np.ones((7, 3), np.float32), (112, 112)) is None
    assert five_points(np.full((5, 3), np.nan, np.float32)) is None


def test_five_points_of_sixty_eight() -> None:
    points = _scene.normal(50, 20, (68, 3)).astype(np.float32)
    five = five_points(points)
    assert five is not None
    np.testing.assert_allclose(five[0], points[36:42, :2].mean(0), rtol=1e-5)
    np.testing.assert_allclose(five[3:], points[[48, 54], :2], rtol=1e-5)


def test_eyes_are_squares_around_their_corners() -> None:
    points = np.zeros((35, 3), np.float32)
    points[[0, 1, 2, 3], :2] = [[20, 10], [10, 10], [40, 12], [50, 12]]
    eyes = eyes_of(points)
    assert eyes is not None
    np.testing.assert_allclose(eyes, [(15, 10, 18), (45, 12, 18)], atol=1e-4)
    assert eyes_of(np.zeros((4, 3), np.float32)) is None
