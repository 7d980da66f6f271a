"""Which boxes are told: too small, too large, in a margin; by label; in another frame's pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.bounding import within_bounds
from sightline.types import Bounds, Detections

FRAME = (200, 100)


def found(*boxes: tuple[float, float, float, float], label: int = 0) -> Detections:
    count = len(boxes)
    return Detections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.full(count, 0.5, np.float32),
        np.full(count, label, np.int32),
        ("car", "person"),
    )


def kept(bounds: dict[str, Bounds], boxes: Detections) -> list[list[float]]:
    return within_bounds(boxes, bounds, FRAME).xyxy.tolist()


@pytest.mark.parametrize(
    ("bound", "stays"),
    [
        (Bounds(least_wh=(20, 0)), True),
        (Bounds(least_wh=(21, 0)), False),
        (Bounds(least_wh=(0, 10)), True),
        (Bounds(least_wh=(0, 10.5)), False),
        (Bounds(most_wh=(20, 0)), True),
        (Bounds(most_wh=(19, 0)), False),
        (Bounds(most_wh=(0, 9)), False),
        (Bounds(top_px=30), True),
        (Bounds(top_px=31), False),
        (Bounds(bottom_px=60), True),
        (Bounds(bottom_px=61), False),
    ],
)
def test_a_box_of_20_by_10_at_30(bound: Bounds, stays: bool) -> None:
    assert bool(kept({"": bound}, found((5, 30, 25, 40)))) is stays


def test_a_label_has_bounds_of_its_own() -> None:
    bounds = {"": Bounds(least_wh=(50, 0)), "person": Bounds()}
    assert kept(bounds, found((0, 0, 10, 10), label=0)) == []
    assert kept(bounds, found((0, 0, 10, 10), label=1)) == [[0, 0, 10, 10]]
    assert kept({"person": Bounds(least_wh=(50, 0))}, found((0, 0, 10, 10), label=0)) == [[0, 0, 10, 10]]


def test_margins_that_cut() -> None:
    bounds = {"": Bounds(top_px=20, bottom_px=30, cut=True)}
    boxes = found((0, 10, 10, 90), (0, 0, 10, 15), (0, 75, 10, 95))
    assert kept(bounds, boxes) == [[0, 20, 10, 70]]
    assert boxes.xyxy[0].tolist() == [0, 10, 10, 90]


def test_numbers_of_another_frame() -> None:
    bounds = {"": Bounds(least_wh=(40, 0), top_px=10, of_wh=(400, 50))}
    assert kept(bounds, found((0, 20, 20, 30))) == [[0, 20, 20, 30]]
    assert kept(bounds, found((0, 19, 20, 30))) == []
    assert kept(bounds, found((0, 20, 19, 30))) == []


_PX = st.integers(0, 60).map(float)
_BOUNDS = st.builds(Bounds, st.tuples(_PX, _PX), st.tuples(_PX, _PX), _PX, _PX)


@given(
    st.lists(st.tuples(_PX, _PX, st.integers(1, 90), st.integers(1, 40), st.integers(0, 2)), max_size=8),
    st.dictionaries(st.sampled_from(["", "car", "person"]), _BOUNDS),
)  # fmt: skip
def test_as_one_box_after_another(rows: list[tuple[float, float, int, int, int]], bounds: dict[str, Bounds]) -> None:
    boxes = np.array([(x, y, x + w, y + h) for x, y, w, h, _ in rows], np.float32).reshape(-1, 4)
    labels = np.array([row[4] for row in rows], np.int32)
    all_of_them = Detections(boxes, np.ones(len(rows), np.float32), labels, ("car", "person"))
    wanted: list[list[float]] = []
    for x, y, w, h, label in rows:
        own = bounds.get(("car", "person", "class2")[label], bounds.get("", Bounds()))
        small = w < own.least_wh[0] or h < own.least_wh[1]
        large = 0 < own.most_wh[0] < w or 0 < own.most_wh[1] < h
        if not (small or large or y < own.top_px or y + h > FRAME[1] - own.bottom_px):
            wanted.append([x, y, x + w, y + h])
    assert kept(bounds, all_of_them) == wanted
