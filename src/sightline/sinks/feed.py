"""Pictures -> packets in a memory: for recordings of what has no packets of its own, or is drawn on."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from fractions import Fraction
from typing import cast

import av
import av.container
import av.error

from sightline.errors import OutputError
from sightline.sinks.coder import Coder, Coding
from sightline.sinks.fit import as_i420, fit_planes
from sightline.sinks.packets import PacketMemory, StreamForm
from sightline.sinks.timeline import Timeline, output_base, usable_rate
from sightline.types import Frame, Picture

__all__ = ["PictureFeed"]

_KEY_EVERY_S = 2


@dataclass(slots=True)
class PictureFeed:
    """Encodes every picture of a stream; times are moved as in a video, so that they never run back."""

    memory: PacketMemory
    codec: str
    preset: str
    crf: int
    _line: Timeline | None = field(default=None, init=False)
    _coder: Coder | None = field(default=None, init=False)
    _wh: tuple[int, int] = field(default=(0, 0), init=False)
    _ticks: int = field(default=0, init=False)

    @property
    def begun(self) -> bool:
        """Has anything been encoded?"""
        return self._line is not None

    def place(self, frame: Frame) -> float:
        """The seconds at which a frame is shown; once for every frame."""
        if self._line is None:
            self._line = Timeline(output_base(frame.stream.base), usable_rate(frame.stream.rate), 0.0)
        self._ticks = self._line.place(frame.at)
        return float(self._ticks * self._line.base)

    def encode(self, picture: Picture) -> None:
        """Encode the picture of the frame that was placed last, I420 or RGB. Raises OutputError."""
        line = self._line
        assert line is not None
        picture = as_i420(picture)
        planes = picture.planes
        try:
            if self._coder is None:
                self._coder, self._wh = self._begin(picture, line.base, line.rate), picture.coded_wh
            if picture.coded_wh != self._wh:
                planes = fit_planes(planes, self._wh, black=0 if picture.full_range else 16)
            for packet in self._coder.encode(planes, picture.owner, self._ticks, line.step):
                self.memory.fed(packet)
        except (av.error.FFmpegError, OSError) as error:
            raise OutputError(f"recording: the picture cannot be encoded: {error.strerror or error}") from error

    def flush(self) -> None:
        """Hand over what the encoder still holds; nothing can be encoded afterwards."""
        coder, self._coder = self._coder, None
        for packet in coder.flush() if coder is not None else ():
            self.memory.fed(packet)

    def _begin(self, picture: Picture, base: Fraction, rate: Fraction) -> Coder:
        holder = cast("av.container.OutputContainer", av.open(io.BytesIO(), "w", format="mp4"))
        coding = Coding(self.codec, self.preset, self.crf, gop=max(1, round(rate * _KEY_EVERY_S)))
        coder = Coder(holder, coding, picture, base, rate)
        holder.start_encoding()  # only now is known what a file must know of the stream
        self.memory.feed(StreamForm(coder.stream, holder, ".mp4", "mp4"), base)
        return coder
