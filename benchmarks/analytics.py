"""CPU of the rules on tracked objects: `python -m benchmarks.analytics [--objects 50] [--zones 10] [--lines 10]`.

Objects walk through a frame of 1920x1080, a few of them unseen at any time. For each kind of rule alone and for kinds
together, the milliseconds of a frame: the median of pieces of 20 frames, in CPU time of the thread.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np

from sightline.analytics.crossing import Crossing
from sightline.analytics.crowd import Crowd
from sightline.analytics.direction import Direction
from sightline.analytics.line import Line
from sightline.analytics.object_count import ObjectCount
from sightline.analytics.roi import Roi
from sightline.analytics.rollup import Rollup
from sightline.analytics.zone import Zone
from sightline.protocols import Analytic
from sightline.types import Detections, Frame, FrameResult, Instant, Prediction, StreamInfo, Tracks

__all__ = ["LIMIT_MS", "cost_ms", "main", "rules", "scene"]

LIMIT_MS = 0.6
_WH = (1920, 1080)
_NAMES = ("person", "car", "bus")
_PIECE = 20
Points = tuple[tuple[float, float], ...]


def scene(objects: int, frames: int, seed: int = 0) -> list[FrameResult]:
    """Results of `objects` boxes that walk; 3 % of them are unseen in a frame."""
    r = np.random.default_rng(seed)
    low, high = np.array([40, 130]), np.array(_WH) - (40, 5)
    at, way, wide = r.uniform(low, high, (objects, 2)), r.normal(0, 4, (objects, 2)), r.uniform(30, 90, objects)
    stream = StreamInfo("walk", *_WH, Fraction(1, 25))
    found: list[FrameResult] = []
    for t in range(frames):
        at = at + way
        way[(at < low) | (at > high)] *= -1
        at = np.clip(at, low, high)
        box = np.stack([at[:, 0] - wide / 2, at[:, 1] - 2 * wide, at[:, 0] + wide / 2, at[:, 1]], 1).astype(np.float32)
        unseen = r.random(objects) < 0.03
        seen = np.flatnonzero(~unseen)
        detections = Detections(box[seen], np.ones(len(seen), np.float32), (seen % 3).astype(np.int32), _NAMES)
        ids, rest = np.arange(1, objects + 1), int(unseen.sum())
        tracks = Tracks(
            ids[seen],
            np.arange(len(seen)),
            ids[unseen],
            box[unseen],
            np.zeros(rest, np.int32),
            np.ones(rest, np.float32),
        )
        frame = Frame(stream, t, Instant(t, stream.base), None, *_WH)
        found.append(FrameResult(frame, Prediction(detections), tracks))
    return found


def rules(zones: int, lines: int, seed: int = 1) -> dict[str, Callable[[], list[Analytic]]]:
    """By name, rules of a kind anew: hexagons of a third of the frame's height, lines across its middle."""
    r = np.random.default_rng(seed)
    turns = np.linspace(0, 2 * np.pi, 7)[:6]
    centres = r.uniform(0.2, 0.8, (zones, 2))
    regions: list[Points] = [
        tuple((float(x + 0.12 * np.cos(t)), float(y + 0.17 * np.sin(t))) for t in turns) for x, y in centres
    ]
    ends = np.concatenate([r.uniform(0.05, 0.45, (lines, 2)), r.uniform(0.55, 0.95, (lines, 2))], 1).tolist()
    ways = [((a, b), (c, d)) for a, b, c, d in ends]
    down = ((0.5, 0.2), (0.45, 0.8))
    return {
        "zone": lambda: [Zone(f"z{i}", p) for i, p in enumerate(regions)],
        "line": lambda: [Line(f"l{i}", p) for i, p in enumerate(ways)],
        "roi": lambda: [Roi(f"r{i}", p) for i, p in enumerate(regions)],
        "crowd": lambda: [Crowd(f"c{i}", p, objects=5, after_s=1.0) for i, p in enumerate(regions)],
        "crossing": lambda: [Crossing(f"x{i}", p, down) for i, p in enumerate(ways)],
        "direction": lambda: [Direction(f"d{i}", p) for i, p in enumerate(ways)],
        "objects": lambda: [ObjectCount()],
        "rollup": lambda: [Rollup()],
    }


def cost_ms(parts: Sequence[Analytic], results: Sequence[FrameResult]) -> float:
    """Milliseconds of CPU a frame."""
    pieces: list[float] = []
    for k in range(0, len(results) - _PIECE + 1, _PIECE):
        began = time.thread_time()
        for result in results[k : k + _PIECE]:
            for part in parts:
                part.update(result)
        pieces.append((time.thread_time() - began) / _PIECE * 1e3)
    return float(np.median(pieces))


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=50)
    parser.add_argument("--zones", type=int, default=10)
    parser.add_argument("--lines", type=int, default=10)
    parser.add_argument("--frames", type=int, default=400)
    given = parser.parse_args(argv)
    results, kinds = scene(given.objects, given.frames), rules(given.zones, given.lines)
    print(f"{given.objects} objects, {given.zones} zones, {given.lines} lines: ms of CPU a frame (limit {LIMIT_MS})")
    together = ("zone", "line"), ("roi", "crossing"), ("crowd", "direction")
    for names in (*((kind,) for kind in kinds), *together):
        parts = [part for name in names for part in kinds[name]()]
        print(f"{' + '.join(names):20} {cost_ms(parts, results):.3f}")


if __name__ == "__main__":
    main()
