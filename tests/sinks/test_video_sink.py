"""Videos are read back with PyAV: times, pictures, colours, names."""

import contextlib
import errno
import os
import resource
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from sightline.errors import OutputError, UsageError
from sightline.pictures import canvas
from sightline.protocols import RunInfo, Sink
from sightline.sinks.fit import fit_planes
from sightline.sinks.video import VideoSink
from sightline.types import ColorMatrix, Frame, FrameResult, Instant, Picture, PixelLayout, StreamInfo

CLOCKS = {
    "plain": (Fraction(1, 12_800), [i * 512 for i in range(12)]),
    "starts late": (Fraction(1, 90_000), [452_511 + i * 3003 for i in range(12)]),
    "variable": (Fraction(1, 1000), [0, 33, 67, 100, 1100, 1101, 1134, 9000]),
    "odd": (Fraction(1, 11_456), [i * 384 for i in range(12)]),
    "fine": (Fraction(1, 1_200_000), [i * 48_000 for i in range(12)]),
    "1/200000": (Fraction(1, 200_000), [i * 20_000 for i in range(12)]),
    "film": (Fraction(1001, 24_000), [0, 1, 2, 4, 5, 6]),
    "one a second": (Fraction(1), [0, 1, 2, 5, 6]),
    "a gap": (Fraction(1, 90_000), [0, 3003, 90_000 * 1800, 90_000 * 1800 + 3003]),
}


def grey(w: int, h: int, level: int = 90, **fields) -> Picture:
    half = ((h + 1) // 2, (w + 1) // 2)
    planes = np.full((h, w), level, np.uint8), np.full(half, 128, np.uint8), np.full(half, 128, np.uint8)
    return Picture(planes, PixelLayout.I420, **fields)


def stream_of(base: Fraction = Fraction(1, 25), w: int = 64, h: int = 48, **fields) -> StreamInfo:
    return StreamInfo("clip.mp4", w, h, base, **fields)


def record(
    sink: VideoSink, stream: StreamInfo, times: Sequence[int | None], pictures: list[Picture] | None = None
) -> None:
    sink.open(RunInfo((), (stream,)))
    for i, pts in enumerate(times):
        picture = pictures[i] if pictures else grey(stream.width, stream.height)
        offset = None if pts is not None else i / float(stream.rate or 25)
        frame = Frame(stream, i, Instant(pts, stream.base, offset_s=offset), None, *picture.coded_wh)
        sink.write(FrameResult(frame), picture)
    sink.close()


def times_of(path: Path) -> list[Fraction]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.time_base is not None
        return [frame.pts * stream.time_base for frame in container.decode(stream) if frame.pts is not None]


def luma_of(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="gray") for frame in container.decode(container.streams.video[0])]


def test_it_is_a_sink() -> None:
    assert isinstance(VideoSink("x.mp4"), Sink)
    assert VideoSink("x.mp4").wants_picture


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".m4v"])
@pytest.mark.parametrize("clock", CLOCKS)
def test_times_are_the_source_s(tmp_path: Path, clock: str, suffix: str) -> None:
    base, times = CLOCKS[clock]
    sink = VideoSink(str(tmp_path / f"out{suffix}"))
    record(sink, stream_of(base), list(times))
    assert times_of(tmp_path / f"out{suffix}") == [pts * base for pts in times]
    assert sink.notes == []


@pytest.mark.parametrize(
    "options",
    [{"fragmented": True}, {"faststart": True}, {"preset": "medium"}, {"preset": "ultrafast"}, {"codec": "h265"}],
)
@pytest.mark.parametrize("clock", ["starts late", "variable"])
def test_times_survive_every_option(tmp_path: Path, clock: str, options: dict[str, Any]) -> None:
    base, times = CLOCKS[clock]
    record(VideoSink(str(tmp_path / "out.mp4"), **options), stream_of(base), list(times))
    assert times_of(tmp_path / "out.mp4") == [pts * base for pts in times]


@pytest.mark.parametrize("clock", CLOCKS)
def test_matroska_counts_milliseconds(tmp_path: Path, clock: str) -> None:
    base, times = CLOCKS[clock]
    record(VideoSink(str(tmp_path / "out.mkv")), stream_of(base), list(times))
    got = times_of(tmp_path / "out.mkv")
    assert len(got) == len(times)
    assert all(abs(a - pts * base) <= Fraction(1, 1000) for a, pts in zip(got, times, strict=True))


