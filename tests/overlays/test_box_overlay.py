"""The overlay: what is drawn where, for whatever result and size."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sightline.errors import UsageError
from sightline.overlays.boxes import BoxOverlay
from sightline.overlays.canvas import Canvas
from sightline.overlays.colors import PALETTE, parse
from sightline.overlays.place import Placer
from sightline.overlays.traces import Traces
from sightline.plugins import resolve
from sightline.types import (
    Detections,
    Frame,
    FrameResult,
    Instant,
    Picture,
    PixelLayout,
    Prediction,
    Shape,
    StreamInfo,
    Tracks,
)

BASE = Fraction(1, 1000)
PLAIN: dict[str, Any] = {"labels": False, "ids": False, "scores": False, "traces": False}
GATE = Shape("gate", "line", ((10.0, 100.0), (310.0, 100.0)))
YARD = Shape("yard", "zone", ((40.0, 120.0), (200.0, 120.0), (200.0, 170.0), (40.0, 170.0)), True)


def picture_of(w: int, h: int, layout: PixelLayout = PixelLayout.I420) -> Picture:
    if layout is PixelLayout.RGB:
        return Picture((np.full((h, w, 3), 100, np.uint8),), layout)
    half = ((h + 1) // 2, (w + 1) // 2)
    return Picture((np.full((h, w), 100, np.uint8), np.full(half, 128, np.uint8), np.full(half, 128, np.uint8)), layout)


def result_of(
    w: int, h: int, rows: Sequence[tuple[float, ...]], *, index: int = 0, epoch: int = 0, **fields
) -> FrameResult:
    boxes = np.array(rows, np.float32).reshape(-1, 4)
    n = len(boxes)
    score = np.linspace(0.9, 0.5, n, dtype=np.float32)
    found = Detections(boxes, score, np.arange(n, dtype=np.int32), ("person", "car"))
    stream = StreamInfo("v", w, h, BASE)
    frame = Frame(stream, index, Instant(index * 40, BASE, epoch), None, w, h)
    return FrameResult(frame, Prediction(found), **fields)


def drawn(picture: Picture) -> np.ndarray:
    return picture.planes[0] != 100


def test_the_name_resolves() -> None:
    assert resolve("overlay", "boxes") is BoxOverlay


def test_a_box_alone_changes_its_edges_only() -> None:
    picture = picture_of(320, 180)
    BoxOverlay(**PLAIN)(picture, result_of(320, 180, [(100, 50, 200, 120)]))
    want = np.zeros((180, 320), bool)
    want[50:120, 100:200] = True
    want[52:118, 102:198] = False
    assert np.array_equal(drawn(picture), want)
    ink = Canvas(picture).ink(PALETTE[0])
    assert picture.planes[0][50, 150] == ink[0]
    assert (picture.planes[1][25, 75], picture.planes[2][25, 75]) == ink[1:]


def test_labels_stand_on_their_box_and_inside_the_frame() -> None:
    rows = [(100, 60, 200, 120), (0, 0, 30, 30), (290, 150, 320, 180)]
    bare, full = picture_of(320, 180), picture_of(320, 180)
    BoxOverlay(**PLAIN)(bare, result_of(320, 180, rows))
    BoxOverlay(traces=False)(full, result_of(320, 180, rows))
    added = drawn(full) & ~drawn(bare)
    assert added[45:58, 100:160].mean() > 0.8
    assert added[2:12, 2:20].any()  # no room above the frame: into the box
    assert added[130:150, 270:].any()  # no room to the right: shifted


def test_colours_can_be_set() -> None:
    picture = picture_of(64, 64)
    result = result_of(64, 64, [(10, 10, 50, 50)], tracks=Tracks(np.array([3]), np.array([0])))
    BoxOverlay(colors={"person": "#102030"}, **PLAIN)(picture, result)
    assert picture.planes[0][10, 30] == Canvas(picture).ink(parse("#102030"))[0]
    BoxOverlay(color_by="track", **PLAIN)(picture, result)
    assert picture.planes[0][10, 30] == Canvas(picture).ink(PALETTE[3])[0]


@pytest.mark.parametrize(
    "options", [{"colors": {"person": "red"}}, {"color_by": "age"}, {"fill": 2.0}, {"thickness": -1}, {"trace_s": -1.0}]
)
def test_bad_options(options: dict) -> None:
    with pytest.raises(UsageError):
        BoxOverlay(**options)


def test_a_font_that_is_none(tmp_path) -> None:
    (tmp_path / "font.ttf").write_text("letters")
    with pytest.raises(UsageError, match="font"):
        BoxOverlay(font=str(tmp_path / "font.ttf"))(picture_of(320, 180), result_of(320, 180, [(9, 9, 80, 80)]))


def test_predicted_boxes_are_drawn_where_no_model_looked() -> None:
    tracks = Tracks(
        coasting=np.array([4]),
        coasting_xyxy=np.array([[100, 50, 200, 120]], np.float32),
        coasting_label=np.array([1], np.int32),
        coasting_score=np.array([0.5], np.float32),
    )
    for inferred in (True, False):
        picture = picture_of(320, 180)
        BoxOverlay(**PLAIN)(picture, result_of(320, 180, [], tracks=tracks, inferred=inferred))
        assert drawn(picture).any() == (not inferred)


def test_traces_follow_tracks_and_end_with_them() -> None:
    overlay = BoxOverlay(labels=False, ids=False, scores=False, trace_s=1.0)

    def trace_at(index: int, x: float, ended: tuple[int, ...] = (), seen: bool = True, epoch: int = 0) -> bool:
        picture = picture_of(320, 180)
        tracks = Tracks(np.array([7]), np.array([0]), ended=ended) if seen else Tracks(ended=ended)
        result = result_of(320, 180, [(x, 40, x + 20, 80)] if seen else [], index=index, epoch=epoch, tracks=tracks)
        overlay(picture, result)
        return bool(drawn(picture)[74:86, : round(x) - 12].any())

    assert not trace_at(0, 40)
    assert trace_at(1, 80)
    assert trace_at(2, 120)
    assert not trace_at(3, 160, ended=(7,))
    assert trace_at(4, 200)
    assert not trace_at(5, 240, epoch=1)
    assert not trace_at(80, 290, epoch=1), "older than a second"


def test_the_memory_of_traces_is_bounded() -> None:
    traces = Traces(2.0)
    for i in range(20_000):
        frame = result_of(64, 64, [], index=i).frame
        traces.begin(frame, ended=())
        traces.extend(i, 1, 1)
        length = len(traces.extend(-1, i * 10, 5))
    assert len(traces) <= 53
    assert length <= 52
    still = [traces.extend(-2, 5, 5) for _ in range(100)][-1]
    assert len(still) == 1


def test_memory_does_not_grow_with_a_long_track() -> None:
    traces = Traces(2.0)
    for i in range(3000):
        traces.begin(result_of(64, 64, [], index=i).frame, ended=())
        path = traces.extend(1, i * 10 % 1000, 5)
        assert path.base is not None
        assert len(path.base) <= 256
    fast = Traces(2.0)
    for i in range(3000):  # far more frames than a path may have points
        stream = StreamInfo("v", 64, 64, Fraction(1, 10_000))
        fast.begin(Frame(stream, i, Instant(i, stream.base), None, 64, 64), ended=())
        assert len(fast.extend(1, i * 700, 5)) <= 513


def test_a_trace_ends_at_its_box_and_is_calmer_than_it() -> None:
    traces = Traces(2.0)
    rng = np.random.default_rng(3)
    path, raw = np.zeros((0, 2)), []
    for i in range(50):
        at = 100 + 6.0 * i, 300 + float(rng.normal(0, 4))
        raw.append(at)
        traces.begin(result_of(64, 64, [], index=i).frame, ended=())
        path = (traces.extend(1, *at) / 16) + 0.5
    assert np.allclose(path[-1], raw[-1], atol=0.05)
    assert (np.diff(path[:, 0]) > 0).all()
    assert np.abs(path[:, 1] - 300).max() < 12
    assert path[1:-1, 1].std() < 0.75 * np.std([y for _, y in raw])
    straight = Traces(2.0)
    for i in range(50):
        straight.begin(result_of(64, 64, [], index=i).frame, ended=())
        path = (straight.extend(1, 3.0 * i, 7.0 * i) / 16) + 0.5
    assert np.abs(path[:, 1] * 3 - path[:, 0] * 7).max() < 1, "on the line that was walked"


def test_at_few_frames_a_second_nothing_is_smoothed_away() -> None:
    traces = Traces(5.0)
    corners = [(0, 0), (100, 0), (100, 100), (0, 100)]
    path = np.zeros((0, 2))
    for i, corner in enumerate(corners):
        traces.begin(result_of(64, 64, [], index=25 * i).frame, ended=())
        path = (traces.extend(1, *corner) / 16) + 0.5
    assert np.allclose(path[:4], corners, atol=0.1)


def test_lines_and_zones_with_their_counts() -> None:
    picture, silent = picture_of(320, 180), picture_of(320, 180)
    counts = {"gate": {"in": {"person": 3, "car": 2}, "out": {"car": 1}}, "yard": {"now": {"car": 2}}}
    BoxOverlay()(picture, result_of(320, 180, [], counts=counts), (GATE, YARD))
    BoxOverlay()(silent, result_of(320, 180, []), (GATE, YARD))
    assert drawn(picture)[99:101, 12:308].all()
    assert drawn(picture)[119:121, 42:198].all()
    assert drawn(picture)[103:112, 150:170].any(), "the arrow to the in side, below a line from left to right"
    assert not drawn(picture)[86:97, 150:170].any()
    assert (picture.planes[1][75, 60], picture.planes[2][75, 60]) != (128, 128), "the zone is tinted"
    assert not np.array_equal(picture.planes[0], silent.planes[0]), "counts are written"
    hidden = picture_of(320, 180)
    BoxOverlay(shapes=False)(hidden, result_of(320, 180, [], counts=counts), (GATE, YARD))
    assert not drawn(hidden).any()


def test_keypoints() -> None:
    points = np.array([[[50, 50, 0.9], [80, 80, 0.05], [np.nan, 5, 1], [1e9, 5, 1]]], np.float32)
    result = result_of(128, 128, [(20, 20, 100, 100)])
    found = Detections(
        result.prediction.detections.xyxy, np.ones(1, np.float32), np.zeros(1, np.int32), ("face",), keypoints=points
    )
    picture = picture_of(128, 128)
    BoxOverlay(**PLAIN)(picture, FrameResult(result.frame, Prediction(found)))
    assert drawn(picture)[49:51, 49:51].all()
    assert not drawn(picture)[75:85, 75:85].any()


def _layouts() -> Iterator[PixelLayout]:
    yield PixelLayout.I420
    yield PixelLayout.RGB


@settings(max_examples=60)
@given(
    st.integers(1, 200),
    st.integers(1, 200),
    hnp.arrays(np.float32, hnp.array_shapes(min_dims=1, max_dims=1, max_side=5).map(lambda s: (*s, 4))),
    st.sampled_from(list(_layouts())),
)
def test_nothing_breaks_whatever_the_boxes_and_the_size(w: int, h: int, boxes: np.ndarray, layout: PixelLayout) -> None:
    n = len(boxes)
    found = Detections(
        boxes, np.full(n, np.nan, np.float32) if n == 4 else np.ones(n, np.float32), np.arange(n, dtype=np.int32) - 1
    )
    frame = Frame(StreamInfo("v", w, h, BASE), 0, Instant(0, BASE), None, w, h)
    result = FrameResult(frame, Prediction(found), Tracks(np.arange(n) + 1, np.arange(n)))
    overlay = BoxOverlay()
    for _ in range(2):
        picture = picture_of(w, h, layout)
        overlay(picture, result, (GATE, YARD))
        assert picture.planes[0].shape[:2] == (h, w)


@given(
    st.lists(
        st.tuples(st.integers(-50, 300), st.integers(-50, 200), st.integers(2, 90).map(lambda n: n * 2)), max_size=30
    )
)
def test_labels_lie_inside_where_they_fit(rows: list[tuple[int, int, int]]) -> None:
    placer = Placer(320, 180)
    for x, y, w in rows:
        px, py = placer.beside((x, y, x + 40, y + 60), w, 16)
        assert 0 <= px <= 320 - w
        assert 0 <= py <= 180 - 16
        assert px % 2 == py % 2 == 0


@given(st.lists(st.tuples(st.integers(0, 300), st.integers(0, 180), st.integers(2, 60)), max_size=40))
def test_the_first_free_place_is_taken(rows: list[tuple[int, int, int]]) -> None:
    placer, h = Placer(320, 200), 18
    taken: list[tuple[int, int, int]] = []
    for x, y, half in rows:
        w = 2 * half
        wishes = ((x, y), (x + 20, y - 30), (x - 40, y + 10))
        inside = [(max(0, min(a, 320 - w)) & ~1, b & ~1) for a, b in wishes if 0 <= b & ~1 <= 200 - h]
        free = [(a, b) for a, b in inside if all(a >= q + v or a + w <= q or abs(b - r) >= h for q, r, v in taken)]
        place = placer.first_free(wishes, w, h)
        if free or inside:
            assert place == (free or inside)[0]
        taken.append((*place, w))


def test_labels_of_boxes_that_fill_the_frame_find_their_corners() -> None:
    placer = Placer(640, 360)
    box = (-2, -2, 642, 362)
    places = [placer.beside(box, 80, 20) for _ in range(3)]
    assert places == [(0, 0), (0, 340), (560, 0)]


def test_labels_avoid_one_another_where_there_is_room() -> None:
    placer = Placer(640, 360)
    taken: list[tuple[int, int]] = []
    for _ in range(4):
        x, y = placer.beside((200, 100, 260, 200), 80, 20)
        assert all(abs(x - a) >= 80 or abs(y - b) >= 20 for a, b in taken)
        taken.append((x, y))
