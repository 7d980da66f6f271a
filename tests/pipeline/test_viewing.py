"""Tiles cover the frame, regions are the stream's own, and what two views find of one object is one object."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.errors import RuntimeFailure
from sightline.models.infer import Model
from sightline.pipeline.lane import Lane
from sightline.pipeline.run import Pipeline
from sightline.pipeline.viewing import RegionView, Tiles, Viewing, tiles_of
from sightline.testing import BrightBoxHead, FakeRuntime, MovingBoxes, spec_of
from sightline.types import Detections, Prediction


def model(width: int = 64, height: int = 48) -> Model:
    return Model("model", spec_of(width, height), Path("none"), BrightBoxHead(), FakeRuntime())


@given(st.integers(1, 900), st.integers(1, 900), st.integers(20, 400), st.integers(20, 400), st.floats(0, 0.6))
def test_tiles_cover_their_region_and_overlap(width: int, height: int, w: int, h: int, overlap: float) -> None:
    region = (10, 20, 10 + width, 20 + height)
    tiles = tiles_of(region, Tiles(overlap=overlap), (w, h))
    seen = np.zeros((height, width), np.bool_)
    for x1, y1, x2, y2 in tiles:
        assert region[0] <= x1 < x2 <= region[2]
        assert region[1] <= y1 < y2 <= region[3]
        seen[y1 - 20 : y2 - 20, x1 - 10 : x2 - 10] = True
    assert seen.all()
    lefts = sorted({t[0] for t in tiles})
    for a, b in itertools.pairwise(lefts):
        assert a + min(w, width) - b >= overlap * min(w, width) - 2


def test_a_grid_has_its_columns_and_rows() -> None:
    tiles = tiles_of((0, 0, 100, 60), Tiles(grid=(3, 2), overlap=0.0), (1, 1))
    assert len(tiles) == 6
    assert tiles[0] == (0, 0, 33, 30)
    assert tiles[-1] == (67, 30, 100, 60)


def answers(*views: list[tuple[tuple[float, float, float, float], float]]) -> list[Prediction]:
    return [
        Prediction(
            Detections(
                np.array([box for box, _ in view], np.float32).reshape(-1, 4),
                np.array([score for _, score in view], np.float32),
                np.zeros(len(view), np.int32),
                ("box",),
            )
        )
        for view in views
    ]


def joined(viewing: Viewing, *views: list[tuple[tuple[float, float, float, float], float]]) -> Detections:
    frame = next(iter(MovingBoxes(width=100, height=60).frames()))
    found = viewing.joined([look.region for look in viewing.looks(frame, model())], answers(*views), model())
    assert found is not None
    return found.detections


HALVES = Viewing(tiles=Tiles(grid=(2, 1), overlap=0.2, whole=False))  # (0..56) and (44..100)


def test_one_object_in_the_overlap_is_told_once() -> None:
    got = joined(HALVES, [((46, 10, 54, 20), 0.8)], [((46.2, 10, 54.3, 20), 0.7)])
    assert got.xyxy.tolist() == [[46, 10, 54, 20]]


def test_an_object_cut_by_a_tile_is_put_together() -> None:
    got = joined(HALVES, [((20, 10, 56, 20), 0.9)], [((44, 10, 70, 20), 0.8)])
    assert len(got) == 2  # they share 12 of 26 and 36 pixels: too little to say
    got = joined(HALVES, [((30, 10, 56, 20), 0.9)], [((44, 10, 62, 20), 0.8)])
    assert got.xyxy.tolist() == [[30, 10, 62, 20]]
    assert got.score.tolist() == [pytest.approx(0.9)]


def test_objects_apart_stay_apart_and_one_view_is_left_as_it_is() -> None:
    got = joined(HALVES, [((5, 10, 15, 20), 0.8), ((6, 10, 15, 20), 0.7)], [((80, 10, 90, 20), 0.7)])
    assert len(got) == 3


def test_the_whole_frame_s_box_wins_over_its_pieces() -> None:
    viewing = Viewing(tiles=Tiles(grid=(2, 1), overlap=0.2))
    got = joined(viewing, [((30, 10, 70, 50), 0.6)], [((30, 10, 56, 50), 0.9)], [((44, 10, 70, 50), 0.8)])
    assert got.xyxy.tolist() == [[30, 10, 70, 50]]


@pytest.mark.parametrize(
    "viewing",
    [
        Viewing(tiles=Tiles(size_px=(40, 48), overlap=0.45)),
        Viewing(tiles=Tiles(grid=(2, 1), overlap=0.5, whole=False)),
        Viewing(regions=(RegionView((0, 0, 0.6, 1)), RegionView((0.3, 0, 1, 1)))),
        Viewing(regions=(RegionView((0, 10, 64, 40), px=True),)),
        Viewing(regions=(RegionView((0, 0, 0.1, 0.1), streams=frozenset({"another"})),)),
    ],
)
def test_views_of_a_stream_find_what_the_whole_frame_shows(viewing: Viewing) -> None:
    source = MovingBoxes(count=11)
    for batch in (1, 2):
        first = Model("model", spec_of(), Path("none"), BrightBoxHead(), FakeRuntime(batch=batch))
        for r in Pipeline(first, [Lane(source)], viewing=viewing).results():
            x1, y1, x2, y2 = source.box(r.frame.index)
            np.testing.assert_allclose(r.prediction.detections.xyxy, [[x1, y1, x2, y2]], atol=1.6)


def test_a_region_outside_of_the_frame_is_passed_over() -> None:
    frame = next(iter(MovingBoxes().frames()))
    assert RegionView((500, 500, 600, 600), px=True).of(frame) is None
    assert RegionView((-0.5, 0, 0.5, 2)).of(frame) == (0, 0, 32, 48)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(1, 6), st.integers(1, 6))
def test_every_tile_of_a_grid_has_a_pixel(width: int, height: int, columns: int, rows: int) -> None:
    for x1, y1, x2, y2 in tiles_of((0, 0, width, height), Tiles(grid=(columns, rows)), (1, 1)):
        assert 0 <= x1 < x2 <= width
        assert 0 <= y1 < y2 <= height


def test_regions_of_which_none_lies_in_the_frame_are_an_error() -> None:
    viewing = Viewing((RegionView((90, 0, 120, 40), px=True),))
    frame = next(iter(MovingBoxes("gate", width=80, height=60).frames()))
    with pytest.raises(RuntimeFailure, match="none of them lies in the 80x60 frames of stream 'gate'"):
        viewing.looks(frame, model())
    other = Viewing((RegionView((90, 0, 120, 40), px=True, streams=frozenset({"other"})),))
    assert [look.region for look in other.looks(frame, model())] == [None]
