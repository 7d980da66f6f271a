"""The camera's motion against pictures that were moved by known matrices."""

from fractions import Fraction

import cv2
import numpy as np
import pytest

from sightline.motion import CameraMotion
from sightline.trackers.botsort import BotSort
from sightline.types import Detections, Frame, Instant, Picture, PixelLayout, StreamInfo

WIDTH, HEIGHT = 960, 540
STREAM = StreamInfo("a", WIDTH, HEIGHT, Fraction(1, 25), Fraction(25))
NOTHING = np.zeros((0, 4), np.float32)


def wall(seed=0):
    """A large wall with something to see everywhere (1000, 1600)."""
    rough = cv2.GaussianBlur(np.random.default_rng(seed).integers(0, 256, (1000, 1600), np.uint8), (0, 0), 4)
    return cv2.normalize(rough, np.zeros_like(rough), 0, 255, cv2.NORM_MINMAX)


WALL = wall()


def seen_by(matrix, wall=WALL):
    """What a camera sees: `matrix` (2, 3) leads from the wall to the frame's pixels."""
    # OpenCV counts from the centre of the first pixel, frame pixels from its corner
    matrix = np.array(matrix, np.float64)
    matrix[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5
    return cv2.warpAffine(wall, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def grey(plane):
    return Picture((plane,), PixelLayout.GREY)


def frame(i, picture, epoch=0):
    w, h = (WIDTH, HEIGHT) if picture is None else picture.upright_wh
    return Frame(STREAM, i, Instant(i, STREAM.base, epoch), picture, w, h)


def corners_off(matrix, want, size=(WIDTH, HEIGHT)):
    """How far apart two motions are at most, in pixels of the frame."""
    w, h = size
    points = np.array([[0, 0, 1], [w, 0, 1], [0, h, 1], [w, h, 1]], float).T
    return np.abs(np.asarray(matrix) @ points - np.asarray(want) @ points).max()


START = np.array([[1, 0, -300], [0, 1, -200.0]])


def square(matrix):
    return np.concatenate([matrix, [[0, 0, 1.0]]])


def turned(degrees, zoom, x, y):
    return np.array(cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), degrees, zoom)) + np.array([[0, 0, x], [0, 0, y]])


def shifted(x, y=0):
    return START + np.array([[0, 0, x], [0, 0, y]])


@pytest.mark.parametrize(
    "moved",
    [turned(0, 1, 7, -3), turned(0, 1, 55, 20), turned(2, 1, 0, 0), turned(0, 1.05, 4, 0), turned(-3, 0.96, 12, 9)],
    ids=["shift", "far", "turn", "zoom", "all"],
)
def test_the_motion_is_that_of_the_camera(moved):
    camera = CameraMotion()
    assert camera(frame(0, grey(seen_by(START))), NOTHING) is None
    found = camera(frame(1, grey(seen_by((square(moved) @ square(START))[:2]))), NOTHING)
    assert found is not None
    assert corners_off(found, moved) < 1.0


def test_a_long_pan_adds_up():
    camera, total = CameraMotion(), np.eye(3)
    for i in range(20):
        found = camera(frame(i, grey(seen_by(shifted(-9 * i, -2 * i)))), NOTHING)
        total = (square(found) if found is not None else np.eye(3)) @ total
    assert corners_off(total[:2], [[1, 0, -171], [0, 1, -38]]) < 4


def test_a_camera_that_stands_still_is_said_so():
    camera, rng = CameraMotion(), np.random.default_rng(0)
    still = seen_by(START).astype(np.float64)
    for i in range(5):
        noisy = np.clip(still + rng.normal(0, 3, still.shape), 0, 255).astype(np.uint8)
        assert camera(frame(i, grey(noisy)), NOTHING) is None


def test_what_moves_on_its_own_is_left_out():
    """More than half of the picture is a lorry that drives to the right while the camera stands."""
    lorry = cv2.resize(wall(1), (600, 500))
    pictures = []
    for i in range(2):
        plane = seen_by(START)
        plane[20:520, 100 + 12 * i : 700 + 12 * i] = lorry
        pictures.append(grey(plane))
    box = np.array([[100, 20, 700, 520]], np.float32)
    fooled, told = CameraMotion(), CameraMotion()
    fooled(frame(0, pictures[0]), NOTHING)
    told(frame(0, pictures[0]), box)
    assert fooled(frame(1, pictures[1]), NOTHING) is not None
    assert told(frame(1, pictures[1]), box) is None


def coded(plane, turns, mirror):
    """The upright plane as a decoder would hand it on."""
    out = np.rot90(plane, turns)  # undoes quarter turns clockwise
    return np.ascontiguousarray(out[:, ::-1] if mirror else out)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
@pytest.mark.parametrize("mirror", [False, True])
def test_turned_and_mirrored_pictures(turns, mirror):
    moved = turned(2, 1.03, 10, -6)
    camera = CameraMotion()
    for i, matrix in enumerate((START, (square(moved) @ square(START))[:2])):
        picture = Picture((coded(seen_by(matrix), turns, mirror),), PixelLayout.GREY, turns=turns, mirror=mirror)
        assert picture.upright_wh == (WIDTH, HEIGHT)
        found = camera(frame(i, picture), NOTHING)
    assert found is not None
    assert corners_off(found, moved) < 1.5


