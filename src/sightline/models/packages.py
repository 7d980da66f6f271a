"""Zips that models and their files travel in, by address or by path -> folders, each unpacked once and kept by content.

One top folder or none, what file managers leave behind stripped, nothing written outside: see `archives`.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from sightline.errors import ModelError, SightlineError
from sightline.models.archives import is_archive, unpack
from sightline.models.arrival import import_cache, into_cache
from sightline.models.download import download, is_url, shown_url
from sightline.models.locate import content_hash

__all__ = ["Packages", "fetch_packages"]


@dataclass(frozen=True, slots=True)
class Packages:
    """folders: what was asked for -> its folder. lost: what was asked for -> why it could not be had."""

    folders: dict[str, Path]
    lost: dict[str, str]


def fetch_packages(
    wanted: Sequence[str], named: Callable[[str], str], folder: Path, *, online: bool = True
) -> Packages:
    """Every zip of `wanted`. named: what each is called here (a mapping's `of`). folder: relative paths begin there.

    online: False fetches none that is on the net.
    One that cannot be had does not keep back the others.
    """
    folders: dict[str, Path] = {}
    lost: dict[str, str] = {}
    for text in wanted:
        here = named(text)
        try:
            if is_url(here) and not online:
                raise ModelError(f"{shown_url(here)}: is on the net, where nothing is looked for now")
            folders[text] = _folder_of(here, folder if here == text else Path())
        except SightlineError as error:
            cure = "" if here != text else "\n--map URL=FILE.zip names one that lies here"
            lost[text] = str(error).splitlines()[0] + cure
    return Packages(folders, lost)


def _folder_of(text: str, beside: Path) -> Path:
    """The unpacked zip. Raises ModelError, StreamError, UsageError, OutputError."""
    if is_url(text):
        with tempfile.TemporaryDirectory(prefix="sightline-") as room:
            return _unpacked(download(text, Path(room)).path, shown_url(text))
    path = beside / Path(text.removeprefix("file://")).expanduser()
    if path.is_dir():  # unpacked by the user already
        return path
    if not path.is_file():
        raise ModelError(f"{path}: no such zip")
    return _unpacked(path, str(path))


def _unpacked(path: Path, shown: str) -> Path:
    if not is_archive(path):
        raise ModelError(f"{shown}: not a zip: it begins like {_beginning(path)}")
    entry = import_cache() / f"package-{content_hash((path,))[:40]}"
    if not entry.is_dir():

        def make(draft: Path) -> None:
            try:
                unpack(path, draft)
            except ModelError as error:
                raise ModelError(str(error).replace(str(path), shown)) from error

        into_cache(entry, make)
    os.utime(entry)
    inside = list(entry.iterdir())
    return inside[0] if len(inside) == 1 and inside[0].is_dir() else entry


def _beginning(path: Path) -> str:
    """What the file is by its first bytes, in a word."""
    with path.open("rb") as file:
        head = file.read(64).lstrip()
    return "a page of text" if head[:1] in (b"<", b"{") else repr(head[:8])[1:]
