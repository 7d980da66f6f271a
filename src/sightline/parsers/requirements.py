"""What a requirements.txt beside the code asks for, against what is installed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

__all__ = ["FILE", "Wanted", "unmet", "wanted"]

FILE = "requirements.txt"
_LARGEST = 1 << 20
_DEEPEST = 5


@dataclass(frozen=True, slots=True)
class Wanted:
    """One line of the file. installed: the version that is there, "" for none. met: is it what the line asks for?

    why: what is missing, in words; "" where nothing is. A line that cannot be checked (a URL, an option of pip) is met.
    """

    text: str
    line: int
    installed: str
    met: bool
    why: str = ""


def unmet(folder: Path) -> list[Wanted]:
    """The requirements of a folder's file that are not installed; none where there is no file."""
    return [item for item in wanted(folder / FILE) if not item.met]


def wanted(path: Path) -> list[Wanted]:
    """All of them, in their order, those of files that it includes (`-r other.txt`) in place."""
    return list(_wanted(path, 0))


def _wanted(path: Path, depth: int) -> Iterator[Wanted]:
    if depth > _DEEPEST or not path.is_file():
        return
    with path.open("rb") as file:
        text = file.read(_LARGEST).decode("utf-8-sig", "replace")
    for number, line in _lines(text):
        if line.startswith(("-r ", "--requirement ", "-r=", "--requirement=")):
            yield from _wanted(path.parent / line.replace("=", " ", 1).split(None, 1)[1].strip(), depth + 1)
        elif not line.startswith("-"):
            yield _judged(line, number)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines without comments, continued ones joined, with the number of their first."""
    held, first = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        first = first or number
        if line.endswith("\\"):
            held += line[:-1]
            continue
        whole = (held + line).split(" #", 1)[0].strip()
        if whole and not whole.startswith("#"):
            yield first, whole.split(" --", 1)[0].strip()
        held, first = "", 0


def _judged(line: str, number: int) -> Wanted:
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.version import InvalidVersion

    try:
        asked = Requirement(line)
    except InvalidRequirement:
        if "://" in line or line.startswith((".", "/")):
            return Wanted(line, number, "", True)
        return Wanted(line, number, "", False, f"{FILE}:{number}: {line!r} is not a requirement")
    if asked.marker is not None and not asked.marker.evaluate():
        return Wanted(line, number, "", True)
    try:
        version = metadata.version(asked.name)
    except metadata.PackageNotFoundError:
        return Wanted(line, number, "", False, f"{line} is not installed")
    try:
        met = asked.url is not None or asked.specifier.contains(version, prereleases=True)
    except InvalidVersion:
        met = False
    return Wanted(line, number, version, met, "" if met else f"{line}, but {asked.name} {version} is installed")
