"""`python -m benchmarks.task_pictures docs/tasks`: a picture for each task, of drawn scenes and made-up answers.

The answers are read off the drawings, not given by a model: the pictures show what the overlay makes of them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmarks.drawn_faces import face, landmarks
from benchmarks.street_truth import StreetTruth
from sightline.overlays.boxes import BoxOverlay
from sightline.pictures import rgb
from sightline.sources.synthetic import Scene
from sightline.types import (
    U8,
    Attribute,
    Detections,
    Frame,
    FrameResult,
    Instant,
    Picture,
    PixelLayout,
    Prediction,
    StreamInfo,
)

__all__ = ["PICTURES", "draw"]

_SIZE = 640, 360
_QUALITY = 82
Drawn = tuple[U8, Prediction]
_COLOR_NAMES = {
    "red": (170, 30, 35),
    "blue": (35, 65, 130),
    "white": (220, 220, 222),
    "silver": (150, 155, 160),
    "black": (35, 36, 40),
    "green": (60, 100, 75),
    "yellow": (215, 180, 70),
    "brown": (120, 60, 40),
}


def _street(seed: int, index: int, larger: int = 1) -> tuple[StreetTruth, U8]:
    scene = Scene(seed=seed, width=larger * _SIZE[0], height=larger * _SIZE[1], noise=1.5)
    return StreetTruth(scene, index), rgb(scene.draw(index)[0])


def _segment() -> Drawn:
    truth, pixels = _street(3, 200)
    return pixels, Prediction(truth.objects())


def _semantic() -> Drawn:
    truth, pixels = _street(3, 200)
    return pixels, truth.areas()


def _pose() -> Drawn:
    truth, pixels = _street(9, 50, larger=2)
    left, top = 270, 350
    seen = truth.walkers()
    shift = np.array([left, top, left, top], np.float32)
    low, high = shift, shift + np.array([*_SIZE, *_SIZE], np.float32)
    inside = np.flatnonzero(((seen.xyxy > low) & (seen.xyxy < high)).all(1))
    seen = seen[inside]
    assert seen.keypoints is not None
    moved = replace(seen, xyxy=seen.xyxy - shift, keypoints=seen.keypoints - (left, top, 0))
    return pixels[top : top + _SIZE[1], left : left + _SIZE[0]], Prediction(moved)


def _classify() -> Drawn:
    """Attributes of objects (what colour is the car?) and of the whole view (what is this?)."""
    truth, pixels = _street(2, 260)
    found = truth.objects("car")
    told = np.empty(len(found), object)
    for row, (_, pose) in enumerate(truth.actors("car")):
        far = {name: float(np.abs(np.subtract(color, pose.paints[0])).sum()) for name, color in _COLOR_NAMES.items()}
        told[row] = (Attribute("colour", min(far, key=lambda name: far[name]), 0.97 - 0.05 * row),)
    plain = Detections(found.xyxy, found.score, found.label, found.names, columns={"attributes": told})
    view = (Attribute("class", "street", 0.914, 0), Attribute("class", "parking lot", 0.052, 1),
            Attribute("class", "crosswalk", 0.021, 2))  # fmt: skip
    return pixels, Prediction(plain, view)


def _portrait(turn: float = 0.0) -> tuple[U8, Detections]:
    pixels = np.empty((_SIZE[1], _SIZE[0], 3), np.uint8)
    pixels[:] = np.linspace((196, 206, 214), (150, 164, 176), _SIZE[1])[:, None]
    points = landmarks(320, 165, 190, turn)
    face(pixels, points, 190)
    low, high = points[:, :2].min(0) - (8, 40), points[:, :2].max(0) + 8
    box = np.array([[*low, *high]], np.float32)
    return pixels, Detections(
        box, np.array([0.98], np.float32), np.zeros(1, np.int32), ("face",), keypoints=points[None]
    )


def _landmarks() -> Drawn:
    pixels, found = _portrait(0.2)
    return pixels, Prediction(found)


def _gaze() -> Drawn:
    pixels, found = _portrait(-0.6)
    bare = Detections(found.xyxy, found.score, found.label, found.names)
    angles = (Attribute("yaw", "-24.600", 1.0), Attribute("pitch", "1.300", 1.0), Attribute("roll", "0.200", 1.0))
    return pixels, Prediction(bare, angles)


def _embed() -> Drawn:
    pixels, _ = _portrait()
    numbers = np.random.default_rng(1).normal(size=128)
    unit = (numbers / np.linalg.norm(numbers)).astype(np.float32)
    return pixels, Prediction(attributes=(Attribute("identity", "Ada", 0.83, 0),), embedding=unit)


def _pulse() -> Drawn:
    pixels, _ = _portrait()
    return pixels, Prediction(attributes=(Attribute("pulse", "0.214", 1.0),))


def _written(pixels: U8, lines: Mapping[str, tuple[int, int, int]], ink: tuple[int, int, int]) -> list[list[int]]:
    """Write lines at (x, y, size) into RGB; their boxes."""
    image = Image.fromarray(pixels)
    pen, boxes = ImageDraw.Draw(image), []
    for text, (x, y, size) in lines.items():
        font = ImageFont.load_default(size)
        pen.text((x, y), text, fill=ink, font=font)
        boxes.append([round(v) for v in pen.textbbox((x, y), text, font=font)])
    pixels[:] = np.asarray(image)
    return boxes


def _text() -> Drawn:
    """A line of characters: the view is a plate that a detector cut out."""
    pixels = np.full((_SIZE[1] // 3, _SIZE[0], 3), (236, 238, 232), np.uint8)
    cv2.rectangle(pixels, (6, 6), (_SIZE[0] - 7, pixels.shape[0] - 7), (40, 42, 46), 4, cv2.LINE_AA)
    _written(pixels, {"ZH 471 108": (88, 12, 84)}, (30, 32, 36))
    return pixels, Prediction(attributes=(Attribute("text", "ZH471108", 0.97),), text="ZH471108")


def _text_detect() -> Drawn:
    """Words on a tilted board, each in its oriented box."""
    board = np.full((_SIZE[1], _SIZE[0], 3), (58, 88, 74), np.uint8)
    lines = {"Bakery": (250, 82, 52), "fresh bread from 6:30": (200, 160, 26), "closed on Mondays": (220, 216, 26)}
    boxes = _written(board, lines, (240, 238, 224))
    angle = -8.0
    matrix = cv2.getRotationMatrix2D((_SIZE[0] / 2, _SIZE[1] / 2), -angle, 1.0)
    pixels = np.asarray(cv2.warpAffine(board, matrix, _SIZE, borderMode=cv2.BORDER_REPLICATE), np.uint8)
    obb = [_turned(box, matrix, angle, 4) for box in boxes]
    return pixels, Prediction(_oriented(obb, ("text",), [0] * len(obb)))


def _turned(box: list[int], matrix: np.ndarray, angle: float, margin: int) -> tuple[float, ...]:
    x1, y1, x2, y2 = box
    cx, cy = matrix @ ((x1 + x2) / 2, (y1 + y2) / 2, 1)
    return float(cx), float(cy), x2 - x1 + 2 * margin, y2 - y1 + 2 * margin, np.radians(angle)


def _oriented(obb: list[tuple[float, ...]], names: tuple[str, ...], label: list[int]) -> Detections:
    rows = np.array(obb, np.float32)
    reach = np.stack([np.abs(np.cos(rows[:, 4])), np.abs(np.sin(rows[:, 4]))], 1)
    half = np.stack([(rows[:, 2:4] * reach).sum(1), (rows[:, 2:4] * reach[:, ::-1]).sum(1)], 1) / 2
    boxes = np.concatenate([rows[:, :2] - half, rows[:, :2] + half], 1).astype(np.float32)
    score = np.linspace(0.95, 0.8, len(rows), dtype=np.float32)
    return Detections(boxes, score, np.array(label, np.int32), names, columns={"obb": rows})


def _obb() -> Drawn:
    """A car park from above."""
    random = np.random.default_rng(4)
    grain = random.normal(96, 3, (_SIZE[1], _SIZE[0], 1)).repeat(3, 2)
    pixels = np.clip(grain, 0, 255).astype(np.uint8)
    obb, label = [], []
    for k, x in enumerate(range(70, 600, 84)):
        for y, angle in ((92, 1.2), (268, -1.2)):
            side = np.array([np.sin(angle), -np.cos(angle)]) * 34
            along = np.array([np.cos(angle), np.sin(angle)]) * 66
            ends = [np.array([x, y]) + side + way * along for way in (-1, 1)]
            fixed = np.round(np.array(ends) * 16).astype(np.int32)
            cv2.polylines(pixels, [fixed], False, (205, 205, 200), 2, cv2.LINE_AA, 4)
            if random.random() < 0.8:
                long, wide = (118, 48) if k == 2 else (random.uniform(82, 98), random.uniform(36, 42))
                box = x + random.normal(0, 2), y + random.normal(0, 4), long, wide, angle + random.normal(0, 0.05)
                _car_from_above(pixels, box, list(_COLOR_NAMES.values())[int(random.integers(8))])
                obb.append(box)
                label.append(int(k == 2))
    return pixels, Prediction(_oriented(obb, ("car", "van"), label))


def _car_from_above(pixels: U8, box: tuple[float, ...], color: tuple[int, int, int]) -> None:
    x, y, long, wide, angle = box
    for share, across, shift, ink in (
        (1.0, 1.0, 0.0, color), (0.62, 0.84, -0.03, (40, 48, 58)), (0.4, 0.8, -0.03, color)
    ):  # fmt: skip
        middle = x + shift * long * np.cos(angle), y + shift * long * np.sin(angle)
        shape = cv2.boxPoints((middle, (long * share, wide * across), float(np.degrees(angle))))
        cv2.fillPoly(pixels, [np.round(shape * 16).astype(np.int32)], ink, cv2.LINE_AA, 4)


PICTURES: Mapping[str, Callable[[], Drawn]] = {
    "segment": _segment,
    "semantic": _semantic,
    "classify": _classify,
    "pose": _pose,
    "landmarks": _landmarks,
    "embed": _embed,
    "text": _text,
    "text-detect": _text_detect,
    "obb": _obb,
    "gaze": _gaze,
    "pulse": _pulse,
}


def draw(name: str) -> U8:
    """The picture of a task as (H, W, 3) RGB."""
    pixels, said = PICTURES[name]()
    height, width = pixels.shape[:2]
    stream = StreamInfo(name, width, height, Fraction(1), still=True)
    frame = Frame(stream, 0, Instant(None, stream.base), None, width, height)
    out = np.array(pixels)
    BoxOverlay(text_px=13)(Picture((out,), PixelLayout.RGB, full_range=True), FrameResult(frame, said))
    return out


def _main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in PICTURES:
        path = folder / f"{name}.jpg"
        cv2.imwrite(str(path), draw(name)[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    _main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/tasks"))
