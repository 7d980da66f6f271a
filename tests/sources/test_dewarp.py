"""Where the pixels of a flattened view come from: against OpenCV, and against each projection's formula, forwards."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.errors import UsageError
from sightline.parts import construct
from sightline.sources.dewarp import FisheyeDewarp, LensDewarp, PanoramaDewarp
from sightline.sources.dewarp_lenses import first_turn
from sightline.sources.dewarp_surfaces import SURFACES

WIDE = (640, 480)
small = st.floats(-0.08, 0.08)
angles = st.floats(-40, 40)


def pixels(wh: tuple[int, int], step: int = 7) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.meshgrid(np.arange(0.0, wh[0], step), np.arange(0.0, wh[1], step))
    return x, y


# -- OpenCV as the oracle ----------------------------------------------------------------------------------------------


@settings(max_examples=40, deadline=None)
@given(k=st.tuples(small, small, small, small), yaw=angles, pitch=angles, roll=angles, focal=st.floats(150, 400))
def test_a_fisheye_seen_through_a_plane_is_opencv_s(
    k: tuple[float, ...], yaw: float, pitch: float, roll: float, focal: float
) -> None:
    dewarp = FisheyeDewarp(
        width=320, height=240, yaw_deg=yaw, pitch_deg=pitch, roll_deg=roll, focal_px=(focal, focal * 0.9),
        centre_x_px=330, centre_y_px=228, distortion=k, target_focal_px=(260, 250), target_centre_px=(150, 130),
    )  # fmt: skip
    camera = np.array([[focal, 0, 330], [0, focal * 0.9, 228], [0, 0, 1]])
    view = np.array([[260.0, 0, 150], [0, 250, 130], [0, 0, 1]])
    x, y = cv2.fisheye.initUndistortRectifyMap(camera, np.array(k), dewarp.turn().T, view, (320, 240), cv2.CV_32FC1)
    got = dewarp.look_up(WIDE, *pixels((320, 240)))
    want = np.stack([x[::7, ::7], y[::7, ::7]], -1)
    # OpenCV goes on where the polynomial has turned, and puts rays from behind somewhere
    sound = ~np.isnan(got).any(-1) & (np.abs(want) < 2000).all(-1)
    rays = np.stack([(pixels((320, 240))[0] - 150) / 260, (pixels((320, 240))[1] - 130) / 250, np.ones((35, 46))], -1)
    ahead = (rays @ dewarp.turn().T)[..., 2] > 0.05
    assert (sound & ahead).any()
    np.testing.assert_allclose(got[sound & ahead], want[sound & ahead], atol=2e-3)


@settings(max_examples=40, deadline=None)
@given(k=st.tuples(small, small, small), p=st.tuples(st.floats(-0.01, 0.01), st.floats(-0.01, 0.01)), yaw=angles)
def test_an_ordinary_lens_is_opencv_s(k: tuple[float, ...], p: tuple[float, float], yaw: float) -> None:
    dewarp = LensDewarp(yaw_deg=yaw / 4, focal_px=600, centre_x_px=300, centre_y_px=250, distortion=(*k, *p))
    camera = np.array([[600.0, 0, 300], [0, 600, 250], [0, 0, 1]])
    x, y = cv2.initUndistortRectifyMap(
        camera, np.array([k[0], k[1], *p, k[2]]), dewarp.turn().T, camera, WIDE, cv2.CV_32FC1
    )
    got = dewarp.look_up(WIDE, *pixels(WIDE))
    want = np.stack([x[::7, ::7], y[::7, ::7]], -1)
    sound = ~np.isnan(got).any(-1)
    assert sound.mean() > 0.8
    np.testing.assert_allclose(got[sound], want[sound], atol=2e-3)


def test_without_distortion_nothing_moves() -> None:
    x, y = pixels((640, 320))
    for dewarp in (LensDewarp(focal_px=500), PanoramaDewarp(to="panorama"), FisheyeDewarp(to="fisheye", focal_px=150)):
        np.testing.assert_allclose(dewarp.look_up((640, 320), x, y), np.stack([x, y], -1), atol=1e-6)


# -- every surface, forwards, one point at a time ----------------------------------------------------------------------


def onto(surface: str, ray: np.ndarray, control: float) -> tuple[float, float] | None:
    """Where a surface shows a direction, in focal lengths: the textbook's formula, not its inverse."""
    x, y, z = (ray / np.linalg.norm(ray)).tolist()
    longitude, around, angle = math.atan2(x, z), math.hypot(x, z), math.acos(max(-1.0, min(1.0, z)))
    off = math.hypot(x, y)
    match surface:
        case "perspective":
            return (x / z, y / z) if z > 0.05 else None
        case "cylinder":
            return (longitude, y / around) if around > 0.05 else None
        case "lying-cylinder":
            return (x / math.hypot(y, z), math.atan2(y, z)) if math.hypot(y, z) > 0.05 else None
        case "panorama":
            return longitude, math.asin(y)
        case "fisheye":
            return (angle * x / off, angle * y / off) if off > 1e-9 else (0.0, 0.0)
        case "panini":
            if around < 0.05 or control + math.cos(longitude) < 0.2:
                return None
            scale = (control + 1) / (control + math.cos(longitude))
            return scale * math.sin(longitude), scale * y / around
        case "stereographic":
            if control + z < 0.2 or off < 1e-9:
                return None
            scale = (control + 1) * math.sin(angle) / (control + math.cos(angle))
            return scale * x / off, scale * y / off
        case "pushbroom":
            if z < 0.05:
                return None
            across, y = x / z, y / z
            low, high = 0.0, abs(across) + 1e-9  # x sqrt(1 + (c x)^2) = across, by halving
            for _ in range(80):
                middle = (low + high) / 2
                low, high = (middle, high) if middle * math.hypot(1, control * middle) < abs(across) else (low, middle)
            return math.copysign(low, across), y
    raise AssertionError(surface)


