"""Tracked results made of anchor points, for the tests of this folder."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

import numpy as np

from sightline.types import Detections, Frame, FrameResult, Instant, Prediction, StreamInfo, Tracks

STREAM = StreamInfo("gate.mp4", 1000, 1000, Fraction(1, 25), Fraction(25))
NAMES = ("person", "car")
Place = tuple[float, float]


def result(
    i: int,
    places: Mapping[int, Place] | None = None,
    *,
    label: Mapping[int, int] | None = None,
    ended: Sequence[int] = (),
    coasting: Mapping[int, Place] | None = None,
    pts: int | None = None,
    epoch: int = 0,
    size: float = 40,
    wh: tuple[int, int] = (1000, 1000),
    stream: StreamInfo = STREAM,
    inferred: bool = True,
) -> FrameResult:
    """Frame `i` with the bottom centres of boxes `size` high and half as wide, by track id."""
    places, coasting = places or {}, coasting or {}
    labels = np.array([(label or {}).get(track, 0) for track in places], np.int32)
    detections = Detections(_boxes(places, size), np.full(len(places), 0.9, np.float32), labels, NAMES)
    tracks = Tracks(
        np.array(list(places), np.int64),
        np.arange(len(places)),
        np.array(list(coasting), np.int64),
        _boxes(coasting, size),
        np.zeros(len(coasting), np.int32),
        np.full(len(coasting), 0.9, np.float32),
        tuple(ended),
    )
    at = Instant(i if pts is None else pts, stream.base, epoch)
    return FrameResult(Frame(stream, i, at, None, *wh), Prediction(detections), tracks, inferred=inferred)


def _boxes(places: Mapping[int, Place], size: float) -> np.ndarray:
    rows = [(x - size / 4, y - size, x + size / 4, y) for x, y in places.values()]
    return np.array(rows, np.float32).reshape(-1, 4)
