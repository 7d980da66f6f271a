"""What people name on the command line or in YAML -> streams: files, folders, globs, URLs, devices, scenes.

Only looks at names and at the first bytes of local files; opens no video, network or device.
"""

from __future__ import annotations

import difflib
import glob
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from sightline.errors import InputError
from sightline.sources.addresses import VIDEO_ENDINGS, device_path, likely_live, local_path, name_of, scheme_of
from sightline.sources.media import MediaSource
from sightline.sources.stills import PICTURE_ENDINGS, StillsSource, looks_like_picture

__all__ = ["StreamInput", "build_source", "expand", "unique_ids"]

Kind = Literal["media", "stills", "synthetic"]


@dataclass(frozen=True, slots=True)
class StreamInput:
    """One stream to be: `id` unique in its run, `url` as given (with credentials), `kind` which source reads it.

    paths: the local files, in order (one for a video; all pictures of a "stills" stream; empty for addresses).
    live: whether the address is that of something that happens now.
    """

    id: str
    url: str
    kind: Kind
    paths: tuple[Path, ...] = ()
    live: bool = False


def expand(inputs: Sequence[str]) -> list[StreamInput]:
    """Every input as streams, in order: a folder or glob of pictures is one stream, each video one of its own.

    Raises InputError where a local input is missing (naming its neighbours) or holds nothing to see.
    """
    return unique_ids(stream for text in inputs for stream in _expand_one(text))


def unique_ids(streams: Iterable[StreamInput]) -> list[StreamInput]:
    """The same streams, repeated ids numbered: `a.mp4`, `a.mp4#2`, `a.mp4#3`."""
    seen: set[str] = set()
    out: list[StreamInput] = []
    for stream in streams:
        name, number = stream.id, 1
        while name in seen:
            number += 1
            name = f"{stream.id}#{number}"
        seen.add(name)
        out.append(stream if name == stream.id else replace(stream, id=name))
    return out


def build_source(
    item: StreamInput,
    *,
    stream: int | None = None,
    rtsp_transport: str = "tcp",
    connect_timeout_s: float = 15.0,
    loop: bool = False,
    duration_s: float | None = None,
    max_frames: int | None = None,
    camera_wh: tuple[int, int] | None = None,
    camera_fps: float | None = None,
) -> MediaSource | StillsSource:
    """The source for a "media" or "stills" input; nothing is opened. Raises ValueError for other kinds."""
    if item.kind == "stills":
        return StillsSource(item.paths, item.id, max_frames=max_frames, loop=loop)
    if item.kind != "media":
        raise ValueError(f"{item.id}: a {item.kind} input is not built here")
    return MediaSource(
        item.url,
        item.id,
        stream=stream,
        rtsp_transport=rtsp_transport,
        connect_timeout_s=connect_timeout_s,
        loop=loop,
        duration_s=duration_s,
        max_frames=max_frames,
        camera_wh=camera_wh,
        camera_fps=camera_fps,
    )


def _expand_one(text: str) -> list[StreamInput]:
    if scheme_of(text) == "synthetic":
        parts = urlsplit(text)
        return [StreamInput(parts.netloc or parts.path.strip("/") or "scene", text, "synthetic")]
    if device_path(text) is not None:
        return [_device(text)]
    path = local_path(text)
    if path is None:
        return [StreamInput(name_of(text), text, "media", live=likely_live(text))]
    if path.is_dir():
        return _folder(path, text)
    if path.exists():
        return [_file(path, text)]
    if scheme_of(text) == "" and glob.has_magic(text):
        return _several([Path(p) for p in glob.glob(text, recursive=True)], text)
    raise InputError(_missing(path))


def _device(text: str) -> StreamInput:
    device = device_path(text) or text
    if device.startswith("/dev/") and not Path(device).exists():
        there = ", ".join(sorted(glob.glob("/dev/video*"))) or "no capture device"
        raise InputError(f"{text}: there is no such device; found: {there}")
    return StreamInput(name_of(text), text, "media", live=True)


def _file(path: Path, text: str) -> StreamInput:
    if looks_like_picture(path):
        return StreamInput(path.name, text, "stills", (path,))
    return StreamInput(path.name, text, "media", (path,))


def _folder(path: Path, text: str) -> list[StreamInput]:
    try:
        inside = [p for p in path.iterdir() if p.is_file() and not p.name.startswith(".")]
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    found = _sort_out(inside, path.resolve().name or "pictures", text)
    if not found:
        raise InputError(f"{path}: there is no picture or video in this folder")
    return found


def _several(paths: list[Path], text: str) -> list[StreamInput]:
    files = [p for p in paths if p.is_file()]
    folder = Path(text).parent
    name = "pictures" if glob.has_magic(str(folder)) else folder.resolve().name or "pictures"
    found = _sort_out(files, name, text)
    if not found:
        raise InputError(f"{text}: no picture or video has such a name")
    return found


def _sort_out(files: list[Path], name: str, text: str) -> list[StreamInput]:
    """All pictures as one stream called `name`, then each video."""
    files.sort(key=_natural)
    pictures = tuple(p for p in files if p.suffix.lower().lstrip(".") in PICTURE_ENDINGS)
    videos = [p for p in files if p.suffix.lower().lstrip(".") in VIDEO_ENDINGS]
    out = [StreamInput(name, text, "stills", pictures)] if pictures else []
    return out + [_file(p, str(p)) for p in videos]


def _natural(path: Path) -> list[tuple[int, int, str]]:
    """`frame2` before `frame10`."""
    parts = re.split(r"(\d+)", str(path))
    return [(0, int(p), "") if p.isdecimal() and p.isascii() else (1, 0, p) for p in parts if p]


def _missing(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"{path}: there is no such file (nor such a folder as {folder})"
    try:
        names = [p.name for p in folder.iterdir() if not p.name.startswith(".")]
    except OSError:
        names = []
    near = difflib.get_close_matches(path.name, names, n=3, cutoff=0.5)
    return f"{path}: there is no such file" + (f"; did you mean {' or '.join(near)}?" if near else "")