def test_a_negative_start_moves_to_zero_and_is_said(tmp_path: Path) -> None:
    base = Fraction(1, 90_000)
    times = [-379_593 + i * 3003 for i in range(140)]
    sink = VideoSink(str(tmp_path / "out.mp4"))
    record(sink, stream_of(base), list(times))
    assert times_of(tmp_path / "out.mp4") == [(pts - times[0]) * base for pts in times]
    assert sink.notes == ["video: all times moved by +4.2177 s, so that the video begins at 0"]


def test_times_that_repeat_or_run_back(tmp_path: Path) -> None:
    sink = VideoSink(str(tmp_path / "out.mp4"))
    record(sink, stream_of(Fraction(1, 1000)), [0, 40, 40, 80, 200, 120, 160, 240])
    assert times_of(tmp_path / "out.mp4") == [Fraction(t, 1000) for t in (0, 40, 41, 80, 200, 201, 202, 240)]
    assert len(sink.notes) == 1
    assert "3 of 8 pictures moved" in sink.notes[0]


def test_an_untimed_stream_plays_at_its_rate(tmp_path: Path) -> None:
    sink = VideoSink(str(tmp_path / "out.mp4"))
    stream = stream_of(Fraction(1, 1_200_000), rate=Fraction(30), timed=False)
    record(sink, stream, [None] * 6)
    assert times_of(tmp_path / "out.mp4") == [Fraction(i, 30) for i in range(6)]
    assert sink.notes == ["video: the source has no times; its nominal rate was used"]


def test_a_late_start_of_more_than_a_minute(tmp_path: Path) -> None:
    base, start = Fraction(1, 90_000), 95_439 * 90_000
    times = [start + i * 3003 for i in range(5)]
    for name, begin, first in (
        ("a.mp4", "auto", 0),
        ("b.mp4", "source", start),
        ("c.mkv", "auto", start),
        ("d.mkv", "zero", 0),
    ):
        record(VideoSink(str(tmp_path / name), start=begin), stream_of(base), list(times))
        assert times_of(tmp_path / name)[0] == first * base


def test_odd_sizes_are_filled_up_with_the_last_row_and_column(tmp_path: Path) -> None:
    picture = grey(33, 21)
    picture.planes[0][:, 32] = 200
    picture.planes[0][20] = 40
    record(VideoSink(str(tmp_path / "out.mp4"), crf=1), stream_of(w=33, h=21), [0, 1], [picture] * 2)
    got = luma_of(tmp_path / "out.mp4")[1]
    assert got.shape == (22, 34)
    want = np.pad(picture.planes[0], ((0, 1), (0, 1)), mode="edge").astype(int)
    limited = (want - 16) * 255 / 219  # "gray" is full range
    assert np.abs(got - limited).mean() < 4


@pytest.mark.parametrize("wh", [(64, 48), (33, 21)])
def test_rgb_pictures_are_taken_too(tmp_path: Path, wh: tuple[int, int]) -> None:
    pixels = np.full((wh[1], wh[0], 3), (200, 40, 90), np.uint8)
    picture = Picture((pixels,), PixelLayout.RGB, full_range=True)
    record(VideoSink(str(tmp_path / "out.mp4"), crf=1), stream_of(w=wh[0], h=wh[1]), [0, 1], [picture] * 2)
    with av.open(str(tmp_path / "out.mp4")) as container:
        frame = next(container.decode(container.streams.video[0]))
    assert np.abs(frame.to_ndarray(format="rgb24").astype(int) - (200, 40, 90)).max() < 6


def test_one_pixel(tmp_path: Path) -> None:
    record(VideoSink(str(tmp_path / "out.mp4")), stream_of(w=1, h=1), [0, 1, 2])
    assert luma_of(tmp_path / "out.mp4")[0].shape == (2, 2)


@pytest.mark.parametrize("start", [(0, 0), (1, 2)])
def test_another_size_is_letterboxed_and_said(tmp_path: Path, start: tuple[int, int]) -> None:
    sink = VideoSink(str(tmp_path / "out.mp4"), crf=1)
    pictures = [grey(64, 48), grey(64 + start[0], 24 + start[1], 180), grey(64, 48)]
    record(sink, stream_of(), [0, 1, 2], pictures)
    first, second, third = luma_of(tmp_path / "out.mp4")
    assert first.shape == second.shape == third.shape == (48, 64)
    assert second[2].mean() < 8
    assert second[-3].mean() < 8
    assert abs(second[24].mean() - (180 - 16) * 255 / 219) < 6
    assert sink.notes == ["video: 1 pictures of another size than the first were letterboxed"]