def through(kind: str, ray: np.ndarray) -> tuple[float, float] | None:
    """Where the camera of `lens_of` shows a direction, in pixels."""
    x, y, z = (ray / np.linalg.norm(ray)).tolist()
    if kind == "panorama":
        return 319.5 + math.atan2(x, z) * 640 / (2 * math.pi), 239.5 + math.asin(y) * 640 / (2 * math.pi)
    if kind == "lens":
        return (310 + 300 * x / z, 250 + 280 * y / z) if z > 0.05 else None
    angle, off = math.acos(max(-1.0, min(1.0, z))), max(1e-12, math.hypot(x, y))
    bent = angle * (1 - 0.02 * angle**2 + 0.001 * angle**4)
    return 310 + 150 * bent * x / off, 250 + 140 * bent * y / off


LENSES: dict[str, tuple[Any, dict[str, object]]] = {
    "fisheye": (
        FisheyeDewarp,
        {"focal_px": (150, 140), "centre_x_px": 310, "centre_y_px": 250, "distortion": (-0.02, 0.001)},
    ),
    "lens": (LensDewarp, {"focal_px": (300, 280), "centre_x_px": 310, "centre_y_px": 250}),
    "panorama": (PanoramaDewarp, {}),
}  # fmt: skip


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("lens", LENSES)
@settings(max_examples=40, deadline=None)
@given(
    ray=st.tuples(st.floats(-1, 1), st.floats(-1, 1), st.floats(-1, 1)).filter(lambda r: np.linalg.norm(r) > 0.1),
    control=st.floats(0.05, 1),
    turn=st.tuples(angles, angles, angles),
)
def test_a_direction_lies_where_both_formulas_say(
    lens: str, surface: Any, ray: tuple[float, ...], control: float, turn: tuple[float, float, float]
) -> None:
    kind, options = LENSES[lens]
    dewarp = kind(
        to=surface, width=800, height=600, yaw_deg=turn[0], pitch_deg=turn[1], roll_deg=turn[2], control=control,
        target_focal_px=(210, 190), target_centre_px=(390, 310), **options,
    )  # fmt: skip
    turned = _turned(np.array(ray), *turn)
    there, seen = onto(surface, np.array(ray), control), through(lens, turned)
    length = np.linalg.norm(ray)
    behind = min(ray[2], turned[2]) < -0.98 * length  # what lies straight behind is a whole circle
    pole = max(abs(ray[1]), abs(turned[1])) > 0.98 * length and "panorama" in (lens, surface)  # or a whole row
    if there is None or seen is None or behind or pole:
        return
    got = dewarp.look_up(WIDE, np.array(390 + 210 * there[0]), np.array(310 + 190 * there[1]))
    if lens == "panorama":
        got[0] += 640 * round((seen[0] - got[0]) / 640)  # the seam
    np.testing.assert_allclose(got, seen, atol=1e-3)


