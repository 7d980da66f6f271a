"""The annotated pictures of all streams, in rows and columns -> one video file."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from fractions import Fraction

from sightline.errors import UsageError
from sightline.protocols import RunInfo
from sightline.sinks.pace import Pace
from sightline.sinks.tiles import Grid, Planes, blank, grid_of, paste, tile_of
from sightline.sinks.timeline import usable_rate
from sightline.sinks.video import VideoSink
from sightline.types import ColorMatrix, Frame, FrameResult, Instant, Picture, PixelLayout, StreamInfo

__all__ = ["MosaicSink"]

_MOST_PIXELS = 8192
_STREAM = "mosaic"


@dataclass(slots=True, eq=False)
class MosaicSink:
    """One video of all streams. It is shared: each stream feeds it through a sink of its own, see `of_stream`.

    path: .mp4, .m4v, .mov or .mkv. rows, columns: of the grid; 0: as square as the number of streams allows.
    width, height: of the whole video in pixels. stretch: fill each tile, whatever the picture's ratio.
    fps: pictures a second; 0: of the fastest stream. wait_s: how far streams may run ahead of one that is late.
    preset, crf, codec, threads, bitrate, gop: see the video sink.

    Each stream begins when its first picture comes and goes at its own times; a tile shows the last picture until the
    next, and keeps it at the end. `notes` says what could not be shown so.
    """

    path: str
    rows: int = 0
    columns: int = 0
    width: int = 1920
    height: int = 1080
    stretch: bool = False
    fps: float = 0.0
    wait_s: float = 1.0
    preset: str = "veryfast"
    crf: int = 23
    codec: str = "h264"
    threads: int = 0
    bitrate: int = 0
    gop: int = 0
    wants_picture: bool = field(default=False, init=False)
    notes: list[str] = field(default_factory=list[str], init=False)
    _video: VideoSink = field(init=False, repr=False)
    _places: dict[str, int] = field(default_factory=dict[str, int], init=False, repr=False)
    _rates: dict[str, Fraction | None] = field(default_factory=dict[str, "Fraction | None"], init=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False)
    _work: _Composer | None = field(default=None, init=False, repr=False)
    _closed: bool = field(default=False, init=False, repr=False)

    def __post_init__(self) -> None:
        if min(self.rows, self.columns) < 0:
            raise ValueError("rows and columns: 0 or more")
        if not 16 <= min(self.width, self.height) <= max(self.width, self.height) <= _MOST_PIXELS:
            raise ValueError(f"width and height: from 16 to {_MOST_PIXELS} pixels, got {self.width} x {self.height}")
        if not 0 <= self.fps <= 240 or not 0 <= self.wait_s <= 60:
            raise ValueError("fps: from 0 (the streams') to 240; wait_s: from 0 to 60")
        self._video = VideoSink(
            self.path, preset=self.preset, crf=self.crf, codec=self.codec, threads=self.threads, start="zero",
            bitrate=self.bitrate, gop=self.gop,
        )  # fmt: skip

    def of_stream(self, stream: str) -> MosaicTile:
        """The sink through which that stream's pictures come; streams lie in the grid in the order of asking."""
        with self._lock:
            self._places.setdefault(stream, len(self._places))
            if self._work is not None:
                self._work.pace.join(stream)
        return MosaicTile(self, stream)

    def open(self, info: RunInfo) -> None:
        """Judge options and place; writes nothing. Raises UsageError."""
        self._video.open(info)
        self._rates.update({stream.id: stream.rate for stream in info.streams})
        grid = self._grid()
        if min(grid.tile_wh) < 16:
            raise UsageError(
                f"mosaic {self.path}: {grid.rows} x {grid.columns} tiles are too small; give a larger size"
            )

    def write(self, result: FrameResult, picture: Picture | None) -> None:
        """Nothing: pictures come through `of_stream`."""

    def close(self) -> None:
        """Write what is left and finish the file. Raises OutputError."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            if self._work is not None:
                for stream in self._places:
                    self._work.pace.end(stream)
                self._compose(self._work)
                self._summarise(self._work)
            self._video.close()

    def take(self, stream: str, result: FrameResult, picture: Picture) -> None:
        """One annotated picture of a stream, in any of its threads. Raises OutputError naming the file."""
        place = self._places.get(stream, 0)
        with self._lock:
            if self._closed:
                return
            work = self._work = self._work or self._begin(picture)
        if place >= work.grid.rows * work.grid.columns:
            return
        tile = tile_of(picture, work.grid.tile_wh, work.matrix, work.full_range, stretch=self.stretch)
        with self._lock:
            if not self._closed:
                work.pace.add(stream, result.frame.at, tile)
                self._compose(work)

    def ended(self, stream: str) -> None:
        """No more pictures come of that stream."""
        with self._lock:
            if self._work is not None and not self._closed:
                self._work.pace.end(stream)
                self._compose(self._work)

    def _begin(self, picture: Picture) -> _Composer:
        """The canvas, in the colours of the first picture of all."""
        rate = Fraction(self.fps).limit_denominator(1001) if self.fps else self._fastest()
        work = _Composer(self._grid(), Pace(rate, self.wait_s), rate, *_colors(picture))
        for stream in self._places:
            work.pace.join(stream)
        return work

    def _grid(self) -> Grid:
        return grid_of(len(self._places), self.rows, self.columns, self.width, self.height)

    def _fastest(self) -> Fraction:
        known = [usable_rate(rate) for rate in self._rates.values() if rate is not None]
        return min(Fraction(60), max(known, default=usable_rate(None)))

    def _compose(self, work: _Composer) -> None:
        """Encode every tick that is settled."""
        for tick, tiles in work.pace.due():
            self._video.write(work.result(tick), work.draw(tiles, self._places))

    def _summarise(self, work: _Composer) -> None:
        room = work.grid.rows * work.grid.columns
        if len(self._places) > room:
            left = ", ".join(name for name, place in self._places.items() if place >= room)
            self.notes.append(f"mosaic: no room for {left} in {work.grid.rows} x {work.grid.columns} tiles")
        for stream in work.pace.late:
            self.notes.append(f"mosaic: {stream} was later than the others and is shown when it came")


@dataclass(slots=True, eq=False)
class MosaicTile:
    """One stream's part of a mosaic."""

    mosaic: MosaicSink
    stream: str
    wants_picture: bool = field(default=True, init=False)

    def open(self, info: RunInfo) -> None:
        """Nothing: the mosaic is opened itself."""

    def write(self, result: FrameResult, picture: Picture | None) -> None:
        """Hand on one annotated picture. Raises OutputError naming the file."""
        if picture is None:
            raise ValueError("MosaicTile: expected a picture")
        self.mosaic.take(self.stream, result, picture)

    def close(self) -> None:
        """The stream has ended; its last picture stays in the mosaic. Raises OutputError."""
        self.mosaic.ended(self.stream)


@dataclass(slots=True, eq=False)
class _Composer:
    """A canvas, its clock and its colours."""

    grid: Grid
    pace: Pace[Planes]
    rate: Fraction
    matrix: ColorMatrix
    full_range: bool
    _canvas: Planes | None = None

    def draw(self, tiles: dict[str, Planes], places: dict[str, int]) -> Picture:
        """The picture of one tick; it is drawn over at the next."""
        self._canvas = self._canvas or blank(self.grid, self.full_range)
        for stream, tile in tiles.items():
            paste(self._canvas, tile, self.grid.corner(places[stream]))
        return Picture(self._canvas, PixelLayout.I420, self.matrix, self.full_range)

    def result(self, tick: int) -> FrameResult:
        """What the video sink is told of that picture."""
        grid, base = self.grid, 1 / self.rate
        info = StreamInfo(_STREAM, grid.width, grid.height, base, self.rate)
        return FrameResult(Frame(info, tick, Instant(tick, base), None, grid.width, grid.height))


def _colors(picture: Picture) -> tuple[ColorMatrix, bool]:
    if picture.layout is PixelLayout.RGB:
        return ColorMatrix.BT601, False
    return picture.matrix, picture.full_range
