"""What one run of the benchmark has in hand: the clip and its repeat, the models, how often to measure, and our CLI."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import onnx

from benchmarks import costs
from benchmarks.clip import draw, frames_of, repeat
from benchmarks.model import LARGE, SMALL, Shape, calibrated, pictures_of
from benchmarks.peers import Peer
from benchmarks.process import Footage
from benchmarks.table import Limit

__all__ = ["Bench", "prepare"]


@dataclass(frozen=True, slots=True)
class Bench:
    """short, long: the clip, and three times the clip. env: of every command, with a cache of its own.

    preset, crf: of the videos that are written. peers: other ways to measure beside us, and the Python they live in.
    """

    folder: Path
    short: Footage
    long: Footage
    large: Path
    small: Path
    pairs: int
    preset: str
    crf: str
    env: Mapping[str, str]
    cores: int
    peers: Sequence[Peer] = field(default_factory=tuple[Peer, ...])
    peer_python: str = sys.executable

    @property
    def cli(self) -> list[str]:
        """The installed script where there is one beside this Python, as people call it."""
        script = Path(sys.executable).with_name("sightline")
        return [str(script)] if script.exists() else [sys.executable, "-m", "sightline"]

    def ours(self, model: Path, clips: Sequence[Path], *options: str) -> list[str]:
        """`sightline run` with ByteTrack; `options` say where the results go."""
        return [*self.cli, "run", str(model), *map(str, clips), "--track", "bytetrack", *options]

    def limit(self, model: Path, *, encoded: bool = False) -> Limit:
        """Measured now."""
        clip = str(self.short.path)
        return Limit(
            costs.ask("decode", clip),
            costs.ask("infer", str(model)),
            costs.ask("encode", clip, self.preset, self.crf) if encoded else 0.0,
        )


def prepare(
    folder: Path,
    given: Path | None,
    frames: int,
    pairs: int,
    preset: str,
    peers: Sequence[Peer] = (),
    peer_python: str = sys.executable,
) -> Bench:
    """Make (or take from `folder`) the clip, its repeat and the models that fit it."""
    folder.mkdir(parents=True, exist_ok=True)
    clip = given
    if clip is None:
        clip = folder / f"street-{frames}.mp4"
        if not clip.exists():
            draw(clip, frames)
    known = _digest(clip)
    once, thrice = folder / f"once-{known}.mp4", folder / f"thrice-{known}.mp4"
    if not thrice.exists():  # also the clip itself goes through the muxer, so that both are alike
        repeat(clip, 1, once)
        repeat(clip, 3, thrice)
    return Bench(
        folder,
        Footage(once, frames_of(once)),
        Footage(thrice, frames_of(thrice)),
        _model(folder, LARGE, clip, known),
        _model(folder, SMALL, clip, known),
        pairs,
        preset,
        "23",
        {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")},
        os.cpu_count() or 1,
        tuple(peers),
        peer_python,
    )


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _model(folder: Path, shape: Shape, clip: Path, known: str) -> Path:
    """A model of this shape, calibrated on this clip."""
    path = folder / f"{shape.name}-{known}.onnx"
    if not path.exists():
        partial = path.with_suffix(".partial")
        onnx.save(calibrated(shape, pictures_of(clip)), str(partial))
        partial.replace(path)
    return path