def test_pixels_that_are_not_square():
    moved = turned(0, 1, 16, -6)
    camera = CameraMotion()
    for i, matrix in enumerate((START, (square(moved) @ square(START))[:2])):
        narrow = cv2.resize(seen_by(matrix), (WIDTH // 2, HEIGHT), interpolation=cv2.INTER_AREA)
        found = camera(frame(i, Picture((narrow.astype(np.uint8),), PixelLayout.GREY, sar=Fraction(2))), NOTHING)
    assert corners_off(found, moved) < 1.5


@pytest.mark.parametrize("layout", list(PixelLayout))
def test_every_layout(layout):
    camera = CameraMotion()
    for i in range(2):
        plane = seen_by(shifted(8 * i))
        half = np.full((HEIGHT // 2, WIDTH // 2), 128, np.uint8)
        planes = {
            PixelLayout.I420: (plane, half, half),
            PixelLayout.NV12: (plane, np.stack([half, half], 2)),
            PixelLayout.I444: (plane, plane, plane),
            PixelLayout.GREY: (plane,),
            PixelLayout.RGB: (np.stack([plane] * 3, 2),),
        }[layout]
        found = camera(frame(i, Picture(planes, layout)), NOTHING)
    assert corners_off(found, turned(0, 1, 8, 0)) < 1


def test_planes_that_are_a_part_of_larger_rows():
    camera = CameraMotion()
    for i in range(2):
        rows = np.zeros((HEIGHT, WIDTH + 64), np.uint8)
        rows[:, :WIDTH] = seen_by(shifted(8 * i))
        found = camera(frame(i, grey(rows[:, :WIDTH])), NOTHING)
    assert corners_off(found, turned(0, 1, 8, 0)) < 1


def other(kind):
    """A second picture that says nothing of the camera."""
    plane = seen_by(shifted(8))
    if kind == "cut":
        return frame(1, grey(seen_by(START, wall(7))))
    if kind == "flat":
        return frame(1, grey(np.full_like(plane, 90)))
    if kind == "size":
        return frame(1, grey(plane[:400]))
    if kind == "none":
        return frame(1, None)
    return frame(1, grey(plane), epoch=1)


@pytest.mark.parametrize("kind", ["cut", "flat", "size", "none", "epoch"])
def test_where_nobody_can_tell_it_is_no_motion_and_the_next_picture_counts_again(kind):
    camera = CameraMotion()
    camera(frame(0, grey(seen_by(START))), NOTHING)
    assert camera(other(kind), NOTHING) is None
    camera(frame(2, grey(seen_by(START)), 1), NOTHING)
    found = camera(frame(3, grey(seen_by(shifted(8))), 1), NOTHING)
    assert corners_off(found, turned(0, 1, 8, 0)) < 1


def test_flat_tiny_and_covered_pictures():
    everything = np.array([[-5, -5, 2000, 2000], [np.nan, 0, 1, 1], [50, 50, 10, 10]], np.float32)
    for plane in (np.full((HEIGHT, WIDTH), 60, np.uint8), np.zeros((1, 1), np.uint8), np.zeros((2, 900), np.uint8)):
        camera = CameraMotion()
        for i in range(3):
            assert camera(frame(i, grey(plane)), NOTHING) is None
    camera = CameraMotion()
    for i in range(3):
        assert camera(frame(i, grey(seen_by(shifted(-9 * i)))), everything) is None


def test_reset_forgets():
    camera = CameraMotion()
    camera(frame(0, grey(seen_by(START))), NOTHING)
    camera.reset()
    assert camera(frame(1, grey(seen_by(shifted(8)))), NOTHING) is None


def test_pictures_stay_as_they_are():
    plane = seen_by(START)
    kept = plane.copy()
    plane.flags.writeable = False
    camera = CameraMotion()
    for i in range(2):
        camera(frame(i, grey(plane)), np.array([[10, 10, 200, 200]], np.float32))
    assert (plane == kept).all()


def jerky(i):
    """Where the camera looks: it stands, then is thrown about."""
    return np.array([0, 0]) if i < 6 else np.array([(25, -25, 28, -20)[i % 4], (10, -15, 12, -8)[i % 4]])


@pytest.mark.parametrize("follow", [True, False])
def test_ids_survive_a_camera_that_is_thrown_about_where_it_is_followed(follow):
    """Small boxes that stand on the wall; where nobody follows the camera, they jump by more than themselves."""
    places = np.array([[420, 300], [620, 420], [850, 330], [1000, 600]], float)
    tracker = BotSort(camera_motion=follow)
    tracker.motion = CameraMotion()
    named = []
    for i in range(30):
        start = shifted(*jerky(i))
        plane = seen_by(start)
        middle = places + start[:, 2]
        boxes = np.concatenate([middle - 18, middle + 18], 1).astype(np.float32)
        picture = frame(i, grey(plane))
        detections = Detections(boxes, np.full(4, 0.9, np.float32), np.zeros(4, np.int32))
        tracks = tracker.update(detections, picture)
        named.append(dict(zip(tracks.row.tolist(), tracks.id.tolist(), strict=True)))
    everyone = {row: row + 1 for row in range(4)}
    assert named[5] == everyone
    assert all(n == everyone for n in named[6:]) == follow
