"""Which files make up a Darknet model: cfg, weights, names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sightline.errors import ModelError
from sightline.models.importers.darknet_trees import beside
from sightline.models.importers.seam import Foreign
from sightline.models.labels import LabelTable, parse_labels

__all__ = ["Parts", "given_labels", "parts_of"]

_MOST_BYTES = 4 << 20
_WEIGHTS = (".weights", ".wts")


@dataclass(frozen=True, slots=True)
class Parts:
    """cfg and weights of one model; data, names: what the user named with them, or what `.data` leads to."""

    cfg: Path
    weights: Path
    data: Path | None
    names: Path | None

    @property
    def all(self) -> tuple[Path, ...]:
        return tuple(part for part in (self.cfg, self.weights, self.data, self.names) if part is not None)


def parts_of(found: Foreign) -> Parts:
    """Raises ModelError where cfg or weights are missing, or several would do."""
    named = (found.path, *found.given)
    cfg, weights = _first(named, (".cfg",)), _first(named, _WEIGHTS)
    if cfg is None and weights is not None:
        cfg = _beside(weights, found.folder, (".cfg",), "cfg")
    if weights is None and cfg is not None:
        weights = _beside(cfg, found.folder, _WEIGHTS, "weights")
    if cfg is None or weights is None:
        raise ModelError(f"{found.path}: a Darknet model is a .cfg with its .weights")
    data = _first(found.given, (".data",)) or _data_beside(found, cfg)
    names = _first(found.given, (".names", ".list", ".txt"))
    if names is None and data is not None:
        names = _names_of(data, required=data in found.given)
    return Parts(cfg, weights, data, names)


def _first(paths: Iterable[Path], suffixes: tuple[str, ...]) -> Path | None:
    return next((path for path in paths if path.suffix.lower() in suffixes), None)


def _beside(path: Path, folder: Path, suffixes: tuple[str, ...], what: str) -> Path:
    """The file that goes with `path`: of the same stem, of a stem that goes on from it, or the only one there."""
    there = sorted(p for p in folder.iterdir() if p.suffix.lower() in suffixes and p.is_file())
    stem = path.stem.lower()
    same = [p for p in there if p.stem.lower() == stem]
    longer = [p for p in there if _goes_on(p.stem.lower(), stem) or _goes_on(stem, p.stem.lower())]
    for some in (same, _ranked(longer), there if len(there) == 1 else []):
        if some:
            return some[0]
    if there:
        listed = ", ".join(p.name for p in there[:6])
        raise ModelError(f"{path}: which of {listed} belongs to it? name its {what} as well")
    raise ModelError(f"{path}: its {what} ({path.stem}{suffixes[0]}) is missing; put it beside, or name it as well")


def _goes_on(long: str, short: str) -> bool:
    return long.startswith(short) and re.match(r"[-_.](best|final|last|\d+)", long[len(short) :]) is not None


def _ranked(paths: list[Path]) -> list[Path]:
    """Darknet's own names of a training's results: _best before _final before _last before _10000."""

    def rank(path: Path) -> tuple[int, int, str]:
        end = re.split(r"[-_.]", path.stem.lower())[-1]
        order = ("best", "final", "last")
        return (order.index(end) if end in order else 3, -int(end) if end.isdecimal() else 0, path.name)

    return sorted(paths, key=rank)


def _data_beside(found: Foreign, cfg: Path) -> Path | None:
    """A .data of the cfg's stem, or the only one of a folder that was named as a whole; it has to lead to its names."""
    there = sorted(p for p in found.folder.iterdir() if p.suffix.lower() == ".data" and p.is_file())
    same = [p for p in there if p.stem.lower() == cfg.stem.lower()]
    chosen = same or (there if found.whole and len(there) == 1 else [])
    return chosen[0] if chosen and _names_of(chosen[0], required=False) is not None else None


def _names_of(data: Path, required: bool) -> Path | None:
    """The file of the line `names = ...` (`labels = ...` for want of it). Raises ModelError where `required`."""
    lines = _text(data).splitlines()
    for key in ("names", "labels"):
        for number, line in enumerate(lines, 1):
            name, equals, value = line.partition("=")
            if name.strip() != key or not equals:
                continue
            path = beside(data, value.strip())
            if path is None and required:
                raise ModelError(f"{data}:{number}: its file {value.strip()[:80]} is missing; put it beside")
            return path
    if required:
        raise ModelError(f"{data}: it has no line names = FILE")
    return None


def given_labels(parts: Parts) -> LabelTable | None:
    """The names that the user named or `.data` leads to; None where neither. Raises ModelError."""
    return None if parts.names is None else parse_labels(_text(parts.names), str(parts.names))


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES)
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from error
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")
