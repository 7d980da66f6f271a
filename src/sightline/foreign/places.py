"""Where a file is that a configuration names: beside it, below another root, or where the user says that it is now."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sightline.foreign.mapping import NOTHING, Mapping

__all__ = ["Places"]

_INSTALLED = re.compile(r"^/opt/nvidia/deepstream/deepstream(-\d+(\.\d+)*)?/")
_MARKED = re.compile(r"^[A-Za-z][A-Za-z0-9+.\-]*://")


@dataclass(frozen=True, slots=True)
class Places:
    """How the names in files become paths. mapping: what the user has instead of what is named (--map, --root)."""

    mapping: Mapping = NOTHING

    def path(self, text: str, beside: Path) -> Path | None:
        """The path that `text`, written in the file `beside`, means, whether or not it is there; None for addresses
        and for what no file can be called.
        """
        named = text.strip().strip("\"'").strip()
        plain = self.mapping.of(named)
        plain = self.mapping.of(_unmarked(plain))
        # the user's own words count from where the user is, the file's from where it lies
        start = beside.parent if plain == _unmarked(named) else Path()
        if not plain or "\0" in plain or _MARKED.match(plain):
            return None
        return Path(os.path.normpath(start / plain))

    def found(self, text: str, beside: Path) -> Path | None:
        """The file or folder that `text` means, where there is one."""
        return next((path for path in self._tried(text, beside) if _is_there(path)), None)

    def _tried(self, text: str, beside: Path) -> Iterator[Path]:
        path = self.path(text, beside)
        if path is None:
            return
        yield path
        # a copy of the folder of installation keeps its inner order, and the file itself lies in it
        match = _INSTALLED.match(str(path))
        if match is None:
            return
        inner = str(path)[match.end() :]
        for above in beside.absolute().parents:
            if (above / inner.split("/")[0]).is_dir():
                yield above / inner


def _unmarked(text: str) -> str:
    """file:///a -> /a, file://../a -> ../a, file:a -> a."""
    return text.removeprefix("file://localhost").removeprefix("file://").removeprefix("file:")


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False