def test_fit_planes_agree_on_where_the_picture_lies() -> None:
    for wh in ((100, 40), (40, 100), (33, 7), (1, 1), (640, 480)):
        source = grey(*wh, level=200).planes
        source[1][...] = 50
        y, u, v = fit_planes(source, (64, 48), black=16)
        assert (y.shape, u.shape, v.shape) == ((48, 64), (24, 32), (24, 32))
        assert ((y == 200) | (y == 16)).all()
        inside = (y == 200).reshape(24, 2, 32, 2).any((1, 3))
        assert np.array_equal(u == 50, inside)


def test_colours_are_tagged(tmp_path: Path) -> None:
    for matrix, full, want in (
        (ColorMatrix.BT709, False, (1, 1)),
        (ColorMatrix.BT601, False, (6, 1)),
        (ColorMatrix.BT601, True, (6, 2)),
        (ColorMatrix.BT2020, False, (9, 1)),
    ):
        path = tmp_path / f"{matrix}{full}.mp4"
        record(VideoSink(str(path)), stream_of(), [0], [grey(64, 48, matrix=matrix, full_range=full)])
        with av.open(str(path)) as container:
            frame = next(container.decode(container.streams.video[0]))
            assert (int(frame.colorspace), int(frame.color_range)) == want


def test_a_frame_that_owns_its_planes_is_taken_as_it_is(tmp_path: Path) -> None:
    def picture(own: bool) -> Picture:
        frame = av.VideoFrame(64, 48, "yuv420p")
        planes = tuple(
            np.frombuffer(memoryview(p), np.uint8).reshape(-1, p.line_size)[: p.height, : p.width] for p in frame.planes
        )
        for plane, level in zip(planes, (77, 90, 160), strict=True):
            plane[...] = level
        frame.pict_type = 2  # as decoders leave it
        return Picture(planes, PixelLayout.I420, owner=frame if own else None)

    stream = stream_of()
    for own in (False, True):
        record(VideoSink(str(tmp_path / f"{own}.mp4")), stream, [0, 1, 2], [picture(own) for _ in range(3)])
    assert (tmp_path / "True.mp4").read_bytes() == (tmp_path / "False.mp4").read_bytes()


def test_a_picture_made_to_draw_on_is_encoded_without_a_copy(tmp_path: Path) -> None:
    info = stream_of(w=1918, h=1078)
    decoded = grey(1918, 1078, 30)
    parts = canvas(decoded)
    cases = {
        "whole": (canvas(decoded), True),
        "no owner": (decoded, False),
        "another's chroma": (replace(parts, planes=(parts.planes[0], *decoded.planes[1:])), False),
        "upside down": (replace(parts, planes=tuple(plane[::-1] for plane in parts.planes)), False),
    }
    for name, (picture, as_it_is) in cases.items():
        picture.planes[0][...] = 30
        picture.planes[0][:500] = 200
        sink = VideoSink(str(tmp_path / "out.mp4"), crf=10)
        sink.open(RunInfo((), (info,)))
        sink.write(FrameResult(Frame(info, 0, Instant(0, info.base), None, 1918, 1078)), picture)
        assert sink._encoder is not None
        assert (sink._encoder._coder._pool is None) == as_it_is, name
        sink.close()
        shown = luma_of(tmp_path / "out.mp4")[0]
        assert shown[:490].mean() > 190, name
        assert shown[510:].mean() < 40, name


def test_streams_that_are_not_wanted_leave_no_file(tmp_path: Path) -> None:
    for id, wanted in (("a.mp4", True), ("b.mp4", False)):
        path = tmp_path / f"{id}.mkv"
        record(VideoSink(str(path), streams=("a.mp4",)), replace(stream_of(), id=id), [0, 1])
        assert path.exists() == wanted


