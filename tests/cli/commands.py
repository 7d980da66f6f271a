"""Run a command as a user does, and the inputs for it; all made here or shipped."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import av.video.stream
import numpy as np

import sightline

MODEL = Path(sightline.__file__).parent / "assets" / "demo"


@dataclass(frozen=True, slots=True)
class Said:
    """What a command left: exit code, standard output and standard error."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        return self.out + self.err


def sightline_command(*words: object, cwd: Path | None = None, timeout_s: float = 60) -> Said:
    """Run `sightline WORDS...` in a process of its own."""
    line = [sys.executable, "-m", "sightline", *map(str, words)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=timeout_s, cwd=cwd, check=False)
    return Said(done.returncode, done.stdout, done.stderr)


def write_clip(path: Path, frames: int = 12, size_wh: tuple[int, int] = (160, 120)) -> Path:
    """A small H.264 video of a moving bar, 25 frames a second."""
    width, height = size_wh
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(25))
        assert isinstance(stream, av.video.stream.VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for index in range(frames):
            pixels = np.full((height, width, 3), 90, np.uint8)
            pixels[:, (index * 5) % width : (index * 5) % width + 10] = 220
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
        container.mux(stream.encode(None))
    return path
