"""Where a file is that a configuration names: beside it, below another root, or where the user says that it is now."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sightline.errors import UsageError

__all__ = ["Places", "places_of"]

_INSTALLED = re.compile(r"^/opt/nvidia/deepstream/deepstream(-\d+(\.\d+)*)?(?=/|$)")
_MARKED = re.compile(r"^[A-Za-z][A-Za-z0-9+.\-]*://")


@dataclass(frozen=True, slots=True)
class Places:
    """How names become paths. root: what stands for DeepStream's folder of installation. renamed: (old, new) of whole
    names, or of how they begin; the longest that fits counts.
    """

    root: Path | None = None
    renamed: tuple[tuple[str, str], ...] = ()

    def named(self, text: str) -> str:
        """What the user has instead of `text`; `text` itself where nothing was said of it."""
        for old, new in sorted(self.renamed, key=lambda pair: -len(pair[0])):
            if text == old:
                return new
            stem = old if old.endswith("/") else f"{old}/"
            if text.startswith(stem):
                return f"{new.rstrip('/')}/{text[len(stem) :]}"
        return text

    def path(self, text: str, beside: Path) -> Path | None:
        """The path that `text`, written in the file `beside`, means, whether or not it is there; None for addresses
        and for what no file can be called.
        """
        plain = self.named(text.strip().strip('"').strip())
        plain = plain.removeprefix("file://") if plain.startswith("file:///") else plain.removeprefix("file:")
        if not plain or "\0" in plain or _MARKED.match(plain):
            return None
        plain = self.named(plain)
        if self.root is not None and (match := _INSTALLED.match(plain)):
            return Path(os.path.normpath(self.root / plain[match.end() :].lstrip("/")))
        return Path(os.path.normpath(beside.parent / plain))

    def found(self, text: str, beside: Path) -> Path | None:
        """The file or folder that `text` means, where there is one."""
        return next((path for path in self._tried(text, beside) if _is_there(path)), None)

    def _tried(self, text: str, beside: Path) -> Iterator[Path]:
        path = self.path(text, beside)
        if path is None:
            return
        yield path
        # samples keep their place below the folder of installation wherever that was copied to
        if match := _INSTALLED.match(str(path)):
            inner = str(path)[match.end() :].lstrip("/")
            for above in beside.absolute().parents:
                if inner and above.name != "" and (above / inner.split("/")[0]).is_dir():
                    yield above / inner


def places_of(root: str | None, pairs: tuple[str, ...] | list[str]) -> Places:
    """`--root DIR` and every `--map OLD=NEW`. Raises UsageError for a folder that is none, or a pair without its =."""
    if root is not None and not Path(root).is_dir():
        raise UsageError(f"--root {root}: no such folder; name the one that stands for /opt/nvidia/deepstream")
    renamed: list[tuple[str, str]] = []
    for pair in pairs:
        old, equals, new = pair.rpartition("=")
        if not equals or not old or not new:
            raise UsageError(f"--map {pair}: OLD=NEW, what the file names and where it is here")
        renamed.append((old, new))
    return Places(None if root is None else Path(root), tuple(renamed))


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False
