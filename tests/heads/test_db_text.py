"""Text found in maps of probabilities, against OpenCV's contours and rectangles."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import pytest
from head_twins import a_spec, a_view
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sightline.errors import ModelError, RuntimeFailure
from sightline.heads.db_text import DbText, least_rectangle
from sightline.types import Detections, Thresholds


def said(head: DbText, a: NDArray[Any], size_wh: tuple[int, int], score: float = 0.6) -> Detections:
    return head({"map": a}, a_spec(Thresholds(score=score, nms=1, top=1000), ("text",)), [a_view(*size_wh)])[
        0
    ].detections


def bars(angles: list[float]) -> NDArray[np.float32]:
    """A map (200 x 200 a bar, side by side) with one turned bar each, 100 x 20, probability 0.9."""
    out = np.zeros((200, 200 * len(angles)), np.float32)
    for k, angle in enumerate(angles):
        box = cv2.boxPoints(((100 + 200 * k, 100), (100, 20), math.degrees(angle)))
        cv2.fillPoly(out, [np.round(box).astype(np.int32)], 0.9)
    return out


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=30, unique=True))
def test_the_least_rectangle_is_as_large_as_opencvs(cells: list[tuple[int, int]]) -> None:
    # four corners a cell, so that the points never lie on one line
    points = np.array([(x + dx, y + dy) for x, y in cells for dx in (0, 1) for dy in (0, 1)], np.float32)
    cx, cy, w, h, angle = least_rectangle(points).tolist()
    _, (ow, oh), _ = cv2.minAreaRect(points)
    assert w * h == pytest.approx(ow * oh, rel=1e-3, abs=0.05)
    assert -math.pi / 4 - 1e-6 <= angle < math.pi / 4 + 1e-6
    along = (points[:, 0] - cx) * math.cos(angle) + (points[:, 1] - cy) * math.sin(angle)
    across = (points[:, 1] - cy) * math.cos(angle) - (points[:, 0] - cx) * math.sin(angle)
    assert float(np.abs(along).max()) <= w / 2 + 1e-2
    assert float(np.abs(across).max()) <= h / 2 + 1e-2


def test_turned_lines_have_turned_boxes() -> None:
    angles = [0.0, 0.3, -0.6]
    found = said(DbText(), bars(angles), (600, 200))
    order = np.argsort(found.columns["obb"][:, 0])
    obb = found.columns["obb"][order]
    assert obb[:, 0].tolist() == pytest.approx([100.5, 300.5, 500.5], abs=0.6)
    assert obb[:, 4].tolist() == pytest.approx(angles, abs=0.02)
    assert obb[:, 2].tolist() == pytest.approx([101] * 3, abs=2)
    assert obb[:, 3].tolist() == pytest.approx([21] * 3, abs=2)
    assert (found.score > 0.8).all()
    assert found.name_of(0) == "text"


def test_boxes_hold_whole_pixels_in_the_size_of_the_input() -> None:
    a = np.zeros((1, 1, 20, 40), np.float32)
    a[..., 5:9, 10:30] = 0.8
    for array in (a, a[:, 0], a[0, 0], np.moveaxis(a, 1, -1)):
        found = said(DbText(), array, (80, 60))
        assert found.xyxy.tolist() == [[20, 15, 60, 27]]
        assert found.score.tolist() == pytest.approx([0.8])


def test_unclip_grows_every_side_by_area_over_perimeter() -> None:
    a = np.zeros((50, 100), np.float32)
    a[20:30, 30:70] = 0.9
    grown = 1.5 * (40 * 10) / (2 * (40 + 10))
    found = said(DbText(unclip=1.5), a, (100, 50))
    assert found.xyxy.tolist() == [pytest.approx([30 - grown, 20 - grown, 70 + grown, 30 + grown], abs=1e-3)]
    assert found.score.tolist() == pytest.approx([0.9])


def test_what_touches_at_a_corner_is_one_text_and_what_is_thin_or_faint_is_none() -> None:
    a = np.zeros((60, 60), np.float32)
    a[0:10, 0:20] = a[10:15, 20:25] = 1.0  # touch at (20, 10)
    a[20:23, 0:30] = 1.0  # two pixels from centre to centre
    a[40:50, 0:30] = 0.5  # above 0.3, but too faint as a whole
    found = said(DbText(), a, (60, 60), score=0.4)
    assert sorted(found.xyxy.tolist()) == [[0, 0, 25, 15], [0, 40, 30, 50]]
    assert sorted(said(DbText(), a, (60, 60), score=0.55).xyxy.tolist()) == [[0, 0, 25, 15]]
    assert len(said(DbText(least_side=2), a, (60, 60), score=0.4)) == 3


def test_only_the_largest_are_looked_at_where_there_are_too_many() -> None:
    a = np.zeros((40, 100), np.float32)
    a[2:8, 2:8] = a[2:8, 20:60] = a[20:36, 2:90] = 1.0
    found = said(DbText(most=2), a, (100, 40))
    assert sorted((found.xyxy[:, 2] - found.xyxy[:, 0]).tolist()) == [40, 88]


def test_logits_and_nothing_at_all() -> None:
    a = np.full((20, 40), -4, np.float32)
    a[5:9, 10:30] = 4
    assert said(DbText(), a, (40, 20)).xyxy.tolist() == [[10, 5, 30, 9]]
    assert len(said(DbText(), np.zeros((20, 40), np.float32), (40, 20))) == 0
    assert len(said(DbText(), np.full((20, 40), np.nan, np.float32), (40, 20))) == 0


def test_other_outputs_are_refused() -> None:
    with pytest.raises(ModelError, match="head db-text"):
        said(DbText(), np.zeros(5, np.float32), (8, 8))
    with pytest.raises(RuntimeFailure, match="batch 1"):
        DbText()({"m": np.zeros((8, 8), np.float32)}, a_spec(Thresholds()), [a_view(8, 8)] * 2)


@given(st.lists(st.floats(-0.7, 0.7), min_size=1, max_size=3), st.integers(0, 2**32 - 1))
def test_scores_are_the_means_that_opencv_fills(angles: list[float], seed: int) -> None:
    a = bars(angles) * np.random.default_rng(seed).uniform(0.5, 1, (200, 200 * len(angles))).astype(np.float32)
    found = said(DbText(), a, a.shape[::-1], score=0)
    contours, _ = cv2.findContours((a > 0.3).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    want: list[float] = []
    for contour in contours:
        corners = cv2.boxPoints(cv2.minAreaRect(contour))
        inside = np.zeros(a.shape, np.uint8)
        cv2.fillPoly(inside, [corners.astype(np.int32)], 1)
        want.append(float(a[inside > 0].mean()))
    # a slanted rectangle of few pixels has as many at its border as inside
    assert sorted(found.score.tolist()) == pytest.approx(sorted(want), abs=0.03)