def _turned(ray: np.ndarray, yaw: float, pitch: float, roll: float) -> np.ndarray:
    """First clockwise, then up, then to the right, each as one sees it (x to the right, y down)."""
    x, y, z = ray.tolist()
    c, s = math.cos(math.radians(roll)), math.sin(math.radians(roll))
    x, y = c * x - s * y, s * x + c * y
    c, s = math.cos(math.radians(pitch)), math.sin(math.radians(pitch))
    y, z = c * y - s * z, s * y + c * z
    c, s = math.cos(math.radians(yaw)), math.sin(math.radians(yaw))
    return np.array([c * x + s * z, y, -s * x + c * z])


# -- turns, angles, sizes ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("turn", "right", "down"),
    [({"yaw_deg": 30}, 1, 0), ({"pitch_deg": 30}, 0, -1), ({"yaw_deg": -30}, -1, 0), ({"pitch_deg": -30}, 0, 1)],
)
def test_yaw_looks_right_and_pitch_looks_up(turn: dict[str, Any], right: int, down: int) -> None:
    dewarp = FisheyeDewarp(focal_px=150, width=321, height=241, **turn)
    seen = dewarp.look_up(WIDE, np.array(160.0), np.array(120.0)) - (319.5, 239.5)
    np.testing.assert_allclose(seen, np.array([right, down]) * 150 * math.radians(30), atol=1e-9)


def test_roll_turns_the_view_clockwise() -> None:
    dewarp = FisheyeDewarp(focal_px=150, width=321, height=241, roll_deg=90)
    seen = dewarp.look_up(WIDE, np.array(170.0), np.array(120.0)) - (319.5, 239.5)
    assert seen[1] > 9
    assert abs(seen[0]) < 1e-9


def test_the_order_of_turns_is_the_user_s() -> None:
    def ahead(axes: Any) -> list[float]:
        turn = FisheyeDewarp(focal_px=1, yaw_deg=90, pitch_deg=90, axes=axes).turn()
        return np.round(turn @ (0, 0, 1), 9).tolist()

    assert ahead("YXZ") == [0, -1, 0]  # up; turning to the right changes nothing then
    assert ahead("XYZ") == [1, 0, 0]  # to the right, whatever was up
    rotation = FisheyeDewarp(focal_px=1, yaw_deg=20, pitch_deg=10, roll_deg=5).turn()
    again = FisheyeDewarp(focal_px=1, rotation=tuple(rotation.ravel().tolist())).turn()
    np.testing.assert_array_equal(rotation, again)


@pytest.mark.parametrize("surface", SURFACES)
@pytest.mark.parametrize("size", [{}, {"output_height": 100}])
def test_first_and_last_row_are_at_the_angles_that_were_asked_for(surface: Any, size: dict[str, Any]) -> None:
    dewarp = FisheyeDewarp(to=surface, focal_px=150, width=301, height=201, top_deg=40, bottom_deg=-25, **size)
    last = dewarp.size_of(WIDE)[1] - 1
    edge = 0.0 if not size else 0.5 * 201 / 100 - 0.5  # the middle of a row of twice the height
    rows = np.array([0.0, last]) + np.array([-edge, edge]) * 100 / 201
    seen = dewarp.look_up(WIDE, np.array([150.0, 150.0]), rows) - (319.5, 239.5)
    np.testing.assert_allclose(-seen[:, 1] / 150, np.radians([40, -25]), atol=1e-9)
    np.testing.assert_allclose(seen[:, 0], 0, atol=1e-9)


