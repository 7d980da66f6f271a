"""A recording while it is written: packets into a hidden file, and what was found in it beside it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import av
import av.container
import av.error
import av.packet
import av.video.stream

from sightline.errors import OutputError
from sightline.sinks.packets import Coded
from sightline.sinks.target import Staged

__all__ = ["Clip", "Told"]


@dataclass(frozen=True, slots=True)
class Told:
    """What a recording's text says besides the results: why it was begun, of which stream, when (UTC)."""

    stream: str
    why: str
    utc: str


@dataclass(slots=True, eq=False)
class Clip:
    """One file, begun with a key picture. Its times start at 0.

    final: the path without its ending, which follows from the codec. begins_s: the stream's own time of its first
    picture; ends_s: of the end of its last, shows_s: of the beginning of its last. A failure leaves no half a video.
    """

    final: Path
    told: Told
    first: Coded
    begins_s: float = field(init=False)
    ends_s: float = field(init=False)
    shows_s: float = field(init=False)
    packets: int = field(default=0, init=False)
    video: Path = field(init=False)
    _staged: Staged = field(init=False)
    _container: av.container.OutputContainer = field(init=False)
    _stream: av.video.stream.VideoStream = field(init=False)
    _last_dts: int | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        form = self.first.opening.form
        self.begins_s = self.ends_s = self.shows_s = self.first.shown_s
        self.video = self.final.with_name(self.final.name + form.suffix)
        self._staged = Staged(self.video)
        path = self._staged.begin()
        flags = {} if form.format == "matroska" else {"movflags": "faststart"}
        with self._translated():
            self._container = cast(
                "av.container.OutputContainer", av.open(str(path), "w", format=form.format, container_options=flags)
            )
            self._stream = self._container.add_stream_from_template(form.template, opaque=True)
        self.put(self.first)

    def put(self, coded: Coded) -> None:
        """Append a packet; pictures that are shown before the first one cannot be decoded and are left out."""
        if coded.pts < self.first.pts:
            return
        base, start = coded.opening.base, self.first.pts
        dts = coded.dts - start
        if self._last_dts is not None:
            dts = max(dts, self._last_dts + 1)
        self._last_dts = dts
        packet = av.packet.Packet(coded.data)
        packet.stream = self._stream
        packet.time_base = base
        packet.dts, packet.pts = dts, max(dts, coded.pts - start)
        packet.duration = coded.duration
        packet.is_keyframe = coded.key
        with self._translated():
            self._container.mux(packet)
        self.packets += 1
        self.shows_s = max(self.shows_s, coded.shown_s)
        self.ends_s = max(self.ends_s, float((coded.pts + coded.duration) * base))

    def finish(self, lines: Sequence[str], document: str | None) -> Path:
        """Give both files their names; `document` is the whole text beside the video, else it is made of `lines`."""
        with self._translated():
            self._container.close()
        self._staged.commit()
        text = Staged(self.final.with_name(self.final.name + ".json"))
        try:
            text.begin().write_text((document or self._document(lines)) + "\n", encoding="utf-8")
        except OSError as error:
            text.discard()
            raise OutputError(f"{text.final}: cannot be written: {error.strerror or error}") from error
        text.commit()
        return self.video

    def discard(self) -> None:
        """Leave nothing of it."""
        with contextlib.suppress(av.error.FFmpegError, OSError):
            self._container.close()
        self._staged.discard()

    def _document(self, lines: Sequence[str]) -> str:
        about = {
            "video": self.video.name,
            "stream": self.told.stream,
            "why": self.told.why,
            "utc": self.told.utc,
            "begins_s": round(self.begins_s, 6),
            "ends_s": round(self.ends_s, 6),
        }
        return f'{json.dumps(about, ensure_ascii=False)[:-1]}, "results": [{",".join(lines)}]}}'

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """FFmpeg's errors as OutputError naming the file, which is removed."""
        try:
            yield
        except (av.error.FFmpegError, OSError) as error:
            with contextlib.suppress(av.error.FFmpegError, OSError, AttributeError):
                self._container.close()
            self._staged.discard()
            raise OutputError(f"{self.video}: recording cannot be written: {error.strerror or error}") from error
