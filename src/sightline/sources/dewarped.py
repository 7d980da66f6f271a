"""A source whose pictures are flattened before anybody sees them: one remapping of its planes, made once a size."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction

import cv2
import numpy as np
from numpy.typing import NDArray

from sightline.protocols import Source
from sightline.sources.dewarp import Dewarp
from sightline.types import U8, Bool, Frame, Picture, PixelLayout, StreamInfo

__all__ = ["Dewarped", "Remapping", "dewarped", "remapping"]

F64 = NDArray[np.float64]
_I16 = NDArray[np.int16]
_U16 = NDArray[np.uint16]
_FAR = -1e4  # pixels: surely outside
_BAND = 256  # rows of a table that are worked out at once
_Key = tuple[PixelLayout, tuple[int, int], int, bool, Fraction]


@dataclass(frozen=True, slots=True, eq=False)
class _Table:
    """Where each pixel of one plane comes from, as OpenCV wants it: whole pixels (h, w, 2) and 1/32 of them (h, w).

    blind: (h, w), what no pixel of the camera stands for; None where nothing is.
    """

    whole: _I16
    part: _U16
    blind: Bool | None


@dataclass(frozen=True, slots=True, eq=False)
class Remapping:
    """Tables for a picture's full and half planes."""

    size_wh: tuple[int, int]
    full: _Table
    half: _Table | None
    border: int

    def __call__(self, picture: Picture) -> Picture:
        """The flattened picture: upright, of square pixels, in the layout and colours that it had."""
        black, grey = 0 if picture.full_range else 16, 128
        if picture.layout is PixelLayout.RGB:
            black = 0
        planes = tuple(
            self._plane(plane, black if index == 0 else grey, self._table(picture.layout, index))
            for index, plane in enumerate(picture.planes)
        )
        return Picture(planes, picture.layout, picture.matrix, picture.full_range)

    def _table(self, layout: PixelLayout, index: int) -> _Table:
        small = index > 0 and layout in (PixelLayout.I420, PixelLayout.NV12)
        return self.half if small and self.half is not None else self.full

    def _plane(self, plane: U8, empty: int, table: _Table) -> U8:
        value = (empty,) * 4
        flat = cv2.remap(plane, table.whole, table.part, cv2.INTER_LINEAR, borderMode=self.border, borderValue=value)
        if table.blind is not None and self.border != cv2.BORDER_CONSTANT:
            flat[table.blind] = empty
        return np.asarray(flat, np.uint8)


