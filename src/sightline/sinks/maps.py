"""Class maps -> 8-bit PNGs of class ids at frame size, which the results name."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2

from sightline.errors import OutputError
from sightline.sinks.target import Staged, check_target, folder_name
from sightline.types import U8, Frame

__all__ = ["MapFolder"]

# class ids lie in flat areas: the upper neighbour says most, and more than the least effort saves little
_ENCODING = (cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP)


@dataclass(frozen=True, slots=True)
class MapFolder:
    """A folder of class maps, STREAM/000012.png in it for each frame; each file appears whole or not at all."""

    folder: str

    def of_stream(self, stream_id: str) -> Path:
        """The folder of one stream's maps."""
        return Path(self.folder, folder_name(stream_id))

    def check(self, stream_id: str) -> None:
        """Raise UsageError where nothing can be written there."""
        check_target(self.of_stream(stream_id) / _name(0))

    def write(self, frame: Frame, classmap: U8) -> str:
        """Write the map (height, width) of one frame; its name relative to the folder, with "/".

        Raises OutputError naming the file.
        """
        folder = self.of_stream(frame.stream.id)
        target = folder / _name(frame.index)
        try:
            done, data = cv2.imencode(".png", classmap, _ENCODING)
        except cv2.error as error:
            raise OutputError(f"{target}: cannot be encoded: {' '.join(str(error.err).split())}") from error
        if not done:
            raise OutputError(f"{target}: a map of {frame.width} x {frame.height} does not fit into a PNG")
        staged = Staged(target)
        try:
            staged.begin().write_bytes(data.tobytes())
        except OSError as error:
            staged.discard()
            raise OutputError(f"{target}: cannot be written: {error.strerror or error}") from error
        staged.commit()
        return f"{folder.name}/{target.name}"


def _name(index: int) -> str:
    return f"{index:06d}.png"
