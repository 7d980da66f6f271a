"""Picture files: names, exactness, errors."""

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest

from sightline.errors import OutputError, UsageError
from sightline.protocols import RunInfo, Sink
from sightline.sinks.pictures import PictureSink
from sightline.types import Frame, FrameResult, Instant, Picture, PixelLayout, StreamInfo

PIXELS = np.random.default_rng(3).integers(0, 255, (20, 31, 3), np.uint8)
STREAM = StreamInfo("dog.jpg", 31, 20, Fraction(1), timed=False, still=True, frames=1)


def put(
    sink: PictureSink,
    count: int = 1,
    stream: StreamInfo = STREAM,
    pixels: np.ndarray = PIXELS,
    files: tuple[str, ...] = (),
) -> None:
    h, w = pixels.shape[:2]
    sink.open(RunInfo((), (stream,)))
    for i in range(count):
        name = files[i] if files else ""
        frame = Frame(stream, i, Instant(None, stream.base), None, w, h, name=name)
        sink.write(FrameResult(frame), Picture((pixels,), PixelLayout.RGB, full_range=True))
    sink.close()


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def read(path: Path) -> np.ndarray:
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)
    assert pixels is not None
    return pixels


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
def test_lossless_kinds_are_exact(tmp_path: Path, suffix: str) -> None:
    sink = PictureSink(str(tmp_path / "new" / f"out{suffix}"))
    assert isinstance(sink, Sink)
    put(sink)
    assert np.array_equal(read(tmp_path / "new" / f"out{suffix}"), PIXELS)
    assert names(tmp_path / "new") == [f"out{suffix}"]
    assert sink.written == [tmp_path / "new" / f"out{suffix}"]


def test_jpeg_keeps_the_colours_of_single_pixels(tmp_path: Path) -> None:
    stripes = np.zeros((32, 32, 3), np.uint8)
    stripes[:, ::2, 0] = 200
    stripes[:, 1::2, 2] = 200
    put(PictureSink(str(tmp_path / "out.jpg")), pixels=stripes)
    assert np.abs(read(tmp_path / "out.jpg").astype(int) - stripes).mean() < 6


def test_i420_pictures_are_converted(tmp_path: Path) -> None:
    planes = np.full((20, 30), 81, np.uint8), np.full((10, 15), 90, np.uint8), np.full((10, 15), 240, np.uint8)
    sink = PictureSink(str(tmp_path / "red.png"))
    sink.open(RunInfo((), ()))
    frame = Frame(STREAM, 0, Instant(None, STREAM.base), None, 30, 20)
    sink.write(FrameResult(frame), Picture(planes, PixelLayout.I420))
    assert np.abs(read(tmp_path / "red.png").astype(int) - (255, 0, 0)).max() <= 3


def test_names_in_a_folder(tmp_path: Path) -> None:
    put(PictureSink(f"{tmp_path}/"))
    sink = PictureSink(str(tmp_path / "more"))
    put(sink, 2, files=("a.png", "b.gif"))
    put(PictureSink(str(tmp_path / "{stream}.sightline") + "/"), 1, StreamInfo("v.mp4", 31, 20, Fraction(1, 25)))
    put(PictureSink(str(tmp_path / "frames/")), 2, StreamInfo("v.mp4", 31, 20, Fraction(1, 25)))
    assert (tmp_path / "dog.jpg").is_file()
    assert names(tmp_path / "more") == ["a.png", "b.gif.jpg"]
    assert names(tmp_path / "v.sightline") == ["v-000000.jpg"]
    assert names(tmp_path / "frames") == ["v-000000.jpg", "v-000001.jpg"]


def test_more_pictures_than_names_are_numbered(tmp_path: Path) -> None:
    put(PictureSink(str(tmp_path / "out.png")), 3)
    assert names(tmp_path) == ["out-000001.png", "out-000002.png", "out.png"]


@pytest.mark.parametrize(
    ("path", "options", "words"), [("out.xyz", {}, "xyz"), ("out.jpg", {"quality": 0}, "quality 0")]
)
def test_bad_options_are_named(tmp_path: Path, path: str, options: dict, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        PictureSink(str(tmp_path / path), **options).open(RunInfo((), ()))


def test_a_picture_too_large_for_its_kind(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"out\.webp"):
        put(PictureSink(str(tmp_path / "out.webp")), pixels=np.zeros((1, 17_000, 3), np.uint8))
    assert names(tmp_path) == []