def remapping(dewarp: Dewarp, picture: Picture) -> Remapping:
    """The tables for pictures of this one's size, layout and orientation. Raises UsageError for a view too large."""
    upright = picture.upright_wh
    width, height = dewarp.size_of(upright)
    half: _Table | None = None
    if picture.layout in (PixelLayout.I420, PixelLayout.NV12):
        half = _table(dewarp, picture, ((width + 1) // 2, (height + 1) // 2), 2)
    border = cv2.BORDER_CONSTANT
    if dewarp.wraps or dewarp.outside == "repeat":
        border = cv2.BORDER_WRAP if dewarp.wraps else cv2.BORDER_REPLICATE
    return Remapping((width, height), _table(dewarp, picture, (width, height), 1), half, border)


def _table(dewarp: Dewarp, picture: Picture, size_wh: tuple[int, int], step: int) -> _Table:
    """step: pixels of the picture to one of the plane, whose middle lies in the middle of theirs."""
    width, height = size_wh
    whole = np.empty((height, width, 2), np.int16)
    part = np.empty((height, width), np.uint16)
    blind = np.zeros((height, width), np.bool_)
    columns = np.arange(width, dtype=np.float64) * step + (step - 1) / 2
    last = tuple(-(-side // step) - 1 for side in picture.coded_wh)
    lines = np.arange(height, dtype=np.float64) * step + (step - 1) / 2
    for top in range(0, height, _BAND):
        rows = slice(top, min(height, top + _BAND))
        x, y = np.broadcast_arrays(columns[None, :], lines[rows, None])
        seen = _as_coded(dewarp.look_up(picture.upright_wh, x, y), picture)
        seen = (seen + 0.5) / step - 0.5
        blind[rows] = np.isnan(seen).any(-1)
        seen[blind[rows]] = _FAR
        _settle(seen, last, repeat=dewarp.wraps)
        exact = np.clip(seen, _FAR, -2 * _FAR).astype(np.float32)
        whole[rows], part[rows] = cv2.convertMaps(exact, None, cv2.CV_16SC2)  # pyright: ignore
    return _Table(whole, part, blind if blind.any() else None)


def _settle(seen: F64, last: tuple[int, ...], *, repeat: bool) -> None:
    """What lies on the outer half of the first or last pixel is that pixel, in place; repeat: so are rows beyond."""
    for axis, most in enumerate(last):
        along = seen[..., axis]
        edge = (along >= -0.5) & (along <= most + 0.5)
        if repeat:
            edge = np.full_like(edge, axis == 1)  # columns go around
        along[edge] = np.clip(along[edge], 0, most)


def _as_coded(points: F64, picture: Picture) -> F64:
    """Pixels of the upright picture -> pixels of the coded one."""
    width, height = picture.upright_wh
    x, y = (points[..., 0] + 0.5) / width, (points[..., 1] + 0.5) / height
    for _ in range(picture.turns % 4):  # undo one clockwise turn at a time
        x, y = y, 1 - x
    if picture.mirror:
        x = 1 - x
    coded_w, coded_h = picture.coded_wh
    return np.stack([x * coded_w - 0.5, y * coded_h - 0.5], -1)


@dataclass(eq=False)
class Dewarped:
    """`source`, its pictures flattened by `dewarp`. What is known of the source is known of it: stats, stopping."""

    source: Source
    dewarp: Dewarp
    _made: dict[_Key, Remapping] = field(default_factory=dict[_Key, Remapping], init=False, repr=False)

    @property
    def id(self) -> str:
        return self.source.id

    @property
    def live(self) -> bool:
        return self.source.live

    @property
    def stats(self) -> object | None:
        """The source's own, None where it keeps none."""
        return getattr(self.source, "stats", None)

    @property
    def stopping(self) -> threading.Event | None:
        """The source's own, None where it has none."""
        return getattr(self.source, "stopping", None)

    @property
    def failed(self) -> object:
        """Pictures of a folder that the source could not read."""
        return getattr(self.source, "failed", ())

    def frames(self, tap: Callable[[object], None] | None = None) -> Iterator[Frame]:
        """The source's frames, each with a picture of the view's size; `tap` sees its packets as they come."""
        infos: dict[StreamInfo, StreamInfo] = {}
        with contextlib.closing(self.source.frames(tap)) as frames:  # type: ignore[type-var]
            for frame in frames:
                if frame.picture is None:
                    raise ValueError(f"{self.id}: a frame without a picture cannot be flattened")
                ready = [self._flattened(frame, frame.picture, infos)]
                del frame  # a generator that waits must not keep the decoder's memory
                yield ready.pop()

    def _flattened(self, frame: Frame, picture: Picture, infos: dict[StreamInfo, StreamInfo]) -> Frame:
        flat = self._remapping(picture)(picture)
        width, height = flat.coded_wh
        if frame.stream not in infos:
            infos[frame.stream] = replace(frame.stream, width=width, height=height, rotation=0, sar=Fraction(1))
        return replace(frame, stream=infos[frame.stream], picture=flat, width=width, height=height)

    def _remapping(self, picture: Picture) -> Remapping:
        key = picture.layout, picture.coded_wh, picture.turns, picture.mirror, picture.sar
        if key not in self._made:
            self._made.clear()  # the size changed: the old tables are large and of no more use
            self._made[key] = remapping(self.dewarp, picture)
        return self._made[key]


def dewarped(source: Source, dewarp: Dewarp) -> Source:
    """`source` with flattened pictures; nothing is opened or worked out before its first frame."""
    return Dewarped(source, dewarp)
