"""Where the files are that a twin or launch text names: in the zip that it brings, beside it, or where --map says."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sightline.errors import ModelError
from sightline.foreign.mapping import Mapping
from sightline.foreign.twin import Configured

__all__ = ["NamedFiles"]

_PLACEHOLDER = "REPLACE"


@dataclass(frozen=True, slots=True)
class NamedFiles:
    """mapping: what the user has elsewhere. folder: of the file that names them. package: the unpacked zip, if any."""

    mapping: Mapping
    folder: Path
    package: Path | None = None

    def path(self, named: Configured, what: str) -> Path:
        """The file that is named. Raises ModelError that says where it was looked for, and how to name another."""
        text = named.text
        if text.startswith(_PLACEHOLDER):
            raise ModelError(f"{named.where}: {what}: {text!r} is a placeholder; write the file's name in its place")
        tried = list(dict.fromkeys(self._tried(text)))
        found = next((path for path in tried if _is_there(path)), None)
        if found is not None:
            return found
        looked = ", ".join(str(path) for path in tried) or "nowhere: it is an address"
        raise ModelError(
            f"{named.where}: {what}: {text!r}: no such file{self._near(tried)}\nlooked for {looked}; {_CURE}"
        )

    def there(self, named: Configured) -> bool:
        """Whether the file is there."""
        return any(_is_there(path) for path in self._tried(named.text))

    def _tried(self, text: str) -> Iterator[Path]:
        local = self.mapping.of(text)
        if "\0" in local:
            return
        if local != text:
            yield _plain(local)
            return
        if "://" in text and not text.startswith("file:"):
            return
        plain = _plain(text)
        if self.package is not None:
            yield self.package / str(plain).lstrip("/")
            # the documentation has the top folder of the zip in the name, the code has not
            first, *rest = plain.parts or ("",)
            if rest and first == self.package.name:
                yield self.package.joinpath(*rest)
        yield self.folder / plain

    def _near(self, tried: list[Path]) -> str:
        """What lies there with a name like it."""
        for path in tried:
            try:
                names = [entry.name for entry in path.parent.iterdir()]
            except (OSError, ValueError):
                continue
            if near := difflib.get_close_matches(path.name, names, n=1, cutoff=0.6):
                return f"; did you mean {near[0]}?"
        return ""


_CURE = "--map OLD=NEW says where it is here"


def _plain(text: str) -> Path:
    return Path(text.removeprefix("file://") if text.startswith("file://") else text).expanduser()


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
