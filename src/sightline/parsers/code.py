"""What is to be run, and within which limits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sightline.parsers.framing import Message

__all__ = ["Code", "Muxed"]


@dataclass(frozen=True, slots=True)
class Muxed:
    """The picture that a file written for the Azure DeepStream Accelerator believes to look at.

    image_size: (width, height) of it in pixels; every frame is brought to it, stretched, or (padding) letterboxed.
    streams: names of the streams in order; config_id: the name of the pipeline; regions: as in the twin, each with
    its "sensor". nframes: every how many frames a message is sent.
    """

    image_size: tuple[int, int] = (1280, 720)
    padding: bool = False
    streams: tuple[str, ...] = ()
    config_id: str = ""
    regions: tuple[Mapping[str, object], ...] = ()
    nframes: int = 30


@dataclass(frozen=True, slots=True)
class Code:
    """A user's Python file. options: what its `setup(options)` is given. dev: loaded anew whenever it is saved.

    time_limit_s: for one frame. start_limit_s: for its import. memory_mb: most memory of its process; it needs about
    60 of them for itself. environment: it runs in a private one with what its requirements.txt asks for.
    """

    path: Path
    options: Mapping[str, object] = field(default_factory=dict[str, object])
    time_limit_s: float = 1.0
    start_limit_s: float = 30.0
    memory_mb: int = 2048
    environment: bool = False
    dev: bool = False
    muxed: Muxed = Muxed()

    @property
    def folder(self) -> Path:
        return self.path.parent

    def said(self) -> Message:
        """As JSON."""
        return asdict(self) | {"path": str(self.path), "options": dict(self.options)}

    @classmethod
    def heard(cls, said: Message) -> Code:
        """The code that was said."""
        m: dict[str, Any] = dict(said["muxed"])
        muxed = Muxed(
            tuple(m["image_size"]), m["padding"], tuple(m["streams"]), m["config_id"], tuple(m["regions"]), m["nframes"]
        )
        return cls(**(dict(said) | {"path": Path(said["path"]), "muxed": muxed}))
