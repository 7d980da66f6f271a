"""Random walks of tracked boxes, for rules that remember; the seen ones in any order, some coasting, some ending."""

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from sightline.types import Detections, Frame, FrameResult, Instant, Prediction, StreamInfo, Tracks

NAMES = ("person", "car")


def walks(
    seed: int,
    frames: int = 120,
    objects: int = 12,
    speed: float = 6.0,
    wh: tuple[int, int] = (640, 480),
    *,
    ends: float = 0.01,
    coasts: float = 0.1,
    gap: tuple[int, int] = (0, 0),
) -> Iterator[FrameResult]:
    """Results of boxes that walk within the frame; in frames of `gap` nobody is seen."""
    r = np.random.default_rng(seed)
    width, height = wh
    stream = StreamInfo("walk", width, height, Fraction(1, 25))
    size = r.uniform(12, 60, objects)
    at, way = r.uniform([40, 70], [width - 40, height - 5], (objects, 2)), r.normal(0, speed, (objects, 2))
    ids, fresh = np.arange(1, objects + 1), objects + 1
    for t in range(frames):
        way += r.normal(0, speed / 10, (objects, 2))
        at = at + way
        out = (at < [40, 70]) | (at > [width - 40, height - 5])
        way[out] *= -1
        at = np.clip(at, [40, 70], [width - 40, height - 5])
        gone = r.random(objects) < ends
        ended = tuple(int(i) for i in ids[gone])
        ids = np.where(gone, fresh + np.arange(objects), ids)
        fresh += objects
        box = np.stack([at[:, 0] - size / 2, at[:, 1] - size, at[:, 0] + size / 2, at[:, 1]], 1).astype(np.float32)
        seen = r.random(objects) >= coasts if not gap[0] <= t < gap[1] else np.zeros(objects, np.bool_)
        order = r.permutation(np.flatnonzero(seen))
        label = (order % 2).astype(np.int32)
        tracks = Tracks(
            ids[order].astype(np.int64),
            np.arange(len(order)),
            ids[~seen].astype(np.int64),
            box[~seen],
            (np.flatnonzero(~seen) % 2).astype(np.int32),
            np.ones(int((~seen).sum()), np.float32),
            ended,
        )
        detections = Detections(box[order], np.ones(len(order), np.float32), label, NAMES)
        frame = Frame(stream, t, Instant(t, stream.base), None, width, height)
        yield FrameResult(frame, Prediction(detections), tracks)
