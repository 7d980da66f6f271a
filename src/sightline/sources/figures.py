"""People, cars, bikes and street furniture as flat outlines: metres, x forward, y up, the foot at (0, 0)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

__all__ = ["STEPS", "Figure", "Part", "bike", "car", "lamp", "person", "tree"]

F64 = NDArray[np.float64]
STEPS = 16  # poses in one stride or turn of the pedals


@dataclass(frozen=True, slots=True)
class Part:
    """Points start:stop of a figure, in colour `paint` of its wearer; stroke > 0: an outline so many metres wide."""

    start: int
    stop: int
    paint: int
    stroke: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Figure:
    """points (P, 2) in metres; parts from back to front; half (metres) and tall (metres): its usual extent."""

    points: F64
    parts: tuple[Part, ...]
    half: float
    tall: float


class _Pen:
    def __init__(self) -> None:
        self.points: list[F64] = []
        self.parts: list[Part] = []
        self.count = 0

    def add(self, points: Sequence[tuple[float, float]] | F64, paint: int, stroke: float = 0.0) -> None:
        p = np.asarray(points, np.float64)
        self.parts.append(Part(self.count, self.count + len(p), paint, stroke))
        self.points.append(p)
        self.count += len(p)

    def disc(
        self, x: float, y: float, rx: float, ry: float, paint: int, stroke: float = 0.0, corners: int = 16
    ) -> None:
        a = np.linspace(0, 2 * np.pi, corners, endpoint=False)
        self.add(np.stack([x + rx * np.cos(a), y + ry * np.sin(a)], 1), paint, stroke)

    def limb(self, way: list[tuple[float, float]], thick: float, paint: int) -> None:
        """A bent limb: one quad for each of its bones."""
        for (x0, y0), (x1, y1) in pairwise(way):
            d = np.array([x1 - x0, y1 - y0])
            n = np.array([-d[1], d[0]]) * (thick / 2 / max(float(np.hypot(*d)), 1e-6))
            self.add(
                [(x0 + n[0], y0 + n[1]), (x1 + n[0], y1 + n[1]), (x1 - n[0], y1 - n[1]), (x0 - n[0], y0 - n[1])], paint
            )

    def done(self) -> Figure:
        points = np.concatenate(self.points)
        return Figure(points, tuple(self.parts), float(np.abs(points[:, 0]).max()), float(points[:, 1].max()))


def _knee(hip: tuple[float, float], foot: tuple[float, float], bone: float, bend: float) -> tuple[float, float]:
    """The joint between two bones of equal length; bend +1 forward, -1 backward."""
    mx, my = (hip[0] + foot[0]) / 2, (hip[1] + foot[1]) / 2
    dx, dy = foot[0] - hip[0], foot[1] - hip[1]
    half = float(np.hypot(dx, dy)) / 2
    off = float(np.sqrt(max(bone * bone - half * half, 0.0)))
    return mx - bend * dy / (2 * half) * off, my + bend * dx / (2 * half) * off


@lru_cache(maxsize=512)
def person(build: int, step: int) -> Figure:
    """A walker, 1.75 m. build: 0..5. paints: skin, hair, top, legs, shoes, bag."""
    pen = _Pen()
    phase = 2 * np.pi * step / STEPS
    wide = (1.0, 1.15, 0.9, 1.05, 1.25, 0.95)[build]
    hip = (0.0, 0.86)
    for side in (1, 0):
        a = phase + np.pi * side
        foot = (0.30 * np.cos(a), 0.04 + 0.10 * max(0.0, np.sin(a)))
        knee = _knee(hip, foot, 0.44, 1.0)
        pen.limb([hip, knee, foot], 0.15 * wide, 3)
        pen.add([(foot[0] - 0.08, foot[1] + 0.06), (foot[0] + 0.1, foot[1] + 0.06), (foot[0] + 0.18, foot[1] - 0.04),
                 (foot[0] - 0.1, foot[1] - 0.04)], 4)  # fmt: skip
    swing = 0.26 * np.cos(phase)
    pen.limb([(0, 1.42), (-0.05 - swing * 0.6, 1.15), (0.06 - swing, 0.95)], 0.1 * wide, 2)
    if build in (2, 5):  # a skirt or a coat
        pen.add([(-0.15 * wide, 1.0), (0.15 * wide, 1.0), (0.25, 0.5), (-0.25, 0.5)], 2)
    pen.add([(-0.17 * wide, 1.46), (0.15 * wide, 1.47), (0.19 * wide, 1.3), (0.16 * wide, 0.84), (-0.16 * wide, 0.84),
             (-0.19 * wide, 1.28)], 2)  # fmt: skip
    if build in (1, 4):
        pen.add([(-0.16, 1.42), (-0.38, 1.38), (-0.38, 1.02), (-0.16, 0.98)], 5)
    pen.limb([(0, 1.42), (-0.05 + swing * 0.6, 1.15), (0.06 + swing, 0.95)], 0.1 * wide, 2)
    pen.disc(0.06 + swing, 0.92, 0.05, 0.05, 0, corners=8)
    pen.add([(-0.05, 1.44), (0.06, 1.44), (0.06, 1.56), (-0.05, 1.56)], 0)
    pen.disc(0.01, 1.65, 0.105, 0.125, 1)
    pen.disc(0.035, 1.63, 0.085, 0.105, 0)
    return pen.done()


@lru_cache(maxsize=512)
def bike(build: int, step: int) -> Figure:
    """A rider on a bicycle, 1.75 m long and tall. paints: skin, hair, top, legs, shoes, frame, tyre."""
    pen = _Pen()
    phase = 2 * np.pi * step / STEPS
    lean = (0.0, 0.12, 0.2)[build % 3]
    for x in (-0.52, 0.52):
        pen.disc(x, 0.34, 0.32, 0.32, 6, stroke=0.05, corners=24)
    crank, saddle, bar, rear, front = (-0.08, 0.32), (-0.22, 0.92), (0.38, 0.98), (-0.52, 0.34), (0.52, 0.34)
    for side in (1, 0):
        a = -phase + np.pi * side
        foot = (crank[0] + 0.17 * np.cos(a), crank[1] + 0.02 + 0.17 * np.sin(a))
        if side == 0:
            for ends in (
                (rear, crank),
                (crank, saddle),
                (saddle, (0.33, 0.85)),
                (crank, (0.33, 0.85)),
                (front, bar),
                (rear, saddle),
            ):
                pen.limb(list(ends), 0.045, 5)
        hip = (saddle[0] + 0.02, saddle[1] + 0.06)
        pen.limb([hip, _knee(hip, foot, 0.42, 1.0), foot], 0.14, 3)
        pen.add([(foot[0] - 0.07, foot[1] + 0.04), (foot[0] + 0.17, foot[1] + 0.03), (foot[0] + 0.16, foot[1] - 0.04),
                 (foot[0] - 0.08, foot[1] - 0.04)], 4)  # fmt: skip
    pen.add([(-0.34, 0.92), (-0.08, 0.92), (0.13 + lean, 1.38), (-0.0 + lean, 1.48), (-0.2 + lean, 1.4)], 2)
    pen.limb([(0.03 + lean, 1.36), (0.2 + lean / 2, 1.1), (0.4, 1.02)], 0.1, 2)
    pen.disc(0.4, 1.02, 0.05, 0.05, 0, corners=8)
    pen.disc(0.13 + lean, 1.6, 0.11, 0.12, 1)
    pen.disc(0.16 + lean, 1.575, 0.085, 0.1, 0)
    return pen.done()


Outline = tuple[tuple[float, float], ...]


def _outline(text: str) -> Outline:
    """ "x,y x,y ..." in centimetres -> points in metres."""
    pairs = (pair.split(",") for pair in text.split())
    return tuple((int(x) / 100, int(y) / 100) for x, y in pairs)


def _shape(body: str, *panes: str) -> tuple[Outline, tuple[Outline, ...]]:
    return _outline(body), tuple(_outline(pane) for pane in panes)


# hatchback, saloon, van, estate on high wheels, pick-up: the body from the rear sill over the roof to the front, panes
_BODIES = (
    _shape(
        "-200,30 -205,85 -185,100 -155,142 -120,150 20,150 95,98 185,85 205,65 205,30",
        "-162,100 -138,140 -62,141 -62,100",
        "-50,100 -50,141 12,141 72,100",
    ),
    _shape(
        "-230,30 -232,85 -160,98 -95,140 15,143 95,97 210,85 230,62 230,30",
        "-140,98 -90,132 -42,134 -42,98",
        "-30,98 -30,134 10,134 72,98",
    ),
    _shape(
        "-245,32 -250,190 -230,205 100,205 175,125 240,105 250,70 250,32",
        "25,120 25,185 95,185 150,120",
    ),
    _shape(
        "-220,40 -225,105 -210,165 -180,176 20,174 95,115 205,102 225,80 225,40",
        "-195,114 -185,160 -110,162 -110,114",
        "-100,114 -100,162 -40,162 -40,114",
        "-28,114 -28,162 12,162 70,114",
    ),
    _shape(
        "-255,40 -260,100 -65,102 -55,168 45,168 105,110 230,100 250,80 250,40",
        "-45,110 -42,158 38,158 80,110",
    ),
)


@lru_cache(maxsize=64)
def car(build: int, step: int) -> Figure:
    """A car from its side, 4 to 5 m. build: 0..4. paints: body, glass, tyre, hub, front lamp, rear lamp, sill."""
    pen = _Pen()
    outline, panes = _BODIES[build]
    length = outline[-1][0]
    pen.add(outline, 0)
    pen.add([(outline[0][0], outline[0][1]), (outline[0][0], 0.52), (length, 0.52), (length, outline[-1][1])], 6)
    for pane in panes:
        pen.add(pane, 1)
    pen.add([(length - 0.28, 0.62), (length - 0.02, 0.62), (length - 0.02, 0.74), (length - 0.3, 0.8)], 4)
    pen.add([(-length, 0.65), (-length + 0.16, 0.65), (-length + 0.16, 0.85), (-length, 0.85)], 5)
    turn = 2 * np.pi / 5 * step / STEPS
    for x in (-length + 0.78, length - 0.8):
        pen.disc(x, 0.33, 0.33, 0.33, 2)
        pen.disc(x, 0.33, 0.2, 0.2, 3)
        for k in range(5):
            a = turn + 2 * np.pi * k / 5
            pen.disc(x + 0.12 * np.cos(a), 0.33 - 0.12 * np.sin(a), 0.035, 0.035, 2, corners=6)
    return pen.done()


@lru_cache(maxsize=8)
def lamp(build: int) -> Figure:
    """A lamp post or a road sign. paints: metal, light."""
    pen = _Pen()
    if build == 0:
        pen.add([(-0.11, 0), (0.11, 0), (0.07, 6.0), (-0.07, 6.0)], 0)
        pen.add([(-0.05, 5.9), (0.0, 6.05), (1.3, 6.25), (1.3, 6.12)], 0)
        pen.add([(0.7, 6.05), (1.4, 6.1), (1.4, 6.24), (0.7, 6.2)], 1)
    else:
        pen.add([(-0.05, 0), (0.05, 0), (0.05, 2.4), (-0.05, 2.4)], 0)
        pen.disc(0, 2.45, 0.34, 0.34, 1, corners=8 if build == 1 else 20)
    return pen.done()


@lru_cache(maxsize=32)
def tree(build: int) -> Figure:
    """A street tree, 5 m. paints: trunk, three greens."""
    pen = _Pen()
    rng = np.random.default_rng((build, 3))
    pen.add([(-0.16, 0), (0.16, 0), (0.1, 3.4), (-0.1, 3.4)], 0)
    for paint in (1, 1, 1, 2, 2, 2, 3, 3):
        x, y, r = rng.normal(0, 0.55), rng.uniform(2.9, 4.3), rng.uniform(0.55, 0.95) * (1.1 - 0.2 * paint)
        a = np.linspace(0, 2 * np.pi, 18, endpoint=False)
        edge = r * rng.uniform(0.8, 1.15, 18)
        pen.add(np.stack([x + edge * np.cos(a), y + edge * np.sin(a)], 1), paint)
    return pen.done()