@pytest.mark.parametrize("codec", ["h264", "h265"])
@pytest.mark.parametrize("base", [Fraction(1, 25), Fraction(1, 90_000)])
def test_as_many_bits_a_second_as_are_asked_for(tmp_path: Path, codec: str, base: Fraction) -> None:
    """Noise, which takes all that it is given, over four seconds."""
    rng = np.random.default_rng(5)
    noise = [replace(grey(160, 96), planes=(rng.integers(0, 255, (96, 160), np.uint8), *grey(160, 96).planes[1:]))
             for _ in range(100)]  # fmt: skip
    times = [round(Fraction(i, 25) / base) for i in range(100)]
    for bitrate in (200_000, 800_000):
        path = tmp_path / f"{bitrate}.mp4"
        sink = VideoSink(str(path), codec=codec, bitrate=bitrate, preset="ultrafast")
        record(sink, stream_of(base, 160, 96, rate=Fraction(25)), times, noise)
        assert 0.6 < path.stat().st_size * 8 / 4 / bitrate < 1.6


def test_key_pictures_come_as_often_as_is_asked_for(tmp_path: Path) -> None:
    record(VideoSink(str(tmp_path / "out.mp4"), gop=5), stream_of(), list(range(20)))
    with av.open(str(tmp_path / "out.mp4")) as container:
        keys = [frame.key_frame for frame in container.decode(container.streams.video[0])]
    assert [i for i, key in enumerate(keys) if key] == [0, 5, 10, 15]


def test_the_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "er" / "out.mp4"
    stream = stream_of()
    sink = VideoSink(str(target))
    sink.open(RunInfo((), (stream,)))
    assert not target.parent.exists()
    sink.write(FrameResult(Frame(stream, 0, Instant(0, stream.base), None, 64, 48)), grey(64, 48))
    assert not target.exists()
    sink.close()
    sink.close()
    assert [p.name for p in target.parent.iterdir()] == ["out.mp4"]
    assert len(times_of(target)) == 1


def test_without_a_frame_there_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "out.mp4").write_text("before")
    sink = VideoSink(str(tmp_path / "out.mp4"))
    sink.open(RunInfo((), (stream_of(),)))
    sink.close()
    assert (tmp_path / "out.mp4").read_text() == "before"


def test_folders_and_names(tmp_path: Path) -> None:
    stream = StreamInfo("clip.mp4#2", 64, 48, Fraction(1, 25))
    record(VideoSink(f"{tmp_path}/"), stream, [0])
    record(VideoSink(f"{tmp_path}/{{stream}}.sightline.mkv"), stream, [0])
    assert sorted(p.name for p in tmp_path.iterdir()) == ["clip#2.mp4", "clip#2.sightline.mkv"]


@pytest.mark.parametrize(
    ("path", "options", "words"),
    [
        ("out.xyz", {}, "'.xyz'"),
        ("out.mp4", {"preset": "fastest"}, "fastest"),
        ("out.mp4", {"crf": 99}, "99"),
        ("out.mp4", {"bitrate": 12}, "bits a second"),
        ("out.mp4", {"gop": -1}, "gop"),
        ("out.mp4", {"codec": "vp7"}, "vp7"),
        ("out.mp4", {"start": "now"}, "now"),
        ("file/out.mp4", {}, "not a folder"),
    ],
)
def test_bad_options_are_named(tmp_path: Path, path: str, options: dict, words: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=words):
        VideoSink(str(tmp_path / path), **options).open(RunInfo((), ()))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("frames", [4, 80])
def test_a_full_disk_is_an_error_that_names_the_file(tmp_path: Path, suffix: str, frames: int) -> None:
    sink, stream = VideoSink(str(tmp_path / f"out{suffix}"), preset="ultrafast", crf=0), stream_of(w=256, h=256)
    noise = np.random.default_rng(0).integers(0, 255, (frames, 256, 256))
    sink.open(RunInfo((), (stream,)))

    def fill() -> None:
        for index in range(frames):
            picture = grey(256, 256)
            picture.planes[0][...] = noise[index]
            sink.write(FrameResult(Frame(stream, index, Instant(index, stream.base), None, 256, 256)), picture)
        sink.close()

    with at_most(100_000), pytest.raises(OutputError, match=f"out{suffix}") as caught:
        fill()
    assert os.strerror(errno.EFBIG) in str(caught.value)
    sink.close()
    assert list(tmp_path.iterdir()) == []


@contextlib.contextmanager
def at_most(size: int) -> Iterator[None]:
    """Files cannot grow beyond `size` bytes: what a full disk looks like to a writer."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
