"""One class per protocol, run over every implementation including the public fakes."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from sightline.analytics.line import Line
from sightline.analytics.zone import Zone
from sightline.overlays.boxes import BoxOverlay
from sightline.pictures import canvas
from sightline.plugins import known, resolve
from sightline.protocols import Analytic, Overlay, RunInfo, Sink, Source, StageInfo, Tracker
from sightline.sinks.jsonl import JsonlSink
from sightline.sinks.mosaic import MosaicSink
from sightline.sinks.pictures import PictureSink
from sightline.sinks.show import ShowSink
from sightline.sinks.video import VideoSink
from sightline.sources.dewarp import FisheyeDewarp
from sightline.sources.dewarped import dewarped
from sightline.sources.media import MediaSource
from sightline.sources.stills import StillsSource
from sightline.sources.synthetic import SyntheticSource
from sightline.testing import MemorySink, MovingBoxes
from sightline.trackers.botsort import BotSort
from sightline.trackers.bytetrack import ByteTrack
from sightline.trackers.iou import Iou
from sightline.trackers.ocsort import OcSort
from sightline.trackers.sort import Sort
from sightline.types import (
    Detections,
    Frame,
    FrameResult,
    Instant,
    Picture,
    PixelLayout,
    Prediction,
    StreamInfo,
    Tracks,
)

INFO = StreamInfo("s", 64, 48, Fraction(1, 25), Fraction(25))


def clip(folder: Path) -> Path:
    path = folder / "clip.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for k in range(12):
            pixels = np.full((48, 64, 3), 20 * k, np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")):
                out.mux(packet)
        for packet in stream.encode():
            out.mux(packet)
    return path


def stills(folder: Path) -> tuple[Path, ...]:
    paths = tuple(folder / f"{k}.png" for k in range(3))
    for path in paths:
        cv2.imwrite(str(path), np.full((48, 64, 3), 99, np.uint8))
    return paths


SOURCES: dict[str, Callable[[Path], Source]] = {
    "fake": lambda folder: MovingBoxes(count=12),
    "media": lambda folder: MediaSource(str(clip(folder))),
    "stills": lambda folder: StillsSource(stills(folder), "stills"),
    "synthetic": lambda folder: SyntheticSource(seconds=0.4, width=160, height=96),
    "dewarped": lambda folder: dewarped(MediaSource(str(clip(folder))), FisheyeDewarp(fov_deg=90, width=50, height=40)),
}


@pytest.mark.parametrize("make", SOURCES.values(), ids=SOURCES.keys())
class TestSource:
    def test_ordinals_count_from_zero_and_pictures_fit(self, make: Callable[[Path], Source], tmp_path: Path) -> None:
        source = make(tmp_path)
        assert isinstance(source, Source)
        frames = list(source.frames())
        assert frames
        assert [f.index for f in frames] == list(range(len(frames)))
        for frame in frames:
            assert frame.stream.id == source.id
            assert frame.picture is not None
            assert frame.picture.upright_wh == (frame.width, frame.height)
            assert all(p.dtype == np.uint8 for p in frame.picture.planes)

    def test_times_rise_or_are_none(self, make: Callable[[Path], Source], tmp_path: Path) -> None:
        frames = list(make(tmp_path).frames())
        if frames[0].stream.still:
            assert all(f.at.seconds is None for f in frames)
        else:
            seconds = [f.at.seconds for f in frames]
            assert all(b - a > 0 for a, b in itertools.pairwise(seconds))  # type: ignore[operator]

    def test_a_second_iteration_begins_anew(self, make: Callable[[Path], Source], tmp_path: Path) -> None:
        source = make(tmp_path)
        first = [f.at.pts for f in source.frames()]
        assert [f.at.pts for f in make(tmp_path).frames()] == first

    def test_closing_early_releases(self, make: Callable[[Path], Source], tmp_path: Path) -> None:
        frames = make(tmp_path).frames()
        next(frames)
        frames.close()  # type: ignore[attr-defined]
        assert next(frames, None) is None


def moving(k: int) -> Detections:
    boxes = np.array([[4 + 2 * k, 5, 20 + 2 * k, 30], [40, 10 + k, 55, 30 + k]], np.float32)
    return Detections(boxes, np.array([0.9, 0.8], np.float32), np.array([0, 1], np.int32), ("a", "b"))


def frame(k: int, pts: int | None = None) -> Frame:
    return Frame(INFO, k, Instant(k if pts is None else pts, INFO.base), None, 64, 48)


@pytest.mark.parametrize("make", [ByteTrack, Sort, OcSort, BotSort, Iou])
class TestTracker:
    def test_ids_are_from_one_and_rows_are_rows(self, make: type[Tracker]) -> None:
        tracker = make()
        assert isinstance(tracker, Tracker)
        seen: set[int] = set()
        for k in range(12):
            tracks = tracker.update(moving(k), frame(k))
            assert len(tracks.id) == len(tracks.row) == len(set(tracks.id.tolist()))
            assert set(tracks.row.tolist()) <= {0, 1}
            seen |= set(tracks.id.tolist())
        assert len(seen) == 2
        assert min(seen) >= 1

    def test_the_input_stays_as_it_was(self, make: type[Tracker]) -> None:
        tracker = make()
        for k in range(5):
            given = moving(k)
            kept = copy.deepcopy(given)
            tracker.update(given, frame(k))
            assert given.equals(kept)

    def test_two_instances_do_not_know_each_other(self, make: type[Tracker]) -> None:
        alone = [make().update(moving(0), frame(0))]
        one, two, ids = make(), make(), []
        reference = make()
        for k in range(8):
            a, b = one.update(moving(k), frame(k)), two.update(moving(7 - k), frame(k))
            ids.append((a.id.tolist(), reference.update(moving(k), frame(k)).id.tolist()))
            assert b is not a
        assert all(x == y for x, y in ids)
        assert len(alone) == 1

    @pytest.mark.parametrize("pts", [[0] * 8, [0, 1, 2, 900, 901, 902, 903, 904], [7, 6, 5, 4, 3, 2, 1, 0]])
    def test_odd_times_do_no_harm(self, make: type[Tracker], pts: list[int]) -> None:
        tracker = make()
        for k, at in enumerate(pts):
            tracks = tracker.update(moving(k), frame(k, at))
            assert np.isfinite(tracks.coasting_xyxy).all()

    def test_a_frame_that_no_model_saw(self, make: type[Tracker]) -> None:
        tracker = make()
        for k in range(6):
            tracker.update(moving(k), frame(k))
        skipped = tracker.update(None, frame(6))
        assert len(skipped.id) == 0
        assert len(skipped.coasting) == 2

    def test_reset_forgets(self, make: type[Tracker]) -> None:
        tracker = make()
        first = [tracker.update(moving(k), frame(k)).id.tolist() for k in range(5)]
        tracker.reset()
        assert [tracker.update(moving(k), frame(k)).id.tolist() for k in range(5)] == first

    def test_nothing_for_ever(self, make: type[Tracker]) -> None:
        tracker = make()
        for k in range(50):
            assert len(tracker.update(Detections(), frame(k)).id) == 0


ANALYTICS: dict[str, Callable[[], Analytic]] = {
    "line": lambda: Line("gate", ((0.5, 0.0), (0.5, 1.0))),
    "zone": lambda: Zone("yard", ((0.4, 0.0), (1.0, 0.0), (1.0, 1.0), (0.4, 1.0))),
}


@pytest.mark.parametrize("make", ANALYTICS.values(), ids=ANALYTICS.keys())
class TestAnalytic:
    def walk(self, analytic: Analytic) -> list[str]:
        ids: list[str] = []
        for k in range(24):
            found = moving(k)
            result = FrameResult(frame(k), Prediction(found), Tracks(np.array([7, 9]), np.array([0, 1])))
            report = analytic.update(result)
            assert isinstance(report.counts, dict)
            for event in report.events:
                assert (event.rule, event.stream, event.frame) == (analytic.name, "s", k)
            ids += [e.id for e in report.events]
        return ids

    def test_events_have_ids_of_the_facts(self, make: Callable[[], Analytic]) -> None:
        analytic = make()
        assert isinstance(analytic, Analytic)
        first = self.walk(analytic)
        assert first
        assert len(set(first)) == len(first)
        assert self.walk(make()) == first  # publishing twice is harmless

    def test_shapes_are_in_frame_pixels(self, make: Callable[[], Analytic]) -> None:
        for shape in make().shapes(frame(0)):
            assert all(0 <= x <= 64 and 0 <= y <= 48 for x, y in shape.points)


SINKS: dict[str, Callable[[Path], tuple[Sink, Path | None]]] = {
    "fake": lambda folder: (MemorySink(), None),
    "jsonl": lambda folder: (JsonlSink(str(folder / "o.jsonl")), folder / "o.jsonl"),
    "video": lambda folder: (VideoSink(str(folder / "o.mp4")), folder / "o.mp4"),
    "pictures": lambda folder: (PictureSink(str(folder / "o.png")), folder / "o.png"),
    "mosaic": lambda folder: (MosaicSink(str(folder / "all.mp4")), None),
    "show": lambda folder: (ShowSink(quiet=True), None),
    "shown": lambda folder: (ShowSink(quiet=True).of_stream("s"), None),
}


@pytest.mark.parametrize("make", SINKS.values(), ids=SINKS.keys())
class TestSink:
    def info(self) -> RunInfo:
        return RunInfo((StageInfo("model", "m", "0", "fake", "f32", 0.3, 0.5, ("a", "b")),), (INFO,))

    def test_written_and_closed_it_is_there(
        self, make: Callable[[Path], tuple[Sink, Path | None]], tmp_path: Path
    ) -> None:
        sink, path = make(tmp_path)
        assert isinstance(sink, Sink)
        sink.open(self.info())
        grey = Picture(tuple(np.full(s, 128, np.uint8) for s in ((48, 64), (24, 32), (24, 32))), PixelLayout.I420)
        sink.write(FrameResult(frame(0), Prediction(moving(0))), grey if sink.wants_picture else None)
        sink.close()
        assert path is None or path.stat().st_size > 0
        assert sorted(tmp_path.iterdir()) == ([] if path is None else [path])

    def test_without_a_frame_nothing_is_left(
        self, make: Callable[[Path], tuple[Sink, Path | None]], tmp_path: Path
    ) -> None:
        sink, _ = make(tmp_path)
        sink.open(self.info())
        sink.close()
        assert list(tmp_path.iterdir()) == []

    def test_closing_twice_or_unopened_is_harmless(
        self, make: Callable[[Path], tuple[Sink, Path | None]], tmp_path: Path
    ) -> None:
        sink, _ = make(tmp_path)
        sink.close()
        sink.close()
        assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("make", [BoxOverlay])
class TestOverlay:
    @pytest.mark.parametrize("layout", [PixelLayout.I420, PixelLayout.RGB])
    def test_it_draws_on_the_canvas_and_only_there(self, make: type[Overlay], layout: PixelLayout) -> None:
        shapes: Sequence[tuple[int, ...]] = ((96, 128), (48, 64), (48, 64))
        planes = tuple(np.full(s, 128, np.uint8) for s in shapes)
        source = Picture(planes if layout is PixelLayout.I420 else (np.full((96, 128, 3), 99, np.uint8),), layout)
        kept = copy.deepcopy(source.planes)
        drawn = canvas(source)
        make()(drawn, FrameResult(frame(0), Prediction(moving(0)), Tracks(np.array([1]), np.array([0]))), ())
        assert any((a != b).any() for a, b in zip(drawn.planes, source.planes, strict=True))
        assert all((a == b).all() for a, b in zip(kept, source.planes, strict=True))


@pytest.mark.parametrize("kind", ["source", "runtime", "head", "tracker", "analytic", "overlay", "sink"])
def test_every_built_in_name_resolves(kind: str) -> None:
    assert known(kind)
    for name in known(kind):
        assert callable(resolve(kind, name))