def test_a_whole_sphere_has_its_poles_at_the_edges() -> None:
    dewarp = PanoramaDewarp(to="panorama", width=360, height=180, top_deg=90, bottom_deg=-90)
    np.testing.assert_allclose(
        dewarp.look_up((720, 360), np.array([0.0, 359.0]), np.array([0.0, 179.0])), [[0.5, 0.5], [718.5, 358.5]]
    )


def test_without_angles_the_view_has_the_camera_s_focal_length_and_centre() -> None:
    dewarp = FisheyeDewarp(focal_px=(442.6, 395.1), centre_x_px=662.2, centre_y_px=411.0)
    np.testing.assert_allclose(dewarp.look_up((1280, 720), np.array(662.2), np.array(411.0)), (662.2, 411.0))
    near = dewarp.look_up((1280, 720), np.array(663.2), np.array(411.0))
    np.testing.assert_allclose(near, (663.2, 411.0), atol=1e-4)


def test_a_field_of_view_stands_for_the_focal_length() -> None:
    half = math.radians(60)
    for dewarp, focal in (
        (FisheyeDewarp(fov_deg=120), 239.5 / half),
        (LensDewarp(fov_deg=120), 239.5 / math.tan(half)),
        (FisheyeDewarp(fov_deg=180), 240 / math.radians(90)),
    ):
        assert dewarp._focal(WIDE) == pytest.approx((focal, focal))


def test_a_lens_ends_where_its_polynomial_turns() -> None:
    assert first_turn((-0.1,), 9.0) == pytest.approx(math.sqrt(1 / 0.3))
    assert first_turn((0.1, 0.2), 9.0) == 9.0
    dewarp = LensDewarp(focal_px=200, distortion=(-0.3,), width=2001, height=3)
    seen = dewarp.look_up((640, 480), np.arange(2001.0), np.full(2001, 1.0))
    known = ~np.isnan(seen[:, 0])
    assert not known[0]
    assert known[1000]
    assert (np.diff(seen[known, 0]) > 0).all()


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "options", "says"),
    [
        ("fisheye", {}, "focal_px"),
        ("lens", {}, "focal_px"),
        ("fisheye", {"focal_px": 0}, "above 0"),
        ("fisheye", {"focal_px": 9, "top_deg": 3}, "both or none"),
        ("fisheye", {"focal_px": 9, "top_deg": 3, "bottom_deg": 4}, "above bottom_deg"),
        ("fisheye", {"focal_px": 9, "top_deg": 90, "bottom_deg": 0}, "between -90 and 90"),
        ("fisheye", {"focal_px": 9, "to": "cube"}, "'perspective'"),
        ("fisheye", {"focal_px": 9, "yaw": 3}, "yaw_deg"),
        ("fisheye", {"focal_px": 9, "distortion": [1, 2, 3, 4, 5]}, "at most 4"),
        ("fisheye", {"focal_px": 9, "rotation": [1, 2]}, "nine"),
        ("fisheye", {"focal_px": 9, "width": 99999}, "16384"),
        ("fisheye", {"fov_deg": 0}, "above 0"),
        ("lens", {"fov_deg": 180}, "below 180"),
        ("panorama", {"distortion": [1]}, "none"),
        ("fishy", {"focal_px": 9}, "fisheye"),
    ],
)
def test_what_cannot_be_is_said(kind: str, options: dict[str, object], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        construct("dewarp", kind, options)


def test_a_view_beyond_reason_is_refused_before_memory_is_taken() -> None:
    with pytest.raises(UsageError, match="too large"):
        FisheyeDewarp(focal_px=9, width=16384, height=16384).size_of(WIDE)
