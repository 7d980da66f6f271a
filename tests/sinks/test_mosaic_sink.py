"""Mosaics are read back: where each stream lies, when, in which colours, from many threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from sightline.errors import OutputError, UsageError
from sightline.models.infer import Model
from sightline.pictures import canvas, rgb
from sightline.pipeline.lane import Lane
from sightline.pipeline.run import Pipeline
from sightline.protocols import RunInfo, Sink
from sightline.sinks.mosaic import MosaicSink
from sightline.sinks.tiles import grid_of, tile_of
from sightline.testing import BrightBoxHead, FakeRuntime, MovingBoxes, spec_of
from sightline.types import ColorMatrix, Frame, FrameResult, Instant, Picture, PixelLayout, StreamInfo

INFO = RunInfo((), ())


def plain(w: int, h: int, color: tuple[int, int, int], **fields: object) -> Picture:
    half = ((h + 1) // 2, (w + 1) // 2)
    planes = tuple(np.full(s, c, np.uint8) for s, c in zip(((h, w), half, half), color, strict=True))
    return Picture(planes, PixelLayout.I420, **fields)  # type: ignore[arg-type]


def feed(sink: Sink, name: str, count: int, picture: Picture, rate: int = 25) -> None:
    w, h = picture.upright_wh
    info = StreamInfo(name, w, h, Fraction(1, rate), Fraction(rate))
    for k in range(count):
        sink.write(FrameResult(Frame(info, k, Instant(k, info.base), None, w, h)), picture)


def frames(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.mark.parametrize(
    ("streams", "rows", "columns", "want"),
    [(1, 0, 0, (1, 1)), (2, 0, 0, (1, 2)), (5, 0, 0, (2, 3)), (9, 0, 0, (3, 3)), (5, 1, 0, (1, 5)), (5, 0, 2, (3, 2)),
     (3, 2, 2, (2, 2)), (0, 0, 0, (1, 1))],
)  # fmt: skip
def test_the_grid_has_room_for_all(streams: int, rows: int, columns: int, want: tuple[int, int]) -> None:
    grid = grid_of(streams, rows, columns, 641, 480)
    assert (grid.rows, grid.columns) == want
    w, h = grid.tile_wh
    assert w % 2 == h % 2 == 0
    x, y = grid.corner(grid.rows * grid.columns - 1)
    assert x + w <= grid.width <= 641
    assert y + h <= grid.height


def test_every_stream_lies_in_its_tile(tmp_path: Path) -> None:
    sink = MosaicSink(str(tmp_path / "m.mp4"), width=320, height=240, stretch=True, crf=10)
    tiles = [sink.of_stream(name) for name in "abc"]
    assert isinstance(sink, Sink)
    assert isinstance(tiles[0], Sink)
    assert (sink.wants_picture, tiles[0].wants_picture) == (False, True)
    sink.open(INFO)
    colors = [(81, 90, 240), (145, 54, 34), (41, 240, 110)]  # red, green, blue by BT.601
    for tile, name, color in zip(tiles, "abc", colors, strict=True):
        feed(tile, name, 5, plain(64, 48, color))
        tile.close()
    sink.close()
    sink.close()
    got = frames(tmp_path / "m.mp4")
    assert len(got) == 5
    for (x, y), want in {(80, 60): 0, (240, 60): 1, (80, 180): 2}.items():
        pixel = got[3][y, x].astype(int)
        assert pixel.argmax() == want
        assert pixel.max() > 200
        assert np.sort(pixel)[1] < 60
    assert got[3][180, 240].max() < 10
    assert sink.notes == []


def test_ratios_are_kept_unless_told(tmp_path: Path) -> None:
    tall = plain(40, 160, (235, 128, 128))
    kept = tile_of(tall, (160, 80), ColorMatrix.BT601, False)[0]
    filled = tile_of(tall, (160, 80), ColorMatrix.BT601, False, stretch=True)[0]
    assert (kept > 200).mean() == pytest.approx(20 / 160, abs=0.02)
    assert (filled > 200).all()


@pytest.mark.parametrize("matrix", [ColorMatrix.BT601, ColorMatrix.BT709])
@pytest.mark.parametrize("full", [False, True])
def test_tiles_of_other_colour_systems_look_the_same(matrix: ColorMatrix, full: bool) -> None:
    picture = plain(64, 48, (120, 100, 170), matrix=matrix, full_range=full)
    planes = tile_of(picture, (64, 48), ColorMatrix.BT709, False)
    made = Picture(planes, PixelLayout.I420, ColorMatrix.BT709, False)
    assert np.abs(rgb(made).astype(int) - rgb(picture)).max() <= 3


def test_many_threads_and_rates_make_one_steady_video(tmp_path: Path) -> None:
    sink = MosaicSink(str(tmp_path / "m.mp4"), width=160, height=120, fps=25, preset="ultrafast")
    rates = {"a": 25, "b": 50, "c": 10, "d": 25}
    tiles = {name: sink.of_stream(name) for name in rates}
    sink.open(INFO)

    def run(name: str) -> None:
        feed(tiles[name], name, rates[name] * 2, plain(32, 24, (90, 128, 128)), rates[name])
        tiles[name].close()

    with ThreadPoolExecutor() as pool:
        list(pool.map(run, rates))
    sink.close()
    with av.open(str(tmp_path / "m.mp4")) as container:
        times = [frame.pts * frame.time_base for frame in container.decode(video=0) if frame.pts is not None]  # type: ignore[operator]
    assert times[0] == 0
    assert {b - a for a, b in pairwise(times)} == {Fraction(1, 25)}
    assert 49 <= len(times) <= 240


def test_in_a_pipeline_pictures_lie_where_their_streams_are(tmp_path: Path) -> None:
    sink = MosaicSink(str(tmp_path / "m.mp4"), width=128, height=48, stretch=True, crf=5)
    sources = [MovingBoxes("a", count=12), MovingBoxes("b", count=30)]
    lanes = [Lane(source, own_sinks=[sink.of_stream(source.id)]) for source in sources]
    model = Model("model", spec_of(), tmp_path, BrightBoxHead(), FakeRuntime())
    list(Pipeline(model, lanes, shared_sinks=[sink]).results())
    got = frames(tmp_path / "m.mp4")
    assert len(got) == 30
    for k in (0, 5, 11, 20, 29):
        for place, source in enumerate(sources):
            x1, y1, x2, y2 = source.box(min(k, source.count - 1))
            tile = got[k][:, 64 * place : 64 * place + 64, 0]
            assert tile[y1 + 3 : y2 - 3, x1 + 3 : x2 - 3].min() > 180
            assert tile[y1 + 3 : y2 - 3].mean() < 100


def test_streams_without_a_tile_and_late_ones_are_named(tmp_path: Path) -> None:
    sink = MosaicSink(str(tmp_path / "m.mp4"), rows=1, columns=1, width=64, height=48)
    tiles = [sink.of_stream(name) for name in ("a", "b")]
    sink.open(INFO)
    for tile in tiles:
        feed(tile, tile.stream, 2, plain(64, 48, (90, 128, 128)))
    sink.close()
    assert sink.notes == ["mosaic: no room for b in 1 x 1 tiles"]


def test_without_a_picture_there_is_no_file(tmp_path: Path) -> None:
    sink = MosaicSink(str(tmp_path / "m.mp4"))
    tile = sink.of_stream("a")
    sink.open(INFO)
    tile.close()
    sink.close()
    assert list(tmp_path.iterdir()) == []
    feed(tile, "a", 1, canvas(plain(64, 48, (90, 128, 128))))  # too late: nothing happens
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="width and height"):
        MosaicSink("m.mp4", width=4)
    with pytest.raises(ValueError, match="rows"):
        MosaicSink("m.mp4", rows=-1)
    sink = MosaicSink(str(tmp_path / "m.mp4"), rows=40, columns=40, width=160, height=160)
    with pytest.raises(UsageError, match="40 x 40 tiles"):
        sink.open(INFO)
    with pytest.raises(UsageError, match="unknown kind"):
        MosaicSink(str(tmp_path / "m.avi")).open(INFO)


def test_a_stream_that_is_lost_leaves_its_last_picture_and_the_others_go_on(tmp_path: Path) -> None:
    sink = MosaicSink(str(tmp_path / "m.mp4"), width=128, height=48, stretch=True)
    sources = [MovingBoxes("a", count=40), MovingBoxes("b", count=40, fails_at=10)]
    lanes = [Lane(source, own_sinks=[sink.of_stream(source.id)]) for source in sources]
    pipeline = Pipeline(Model("model", spec_of(), tmp_path, BrightBoxHead(), FakeRuntime()), lanes, shared_sinks=[sink])
    list(pipeline.results())
    assert set(pipeline.lost) == {"b"}
    assert len(frames(tmp_path / "m.mp4")) == 40


def test_a_run_that_is_stopped_leaves_a_whole_video(tmp_path: Path) -> None:
    sink = MosaicSink(str(tmp_path / "m.mp4"), width=128, height=48)
    lanes = [Lane(MovingBoxes(name, count=500), own_sinks=[sink.of_stream(name)]) for name in "ab"]
    with Pipeline(Model("m", spec_of(), tmp_path, BrightBoxHead(), FakeRuntime()), lanes, shared_sinks=[sink]) as run:
        for seen, _ in enumerate(run.results()):
            if seen == 60:
                run.stop()
    assert 20 <= len(frames(tmp_path / "m.mp4")) < 500
    assert [path.name for path in tmp_path.iterdir()] == ["m.mp4"]


def test_a_video_that_cannot_be_written_ends_the_run_with_its_name(tmp_path: Path) -> None:
    sink = MosaicSink(str(tmp_path / "gone" / "m.mp4"), width=128, height=48)
    lanes = [Lane(MovingBoxes(name, count=500), own_sinks=[sink.of_stream(name)]) for name in "ab"]
    (tmp_path / "gone").write_text("a file where the folder should be")
    with pytest.raises((UsageError, OutputError), match=r"m\.mp4"):
        list(
            Pipeline(
                Model("m", spec_of(), tmp_path, BrightBoxHead(), FakeRuntime()), lanes, shared_sinks=[sink]
            ).results()
        )
