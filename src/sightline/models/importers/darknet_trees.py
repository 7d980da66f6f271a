"""The tree of classes that a `tree` key names: lines of "name parent", children of one parent side by side."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from sightline.models.importers.darknet_cfg import Section

__all__ = ["Tree", "beside", "read_tree"]

_MOST_BYTES = 16 << 20
_MOST_CLASSES = 100_000


@dataclass(frozen=True, slots=True)
class Tree:
    """parents: the row of each class's parent, -1 for none. groups: sizes of the runs of classes with one parent."""

    names: tuple[str, ...]
    parents: tuple[int, ...]
    groups: tuple[int, ...]


def beside(file: Path, named: str) -> Path | None:
    """What `file` calls `named`: beside it, in the folder it names there, or above; None where it is nowhere."""
    words = [word for word in re.split(r"[/\\]", named) if word not in ("", ".", "..")]
    if not words:
        return None
    for folder in (file.parent, *list(file.parent.parents)[:2]):
        for tail in (Path(*words), Path(words[-1])):
            if (folder / tail).is_file():
                return folder / tail
    return None


def read_tree(layer: Section) -> Tree:
    """The file that `tree` names. Raises ModelError where it is missing or no tree."""
    named = layer.text("tree")
    path = beside(Path(layer.file), named)
    if path is None:
        raise layer.fault(f"its file tree={named[:80]} is missing; put it beside the cfg", "tree")
    with path.open("rb") as file:
        lines = file.read(_MOST_BYTES).decode("utf-8-sig", "replace").splitlines()
    names: list[str] = []
    parents: list[int] = []
    groups: list[int] = []
    for number, line in enumerate(lines, 1):
        words = line.split()
        if not words:
            continue
        if len(names) == _MOST_CLASSES:
            raise layer.fault(f"{path}: more than {_MOST_CLASSES} classes", "tree")
        parent = int(words[1]) if len(words) > 1 and re.fullmatch(r"-?\d{1,8}", words[1]) else -1
        if parent >= len(names):
            raise layer.fault(f"{path}:{number}: parent {parent} comes after its child; no tree of Darknet", "tree")
        if not groups or parent != parents[-1]:
            groups.append(0)
        groups[-1] += 1
        names.append(words[0])
        parents.append(max(parent, -1))
    if not names:
        raise layer.fault(f"{path} is empty", "tree")
    return Tree(tuple(names), tuple(parents), tuple(groups))
